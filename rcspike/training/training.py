"""Training with exact gradients: cross-entropy over spike times, spike-time noise, Adam, checkpoints."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike._common.locks import locked
from rcspike.datasets import Dataset, Split
from rcspike.functional import schedule
from rcspike.hardware import DeviceModel
from rcspike.network import Network, spike_time_noise
from rcspike.training import checkpoint
from rcspike.training.history import Epoch, History, Interrupted

__all__ = ["Progress", "evaluate", "train"]  # the rest is for other ways to train: see rcspike.sklearn

# Randomness of each purpose comes from a stream of its own of one seed, and each epoch has its own: a run that is
# resumed at an epoch, or evaluated more often, draws the same numbers.
_SHUFFLE, _NOISE, _VALIDATION, _EVALUATION, _DEVICES = range(5)

# Samples evaluated at a time: Ctrl-C is answered between two of them, and memory stays small.
_CHUNK = 4096

_IN_USE = "the checkpoint {} is in use by another training; wait until that has ended, or choose another path"


@dataclass(frozen=True)
class Progress:
    """Where a run is: after `batch` of `n_batches` in `epoch` of `epochs`; `history` holds the finished epochs."""

    epoch: int
    epochs: int
    batch: int
    n_batches: int
    history: History


@dataclass(frozen=True)
class Settings:
    """All settings that decide the result of a run; a checkpoint compares them to find its run. See `train`.

    A checkpoint omits settings with their default value: a new setting needs a default that changes nothing, and no
    default may change.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    decay: str
    temperature: float
    noise: float
    seed: int
    temporal_penalty: float = 0.0
    t_ref: float = 0.9
    energy_penalty: float = 0.0
    weight_decay: float = 0.0
    validation: float = 0.0
    dataset: str = ""
    devices: DeviceModel = field(default_factory=DeviceModel)
    offset: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):  # `check` names values that are not numbers
            value = getattr(self, one.name)
            if isinstance(value, np.generic):
                object.__setattr__(self, one.name, value.item())

    def check(self, n_train: int) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer):
                raise TypeError(f"{name} must be an int, got {value!r}")
            if value < low:
                raise ValueError(f"{name} must be at least {low}, got {value}")
        for number in fields(self):
            value = getattr(self, number.name)
            if number.type == "float" and not isinstance(value, Real):
                raise TypeError(f"{number.name} must be a number, got {value!r}")
        if not 0 < self.learning_rate <= sys.float_info.max:
            raise ValueError(f"learning_rate must be above 0 and finite, got {self.learning_rate}")
        if not isinstance(self.devices, DeviceModel):
            raise TypeError(f"devices must be a DeviceModel, got {type(self.devices).__name__}")
        if self.decay not in ("cosine", "constant"):
            raise ValueError(f"decay must be 'cosine' or 'constant', got {self.decay!r}")
        for name in ("noise", "offset"):
            if not 0 <= getattr(self, name) <= sys.float_info.max:
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must be a share in [0, 1), got {self.validation}")
        if n_train - round(self.validation * n_train) < 1:
            raise ValueError(f"validation {self.validation} leaves none of {n_train} samples to train on")

    def rng(self, purpose: int, epoch: int = 0) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(purpose, epoch)))

    def rate(self, step: int, n_steps: int) -> float:
        if self.decay == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / n_steps))

    def trainer(self, network: Network) -> _core.Trainer32 | _core.Trainer64:
        """Adam at its first step, on a copy of the network's weights."""
        return _core.trainer(
            list(network.weights),
            network.circuit.core,
            temperature=self.temperature,
            temporal_penalty=self.temporal_penalty,
            t_ref=self.t_ref,
            devices=self.devices.core,
            seed=int(self.rng(_DEVICES).integers(2**64, dtype=np.uint64)),
            energy_penalty=self.energy_penalty,
            weight_decay=self.weight_decay,
        )


def train(
    network: Network,
    dataset: Dataset,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    decay: Literal["cosine", "constant"] = "cosine",
    temperature: float = 0.07,
    temporal_penalty: float = 0.0,
    t_ref: float = 0.9,
    energy_penalty: float = 0.0,
    weight_decay: float = 0.0,
    noise: float = 0.0,
    devices: DeviceModel | None = None,
    offset: float = 0.0,
    validation: float = 0.0,
    checkpoint_path: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> History:
    """Train a network in place.

    The loss is that of `rcspike.functional.output_loss` over the output spike times (arXiv 2412.09010 v1, eq. 49-53)
    plus ``energy_penalty`` times the energy of the synapses; the optimiser is Adam. Gradients are exact. The same
    arguments give the same weights, bit for bit, on any number of threads.

    Parameters
    ----------
    network : Network
        Its weights are replaced after every epoch.
    dataset : Dataset
    epochs, batch_size : int
    seed : int
        Seed of the order of the samples, the noise and the validation split.
    learning_rate : float
    decay : {"cosine", "constant"}
        Schedule of the learning rate; "cosine" falls to zero at the end of the last epoch.
    temperature : float
        tau in T.
    temporal_penalty, t_ref : float
        gamma, and the time in T that output spikes are drawn to.
    energy_penalty : float
        Weight of the energy that the rails spend on the synapses of all layers for a sample, in C V_th^2 (see
        `rcspike.functional.supply_charge`). An infinite rail counts as one of 1 V_th.
    weight_decay : float
        Every step takes ``learning_rate * weight_decay`` of each weight, apart from the gradient: AdamW, Loshchilov and
        Hutter 2019 (arXiv 1711.05101).
    noise : float
        Standard deviation sigma_t in T of the noise on hidden and output spike times, in training and in every accuracy
        of the history.
    devices : DeviceModel, optional
        Every batch runs on devices redrawn from this model; the gradient is that of the weights through them. Test and
        validation accuracies are those of the weights themselves, with `noise` and without devices.
    offset : float
        Standard deviation in V_th of comparator offsets, one for each neuron, redrawn for every batch. Test and
        validation accuracies are without them.
    validation : float
        Fraction of the training samples that is held out, for the choice of settings.
    checkpoint_path : path, optional
        Written after every epoch. If it is there already, the run resumes from it and ends with the weights that an
        undisturbed run would have given. One run at a time may use it.
    threads : int, optional
    progress : callable, optional
        Called with a `rcspike.training.Progress` after every batch.

    Returns
    -------
    History

    Raises
    ------
    TypeError
        If a count or the seed is not an int.
    ValueError
        If an argument is out of its range, the network does not fit the data, or the checkpoint is of another run.
    FloatingPointError
        If training diverges.
    BlockingIOError
        If another run uses the checkpoint.
    rcspike.training.history.Interrupted
        On Ctrl-C: a KeyboardInterrupt with the `history` of the finished epochs. The network has the weights of the
        last finished epoch.

    Examples
    --------
    >>> from rcspike import datasets
    >>> from rcspike.circuit import Circuit
    >>> from rcspike.network import Network
    >>> digits = datasets.load("digits")
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> history = train(network, digits, epochs=10, batch_size=16, seed=0)
    >>> history.test_accuracy > 0.8
    True
    """
    settings = Settings(
        dataset=dataset.name,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        decay=decay,
        temperature=temperature,
        temporal_penalty=temporal_penalty,
        t_ref=t_ref,
        energy_penalty=energy_penalty,
        weight_decay=weight_decay,
        noise=noise,
        validation=validation,
        seed=seed,
        devices=devices or DeviceModel(),
        offset=offset,
    )
    settings.check(len(dataset.train.labels))
    check_fit(network, dataset.train)
    check_fit(network, dataset.test)

    history, finished = History(), {0: network.weights}
    try:
        with nullcontext() if checkpoint_path is None else locked(checkpoint_path, _IN_USE.format(checkpoint_path)):
            _train(network, dataset, settings, history, finished, checkpoint_path, threads, progress)
    except KeyboardInterrupt as error:
        network.weights = finished[len(history)]  # even if those of one more epoch were being evaluated
        raise Interrupted(history) from error
    return history


def _train(
    network: Network,
    dataset: Dataset,
    settings: Settings,
    history: History,
    finished: dict[int, tuple[FloatArray, ...]],
    checkpoint_path: str | os.PathLike[str] | None,
    threads: int | None,
    progress: Callable[[Progress], None] | None,
) -> None:
    """`train`; `finished` gets the weights of the last two epochs, by the number of epochs until then."""
    epochs, batch_size, noise = settings.epochs, settings.batch_size, settings.noise
    order = settings.rng(_VALIDATION).permutation(len(dataset.train.labels))
    n_validation = round(settings.validation * len(order))
    kept, chosen = np.sort(order[:n_validation]), np.sort(order[n_validation:])
    identity = checkpoint.Identity(settings, network.circuit, network.weights, dataset)
    if checkpoint_path is not None and os.path.exists(checkpoint_path):
        saved = checkpoint.load(checkpoint_path, identity)
        steps = len(saved.history) * -(-len(chosen) // batch_size)
        try:
            trainer = saved.trainer(network, settings, steps)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{checkpoint_path} is damaged: {error}; remove it") from error
        network.weights = saved.weights
        finished[len(saved.history)] = network.weights
        history.epochs.extend(saved.history)
    else:
        trainer = settings.trainer(network)

    def report(epoch: int, batch: int, n_batches: int) -> None:
        if progress is not None:
            progress(Progress(epoch, epochs, batch, n_batches, history))

    events = schedule(dataset.train.times, dtype=network.dtype, threads=threads)
    run = run_epochs(
        network,
        trainer,
        events,
        dataset.train.labels,
        settings,
        samples=chosen,
        first=len(history),
        threads=threads,
        after_batch=report,
    )
    started = time.perf_counter()
    for epoch, total in run:
        finished[epoch + 1] = network.weights
        finished.pop(epoch - 1, None)
        evaluation = settings.rng(_EVALUATION, epoch)
        pairs = len(chosen) * np.array(network.sizes[1:-1])
        history.epochs.append(
            Epoch(
                epoch=epoch + 1,
                learning_rate=settings.rate(epoch, epochs),
                loss=total.loss / len(chosen),
                train_accuracy=total.correct / len(chosen),
                validation_accuracy=_accuracy(network, dataset.train, kept, noise, evaluation, threads),
                test_accuracy=_accuracy(
                    network, dataset.test, np.arange(len(dataset.test.labels)), noise, evaluation, threads
                ),
                silent=tuple((total.silent / pairs).tolist()),
                saturated=tuple((total.saturated / pairs).tolist()),
                seconds=time.perf_counter() - started,
            )
        )
        if checkpoint_path is not None:
            moments = trainer.moments(0), trainer.moments(1)
            checkpoint.save(checkpoint_path, identity, network.weights, moments, history)
        started = time.perf_counter()


def run_epochs(
    network: Network,
    trainer: _core.Trainer32 | _core.Trainer64,
    events: _core.Schedule32 | _core.Schedule64,
    labels: npt.NDArray[np.int64],
    settings: Settings,
    *,
    samples: npt.NDArray[np.int64],
    first: int = 0,
    threads: int | None = None,
    after_batch: Callable[[int, int, int], None] | None = None,
) -> Iterator[tuple[int, Totals]]:
    """Train on some of the samples, epoch by epoch: the common part of `train` and the scikit-learn estimator.

    Yields each epoch, counted from 0, with its totals, once the network has its new weights. `after_batch` is called
    with the epoch and the batch, both counted from 1, and the number of batches.

    Raises
    ------
    FloatingPointError
        If training diverges.
    """
    size = settings.batch_size
    n_batches = -(-len(samples) // size)
    for epoch in range(first, settings.epochs):
        shuffle, noise_rng = settings.rng(_SHUFFLE, epoch), settings.rng(_NOISE, epoch)
        order = shuffle.permutation(samples)
        total = Totals(len(network.sizes) - 2)
        for batch in range(n_batches):
            picked = order[batch * size : (batch + 1) * size]
            shifts = _shifts(noise_rng, len(picked), network, settings)
            rate = settings.rate(epoch * n_batches + batch, settings.epochs * n_batches)
            try:
                report = trainer.step(events, picked, labels[picked], shifts, learning_rate=rate, threads=threads)
            except RuntimeError as error:
                raise _diverged(epoch, error, settings) from error
            total.add(report)
            if after_batch is not None:
                after_batch(epoch + 1, batch + 1, n_batches)
        try:
            network.weights = trainer.weights()
        except ValueError as error:
            raise _diverged(epoch, error, settings) from error
        yield epoch, total


def _shifts(rng: np.random.Generator, batch: int, network: Network, settings: Settings) -> list[FloatArray]:
    """Spike-time noise plus each neuron's offset; the ramp, 1 V_th in T, converts offsets in V_th to shifts in T."""
    shifts = spike_time_noise(rng, batch, network.sizes[1:], settings.noise, network.dtype)
    if settings.offset == 0:
        return shifts
    shifts = shifts or [np.zeros((batch, size), dtype=network.dtype) for size in network.sizes[1:]]
    sigma, real = network.dtype.type(settings.offset), network.dtype.type
    return [shift + sigma * rng.standard_normal(shift.shape[1], dtype=real) for shift in shifts]


def _diverged(epoch: int, error: Exception, settings: Settings) -> FloatingPointError:
    penalties = [name for name in ("temporal_penalty", "energy_penalty") if getattr(settings, name) > 0]
    lower = " or ".join(f"{name} (now {getattr(settings, name)})" for name in ("learning_rate", *penalties))
    return FloatingPointError(f"training diverged in epoch {epoch + 1}: {error}; lower {lower}")


def evaluate(network: Network, split: Split, *, noise: float = 0.0, seed: int = 0, threads: int | None = None) -> float:
    """Accuracy of a network on a split, in [0, 1]; `noise` and its `seed` as in `Network.forward`.

    Raises
    ------
    ValueError
        If the network does not fit the data.

    Examples
    --------
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> split = Split(np.array([[[1.0, 0.5]], [[0.0, 0.5]]]), labels=np.array([0, 0]))
    >>> evaluate(network, split)
    0.5
    """
    check_fit(network, split)
    return _accuracy(network, split, np.arange(len(split.labels)), noise, np.random.default_rng(seed), threads)


def _accuracy(
    network: Network,
    split: Split,
    samples: npt.NDArray[np.int64],
    noise: float,
    rng: np.random.Generator,
    threads: int | None,
) -> float:
    """Fraction of the samples that are classified as labelled; nan if there are none."""
    correct = 0
    for first in range(0, len(samples), _CHUNK):
        picked = samples[first : first + _CHUNK]
        seed = int(rng.integers(2**63))
        predicted = network.predict(split.times[picked], noise=noise, seed=seed, threads=threads)
        correct += int(np.count_nonzero(predicted == split.labels[picked]))
    return correct / len(samples) if len(samples) else math.nan


def check_fit(network: Network, split: Split) -> None:
    """Raise an error if the network's inputs do not fit the images, or its outputs the classes."""
    n_in, n_out = network.sizes[0], network.sizes[-1]
    n_pixels = math.prod(split.images.shape[1:])
    if n_pixels != n_in:
        raise ValueError(f"the network has {n_in} inputs but the images have {n_pixels} pixels")
    if split.labels.max() >= n_out:
        raise ValueError(f"the network has {n_out} outputs but the data have label {split.labels.max()}")


class Totals:
    """Sums over the batches of an epoch."""

    def __init__(self, n_hidden: int) -> None:
        self.loss = 0.0
        self.correct = 0
        self.silent: npt.NDArray[np.int64] = np.zeros(n_hidden, dtype=np.int64)
        self.saturated: npt.NDArray[np.int64] = np.zeros(n_hidden, dtype=np.int64)

    def add(self, report: Any) -> None:
        self.loss += report.loss
        self.correct += report.correct
        self.silent += np.array(report.silent, dtype=np.int64)
        self.saturated += np.array(report.saturated, dtype=np.int64)

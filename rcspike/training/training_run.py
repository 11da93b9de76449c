"""`rcspike.train`: a run of several epochs, with its history and its checkpoint."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, signature
from typing import Any, Literal, ParamSpec, Protocol

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike._common.file_locks import locked
from rcspike._common.name_checks import did_you_mean
from rcspike.datasets import Dataset
from rcspike.functional import schedule
from rcspike.functional.events import Schedule
from rcspike.network import Network, has_maps
from rcspike.network.layered_network import warn_of_noise
from rcspike.neurons import neuron_kind
from rcspike.training import checkpoint
from rcspike.training.augmentation import Augmentation
from rcspike.training.class_weights import balanced_weights
from rcspike.training.epoch_steps import run_epochs
from rcspike.training.evaluation import accuracy, check_fit
from rcspike.training.history import Epoch, History, Interrupted
from rcspike.training.monitors import ProgressBar
from rcspike.training.settings import EVALUATION, VALIDATION, Settings

Options = ParamSpec("Options")

_IN_USE = "the checkpoint {} is in use by another training; wait until that has ended, or choose another path"


@dataclass(frozen=True)
class Progress:
    """Where a run is: after `batch` of `n_batches` in `epoch` of `epochs`; `history` holds the finished epochs."""

    epoch: int
    epochs: int
    batch: int
    n_batches: int
    history: History


@dataclass(frozen=True, kw_only=True)
class TrainArguments(Settings):
    """Keyword arguments of `train`: the settings, and those that do not change the result."""

    checkpoint_path: str | os.PathLike[str] | None = None
    extend: bool = False
    threads: int | None = None
    progress: Callable[[Progress], None] | Literal["bar"] | None = None
    after_epoch: Callable[[Epoch], None] | None = None

    @property
    def settings(self) -> Settings:
        """The settings without the other arguments."""
        return Settings(**self.arguments())


class _Train(Protocol[Options]):
    """A function that trains a network on a data set, with keyword arguments of its own."""

    def __call__(
        self, network: Network, dataset: Dataset, *args: Options.args, **arguments: Options.kwargs
    ) -> History: ...


def _takes(arguments: Callable[Options, TrainArguments]) -> Callable[[Callable[..., History]], _Train[Options]]:
    """Give a function the fields of a dataclass as keyword arguments, for type checkers, editors and `help`."""

    def decorate(function: Callable[..., History]) -> _Train[Options]:
        own = [p for p in signature(function).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        keywords = sorted(signature(arguments).parameters.values(), key=lambda p: p.default is not Parameter.empty)
        # Without types, which the docstring has: with them, `help` would begin with a page of signature.
        short = [p.replace(annotation=Parameter.empty) for p in (*own, *keywords)]
        function.__signature__ = Signature(short)  # type: ignore[attr-defined]
        return function

    return decorate


@_takes(TrainArguments)
def train(network: Network, dataset: Dataset, **keywords: Any) -> History:
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
    decay : {"cosine", "linear", "constant"}
        Schedule of the learning rate; "cosine" and "linear" fall to zero at the end of the last epoch.
    warm_up : float
        Number of epochs, or a part of one, in which the learning rate rises, step by step and in proportion to the
        steps, to the one of its schedule (Goyal et al. 2017, arXiv 1706.02677).
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
    patience : int
        Number of epochs after which the run stops if the validation accuracy has not risen; 0 for never. The network
        then has the weights of the epoch with the highest validation accuracy (`History.kept`).
    max_shift : int
        Largest shift of training images in pixels, in each direction; shifts are drawn for every epoch. This is a
        random crop of the image with a border of that width that does not spike.
    mirror : float
        Probability with which left and right of a training image are exchanged.
    class_weight : {"none", "balanced"}
        "balanced" multiplies the loss of each sample by n / (n_classes n_class), so that all classes count alike
        however rare; the weights average 1. Penalties of energy and of silent hidden neurons have no weights.
    silent_penalty : float
        Single phase: for each hidden neuron that is silent in a sample, and for the label's output, this times the sum
        of the drives of all inputs that spike is subtracted from the loss, per V_th / T: it makes them spike.
    t_silent : float
        Single phase: time in T that an output counts as if it does not spike; the last spike of the others if that is
        later.
    max_slope : float
        Single phase: bound of abs(dt/dv) at a threshold, in T / V_th. A membrane that only just reaches its threshold
        has a larger one, up to infinity. The history has the fraction of spikes at the bound (see
        docs/single-phase.md).
    checkpoint_path : path, optional
        Written after every epoch. If it is there already, the run resumes from it and ends with the weights that an
        undisturbed run would have given. One run at a time may use it.
    extend : bool
        Whether the checkpoint may be of a run of fewer epochs, finished or not. The other epochs then have the learning
        rates of a run of this length, and the weights that they start from are those of the shorter run: the result is
        not that of a run of this length from the start, unless `decay` is "constant".
    threads : int, optional
    progress : callable or "bar", optional
        Called with a `rcspike.training.Progress` after every batch. "bar" draws a progress bar with tqdm, in a notebook
        or on a terminal.
    after_epoch : callable, optional
        Called with the `Epoch` after each epoch, once its checkpoint is written, such as
        `rcspike.training.TensorBoard`. A resumed run calls it for the epochs that are left. To stop a run early, raise
        an exception of your own in it.

    Returns
    -------
    History

    Raises
    ------
    TypeError
        If a count or the seed is not an int, or an argument is of another type.
    ImportError
        If "bar" is passed, and tqdm is missing.
    ValueError
        If an argument is out of its range, the network does not fit the data, or the checkpoint is of another run.
    FloatingPointError
        If training diverges.
    BlockingIOError
        If another run uses the checkpoint.
    rcspike.training.history.Interrupted
        On Ctrl-C: a KeyboardInterrupt with the `history` of the finished epochs. The network has the weights of the
        last finished epoch, or with `patience` those of the best one. Any other exception that is raised during
        training, by `after_epoch` for example, has the same `history` as an attribute, and leaves the network with the
        same weights.

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
    arguments = _arguments(keywords)
    _check_types(network, dataset, arguments)
    warn_of_noise(arguments.noise)
    _warn_of_rate(arguments.learning_rate)
    split = _split(arguments.settings, len(dataset.train.labels))
    check_fit(network, dataset.train)
    check_fit(network, dataset.test)

    path, history, finished = arguments.checkpoint_path, History(patience=arguments.patience), {0: network.parameters}

    def keep() -> None:
        network.parameters = finished[history.kept.epoch if len(history) else 0]

    try:
        bar = closing(ProgressBar()) if arguments.progress == "bar" else nullcontext()
        with nullcontext() if path is None else locked(path, _IN_USE.format(path)), bar as drawn:
            _train(network, dataset, split, arguments, history, finished, drawn)
    except KeyboardInterrupt as error:
        keep()  # even if another epoch was being evaluated
        raise Interrupted(history) from error
    except Exception as error:
        keep()
        with suppress(AttributeError):  # of an exception that does not take attributes
            error.history = history  # type: ignore[attr-defined]
        raise
    keep()
    return history


def _arguments(keywords: dict[str, Any]) -> TrainArguments:
    names = {field.name for field in fields(TrainArguments)}
    unknown = [name for name in keywords if name not in names]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise TypeError(f"train() got an unexpected keyword argument {unknown[0]!r}{hint}")
    for name in ("epochs", "seed"):
        if name not in keywords:
            example = "train(network, dataset, epochs=10, seed=0)"
            raise TypeError(f"train() is missing the argument {name!r}, as in {example}")
    return TrainArguments(**keywords)


def _warn_of_rate(rate: float) -> None:
    # Each step of Adam moves a weight by up to about the learning rate (Kingma and Ba 2015, section 2.1).
    if rate >= 1:
        warnings.warn(
            f"learning_rate {rate:g} moves weights by so much V_th / T in a step, and a weight of 1 alone takes a "
            "membrane to its threshold: 0.0005 to 0.005 are usual",
            stacklevel=3,
        )


def _check_types(network: Network, dataset: Dataset, arguments: TrainArguments) -> None:
    """Raise a TypeError with advice for arguments that are something else."""
    if not isinstance(network, Network):
        hint = "; the network comes first" if isinstance(dataset, Network) else ""
        raise TypeError(f"network must be a rcspike.Network, got {type(network).__name__}{hint}")
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"dataset must be a Dataset, which has a training and a test split, got {type(dataset).__name__}: make one "
            "of arrays with rcspike.datasets.Dataset.from_arrays(x, y), or load one with rcspike.datasets.load"
        )
    if not (arguments.progress in (None, "bar") or callable(arguments.progress)):
        raise TypeError(f"progress must be 'bar', a function of a Progress, or None, got {arguments.progress!r}")
    if not (arguments.after_epoch is None or callable(arguments.after_epoch)):
        raise TypeError(f"after_epoch must be a function of an Epoch, got {arguments.after_epoch!r}")


def _split(settings: Settings, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the samples held out for validation, and of those to train on."""
    order = settings.rng(VALIDATION).permutation(n)
    n_validation = n - settings.n_trained(n)
    if n_validation == n:
        raise ValueError(f"validation {settings.validation} leaves none of {n} samples to train on")
    if settings.patience and not n_validation:
        raise ValueError(f"validation {settings.validation} holds none of {n} samples out, for which patience waits")
    return np.sort(order[:n_validation]), np.sort(order[n_validation:])


def _weights(settings: Settings, labels: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]) -> Float64Array | None:
    """Weights of the losses of all samples, by the classes of those that are trained on."""
    if settings.class_weight == "none":
        return None
    weights = np.ones(len(labels))
    weights[chosen] = balanced_weights(labels[chosen])
    return weights


def _train(
    network: Network,
    dataset: Dataset,
    split: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    arguments: TrainArguments,
    history: History,
    finished: dict[int, dict[str, FloatArray]],
    bar: ProgressBar | None,
) -> None:
    """`train`; `finished` gets the parameters of the epoch that the history keeps, by its number."""
    settings, path, threads = arguments.settings, arguments.checkpoint_path, arguments.threads
    kept, chosen = split
    n_batches = settings.n_batches(len(dataset.train.labels))
    architecture = network.architecture if has_maps(layer.wiring for layer in network.layers) else ""
    start = (network.circuit, network.parameters, dataset, network.phases, architecture)
    identity = checkpoint.Identity(settings, *start)
    extended: tuple[int, ...] = ()
    if path is not None and os.path.exists(path):
        saved = checkpoint.load(path, identity, extend=arguments.extend)
        extended = saved.extended
        try:
            trainer = saved.trainer(network, settings, len(saved.history) * n_batches)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error}; remove it") from error
        network.parameters = saved.parameters
        finished[saved.history.kept.epoch] = saved.kept
        history.epochs.extend(saved.history)
    else:
        trainer = settings.trainer(network)

    def report(epoch: int, batch: int, n_batches: int) -> None:
        if bar is not None:
            bar.after_batch(epoch, settings.epochs, batch, n_batches)
        elif callable(arguments.progress):
            arguments.progress(Progress(epoch, settings.epochs, batch, n_batches, history))

    def events_of(times: FloatArray) -> Schedule:
        return schedule(times, dtype=network.dtype, phases=network.phases, threads=threads)

    moved = Augmentation(dataset.train, settings) if settings.max_shift or settings.mirror else None
    run = run_epochs(
        network,
        trainer,
        events_of(dataset.train.times) if moved is None else lambda rng, picked: events_of(moved.times(rng, picked)),
        dataset.train.labels,
        settings,
        samples=chosen,
        weights=_weights(settings, dataset.train.labels, chosen),
        first=len(history),
        threads=threads,
        after_batch=report,
    )
    started = time.perf_counter()
    for epoch, total in () if history.stopped else run:
        finished[epoch + 1] = network.parameters
        rng, test = settings.rng(EVALUATION, epoch), np.arange(len(dataset.test.labels))
        every = len(chosen) * np.array(network.sizes[1:])
        pairs = every[:-1]
        history.epochs.append(
            Epoch(
                epoch=epoch + 1,
                learning_rate=settings.rate(epoch * n_batches, settings.epochs * n_batches),
                loss=total.loss / len(chosen),
                train_accuracy=total.correct / len(chosen),
                validation_accuracy=accuracy(network, dataset.train, kept, settings.noise, rng, threads),
                test_accuracy=accuracy(network, dataset.test, test, settings.noise, rng, threads),
                silent=tuple((total.silent / pairs).tolist()),
                saturated=tuple((total.saturated / pairs).tolist()),
                seconds=time.perf_counter() - started,
                steep=neuron_kind(network.phases).steep(total.steep / every),
            )
        )
        for other in finished.keys() - {history.kept.epoch}:
            del finished[other]
        if path is not None:
            moments = trainer.moments(0), trainer.moments(1)
            checkpoint.save(
                path, identity, network.parameters, moments, history, extended, finished[history.kept.epoch]
            )
        if bar is not None:
            bar.after_epoch(history.epochs[-1])
        if arguments.after_epoch is not None:
            arguments.after_epoch(history.epochs[-1])
        if history.stopped:
            break
        started = time.perf_counter()

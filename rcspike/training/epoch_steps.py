"""The loop over epochs and batches, which `rcspike.train` and the scikit-learn classifier share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import Float64Array
from rcspike.functional.events import Schedule
from rcspike.network import Network
from rcspike.training.divergence import diverged
from rcspike.training.settings import AUGMENTATION, NOISE, SHUFFLE, Settings
from rcspike.training.spike_shifts import spike_shifts


class Totals:
    """Sums over the batches of an epoch."""

    def __init__(self, n_hidden: int) -> None:
        self.loss = 0.0
        self.correct = 0
        self.silent: npt.NDArray[np.int64] = np.zeros(n_hidden, dtype=np.int64)
        self.saturated: npt.NDArray[np.int64] = np.zeros(n_hidden, dtype=np.int64)
        self.steep: npt.NDArray[np.int64] = np.zeros(n_hidden + 1, dtype=np.int64)

    def add(self, report: _core.StepReport) -> None:
        self.loss += report.loss
        self.correct += report.correct
        self.silent += np.array(report.silent, dtype=np.int64)
        self.saturated += np.array(report.saturated, dtype=np.int64)
        self.steep += np.array(report.steep, dtype=np.int64)


def run_epochs(
    network: Network,
    trainer: _core.Trainer32 | _core.Trainer64,
    events: Schedule | Callable[[np.random.Generator, npt.NDArray[np.int64]], Schedule],
    labels: npt.NDArray[np.int64],
    settings: Settings,
    *,
    samples: npt.NDArray[np.int64],
    weights: Float64Array | None = None,
    first: int = 0,
    threads: int | None = None,
    after_batch: Callable[[int, int, int], None] | None = None,
) -> Iterator[tuple[int, Totals]]:
    """Train on some of the samples, epoch by epoch; a FloatingPointError if training diverges.

    The events are those of all samples, or a function of random numbers and the samples of a batch that makes theirs;
    `weights` (n,) multiply the losses of all samples. Yields each epoch, counted from 0, with its totals, once the
    network has its new parameters. `after_batch` is called with the epoch and the batch, both counted from 1, and the
    number of batches.
    """
    size = settings.batch_size
    n_batches = -(-len(samples) // size)
    for epoch in range(first, settings.epochs):
        shuffle, noise_rng = settings.rng(SHUFFLE, epoch), settings.rng(NOISE, epoch)
        order, moves = shuffle.permutation(samples), settings.rng(AUGMENTATION, epoch)
        total = Totals(len(network.sizes) - 2)
        for batch in range(n_batches):
            picked = order[batch * size : (batch + 1) * size]
            shifts = spike_shifts(noise_rng, len(picked), network, settings, threads)
            rate = settings.rate(epoch * n_batches + batch, settings.epochs * n_batches)
            of_losses = None if weights is None else weights[picked]
            own, of_batch = (events(moves, picked), np.arange(len(picked))) if callable(events) else (events, picked)
            try:
                report = trainer.step(
                    own,
                    of_batch,
                    labels[picked],
                    shifts,
                    learning_rate=rate,
                    threads=threads,
                    sample_weights=of_losses,
                )
            except RuntimeError as error:
                raise diverged(epoch, error, settings) from error
            total.add(report)
            if after_batch is not None:
                after_batch(epoch + 1, batch + 1, n_batches)
        try:
            network.parameters = dict(zip(network.parameters, trainer.weights(), strict=True))
        except ValueError as error:
            raise diverged(epoch, error, settings) from error
        yield epoch, total

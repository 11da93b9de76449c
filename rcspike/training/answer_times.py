"""When a network answers: the time of each sample's answer, and the accuracy that is reached by then."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.datasets import Split
from rcspike.network import LayeredNetwork
from rcspike.neurons import neuron_kind
from rcspike.training.evaluation import check_fit, chunks


@dataclass(frozen=True, eq=False)
class Latency:
    """The answers of a network to the samples of a split, in their order; `latency` makes it.

    Parameters
    ----------
    times : (n,)
        Time of each answer in T from the start of the inference; ``inf`` where there is none.
    correct : (n,) bool
        Whether the answer is the label.
    spikes : (n, n_layers + 1)
        Number of spikes until the answer, of the inputs and of each layer; all spikes where there is no answer.
    """

    times: npt.NDArray[np.float64]
    correct: npt.NDArray[np.bool_]
    spikes: npt.NDArray[np.int64]

    def accuracy(self, at: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Fraction of all samples that are answered, and answered correctly, by each of the times `at` in T.

        Examples
        --------
        >>> found = Latency(np.array([1.0, 2.0, np.inf]), np.array([True, False, False]), np.zeros((3, 2), int))
        >>> found.accuracy([0.5, 1.0]).round(2).tolist()
        [0.0, 0.33]
        """
        hits = np.sort(self.times[self.correct])
        return np.asarray(np.searchsorted(hits, at, side="right") / len(self.times), dtype=np.float64)

    def quantile(self, fraction: float) -> float:
        """Time in T by which this fraction of all samples has been answered; ``inf`` if a smaller fraction ever is.

        Examples
        --------
        >>> found = Latency(np.array([1.0, 3.0, 2.0, np.inf]), np.ones(4, bool), np.zeros((4, 2), int))
        >>> found.quantile(0.5), found.quantile(1.0)
        (2.0, inf)
        """
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1], got {fraction}")
        return float(np.sort(self.times)[math.ceil(fraction * len(self.times)) - 1])


def latency(
    network: LayeredNetwork, split: Split, *, noise: float = 0.0, seed: int = 0, threads: int | None = None
) -> Latency:
    """When a network answers each sample of a split, whether correctly, and after how many spikes.

    The answer is the output that spikes first. A single-phase network answers with that spike, and gives no answer
    if no output ever spikes. A two-phase network, whose layers charge and fire in turn, answers in the firing
    phase of its last layer, which for L layers begins at L T; if no output spikes, the answer is that of the highest
    voltage, at the end of that phase.

    Errors as in `evaluate`.

    Parameters
    ----------
    network : Network
        Or another network, such as a chip.
    noise, seed, threads
        As in `evaluate`, with the same random numbers.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> split = Split(np.array([[[1.0, 0.5]], [[0.0, 0.5]]]), labels=np.array([0, 0]))
    >>> latency(Network([2 * np.eye(2)], Circuit.conventional(), phases="single"), split).times
    array([0.5, 1. ])
    >>> latency(Network([np.eye(2)], Circuit.conventional()), split).times
    array([1. , 1.5])
    """
    check_fit(network, split)
    parts = [
        _answers(network, split.times[chunk], split.labels[chunk], noise, own_seed, threads)
        for chunk, own_seed in chunks(len(split.labels), np.random.default_rng(seed))
    ]
    return Latency(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _answers(
    network: LayeredNetwork,
    times: FloatArray,
    labels: npt.NDArray[np.int64],
    noise: float,
    seed: int,
    threads: int | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    results = list(network.walk(times, noise=noise, seed=seed, threads=threads))
    last, neurons = results[-1], neuron_kind(network.phases)
    starts = neurons.starts(len(results))
    first = starts[-1] + last.t_out.min(axis=1).astype(np.float64)
    answer = np.where(np.isfinite(first), first, neurons.last_answer(len(results)))
    correct = last.outputs.answers == labels
    # The spikes of each layer, from the start of its window: that of the input, or of its firing phase.
    lines = [times, *(result.t_out for result in results)]
    counts = [
        np.count_nonzero((start + line.astype(np.float64) <= answer[:, np.newaxis]) & np.isfinite(line), axis=1)
        for start, line in zip(starts, lines, strict=True)
    ]
    return answer, correct, np.stack(counts, axis=1)

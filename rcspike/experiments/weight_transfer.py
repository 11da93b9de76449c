"""Weights trained without resistive coupling and run with it: the accuracy lost by ignoring the coupling."""

from __future__ import annotations

import numpy as np

from rcspike.circuit import Circuit
from rcspike.datasets import Dataset, Split
from rcspike.network import Network
from rcspike.training import evaluate

__all__ = ["transfer"]

_STEP = 0.1  # of the scales, as in arXiv 2412.09010 v1
_COARSE, _HIGHEST = 0.5, 5.0  # first a coarse grid up to the highest scale, then a fine one around its best point
_N_CHOOSING = 5000  # training images that choose the scales


def transfer(
    network: Network,
    circuit: Circuit,
    dataset: Dataset,
    *,
    noise: float = 0.0,
    seed: int = 0,
    threads: int | None = None,
) -> tuple[float, float, float]:
    """Test accuracy of a network's weights on another circuit, with the best scales of positive and negative weights.

    One factor for all positive weights of the network and one for all negative ones, chosen on a grid of step 0.1 by
    the accuracy on 5,000 training images: the best result without training again (arXiv 2412.09010 v1 calls the
    result "ANN").

    Parameters
    ----------
    network : Network
        Trained on a circuit of weak coupling, such as V_syn = 100.
    circuit : Circuit
        The circuit on which the weights are run.
    dataset : Dataset
    noise, seed, threads
        As in `rcspike.evaluate`.

    Returns
    -------
    accuracy : float
        On the test images, in [0, 1].
    scale_plus, scale_minus : float
        The factors.

    Examples
    --------
    >>> from rcspike import datasets
    >>> from rcspike.training import train
    >>> digits = datasets.load("digits")
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=100.0), seed=0)
    >>> history = train(network, digits, epochs=10, batch_size=16, seed=0)
    >>> accuracy, scale_plus, scale_minus = transfer(network, Circuit(v_syn=8.0), digits)
    >>> accuracy > 0.8
    True
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(dataset.train.labels))[:_N_CHOOSING])
    choosing = Split(dataset.train.images[chosen], dataset.train.labels[chosen])

    def accuracy(scales: tuple[float, float], split: Split) -> float:
        plus, minus = scales
        scaled = network.rescaled(circuit, plus=plus, minus=minus)
        return evaluate(scaled, split, noise=noise, seed=seed, threads=threads)

    def best(plus: list[float], minus: list[float]) -> tuple[float, float]:
        return max(((p, m) for p in plus for m in minus), key=lambda scales: accuracy(scales, choosing))

    coarse = _steps(_COARSE, _HIGHEST, _COARSE)
    plus, minus = (_steps(s - _COARSE + _STEP, s + _COARSE - _STEP, _STEP) for s in best(coarse, coarse))
    scales = best(plus, minus)
    return accuracy(scales, dataset.test), *scales


def _steps(first: float, last: float, step: float) -> list[float]:
    return [round(first + i * step, 6) for i in range(round((last - first) / step) + 1)]

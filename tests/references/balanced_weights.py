"""Weights for a circuit whose switches inject charge, from weights that were trained without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rcspike import Network
from rcspike.circuit import Circuit, layer_circuits

__all__ = ["balanced"]

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_STEPS = 16  # of the bisection: the mean weight is found to 2^-16 of its range


def balanced(network: Network, circuit: Circuit, times: FloatArray, *, threads: int | None = None) -> Network:
    """The network on another circuit, with the mean voltage that each neuron had on its own.

    Switches that take away more charge than they add lower the voltages of all neurons and silence many, whose spikes
    training does not bring back. From the first layer to the last, this adds a constant to all weights of each neuron
    so that its v(1) has the former mean over the samples. It is the start for training on that circuit, at a low
    learning rate, and no substitute for it.

    Parameters
    ----------
    network : Network
    circuit : Circuit
        The circuit to run on, usually that of the network with an injection.
    times : (batch, n_in)
        Spike times in T of some hundred samples.
    threads : int, optional

    Raises
    ------
    TypeError, ValueError
        As in `rcspike.Network`, or if the times do not fit the network.

    Examples
    --------
    >>> import numpy as np
    >>> times = np.random.default_rng(0).random((50, 64))
    >>> plain = Network.create([64, 20, 10], Circuit(), seed=0, dtype=np.float64)
    >>> injecting = balanced(plain, Circuit(injection=(0.005, -0.008)), times)
    >>> means = [[round(float(layer.v.mean()), 3) for layer in one.walk(times)] for one in (plain, injecting)]
    >>> means[0] == means[1]
    True
    """
    own = layer_circuits(circuit, len(network.weights))
    weights = [w.copy() for w in network.weights]
    spikes = times
    for depth, result in enumerate(network.walk(times, threads=threads)):
        w, wiring = weights[depth], [result.layer.wiring]
        wanted = _mean_of_columns(result.v, w)
        width = 2 * max(float(w.std()), float(np.abs(w).mean()))
        low, high = np.full(w.shape[1], -width), np.full(w.shape[1], width)
        best, error = np.zeros(w.shape[1]), np.full(w.shape[1], np.inf)
        for _ in range(_STEPS):
            shift = (low + high) / 2
            shifted = Network([(w + shift).astype(w.dtype)], own[depth], wiring)
            difference = _mean_of_columns(shifted.forward(spikes, threads=threads), w) - wanted
            better = np.abs(difference) < error
            best[better], error[better] = shift[better], np.abs(difference[better])
            high[difference > 0] = shift[difference > 0]
            low[difference <= 0] = shift[difference <= 0]
        weights[depth] = (w + best).astype(w.dtype)
        (done,) = Network([weights[depth]], own[depth], wiring).walk(spikes, threads=threads)
        spikes = done.t_out
    return Network(weights, circuit, [layer.wiring for layer in network.layers])


def _mean_of_columns(v: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean voltage of the neurons of each column; a convolution has one at each place."""
    mean: FloatArray = v.reshape(-1, weights.shape[1]).mean(axis=0)
    return mean

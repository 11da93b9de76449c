"""Random weights that put the voltages of every layer in a useful range, whatever the circuit."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from rcspike.circuit import Circuit
from rcspike.functional import FloatArray, charge, fire

__all__ = ["initial_weights"]

# Inputs to calibrate on: this share of them spikes, at times spread evenly over the window. A fifth of MNIST's pixels do
# and half of Fashion-MNIST's; a factor of two hardly matters.
_ACTIVE = 0.25
_SAMPLES = 64

# Without coupling, voltages spread by this much, in V_th: half of the neurons stay silent and few saturate.
_SPREAD = 0.5

# With it, a membrane is tied to the rails so strongly that it forgets a voltage by exp(-2) over the window. Stronger
# coupling adds no spread, as v then tends to the ratio of sum w to sum abs(w), and costs gradient.
_COUPLING = 2.0


def initial_weights(sizes: tuple[int, ...], circuit: Circuit, *, seed: int, dtype: np.dtype[Any]) -> list[FloatArray]:
    """Normally distributed weights, (n_in, n_out) for each layer, in V_th / T; raises as `Network.create` does.

    A layer's standard deviation is the largest at which its voltages spread no more and are tied to the rails no more
    than wanted, given the spikes that the layers before it send. In a strongly coupled circuit these come late, and the
    next layer needs larger weights to make up for the time it has left.
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes must name inputs and at least one layer, got {sizes}")
    for size in sizes:
        if size < 1:
            raise ValueError(f"sizes must be at least 1, got {size} in {sizes}")
    inputs, *layers = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(len(sizes)))
    shape = (_SAMPLES, sizes[0])
    times = np.where(inputs.random(shape) < _ACTIVE, inputs.random(shape), np.inf)
    weights = []
    for rng, size in zip(layers, pairwise(sizes), strict=True):
        w = rng.standard_normal(size) * _deviation(times, circuit)
        weights.append(w.astype(dtype))
        times = fire(charge(times, w, circuit), circuit)
    return weights


def _deviation(times: FloatArray, circuit: Circuit) -> float:
    """Standard deviation sigma of the weights for these input spikes.

    Without coupling v(1) = sum w (1 - t) has the variance sigma^2 sum (1 - t)^2. The relaxation over the window, the
    integral of B, is sum abs(w)/abs(E) (1 - t), and the mean of abs(w) is sqrt(2/pi) sigma.
    """
    on = np.clip(1 - times, 0, 1)  # how long each synapse conducts
    tiny = np.finfo(np.float64).tiny
    rails = (circuit.e_plus, -circuit.e_minus)
    drive = sum(1 - circuit.diode_drop / e for e in rails) / 2
    conductance = sum(1 / e for e in rails) / 2
    free = _SPREAD / max(drive * math.sqrt(np.mean(np.sum(on**2, axis=1))), tiny)
    coupled = _COUPLING / max(conductance * math.sqrt(2 / math.pi) * np.mean(np.sum(on, axis=1)), tiny)
    return float(min(free, coupled, 1e6))

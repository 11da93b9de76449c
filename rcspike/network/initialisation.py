"""Random weights that put the voltages of every layer in a useful range, whatever the circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, circuit_core, layer_circuits

__all__ = ["initial_weights"]

# Assumed fraction of inputs that spike, at times spread uniformly over the window: a fifth of the pixels of MNIST spike
# and half of Fashion-MNIST's. A factor of two hardly matters.
_ACTIVE = 0.25

# Without coupling, voltages have this standard deviation, in V_th: half of the neurons stay silent, few saturate. With
# coupling the deviation is smaller, about a tenth of the rails: v tends to E times sum w over sum abs(w).
_SPREAD = 0.2

# Candidates for the mean of the weights of a layer whose switches inject charge, in standard deviations. Beyond one of
# them a layer would compute little more than the number of its spikes.
_MEANS = np.linspace(-1, 1, 2001)


def initial_weights(
    sizes: tuple[int, ...], circuit: Circuit, *, seed: int, dtype: np.dtype[Any], windows: Sequence[int]
) -> list[FloatArray]:
    """Normally distributed weights, (n_rows, n_out) for each layer, in V_th / T.

    As many neighbouring inputs of a layer as its window says share a row. Errors as in `rcspike.Network.create`.

    For n active inputs at uniform times, v(1) = sum w (1 - t) has the variance n sigma^2 / 3 without coupling.
    Larger weights do not help a strongly coupled circuit: they tie its membranes to the rails from the start, and it
    generalises worse (docs/decisions/initial-weights.md). A diode's drop is compensated. Where switches inject charge,
    the weights of a layer have the mean that keeps its mean voltage, with that charge, at zero.

    Examples
    --------
    Switches that take away more than they add would silence most neurons; more synapses of positive weight prevent it:

    >>> circuit = Circuit(injection=(0.005, -0.008))
    >>> (w,) = initial_weights((784, 200), circuit, seed=0, dtype=np.dtype("float64"), windows=[1])
    >>> round(float(np.mean(w > 0)), 2)
    0.56
    """
    circuit_core(circuit)  # raises an error if it is not a valid circuit
    if len(sizes) < 2:
        raise ValueError(f"sizes must name inputs and at least one layer, got {sizes}")
    for size in sizes:
        if size < 1:
            raise ValueError(f"sizes must be at least 1, got {size} in {sizes}")
    drive = sum(1 - circuit.diode_drop / e for e in (circuit.e_plus, -circuit.e_minus)) / 2
    circuits = layer_circuits(circuit, len(sizes) - 1)
    layers = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
    weights: list[FloatArray] = []
    active, earliness = _ACTIVE, 0.5  # of the inputs: fraction that spikes, and mean of 1 - t of those
    for layer, own, (n_in, n_out), window in zip(layers, circuits, pairwise(sizes), windows, strict=True):
        if n_in % window:
            raise ValueError(f"a window of {window} does not divide the {n_in} inputs of its layer")
        n_rows = n_in // window
        sigma = _SPREAD / drive / math.sqrt(max(_ACTIVE * n_rows, 1) / 3)
        w = np.random.default_rng(layer).standard_normal((n_rows, n_out)) * sigma
        if circuit.injects:
            mean, spread = _balance(own, sigma, drive, active * n_rows, earliness)
            w += mean
            # Half of the neurons spike, at 1 - v: the mean of the positive half of a normal distribution.
            active, earliness = 0.5, min(0.5, math.sqrt(2 / math.pi) * spread)
        weights.append(w.astype(dtype))
    return weights


def _balance(circuit: Circuit, sigma: float, drive: float, n: float, earliness: float) -> tuple[float, float]:
    """Mean of the weights of a layer with n active inputs at which its mean voltage is zero, and the spread of v(1).

    In the mean over neurons, A and B are proportional to the number of spikes so far, so that A / B is constant and
    v = A / B (1 - exp(-integral of B)) holds whatever their times.
    """
    (plus, minus), *_ = circuit.injections
    positive = np.array([(1 + math.erf(z / math.sqrt(2))) / 2 for z in _MEANS])  # fraction of the weights
    mean_plus = sigma * (_MEANS * positive + np.exp(-(_MEANS**2) / 2) / math.sqrt(2 * math.pi))  # of max(w, 0)
    mean_minus = mean_plus - sigma * _MEANS
    coupling = n * earliness * (mean_plus / circuit.e_plus - mean_minus / circuit.e_minus)
    relaxed = np.ones_like(coupling)
    np.divide(-np.expm1(-coupling), coupling, out=relaxed, where=coupling > 0)
    v = n * (sigma * _MEANS * drive * earliness * relaxed + plus * positive + minus * (1 - positive))
    best = int(np.argmin(np.abs(v)))
    # A synapse adds the sign of its weight times a step of the injection and a drive that grows with the weight; with
    # times spread uniformly, the mean square of 1 - t is 4/3 of its squared mean.
    slope, step = sigma * drive * earliness * float(relaxed[best]), (plus - minus) / 2
    variance = n * (4 / 3 * slope**2 + 2 * math.sqrt(2 / math.pi) * slope * step + step**2)
    return float(sigma * _MEANS[best]), math.sqrt(variance)

"""Random weights that put the voltages of every layer in a useful range, whatever the circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, circuit_core, layer_circuits
from rcspike.functional.events import Phases
from rcspike.network.wiring import Wiring, has_maps

__all__ = ["INTENSITY", "initial_weights", "mean_intensity"]

# Assumed fraction of inputs that spike, at times spread uniformly over the window: a fifth of the pixels of MNIST spike
# and half of Fashion-MNIST's. A factor of two hardly matters.
_ACTIVE = 0.25

# Mean of 1 - t of the inputs, 0 for those that do not spike: a quarter of them spikes at uniform times.
INTENSITY = 0.125

# Without coupling, voltages have this standard deviation, in V_th: half of the neurons stay silent, few saturate. With
# coupling the deviation is smaller, about a tenth of the rails: v tends to E times sum w over sum abs(w).
_SPREAD = 0.2

# Neurons of a single phase: the mean of the weights is so many of their standard deviations. Random differences between
# the weights of a neuron that are large from the start remain, and generalise worse (docs/single-phase.md).
_MEAN = 3.0

# Candidates for the mean of the weights of a layer whose switches inject charge, in standard deviations. Beyond one of
# them a layer would compute little more than the number of its spikes.
_MEANS = np.linspace(-1, 1, 2001)


def initial_weights(
    sizes: tuple[int, ...],
    circuit: Circuit,
    *,
    seed: int,
    dtype: np.dtype[Any],
    wiring: Sequence[Wiring],
    phases: Phases = "two",
    intensity: float = INTENSITY,
) -> list[FloatArray]:
    """Normally distributed weights, (n_rows, n_columns) for each layer, in V_th / T.

    The wiring of a layer decides how many rows and columns its inputs and neurons need. Errors as in
    `rcspike.Network.create`.

    For n active inputs at uniform times, v(1) = sum w (1 - t) has the variance n sigma^2 / 3 without coupling.
    Larger weights do not help a strongly coupled circuit: they tie its membranes to the rails from the start, and it
    generalises worse (docs/decisions/initial-weights.md). In a network of convolutions, whose many layers would make
    the voltages smaller from layer to layer, hidden layers behind the first have weights of the variance 2 / n_rows
    instead (He et al. 2015, arXiv 1502.01852): half of the neurons of a layer stay silent, and each other one is early
    by its own voltage, so that without coupling the next layer has voltages of the same size. A diode's drop is
    compensated. Where switches inject charge, the weights of a layer have the mean that keeps its mean voltage, with
    that charge, at zero.

    Examples
    --------
    Switches that take away more than they add would silence most neurons; more synapses of positive weight prevent it:

    >>> from rcspike.network.wiring import DENSE
    >>> circuit = Circuit(injection=(0.005, -0.008))
    >>> (w,) = initial_weights((784, 200), circuit, seed=0, dtype=np.dtype("float64"), wiring=[DENSE])
    >>> round(float(np.mean(w > 0)), 2)
    0.56
    """
    circuit_core(circuit)  # raises an error if it is not a valid circuit
    if len(sizes) < 2:
        raise ValueError(f"sizes must name inputs and at least one layer, got {sizes}")
    for size in sizes:
        if size < 1:
            raise ValueError(f"sizes must be at least 1, got {size} in {sizes}")
    if phases == "single" and not circuit.e_plus - circuit.diode_drop > 1:
        raise ValueError(
            f"a rail of {circuit.e_plus} V_th with a diode drop of {circuit.diode_drop} never takes a membrane above "
            "its threshold, so that no neuron of a single phase would spike: choose a higher one, such as v_syn = 2"
        )
    drive = sum(1 - circuit.diode_drop / e for e in (circuit.e_plus, -circuit.e_minus)) / 2
    circuits, deep = layer_circuits(circuit, len(sizes) - 1), has_maps(wiring)
    layers = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
    weights: list[FloatArray] = []
    active, earliness = _ACTIVE, 0.5  # of the inputs: fraction that spikes, and mean of 1 - t of those
    for depth, (layer, own) in enumerate(zip(layers, circuits, strict=True)):
        n_rows, n_columns = wiring[depth].weight_shape(sizes[depth], sizes[depth + 1])
        if deep and 0 < depth < len(sizes) - 2:
            sigma = math.sqrt(2 / n_rows) / drive
        else:
            sigma = _SPREAD / drive / math.sqrt(max(_ACTIVE * n_rows, 1) / 3)
        normal = np.random.default_rng(layer).standard_normal((n_rows, n_columns))
        if phases == "single":
            mean, sigma = _rising(circuit, max(2 * intensity * n_rows, 1) if depth == 0 else n_rows)
            w = mean / drive + normal * (sigma / drive)
        else:
            w = normal * sigma
        if circuit.injects and phases == "two":
            mean, spread = _balance(own, sigma, drive, active * n_rows, earliness)
            w += mean
            # Half of the neurons spike, at 1 - v: the mean of the positive half of a normal distribution.
            active, earliness = 0.5, min(0.5, math.sqrt(2 / math.pi) * spread)
        weights.append(w.astype(dtype))
    return weights


def mean_intensity(times: FloatArray) -> float:
    """The `intensity` of `rcspike.Network.create` for inputs with these spike times, (n, n_in) in T; at least 0.001.

    Examples
    --------
    >>> mean_intensity(np.array([[0.5, np.inf], [0.0, 0.5]]))
    0.5
    """
    return max(float(np.clip(1 - times, 0, 1).mean(dtype=np.float64)), 1e-3)


def _rising(circuit: Circuit, active: float) -> tuple[float, float]:
    """Mean and standard deviation of weights that take membranes to the threshold after about one T, in V_th / T.

    With E for the rail, v tends to E r, where r is the mean of w over that of abs(w), and from inputs at uniform times
    it reaches 1 at t = 1 if n mean(abs(w)) / 2E = -ln(1 - 1/(E r)).
    """
    end = max((circuit.e_plus - circuit.diode_drop) * _mean_ratio(_MEAN), 1.1)
    mean = 2 * (-end * math.log1p(-1 / end) if math.isfinite(end) else 1.0) / active
    return mean, mean / _MEAN


def _mean_ratio(q: float) -> float:
    """Mean of w over mean of abs(w), for normal w whose mean is q times the standard deviation."""
    return q / (math.sqrt(2 / math.pi) * math.exp(-q * q / 2) + q * math.erf(q / math.sqrt(2)))


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

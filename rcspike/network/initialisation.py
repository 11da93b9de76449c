"""Random weights that put the voltages of every layer in a useful range, whatever the circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.events import Phases

__all__ = ["initial_weights"]

# Assumed fraction of inputs that spike, at times spread uniformly over the window: a fifth of the pixels of MNIST spike
# and half of Fashion-MNIST's. A factor of two hardly matters.
_ACTIVE = 0.25

# Without coupling, voltages have this standard deviation, in V_th: half of the neurons stay silent, few saturate. With
# coupling the deviation is smaller, about a tenth of the rails: v tends to E times sum w over sum abs(w).
_SPREAD = 0.2

# Neurons of a single phase: their membranes tend to this voltage, in V_th, which has to be above the threshold, as far
# as the rails allow it; without coupling the mean of the weights is a third of their standard deviation.
_END = 1.5
_MEAN = 1 / 3


def initial_weights(
    sizes: tuple[int, ...],
    circuit: Circuit,
    *,
    seed: int,
    dtype: np.dtype[Any],
    windows: Sequence[int],
    phases: Phases = "two",
) -> list[FloatArray]:
    """Normally distributed weights, (n_rows, n_out) for each layer, in V_th / T.

    As many neighbouring inputs of a layer as its window says share a row. Errors as in `rcspike.Network.create`.

    For n active inputs at uniform times, v(1) = sum w (1 - t) has the variance n sigma^2 / 3 without coupling.
    Larger weights do not help a strongly coupled circuit: they tie its membranes to the rails from the start, and it
    generalises worse (docs/decisions/initial-weights.md). A diode's drop is compensated.
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
    layers = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
    weights: list[FloatArray] = []
    for depth, (layer, (n_in, n_out), window) in enumerate(zip(layers, pairwise(sizes), windows, strict=True)):
        if n_in % window:
            raise ValueError(f"a window of {window} does not divide the {n_in} inputs of its layer")
        n_rows = n_in // window
        active = max(_ACTIVE * n_rows, 1)
        mean, sigma = 0.0, _SPREAD / drive / math.sqrt(active / 3)
        if phases == "single":
            mean, sigma = _rising(circuit, active if depth == 0 else n_rows)
            mean, sigma = mean / drive, sigma / drive
        w = mean + np.random.default_rng(layer).standard_normal((n_rows, n_out)) * sigma
        weights.append(w.astype(dtype))
    return weights


def _rising(circuit: Circuit, active: float) -> tuple[float, float]:
    """Mean and standard deviation of weights that take membranes to the threshold after about one T, in V_th / T.

    With E for the rails, v tends to E r, where r is the mean of w over that of abs(w), and from inputs at uniform times
    it reaches 1 at t = 1 if n mean(abs(w)) / 2E = -ln(1 - 1/(E r)).
    """
    rail = min(circuit.e_plus, -circuit.e_minus)
    ratio = min(_END / rail, 0.9)  # of the means: 1 if no weight is negative
    low, high = _MEAN, 3.0  # mean over standard deviation
    while _mean_ratio(high) - _mean_ratio(low) > 1e-9 and _mean_ratio(low) < ratio:
        middle = (low + high) / 2
        low, high = (middle, high) if _mean_ratio(middle) < ratio else (low, middle)
    end = max(rail * _mean_ratio(low), 1.1)
    mean = 2 * (-end * math.log1p(-1 / end) if math.isfinite(end) else 1.0) / active
    return mean, mean / low


def _mean_ratio(q: float) -> float:
    """Mean of w over mean of abs(w), for normal w whose mean is q times the standard deviation."""
    return q / (math.sqrt(2 / math.pi) * math.exp(-q * q / 2) + q * math.erf(q / math.sqrt(2)))

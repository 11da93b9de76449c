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

# Neurons of a single phase: mean and standard deviation of the voltage without coupling after one T, in V_th, if nothing
# crossed. The membranes then rise on average, and most of them reach the threshold.
_MEAN, _SPREAD_SINGLE = 1.0, 0.5


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
    drive = sum(1 - circuit.diode_drop / e for e in (circuit.e_plus, -circuit.e_minus)) / 2
    layers = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
    weights: list[FloatArray] = []
    for layer, (n_in, n_out), window in zip(layers, pairwise(sizes), windows, strict=True):
        if n_in % window:
            raise ValueError(f"a window of {window} does not divide the {n_in} inputs of its layer")
        n_rows = n_in // window
        active = max(_ACTIVE * n_rows, 1)
        mean, sigma = 0.0, _SPREAD / drive / math.sqrt(active / 3)
        if phases == "single":
            mean, sigma = _MEAN / drive / (active / 2), _SPREAD_SINGLE / drive / math.sqrt(active / 3)
        w = mean + np.random.default_rng(layer).standard_normal((n_rows, n_out)) * sigma
        weights.append(w.astype(dtype))
    return weights

"""Random weights that put the voltages of every layer in a useful range, whatever the circuit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, circuit_core, layer_circuits
from rcspike.network.wiring import Wiring, has_maps
from rcspike.neurons import Phases, neuron_kind

# Assumed fraction of inputs that spike, at times spread uniformly over the window: a fifth of the pixels of MNIST spike
# and half of Fashion-MNIST's. A factor of two hardly matters.
_ACTIVE = 0.25

# Mean of 1 - t of the inputs, 0 for those that do not spike: a quarter of them spikes at uniform times.
INTENSITY = 0.125

# Without coupling, voltages have this standard deviation, in V_th: half of the neurons stay silent, few saturate. With
# coupling the deviation is smaller, about a tenth of the rails: v tends to E times sum w over sum abs(w).
_SPREAD = 0.2


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
    neurons = neuron_kind(phases)
    if not neurons.can_spike(circuit):
        raise ValueError(
            f"a rail of {circuit.e_plus} V_th with a diode drop of {circuit.diode_drop} never takes a membrane above "
            f"its threshold, so that no neuron of {neurons.wording} would spike: choose a higher one, such as "
            f"v_syn = {neurons.v_syn:g}"
        )
    drive = sum(1 - circuit.diode_drop / e for e in (circuit.e_plus, -circuit.e_minus)) / 2
    deep = has_maps(wiring)
    shapes = [own.weight_shape(*ends) for own, ends in zip(wiring, pairwise(sizes), strict=True)]
    rows = [n_rows for n_rows, _ in shapes]
    spreads = [
        math.sqrt(2 / n_rows) / drive
        if deep and 0 < depth < len(sizes) - 2
        else _SPREAD / drive / math.sqrt(max(_ACTIVE * n_rows, 1) / 3)
        for depth, n_rows in enumerate(rows)
    ]
    circuits = layer_circuits(circuit, len(shapes))
    targets = neurons.initial_weights(circuits, rows, spreads, drive=drive, active=_ACTIVE, intensity=intensity)
    layers = np.random.SeedSequence(seed).spawn(len(shapes))
    return [
        (mean + np.random.default_rng(layer).standard_normal(shape) * sigma).astype(dtype)
        for layer, shape, (mean, sigma) in zip(layers, shapes, targets, strict=True)
    ]


def mean_intensity(times: FloatArray) -> float:
    """The `intensity` of `rcspike.Network.create` for inputs with these spike times, (n, n_in) in T; at least 0.001."""
    return max(float(np.clip(1 - times, 0, 1).mean(dtype=np.float64)), 1e-3)

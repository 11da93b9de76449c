"""Layers of ideal neurons that do what real ones do: the engine knows one capacitance, one ramp and one diode drop."""

from __future__ import annotations

from typing import Any

import numpy as np

from rcspike.device_network import DevicePairs
from rcspike.devices import Array, Layer

__all__ = ["equivalent_pairs"]


def equivalent_pairs(layer: Layer, dtype: np.dtype[Any]) -> DevicePairs:
    """What the engine is told of a layer; of one without any effect the very bits of its weights.

    Another capacitance scales all currents of a neuron. Another ramp, or threshold, is the engine's own for voltages of
    another origin and unit: an offset, and a factor on all drives. And a pair can have any drive, whatever its diodes,
    since one of its devices raises it and the other lowers it.

    Raises
    ------
    ValueError
        If a bent ramp never reaches a threshold.
    """
    circuit = layer.circuit
    plus, minus = layer.plus / layer.capacitance, layer.minus / layer.capacitance
    rest = _rest(layer)
    unit = (1 - rest) / (1 + layer.offset)
    over_plus, over_minus = 1 / circuit.e_plus, -1 / circuit.e_minus
    drive_plus, drive_minus = 1 - circuit.diode_drop * over_plus, 1 - circuit.diode_drop * over_minus
    more = plus * ((1 - layer.drop_plus * over_plus) * unit - drive_plus)
    more = more - minus * ((1 - layer.drop_minus * over_minus) * unit - drive_minus)
    # More drive at the same conductance; on infinite rails there is none to keep.
    if over_plus == over_minus == 0:
        plus = plus + more
    else:
        more = more / (drive_plus * over_minus + drive_minus * over_plus)
        plus, minus = plus + more * over_minus, minus - more * over_plus
    drive = plus * drive_plus - minus * drive_minus
    conductance = plus * over_plus + minus * over_minus
    rows = {
        "drive0": layer.off_share * drive.sum(axis=0),
        "conductance0": layer.off_share * conductance.sum(axis=0) + layer.leak / layer.capacitance,
        "offset": -rest,
    }
    return DevicePairs(
        np.ascontiguousarray((1 - layer.off_share) * plus, dtype=dtype),
        np.ascontiguousarray((1 - layer.off_share) * minus, dtype=dtype),
        **{name: row.astype(dtype) for name, row in rows.items() if row.any()},
    )


def _rest(layer: Layer) -> Array:
    """Voltages from which ideal neurons fire when those of a layer do that have not been charged at all.

    Both fire at once from their thresholds. The ramps then agree everywhere, unless one is bent and its current off by
    a share s: between those two points to s b / (8 (1 - b)), by Taylor's formula.
    """
    b, current = layer.circuit.ramp, layer.ramp_current / layer.capacitance
    if b == 0:
        return np.asarray(1 - (1 + layer.offset) / current)
    if b * (1 + layer.offset.max()) >= 1:
        raise ValueError(f"the bent ramp ({b}) never reaches a threshold of {1 + layer.offset.max():.3g} V_th")
    return np.asarray(-np.expm1(np.log1p(-b) - np.log1p(-b * (1 + layer.offset)) / current) / b)

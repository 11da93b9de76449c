"""Layers of ideal neurons equivalent to real ones: the engine has one capacitance, one ramp and one diode drop."""

from __future__ import annotations

from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.functional import charge_rectified
from rcspike.functional.events import Schedule
from rcspike.network import DeviceNetwork, DevicePairs
from rcspike.nonideal.devices import Array, Layer

__all__ = ["equivalent_pairs", "equivalent_scale", "equivalent_voltages"]


def equivalent_pairs(layer: Layer, dtype: np.dtype[Any]) -> DevicePairs:
    """Pairs of the ideal layer that is equivalent to a real one; without any effect exactly the layer's weights.

    Another capacitance scales all currents of a neuron. Another ramp, or threshold, is the engine's own for voltages of
    another origin and unit: an offset, and a factor on all drives. And a pair can have any drive, whatever its diodes,
    since one of its devices raises it and the other lowers it.

    Raises
    ------
    ValueError
        If a nonlinear ramp never reaches a threshold.
    """
    circuit = layer.circuit
    plus, minus = layer.plus / layer.capacitance, layer.minus / layer.capacitance
    rest, unit = equivalent_scale(layer)
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


def equivalent_voltages(
    layer: Layer, spikes: FloatArray | Schedule, dtype: np.dtype[Any], *, threads: int | None
) -> FloatArray:
    """Voltages (batch, n_out) from which ideal neurons fire when those of a layer do."""
    if not layer.blocking:
        pairs = equivalent_pairs(layer, dtype)
        return DeviceNetwork([pairs], layer.circuit).forward(spikes, threads=threads)
    circuit, on = layer.circuit, 1 - layer.off_share
    g_plus, g_minus = (g / layer.capacitance for g in layer.conductances())
    drive, conductance = (x / layer.capacitance for x in layer.affine())
    devices = (on * g_plus, circuit.e_plus - layer.drop_plus, on * g_minus, circuit.e_minus + layer.drop_minus)
    v = charge_rectified(
        spikes,
        *(np.ascontiguousarray(np.broadcast_to(x, g_plus.shape), dtype=dtype) for x in devices),
        drive0=(layer.off_share * drive.sum(axis=0)).astype(dtype),
        conductance0=(layer.off_share * conductance.sum(axis=0) + layer.leak / layer.capacitance).astype(dtype),
        threads=threads,
    )
    rest, unit = (x.astype(dtype) for x in equivalent_scale(layer))
    return np.asarray(rest + unit * v)


def equivalent_scale(layer: Layer) -> tuple[Array, Array]:
    """Rest voltage and unit of voltage of a real neuron on the voltage scale of the equivalent ideal one.

    An ideal neuron at `rest` fires at the same time as an uncharged real one, and at their thresholds both fire at
    once. The ramps then agree everywhere, unless one is nonlinear and its current has a relative
    error s: between those two points they differ by s b / (8 (1 - b)), by Taylor's formula.
    """
    rest = _rest(layer)
    return rest, (1 - rest) / (1 + layer.offset)


def _rest(layer: Layer) -> Array:
    b, current = layer.circuit.ramp, layer.ramp_current / layer.capacitance
    if b == 0:
        return np.asarray(1 - (1 + layer.offset) / current)
    if b * (1 + layer.offset.max()) >= 1:
        raise ValueError(f"the nonlinear ramp ({b}) never reaches a threshold of {1 + layer.offset.max():.3g} V_th")
    return np.asarray(-np.expm1(np.log1p(-b) - np.log1p(-b * (1 + layer.offset)) / current) / b)

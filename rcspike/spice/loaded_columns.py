"""Columns of resistors given in S, whose rows load the membrane: what junctions of switches change."""

from __future__ import annotations

import math

import numpy as np

from rcspike._common.arrays import Float64Array, FloatArray, check_times
from rcspike.circuit import Circuit, check_ohmic
from rcspike.energy import PhysicalScale
from rcspike.functional import charge_loaded, device_loads, pair_loads, pair_switch_widths, switch_injection
from rcspike.spice.ideal_netlist import check_conductances


def junction_loads(g_plus: Float64Array, g_minus: Float64Array, share: tuple[float, float]) -> Float64Array:
    """Loads (n_in, 5, n_out) of junctions alone, as `rcspike.functional.device_loads`.

    As the switches open, the charge of the membrane spreads over junctions that come from rest: what they bring along
    from their rails is part of the injection, which is measured at rest.

    Parameters
    ----------
    g_plus, g_minus : (n_in, n_out)
        Conductances; one of 0 is no device.
    share : (float, float)
        Junction of a device to either rail, in C.
    """
    return device_loads(np.zeros_like(g_plus), share[0] * (g_plus > 0) + share[1] * (g_minus > 0), 0.0, 0.0)


def column_voltages(
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    junction: tuple[float, float],
) -> Float64Array:
    """Voltages at the start of the firing phase of columns whose rows load their membranes.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    g_plus, g_minus : (n_in, n_out)
        Conductances in S, as `rcspike.spice.layer_conductances` makes them.
    circuit : Circuit
        Of one layer. If it has a load, its bodies and junctions count, too.
    scale : PhysicalScale
        With the capacitance of a column in which no row conducts.
    junction : (float, float)
        Capacitance in F of a switch at the rail while it is open, to the upper and to the lower rail, where the
        injection is that of a membrane at rest and includes what these junctions bring along from the rails.

    Returns
    -------
    (batch, n_out)
        In V_th, with the charge of the switches.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, a rail is infinite, or rows that close leave a column no capacitance.

    Notes
    -----
    `rcspike.functional.charge_loaded` solves ``(C - sum of junctions that conduct) dv/dt = sum g (E - v)`` exactly. As
    the switches open, the charge of the membrane spreads over all junctions.

    Examples
    --------
    Without junctions these are the voltages of the engine:

    >>> scale, g = PhysicalScale(), (np.array([[1e-7]]), np.zeros((1, 1)))
    >>> column_voltages(np.array([[0.5]]), *g, Circuit(), scale, junction=(0.0, 0.0)).round(4)
    array([[0.3003]])
    >>> column_voltages(np.array([[0.5]]), *g, Circuit(), scale, junction=(2e-15, 2e-15)).round(4)
    array([[0.2996]])
    """
    times = check_times(times)
    g_plus, g_minus = check_conductances(times.shape[1], g_plus, g_minus)
    check_ohmic(circuit, "columns of resistors")
    if not math.isfinite(circuit.e_plus - circuit.e_minus):
        raise ValueError(
            f"columns of resistors need finite rails, got {circuit.e_plus} and {circuit.e_minus} V_th; v_syn = 1000 is "
            "as good as conventional"
        )
    p, m = g_plus / scale.siemens(1.0), g_minus / scale.siemens(1.0)
    loads = junction_loads(p, m, (junction[0] / scale.capacitance, junction[1] / scale.capacitance))
    pairs = p * circuit.e_plus, m * -circuit.e_minus
    loads += pair_loads(*pairs, circuit)
    wide_plus, wide_minus = pair_switch_widths(*pairs, circuit)
    D = p * (circuit.e_plus - circuit.diode_drop) + m * (circuit.e_minus + circuit.diode_drop)
    plus, minus = circuit.injections[0]
    sample = times.astype(np.float64)
    return charge_loaded(sample, D, p + m, loads) + switch_injection(sample, plus * wide_plus + minus * wide_minus)

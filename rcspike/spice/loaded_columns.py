"""Columns whose rows load the membrane while they do not conduct: what junctions of switches change.

A switch that does not conduct is a junction of some 0.3 fF at the end of its resistor, and a part of the membrane's
capacitance. While it conducts, its end of the resistor is at the rail, and loads the supply instead.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, check_times
from rcspike.circuit import Circuit
from rcspike.energy import PhysicalScale
from rcspike.functional import charge_affine
from rcspike.spice.ideal_netlist import check_conductances


def unloaded(
    times: Float64Array, plus: npt.NDArray[np.bool_], minus: npt.NDArray[np.bool_], share: tuple[float, float]
) -> tuple[Float64Array, float, float]:
    """One column in a time in which its capacitance is constant, with which the engine computes it exactly.

    Parameters
    ----------
    times, plus, minus : (n,)
        Input spike times in T of the rows that conduct, and whether each has a synapse to the upper and to the lower
        rail.
    share : (float, float)
        Junction of a synapse to either rail, divided by the capacitance of the column.

    Returns
    -------
    (n,), float, float
        Times in units of the new duration of the charging phase; this duration in T, by which conductances grow; and
        the part of the voltage at its end that is left once all rows load the membrane again. A ValueError if these
        rows have more than the capacitance of the column.
    """
    order = np.argsort(times, kind="stable")
    taken = np.cumsum((share[0] * plus + share[1] * minus)[order])
    if len(taken) == 0 or taken[-1] == 0:
        return times, 1.0, 1.0
    if taken[-1] >= 1:
        raise ValueError(f"the junctions of {len(taken)} rows that conduct have {taken[-1]:.3g} of the capacitance")
    lengths = np.diff(times[order], append=1.0) / (1 - taken)
    left = np.empty_like(times)
    left[order] = np.cumsum(lengths[::-1])[::-1]  # of the phase, as each row starts to conduct
    duration = max(1.0, float(np.max(left)))
    return np.maximum(1 - left / duration, 0.0), duration, float(1 - taken[-1])


def column_voltages(
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    junction: tuple[float, float],
) -> Float64Array:
    """Voltages at the start of the firing phase of columns whose conducting rows do not load their membranes.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    g_plus, g_minus : (n_in, n_out)
        Conductances in S, as `rcspike.spice.layer_conductances` makes them.
    circuit : Circuit
        Of one layer.
    scale : PhysicalScale
        With the capacitance of a column in which no row conducts.
    junction : (float, float)
        Capacitance in F of a row that does not conduct, to the upper and to the lower rail.

    Returns
    -------
    (batch, n_out)
        In V_th, with the charge of the switches.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, a rail is infinite, or the junctions of conducting rows have more than the capacitance
        of a column.

    Notes
    -----
    The membrane follows ``(C - sum of junctions that conduct) dv/dt = sum g (E - v)``. In a time that runs faster by
    C over that difference it is the equation of constant capacitance, which the engine solves exactly. As the switches
    open, the charge of the membrane spreads over all junctions.

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
    if not math.isfinite(circuit.e_plus - circuit.e_minus):
        raise ValueError(
            f"columns of resistors need finite rails, got {circuit.e_plus} and {circuit.e_minus} V_th; v_syn = 1000 is "
            "as good as conventional"
        )
    share = junction[0] / scale.capacitance, junction[1] / scale.capacitance
    (injected,) = circuit.injections
    p, m = g_plus / scale.siemens(1.0), g_minus / scale.siemens(1.0)
    v = np.empty((len(times), p.shape[1]))
    for k, sample in enumerate(times.astype(np.float64)):
        on = np.flatnonzero(sample <= 1)
        for i in range(p.shape[1]):
            plus, minus = p[on, i] > 0, m[on, i] > 0
            t, duration, kept = unloaded(sample[on], plus, minus, share)
            D = p[on, i] * (circuit.e_plus - circuit.diode_drop) + m[on, i] * (circuit.e_minus + circuit.diode_drop)
            G = p[on, i] + m[on, i]
            end = charge_affine(t[np.newaxis], duration * D[:, np.newaxis], duration * G[:, np.newaxis])[0, 0]
            v[k, i] = kept * end + injected[0] * np.count_nonzero(plus) + injected[1] * np.count_nonzero(minus)
    return v

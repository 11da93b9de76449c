"""Equivalent circuits: real neurons and diodes in terms of those of the engine, which are all alike.

The engine has one capacitance C, one threshold of 1, one ramp and one diode drop for all. A neuron or a diode that
differs is replaced by one of the engine's that makes the same spikes.
"""

from __future__ import annotations

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.circuit import Circuit
from rcspike.functional.rail_coupling import rail_couplings


def ideal_scale(ramp: float, slope: Float64Array, threshold: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Voltage scale on which a real neuron is an ideal one: ``v = rest + unit * u`` for its own voltage u.

    An ideal neuron at v fires at the same time as the real one at u. A ValueError if a nonlinear ramp never reaches a
    threshold.

    Parameters
    ----------
    ramp : float
        Coefficient b of the ramps of both neurons.
    slope : array
        Slope of the real ramp, divided by the slope of the ideal one: current over capacitance.
    threshold : array
        Real threshold in V_th.

    Returns
    -------
    rest, unit : arrays
        In V_th: v of the real neuron at rest, and the factor from u to v.

    Notes
    -----
    For b = 0 the real ramp reaches the threshold at t = (threshold - u) / slope, and the ideal one at t = 1 - v. Both
    times are equal for v = 1 - threshold / slope + u / slope.

    For other b the ideal ramp reaches it at t = 1 - ln(1 - b v) / ln(1 - b), and the real one, with the same current
    at the same voltage but for its factor, at t = (ln(1 - b threshold) - ln(1 - b u)) / (slope ln(1 - b)). The rest is
    the v at which the first is the second for u = 0. The line v = rest + unit u then passes through both thresholds:
    1 = rest + unit threshold. It is exact at these two points. If the slope has a relative error s, it is wrong by up
    to s b / (8 (1 - b)) between them (Taylor's formula).

    Examples
    --------
    A threshold of 1.1 and a ramp of 1.25 times the slope; u = 0.6 fires at (1.1 - 0.6) / 1.25 = 0.4, as v = 0.6 does:

    >>> rest, unit = ideal_scale(0.0, np.array([1.25]), np.array([1.1]))
    >>> (rest + unit * 0.6).round(12)
    array([0.6])
    """
    if ramp == 0:
        rest = 1 - threshold / slope
    elif ramp * threshold.max() >= 1:
        raise ValueError(f"the nonlinear ramp ({ramp}) never reaches a threshold of {threshold.max():.3g} V_th")
    else:
        rest = -np.expm1(np.log1p(-ramp) - np.log1p(-ramp * threshold) / slope) / ramp
    return np.asarray(rest), np.asarray((1 - rest) / threshold)


def pairs_with_more_drive(
    plus: Float64Array, minus: Float64Array, more: Float64Array, circuit: Circuit
) -> tuple[Float64Array, Float64Array]:
    """Pairs of devices with more drive D, in V_th / T, and the same conductance G.

    Parameters
    ----------
    plus, minus : (n_in, n_out)
        Devices as in `rcspike.DevicePairs`.
    more : (n_in, n_out)
        Drive to add.

    Notes
    -----
    A pair has D = plus d+ - minus d- and G = plus / E+ + minus / abs(E-), with d = 1 - V_D / abs(E) at either rail. If
    plus grows by x and minus by y, G stays for x / E+ = -y / abs(E-), and D grows by x d+ - y d- = more. On infinite
    rails G is 0 for any pair, and x = more.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> pairs_with_more_drive(one, one, 0.5 * one, Circuit(v_syn=2.0))
    (array([[1.25]]), array([[0.75]]))
    """
    on_plus, on_minus = rail_couplings(circuit)
    if on_plus.conductance == on_minus.conductance == 0:
        return plus + more, minus
    more = more / (on_plus.drive * on_minus.conductance + on_minus.drive * on_plus.conductance)
    return plus + more * on_minus.conductance, minus - more * on_plus.conductance

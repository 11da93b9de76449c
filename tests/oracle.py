"""Slow, plain reference for one layer, independent of the package it judges.

Between two input spikes the membrane obeys dv/dt = A - B v, whose solution is

    v(t + d) = v_inf + (v(t) - v_inf) exp(-B d),    v_inf = A / B,

and a straight line where B = 0. Everything here is that formula and its integrals, one neuron of one sample at a time,
in 60-digit arithmetic, rounded to float64 once, at the very end. Times are in units of the charging window, voltages
in units of the threshold. Inputs are taken as given: nothing is validated.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Real = Any  # a 60-digit number; mpmath has no usable static type for it
Spikes = list[tuple[float, list[int]]]  # times in order, each with the inputs that arrive then

mp = mpmath.MPContext()  # a context of its own: no global precision is read or changed
mp.dps = 60

# v_inf = A/B cancels more digits the smaller x = B d is, and charges cancel twice as many: about 1e-60/x^2 is left of
# the 60. Below this x the Taylor expansion in x is taken instead, which neglects at most a relative x. So both sides
# are good to 1e-20.
TINY = mp.mpf("1e-20")


class Interval(NamedTuple):
    """Between two spikes: the inputs that open it, its length, the A and B that hold in it, and v at its start."""

    start: float
    inputs: list[int]
    length: Real
    A: Real
    B: Real
    v: Real


def affine(weights: npt.ArrayLike, e_plus: float, e_minus: float, diode_drop: float = 0.0) -> tuple[Array, Array]:
    """Drive D = w (1 - V_D/|E|) and conductance G = |w|/|E| of resistive synapses; E may be infinite."""
    w = np.asarray(weights, dtype=np.float64)
    rail = np.where(w >= 0, abs(e_plus), abs(e_minus))
    share = np.where(np.isinf(rail), 1.0, (np.minimum(rail, np.finfo(float).max) - diode_drop) / rail)
    return w * share, np.abs(w) / rail


def charge(times: Array, D: Array, G: Array, D0: Array | None = None, G0: Array | None = None) -> Array:
    """v(1), (batch, n_out), for spike times (batch, n_in), above 1 if there is none; D, G (n_in, n_out)."""
    return voltage_at(times, D, G, np.ones(1), D0, G0)[:, :, 0]


def voltage_at(
    times: Array, D: Array, G: Array, at: npt.ArrayLike, D0: Array | None = None, G0: Array | None = None
) -> Array:
    """v(t), (batch, n_out, len(at)), at times 0 <= at <= 1 in any order."""
    at = np.asarray(at, dtype=np.float64)
    neurons = _neurons(D, G, D0, G0)
    v = np.empty((len(times), len(neurons), len(at)))
    for s, row in enumerate(times):
        spikes = _spikes(row)
        opening = np.searchsorted([t for t, _ in spikes], at, side="right") - 1  # the interval each time falls in
        for i, neuron in enumerate(neurons):
            intervals = _intervals(spikes, *neuron)
            for m, (k, t) in enumerate(zip(opening.tolist(), at.tolist(), strict=True)):
                q = intervals[k]
                v[s, i, m] = _relax(q.v, q.A, q.B, mp.mpf(t) - q.start)
    return v


def charge_rectified(
    times: Array, g_plus: Array, rail_plus: Array, g_minus: Array, rail_minus: Array, D0: Array, G0: Array
) -> Array:
    """v(1), (batch, n_out), of devices that conduct only below, or only above, rails of their own.

    From one event to the next the membrane follows the solution of the devices that conduct just behind its start. The
    next event is the first root of v(t) = rail, bisected on that solution, or the end of the interval.
    """
    v_end = np.empty((len(times), g_plus.shape[1]))
    for s, row in enumerate(times):
        spikes = _spikes(row)
        for i in range(g_plus.shape[1]):
            v, on = mp.zero, []
            for (start, inputs), (end, _) in pairwise([*spikes, (1.0, [])]):
                on += [(float(g_plus[j, i]), float(rail_plus[j, i]), 1) for j in inputs]
                on += [(float(g_minus[j, i]), float(rail_minus[j, i]), -1) for j in inputs]
                v = _relax_rectified(v, on, float(D0[i]), float(G0[i]), mp.mpf(end) - start)
            v_end[s, i] = v
    return v_end


def fire(v: npt.ArrayLike, ramp: float = 0.0) -> Array:
    """Output spike times: inf (none) for v <= 0, 0 for v >= 1, else the time the ramp takes from v to the threshold.

    The ramp has coefficient b < 1: t = 1 - ln(1 - b v)/ln(1 - b), which is 1 - v for the ideal ramp, b = 0.
    """
    v = np.asarray(v, dtype=np.float64)
    return np.array([_ramp_time(u, ramp) for u in v.ravel().tolist()], dtype=np.float64).reshape(v.shape)


def readout_times(v: npt.ArrayLike, ramp: float = 0.0) -> Array:
    """Spike times of the last layer before they are clipped: int_v^1 du/(1 - b u) over the same integral from rest.

    The current 1 - b u of a ramp with coefficient b < 1 relates to that at rest; below rest and above the threshold it
    is that of the nearer end.
    """
    v = np.asarray(v, dtype=np.float64)
    nodes, factors = np.polynomial.legendre.leggauss(30)  # exact to rounding for -0.5 < b < 0.5

    def duration(start: Array) -> Array:
        half = (1 - start) / 2
        current = 1 - ramp * (start[..., np.newaxis] + half[..., np.newaxis] * (1 + nodes))
        return np.asarray(half * (factors / current).sum(axis=-1))

    inside = np.clip(v, 0.0, 1.0)
    return np.asarray((duration(inside) - (v - inside) / (1 - ramp * inside)) / duration(np.zeros(())))


def charge_gradient(
    times: Array, D: Array, G: Array, grad_v: Array, D0: Array | None = None, G0: Array | None = None
) -> tuple[Array, Array, Array, Array, Array]:
    """Pull grad_v = dL/dv(1), (batch, n_out), back to (times, D, G, D0, G0), each in the shape of that argument.

    The textbook integrals, with beta(t) = exp(-int_t^1 B ds), all zero for an input that does not spike:

        dv(1)/dt_j = -(D_j - G_j v(t_j)) beta(t_j)
        dv(1)/dD_j = int_{t_j}^1 beta ds
        dv(1)/dG_j = -int_{t_j}^1 v beta ds

    At t_j = 1 exactly, where v(1) has a kink, dv(1)/dt_j is the slope towards earlier times.
    """
    neurons = _neurons(D, G, D0, G0)
    n_in, n_out = D.shape
    grad_t = np.full((len(times), n_in), mp.zero, dtype=object)
    grad_D, grad_G = (np.full((n_in, n_out), mp.zero, dtype=object) for _ in range(2))
    grad_D0, grad_G0 = (np.full(n_out, mp.zero, dtype=object) for _ in range(2))
    for s, row in enumerate(times):
        spikes = _spikes(row)
        for i, neuron in enumerate(neurons):
            d, g = neuron[:2]
            seed = float(grad_v[s, i])
            to_end = mp.zero  # int B ds from the end of the interval to 1
            int_beta, int_v_beta = mp.zero, mp.zero
            for q in reversed(_intervals(spikes, *neuron)):
                within, v_within = _integrals(q)
                tail = mp.exp(-to_end)
                int_beta += tail * within
                int_v_beta += tail * v_within
                to_end += q.B * q.length
                for j in q.inputs:
                    grad_t[s, j] -= seed * (d[j] - g[j] * q.v) * mp.exp(-to_end)
                    grad_D[j, i] += seed * int_beta
                    grad_G[j, i] -= seed * int_v_beta
            grad_D0[i] += seed * int_beta  # the bias is on from 0, the start of the first interval
            grad_G0[i] -= seed * int_v_beta
    rounded = [g.astype(np.float64) for g in (grad_t, grad_D, grad_G, grad_D0, grad_G0)]
    return rounded[0], rounded[1], rounded[2], rounded[3], rounded[4]


def supply_charge(times: Array, D: Array, G: Array, chosen: npt.NDArray[np.bool_]) -> Array:
    """int sum (D - G v) dt over the chosen synapses (n_in, n_out): what their rail delivers, (batch, n_out)."""
    q = np.empty((len(times), D.shape[1]))
    for s, row in enumerate(times):
        for i, neuron in enumerate(_neurons(D, G, None, None)):
            total, A, B = mp.zero, mp.zero, mp.zero
            for k in _intervals(_spikes(row), *neuron):
                for j in k.inputs:
                    if chosen[j, i]:
                        A += neuron[0][j]
                        B += neuron[1][j]
                total += A * k.length - B * _voltage_integral(k)
            q[s, i] = total
    return q


def solve(
    times: Array, D: Array, G: Array, at_end: float = 1.0, D0: Array | None = None, G0: Array | None = None
) -> Array:
    """v(at_end), (batch, n_out), by stepping the differential equation numerically; only there to check the above."""
    from scipy.integrate import solve_ivp  # the oracle itself needs no SciPy

    n_out = D.shape[1]
    bias = np.zeros(n_out) if D0 is None else D0
    leak = np.zeros(n_out) if G0 is None else G0
    v = np.zeros((len(times), n_out))
    for s, row in enumerate(times):
        for start, end in pairwise(np.unique([0.0, *row[row < at_end], at_end])):
            on = row <= start

            def slope(_: float, u: Array, on: npt.NDArray[np.bool_] = on) -> Array:
                rates: Array = (D[on] - G[on] * u).sum(axis=0) + bias - leak * u
                return rates

            v[s] = solve_ivp(slope, (start, end), v[s], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    return v


def _neurons(
    D: Array, G: Array, D0: Array | None, G0: Array | None
) -> list[tuple[list[float], list[float], float, float]]:
    """(D, G, D0, G0) of each neuron as Python floats, which mpmath converts exactly."""
    n_out = D.shape[1]
    bias = [0.0] * n_out if D0 is None else np.asarray(D0, dtype=np.float64).tolist()
    leak = [0.0] * n_out if G0 is None else np.asarray(G0, dtype=np.float64).tolist()
    columns = (np.asarray(x, dtype=np.float64).T.tolist() for x in (D, G))
    return list(zip(*columns, bias, leak, strict=True))


def _spikes(times: Array) -> Spikes:
    """Spikes up to 1 of one sample in order, ties together; the first entry is t = 0, even if no input spikes then."""
    groups: dict[float, list[int]] = {0.0: []}
    for j, t in enumerate(np.asarray(times, dtype=np.float64).tolist()):
        if t <= 1:
            groups.setdefault(t, []).append(j)
    return sorted(groups.items())


def _intervals(spikes: Spikes, D: list[float], G: list[float], D0: float, G0: float) -> list[Interval]:
    """The charging phase of one neuron, interval by interval."""
    intervals = []
    A, B, v = mp.mpf(D0), mp.mpf(G0), mp.zero
    for (start, inputs), (end, _) in pairwise([*spikes, (1.0, [])]):
        for j in inputs:
            A += D[j]
            B += G[j]
        length = mp.mpf(end) - start
        intervals.append(Interval(start, inputs, length, A, B, v))
        v = _relax(v, A, B, length)
    return intervals


def _relax(v: Real, A: Real, B: Real, length: Real) -> Real:
    """The solution of dv/dt = A - B v after `length`, from v."""
    if abs(B * length) < TINY:
        return v + (A - B * v) * length
    v_inf = A / B
    return v_inf + (v - v_inf) * mp.exp(-B * length)


def _relax_rectified(v: Real, on: list[tuple[float, float, int]], D0: float, G0: float, length: Real) -> Real:
    """The membrane after `length`, from v, on devices (conductance, rail, side)."""
    while length > 0:
        slope = D0 - G0 * v + mp.fsum(g * max(side * (rail - v), mp.zero) * side for g, rail, side in on)
        if slope == 0:
            return v
        way = 1 if slope > 0 else -1
        # A rail at v itself is already behind.
        conducting = [(g, rail) for g, rail, side in on if side * (rail - v) > 0 or (rail == v and side != way)]
        A, B = D0 + mp.fsum(mp.mpf(g) * rail for g, rail in conducting), G0 + mp.fsum(g for g, _ in conducting)
        end = _relax(v, A, B, length)
        ahead = [rail for g, rail, _ in on if g > 0 and way * (rail - v) > 0]
        rail = min(ahead, key=lambda r: way * r, default=way * mp.inf)
        if way * (end - rail) <= 0:
            return end
        before, after = mp.zero, length
        for _ in range(210):  # halves the bracket to the last of 60 digits
            middle = (before + after) / 2
            before, after = (before, middle) if way * (_relax(v, A, B, middle) - rail) > 0 else (middle, after)
        v, length = mp.mpf(rail), length - after
    return v


def _integrals(q: Interval) -> tuple[Real, Real]:
    """int exp(-B (end - s)) ds and int v(s) exp(-B (end - s)) ds over one interval."""
    if abs(q.B * q.length) < TINY:
        return q.length, q.v * q.length + q.A * q.length**2 / 2
    decay = mp.exp(-q.B * q.length)
    v_inf = q.A / q.B
    plain = (1 - decay) / q.B
    return plain, v_inf * plain + (q.v - v_inf) * q.length * decay


def _voltage_integral(q: Interval) -> Real:
    """int v dt over one interval."""
    if abs(q.B * q.length) < TINY:
        return q.v * q.length + q.A * q.length**2 / 2
    v_inf = q.A / q.B
    return v_inf * q.length + (q.v - v_inf) * (1 - mp.exp(-q.B * q.length)) / q.B


def _ramp_time(v: float, ramp: float) -> float:
    if v <= 0:
        return math.inf
    if v >= 1:
        return 0.0
    if ramp == 0:
        return 1 - v
    return float(1 - mp.log1p(-mp.mpf(ramp) * v) / mp.log1p(-mp.mpf(ramp)))

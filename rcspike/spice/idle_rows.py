"""Rows that do not conduct, in groups of similar resistors: hundreds load a membrane, each with its own delay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array

_TIMES = np.geomspace(1e-3, 1.0, 25)  # in T, at which charges are compared


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Rows of a membrane to one rail that do not conduct, as one row.

    Parameters
    ----------
    rows : int
        Number of rows.
    multiple : float
        Widths of their switches together, as a multiple of the narrowest.
    ohms : float
        Resistance of the one that stands for them.
    farads : float
        Capacitance of its body, that of all their bodies.
    """

    rows: int
    multiple: float
    ohms: float
    farads: float


def idle_groups(
    ohms: Float64Array,
    widths: Float64Array,
    *,
    junction: float,
    per_ohm: float,
    window: float,
    capacitance: float,
    allowed: float,
) -> list[RowGroup]:
    """Groups of rows that do not conduct, by their time constants.

    The bounds of the groups are equally spaced in the logarithm of these, and their number is the smallest one
    whose error is allowed: from a membrane that rises from rest to V_th within T, the groups must at all times until
    then have taken the same charge as the rows, to `allowed` C V_th. That moves the spike of this ramp by `allowed` T.
    Rows whose time constant is far below T share a group.

    Parameters
    ----------
    ohms : (n,)
        Resistances between membrane and switch, n at least 1.
    widths : (n,)
        Of the switches, as multiples of the narrowest.
    junction : float
        Capacitance in F of the narrowest open switch, at the end of the resistor.
    per_ohm : float
        Capacitance in F per ohm of the bodies of the resistors.
    window, capacitance : float
        T in s and C in F.
    allowed : float
        In units of C V_th; with 0 each row is by itself.

    Notes
    -----
    A row is a line of resistance R and capacitance C_l with the junction c_j at its end. A membrane of slope s charges
    it to ``(C_l + c_j) s (t - tau)`` after some time constants ``tau = R (C_l^2 / 3 + C_l c_j + c_j^2) / (C_l + c_j)``;
    until then the error is computed as if tau were its only time constant. The row that stands for a group has the
    capacitances of all of them, and the resistance with which it takes their charge in the end.

    Examples
    --------
    >>> alike = dict(junction=0.3e-15, per_ohm=0.0, window=1e-6, capacitance=1e-12)
    >>> [group] = idle_groups(np.array([1e6, 3e6]), np.ones(2), **alike, allowed=1e-5)
    >>> group.rows, group.multiple, round(group.ohms)
    (2, 2.0, 1000000)
    >>> len(idle_groups(np.array([1e6, 3e6]), np.ones(2), **alike, allowed=0.0))
    2
    """
    n = len(ohms)
    if allowed > 0:
        farads = per_ohm * ohms + junction * widths
        late = ohms * _moment(per_ohm * ohms, junction * widths)  # charge times time constant, per slope, in F s
        tau = late / farads
        order = np.argsort(tau)
        ohms, widths, farads, late, tau = (x[order] for x in (ohms, widths, farads, late, tau))
        # What each row has not taken by then, in C V_th, of which a group must have the same: (n, times).
        behind = _behind(late, tau, window) / capacitance
        for count in range(1, n):
            edges = np.geomspace(tau[0], tau[-1], count + 1)[1:-1]
            starts = np.unique(np.concatenate([[0], np.searchsorted(tau, edges)]))
            sums = [np.add.reduceat(x, starts) for x in (late, farads)]
            error = _behind(sums[0], sums[0] / sums[1], window) / capacitance - np.add.reduceat(behind, starts)
            if np.max(np.abs(error).sum(axis=0)) <= allowed:
                return list(_made(ohms, widths, starts, junction, per_ohm))
    return list(_made(ohms, widths, np.arange(n), junction, per_ohm))


def _moment(body: Any, junction: Any) -> Any:
    return body**2 / 3 + body * junction + junction**2


def _behind(late: Float64Array, tau: Float64Array, window: float) -> Float64Array:
    """(n, times) of what rows or groups have not taken from the ramp, in F."""
    return late[:, np.newaxis] / window * -np.expm1(-window * _TIMES / tau[:, np.newaxis])


def _made(
    ohms: Float64Array, widths: Float64Array, starts: npt.NDArray[np.int64], junction: float, per_ohm: float
) -> Iterator[RowGroup]:
    for rows, wide in zip(np.split(ohms, starts[1:]), np.split(widths, starts[1:]), strict=True):
        farads, late = per_ohm * float(np.sum(rows)), float(np.sum(rows * _moment(per_ohm * rows, junction * wide)))
        multiple = float(np.sum(wide))
        yield RowGroup(
            rows=len(rows), multiple=multiple, ohms=late / _moment(farads, multiple * junction), farads=farads
        )

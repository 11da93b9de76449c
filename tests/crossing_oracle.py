"""Slow, plain reference for neurons that spike while they charge; independent of the package, as `oracle` is.

A membrane is followed from input spike to input spike in 60-digit arithmetic. In the interval at whose end it is at the
threshold or above, Newton's method finds the crossing from the start of the interval. The solution rises there and is
concave, so that each tangent meets the threshold before the solution does, and no step goes too far.
Derivatives are central differences of these times, over steps of 1e-12: what they neglect is of order 1e-24.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from oracle import Array, Real, _relax, mp

STEP = mp.mpf("1e-12")
ROUNDING = mp.mpf("1e-50")  # Newton's steps double the digits: after one of 1e-50 all 60 are there
_STEPS = (STEP, -STEP)


class Neuron(NamedTuple):
    """Synapses of one neuron as 60-digit numbers."""

    D: list[Real]
    G: list[Real]
    D0: Real
    G0: Real
    threshold: Real


def neuron(D: Array, G: Array, i: int, D0: float = 0.0, G0: float = 0.0, threshold: float = 1.0) -> Neuron:
    """Number i of a layer with drives D and conductances G, (n_in, n_out)."""
    return Neuron(_exact(D[:, i]), _exact(G[:, i]), mp.mpf(D0), mp.mpf(G0), mp.mpf(threshold))


def first_spike(
    times: Array, D: Array, G: Array, D0: Array | None = None, G0: Array | None = None
) -> tuple[Array, Array]:
    """Spike times (batch, n_out), inf where there is none, and the slopes dv/dt at the threshold."""
    n_out = D.shape[1]
    bias, leak = (np.zeros(n_out) if row is None else row for row in (D0, G0))
    found = np.full((len(times), n_out), np.inf)
    slopes = np.full((len(times), n_out), np.nan)
    for i in range(n_out):
        one = neuron(D, G, i, float(bias[i]), float(leak[i]))
        for s, row in enumerate(times):
            crossing = cross(_exact(row), one)
            if crossing is not None:
                found[s, i], slopes[s, i] = crossing
    return found, slopes


def first_spike_gradient(
    times: Array, D: Array, G: Array, grad: Array, D0: Array | None = None, G0: Array | None = None
) -> tuple[Array, Array, Array, Array, Array]:
    """Pull grad = dL/dt of the spikes back to (times, D, G, D0, G0); neurons that do not spike do not move."""
    n_in, n_out = D.shape
    bias, leak = (np.zeros(n_out) if row is None else row for row in (D0, G0))
    grad_t, grad_D, grad_G = np.zeros(times.shape), np.zeros((n_in, n_out)), np.zeros((n_in, n_out))
    grad_D0, grad_G0 = np.zeros(n_out), np.zeros(n_out)
    for i in range(n_out):
        one = neuron(D, G, i, float(bias[i]), float(leak[i]))
        for s, row in enumerate(times):
            t, seed = _exact(row), float(grad[s, i])
            if cross(t, one) is None:
                continue
            for j in range(n_in):
                if row[j] == np.inf:
                    continue
                grad_t[s, j] += seed * _slope((_moved(t, j, h), one) for h in _STEPS)
                grad_D[j, i] += seed * _slope((t, one._replace(D=_moved(one.D, j, h))) for h in _STEPS)
                grad_G[j, i] += seed * _slope((t, one._replace(G=_moved(one.G, j, h))) for h in _STEPS)
            grad_D0[i] += seed * _slope((t, one._replace(D0=one.D0 + h)) for h in _STEPS)
            grad_G0[i] += seed * _slope((t, one._replace(G0=one.G0 + h)) for h in _STEPS)
    return grad_t, grad_D, grad_G, grad_D0, grad_G0


def cross(times: list[Real], one: Neuron) -> tuple[Real, Real] | None:
    """Spike time and slope of a neuron, or None; an input spikes at each finite time."""
    groups: dict[Real, list[int]] = {mp.zero: []}
    for j, t in enumerate(times):
        if t != mp.inf:
            groups.setdefault(t, []).append(j)
    starts = sorted(groups)
    A, B, v = one.D0, one.G0, mp.zero
    for start, end in zip(starts, [*starts[1:], mp.inf], strict=True):
        for j in groups[start]:
            A += one.D[j]
            B += one.G[j]
        slope = A - B * one.threshold
        length = end - start
        if length == mp.inf:
            if slope <= 0:
                return None
            length = mp.one
            while _relax(v, A, B, length) < one.threshold:
                length *= 2
        after = _relax(v, A, B, length)
        if slope > 0 and after >= one.threshold:  # a membrane that tends to the threshold comes as close as 60 digits
            t, step = mp.zero, length
            while step > ROUNDING:
                at = _relax(v, A, B, t)
                step = (one.threshold - at) / (A - B * at)
                t += step
            return start + t, slope
        v = after
    return None


def _exact(numbers: npt.ArrayLike) -> list[Real]:
    return [mp.mpf(x) for x in np.asarray(numbers, dtype=np.float64).tolist()]


def _moved(numbers: list[Real], j: int, h: Real) -> list[Real]:
    return [*numbers[:j], numbers[j] + h, *numbers[j + 1 :]]


def _slope(at: Iterable[tuple[list[Real], Neuron]]) -> float:
    """Central difference of the spike times of (times, neuron) at both steps."""
    above, below = (cross(*one) for one in at)
    assert above is not None and below is not None
    return float((above[0] - below[0]) / (2 * STEP))

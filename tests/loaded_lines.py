"""References for rows that load the membrane; they share no line with the package.

`line_voltages` integrates each resistor as a chain of RC sections, with switches that open and close; `lumped_voltages`
follows the lumped rules of docs/row-loads.md event by event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Device:
    """A resistor between a rail and the membrane, in V_th, T and C, where C is the membrane with all rows open."""

    time: float  # at which its switch closes
    g: float
    rail: float
    body: float  # capacitance of its resistor
    position: float  # of the switch, as a fraction of the resistor from the rail
    junction: float  # of the open switch, at the side of the membrane


def lumped_voltages(devices: Sequence[Device]) -> float:
    """v(1) after all switches have opened, by the lumped rules; the devices of equal times close together."""
    v, now, on = 0.0, 0.0, list[Device]()
    for time in sorted({d.time for d in devices if d.time <= 1}):
        v, now = _relaxed(v, time - now, on), time
        new = [d for d in devices if d.time == time]
        on += new
        kick = sum(
            ((1 / 6 - d.position**2 / 2) * d.body + d.position * (1 - d.position) * d.junction) * (v - d.rail)
            for d in new
        )
        v += kick / _capacitance(on)
    v = _relaxed(v, 1 - now, on)
    return v + sum(((1 - d.position) ** 2 / 2 * d.body + (1 - d.position) * d.junction) * (d.rail - v) for d in on)


def _capacitance(on: Sequence[Device]) -> float:
    closing = ((1 / 3 - 1 + d.position) * d.body + (d.position**2 - 1) * d.junction for d in on)
    return 1 + sum(closing)


def _relaxed(v: float, duration: float, on: Sequence[Device]) -> float:
    G = sum(d.g for d in on)
    if G == 0:
        return v
    end = sum(d.g * d.rail for d in on) / G
    return end + (v - end) * float(np.exp(-G * duration / _capacitance(on)))


def line_voltages(devices: Sequence[Device], sections: int = 30, *, rest: float = 0.0) -> float:
    """v(1) after all switches have opened and all lines have settled.

    Node 0 is the membrane. A device's line has `sections` equal resistors, with half of each section's capacitance at
    either end; the switch is between two nodes of the line, at `position`, which must be a whole number of sections.
    """
    capacitance = [1 - sum((1 - d.position) * d.body + d.junction for d in devices)]
    voltages, links = [rest], list[tuple[int, int, float]]()  # resistors between nodes; -1 is the rail
    switches, rails = list[tuple[int, int]](), dict[int, list[tuple[float, float]]]()
    for d in devices:
        n = round(d.position * sections)
        assert abs(n - d.position * sections) < 1e-9 and n < sections
        g, c = d.g * sections, d.body / sections
        first = len(capacitance)
        # The rail's part: nodes 1 .. n, of which the last is the switch; without any, the switch is at the rail.
        capacitance += [c] * (n - 1) + [c / 2] * (n > 0)
        voltages += [d.rail] * n
        for i in range(n):
            if i == 0:
                rails.setdefault(first, []).append((g, d.rail))
            else:
                links.append((first + i - 1, first + i, g))
        # The membrane's part: the switch's node, then inner nodes, then the membrane.
        begin = len(capacitance)
        m = sections - n
        capacitance += [c / 2 + d.junction] + [c] * (m - 1)
        voltages += [rest] * m
        capacitance[0] += c / 2
        for i in range(m):
            links.append((begin + i, begin + i + 1 if i + 1 < m else 0, g))
        switches.append((first + n - 1 if n > 0 else -1, begin))
    return _integrated(devices, np.array(capacitance), np.array(voltages), links, switches, rails, sections)


def _integrated(
    devices: Sequence[Device],
    capacitance: Array,
    v: Array,
    links: Sequence[tuple[int, int, float]],
    switches: Sequence[tuple[int, int]],
    rails: dict[int, list[tuple[float, float]]],
    sections: int,
) -> float:
    n = len(v)
    fixed = np.zeros((n, n))
    source = np.zeros(n)

    def connect(of: Array, a: int, b: int, g: float) -> None:
        of[a, a] += g
        of[b, b] += g
        of[a, b] -= g
        of[b, a] -= g

    for a, b, g in links:
        connect(fixed, a, b, g)
    for node, sources in rails.items():
        for g, rail in sources:
            fixed[node, node] += g
            source[node] += g * rail
    # A closed switch has a resistance of a thousandth of a section.
    closed = [1e3 * sections * d.g for d in devices]

    def advance(v: Array, on: Sequence[int], duration: float) -> Array:
        K, s = fixed.copy(), source.copy()
        for i in on:
            a, b = switches[i]
            if a < 0:
                K[b, b] += closed[i]
                s[b] += closed[i] * devices[i].rail
            else:
                connect(K, a, b, closed[i])
        root = 1 / np.sqrt(capacitance)
        rates, modes = eigh(K * np.outer(root, root))
        z, drive = modes.T @ (v / root), modes.T @ (s * root)
        decay = np.exp(-np.maximum(rates, 0) * duration)
        gain = np.where(rates > 1e-9, (1 - decay) / np.maximum(rates, 1e-9), duration)
        return root * (modes @ (decay * z + gain * drive))

    now, on = 0.0, list[int]()
    for time in sorted({d.time for d in devices if d.time <= 1}):
        v, now = advance(v, on, time - now), time
        on += [i for i, d in enumerate(devices) if d.time == time]
    v = advance(v, on, 1 - now)
    slowest = max((d.body + d.junction) / d.g for d in devices)
    return float(advance(v, [], 40 * slowest)[0])

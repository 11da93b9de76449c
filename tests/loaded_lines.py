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
    gate: float = 0.0  # charge that the switch puts on the membrane as it opens, in C V_th


def lumped_voltages(devices: Sequence[Device], *, until: float | None = None) -> float:
    """v(1) after all switches have opened, by the lumped rules; the devices of equal times close together.

    At an earlier time no switch has opened.
    """
    v, now, on = 0.0, 0.0, list[Device]()
    end = 1.0 if until is None else until
    for time in sorted({d.time for d in devices if d.time <= end}):
        v, now = _relaxed(v, time - now, on), time
        new = [d for d in devices if d.time == time]
        on += new
        kick = sum(
            ((1 / 6 - d.position**2 / 2) * d.body + d.position * (1 - d.position) * d.junction) * (v - d.rail)
            for d in new
        )
        v += kick / _capacitance(on)
    v = _relaxed(v, end - now, on)
    if until is not None:
        return v
    opened = ((1 - d.position) ** 2 / 2 * d.body + (1 - d.position) * d.junction for d in on)
    return v + sum(c * (d.rail - v) + d.gate for c, d in zip(opened, on, strict=True))


def _capacitance(on: Sequence[Device]) -> float:
    closing = ((1 / 3 - 1 + d.position) * d.body + (d.position**2 - 1) * d.junction for d in on)
    return 1 + sum(closing)


def _relaxed(v: float, duration: float, on: Sequence[Device]) -> float:
    G = sum(d.g for d in on)
    if G == 0:
        return v
    end = sum(d.g * d.rail for d in on) / G
    return end + (v - end) * float(np.exp(-G * duration / _capacitance(on)))


@dataclass(frozen=True)
class Charged:
    """A membrane after charging, once all switches have opened and all lines have settled."""

    v: float
    plus: float  # charges in C V_th that the rails above and below rest have delivered
    minus: float


def line_voltages(devices: Sequence[Device], sections: int = 30) -> float:
    """v(1) after all switches have opened and all lines have settled."""
    return charged_lines(devices, sections).v


def charged_lines(devices: Sequence[Device], sections: int = 30) -> Charged:
    """Integrate the column with lines instead of resistors.

    Node 0 is the membrane. A device's line has `sections` equal resistors, with half of each section's capacitance at
    either end; the switch is between two nodes of the line, at `position`, which must be a whole number of sections.
    """
    capacitance = [1 - sum((1 - d.position) * d.body + d.junction for d in devices)]
    voltages, links = [0.0], list[tuple[int, int, float]]()  # resistors between nodes
    switches, rails = list[tuple[int, int]](), list[tuple[int, float, float]]()  # -1 is the rail
    for d in devices:
        n = round(d.position * sections)
        assert abs(n - d.position * sections) < 1e-9 and n < sections
        g, c = d.g * sections, d.body / sections
        first = len(capacitance)
        # The rail's part: inner nodes, and that of the switch; without any, the switch is at the rail.
        capacitance += [c] * (n - 1) + [c / 2] * (n > 0)
        voltages += [d.rail] * n
        rails += [(first, g, d.rail)] * (n > 0)
        links += [(first + i - 1, first + i, g) for i in range(1, n)]
        # The membrane's part: the switch's node, then inner nodes, then the membrane.
        begin, m = len(capacitance), sections - n
        capacitance += [c / 2 + d.junction] + [c] * (m - 1)
        voltages += [0.0] * m
        capacitance[0] += c / 2
        links += [(begin + i, begin + i + 1 if i + 1 < m else 0, g) for i in range(m)]
        switches.append((first + n - 1 if n > 0 else -1, begin))
    lines = _Lines(np.array(capacitance), links, rails)
    v, now, on, delivered = np.array(voltages), 0.0, list[tuple[int, int, float, float]](), np.zeros(2)
    for time in [*sorted({d.time for d in devices if d.time <= 1}), 1.0]:
        v, charge = lines.advance(v, on, time - now)
        now, delivered = time, delivered + charge
        # A closed switch has a resistance of a thousandth of a section.
        closing = [(*switches[i], 1e3 * sections * d.g, d.rail) for i, d in enumerate(devices) if d.time == time]
        on += closing if time < 1 else []
    settled = 40 * max((d.body + d.junction) / d.g for d in devices)
    v, charge = lines.advance(v, [], settled)
    plus, minus = (delivered + charge).tolist()
    return Charged(float(v[0]), plus, minus)


@dataclass(frozen=True)
class _Lines:
    capacitance: Array  # of the nodes
    links: Sequence[tuple[int, int, float]]
    rails: Sequence[tuple[int, float, float]]  # node, conductance to the rail, its voltage

    def advance(self, v: Array, on: Sequence[tuple[int, int, float, float]], duration: float) -> tuple[Array, Array]:
        """Voltages after a time, and the charges of both rails, by the modes of the network."""
        n = len(v)
        K, source = np.zeros((n, n)), np.zeros(n)
        to_rails = [*self.rails, *((b, g, rail) for a, b, g, rail in on if a < 0)]
        for a, b, g in [*self.links, *((a, b, g) for a, b, g, _ in on if a >= 0)]:
            K[[a, b], [a, b]] += g
            K[[a, b], [b, a]] -= g
        for node, g, rail in to_rails:
            K[node, node] += g
            source[node] += g * rail
        root = 1 / np.sqrt(self.capacitance)
        rates, modes = eigh(K * np.outer(root, root), driver="evd")
        z, drive = modes.T @ (v / root), modes.T @ (source * root)
        still, rates = rates < 1e-9, np.maximum(rates, 1e-9)
        decay = np.where(still, 1, np.exp(-rates * duration))
        gain = np.where(still, duration, (1 - decay) / rates)
        of_drive = np.where(still, duration**2 / 2, (duration - gain) / rates)
        integral = root * (modes @ (gain * z + of_drive * drive))
        charges = np.zeros(2)
        for node, g, rail in to_rails:
            charges[0 if rail > 0 else 1] += g * (rail * duration - integral[node])
        return root * (modes @ (decay * z + gain * drive)), charges

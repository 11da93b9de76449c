"""Supplies that droop along their wires."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike.nonideal._check import take_number
from rcspike.nonideal._stages import Fixed
from rcspike.nonideal.chip_layer import Array, ChipLayer

__all__ = ["WireResistance"]


@dataclass(frozen=True, kw_only=True)
class WireResistance(Fixed):
    """Voltage drop along the two supply wires of a column, to first order.

    The wires are fed at the first input's end, and devices are taken to conduct during the whole phase.

    The voltage over device j falls by the currents of all devices k through the wire they share,
    ``g_j <- g_j (1 - r (j g_j + activity sum_{k != j} min(j, k) g_k))`` with j and k counted from 1.

    Parameters
    ----------
    resistance : float
        r, of the wire from one cell to the next, in T / C: an ohm is ``1 * C / T``, 1.4e-7 for 140 fF and 1 us.
    activity : float
        Fraction of the other devices that conduct at the same time, in [0, 1]; one number for the whole phase.

    Raises
    ------
    ValueError
        When applied, if the relative drop exceeds a half: there the first order is not valid.

    Notes
    -----
    aihwkit counts 0.35 ohm a cell. Where all devices conduct during the whole phase, the error is of the order of the
    square of the droop. With spikes, devices conduct from their spikes on only, and the error is as large as the effect
    itself: with ``activity=1`` it can exceed that of leaving the wires out (docs/devices.md, "Wires and spikes").

    Examples
    --------
    >>> WireResistance(resistance=4.9e-8)  # 0.35 ohm
    WireResistance(resistance=4.9e-08, activity=1.0)
    """

    resistance: float
    activity: float = 1.0
    name: ClassVar[str] = "wire_resistance"
    size: ClassVar[str] = "resistance"

    def __post_init__(self) -> None:
        take_number(self, "resistance", 0)
        take_number(self, "activity", 0, 1)

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        g_plus, g_minus = layer.conductances()
        return replace(layer, plus=layer.plus * self._left(g_plus), minus=layer.minus * self._left(g_minus))

    def _left(self, g: Array) -> Array:
        """Fraction of the supply voltage at each device."""
        through = np.cumsum(g[::-1], axis=0)[::-1]  # each segment carries the currents of all devices behind it
        own = np.arange(1, len(g) + 1)[:, None] * g
        droop = self.resistance * (self.activity * np.cumsum(through, axis=0) + (1 - self.activity) * own)
        if droop.max() > 0.5:
            raise ValueError(
                f"wire_resistance: {self.resistance:g} T / C makes the supply droop by {droop.max():.0%}, too much for "
                "first order; lower resistance, or cut the array into shorter columns"
            )
        return np.asarray(1 - droop)

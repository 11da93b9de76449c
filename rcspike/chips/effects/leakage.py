"""Currents that flow where none should: through open switches and out of the membrane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative, Share


@dataclass(frozen=True, kw_only=True)
class OffLeakage(Fixed):
    """Synapses conduct a fraction of their current before their input spikes, or if it never spikes.

    Parameters
    ----------
    share : float
        Current through an open switch, divided by that through a closed one, in [0, 1].

    Examples
    --------
    >>> OffLeakage(share=1e-4)  # switches with a ratio of 10,000
    OffLeakage(share=0.0001)
    """

    share: Share
    name: ClassVar[str] = "off_leakage"
    size: ClassVar[str] = "share"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, off_share=layer.off_share + self.share)


@dataclass(frozen=True, kw_only=True)
class MembraneLeak(Fixed):
    """The membrane leaks towards its resting voltage.

    Parameters
    ----------
    conductance : float
        Leak conductance in C / T: the window divided by the time constant of the leak.

    Examples
    --------
    >>> MembraneLeak(conductance=0.01)  # a time constant of 100 windows
    MembraneLeak(conductance=0.01)
    """

    conductance: NonNegative
    name: ClassVar[str] = "membrane_leak"
    size: ClassVar[str] = "conductance"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, leak=layer.leak + self.conductance)


@dataclass(frozen=True, kw_only=True)
class SwitchLeakage(Fixed):
    """Each open switch leaks a current towards its rail that its resistor does not limit.

    `OffLeakage` is a current in proportion to that of the closed switch; this one is that of the transistor alone.
    Pairs of two devices leak towards both rails, which cancels. A device that cannot conduct, of conductance 0 where
    devices reach down to 0, has no switch.

    Parameters
    ----------
    current : float
        In C V_th / T: an ampere is ``T / (C V_th)`` of them. 1 pA is 1.1e-6 at 1 pF, 0.872 V and 1 us.

    Notes
    -----
    The current is taken as constant, which a transistor's is as long as the voltage across it is above some 0.1 V. A
    transistor of SKY130 that is 0.42 um wide and 0.15 um long leaks 5.9 nA at 85 degrees Celsius in the fast corner
    (simulated with ngspice for this project); one of 0.25 um is the remedy.

    Examples
    --------
    >>> SwitchLeakage(current=1.1e-6)
    SwitchLeakage(current=1.1e-06)
    """

    current: NonNegative
    name: ClassVar[str] = "switch_leakage"
    size: ClassVar[str] = "current"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, off_current=layer.off_current + self.current)

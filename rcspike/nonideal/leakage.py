"""Currents that flow where none should: through open switches and out of the membrane."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike.nonideal._check import take_number
from rcspike.nonideal._stages import Fixed
from rcspike.nonideal.chip_layer import ChipLayer

__all__ = ["MembraneLeak", "OffLeakage"]


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

    share: float
    name: ClassVar[str] = "off_leakage"
    size: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        take_number(self, "share", 0, 1)

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

    conductance: float
    name: ClassVar[str] = "membrane_leak"
    size: ClassVar[str] = "conductance"

    def __post_init__(self) -> None:
        take_number(self, "conductance", 0)

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, leak=layer.leak + self.conductance)

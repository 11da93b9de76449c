"""When an effect acts: once, as a chip is made, or at every inference, on its devices or on its spike times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.parameter_checks import take_parameters


class Effect(ABC):
    """A difference between real and ideal circuits.

    Every effect is a frozen dataclass with a `name`, under which its random numbers are drawn and a file lists it, and
    a `size`: the field that grows with it. Fields declare their ranges.
    """

    name: ClassVar[str]
    size: ClassVar[str]
    needs_phases: ClassVar[bool] = False  # whether it acts on the ramp or the end of charging of two-phase neurons

    def __post_init__(self) -> None:
        take_parameters(self)

    @property
    def is_absent(self) -> bool:
        """Whether it changes nothing."""
        return bool(getattr(self, self.size) == 0)


class Fixed(Effect):
    """A fixed pattern, drawn once for each chip."""

    @abstractmethod
    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        """A layer with this effect."""


class Reading(Effect):
    """Changes of the devices with each reading, drawn once for each inference of a batch."""

    @abstractmethod
    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        """A layer as it is during this inference."""


class Shift(Effect):
    """Random shifts of spike times, drawn for each spike.

    Like spike-time noise in `rcspike.Network.forward`, it leaves silent neurons silent, and moves no spike before the
    start of its phase.
    """

    @abstractmethod
    def shifts(self, batch: int, n_out: int, rng: np.random.Generator) -> FloatArray:
        """Shifts to add to spike times, (batch, n_out), in T, as float32."""


class TimeMap(Effect):
    """A deterministic map of spike times."""

    @abstractmethod
    def times(self, t: FloatArray) -> FloatArray:
        """Times (batch, n_out) with this effect, in T and in the same dtype; inf means no spike."""

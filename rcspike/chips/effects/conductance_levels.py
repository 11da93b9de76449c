"""Devices that can be set to some levels only."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import take_number


@dataclass(frozen=True, kw_only=True)
class Levels(Fixed):
    """Each device takes the nearest of 2^bits levels, equally spaced from g_min to g_max.

    A pair of devices thus has 2^(bits + 1) - 1 different weights.

    Parameters
    ----------
    bits : float
        A whole number from 1 to 16; ``math.inf`` for no quantisation.

    Examples
    --------
    >>> Levels(bits=4).is_absent, Levels(bits=math.inf).is_absent
    (False, True)
    """

    bits: float
    name: ClassVar[str] = "levels"
    size: ClassVar[str] = "bits"

    def __post_init__(self) -> None:
        if self.bits == math.inf:
            object.__setattr__(self, "bits", math.inf)
            return
        take_number(self, "bits", 1, 16)
        if not self.bits.is_integer():
            raise ValueError(f"levels: bits must be a whole number or inf, got {self.bits}")

    @property
    def is_absent(self) -> bool:
        return math.isinf(self.bits)

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        step = (layer.g_max - layer.g_min) / (2 ** int(self.bits) - 1)

        def nearest(g: Float64Array) -> Float64Array:
            return np.asarray(layer.g_min + step * np.rint((g - layer.g_min) / step))

        return replace(layer, plus=nearest(layer.plus), minus=nearest(layer.minus))

"""Devices that fluctuate: another conductance each time they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Reading
from rcspike.chips.effects.parameter_checks import NonNegative


@dataclass(frozen=True, kw_only=True)
class ReadNoise(Reading):
    """Gaussian fluctuation of every conductance, constant during an inference.

    Parameters
    ----------
    sigma : float
        Standard deviation as a fraction of g_max, or of g if `proportional`; conductances are limited to at least 0.
    proportional : bool

    Notes
    -----
    The default is the read noise for which aihwkit's preset trains networks, 0.0175 of the largest weight (Rasch et
    al. 2023).

    Examples
    --------
    >>> ReadNoise()
    ReadNoise(sigma=0.0175, proportional=False)
    """

    sigma: NonNegative = 0.0175
    proportional: bool = False
    name: ClassVar[str] = "read_noise"
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def read(g: Float64Array) -> Float64Array:
            unit = g if self.proportional else layer.g_max
            return np.maximum(g + self.sigma * unit * rng.standard_normal(g.shape), 0)

        return replace(layer, plus=read(layer.plus), minus=read(layer.minus))


@dataclass(frozen=True, kw_only=True)
class FlickerNoise(Reading):
    """1/f noise of phase-change memory, which grows with the time since programming.

    Parameters
    ----------
    time : float
        Since programming, in s.

    Notes
    -----
    aihwkit's model of phase-change memory: sigma / g = min(0.0088 / x^0.65, 0.2) sqrt(ln((time + t_r) / (2 t_r)))
    with x = g / g_max and t_r = 250 ns.

    Examples
    --------
    >>> FlickerNoise(time=1.0)
    FlickerNoise(time=1.0)
    """

    time: NonNegative
    name: ClassVar[str] = "flicker_noise"
    size: ClassVar[str] = "time"

    @property
    def is_absent(self) -> bool:
        return self.time <= _READ_TIME

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        spread = math.sqrt(math.log((self.time + _READ_TIME) / (2 * _READ_TIME)))

        def read(g: Float64Array) -> Float64Array:
            x = np.maximum(g / layer.g_max, 1e-12)
            error = np.minimum(0.0088 / x**0.65, 0.2) * spread
            return np.maximum(g * (1 + error * rng.standard_normal(g.shape)), 0)

        return replace(layer, plus=read(layer.plus), minus=read(layer.minus))


_READ_TIME = 250e-9

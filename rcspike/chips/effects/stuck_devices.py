"""Devices that cannot be programmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import Share


@dataclass(frozen=True, kw_only=True)
class Stuck(Fixed):
    """A fraction of all devices is stuck: off at g_min, or on at g_max.

    Parameters
    ----------
    share : float
        Fraction of all devices that are stuck, in [0, 1].
    on : float
        Fraction of the stuck devices that are stuck on, in [0, 1].
    known : bool
        Whether the programmer knows the stuck devices, and sets the other device of a pair to approximate the weight.

    Notes
    -----
    About 10 % of the cells of an HfO2 test chip were faulty (MDPI Electronics 10(19), 2427). The process
    decides between off and on: a device that was never formed stays off, a shorted one on.

    Examples
    --------
    >>> Stuck(share=0.1, on=0.5)
    Stuck(share=0.1, on=0.5, known=False)
    """

    share: Share
    on: Share = 0.0
    known: bool = False
    name: ClassVar[str] = "stuck"
    size: ClassVar[str] = "share"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def stuck(g: Float64Array) -> tuple[npt.NDArray[np.bool_], Float64Array]:
            u = rng.random(g.shape)
            return u < self.share, np.where(u < self.share * self.on, layer.g_max, layer.g_min)

        (is_plus, at_plus), (is_minus, at_minus) = stuck(layer.plus), stuck(layer.minus)
        plus, minus = layer.plus, layer.minus
        if self.known:
            w = plus - minus
            plus, minus = (
                np.where(is_minus, np.clip(at_minus + w, layer.g_min, layer.g_max), plus),
                np.where(is_plus, np.clip(at_plus - w, layer.g_min, layer.g_max), minus),
            )
        return replace(layer, plus=np.where(is_plus, at_plus, plus), minus=np.where(is_minus, at_minus, minus))

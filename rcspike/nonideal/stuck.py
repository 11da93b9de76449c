"""Devices that cannot be programmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike.devices import Array, Layer
from rcspike.nonideal._check import check_range
from rcspike.nonideal._stages import Fixed

__all__ = ["Stuck"]


@dataclass(frozen=True, kw_only=True)
class Stuck(Fixed):
    """A share of all devices is stuck: off, at g_min, or on, at g_max.

    Parameters
    ----------
    share : float
        Of all devices that are stuck, in [0, 1].
    on : float
        Of the stuck ones those that are stuck on, in [0, 1].

    Notes
    -----
    About 10 % of the cells of an HfO2 test chip were faulty (MDPI Electronics 10(19), 2427). Which way is a matter of
    the process: a device that was never formed stays off, a shorted one on.

    Examples
    --------
    >>> Stuck(share=0.1, on=0.5)
    Stuck(share=0.1, on=0.5)
    """

    share: float
    on: float = 0.0
    name: ClassVar[str] = "stuck"
    size: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        check_range(self, "share", 0, 1)
        check_range(self, "on", 0, 1)

    def apply(self, layer: Layer, rng: np.random.Generator) -> Layer:
        def stuck(g: Array) -> Array:
            u = rng.random(g.shape)
            at = np.where(u < self.share * self.on, layer.greatest, layer.least)
            return np.where(u < self.share, at, g)

        return replace(layer, plus=stuck(layer.plus), minus=stuck(layer.minus))

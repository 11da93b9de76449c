"""Conductances that scatter from device to device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative


@dataclass(frozen=True, kw_only=True)
class Variation(Fixed):
    """Random error of every conductance, independent from device to device.

    Parameters
    ----------
    sigma : float
        "lognormal": standard deviation of ln g, whose median stays in place. "gaussian": standard deviation as a
        fraction of g; conductances are limited to at least 0. "absolute": Gaussian, as a fraction of g_max.
    kind : {"lognormal", "gaussian", "absolute"}

    Notes
    -----
    The three common models of device studies; resistive memories are often described by sigma(ln R) of 0.1 to 0.5, and
    CrossSim's generic device errors are of these kinds.

    Examples
    --------
    >>> Variation(sigma=0.2).is_absent, Variation(sigma=0.0).is_absent
    (False, True)
    """

    sigma: NonNegative
    kind: Literal["lognormal", "gaussian", "absolute"] = "lognormal"
    name: ClassVar[str] = "variation"
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def varied(g: Float64Array) -> Any:
            error = self.sigma * rng.standard_normal(g.shape)
            if self.kind == "lognormal":
                return g * np.exp(error)
            return np.maximum(g + error * (g if self.kind == "gaussian" else layer.g_max), 0)

        return replace(layer, plus=varied(layer.plus), minus=varied(layer.minus))

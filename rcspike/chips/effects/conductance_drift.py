"""Conductances that fall with time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative


@dataclass(frozen=True, kw_only=True)
class Drift(Fixed):
    """Drift after programming, g (time / t0)^-nu, with an exponent nu of its own for each device.

    Parameters
    ----------
    time : float
        Since programming, in s; nothing happens before t0.
    t0 : float
        When the devices were read after programming, in s.
    nu, nu_std : float, optional
        Mean and standard deviation of the exponent. By default those published for phase-change memory, which depend on
        x = g / g_max: clip(-0.0155 ln x + 0.0244, 0.049, 0.1) and clip(-0.0125 ln x - 0.0059, 0.008, 0.045).

    Notes
    -----
    The defaults are those of aihwkit's model of phase-change memory. Exponents below 0 are taken as 0.

    Examples
    --------
    >>> Drift(time=86400.0).is_absent, Drift(time=20.0).is_absent
    (False, True)
    """

    time: NonNegative
    t0: NonNegative = 20.0
    nu: NonNegative | None = None
    nu_std: NonNegative | None = None
    name: ClassVar[str] = "drift"
    size: ClassVar[str] = "time"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t0 == 0:
            raise ValueError("drift: t0 must be above 0, got 0")

    @property
    def is_absent(self) -> bool:
        return self.time <= self.t0

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def drifted(g: Float64Array) -> Float64Array:
            x = np.log(np.maximum(g / layer.g_max, 1e-12))
            mean = np.clip(-0.0155 * x + 0.0244, 0.049, 0.1) if self.nu is None else self.nu
            std = np.clip(-0.0125 * x - 0.0059, 0.008, 0.045) if self.nu_std is None else self.nu_std
            nu = np.maximum(mean + std * rng.standard_normal(g.shape), 0)
            return np.asarray(g * (self.time / self.t0) ** -nu)

        return replace(layer, plus=drifted(layer.plus), minus=drifted(layer.minus))

"""Diodes that differ from synapse to synapse."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative


@dataclass(frozen=True, kw_only=True)
class DiodeVariation(Fixed):
    """Forward drops that scatter about the circuit's V_D, one for each device.

    Parameters
    ----------
    sigma : float
        Standard deviation of the drop in V_th. The remaining drive is limited to 0. A device stops conducting once the
        membrane has passed its rail minus its drop.

    Notes
    -----
    The current of a diode-connected device of the SKY130 process changes tenfold with about 80 mV, a tenth of its
    V_th of 0.872 V: a spread of saturation currents of 10 % makes about 3.5 mV, a sigma of 0.004.

    Examples
    --------
    >>> DiodeVariation(sigma=0.01)
    DiodeVariation(sigma=0.01)
    """

    sigma: NonNegative
    name: ClassVar[str] = "diode_variation"
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def scattered(drop: float | Float64Array, rail: float) -> Float64Array:
            return np.minimum(drop + self.sigma * rng.standard_normal(layer.plus.shape), rail)

        return replace(
            layer,
            drop_plus=scattered(layer.drop_plus, layer.circuit.e_plus),
            drop_minus=scattered(layer.drop_minus, -layer.circuit.e_minus),
            blocking=math.isfinite(layer.circuit.e_plus) and math.isfinite(layer.circuit.e_minus),
        )

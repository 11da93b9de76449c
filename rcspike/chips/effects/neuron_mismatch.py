"""Neurons that differ from one another: their capacitors, their comparators, their ramps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative, Range


@dataclass(frozen=True, kw_only=True)
class CapacitorMismatch(Fixed):
    """Membrane capacitances that scatter from neuron to neuron.

    A larger capacitor charges more slowly and, since the ramp is a current, fires more slowly too.

    Parameters
    ----------
    sigma : float
        Standard deviation as a fraction of C; capacitances are limited to at least C / 10.

    Notes
    -----
    The MIM capacitors of SKY130 have 2.8 % um over the root of their area, which is 0.4 % at 7 um by 7 um.

    Examples
    --------
    >>> CapacitorMismatch()
    CapacitorMismatch(sigma=0.004)
    """

    sigma: NonNegative = 0.004
    name: ClassVar[str] = "capacitor_mismatch"
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        scatter = 1 + self.sigma * rng.standard_normal(layer.capacitance.shape)
        return replace(layer, capacitance=layer.capacitance * np.maximum(scatter, 0.1))


@dataclass(frozen=True, kw_only=True)
class ComparatorOffset(Fixed):
    """Thresholds that scatter from neuron to neuron.

    Parameters
    ----------
    sigma : float
        Standard deviation in V_th.

    Notes
    -----
    The default follows from the mismatch of SKY130 transistors 1 um wide and 0.25 um long, 7 to 12 mV, over a V_th of
    0.872 V.

    Examples
    --------
    >>> ComparatorOffset()
    ComparatorOffset(sigma=0.01)
    """

    sigma: NonNegative = 0.01
    name: ClassVar[str] = "comparator_offset"
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, offset=layer.offset + self.sigma * rng.standard_normal(layer.offset.shape))


@dataclass(frozen=True, kw_only=True)
class RampMismatch(Fixed):
    """Ramp currents that scatter from neuron to neuron.

    Parameters
    ----------
    sigma : float
        Standard deviation as a fraction of the current; currents are limited to at least a tenth of the ideal one.

    Notes
    -----
    The currents of SKY130 transistors 1 um wide and 0.25 um long mismatch by 10 to 17 %, and by the inverse root of
    their area: the default is one of 100 times the area.

    Examples
    --------
    >>> RampMismatch()
    RampMismatch(sigma=0.01)
    """

    sigma: NonNegative = 0.01
    name: ClassVar[str] = "ramp_mismatch"
    needs_phases: ClassVar[bool] = True
    size: ClassVar[str] = "sigma"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        scatter = 1 + self.sigma * rng.standard_normal(layer.ramp_current.shape)
        return replace(layer, ramp_current=layer.ramp_current * np.maximum(scatter, 0.1))


@dataclass(frozen=True, kw_only=True)
class Ramp(Fixed):
    """A ramp whose current depends on the voltage, in place of the circuit's own.

    Parameters
    ----------
    bend : float
        Coefficient b < 1 of `rcspike.Circuit`: t = 1 - ln(1 - b v) / ln(1 - b).

    Notes
    -----
    arXiv 2412.09010 v1, eq. 82-85; the published SKY130 neuron has 1 / 6.44, the default.

    Examples
    --------
    >>> Ramp()
    Ramp(bend=0.155)
    """

    bend: Annotated[float, Range(-10, 0.99)] = 0.155
    name: ClassVar[str] = "ramp"
    needs_phases: ClassVar[bool] = True
    size: ClassVar[str] = "bend"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, circuit=replace(layer.circuit, ramp=self.bend))

"""What all devices of a chip share: the corner of its process, its supply and its temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, TypeAlias

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative, Range, Share

_BOLTZMANN_OVER_CHARGE = 8.617333262e-5  # V/K
_ZERO_CELSIUS = 273.15

_Deviation: TypeAlias = Annotated[float, Range(-0.9)]
_Celsius: TypeAlias = Annotated[float, Range(-200, 400)]


@dataclass(frozen=True, kw_only=True)
class ProcessCorner(Fixed):
    """All resistors, capacitors and ramps of a chip are off by a common factor.

    Capacitors slow charging and ramp alike, so that ``v`` and the slope of the ramp have the same factor: spikes move
    by a common time, and no neuron gains on another. The same holds for resistors if the ramps track them. If they do
    not, all voltages are scaled against the threshold.

    Parameters
    ----------
    resistance, capacitance, ramp : float
        Relative deviation of all resistors, capacitors and currents of the ramps, above -1.
    tracks : bool
        Whether the ramps' reference is a resistor of the same kind, so that their currents go as 1 / R.

    Notes
    -----
    Deviations of 10 to 20 % are usual for resistors and capacitors on a chip; those of a process are in its
    documentation. There is no default, and the effect has no random part: a corner is given.

    Examples
    --------
    >>> ProcessCorner(resistance=0.2, tracks=True)
    ProcessCorner(resistance=0.2, capacitance=0.0, ramp=0.0, tracks=True)
    """

    resistance: _Deviation = 0.0
    capacitance: _Deviation = 0.0
    ramp: _Deviation = 0.0
    tracks: bool = False
    name: ClassVar[str] = "process_corner"
    size: ClassVar[str] = "resistance"

    @property
    def is_absent(self) -> bool:
        """Whether it changes nothing."""
        return self.resistance == self.capacitance == self.ramp == 0

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        r = 1 + self.resistance
        return replace(
            layer,
            plus=layer.plus / r,
            minus=layer.minus / r,
            g_min=layer.g_min / r,
            g_max=layer.g_max / r,
            capacitance=layer.capacitance * (1 + self.capacitance),
            ramp_current=layer.ramp_current * (1 + self.ramp) / (r if self.tracks else 1.0),
        )


@dataclass(frozen=True, kw_only=True)
class SupplyDroop(Fixed):
    """Both rails of the synapses are lower than designed.

    Parameters
    ----------
    share : float
        Fraction of each rail's voltage that is lost, in [0, 1]. A drive does not fall below 0.

    Notes
    -----
    It is a constant loss, that of a regulator or of the mean current; the part that changes with the spikes of a column
    is `WireResistance`. Current sources (infinite rails) do not depend on it.

    Examples
    --------
    >>> SupplyDroop(share=0.02)
    SupplyDroop(share=0.02)
    """

    share: Share
    name: ClassVar[str] = "supply_droop"
    size: ClassVar[str] = "share"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def lower(drop: float | Float64Array, rail: float) -> float | Float64Array:
            return drop if math.isinf(rail) else np.minimum(drop + self.share * rail, rail)

        return replace(
            layer,
            drop_plus=lower(layer.drop_plus, layer.circuit.e_plus),
            drop_minus=lower(layer.drop_minus, -layer.circuit.e_minus),
        )


@dataclass(frozen=True, kw_only=True)
class DiodeTemperature(Fixed):
    """Forward drops of all diodes at another temperature, at the same current.

    Parameters
    ----------
    celsius : float
        Temperature of the chip in degrees Celsius.
    nominal : float
        Temperature for which the drop was given.
    v_th : float
        Threshold in V: drops are in units of it.
    bandgap : float
        E_g of the junction in eV.
    exponent : float
        Exponent of the saturation current in the temperature (XTI of SPICE).

    Notes
    -----
    With SPICE's law of the saturation current, ``I_s ~ T^(XTI/n) exp(-E_g / (n k T))``, and x = T / T_nominal, the
    drop at a constant current is ``V_D x + (E_g / q) (1 - x) - XTI (k T / q) ln(x)``, whatever the ideality n. Near
    0.45 V it falls by 2.5 mV for each kelvin. A circuit without a drop has no diodes, and does not change.

    Examples
    --------
    >>> from rcspike.chips import Devices
    >>> layer = Devices().layer(np.ones((1, 1)), Circuit(v_syn=2.0, diode_drop=0.5))
    >>> hot = DiodeTemperature(celsius=85.0).apply(layer, np.random.default_rng(0))
    >>> round(float(hot.drop_plus), 3)
    0.332
    """

    celsius: _Celsius
    nominal: _Celsius = 27.0
    v_th: Annotated[float, Range(1e-6)] = 0.872
    bandgap: NonNegative = 1.11
    exponent: NonNegative = 3.0
    name: ClassVar[str] = "diode_temperature"
    size: ClassVar[str] = "celsius"

    @property
    def is_absent(self) -> bool:
        """Whether it changes nothing."""
        return self.celsius == self.nominal

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        if layer.circuit.diode_drop == 0:
            return layer
        kelvin = self.celsius + _ZERO_CELSIUS
        x = kelvin / (self.nominal + _ZERO_CELSIUS)
        thermal = self.exponent * _BOLTZMANN_OVER_CHARGE * kelvin * math.log(x)
        shift = (self.bandgap * (1 - x) - thermal) / self.v_th

        def at(drop: float | Float64Array, rail: float) -> float | Float64Array:
            return np.clip(drop * x + shift, 0.0, rail)

        return replace(
            layer,
            drop_plus=at(layer.drop_plus, layer.circuit.e_plus),
            drop_minus=at(layer.drop_minus, -layer.circuit.e_minus),
        )

"""Wires with resistance: the columns that supply a neuron or collect its current, and the axon lines."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative, Share

# The largest error of v(1) that an approximation had was a fifth to a quarter of the droop (docs/results/wires.md).
_DROOP_WORTH_A_WARNING = 0.005


@dataclass(frozen=True, kw_only=True)
class WireResistance(Fixed):
    """Voltage drop along the wires of a column, exact at every spike.

    The wires meet the supply, or the membrane's capacitor, at the first input's end.

    Parameters
    ----------
    resistance : float
        r, of the wire from one cell to the next, in T / C: an ohm is ``1 * C / T``, 1.4e-7 for 140 fF and 1 us.
    wire : "supply" or "membrane"
        Where the resistance is. With "supply", each column has a supply wire for each rail, and its devices share the
        membrane; the axon lines only close switches. With "membrane", axon lines bring the rails to the devices, and
        the wire of the membrane itself collects their currents.
    activity : float, optional
        Fraction of the other devices that conduct while a device does, in [0, 1]. If it is given, the effect is fast
        and approximate: the devices are weakened once, as if the others conducted to that extent the whole time. It
        is about as fast as a chip without wires, and its error depends on the inputs.

    Warns
    -----
    UserWarning
        When applied with `activity`, if `droop` exceeds 0.5 %: then the error can exceed 1e-3 V_th.

    Raises
    ------
    ValueError
        When applied to a layer that has another one, and when a chip charges if its devices block (`DiodeVariation`):
        the latter is possible with `activity` only.

    Notes
    -----
    Between two spikes the wire and the devices that conduct act on the membrane as one conductance, which is found
    from the far end: Y <- Y + g_j at a device that conducts, Y <- Y / (1 + r Y) along a segment. So the neuron remains
    affine, and the result is exact (`rcspike.functional.charge_wired`). Of current sources (infinite rails), wires
    change nothing. aihwkit counts 0.35 ohm a cell.

    Examples
    --------
    >>> WireResistance(resistance=4.9e-8)  # 0.35 ohm
    WireResistance(resistance=4.9e-08, wire='supply', activity=None)
    """

    resistance: NonNegative
    wire: Literal["supply", "membrane"] = "supply"
    activity: Share | None = None
    name: ClassVar[str] = "wire_resistance"
    size: ClassVar[str] = "resistance"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        if layer.wire_resistance > 0:
            raise ValueError("wire_resistance is given twice, but a column has one kind of wire: leave one of them out")
        if self.activity is None:
            return replace(layer, wire_resistance=self.resistance, wire=self.wire)
        droop = self.droop(layer)
        if droop > _DROOP_WORTH_A_WARNING:
            warnings.warn(
                f"wire_resistance: voltages droop by up to {droop:.1%} if all devices of a column conduct; with "
                "activity this effect is approximate and may be off by more than 1e-3 V_th: leave activity out",
                stacklevel=2,
            )
        plus, minus = (_left(g, self.resistance, self.activity) for g in self._loads(layer))
        return replace(layer, plus=layer.plus * plus, minus=layer.minus * minus)

    def droop(self, layer: ChipLayer) -> float:
        """Largest droop anywhere on the wires of a layer, as a fraction of the voltage across a device, in [0, 1].

        It is that at the far end of the most strongly loaded wire while all of its devices conduct, an upper bound for
        any inputs.

        Examples
        --------
        >>> from rcspike.chips import Devices
        >>> layer = Devices().layer(np.full((784, 1), 0.05), Circuit(v_syn=1.0))
        >>> round(WireResistance(resistance=4.9e-8).droop(layer), 5)
        0.00075
        """
        return max(float(1 - _left(g, self.resistance, 1.0)[-1:].min(initial=1.0)) for g in self._loads(layer))

    def _loads(self, layer: ChipLayer) -> tuple[Float64Array, Float64Array]:
        """Conductances along the wire of the upper devices, and along that of the lower ones."""
        g_plus, g_minus = layer.conductances()
        return (g_plus, g_minus) if self.wire == "supply" else (g_plus + g_minus,) * 2


@dataclass(frozen=True, kw_only=True)
class AxonResistance(Fixed):
    """Voltage drop along the axon lines, where these bring the rails to the devices of a row.

    Each input has a line for each rail, fed at the first neuron's end.

    Parameters
    ----------
    resistance : float
        Of the line from one cell to the next, in T / C.
    driver : float
        Output resistance of the driver at the start of each line, in T / C.

    Warns
    -----
    UserWarning
        When applied, if `droop` exceeds 0.5 %: then the error can exceed 1e-3 V_th.

    Notes
    -----
    All devices of a line conduct together, from its spike on, so that the droop of a line does not change with the
    spikes of others. The effect is an approximation in one respect: the droop is that of membranes at equal voltages.
    Where they differ, currents flow from one to the other through the line, which couples all neurons.
    ``tests/references/wired_crossbar.py`` solves the coupled circuit; the error is in docs/results/wires.md.

    Examples
    --------
    >>> AxonResistance(resistance=4.9e-8, driver=1.4e-4)  # 0.35 ohm a cell, a driver of 1 kilohm
    AxonResistance(resistance=4.9e-08, driver=0.00014)
    """

    resistance: NonNegative
    driver: NonNegative = 0.0
    name: ClassVar[str] = "axon_resistance"
    size: ClassVar[str] = "resistance"

    @property
    def is_absent(self) -> bool:
        """Whether it changes nothing."""
        return self.resistance == 0 and self.driver == 0

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        droop = self.droop(layer)
        if droop > _DROOP_WORTH_A_WARNING:
            warnings.warn(
                f"axon_resistance: voltages droop by up to {droop:.1%} along a line; this effect neglects currents "
                "from neuron to neuron and may be off by more than 1e-3 V_th: see docs/results/wires.md",
                stacklevel=2,
            )
        plus, minus = self._left(layer)
        return replace(layer, plus=layer.plus * plus, minus=layer.minus * minus)

    def droop(self, layer: ChipLayer) -> float:
        """Largest droop anywhere on the lines of a layer, as a fraction of the voltage across a device, in [0, 1]."""
        return max(float(1 - left[:, -1:].min(initial=1.0)) for left in self._left(layer))

    def _left(self, layer: ChipLayer) -> tuple[Float64Array, Float64Array]:
        plus, minus = (_left(g.T, self.resistance, 1.0, first=self.driver).T for g in layer.conductances())
        return plus, minus


def _left(g: Float64Array, r: float, activity: float, *, first: float = 0.0) -> Float64Array:
    """Fraction of the voltage at each of (n, m) devices on m wires that are fed at the first one's end.

    While one device conducts, the others have the fraction `activity` of their conductance.
    """
    n = len(g)
    segment = np.full(n, r)
    segment[:1] += first
    load = activity * g
    beyond = np.zeros((n + 1, *g.shape[1:]))  # conductance of everything beyond a node, its own segment not included
    for j in range(n - 1, -1, -1):
        y = beyond[j + 1] + load[j]
        beyond[j] = y / (1 + segment[j] * y)
    left, source = np.empty_like(g), np.zeros(g.shape[1:])  # source: resistance of everything before a node
    voltage = np.ones(g.shape[1:])
    for j in range(n):
        source = source / (1 + source * (load[j - 1] if j else 0)) + segment[j]
        voltage = voltage / (1 + segment[j] * (beyond[j + 1] + load[j]))
        own = source / (1 + source * (beyond[j + 1] + load[j]))  # of all that is seen from the node
        left[j] = voltage / (1 + own * (g[j] - load[j]))
    return left

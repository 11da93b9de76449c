"""Weights as pairs of physical devices, and the layer of a chip that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray, plain_array
from rcspike._common.numbers import number, numbers
from rcspike.circuit import Circuit

__all__ = ["Devices", "Layer"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a chip, in physical parameters; in float64.

    Devices are given in V_th / T, by the current that they drive into a membrane at rest, but for the diode: that of
    conductance g, in C / T, to the rail E has ``g * abs(E)``. So both devices of a pair read like weights, and on
    infinite rails they are current sources.

    Parameters
    ----------
    circuit : Circuit
        Rails and ramp, and the diode's drop for which the weights were made.
    plus, minus : (n_in, n_out)
        Each pair's device to the upper and to the lower rail.
    g_min, g_max : float
        Minimum and maximum that a device can be programmed to, in the same unit, at either rail.
    drop_plus, drop_minus : float or (n_in, n_out)
        Forward drops of the diodes in V_th.
    blocking : bool
        Whether a diode blocks once the membrane has passed its rail. With equal drops this never happens.
    off_share : float
        Current through an open switch, divided by that through a closed one.
    leak : (n_out,)
        Conductance from the membrane to its resting voltage, in C / T.
    capacitance : (n_out,)
        Membrane capacitance, divided by C.
    offset : (n_out,)
        Offset of the threshold, in V_th.
    ramp_current : (n_out,)
        Current of the firing ramp, divided by the ideal one.

    Examples
    --------
    >>> layer = Devices(on_off=11.0).layer(np.array([[1.0, -0.5, 0.0]]), Circuit(v_syn=2.0))
    >>> layer.plus.round(3), layer.minus.round(3)
    (array([[1.1, 0.1, 0.1]]), array([[0.1, 0.6, 0.1]]))
    >>> drive, conductance = layer.affine()
    >>> drive.round(3), conductance.round(3)  # the weights, at the cost of conductance
    (array([[ 1. , -0.5,  0. ]]), array([[0.6 , 0.35, 0.1 ]]))
    """

    circuit: Circuit
    plus: Array
    minus: Array
    g_min: float
    g_max: float
    drop_plus: float | Array
    drop_minus: float | Array
    blocking: bool
    off_share: float
    leak: Array
    capacitance: Array
    offset: Array
    ramp_current: Array

    def conductances(self) -> tuple[Array, Array]:
        """g+ and g- of each pair, (n_in, n_out), in C / T; in S by `rcspike.PhysicalScale.siemens`."""
        return self.plus / self.circuit.e_plus, self.minus / -self.circuit.e_minus

    def affine(self) -> tuple[Array, Array]:
        """D = g+ (E+ - V_D) + g- (E- + V_D) in V_th / T and G = g+ + g- in 1 / T of the pairs, on C as designed."""
        g_plus, g_minus = self.conductances()
        drive = self.plus - g_plus * self.drop_plus - (self.minus - g_minus * self.drop_minus)
        return drive, g_plus + g_minus


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Range to which a device can be programmed, and the conversion of weights to devices.

    A weight w is the pair ``g_min + max(w, 0)`` and ``g_min + max(-w, 0)``: its difference is w, and the device that it
    does not use stays at g_min.

    Parameters
    ----------
    on_off : float
        Ratio of g_max to g_min; infinite by default.
    w_max : float or sequence of float, optional
        Largest abs(w) that the devices of all layers, or of each, reach, in V_th / T:
        ``g_max = w_max / abs(E) / (1 - 1 / on_off)`` at a rail E. By default the largest of each layer. Weights beyond
        it are programmed to it.

    Raises
    ------
    ValueError
        If on_off is not above 1, or w_max not above 0 and finite.

    Examples
    --------
    >>> layer = Devices(w_max=0.8).layer(np.array([[1.0, -0.5]]), Circuit())
    >>> layer.plus, layer.minus
    (array([[0.8, 0. ]]), array([[0. , 0.5]]))
    """

    on_off: float = math.inf
    w_max: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "on_off", number("on_off", self.on_off))
        if not self.on_off > 1:
            raise ValueError(f"on_off must be above 1, got {self.on_off}; math.inf is a device that can be off")
        if self.w_max is None:
            return
        try:
            w_max = (number if isinstance(self.w_max, Real) else numbers)("w_max", self.w_max)
        except TypeError:
            raise TypeError(f"w_max must be a number or one for each layer, got {self.w_max!r}") from None
        object.__setattr__(self, "w_max", w_max)
        for one in w_max if isinstance(w_max, tuple) else (w_max,):
            if not 0 < one < math.inf:
                raise ValueError(f"w_max must be above 0 and finite, got {self.w_max}; None fits it to each layer")

    def layer(self, weights: FloatArray, circuit: Circuit, *, depth: int = 0) -> Layer:
        """Program the (n_in, n_out) weights, in V_th / T, of a layer; of the first one if no other `depth` is given.

        Raises
        ------
        ValueError
            If w_max is given for fewer layers, or weights are masked.
        """
        w = plain_array("weights", weights).astype(np.float64)
        if isinstance(self.w_max, tuple):
            if depth >= len(self.w_max):
                raise ValueError(f"w_max is given for {len(self.w_max)} layers, but there is a layer {depth + 1}")
            w_max = self.w_max[depth]
        else:
            # Without any weight the range does not matter, as long as it is one.
            w_max = self.w_max if self.w_max is not None else float(np.abs(w).max()) or 1.0
        g_max = w_max / (1 - 1 / self.on_off)
        g_min = g_max / self.on_off
        w = np.clip(w, -w_max, w_max)
        n_out = w.shape[1]
        return Layer(
            circuit=circuit,
            plus=g_min + np.maximum(w, 0),
            minus=g_min + np.maximum(-w, 0),
            g_min=g_min,
            g_max=g_max,
            drop_plus=circuit.diode_drop,
            drop_minus=circuit.diode_drop,
            blocking=False,
            off_share=0.0,
            leak=np.zeros(n_out),
            capacitance=np.ones(n_out),
            offset=np.zeros(n_out),
            ramp_current=np.ones(n_out),
        )

"""SI values of normalised quantities: the engine knows only units of V_th and of the window T."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeVar

from rcspike._common.arrays import FloatArray
from rcspike._common.numbers import number

Number = TypeVar("Number", float, FloatArray)  # a result is of the kind of its argument


@dataclass(frozen=True, kw_only=True)
class PhysicalScale:
    """Size of the normalised units in a real circuit.

    The defaults are those of a published design in the SKY130 process (arXiv 2412.09010 v1, table 2 and appendix G).

    Parameters
    ----------
    capacitance : float
        Membrane capacitance C in F.
    window : float
        Duration T of a charging phase in s.
    v_th : float
        Firing threshold seen from the resting voltage, in V.

    Raises
    ------
    TypeError
        If a value is not a number.
    ValueError
        If a value is not above 0 and finite.

    Examples
    --------
    A weight of 1 at V_syn = 2 is a conductance of 1 / 2 in C / T, here one of about 14 megaohm:

    >>> scale = PhysicalScale()
    >>> round(1 / scale.siemens(0.5) / 1e6, 1)
    14.3
    >>> round(scale.joules(1.0) * 1e15, 1)  # C V_th^2 in fJ
    106.5
    """

    capacitance: float = 140e-15
    window: float = 1e-6
    v_th: float = 0.872

    def __post_init__(self) -> None:
        for field in fields(self):
            value = number(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            if not 0 < value < math.inf:
                raise ValueError(f"{field.name} must be above 0 and finite, in SI units, got {value}")

    def volts(self, v: Number) -> Number:
        """V of a voltage in V_th, seen from the resting voltage."""
        return v * self.v_th

    def seconds(self, t: Number) -> Number:
        """s of a time in T."""
        return t * self.window

    def siemens(self, G: Number) -> Number:
        """S of a conductance in C / T, which for a weight is ``abs(w) / abs(E)`` with its rail E."""
        return G * (self.capacitance / self.window)

    def amperes(self, D: Number) -> Number:
        """A of a drive D or a current in C V_th / T."""
        return D * (self.capacitance * self.v_th / self.window)

    def joules(self, energy: Number) -> Number:
        """J of an energy in C V_th^2."""
        return energy * (self.capacitance * self.v_th**2)

"""What the devices of a row put on the membrane besides current: bodies of resistors and junctions of switches."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from rcspike._common.numbers import number

__all__ = ["RowLoad"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True, kw_only=True)
class RowLoad:
    """How the devices of a layer load its membranes, in units of C, the capacitance of a membrane with all rows open.

    The capacitor that is drawn is smaller than C by what the open rows of its column load it with, so that the ramp of
    all neurons is the same.

    Parameters
    ----------
    body : float
        Capacitance of a device's resistor times its conductance, in C^2 / T: the resistor of a device of conductance g,
        in C / T, has a body of body / g. With c farads an ohm in its process it is ``c T / C^2``.
    position : float
        Of the switch, as a fraction of the resistor from the rail: 0 is a switch at the rail, 1 one at the membrane.
    junction_plus, junction_minus : float
        Capacitance of the narrowest open switch at its side of the membrane, of devices to the upper and to the lower
        rail.
    width_plus, width_minus : float
        Width that a switch needs for a conductance of C / T, as a multiple of the narrowest one: the switch of a device
        of conductance g, in C / T, has the width ``max(1, width g)``, which multiplies its junction and the injection
        of the circuit.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number. `rcspike.Circuit` checks their range.

    Notes
    -----
    docs/row-loads.md derives the model, and compares it with lines of 30 sections.

    Examples
    --------
    SKY130's poly resistors have 25 fF for each MOhm. At 10 pF and 100 ns:

    >>> load = RowLoad(body=25e-15 / 1e6 * 100e-9 / 10e-12**2)
    >>> round(load.body, 9)
    2.5e-05
    """

    body: float = 0.0
    position: float = 0.0
    junction_plus: float = 0.0
    junction_minus: float = 0.0
    width_plus: float = 0.0
    width_minus: float = 0.0

    def __post_init__(self) -> None:
        for name in PARTS:
            object.__setattr__(self, name, number(name, getattr(self, name)))

    @property
    def is_absent(self) -> bool:
        """Whether it loads nothing."""
        return not any(getattr(self, name) for name in PARTS if name != "position")

    @property
    def values(self) -> tuple[float, ...]:
        """All parameters, in their order."""
        return astuple(self)


PARTS = tuple(part.name for part in fields(RowLoad))
NO_LOAD = RowLoad()

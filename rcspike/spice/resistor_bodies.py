"""Bodies of resistors: a resistor of a process is a line, whose capacitance loads the membrane and delays the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rcspike._common.numbers import number
from rcspike.energy import PhysicalScale
from rcspike.row_load import RowLoad

_SECTIONS = 10  # of a resistor, whose delay is then 1 % off


@dataclass(frozen=True, kw_only=True)
class ResistorBody:
    """Capacitance of resistors along their length, and where their switches are.

    Parameters
    ----------
    capacitance_per_ohm : float
        In F per ohm: 25e-21, 25 fF for each megaohm, for the poly resistors of SKY130 (`res_xhigh_po`).
    position : float
        Of the switch, as a fraction of the resistor from the rail: 0 is a switch at the rail.

    Raises
    ------
    TypeError, ValueError
        If the capacitance is not above 0 and finite, or the position not in [0, 1).

    Examples
    --------
    >>> body = ResistorBody(capacitance_per_ohm=25e-21, position=0.25)
    >>> round(body.load(1e6), 18)  # of an open row of a megaohm
    1.875e-14
    """

    capacitance_per_ohm: float
    position: float = 0.0

    def __post_init__(self) -> None:
        for name in ("capacitance_per_ohm", "position"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not 0 < self.capacitance_per_ohm < float("inf"):
            raise ValueError(
                f"capacitance_per_ohm must be above 0 and finite, in F per ohm, got {self.capacitance_per_ohm:g}; "
                "leave the body out for resistors without capacitance"
            )
        if not 0 <= self.position < 1:
            raise ValueError(f"position must be in [0, 1), a fraction of the resistor, got {self.position:g}")

    def load(self, ohms: float) -> float:
        """Capacitance in F with which the part between switch and membrane loads the membrane of an open row."""
        return (1 - self.position) * self.capacitance_per_ohm * ohms

    @property
    def parts(self) -> tuple[tuple[float, int], tuple[float, int]]:
        """Fraction of the resistor and sections, from the rail to the switch, and from there to the membrane.

        A part that is there has at least one section.

        Examples
        --------
        >>> ResistorBody(capacitance_per_ohm=25e-21, position=0.25).parts
        ((0.25, 2), (0.75, 8))
        """
        return parts(self.position)

    @classmethod
    def of(cls, load: RowLoad, scale: PhysicalScale) -> ResistorBody | None:
        """That of the resistors in a load; None without a body.

        Examples
        --------
        >>> body = ResistorBody.of(RowLoad(body=2.5e-5), PhysicalScale(capacitance=10e-12, window=100e-9))
        >>> round(body.capacitance_per_ohm * 1e21, 9)
        25.0
        """
        if load.body == 0:
            return None
        return cls(capacitance_per_ohm=load.body * scale.capacitance**2 / scale.window, position=load.position)

    def load_of_rows(self, scale: PhysicalScale) -> RowLoad:
        """The same as the load of the rows of a layer, in its units.

        Examples
        --------
        >>> body = ResistorBody(capacitance_per_ohm=25e-21)
        >>> round(body.load_of_rows(PhysicalScale(capacitance=10e-12, window=100e-9)).body, 12)
        2.5e-05
        """
        body = self.capacitance_per_ohm * scale.window / scale.capacitance**2
        return RowLoad(body=body, position=self.position)


def parts(position: float) -> tuple[tuple[float, int], tuple[float, int]]:
    """As `ResistorBody.parts`, for a switch at this position."""
    near = 0 if position == 0 else min(max(round(_SECTIONS * position), 1), _SECTIONS - 1)
    return (position, near), (1 - position, _SECTIONS - near)


def line(
    name: str, ends: tuple[str, str], sections: int, *, ohms: str, half: str, farads: str, to: str = "0"
) -> Iterator[str]:
    """Elements of an RC line, each section a capacitor in the middle of its resistor.

    Parameters
    ----------
    name : str
        Of its elements, and of the nodes between them.
    ends : (str, str)
        Nodes.
    sections : int
        At least 1.
    ohms, half, farads : str
        Resistance of a section, half of it, and capacitance of a section, as the netlist has them.
    to : str
        Node of the other plates of the capacitors.

    Examples
    --------
    >>> print("\\n".join(line("a", ("s", "m"), 2, ohms="8k", half="4k", farads="2f")))
    Rax0 s ax1 4k
    Cax1 ax1 0 2f
    Rax1 ax1 ax2 8k
    Cax2 ax2 0 2f
    Rax2 ax2 m 4k
    """
    nodes = [ends[0], *(f"{name}x{k}" for k in range(1, sections + 1)), ends[1]]
    for k in range(sections + 1):
        if k > 0:
            yield f"C{name}x{k} {nodes[k]} {to} {farads}"
        yield f"R{name}x{k} {nodes[k]} {nodes[k + 1]} {ohms if 0 < k < sections else half}"

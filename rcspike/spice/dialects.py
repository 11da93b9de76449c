"""What differs between the languages of simulators in a netlist of ideal parts.

Only ngspice has been run. Netlists of the other dialects have the same circuit, but a synapse is a source of current
that its input spike turns on: switches differ between simulators, in how they close and in what ratio of resistances
they can have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["DIALECTS", "Dialect", "dialect_named", "simulator_of"]

_PER_LINE = 8  # signals


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A language of netlists; of expressions, sources and subcircuits, and of what is saved."""

    name: str
    program: str  # as it is started, before the name of the netlist
    source: str  # of the current of an expression from a node to another
    expression: str  # for the value of an element
    parameters: str  # between the nodes of a subcircuit and its parameters
    saved: str  # how the signals that are saved begin

    @property
    def has_switches(self) -> bool:
        """Whether a synapse has a switch and a resistor of their own."""
        return self.name == "ngspice"

    @property
    def remark(self) -> Iterator[str]:
        """Lines for the head of a netlist."""
        if self.name != "ngspice":
            yield f"* In the dialect of {self.name}, in which it has not been run: see the page SPICE of the docs"

    def current(self, name: str, start: str, end: str, expression: str) -> str:
        """A source of current that flows from a node through it to another."""
        return self.source.format(name=name, start=start, end=end, expression=expression)

    def value(self, expression: str) -> str:
        """An expression as a value of an element."""
        return self.expression.format(expression)

    def save(self, signals: Sequence[str]) -> Iterator[str]:
        """What a simulator keeps of its results."""
        lines = [" ".join(signals[i : i + _PER_LINE]) for i in range(0, len(signals), _PER_LINE)]
        if self.name == "ngspice":
            yield from (f"{self.saved} {line}" for line in lines)
        else:  # one statement
            yield f"{self.saved} {lines[0]}"
            yield from (f"+ {line}" for line in lines[1:])

    def options(self, tolerances: dict[str, str], longest_step: str) -> Iterator[str]:
        """The tolerances of ngspice by their names, as far as the dialect has them."""
        words = " ".join(f"{name}={value}" for name, value in tolerances.items())
        if self.name == "xyce":  # whose one absolute tolerance is of all unknowns: here of voltages
            yield f".options timeint reltol={tolerances['reltol']} abstol={tolerances['vntol']}"
            yield f".options device gmin={tolerances['gmin']}"
        elif self.name == "hspice":  # whose run levels set tolerances of their own
            yield f".option post runlvl=0 delmax={longest_step} {words}"
        else:
            yield f".options {words}"

    def transient(self, step: str, longest_step: str, stop: str) -> str:
        """The analysis, from initial conditions."""
        if self.name == "hspice":
            return f".tran {longest_step} {stop} uic"
        return f".tran {step if self.name == 'xyce' else longest_step} {stop} 0 {longest_step} uic"


_ALL = (
    Dialect(
        name="ngspice",
        program="ngspice -b",
        source="B{name} {start} {end} I={{{expression}}}",
        expression="{{{}}}",
        parameters="params: ",
        saved=".save",
    ),
    # Reference guide of Xyce 7.10: devices B and C, commands .SUBCKT, .TRAN, .MEASURE, .PRINT, .OPTIONS.
    Dialect(
        name="xyce",
        program="Xyce",
        source="B{name} {start} {end} I={{{expression}}}",
        expression="{{{}}}",
        parameters="params: ",
        saved=".print tran format=csv",
    ),
    # Manual of Star-Hspice 2001.2 (G elements: CUR='equation'), and its reference of commands and options, 2008.09.
    Dialect(
        name="hspice",
        program="hspice",
        source="G{name} {start} {end} CUR='{expression}'",
        expression="'{}'",
        parameters="",
        saved=".probe tran",
    ),
)
DIALECTS = tuple(one.name for one in _ALL)


def dialect_named(name: str) -> Dialect:
    """The dialect of a simulator; ValueError if it is another one."""
    for one in _ALL:
        if one.name == name:
            return one
    raise ValueError(
        f"dialect must be one of {', '.join(DIALECTS)}, got {name!r}; rcspike spice verilog-a prints the parts for "
        "other simulators"
    )


def simulator_of(dialect: str) -> str:
    """How the simulator of a dialect is started, without the name of the netlist.

    Parameters
    ----------
    dialect : {"ngspice", "xyce", "hspice"}

    Raises
    ------
    ValueError
        If it is another one.

    Examples
    --------
    >>> simulator_of("ngspice")
    'ngspice -b'
    """
    return dialect_named(dialect).program

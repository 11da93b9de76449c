"""Model cards: a name, a kind and numbers, the only text from a file that reaches a netlist.

A netlist is a program: ngspice runs the commands of a ``.control`` block and of comments that begin with ``*#``, and
reads the files of ``.include`` (ngspice manual 44, "Interactive Interpreter" and "Including Libraries"). A card is
therefore parsed, and written anew from what was parsed; its comments are dropped.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_MAX_LENGTH = 10_000  # characters of a card
_MAX_NAME = 64
_NAME = re.compile(r"[a-z_]\w*", re.IGNORECASE | re.ASCII)
_HEAD = re.compile(r"\.model\s+(\S+)\s+d(?![^\s(])\s*", re.IGNORECASE | re.ASCII)
NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_NUMBER = re.compile(rf"([+-]?{NUMBER})([a-z]*)", re.IGNORECASE | re.ASCII)
# A comment from here to the end of the line.
_REST = re.compile(r";|(?:^|[\s,)])\$|//")
# Suffixes of ngspice, longer ones first; letters that follow one, or follow none, are a unit.
_SUFFIXES = {
    "meg": 1e6, "mil": 25.4e-6, "t": 1e12, "g": 1e9, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12,
    "f": 1e-15, "a": 1e-18,
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """A ``.model`` card, whose text holds nothing but names and numbers.

    A ValueError if a name is not one, or a number is not finite.

    Parameters
    ----------
    name : str
        ASCII letters, digits and underscores, and no digit first.
    kind : str
        Such as ``"d"`` or ``"nmos"``.
    parameters : mapping of str to float
        In the units of the simulator.

    Examples
    --------
    >>> str(Card("schottky", "d", {"is": 1e-9, "n": 1.05}))
    '.model schottky d is=1e-09 n=1.05'
    """

    name: str
    kind: str
    parameters: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in (self.name, self.kind, *self.parameters):
            if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
                raise ValueError(
                    f"a name in a model card must be of letters, digits and underscores, at most {_MAX_NAME}, and "
                    f"must not begin with a digit, got {name[:_MAX_NAME]!r}"
                )
        for name, value in self.parameters.items():
            if not math.isfinite(value):
                raise ValueError(f"{name} must be finite, got {value}")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def __str__(self) -> str:
        words = [f"{name}={value:.15g}" for name, value in self.parameters.items()]
        lines = [" ".join(words[i : i + 6]) for i in range(0, len(words), 6)]
        return "\n+ ".join([" ".join([f".model {self.name} {self.kind}", *lines[:1]]), *lines[1:]])


def diode_card(text: str) -> Card:
    """The card of a diode from its text: ``.model NAME D(name=number ...)``, continuation lines and comments.

    Its name may be any, such as 1N4148; in the netlist it is ``diode``. A ValueError if there is anything else in the
    text, or a value is not a number.

    Examples
    --------
    >>> print(diode_card(".model 1N0 D(is=5.15f n=1.3\\n* measured\\n+ rs=1k)"))
    .model diode d is=5.15e-15 n=1.3 rs=1000
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"diode must have at most {_MAX_LENGTH} characters, got {len(text)}")
    statement = _statement(text)
    head = _HEAD.match(statement)
    if head is None:
        raise ValueError(
            f"diode must be none, ideal, constant or a single card '.model NAME D(...)', got {text[:200]!r}"
        )
    # Parentheses and commas separate words, as in ngspice.
    words = re.sub("[(),]", " ", statement[head.end() :]).replace("=", " = ").split()
    parameters: dict[str, float] = {}
    for i in range(0, len(words), 3):
        if len(words) < i + 3 or words[i + 1] != "=":
            raise ValueError(
                f"diode must have parameters such as is=1e-12 in its card, got {' '.join(words[i:])[:50]!r}"
            )
        name = words[i].lower()
        if name in parameters:
            raise ValueError(f"diode has {name[:50]!r} twice in its card")
        try:
            parameters[name] = spice_number(words[i + 2].strip("{}'"))
        except ValueError as error:
            raise ValueError(f"{name[:50]!r} in the card of diode: {error}") from None
    try:
        return Card("diode", "d", parameters)
    except ValueError as error:
        raise ValueError(f"diode: {error}") from None


def spice_number(text: str) -> float:
    """A number of a netlist, with a suffix such as ``k``, ``meg`` or ``f``, and perhaps a unit.

    A ValueError if it is not a number, or not finite.

    Examples
    --------
    >>> spice_number("2.5kOhm"), spice_number("140f"), spice_number("1meg")
    (2500.0, 1.4e-13, 1000000.0)
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number such as 1e-12 or 5.15f, got {text[:80]!r}")
    letters = found[2].lower()
    suffix = next((suffix for suffix in _SUFFIXES if letters.startswith(suffix)), None)
    value = float(found[1]) * _SUFFIXES[suffix] if suffix else float(found[1])
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {text[:80]!r}")
    return value


def comment(text: str) -> str:
    """A text as one comment line, which ngspice neither runs nor joins with the next line.

    A command begins with ``*#``, and a line that ends in a backslash is continued.

    Examples
    --------
    >>> comment("two\\nlines")
    '* two lines'
    """
    printable = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return f"* {printable.encode('ascii', 'backslashreplace').decode()}".rstrip("\\ ")


def _statement(text: str) -> str:
    """The one statement of a text, with its continuation lines and without comments; empty if there are more."""
    lines = [_REST.split(line, maxsplit=1)[0].strip() for line in text.removeprefix("\ufeff").splitlines()]
    first, *rest = [line for line in lines if line and not line.startswith("*") and line.lower() != ".end"] or [""]
    if any(not line.startswith("+") for line in rest):
        return ""
    return " ".join([first, *(line[1:].strip() for line in rest)])

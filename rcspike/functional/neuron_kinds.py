"""The kinds of neurons by name: what the engine and the command line call them, and tables with a part for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, TypeVar, get_args

Phases: TypeAlias = Literal["two", "single"]
PHASES: tuple[Phases, ...] = get_args(Phases)

Part = TypeVar("Part")


def by_kind(**parts: Part) -> Callable[[str], Part]:
    """A function from the name of a kind of neurons to its part; it raises a ValueError for any other name.

    A TypeError if a kind has no part, or a part no kind: a new kind of neurons is missed by no table.

    Examples
    --------
    >>> windows = by_kind(two=2, single=1)
    >>> windows("two")
    2
    >>> by_kind(two=2)
    Traceback (most recent call last):
    ...
    TypeError: a table by kind of neurons needs a part for each of 'two', 'single', got 'two'
    """
    known = ", ".join(map(repr, PHASES))
    if parts.keys() != set(PHASES):
        raise TypeError(
            f"a table by kind of neurons needs a part for each of {known}, got {', '.join(map(repr, parts))}"
        )

    def part(phases: str) -> Part:
        if phases not in parts:
            raise ValueError(f"phases must be {' or '.join(map(repr, PHASES))}, got {phases!r}")
        return parts[phases]

    return part


def supported(use: str, **parts: Part) -> Callable[[str], Part]:
    """The same for a use that not every kind of neurons has to have: a ValueError names it for the others.

    Examples
    --------
    >>> supported("a netlist", two=2)("single")
    Traceback (most recent call last):
    ...
    ValueError: a netlist is not there for phases='single', only for 'two'
    """
    known = by_kind(**dict.fromkeys(PHASES))

    def part(phases: str) -> Part:
        known(phases)
        if phases not in parts:
            others = " and ".join(map(repr, parts))
            raise ValueError(f"{use} is not there for phases={phases!r}, only for {others}")
        return parts[phases]

    return part


# The latest time in T of an input that neurons listen to.
latest_input = by_kind(two=1.0, single=math.inf)

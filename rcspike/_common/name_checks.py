"""Names that were meant, for errors about unknown ones; and names that cannot be drawn or written."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["UNWRITABLE", "check_names", "did_you_mean"]

# Control characters, halves of characters, and what Unicode never assigns: XML, and so SVG and HTML, cannot hold them.
UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_names(kind: str, names: Iterable[str]) -> None:
    """Raise a ValueError if a name, of a class for example, has a character that figures and reports cannot hold."""
    for name in names:
        if found := UNWRITABLE.search(name):
            raise ValueError(f"the {kind} {name[:50]!r} has the control character {found[0]!r}: give it another name")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Words such as "; did you mean 'epochs'?" for the end of an error; empty if no known name is similar."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""

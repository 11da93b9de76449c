"""The parts of a report as its template gets them: figures, tables and cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest

from rcspike._common.numbers import read_float

__all__ = ["Cell", "Figure", "Table", "cell", "percent"]

_FOLDED = 24  # a table of more rows opens on demand
_PHONE = 44  # characters of a line on a phone's screen
_WIDE = 8  # a table of more columns leaves those out that are the same in all rows


@dataclass(frozen=True)
class Figure:
    """An image, and what it shows."""

    name: str
    uri: str
    caption: str
    note: str


@dataclass(frozen=True)
class Cell:
    """A text as in the file and as in the page."""

    text: str
    shown: str
    is_number: bool


@dataclass(frozen=True)
class Table:
    """Rows below a head, with a caption; `common` has the columns that are the same in all rows."""

    name: str
    head: list[str]
    rows: list[list[Cell]]
    caption: str
    note: str
    common: str = ""

    @property
    def folded(self) -> bool:
        return len(self.rows) > _FOLDED

    @property
    def is_beyond_phones(self) -> bool:
        """Whether a phone's screen is too narrow for the columns, each as wide as its longest word and a gap."""
        texts = [self.head, *([cell.shown for cell in row] for row in self.rows)]
        words = [" ".join(column).split() for column in zip_longest(*texts, fillvalue="")]
        widths = [max(map(len, column), default=0) for column in words]
        return len(self.head) >= 5 or sum(width + 2 for width in widths) > _PHONE

    def without_common(self) -> Table:
        """The same table, if it is wide with the columns that are the same in all rows as one line of text."""
        even = all(len(row) == len(self.head) for row in self.rows)
        if len(self.head) <= _WIDE or len(self.rows) < 2 or not even:
            return self
        values = [{row[column].shown for row in self.rows} for column in range(len(self.head))]
        kept = [column for column, found in enumerate(values) if len(found) > 1]
        same = [f"{name} {min(found)}" for name, found in zip(self.head, values, strict=True) if len(found) == 1]
        rows = [[row[column] for column in kept] for row in self.rows]
        head = [self.head[column] for column in kept]
        return Table(self.name, head, rows, self.caption, self.note, ", ".join(word for word in same if word.strip()))


def cell(text: str) -> Cell:
    """Long fractions are shown to six digits."""
    try:
        value = read_float(text)
    except ValueError:
        return Cell(text, text, False)
    is_long = len(text) > 8 and math.isfinite(value) and not text.lstrip("-").isdigit()
    return Cell(text, f"{value:.6g}" if is_long else text, True)


def percent(text: str, factor: float = 1.0) -> Cell:
    """A number in per cent after `factor`, to two digits; other text is shown as it is."""
    plain = cell(text)
    if not plain.is_number or not math.isfinite(float(text)):
        return plain
    return Cell(text, f"{factor * float(text):.2f}", True)

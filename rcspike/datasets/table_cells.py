"""Cells of a table as numbers and words, the same for a file and for a data frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rcspike._common.arrays import Float64Array
from rcspike._common.numbers import read_float

DecimalName = Literal["point", "comma"]
DECIMALS: tuple[DecimalName, ...] = get_args(DecimalName)

UNNAMED = "unnamed-"  # before the position of a column without a name

# Cells without a value: those of `pandas.read_csv` (its na_values), the question mark of the UCI repository and of .ts
# files, and what pandas prints for a date that is missing.
MISSING = frozenset(
    (
        "", "?", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null",
        "None", "NaT", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
    )
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """Some of the columns of a table.

    `numbers` has columns of numbers, (n_rows,), which are NaN where a cell is missing or a word; `words` has the cells
    that are words, by their row: all of a column that was asked for as words, and of the others those that are no
    finite number. `lines` are those of the file on which the rows end; without them, rows are counted from 0.
    """

    source: str  # the file, for errors
    n_rows: int
    numbers: Mapping[str, Float64Array]
    words: Mapping[str, Mapping[int, str]]
    lines: Sequence[int] = ()

    def place(self, row: int) -> str:
        """Where a row is, for an error."""
        return f"line {self.lines[row]}" if self.lines else f"row {row}"


@dataclass(frozen=True, eq=False)
class TableFile:
    """A table whose columns are known, before its rows are read.

    `names` are those of the columns, or without names their positions as texts. `read` takes the names of columns of
    numbers, those of columns to be kept as words, and the column of the classes, whose only missing cells are empty
    ones; it returns these columns as a `Table`.
    """

    source: str
    names: tuple[str, ...]
    has_names: bool
    read: Callable[[Sequence[str], Sequence[str], str | None], Table]
    is_file: bool = True

    def column(self, name: str, purpose: str) -> str:
        """The column of this name, or at this position; a ValueError if there is none."""
        if name in self.names:
            return name
        if name.isascii() and name.isdecimal() and len(name) < 10 and int(name) < len(self.names):
            return self.names[int(name)]
        known = (
            f"columns {', '.join(self.names)}"
            if self.has_names
            else f"columns 0 to {len(self.names) - 1}, without names"
        )
        raise ValueError(f"{self.source} has no column {name!r} {purpose}: it has {known}"[:1000])


def cell_number(text: str, *, comma: bool = False) -> float:
    """The finite number that a cell writes, with a decimal comma or a decimal point; a ValueError if it is none."""
    value = read_float(text.replace(",", ".") if comma and "." not in text else text)
    if not math.isfinite(value) or (comma and "." in text):
        raise ValueError(text)
    return value


def is_number(text: str, *, comma: bool = False) -> bool:
    """Whether a cell is such a number."""
    try:
        cell_number(text, comma=comma)
    except ValueError:
        return False
    return True


def column_names(cells: Sequence[str], source: str) -> tuple[str, ...]:
    """Names of columns, `unnamed-0` of a first one without a name; a ValueError if two are equal."""
    names = tuple(cell or f"{UNNAMED}{i}" for i, cell in enumerate(cells))
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{source} has two columns called {name[:50]!r}: give every column a name of its own")
        seen.add(name)
    return names

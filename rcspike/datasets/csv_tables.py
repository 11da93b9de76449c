"""Tables in CSV files: columns of numbers and of words, with or without a header."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from rcspike._common.numbers import read_floats
from rcspike._common.readers import read_rows, separator_of
from rcspike.datasets.table_cells import MISSING, DecimalName, Table, TableFile, cell_number, column_names, is_number

_MAX_BYTES = 2**28
_MAX_COLUMNS = 2**16
LABELS = ("label", "class", "target")  # names of the column of classes, if none is given

_Row = tuple[int, list[str]]  # with the line on which it ends


def open_csv(
    path: str | os.PathLike[str],
    *,
    label: str | None = None,
    words: Sequence[str] = (),
    decimal: DecimalName | None = None,
) -> TableFile:
    """The columns of a CSV file.

    Its first row has their names if a cell of it is called label, class or target, or as the column `label` or one of
    `words`, or if a cell is no number. In a row without names, the label (by default the last cell) and the cells at
    the positions that `words` has may be words. By default, numbers have a decimal comma if cells are separated by
    semicolons and there is a number with a comma.

    A ValueError if the file is longer than 256 MiB, not CSV or empty, has one column, two of the same name or a row of
    another length, or numbers with a comma beside others with a point.
    """
    mark = separator_of(path)
    rows = read_rows(path, max_bytes=_MAX_BYTES, separator=mark)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{path} is empty: it needs a row for each sample")
    comma = decimal == "comma" or (decimal is None and mark == ";")
    cells = [cell.strip() for cell in first[1]]
    if len(cells) > _MAX_COLUMNS:
        raise ValueError(f"{path} has {len(cells):,} columns, but at most {_MAX_COLUMNS:,} are read")
    has_names = _is_header(cells, label, words, comma=comma)
    names = column_names(cells, str(path)) if has_names else tuple(map(str, range(len(cells))))
    if has_names:
        first = next(rows, None)
        if first is None:
            raise ValueError(f"{path} has a header, but not a single row")
    if len(names) < 2:
        raise ValueError(
            f"{path} has 1 column: it needs features and a column of classes, separated by commas, semicolons or tabs"
        )

    def read(number_names: Sequence[str], word_names: Sequence[str], label: str | None) -> Table:
        every_row = chain([first], rows)
        return _read(str(path), names, every_row, (number_names, word_names), label, comma=comma, decimal=decimal)

    return TableFile(str(path), names, has_names, read)


def _is_header(cells: list[str], label: str | None, words: Sequence[str], *, comma: bool) -> bool:
    positions = {int(word) for word in (*words, label or "") if word.isdecimal()}
    called = {word for word in (*words, label) if word and not word.isdecimal()}
    if any(cell.lower() in LABELS for cell in cells) or not called.isdisjoint(cells):
        return True
    if label is None or not label.isdecimal():
        positions.add(len(cells) - 1)
    free = (cell for i, cell in enumerate(cells) if i not in positions and cell not in MISSING)
    return not all(is_number(cell, comma=comma and "," in cell) for cell in free)


def _read(
    source: str,
    names: tuple[str, ...],
    rows: Iterator[_Row],
    chosen: tuple[Sequence[str], Sequence[str]],
    label: str | None,
    *,
    comma: bool,
    decimal: DecimalName | None,
) -> Table:
    places = {name: i for i, name in enumerate(names)}
    at_numbers, at_words = ([places[name] for name in some] for some in chosen)
    kept, lines = array("d"), array("q")
    words: dict[str, dict[int, str]] = {names[i]: {} for i in (*at_numbers, *at_words)}
    classes: dict[int, str] = {}
    seen: dict[str, str] = {}  # the first number with a comma, and that with a point
    for line, row in rows:
        if len(row) != len(names):
            raise ValueError(f"{source}, line {line}: {len(row)} cells, but the first row has {len(names)}")
        cells = [row[i] for i in at_numbers]
        numbers = _fast(cells, comma=comma, mixed=decimal is None)
        if numbers is None:
            numbers = []
            for i, cell in zip(at_numbers, cells, strict=True):
                numbers.append(_number(cell.strip(), words[names[i]], len(lines), comma=comma, mixed=decimal is None))
        if comma:
            for mark in ",.":
                if mark not in seen and (found := _first_with(mark, cells)):
                    seen[mark] = f"{found!r} in line {line}"
        kept.extend(numbers)
        for i in at_words:
            if (text := row[i].strip()) not in MISSING:
                words[names[i]][len(lines)] = text
        if label is not None and (text := row[places[label]].strip()):
            classes[len(lines)] = text
        lines.append(line)
    if decimal is None and len(seen) == 2:
        raise ValueError(
            f"{source} has numbers with a comma, such as {seen[',']}, and with a point, such as {seen['.']}: write all "
            f"of them in one way, and {source},decimal=comma or decimal=point"
        )
    matrix = np.frombuffer(kept, dtype=np.float64).reshape(len(lines), len(at_numbers))
    columns = {names[i]: matrix[:, k] for k, i in enumerate(at_numbers)}
    if label is not None:
        words[label] = classes
    return Table(source, len(lines), columns, words, lines)


def _fast(cells: list[str], *, comma: bool, mixed: bool) -> list[float] | None:
    """All numbers of a row at once; None if a cell needs a closer look."""
    if comma:
        joined = ";".join(cells)
        if "." in joined and ("," in joined or not mixed):
            return None
        cells = joined.replace(",", ".").split(";")
    try:
        numbers = read_floats(cells)
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _number(text: str, words: dict[int, str], row: int, *, comma: bool, mixed: bool) -> float:
    """The number of a cell; NaN if it has none, and its word is then among those of the column."""
    if text in MISSING:
        return np.nan
    try:
        return cell_number(text, comma=comma and not (mixed and "," not in text))
    except ValueError:
        words[row] = text
        return np.nan


def _first_with(mark: str, cells: list[str]) -> str | None:
    return next((cell for cell in cells if mark in cell and is_number(cell.strip(), comma=mark == ",")), None)

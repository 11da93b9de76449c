"""Tables in CSV files: columns of numbers, and one column of classes."""

from __future__ import annotations

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.numbers import read_float, read_floats
from rcspike._common.readers import read_rows

_MAX_BYTES = 2**28
_MAX_LABEL = 100  # characters
_LABELS = ("label", "class", "target")  # names of the column of classes, if none is given

Numbered = tuple[int, list[str]]


@dataclass(frozen=True)
class Table:
    """Features and labels of a CSV file.

    `columns` has the names of the features, or none without a header; `label` is the name, or the position, of the
    column of the classes.
    """

    x: NDArray[np.float64]
    y: NDArray[Any]
    columns: tuple[str, ...]
    label: str


def read_table(path: str | os.PathLike[str], *, label: str | None = None) -> Table:
    """Read features and labels.

    `label` is the column of the classes: its name or, counted from 0, its position. By default it is the one that is
    called label, class or target, otherwise the last one. A ValueError if the file is longer than 256 MiB, not CSV, has
    no such column or a row of another length, or a feature is not a finite number; the message has the line.
    """
    rows = read_rows(path, max_bytes=_MAX_BYTES)
    first, names = _head(rows, path, label)
    at = _label_position(names, first, label, path)
    n = len(names or first[0][1])
    if n < 2:
        raise ValueError(f"{path} has {n} column: it needs features and a column of classes, separated by commas")
    features = [i for i in range(n) if i != at]
    kept, labels = array("d"), []
    for line, row in _checked(first, rows, n, path):
        labels.append(row[at].strip())
        kept.extend(_numbers(row, features, names, line, path))
    if "" in labels:
        raise ValueError(f"{path} has a row without a label in column {_named(names, at)}: remove such rows")
    x = np.frombuffer(kept, dtype=np.float64).reshape(len(labels), len(features))
    columns, label = (tuple(names[i] for i in features), names[at]) if names else ((), str(at))
    return Table(x, _labels(labels, path), columns, label)


def read_features(path: str | os.PathLike[str], n_features: int, columns: Sequence[str]) -> NDArray[np.float64]:
    """Features (n, n_features) of a file whose labels do not matter.

    With names of columns and a header, the columns of these names in any order; otherwise all columns, of which the
    last one may be a label. Errors as of `read_table`.
    """
    rows = read_rows(path, max_bytes=_MAX_BYTES)
    first, names = _head(rows, path)
    n = len(names or first[0][1])
    if names and columns:
        places = {name: i for i, name in enumerate(names)}
        missing = next((name for name in columns if name not in places), None)
        if missing is not None:
            raise ValueError(f"{path} has no column {missing!r}: the model needs {', '.join(columns)}"[:1000])
        features = [places[name] for name in columns]
    elif n in (n_features, n_features + 1):
        features = list(range(n_features))
    else:
        raise ValueError(f"{path} has {n} columns, but the model takes {n_features} features")
    kept, n_rows = array("d"), 0
    for line, row in _checked(first, rows, n, path):
        kept.extend(_numbers(row, features, names, line, path))
        n_rows += 1
    return np.frombuffer(kept, dtype=np.float64).reshape(n_rows, len(features))


def _head(
    rows: Iterator[Numbered], path: str | os.PathLike[str], label: str | None = None
) -> tuple[list[Numbered], list[str]]:
    """The rows read so far, and the names of the columns if the first row is a header."""
    line, row = next(rows, (0, []))
    cells = [cell.strip() for cell in row]
    # Without a header one cell, by default the last one, is a label, which may be a word.
    position = int(label) if label is not None and _is_position(label) else len(cells) - 1
    features = [cell for i, cell in enumerate(cells) if i != position]
    if any(cell.lower() in _LABELS for cell in cells) or not all(map(_is_number, features)):
        twice = next((name for name, n in Counter(cells).items() if n > 1), None)
        if twice is not None:
            raise ValueError(f"{path} has two columns called {twice[:50]!r}: give every column a name of its own")
        second = next(rows, None)
        if second is None:
            raise ValueError(f"{path} has a header, but not a single row")
        return [second], cells
    if not row:
        raise ValueError(f"{path} is empty: it needs a row for each sample")
    return [(line, row)], []


def _label_position(names: list[str], first: list[Numbered], label: str | None, path: str | os.PathLike[str]) -> int:
    n = len(names or first[0][1])
    if label is not None:
        if label in names:
            return names.index(label)
        if _is_position(label) and int(label) < n:
            return int(label)
        known = f"columns {', '.join(names)}" if names else f"columns 0 to {n - 1}, without names"
        raise ValueError(f"{path} has no column {label!r} for the label: it has {known}"[:1000])
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in _LABELS if name in lower), n - 1)


def _checked(
    first: list[Numbered], rows: Iterator[Numbered], n: int, path: str | os.PathLike[str]
) -> Iterator[Numbered]:
    for part in (first, rows):
        for line, row in part:
            if len(row) != n:
                raise ValueError(f"{path}, line {line}: {len(row)} cells, but the first row has {n}")
            yield line, row


def _numbers(
    row: list[str], features: list[int], names: list[str], line: int, path: str | os.PathLike[str]
) -> list[float]:
    try:
        numbers = read_floats([row[i] for i in features])
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        at = next(i for i in features if not _is_number(row[i]))
        label = names[at] if names else at
        raise ValueError(
            f"{path}, line {line}: {row[at][:50]!r} in column {_named(names, at)} is not a finite number; fill missing "
            f"values, and give words a column of 0 and 1 for each; if it is the class, write {path},label={label}"
        )
    return numbers


def _is_position(label: str) -> bool:
    return label.isascii() and label.isdecimal() and len(label) < 10


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(read_float(text))
    except ValueError:
        return False


def _named(names: list[str], at: int) -> str:
    return repr(names[at][:50]) if names else str(at)


def _labels(texts: list[str], path: str | os.PathLike[str]) -> NDArray[Any]:
    """Labels as whole numbers if all of them are, so that 2 comes before 10; otherwise as text."""
    longest = max(texts, key=len)
    if len(longest) > _MAX_LABEL:
        raise ValueError(f"{path} has a label of {len(longest)} characters, but at most {_MAX_LABEL} are read")
    try:
        numbers = np.array(read_floats(texts))
    except ValueError:
        return np.array(texts)
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    if not whole.all():
        text = texts[int(np.argmin(whole))]
        raise ValueError(f"{path} has the label {text!r}, a number with a fraction: choose a column of classes")
    return numbers.astype(np.int64)

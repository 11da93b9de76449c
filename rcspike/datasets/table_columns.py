"""Columns of a table as features of a network: numbers, words as columns of 0 and 1, and words with an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.datasets.csv_tables import LABELS
from rcspike.datasets.table_cells import Table, TableFile
from rcspike.datasets.table_options import TableOptions
from rcspike.datasets.table_problems import check_columns, warn_of_columns


@dataclass(frozen=True)
class Column:
    """A column of a table that a network takes.

    Without `words`, it has numbers and is one feature. Otherwise it is one feature for each of the words, which is 1
    for that word and 0 for others; or, if they are `ordered`, one feature that counts them from 0.
    """

    name: str
    position: int
    words: tuple[str, ...] = ()
    ordered: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its features."""
        return tuple(f"{self.name}={word}" for word in self.words) if self.words and not self.ordered else (self.name,)

    def values(self, table: Table, name: str) -> Float64Array:
        """Its features for each row, (n_rows, n_features), from the column of this name; NaN where a cell is missing.

        A ValueError if a cell is a word that is not among its words, or a word where it has numbers.
        """
        known = {word: i for i, word in enumerate(self.words)}
        for row, text in table.words[name].items():
            if text not in known:
                expected = f"one of the words {', '.join(self.words)}"[:500] if self.words else "a finite number"
                raise ValueError(
                    f"{table.source}, {table.place(row)}: {text[:50]!r} in column {name!r} must be {expected}, as in "
                    "the training: correct the cell, or leave it empty if the training allowed for missing values"
                )
        if not self.words:
            return table.numbers[name][:, None]
        codes = np.full(table.n_rows, np.nan)
        for row, text in table.words[name].items():
            codes[row] = known[text]
        if self.ordered:
            return codes[:, None]
        return np.where(np.isnan(codes)[:, None], np.nan, codes[:, None] == np.arange(len(self.words)))


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table as a network takes them, and where its classes are.

    Examples
    --------
    >>> TableColumns.plain(2, ("length", "width")).features
    ('length', 'width')
    """

    columns: tuple[Column, ...]
    label: str
    label_position: int
    n_columns: int  # of the table, with all that are left out
    has_names: bool

    @classmethod
    def plain(cls, n: int, names: Sequence[str] = ()) -> TableColumns:
        """Those of numbers alone, before a last column of classes."""
        columns = tuple(Column(names[i] if names else str(i), i) for i in range(n))
        return cls(columns, "", n, n + 1, bool(names))

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features; none for a table of numbers without names."""
        if not self.has_names and not any(column.words for column in self.columns):
            return ()
        return tuple(name for column in self.columns for name in column.features)

    @property
    def of_words(self) -> list[str]:
        """Names of its columns of words."""
        return [column.name for column in self.columns if column.words]

    def places(self, file: TableFile) -> list[str]:
        """Names of these columns in another file: the same, or those at the same positions if one has no names.

        A ValueError if the file has no such columns.
        """
        if self.has_names and file.has_names:
            known = {*file.names}
            if missing := [column.name for column in self.columns if column.name not in known]:
                needed = ", ".join(column.name for column in self.columns)
                raise ValueError(f"{file.source} has no column {missing[0]!r}: the model needs {needed}"[:1000])
            return [column.name for column in self.columns]
        n = len(file.names)
        if n == self.n_columns:
            return [file.names[column.position] for column in self.columns]
        if n == self.n_columns - 1:  # without the classes
            return [file.names[column.position - (column.position > self.label_position)] for column in self.columns]
        raise ValueError(
            f"{file.source} has {n} columns, but the model takes {len(self.columns)} features of a table of "
            f"{self.n_columns} columns with the classes"
        )

    def read(self, file: TableFile, label: str | None = None) -> tuple[Float64Array, Table]:
        """Features (n_rows, n_features) of a file, and its cells, also those of the column of the classes."""
        places = self.places(file)
        words = [name for column, name in zip(self.columns, places, strict=True) if column.words]
        numbers = [name for column, name in zip(self.columns, places, strict=True) if not column.words]
        table = file.read(numbers, words, label)
        return self.values(table, places), table

    def values(self, table: Table, places: Sequence[str]) -> Float64Array:
        """Features (n_rows, n_features) of the columns of these names."""
        return np.concatenate([c.values(table, name) for c, name in zip(self.columns, places, strict=True)], axis=1)

    def header(self) -> dict[str, Any]:
        """All of it as JSON values."""
        columns = [
            {"name": c.name, "position": c.position, "words": list(c.words), "ordered": c.ordered} for c in self.columns
        ]
        label = {"label": self.label, "label_position": self.label_position}
        return {"columns": columns, **label, "n_columns": self.n_columns, "has_names": self.has_names}

    @classmethod
    def from_header(cls, header: Any) -> TableColumns:
        """Those with this `header`; a ValueError if it cannot have been one."""
        try:
            columns = tuple(
                Column(c["name"], c["position"], tuple(c["words"]), c["ordered"]) for c in header["columns"]
            )
            found = cls(columns, *(header[name] for name in ("label", "label_position", "n_columns", "has_names")))
        except (KeyError, TypeError) as error:
            raise ValueError(f"its columns of a table are missing or not valid: {error}") from error
        texts = [found.label, *(text for c in columns for text in (c.name, *c.words))]
        flags = [found.has_names, *(c.ordered for c in columns)]
        places = [found.label_position, *(c.position for c in columns)]
        if (
            any(type(text) is not str for text in texts)
            or any(type(flag) is not bool for flag in flags)
            or any(type(n) is not int for n in (*places, found.n_columns))
            or not all(0 <= place < found.n_columns for place in places)
            or len({*places}) != len(places)
        ):
            raise ValueError("its columns of a table are not valid")
        return found


def label_of(file: TableFile, label: str | None, drop: Sequence[str] = (), known: str = "") -> str:
    """The column of the classes: `label`, `known` if there is one, one called label, class or target, or the last."""
    if label is not None:
        return file.column(label, "for the label")
    lower = {name.lower(): name for name in reversed(file.names)}
    dropped = {*drop}
    left = [name for name in file.names if name not in dropped]
    if not left:
        raise ValueError(f"{file.source} has no column that is not dropped")
    if file.has_names and known in file.names:
        return known
    return next((lower[name] for name in LABELS if name in lower and lower[name] not in dropped), left[-1])


@dataclass(frozen=True)
class LabelledTable:
    """Features (n_rows, n_features), NaN where a value is missing, and the classes of a table as words."""

    x: Float64Array
    labels: list[str]
    columns: TableColumns


def read_labelled(file: TableFile, options: TableOptions) -> LabelledTable:
    """Features and classes of a table whose columns become what `options` say.

    Warns of columns that count the rows or have no name. A ValueError that lists all columns that need another option,
    and writes these options, or names a column that is not there, or a row without a class.
    """
    dropped, onehot, ordered = (
        [file.column(name, f"to {purpose}") for name in some]
        for some, purpose in (
            (options.drop, "leave out"),
            (options.onehot, "make 0 and 1 of"),
            (options.ordered, "order"),
        )
    )
    label = label_of(file, options.label, dropped)
    orders = dict(zip(ordered, options.ordered.values(), strict=True))
    left_out = {*dropped, label}
    taken = [name for name in file.names if name not in left_out]
    if not taken:
        raise ValueError(f"{file.source} has no column of features but the classes in {label!r}")
    for name in (*onehot, *ordered):
        if name not in {*taken} or (name in orders and name in {*onehot}):
            raise ValueError(
                f"{file.source}: column {name!r} has two options, or is the column of classes: give it one"
            )
    as_words = {*onehot, *ordered}
    table = file.read([name for name in taken if name not in as_words], [*onehot, *ordered], label)
    warn_of_columns(table, file)
    check_columns(table, file, taken, orders, label, options)
    position = {name: i for i, name in enumerate(file.names)}
    columns = TableColumns(
        tuple(Column(name, position[name], _words(table, name, orders, as_words), name in orders) for name in taken),
        label,
        position[label],
        len(file.names),
        file.has_names,
    )
    return LabelledTable(columns.values(table, taken), _labels(table, label), columns)


def read_known(file: TableFile, columns: TableColumns, label: str | None) -> LabelledTable:
    """The same of a table for a network that was trained on such `columns`; errors as of `TableColumns.places`."""
    name = label_of(file, label, known=columns.label)
    x, table = columns.read(file, name)
    return LabelledTable(x, _labels(table, name), columns)


def _words(table: Table, name: str, orders: Mapping[str, Sequence[str]], as_words: set[str]) -> tuple[str, ...]:
    if name in orders:
        return tuple(orders[name])
    return tuple(sorted({*table.words[name].values()})) if name in as_words else ()


def _labels(table: Table, name: str) -> list[str]:
    words = table.words[name]
    for row in range(table.n_rows):
        if row not in words:
            raise ValueError(f"{table.source}, {table.place(row)}: no class in column {name!r}: remove such rows")
    return [words[row] for row in range(table.n_rows)]

"""Columns of a table as features of a network: numbers, words as columns of 0 and 1, and words with an order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike.datasets.csv_tables import LABELS
from rcspike.datasets.feature_scaling import MissingName
from rcspike.datasets.table_cells import UNNAMED, DecimalName, Table, TableFile, is_number

_MAX_WORDS = 50  # of a column that an error proposes for `onehot`, an assumption: a column of names has more
_MIN_COUNTED = 10  # rows of a table in which a column can count them
_MAX_NAMED = 20  # columns in an error

# A calendar date, or a time of day, as 2024-01-31, 31.1.2024, 1/31/24 and 12:30.
_DATE = re.compile(r"(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([./])\d{1,2}\2\d{2,4}|\d{1,2}:\d{2})(?!\d)")


@dataclass(frozen=True)
class TableOptions:
    """What a user says about the columns of a table; columns have names or positions."""

    label: str | None = None
    drop: Sequence[str] = ()
    onehot: Sequence[str] = ()
    ordered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    missing: MissingName = "error"
    decimal: DecimalName | None = None

    @property
    def text(self) -> str:
        """All of it as it follows a path."""
        lists = {
            "drop": self.drop,
            "onehot": self.onehot,
            "ordered": [":".join([n, *w]) for n, w in self.ordered.items()],
        }
        label = [] if self.label is None else [f"label={self.label}"]
        rest = [] if self.missing == "error" else [f"missing={self.missing}"]
        rest += [] if self.decimal is None else [f"decimal={self.decimal}"]
        return ",".join([*label, *(f"{name}={','.join(some)}" for name, some in lists.items() if some), *rest])

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that it names, but for the label."""
        return (*self.drop, *self.onehot, *self.ordered)


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
    _warn(table, file)
    _check(table, file, taken, orders, label, options)
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


def _check(
    table: Table,
    file: TableFile,
    taken: Sequence[str],
    orders: Mapping[str, Sequence[str]],
    label: str,
    options: TableOptions,
) -> None:
    """Raise an error that lists all columns which cannot become features."""
    found = [(name, *problem) for name in taken for problem in _problems(table, name, orders.get(name), options)]
    if not found:
        return
    advised = {
        kind: [name for name, _, advice in found if advice == kind] for kind in ("drop", "onehot", "missing", "decimal")
    }
    better = replace(
        options,
        drop=(*options.drop, *dict.fromkeys(advised["drop"])),
        onehot=tuple(name for name in (*options.onehot, *advised["onehot"]) if name not in {*advised["drop"]}),
        missing="median" if advised["missing"] else options.missing,
        decimal="comma" if advised["decimal"] else options.decimal,
    )
    texts = [f"{name!r} {text}" for name, text, _ in found]
    more = [f"and {len(texts) - _MAX_NAMED} more"] if len(texts) > _MAX_NAMED else []
    way = f"write {file.source},{better.text}" if file.is_file else f"give the options {better.text}"
    n = len({name for name, _, _ in found})
    head = f"{file.source}: {n} of its columns cannot be features as they are (the classes are in {label!r})"
    raise ValueError("\n  ".join([head, *texts[:_MAX_NAMED], *more, *([way] if better != options else [])]))


def _problems(table: Table, name: str, order: Sequence[str] | None, options: TableOptions) -> Iterator[tuple[str, str]]:
    """What is wrong with a column, and the option that cures it."""
    words = table.words[name]
    as_words = name not in table.numbers
    n_missing = table.n_rows - len(words) if as_words else int(np.isnan(table.numbers[name]).sum()) - len(words)
    if n_missing == table.n_rows:
        yield "has no value in any row", "drop"
        return
    if words and (not as_words or order is not None):
        unknown = {row: text for row, text in words.items() if order is None or text not in order}
        if unknown:
            yield _of_words(table, name, unknown, order)
    elif as_words and all(map(_DATE.match, words.values())):
        yield _of_words(table, name, words, order)
    if n_missing and options.missing == "error":
        if as_words:
            row = next(i for i in range(table.n_rows) if i not in words)
        else:
            row = next(i for i in np.flatnonzero(np.isnan(table.numbers[name])).tolist() if i not in words)
        values = "value" if n_missing == 1 else "values"
        yield f"lacks {n_missing:,} {values} (first in {table.place(row)}; missing=median, mean or drop)", "missing"


def _of_words(table: Table, name: str, words: Mapping[int, str], order: Sequence[str] | None) -> tuple[str, str]:
    row, text = next(iter(words.items()))
    example = f"{text[:50]!r} in {table.place(row)}"
    if order is not None:
        return f"has {example}, which is not among {':'.join(order)}", ""
    if all(map(_DATE.match, words.values())):
        return f"has dates or times ({example}; drop it, or replace it by numbers such as the day or the hour)", "drop"
    if all(is_number(word, comma=True) for word in words.values()):
        return f"has decimal commas ({example}; decimal=comma)", "decimal"
    different = {*words.values()}
    if 2 * len(words) < table.n_rows - len(words):
        cells = "cell that is" if len(words) == 1 else "cells that are"
        return f"has {len(words):,} {cells} no finite number ({example}; correct the file, or add drop={name})", ""
    if len(different) > _MAX_WORDS:
        return f"has {len(different):,} different words ({example}; drop it, or write onehot={name})", "drop"
    if name in different:
        return (
            f"has words ({example}) and is called like one of them: the file seems to lack a row of names",
            "",
        )
    way = f"onehot={name}, or ordered={name}:... if they have an order, or label={name} if it has the classes"
    return f"has words, {len(different)} different ones ({example}; {way})", "onehot"


def _warn(table: Table, file: TableFile) -> None:
    """Warn of columns that are likely not meant as features."""
    for i, name in enumerate(file.names):
        if name not in table.numbers:
            continue
        x = table.numbers[name]
        unnamed = name == f"{UNNAMED}{i}" or name == f"Unnamed: {i}"  # as pandas calls them
        counts = (
            len(x) >= _MIN_COUNTED
            and np.isfinite(x).all()
            and x.max() - x.min() == len(x) - 1
            and len(np.unique(x)) == len(x)
            and (x == np.floor(x)).all()
        )
        if counts or unnamed:
            what = [f"counts the rows from {x.min():.0f} to {x.max():.0f}"] * bool(counts) + ["has no name"] * bool(
                unnamed
            )
            warnings.warn(
                f"{file.source}: column {name!r} {' and '.join(what)}; a network can learn from it in which order the "
                f"rows were written, and it is a feature like the others: if it should not be, add drop={name}",
                stacklevel=4,
            )

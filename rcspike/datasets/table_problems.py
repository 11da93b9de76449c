"""Columns of a table that cannot be features, or should not be: errors and warnings with the options that help."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rcspike.datasets.table_cells import UNNAMED, Table, TableFile, is_number
from rcspike.datasets.table_options import TableOptions

_MAX_WORDS = 50  # of a column that an error proposes for `onehot`, an assumption: a column of names has more
_MIN_COUNTED = 10  # rows of a table in which a column can count them
_MAX_NAMED = 20  # columns in an error

# A calendar date, or a time of day, as 2024-01-31, 31.1.2024, 1/31/24 and 12:30.
_DATE = re.compile(r"(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([./])\d{1,2}\2\d{2,4}|\d{1,2}:\d{2})(?!\d)")


def check_columns(
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


def warn_of_columns(table: Table, file: TableFile) -> None:
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

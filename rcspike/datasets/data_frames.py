"""Tables of pandas, polars and Arrow, and Parquet files, without a dependency on any of these."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike._common.extras import missing_extra
from rcspike._common.readers import open_file
from rcspike.datasets.table_cells import MISSING, Table, TableFile, cell_number, column_names


def open_frame(frame: Any, source: str = "the table", *, is_file: bool = False) -> TableFile:
    """The columns of a data frame: any object with `columns`, such as pandas and polars have, or `column_names`.

    Each column must be one that `numpy.asarray` takes. A TypeError if it is no such object.
    """
    names = _names(frame)

    def read(number_names: Sequence[str], word_names: Sequence[str], label: str | None) -> Table:
        words: dict[str, dict[int, str]] = {name: {} for name in number_names}
        numbers = {name: _numbers(values(name), words[name]) for name in number_names}
        for name in word_names:
            texts = map(_text, values(name).tolist())
            words[name] = {i: text for i, text in enumerate(texts) if text not in MISSING}
        if label is not None:
            words[label] = {i: _text(cell) for i, cell in enumerate(values(label).tolist()) if _is_class(cell)}
        return Table(source, len(frame), numbers, words)

    def values(name: str) -> Any:
        return np.asarray(frame[own[name]])

    own = dict(zip(column_names(list(map(str, names)), source), names, strict=True))
    if len(own) < 2 or len(frame) == 0:
        raise ValueError(f"{source} has {len(own)} columns and {len(frame)} rows: it needs features, classes and rows")
    return TableFile(source, tuple(own), True, read, is_file)


def open_parquet(path: str | os.PathLike[str]) -> TableFile:
    """The columns of a Parquet file.

    An ImportError if pyarrow is missing; a ValueError if the file is damaged.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise missing_extra("Parquet files need pyarrow", "parquet") from error
    with open_file(path) as file:
        try:
            return open_frame(parquet.read_table(file), str(path), is_file=True)
        except MemoryError:
            raise
        except Exception as error:  # those of Arrow are of many kinds
            raise ValueError(f"{path} is not a Parquet file that can be read: {error}") from error


def _names(frame: Any) -> Sequence[Any]:
    if hasattr(type(frame), "column_names"):  # Arrow, where `columns` are the columns themselves
        return list(frame.column_names)
    if hasattr(type(frame), "columns") or hasattr(frame, "columns"):
        return list(frame.columns)
    raise TypeError(f"the table must be one of pandas, polars or Arrow, got {type(frame).__name__}")


def _numbers(values: Any, words: dict[int, str]) -> Float64Array:
    """Values as numbers, NaN where there is none; those that are words are added to `words` by their row."""
    if values.dtype.kind in "iubf":
        numbers = values.astype(np.float64)
        words |= {int(i): str(numbers[i]) for i in np.flatnonzero(np.isinf(numbers))}
        return np.where(np.isinf(numbers), np.nan, numbers)
    numbers = np.full(len(values), np.nan)
    for i, text in enumerate(map(_text, values.tolist() if values.dtype.kind != "M" else values.astype(str))):
        if text in MISSING:
            continue
        try:
            numbers[i] = cell_number(text)
        except ValueError:
            words[i] = text
    return numbers


def _is_class(value: Any) -> bool:
    return value != "" if isinstance(value, str) else _text(value) not in MISSING


def _text(value: Any) -> str:
    return str(int(value) if isinstance(value, bool) else value).strip()

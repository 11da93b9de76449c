"""Time series in .ts files, the text format of aeon and sktime (aeon's documentation, ".ts file format")."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.arrays import Float64Array
from rcspike._common.numbers import read_floats
from rcspike._common.readers import read_text
from rcspike.datasets.labels import labels_of_texts
from rcspike.datasets.table_cells import MISSING

_MAX_BYTES = 2**28

Series = list[Float64Array]  # each (channels, length)


def read_series(path: str | os.PathLike[str]) -> tuple[Series, NDArray[np.str_] | None]:
    """Series (channels, length) of a file, each of a length of its own, and their classes if it has any.

    Missing values are NaN. A ValueError that names the line if it is not such a file, or has time stamps or targets
    that are no classes.
    """
    series: Series = []
    labels: list[str] = []
    has_labels, in_data = False, False
    for number, text in enumerate(read_text(path, max_bytes=_MAX_BYTES).splitlines(), start=1):
        line = text.strip()
        if not line or line.startswith(("#", "%")):
            continue
        try:
            if in_data:
                *channels, label = line.split(":") if has_labels else [*line.split(":"), ""]
                series.append(_channels(channels, len(series[0]) if series else None))
                labels.append(_label(label.strip()) if has_labels else "")
            else:
                word, *values = line.lower().split()
                in_data = word == "@data"
                has_labels = _header(word, values, has_labels=has_labels)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    if not series:
        raise ValueError(f"{path} has no series after a line @data, as a .ts file has")
    return series, np.array(labels) if has_labels else None


def read_labelled_series(path: str | os.PathLike[str]) -> tuple[Series, NDArray[Any]]:
    """The same of a file that must have classes."""
    series, labels = read_series(path)
    if labels is None:
        raise ValueError(f"{path} has no classes: its header needs @classLabel true")
    return series, labels_of_texts(labels.tolist(), path)


def _header(word: str, values: list[str], *, has_labels: bool) -> bool:
    """Whether the file has classes, after this line of its header."""
    if not word.startswith("@"):
        raise ValueError(f"{word[:50]!r} before @data: a line of the header begins with @, and a comment with # or %")
    if word == "@timestamps" and values[:1] == ["true"]:
        raise ValueError("series with time stamps are not read: write values at equal steps, with @timeStamps false")
    if word == "@targetlabel" and values[:1] == ["true"]:
        raise ValueError("the targets are numbers (@targetLabel true), not classes")
    return values[:1] == ["true"] if word == "@classlabel" else has_labels


def _channels(texts: list[str], n_channels: int | None) -> Float64Array:
    channels = [_values(text) for text in texts]
    if not channels or n_channels not in (None, len(channels)):
        raise ValueError(f"{len(channels)} channels, but the first series has {n_channels or 'at least one'}")
    if len({len(channel) for channel in channels}) > 1:
        raise ValueError(f"channels of the lengths {', '.join(str(len(channel)) for channel in channels)[:100]}")
    return np.array(channels)


def _values(text: str) -> list[float]:
    values = read_floats(["nan" if cell.strip() in MISSING else cell for cell in text.split(",")])
    if np.isinf(values).any():
        raise ValueError("a value is infinite")
    return values


def _label(text: str) -> str:
    if not text:
        raise ValueError("the series has no class after its last colon")
    return text


def series_of(x: Any) -> Series:
    """Series (channels, length) of an array (n, length) or (n, channels, length); a ValueError for other shapes."""
    if x.ndim not in (2, 3) or x.dtype.kind not in "iubf":
        raise ValueError(f"series must have shape (n, length) or (n, channels, length), got {x.dtype} {x.shape}")
    return list(np.asarray(x if x.ndim == 3 else x[:, None], dtype=np.float64))


def windows(series: Series, length: int | None) -> tuple[Float64Array, NDArray[np.int64], NDArray[np.int64]]:
    """Windows of a length that follow each other, as rows (n, channels * length); the end of a series is left out.

    Without a length, each series is one window, and all must have one length. Also for each row the position of its
    series, and of its first sample in it. A ValueError that names a series which is too short.
    """
    n = length or series[0].shape[1]
    for i, one in enumerate(series):
        if one.shape[1] < n or (length is None and one.shape[1] != n):
            cure = (
                "give a shorter window" if length else "give the length of pieces to cut all series into, as window=64"
            )
            raise ValueError(f"series {i} has {one.shape[1]} samples, but {n} are needed: {cure}")
    parts = [(i, start) for i, one in enumerate(series) for start in range(0, one.shape[1] - n + 1, n)]
    rows = np.stack([series[i][:, start : start + n].ravel() for i, start in parts])
    at = np.array(parts, dtype=np.int64)
    return rows, at[:, 0], at[:, 1]

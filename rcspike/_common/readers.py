"""Readers of text, JSON, TOML and CSV files from untrusted sources.

Whatever a file holds, it is read in bounded memory and time, or the error is a ValueError or an OSError that names it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from rcspike._common.numbers import read_int

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "integer",
    "naming",
    "open_file",
    "read_bytes",
    "read_columns",
    "read_csv",
    "read_json",
    "read_rows",
    "read_text",
    "read_toml",
    "separator_of",
]

MAX_BYTES = 2**23  # of a file,
MAX_TABLE_BYTES = 2**25  # of one with measurements, which have many rows,
MAX_TOML_BYTES = 2**18  # and of one whose parser takes the longest
_PART = 2**20  # bytes that are read at a time
_MAX_DIGITS = 300  # of an integer: within the range of a float
_MAX_DOTS = 10  # of keys, on one line of TOML: the time of the parser grows with the square of a key's parts

# A dot that is not the decimal point of a number, which has digits on both sides and nothing else next to them. Of the
# dots in a key no two in a row can look like decimal points.
_DOT = re.compile(r"(?<!\d)\.|\.(?!\d[\d_]*(?:[eE][+-]?\d+)?(?![\w.-]))")


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file to read its bytes; the only way in which the package opens a file of a user.

    A pipe without a writer would block for ever, and a pipe or a device cannot be read twice, as some readers do.

    Raises
    ------
    OSError
        If it cannot be read, or is a folder, a pipe, a socket or a device.
    ValueError
        If the path has a null character.
    """
    if "\0" in os.fspath(path):
        raise ValueError(f"{os.fspath(path)!r} has a null character, so it cannot be the name of a file")
    file = open(path, "rb", opener=_opened_at_once)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path} is not a file but a pipe, a socket or a device: write what it gives into a file first")
    return file


def _opened_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # by which a pipe does not wait for a writer


def read_bytes(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> bytes:
    """Content of a file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is longer than `max_bytes`, or the path has a null character.
    """
    parts, left = [], max_bytes
    with open_file(path) as file:
        while part := file.read(_PART):  # in parts, because a read takes memory for all bytes that it asks for
            left -= len(part)
            if left < 0:
                raise ValueError(f"{path} is longer than {max_bytes} bytes, the limit for such a file")
            parts.append(part)
    return b"".join(parts)


def read_text(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> str:
    """Text of a UTF-8 file, without a byte order mark; a ValueError if it is not UTF-8."""
    try:
        return read_bytes(path, max_bytes=max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error


@contextmanager
def naming(what: object, *kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds, by default TypeError and ValueError, become a ValueError that begins with `what`."""
    named = kinds or (TypeError, ValueError)
    try:
        yield
    except named as error:
        raise ValueError(f"{what}: {error}") from error


def integer(text: str) -> int:
    """Integer written in a file, of a length that a float can still hold."""
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} characters, but at most {_MAX_DIGITS} are read")
    return read_int(text)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Value of a JSON file; a ValueError if it is damaged, nested too deeply, or has an integer that is too long."""
    text = read_text(path)
    try:
        return json.loads(text, parse_int=integer)
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply for a JSON file") from error
    except ValueError as error:
        raise ValueError(f"{path} is not a whole JSON file: {error}") from error


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Tables of a TOML file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is longer than 256 KiB, not TOML, nested too deeply, has an integer beyond 64 bits, or a line with more
        than 10 dots that are not decimal points.
    """
    text = read_text(path, max_bytes=MAX_TOML_BYTES)
    for number, line in enumerate(text.split("\n"), start=1):
        if (n_dots := len(_DOT.findall(line))) > _MAX_DOTS:
            raise ValueError(f"{path}, line {number}: {n_dots} dots in keys, but at most {_MAX_DOTS} are read")
    try:
        tables = tomllib.loads(text)
        _check_integers(tables)
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply for a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from error
    except ValueError as error:  # also that of Python, which limits the digits that `int` takes
        raise ValueError(f"{path} has an integer that does not fit 64 bits") from error
    return tables


def _check_integers(value: Any) -> None:
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _check_integers(item)
        elif isinstance(item, int) and not -(2**63) <= item < 2**63:
            raise ValueError


def read_csv(path: str | os.PathLike[str]) -> list[list[str]]:
    """Rows of a CSV file that are not empty, of any lengths."""
    return [row for _, row in _rows(path, MAX_BYTES)]


def separator_of(path: str | os.PathLike[str]) -> str:
    """What separates the cells of a table, by its first line: a comma, a semicolon or a tab, of which it has most.

    Between semicolons or tabs a single comma may be that of a number, whose commas do not count.
    """
    with open_file(path) as file:
        first = file.readline(MAX_BYTES)
    for mark in (b";", b"\t"):
        if mark in first and all(cell.count(b",") < 2 for cell in first.split(mark)):
            return mark.decode()
    return max(",;\t", key=lambda mark: first.count(mark.encode()))  # the comma if none occurs


def read_rows(
    path: str | os.PathLike[str], *, max_bytes: int, separator: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Rows of a table that are not empty, each with the line on which it ends; the whole text is not kept as rows.

    Cells are separated by what `separator_of` finds, unless it is given.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is longer than `max_bytes`, not UTF-8, or not CSV.
    """
    content = read_bytes(path, max_bytes=max_bytes)
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=separator or separator_of(path))
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}, is not CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}") from error


def read_columns(path: str | os.PathLike[str], *choices: Mapping[str, Callable[[str], float]]) -> dict[str, list[Any]]:
    """Columns of numbers from a CSV file with a header; other columns are ignored.

    Parameters
    ----------
    path : path
    *choices : mapping
        Names of columns, each with the function that makes a number of a cell; the first choice that the header has.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is longer than 32 MiB, or no CSV file, the header has none of the choices, or a cell holds no such number.
    """
    rows = _rows(path, MAX_TABLE_BYTES)
    _, head = next(rows, (0, []))
    kinds = next((kinds for kinds in choices if set(kinds) <= set(head)), None)
    if kinds is None:
        wanted = " or ".join(",".join(names) for names in choices)
        raise ValueError(f"{path} must have columns {wanted}, got {_shortened(','.join(head)) or 'nothing'}")
    columns: dict[str, list[Any]] = {name: [] for name in kinds}
    places = [(head.index(name), kind, columns[name]) for name, kind in kinds.items()]
    for line, row in rows:
        if len(row) < len(head):
            raise ValueError(f"{path}, line {line}: {len(row)} cells, but the header has {len(head)}")
        try:
            for place, kind, column in places:
                column.append(kind(row[place]))
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {_shortened(str(error))}") from error
    return columns


def _rows(path: str | os.PathLike[str], max_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """With the line on which each ends."""
    reader = csv.reader(io.StringIO(read_text(path, max_bytes=max_bytes), newline=""))
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}, is not CSV: {error}") from error


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."

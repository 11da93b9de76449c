"""One HTML file with the contents of a results folder: its figures, its tables, and how they were made.

Jinja2 is imported inside the function, so that the package does without it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import shlex
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rcspike._common.atomic import atomic_write
from rcspike._common.readers import read_bytes, read_csv, read_json
from rcspike._core import build_config

__all__ = ["write_report"]


def __dir__() -> list[str]:
    return __all__


_FOLDED = 24  # a table of more rows opens on demand
_MAX_DEPTH = 10  # of objects in a record: a fact has the names of all that it lies in, so that depth multiplies length


@dataclass(frozen=True)
class _Figure:
    name: str
    uri: str
    note: str


@dataclass(frozen=True)
class _Cell:
    text: str  # as in the file
    shown: str
    is_number: bool


@dataclass(frozen=True)
class _Table:
    name: str
    head: list[str]
    rows: list[list[_Cell]]
    note: str

    @property
    def folded(self) -> bool:
        return len(self.rows) > _FOLDED


@dataclass(frozen=True)
class _Record:
    """The record of a command: facts in groups, each with a heading or ''."""

    name: str
    command: str
    groups: list[tuple[str, list[tuple[str, _Cell]]]]
    digests: dict[str, str]


def write_report(folder: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Path:
    """Write one self-contained HTML file about the folder of a run, a sweep or another command.

    Into it go every figure (``*.svg``), every table (``*.csv``) and every record (``*.json`` with a ``"command"``: the
    command, settings, seeds and versions) of the folder itself, not of those below and not hidden. A figure or table
    that is not what its record describes, or that no record describes, is marked. The file refers to nothing outside
    itself, needs no script, and is the same, byte for byte, for the same folder.

    Parameters
    ----------
    folder : path
    path : path, optional
        File to write, atomically; ``report.html`` in the folder by default.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    ImportError
        If Jinja2 is missing.
    OSError
        If there is no such folder, or the file cannot be written.
    ValueError
        If the folder has nothing to report, or a file in it is damaged or longer than 8 MiB.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "table.csv").write_text("v_syn,accuracy\\n1,0.98\\n")
    ...     page = write_report(folder).read_text()
    >>> "<td class=\\"number\\">0.98</td>" in page
    True
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise ImportError("reports need Jinja2: pip install 'rcspike[cli]'") from error
    source = Path(folder)
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder; give the one that a command left its results in")
    shown = sorted(file for file in source.iterdir() if not file.name.startswith("."))
    records = [record for file in shown if file.suffix == ".json" for record in _records(file)]
    digests = {name: digest for record in records for name, digest in record.digests.items()}
    figures = [_figure(file, digests) for file in shown if file.suffix == ".svg"]
    tables = sorted(
        (_table(file, digests) for file in shown if file.suffix == ".csv"),
        key=lambda table: (len(table.rows), table.name),
    )
    if not (figures or tables or records):
        raise ValueError(f"{source} has no figure (*.svg), table (*.csv) or record of a command (*.json) in it")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__name__).joinpath("page.html").read_text(encoding="utf-8"))
    page = template.render(
        title=source.resolve().name,
        figures=figures,
        tables=tables,
        records=records,
        version=build_config()["version"],
    )
    target = source / "report.html" if path is None else Path(path)
    with atomic_write(target) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")  # names need not be UTF-8
    return target


def _note(file: Path, digests: dict[str, str]) -> str:
    """Says of a file if it is not what a command has written; empty if it is, or if no record has digests."""
    if digests and file.name not in digests:
        return "No record in this folder says how this file was made."
    if digests and hashlib.sha256(file.read_bytes()).hexdigest() != digests[file.name]:
        return "This file is not the one that its command wrote: it has been changed or replaced since."
    return ""


def _figure(file: Path, digests: dict[str, str]) -> _Figure:
    """A figure as a separate image, so that ids and styles of two figures cannot collide."""
    content = read_bytes(file)
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding it does not know
        raise ValueError(f"{file} is not a whole SVG file: {error}") from error
    if not root.tag.endswith("svg"):
        raise ValueError(f"{file} is not an SVG file but has the root {root.tag}")
    return _Figure(file.name, f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}", _note(file, digests))


def _table(file: Path, digests: dict[str, str]) -> _Table:
    head, *rows = read_csv(file) or [[]]
    return _Table(file.name, head, [[_cell(text) for text in row] for row in rows], _note(file, digests))


def _cell(text: str) -> _Cell:
    """Long fractions are shown to six digits."""
    try:
        value = float(text)
    except ValueError:
        return _Cell(text, text, False)
    is_long = len(text) > 8 and math.isfinite(value) and not text.lstrip("-").isdigit()
    return _Cell(text, f"{value:.6g}" if is_long else text, True)


def _records(file: Path) -> list[_Record]:
    """None if the file has no command in it."""
    content = read_json(file)
    if not isinstance(content, dict) or "command" not in content:
        return []
    command = content.pop("command")
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        command = shlex.join(command)
    if not isinstance(command, str):
        raise ValueError(f"{file} has a command that is neither text nor a list of words")
    digests = content.get("files_sha256")
    known = {name: str(digest) for name, digest in digests.items()} if isinstance(digests, dict) else {}
    try:
        return [_Record(file.name, command, _groups(content), known)]
    except RecursionError as error:
        raise ValueError(f"{file} is nested too deeply for a record, which has at most {_MAX_DEPTH} levels") from error


def _groups(content: dict[str, Any]) -> list[tuple[str, list[tuple[str, _Cell]]]]:
    plain = {name: value for name, value in content.items() if not isinstance(value, dict)}
    groups = [("", _facts(plain))] if plain else []
    groups += [(name, _facts(value)) for name, value in content.items() if isinstance(value, dict)]
    return groups


def _facts(group: dict[str, Any], prefix: str = "", depth: int = 1) -> list[tuple[str, _Cell]]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    facts: list[tuple[str, _Cell]] = []
    for name, value in group.items():
        if isinstance(value, dict):
            facts += _facts(value, f"{prefix}{name}.", depth + 1)
        else:
            facts.append((f"{prefix}{name}", _cell(_said(value))))
    return facts


def _said(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(map(_said, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""One HTML file with the contents of a results folder: its figures, its tables, and how they were made."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import read_bytes, read_csv, read_json
from rcspike.report.energy_tables import constants_table
from rcspike.report.interactive import InteractivePage
from rcspike.report.page_parts import Cell, Figure, Table, cell
from rcspike.report.page_summary import heading, key_numbers
from rcspike.report.rendered_page import rendered_page
from rcspike.report.table_words import in_words

_LAST = "Further results"  # of files that no record has a caption for
_SECTIONS = ("Result", "Learning", "How it computes", "Energy", "Devices", "SPICE", _LAST)
_NOTE = (
    "Figures and tables are in the same folder under the names given here; accuracies are in per cent with two digits "
    "here, other numbers are rounded, and all are complete in the files."
)
_MAX_DEPTH = 10  # of objects in a record: a fact has the names of all that it lies in, so that depth multiplies length


@dataclass(frozen=True)
class _Record:
    """The record of a command: facts in groups, each with a heading or '', and section and caption of its files."""

    name: str
    command: str
    groups: list[tuple[str, list[tuple[str, Cell]]]]
    digests: dict[str, str]
    captions: dict[str, tuple[str, str]]
    content: dict[str, Any]


@dataclass(frozen=True)
class _Section:
    heading: str
    figures: list[Figure]
    tables: list[Table]


def write_report(
    folder: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    interactive: InteractivePage | None = None,
) -> Path:
    """Write one self-contained HTML file about the folder of a run, a sweep or another command.

    The report begins with the results; learning, membranes, energy, devices and SPICE follow in sections of their own,
    and the commands, settings, seeds and versions are at the end. Into it go every figure (``*.svg``), every table
    (``*.csv``) and every record (``*.json`` with a ``"command"``) of the folder itself and of the folders of ``rcspike
    chips`` in it (``chips-*``), but not of others below and not hidden. Records say in which section a file belongs and
    what it shows; a figure or table that is not what its record describes, or that no record describes, is marked.
    Accuracies are in per cent everywhere. The file refers to nothing outside itself, has no script but that of
    `interactive`, and is the same, byte for byte, for the same folder.

    Parameters
    ----------
    folder : path
    path : path, optional
        File to write, atomically; ``report.html`` in the folder by default.
    interactive : InteractivePage, optional
        Page in which the network is touched, from `interactive_page`.

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
    >>> "<td class=\\"number\\" data-name=\\"accuracy\\">0.98</td>" in page
    True
    """
    source = Path(folder)
    if not source.is_dir():
        raise NotADirectoryError(f"{source} is not a folder; give the one that a command left its results in")
    records: list[_Record] = []
    sections = {name: _Section(name, [], []) for name in _SECTIONS}
    for below in (source, *sorted(path for path in source.glob("chips-*") if (path / "chips.json").is_file())):
        records += _read(below, "" if below == source else f"{below.name}/", sections)
    shown = [section for section in sections.values() if section.figures or section.tables]
    if not (shown or records):
        raise ValueError(f"{source} has no figure (*.svg), table (*.csv) or record of a command (*.json) in it")
    by_name = {record.name: record.content for record in records}
    all_tables = [table for section in shown for table in section.tables]
    page = rendered_page(
        title=source.resolve().name,
        heading=heading(by_name) or source.resolve().name,
        numbers=key_numbers(by_name, all_tables),
        sections=shown,
        records=records,
        note=_NOTE,
        interactive=interactive,
    )
    target = source / "report.html" if path is None else Path(path)
    with atomic_write(target) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")  # names need not be UTF-8
    return target


def _read(folder: Path, prefix: str, sections: dict[str, _Section]) -> list[_Record]:
    """Enter figures and tables of a folder into their sections; its records."""
    shown = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    records = [record for file in shown if file.suffix == ".json" for record in _records(file, prefix)]
    digests = {name: digest for record in records for name, digest in record.digests.items()}
    captions = {name: caption for record in records for name, caption in record.captions.items()}
    tables: list[tuple[str, Table]] = []
    for file in shown:
        if file.suffix not in (".svg", ".csv"):
            continue
        section, caption = captions.get(file.name, (_LAST, ""))
        name = f"{prefix}{file.name}"
        if file.suffix == ".svg":
            sections[section].figures.append(replace(_figure(file, digests), name=name, caption=caption))
        else:
            table = replace(_table(file, digests), name=name, caption=caption)
            tables.append((section, table if section == _LAST else in_words(table, section)))
    for section, table in sorted(tables, key=lambda pair: (len(pair[1].rows), pair[1].name)):
        sections[section].tables.append(table)
    for record in records:
        settings = record.content.get("settings")
        constants = settings.get("constants") if isinstance(settings, dict) else None
        if isinstance(constants, dict) and "v_supply" in constants:
            sections["Energy"].tables.append(constants_table(constants, record.name))
    return records


def _note(file: Path, digests: dict[str, str]) -> str:
    """Says of a file if it is not what a command has written; empty if it is, or if no record has digests."""
    if digests and file.name not in digests:
        return "No record in this folder says how this file was made."
    if digests and hashlib.sha256(file.read_bytes()).hexdigest() != digests[file.name]:
        return "This file is not the one that its command wrote: it has been changed or replaced since."
    return ""


def _figure(file: Path, digests: dict[str, str]) -> Figure:
    """A figure as a separate image, so that ids and styles of two figures cannot collide."""
    content = read_bytes(file)
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding it does not know
        raise ValueError(f"{file} is not a whole SVG file: {error}") from error
    if not root.tag.endswith("svg"):
        raise ValueError(f"{file} is not an SVG file but has the root {root.tag}")
    uri = f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"
    return Figure(file.name, uri, "", _note(file, digests))


def _table(file: Path, digests: dict[str, str]) -> Table:
    head, *rows = read_csv(file) or [[]]
    return Table(file.name, head, [[cell(text) for text in row] for row in rows], "", _note(file, digests))


def _records(file: Path, prefix: str = "") -> list[_Record]:
    """None if the file has no command in it."""
    content = read_json(file)
    if not isinstance(content, dict) or "command" not in content:
        return []
    command = content.pop("command")
    if not isinstance(command, str):
        raise ValueError(f"{file} has a command that is not text but {command!r}"[:500])
    captions, digests = _captions(content.pop("captions", None)), content.get("files_sha256")
    known = {name: str(digest) for name, digest in digests.items()} if isinstance(digests, dict) else {}
    try:
        return [_Record(f"{prefix}{file.name}", command, _groups(content), known, captions, content)]
    except RecursionError as error:
        raise ValueError(f"{file} is nested too deeply for a record, which has at most {_MAX_DEPTH} levels") from error


def _captions(captions: Any) -> dict[str, tuple[str, str]]:
    """Section and caption of each file that a record describes, without those of unknown sections."""
    pairs = captions.items() if isinstance(captions, dict) else ()
    return {
        name: (pair[0], pair[1])
        for name, pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and pair[0] in _SECTIONS and isinstance(pair[1], str)
    }


def _groups(content: dict[str, Any]) -> list[tuple[str, list[tuple[str, Cell]]]]:
    plain = {name: value for name, value in content.items() if not isinstance(value, dict)}
    groups = [("", _facts(plain))] if plain else []
    groups += [(name, _facts(_apart(value))) for name, value in content.items() if isinstance(value, dict)]
    return groups


def _apart(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the constants of a process, which are a table of the section on energy."""
    constants = settings.get("constants")
    if isinstance(constants, dict) and "v_supply" in constants:
        return {name: value for name, value in settings.items() if name != "constants"}
    return dict(settings)


def _facts(group: dict[str, Any], prefix: str = "", depth: int = 1) -> list[tuple[str, Cell]]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    facts: list[tuple[str, Cell]] = []
    for name, value in group.items():
        if isinstance(value, dict):
            facts += _facts(value, f"{prefix}{name}.", depth + 1)
        else:
            facts.append((f"{prefix}{name}", _fact(name, value)))
    return facts


def _fact(name: str, value: Any) -> Cell:
    """The value of a fact; an accuracy in per cent, as everywhere in the report."""
    if name.endswith("_accuracy") and isinstance(value, float) and 0 <= value <= 1:
        return Cell(repr(value), f"{100 * value:.2f} %", True)
    return cell(_said(value))


def _said(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(map(_said, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

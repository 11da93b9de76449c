"""The tables of an energy: of its parts, and of the constants of its process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rcspike.energy import Process, load_process, process_names
from rcspike.report.page_parts import Cell, Table, cell

__all__ = ["constants_table", "parts_in_columns"]


def parts_in_columns(table: Table) -> Table | None:
    """A line for each part, a column for each circuit, and their sums; None for a table of anything else."""
    if table.head != ["circuit", "device", "layer", "part", "pJ"] or not all(len(row) == 5 for row in table.rows):
        return None
    if not all(row[4].is_number for row in table.rows):
        return None
    sums: dict[str, dict[str, float]] = {}
    circuits = list(dict.fromkeys(row[0].text for row in table.rows))
    for circuit, _, _, part, joules in table.rows:
        of_part = sums.setdefault(part.text, dict.fromkeys(circuits, 0.0))
        of_part[circuit.text] += float(joules.text)
    sums["all"] = {circuit: sum(of[circuit] for of in sums.values()) for circuit in circuits}
    rows = [
        [cell(part), *(Cell(f"{of[circuit]:.2f}", f"{of[circuit]:,.2f}", True) for circuit in circuits)]
        for part, of in sums.items()
    ]
    return replace(table, head=["part / pJ", *circuits], rows=rows)


@dataclass(frozen=True)
class _Source:
    value: float
    text: str


def constants_table(constants: Mapping[str, Any], record: str) -> Table:
    """The constants of an energy record with their units; and their sources, if the process is one of the package."""
    name = str(constants.get("process", ""))
    units = {one: Process.__dataclass_fields__[one].metadata["unit"] for one in _numbers(constants)}
    sources: dict[str, _Source] = {}
    if name in process_names():
        sources = {one.name: _Source(one.value, one.source) for one in load_process(name).constants}
    rows = []
    for constant, unit in units.items():
        value = float(constants[constant])
        source = sources.get(constant)
        given = source is None or source.value != value
        why = "given with the command or in a user's file" if given else sources[constant].text
        rows.append([cell(constant.replace("_", " ")), _number(value), cell("" if unit == "1" else unit), cell(why)])
    device = constants.get("device", "")
    caption = f"Constants of the process {name}: {device}, a {constants.get('selector', '')} in each cell."
    if any(source.text.startswith("[") for source in sources.values()):
        caption += " Numbers in brackets are the sources at the head of its file."
    return Table(f"constants in {record}", ["constant", "value", "unit", "source"], rows, caption, "")


def _numbers(constants: Mapping[str, Any]) -> list[str]:
    known = Process.__dataclass_fields__
    return [
        name
        for name, value in constants.items()
        if name in known and "unit" in known[name].metadata and isinstance(value, int | float)
    ]


def _number(value: float) -> Cell:
    return Cell(repr(value), f"{value:.4g}", True)

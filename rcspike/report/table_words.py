"""What the columns of a table mean in words, and the table of an energy record's constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rcspike.energy import Process, load_process, process_names
from rcspike.report.page_parts import Cell, Table, cell, percent

__all__ = ["SPICE_WORDS", "constants_table", "in_words"]

# The words for a column, and the factor that makes its values per cent, if they are accuracies or other fractions.
_COLUMNS: dict[str, tuple[str, float | None]] = {
    "learning_rate": ("learning rate", None),
    "train_accuracy": ("training accuracy / %", 100),
    "validation_accuracy": ("validation accuracy / %", 100),
    "test_accuracy": ("test accuracy / %", 100),
    "chip_accuracy": ("accuracy on chips / %", 100),
    "test_mean": ("test accuracy / %", 1),
    "test_std": ("standard deviation", 1),
    "validation_mean": ("validation accuracy / %", 1),
    "validation_std": ("standard deviation", 1),
    "chip_mean": ("accuracy on chips / %", 1),
    "chip_std": ("standard deviation", 1),
    "energy_pj": ("energy / pJ", None),
    "energy_pj_mean": ("energy / pJ", None),
    "energy_pj_std": ("standard deviation", None),
    "seconds": ("time / s", None),
    "n": ("seeds", None),
    "v_syn": ("V_syn / V_th", None),
    "v_th": ("threshold / V", None),
    "v_plus": ("upper supply / V", None),
    "v_minus": ("lower supply / V", None),
    "sigma_t": ("noise / T", None),
    "offset_mv": ("offset / mV", None),
    "batch_size": ("batch size", None),
    "energy_penalty": ("energy penalty", None),
}
_OF_CHIPS: dict[str, tuple[str, float | None]] = {
    "accuracy": ("accuracy / %", 1),
    "ideal": ("without effects / %", 1),
    "mean": ("mean / %", 1),
    "std": ("standard deviation", 1),
    "q00": ("lowest / %", 1),
    "q05": ("5 % quantile / %", 1),
    "q50": ("median / %", 1),
    "q95": ("95 % quantile / %", 1),
    "q100": ("highest / %", 1),
    "yield": ("yield / %", 100),
}
SPICE_WORDS = {
    "neurons": "neurons",
    "v_rmse_uV": "voltage RMSE / µV",
    "v_max_uV": "voltage max / µV",
    "spiking": "neurons that spike",
    "t_rmse_ps": "spike time RMSE / ps",
    "t_max_ps": "spike time max / ps",
    "t_rmse_percent": "spike time RMSE / % of T",
    "t_max_percent": "spike time max / % of T",
    "energy_fJ": "energy of the rails / fJ per neuron",
    "energy_error_percent": "energy error / %",
    "energy_ramp_fJ": "energy of the ramp / fJ per neuron",
    "energy_comparator_fJ": "energy of the comparator / fJ per neuron",
}
_OF_SPICE: dict[str, tuple[str, float | None]] = {name: (words, None) for name, words in SPICE_WORDS.items()}
_IN_LAYER = {"silent": "silent in layer {} / %", "saturated": "saturated in layer {} / %"}


def in_words(table: Table, section: str) -> Table:
    """A table with words for its columns, accuracies in per cent, and without what only programs need."""
    for view in (_classes, _energy):
        if (seen := view(table)) is not None:
            return seen
    own = _OF_CHIPS if section == "Devices" else _OF_SPICE if section == "SPICE" else {}
    words = [_column(name, own) for name in table.head]
    # A column of "nan" has no values, such as the validation of a run without it.
    empty = {
        column
        for column in range(len(table.head))
        if table.rows and all(len(row) > column and row[column].text in ("", "nan") for row in table.rows)
    }
    rows = [[_shown(one, words, column) for column, one in enumerate(row) if column not in empty] for row in table.rows]
    head = [word for column, (word, _) in enumerate(words) if column not in empty]
    return replace(table, head=head, rows=rows).without_common()


def _column(name: str, own: Mapping[str, tuple[str, float | None]]) -> tuple[str, float | None]:
    kind, _, layer = name.rpartition("_")
    if kind in _IN_LAYER and layer.isdigit():
        return _IN_LAYER[kind].format(layer), 100
    return own.get(name) or _COLUMNS.get(name) or (name.replace("_", " "), None)


def _shown(one: Cell, words: list[tuple[str, float | None]], column: int) -> Cell:
    factor = words[column][1] if column < len(words) else None
    if factor is not None:
        return percent(one.text, factor)
    return replace(one, shown=f"{float(one.text):.4g}") if one.is_number and "." in one.shown else one


def _classes(table: Table) -> Table | None:
    """A line for each class, with the wrong classes in words: a matrix of many columns would not fit the page."""
    if table.head[:3] != ["class", "samples", "accuracy"] or any(len(row) != len(table.head) for row in table.rows):
        return None
    names = [name.removeprefix("read as ") for name in table.head[3:]]
    rows = []
    for label, samples, accuracy, *counts in table.rows:
        others = [
            (name, count.text)
            for name, count in zip(names, counts, strict=True)
            if name != label.text and count.text not in ("0", "")
        ]
        words = ", ".join(f"{name} ({count})" for name, count in others)
        rows.append([label, samples, percent(accuracy.text), Cell(words, words, False)])
    return replace(table, head=["class", "samples", "accuracy / %", "read as other classes (samples)"], rows=rows)


def _energy(table: Table) -> Table | None:
    """A line for each part, a column for each circuit, and their sums."""
    if table.head != ["circuit", "layer", "part", "pJ"] or not all(len(row) == 4 for row in table.rows):
        return None
    if not all(row[3].is_number for row in table.rows):
        return None
    sums: dict[str, dict[str, float]] = {}
    circuits = list(dict.fromkeys(row[0].text for row in table.rows))
    for circuit, _, part, joules in table.rows:
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
    caption = f"Constants of the process {name}, with a {constants.get('selector', '')} in each cell."
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

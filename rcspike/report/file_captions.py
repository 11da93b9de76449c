"""In which section of a report a file of a results folder belongs, what it shows, and what its columns mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rcspike.energy import Process, load_process, process_names
from rcspike.report.page_parts import Cell, Table, cell, percent

__all__ = ["LAST", "SECTIONS", "constants_table", "describe", "in_words"]

LAST = "Further results"
SECTIONS = ("Result", "Learning", "How it computes", "Energy", "Devices", "SPICE", LAST)

# A pattern of the name of a file in its folder, its section, and its caption.
_FILES = (
    (
        r"confusion\.svg",
        "Result",
        "How the network read the samples of each class (row), and the accuracy of each class.",
    ),
    (r"classes\.csv", "Result", "Accuracy of each class, and the classes that its other samples were read as."),
    (r"accuracy\.svg", "Result", "Test accuracy at each V_syn; infinity is the conventional circuit, off the curve."),
    (r"accuracy-(?P<x>\w+)\.svg", "Result", "Test accuracy against {x}."),
    (
        r"learning\.svg",
        "Learning",
        "Above: error and loss after each epoch. Below: one test sample in the trained network, from its spikes to "
        "those of the outputs; each membrane charges, and then a ramp takes it to the threshold.",
    ),
    (
        r"history\.csv",
        "Learning",
        "Each epoch. A silent neuron ends its charging phase at or below rest, and a saturated one above the "
        "threshold: its spike time is fixed, so that it does not learn from this sample.",
    ),
    (
        r"trace\.svg",
        "How it computes",
        "The membranes of one sample, with the same weights in the conventional circuit and in RC-Spike.",
    ),
    (
        r"trace-maps\.svg",
        "How it computes",
        "When each neuron of the convolutions spikes for one sample: an image for each map, blank without a spike.",
    ),
    (
        r"energy\.svg",
        "Energy",
        "The energy of an inference by part, for all layers and for each on a scale of its own.",
    ),
    (
        r"tornado\.svg",
        "Energy",
        "How far the ratio of the energies depends on each constant: a bar reaches from its low to its high value.",
    ),
    (r"energy\.csv", "Energy", "The energy of an inference by part, in pJ: the sum over all layers."),
    (r"pareto\.svg", "Energy", "Test accuracy against the energy of an inference, and the Pareto front."),
    (r"chips\.svg", "Devices", "The accuracy of virtual chips, whose devices and neurons are drawn at random."),
    (r"chips\.csv", "Devices", "Each chip."),
    (r"offsets\.svg", "Devices", "Test accuracy against energy, with random offsets of the comparators."),
    (r"layer(?P<x>\d+)\.svg", "SPICE", "Membranes of layer {x} in ngspice and in the engine, and their difference."),
    (r"errors\.csv", "SPICE", "Differences between ngspice and the engine."),
    (r"spikes-layer(?P<x>\d+)\.csv", "SPICE", "Spike times of layer {x} in ngspice, in s."),
    (r"waveforms-layer(?P<x>\d+)\.csv", "SPICE", "Membrane voltages of layer {x} in ngspice, in s and V."),
)

# Names that say nothing by themselves, with the record of their command.
_OF_RECORDS = {
    ("table.csv", "sweep.json"): ("Result", "Mean and standard deviation over the seeds."),
    ("runs.csv", "sweep.json"): ("Result", "Each run."),
    ("table.csv", "chips.json"): ("Devices", "Mean and quantiles over the chips of each case."),
}

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
_OF_SPICE: dict[str, tuple[str, float | None]] = {
    "v_rmse_uV": ("voltage RMSE / µV", None),
    "v_max_uV": ("voltage max / µV", None),
    "spiking": ("neurons that spike", None),
    "t_rmse_ps": ("spike time RMSE / ps", None),
    "t_rmse_percent": ("spike time RMSE / % of T", None),
    "t_max_ps": ("spike time max / ps", None),
    "t_max_percent": ("spike time max / % of T", None),
    "energy_fJ": ("energy of the rails / fJ per neuron", None),
    "energy_error_percent": ("energy error / %", None),
}
_IN_LAYER = {"silent": "silent in layer {} / %", "saturated": "saturated in layer {} / %"}


def describe(name: str, record: str) -> tuple[str, str]:
    """Section and caption of a file, by its name and that of the record that describes it; LAST and '' if unknown."""
    if (name, record) in _OF_RECORDS:
        return _OF_RECORDS[name, record]
    for pattern, section, caption in _FILES:
        if found := re.fullmatch(pattern, name):
            words = {key: value.replace("_", " ") for key, value in found.groupdict().items()}
            return section, caption.format(**words)
    return LAST, ""


def in_words(table: Table, file: str, section: str) -> Table:
    """A known table with words for its columns, accuracies in per cent, and without what only programs need."""
    if section == LAST:
        return table
    views: dict[str, Callable[[Table], Table | None]] = {"classes.csv": _classes, "energy.csv": _energy}
    if file in views and (view := views[file](table)) is not None:
        return view
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
        why = "given with the command or in a file of its own" if given else sources[constant].text
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

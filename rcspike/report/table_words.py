"""What the columns of a table mean in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rcspike.report.class_table import classes_in_words
from rcspike.report.energy_tables import parts_in_columns
from rcspike.report.page_parts import Cell, Table, percent

__all__ = ["SPICE_WORDS", "in_words"]

# The words for a column, and the factor that makes its values per cent, if they are accuracies or other fractions.
_COLUMNS: dict[str, tuple[str, float | None]] = {
    "learning_rate": ("learning rate", None),
    "train_accuracy": ("training accuracy / %", 100),
    "validation_accuracy": ("validation accuracy / %", 100),
    "test_accuracy": ("test accuracy / %", 100),
    "chip_accuracy": ("accuracy on chips / %", 100),
    "test_mean": ("test accuracy / %", 1),
    "test_std": ("standard deviation", 1),
    "balanced_accuracy": ("balanced accuracy / %", 100),
    "worst_class_accuracy": ("worst class / %", 100),
    "balanced_mean": ("balanced accuracy / %", 1),
    "balanced_std": ("standard deviation", 1),
    "worst_class_mean": ("worst class / %", 1),
    "worst_class_std": ("standard deviation", 1),
    "test_samples": ("test samples", None),
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
    "balanced": ("balanced accuracy / %", 1),
    "worst_class": ("worst class / %", 1),
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
    for view in (classes_in_words, parts_in_columns):
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

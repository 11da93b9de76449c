"""Accuracy against the energy of an inference, with offsets of the comparators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rcspike.experiments import Row, experiment_circuit, parameter_names
from rcspike.plots.figure_style import (
    FAINT,
    INK,
    check_available,
    circuit_colour,
    circuit_name,
    legend,
    literal,
    panel,
    tidy,
    title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["offsets_figure"]

_HEIGHT, _LEGEND_WIDTH = 3.4, 2.3
_MARKERS, _LINES = "os^Dv", ("-", "--", "-.", ":")


def offsets_figure(rows: Sequence[Row]) -> Figure:
    """Test accuracy against the mean energy of an inference: a line for each offset, a point for each circuit.

    A line follows V_syn; the conventional circuit stands apart.
    The bars are standard errors of the mean over the seeds.

    Parameters
    ----------
    rows : sequence
        Rows as `rcspike.experiments.summary_rows` returns them; those without an offset are left out.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If no row has an offset.

    Examples
    --------
    >>> row = {"dataset": "mnist", "model": "rc-spike", "hidden": "200-200", "n": 1, "test_std": None, "hold": "rails"}
    >>> row |= {"process": "sky130", "v_syn": 2.0, "v_plus": 0.872, "energy_pj_mean": 3221.5, "test_mean": 98.4}
    >>> figure = offsets_figure([{**row, "offset_mv": mv} for mv in (0.0, 10.0)])
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()][:2]
    ['no offset', 'offsets of 10 mV']
    """
    check_available()
    points = [row for row in rows if "offset_mv" in row and "energy_pj_mean" in row]
    if not points:
        raise ValueError("no row has an offset: run the sweep with offset_mv")
    figure, axes = panel(_HEIGHT, _LEGEND_WIDTH)
    offsets = sorted({row["offset_mv"] for row in points})
    names = [name for name in parameter_names(points) if name != "v_syn"]
    lines: dict[str, list[Row]] = {}
    for row in points:
        lines.setdefault(repr([row.get(name) for name in names]), []).append(row)
    for line in lines.values():
        number = offsets.index(line[0]["offset_mv"])
        line.sort(key=lambda row: (row.get("v_syn", 0.0), row["energy_pj_mean"]))
        joined = [row for row in line if math.isfinite(row.get("v_syn", 0.0))]
        energy, accuracy = ([row[name] for row in joined] for name in ("energy_pj_mean", "test_mean"))
        axes.plot(energy, accuracy, _LINES[number % len(_LINES)], color=FAINT, linewidth=1, zorder=1)
        for row in line:
            axes.errorbar(
                row["energy_pj_mean"],
                row["test_mean"],
                yerr=(row["test_std"] or 0.0) / row["n"] ** 0.5,
                fmt=_MARKERS[number % len(_MARKERS)],
                markersize=5,
                linewidth=1,
                capsize=2,
                color=circuit_colour(experiment_circuit(row)),
                zorder=3,
            )
    for number, mv in enumerate(offsets):
        style = _MARKERS[number % len(_MARKERS)] + _LINES[number % len(_LINES)]
        label = f"offsets of {mv:g} mV" if mv else "no offset"
        axes.plot([], [], style, markersize=5, color=INK, mfc="none", linewidth=1, label=label)
    circuits = dict.fromkeys(experiment_circuit(row) for row in points)
    for circuit in sorted(circuits, key=lambda circuit: (circuit.e_plus, circuit.e_minus)):
        axes.plot([], [], "o", markersize=5, color=circuit_colour(circuit), label=circuit_name(circuit, separator="\n"))
    axes.set_xlabel("energy of an inference / pJ")
    axes.set_ylabel("test accuracy / %")
    tidy(axes, grid="both")
    legend(axes)
    title(figure, _heading(points))
    return figure


def _heading(points: Sequence[Row]) -> str:
    """What all points share: data set, layers, process, and the voltages that are fixed."""
    words = []
    for name in ("dataset", "hidden", "process"):
        values = {row[name] for row in points}
        words += [literal(values.pop())] if len(values) == 1 else []
    for hold, name in (("rails", "v_plus"), ("threshold", "v_th")):
        volts = {row.get(name) for row in points}
        if {row["hold"] for row in points} == {hold}:
            words.append(f"{hold} of {volts.pop():.3g} V" if len(volts) == 1 else f"fixed {hold}")
    one_seed = all(row["n"] == 1 for row in points)
    return f"{', '.join(words)}: {'one seed' if one_seed else 'mean and standard error'}"

"""Accuracy against the energy of an inference: the Pareto front, and offsets of the comparators."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rcspike.circuit import Circuit
from rcspike.experiments import Row, experiment_circuit, parameter_names
from rcspike.plots.figure_style import FAINT, INK, PAPER, circuit_colour, circuit_name, legend, literal, panel, tidy
from rcspike.plots.sweep_curves import over_seeds, standard_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["offsets_figure", "pareto_figure"]

_HEIGHT = 2.9
_MARKERS, _LINES = "osD^vP", ("-", "--", "-.", ":")
_DECADE = 10  # times the least energy: beyond, the axis is logarithmic


def pareto_figure(rows: Sequence[Row]) -> Figure:
    """Test accuracy against the mean energy of an inference, for every circuit of a sweep, and their Pareto front.

    The colour is that of the circuit; the shape shows the energy penalty if there are several, otherwise the circuit.
    Steps join the circuits of a data set that no other circuit beats in both accuracy and energy, if there are several;
    with several data sets, their style shows which. The bars are standard errors of the mean over the seeds.

    Parameters
    ----------
    rows : sequence
        Rows as `rcspike.experiments.summary_rows` returns them; those without an energy are left out.

    Raises
    ------
    ValueError
        If no row has an energy.

    Examples
    --------
    >>> row = {"dataset": "mnist", "model": "rc-spike", "n": 1, "test_std": None, "energy_pj_std": None}
    >>> rows = [{**row, "v_syn": v, "test_mean": 97 + v, "energy_pj_mean": 300 * v} for v in (1.0, 1.2)]
    >>> pareto_figure(rows).axes[0].get_xlabel()
    'energy of an inference / pJ'
    """
    points = [row for row in rows if "energy_pj_mean" in row]
    if not points:
        raise ValueError("no row has an energy: only spiking networks do")
    datasets = list(dict.fromkeys(row["dataset"] for row in points))
    heading = f"{', '.join(map(literal, datasets))}: accuracy against energy, {over_seeds(points)}"
    figure, axes = panel(_HEIGHT, heading)
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    penalties = sorted({row.get("energy_penalty", 0.0) for row in points})
    circuits = _circuits(points)
    shapes = {circuit: _of(_MARKERS, i) for i, circuit in enumerate(circuits)}
    has_penalties = len(penalties) > 1
    for row in points:
        shape = shapes[experiment_circuit(row)]
        if has_penalties:
            shape = _of(_MARKERS, penalties.index(row.get("energy_penalty", 0.0)))
        errors = {"xerr": standard_error(row, "energy_pj"), "yerr": standard_error(row, "test")}
        _draw_point(axes, row, shape, markersize=6.5, markeredgecolor=PAPER, markeredgewidth=0.5, **errors)
    for i, dataset in enumerate(datasets):
        front = _front([(row["energy_pj_mean"], row["test_mean"]) for row in points if row["dataset"] == dataset])
        if len(front) < 2:  # the circuit with the least energy is the most accurate, too
            continue
        name = "Pareto front" if len(datasets) == 1 else f"Pareto front, {literal(dataset)}"
        style: dict[str, Any] = {"drawstyle": "steps-post", "color": FAINT, "linewidth": 1, "zorder": 1}
        axes.plot(*zip(*front, strict=True), _of(_LINES, i), label=name, **style)
    _name_circuits(axes, dict.fromkeys(circuits, "o") if has_penalties else shapes, size=6.5)
    for penalty, marker in zip(penalties, _MARKERS, strict=False) if has_penalties else ():
        axes.plot([], [], marker, markersize=5, color=INK, mfc="none", label=f"energy penalty {penalty:g}")
    energies = [row["energy_pj_mean"] for row in points]
    if max(energies) > _DECADE * min(energies):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda pj, _: f"{pj:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    _label(axes)
    return figure


def offsets_figure(rows: Sequence[Row]) -> Figure:
    """Test accuracy against the mean energy of an inference: a line for each offset, a point for each circuit.

    A line follows V_syn; the conventional circuit stands apart.
    The bars are standard errors of the mean over the seeds.

    Parameters
    ----------
    rows : sequence
        Rows as `rcspike.experiments.summary_rows` returns them; those without an offset are left out.

    Raises
    ------
    ValueError
        If no row has an offset.

    Examples
    --------
    >>> row = {"dataset": "mnist", "model": "rc-spike", "hidden": "200-200", "n": 1, "test_std": None, "hold": "rails"}
    >>> row |= {"process": "sky130", "device": "resistor", "v_syn": 2.0, "v_plus": 0.872}
    >>> row |= {"energy_pj_mean": 3221.5, "test_mean": 98.4}
    >>> figure = offsets_figure([{**row, "offset_mv": mv} for mv in (0.0, 10.0)])
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()][:2]
    ['no offset', 'offsets of 10 mV']
    """
    points = [row for row in rows if "offset_mv" in row and "energy_pj_mean" in row]
    if not points:
        raise ValueError("no row has an offset: run the sweep with offset_mv")
    figure, axes = panel(_HEIGHT, _heading(points))
    offsets = sorted({row["offset_mv"] for row in points})
    names = [name for name in parameter_names(points) if name != "v_syn"]
    lines: dict[str, list[Row]] = {}
    for row in points:
        lines.setdefault(repr([row.get(name) for name in names]), []).append(row)
    for line in lines.values():
        i = offsets.index(line[0]["offset_mv"])
        line.sort(key=lambda row: (row.get("v_syn", 0.0), row["energy_pj_mean"]))
        joined = [row for row in line if math.isfinite(row.get("v_syn", 0.0))]
        energy, accuracy = ([row[name] for row in joined] for name in ("energy_pj_mean", "test_mean"))
        axes.plot(energy, accuracy, _of(_LINES, i), color=FAINT, linewidth=1, zorder=1)
        for row in line:
            _draw_point(axes, row, _of(_MARKERS, i), markersize=5, yerr=standard_error(row, "test"))
    for i, mv in enumerate(offsets):
        label = f"offsets of {mv:g} mV" if mv else "no offset"
        style = _of(_MARKERS, i) + _of(_LINES, i)
        axes.plot([], [], style, markersize=5, color=INK, mfc="none", linewidth=1, label=label)
    _name_circuits(axes, dict.fromkeys(_circuits(points), "o"), size=5)
    _label(axes)
    return figure


def _of(items: Sequence[str], i: int) -> str:
    """The i-th marker or line style; they repeat."""
    return items[i % len(items)]


def _circuits(points: Sequence[Row]) -> list[Circuit]:
    """The circuits of the points, each once, by their rails."""
    circuits = dict.fromkeys(experiment_circuit(row) for row in points)
    return sorted(circuits, key=lambda circuit: (circuit.e_plus, circuit.e_minus))


def _draw_point(axes: Axes, row: Row, marker: str, **style: Any) -> None:
    style |= {"color": circuit_colour(experiment_circuit(row)), "linewidth": 1, "capsize": 2, "zorder": 3}
    axes.errorbar(row["energy_pj_mean"], row["test_mean"], fmt=marker, **style)


def _name_circuits(axes: Axes, markers: Mapping[Circuit, str], *, size: float) -> None:
    for circuit, marker in markers.items():
        name = circuit_name(circuit)
        axes.plot([], [], marker, markersize=size, color=circuit_colour(circuit), label=name)


def _label(axes: Axes) -> None:
    axes.set_xlabel("energy of an inference / pJ")
    axes.set_ylabel("test accuracy / %")
    tidy(axes, grid="both")
    legend(axes)


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pareto front: points for which no other has a smaller first and a larger second value, from left to right."""
    front: list[tuple[float, float]] = []
    for energy, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((energy, accuracy))
    return front


def _heading(points: Sequence[Row]) -> str:
    """What all points share: data set, layers, process, and the voltages that are fixed."""
    words = []
    for name in ("dataset", "hidden", "process", "device"):
        values = {row[name] for row in points}
        words += [literal(values.pop())] if len(values) == 1 else []
    for hold, name in (("rails", "v_plus"), ("threshold", "v_th")):
        volts = {row.get(name) for row in points}
        if {row["hold"] for row in points} == {hold}:
            words.append(f"{hold} of {volts.pop():.3g} V" if len(volts) == 1 else f"fixed {hold}")
    one_seed = all(row["n"] == 1 for row in points)
    return f"{', '.join(words)}: {'one seed' if one_seed else 'mean and standard error'}"

"""Accuracy against the energy of an inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rcspike.experiments import Row, experiment_circuit
from rcspike.plots.figure_style import (
    FAINT,
    INK,
    PAPER,
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

__all__ = ["pareto_figure"]

_HEIGHT, _LEGEND_WIDTH = 3.4, 2.3
_MARKERS, _LINES = "osD^vP", ("-", "--", "-.", ":")


def pareto_figure(rows: Sequence[Row]) -> Figure:
    """Test accuracy against the mean energy of an inference, for every circuit of a sweep, and their Pareto front.

    The colour is that of the circuit; the shape shows the energy penalty if there are several, otherwise the circuit.
    A line joins the circuits of a data set that no other circuit beats in both accuracy and energy; with several data
    sets, its style shows which.

    Parameters
    ----------
    rows : sequence
        Rows as `rcspike.experiments.summary_rows` returns them; those without an energy are left out.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If no row has an energy.

    Examples
    --------
    >>> row = {"dataset": "mnist", "model": "rc-spike", "n": 1, "test_std": None, "energy_pj_std": None}
    >>> rows = [{**row, "v_syn": v, "test_mean": 97 + v, "energy_pj_mean": 300 * v} for v in (1.0, 1.2)]
    >>> pareto_figure(rows).axes[0].get_xlabel()
    'energy of an inference / pJ'
    """
    check_available()
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    points = [row for row in rows if "energy_pj_mean" in row]
    if not points:
        raise ValueError("no row has an energy: only spiking networks do")
    figure, axes = panel(_HEIGHT, _LEGEND_WIDTH)
    datasets = list(dict.fromkeys(row["dataset"] for row in points))
    penalties = sorted({row.get("energy_penalty", 0.0) for row in points})
    circuits = list(dict.fromkeys(experiment_circuit(row) for row in points))
    circuits.sort(key=lambda circuit: (circuit.e_plus, circuit.e_minus))

    def shape(row: Row) -> str:
        several = penalties.index(row.get("energy_penalty", 0.0)) if len(penalties) > 1 else None
        return _MARKERS[(circuits.index(experiment_circuit(row)) if several is None else several) % len(_MARKERS)]

    for row in points:
        axes.errorbar(
            row["energy_pj_mean"],
            row["test_mean"],
            xerr=row["energy_pj_std"],
            yerr=row["test_std"],
            fmt=shape(row),
            markersize=6.5,
            linewidth=1,
            capsize=2,
            color=circuit_colour(experiment_circuit(row)),
            markeredgecolor=PAPER,
            markeredgewidth=0.5,
            zorder=3,
        )
    for dataset in datasets:
        front = _front([(row["energy_pj_mean"], row["test_mean"]) for row in points if row["dataset"] == dataset])
        line = _LINES[datasets.index(dataset) % len(_LINES)]
        name = "Pareto front" if len(datasets) == 1 else f"Pareto front, {literal(dataset)}"
        axes.plot(
            *zip(*front, strict=True), line, drawstyle="steps-post", color=FAINT, linewidth=1, zorder=1, label=name
        )
    for number, circuit in enumerate(circuits):
        name = circuit_name(circuit, separator="\n")
        marker = "o" if len(penalties) > 1 else _MARKERS[number % len(_MARKERS)]
        axes.plot([], [], marker, markersize=6.5, color=circuit_colour(circuit), label=name)
    for penalty, marker in zip(penalties, _MARKERS, strict=False):
        if len(penalties) > 1:
            axes.plot([], [], marker, markersize=5, color=INK, mfc="none", label=f"energy penalty {penalty:g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda pj, _: f"{pj:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("energy of an inference / pJ")
    axes.set_ylabel("test accuracy / %")
    tidy(axes, grid="both")
    legend(axes)
    n = sorted({int(row["n"]) for row in points})
    spread = "one seed" if n == [1] else f"mean and standard deviation over {'–'.join(map(str, n))} seeds"
    title(figure, f"{', '.join(map(literal, datasets))}: accuracy against energy, {spread}")
    return figure


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pareto front: points for which no other has a smaller first and a larger second value, from left to right."""
    front: list[tuple[float, float]] = []
    for energy, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((energy, accuracy))
    return front

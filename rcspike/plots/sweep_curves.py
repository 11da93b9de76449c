"""Accuracy over the grid of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike.experiments import Row, experiment_circuit, parameter_names
from rcspike.plots.accuracy_limits import limits_of_most
from rcspike.plots.figure_style import HIGHLIGHT, INK, PALETTE, circuit_colour, legend, literal, panel, tidy
from rcspike.plots.parameter_axis import draw_parameter_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["over_seeds", "standard_error", "sweep_figure"]

_HEIGHT = 2.7
_MARKERS = "osD^vP"
_NAMES = {"rc-spike": "RC-Spike", "transfer": "trained at 100, rescaled", "relu": "ReLU network"}
_STYLES = {"rc-spike": "-", "transfer": "--", "relu": ":"}
_RAILS = {"v_syn": r"V_\mathrm{syn}", "e_plus": "E_+", "e_minus": "E_-", "diode_drop": "V_D", "v_0": "V_0"}  # in V_th
_SYMBOLS = {name: rf"${symbol}\,/\,V_\mathrm{{th}}$" for name, symbol in _RAILS.items()}
_SYMBOLS |= {"ramp": "ramp coefficient $b$", "noise": r"spike-time noise $\sigma_t\,/\,T$"}
_SYMBOLS |= {"offset_mv": "standard deviation of comparator offsets / mV"}


def sweep_figure(rows: Sequence[Row], *, x: str = "v_syn") -> Figure:
    """Test accuracy against one parameter of a sweep, mean and standard error over the seeds.

    A curve for each combination of the other parameters. The axis is logarithmic if the values of the parameter are.
    The conventional circuit is at the right end of an axis of V_syn, apart from the curve; a ReLU network is a level
    line with a band. Results of one seed have no bars. Accuracies far below all others are arrows with a number.

    Parameters
    ----------
    rows : sequence
        Rows as `rcspike.experiments.summary_rows` returns them.
    x : str
        The parameter on the axis.

    Raises
    ------
    ValueError
        If no row has a number for `x`.

    Examples
    --------
    >>> row = {"dataset": "mnist", "model": "rc-spike", "hidden": "200-200", "n": 3, "test_std": 0.1}
    >>> rows = [{**row, "v_syn": v, "test_mean": mean} for v, mean in [(1.0, 98.3), (2.0, 98.4), (math.inf, 98.4)]]
    >>> sweep_figure(rows).axes[0].get_xticklabels()[-1].get_text()
    '∞'
    """
    values = sorted({float(row[x]) for row in rows if isinstance(row.get(x), int | float)})
    if not values:
        raise ValueError(f"there is no finished run with a number for {x}")
    figure, axes = panel(_HEIGHT, f"{_common(rows, x)}: {over_seeds(rows)}")
    positions = draw_parameter_axis(axes, values)
    n_curves = 0
    for label, curve in _curves(rows, x).items():
        colour = _colour(curve[0], x, n_curves)
        if x not in curve[0]:
            _draw_level(axes, curve[0], label, colour)
            continue
        curve.sort(key=lambda row: float(row[x]))
        at = [positions[float(row[x])] for row in curve]
        mean, errors = [row["test_mean"] for row in curve], [standard_error(row, "test") for row in curve]
        bars = [error for error in errors if error is not None]
        marker, style = _MARKERS[n_curves % len(_MARKERS)], _STYLES[curve[0]["model"]]
        look: dict[str, Any] = {"color": colour, "markersize": 4.5, "linewidth": 1.3}
        n_curves += 1
        axes.errorbar(at, mean, yerr=bars if len(bars) == len(curve) else None, fmt=marker, capsize=2.5, **look)
        # Nothing lies between an end that stands apart and its neighbour: the line ends before.
        on_scale = [place == row[x] for row, place in zip(curve, at, strict=True)]
        axes.plot(np.compress(on_scale, at), np.compress(on_scale, mean), style, **look)
        axes.plot([], [], style, marker=marker, **look, label=label)
    axes.set_xlabel(_SYMBOLS.get(x, x.replace("_", " ")))
    axes.set_ylabel("test accuracy / %")
    _fit(axes, rows, positions, x)
    tidy(axes, grid="y")
    legend(axes)
    return figure


def over_seeds(rows: Sequence[Row]) -> str:
    """How the numbers of a figure come from the seeds, in words."""
    seeds = sorted({int(row["n"]) for row in rows})
    if seeds == [1]:
        return "one seed"
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"mean and standard error over {count} seeds"


def standard_error(row: Row, name: str) -> float | None:
    """Standard error of the mean over the seeds of what was measured, in its unit; None for a single seed."""
    deviation = row[f"{name}_std"]
    return None if deviation is None else float(deviation / row["n"] ** 0.5)


def _fit(axes: Axes, rows: Sequence[Row], positions: Mapping[float, float], x: str) -> None:
    """Limits that fit most accuracies with their bars, and an arrow with a number for each that is far below."""
    bars = [(row["test_mean"], standard_error(row, "test") or 0.0) for row in rows]
    low, high = limits_of_most([end for mean, error in bars for end in (mean - error, mean + error)])
    axes.set_ylim(low, high)
    for row in rows:
        if row["test_mean"] < low:
            at = 0.5 * sum(axes.get_xlim()) if x not in row else positions[float(row[x])]
            style: dict[str, Any] = {"ha": "center", "fontsize": 8, "color": INK, "textcoords": "offset points"}
            arrow = {"arrowstyle": "->", "color": INK}
            axes.annotate(f"{row['test_mean']:.1f} %", (at, low), (0, 14), arrowprops=arrow, **style)


def _curves(rows: Sequence[Row], x: str) -> dict[str, list[Row]]:
    """Rows that differ only in `x`, by the label of their curve."""
    names = [name for name in parameter_names(rows) if name not in (x, "model")]
    varied = [name for name in names if len({row[name] for row in rows if name in row}) > 1]
    curves: dict[str, list[Row]] = {}
    for row in rows:
        words = [_NAMES[row["model"]]]
        words += [_word(name, row[name]) for name in varied if name in row]
        if words[:2] == ["RC-Spike", "conventional circuit"]:
            words = words[1:]
        curves.setdefault(", ".join(words), []).append(row)
    return curves


def _word(name: str, value: Any) -> str:
    if name in ("dataset", "hidden", "process", "device"):
        return literal(value)
    if name == "v_syn" and math.isinf(value):
        return "conventional circuit"
    shown = f"{value:g}" if isinstance(value, float) else literal(value)
    if name in _RAILS:
        return rf"${_RAILS[name]} = {shown}\,V_\mathrm{{th}}$".replace("inf", r"\infty")
    if name == "offset_mv":
        return f"offset {shown} mV"
    if name == "hold":
        return f"fixed {shown}"
    return rf"$\sigma_t={shown}\,T$" if name == "noise" else f"{name.replace('_', ' ')} {shown}"


def _colour(row: Row, x: str, number: int) -> str:
    """Colour of the curve's circuit if it has one, otherwise one of a palette suited to colour blindness."""
    if row["model"] == "relu":
        return HIGHLIGHT
    if x != "v_syn" and "v_syn" in row:
        return circuit_colour(experiment_circuit(row))
    return PALETTE[number % len(PALETTE)]


def _draw_level(axes: Axes, row: Row, label: str, colour: str) -> None:
    mean, error = row["test_mean"], standard_error(row, "test")
    axes.axhline(mean, color=colour, linestyle=":", linewidth=1.3, label=label)
    if error is not None:
        axes.axhspan(mean - error, mean + error, color=colour, alpha=0.12, linewidth=0)


def _common(rows: Sequence[Row], x: str) -> str:
    """The data set, the size, the circuit but V_syn, and the noise or the process, if all curves share them."""
    words = []
    for name in ("dataset", "hidden", "e_plus", "e_minus", "diode_drop", "ramp", "v_0", "noise", "process", "hold"):
        values = {row[name] for row in rows if name in row}
        if name != x and len(values) == 1:
            words.append(_word(name, values.pop()))
    return ", ".join(words) or "accuracy"

"""Accuracy over the grid of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rcspike.experiments import Row, experiment_circuit, parameter_names
from rcspike.plots.figure_style import FAINT, HIGHLIGHT, PALETTE, circuit_colour, legend, literal, panel, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["over_seeds", "sweep_figure"]

_HEIGHT, _LEGEND_WIDTH = 3.2, 2.5
_MARKERS = "osD^vP"
_NAMES = {"rc-spike": "RC-Spike", "transfer": "trained at 100, rescaled", "relu": "ReLU network"}
_STYLES = {"rc-spike": "-", "transfer": "--", "relu": ":"}
_RAILS = {"v_syn": r"V_\mathrm{syn}", "e_plus": "E_+", "e_minus": "E_-", "diode_drop": "V_D", "v_0": "V_0"}  # in V_th
_SYMBOLS = {name: rf"${symbol}\,/\,V_\mathrm{{th}}$" for name, symbol in _RAILS.items()}
_SYMBOLS |= {"ramp": "ramp coefficient $b$", "noise": r"spike-time noise $\sigma_t\,/\,T$"}
_SYMBOLS |= {"offset_mv": "standard deviation of comparator offsets / mV"}


def sweep_figure(rows: Sequence[Row], *, x: str = "v_syn") -> Figure:
    """Test accuracy against one parameter of a sweep, mean and standard deviation over the seeds.

    A curve for each combination of the other parameters. The conventional circuit is at the right end of an axis of
    V_syn, apart from the curve; a ReLU network is a level line with a band. Results of one seed have no bars.

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
    figure, axes = panel(_HEIGHT, _LEGEND_WIDTH, f"{_common(rows, x)}: {over_seeds(rows)}")
    positions = _scale(axes, values, x)
    n_curves = 0
    for label, curve in _curves(rows, x).items():
        colour = _colour(curve[0], x, n_curves)
        if x not in curve[0]:
            _draw_level(axes, curve[0], label, colour)
            continue
        curve.sort(key=lambda row: float(row[x]))
        at = [positions[float(row[x])] for row in curve]
        mean, std = [row["test_mean"] for row in curve], [row["test_std"] for row in curve]
        marker, style = _MARKERS[n_curves % len(_MARKERS)], _STYLES[curve[0]["model"]]
        n_curves += 1
        axes.errorbar(
            at,
            mean,
            yerr=None if None in std else std,
            fmt=marker,
            markersize=4.5,
            linewidth=1.3,
            capsize=2.5,
            color=colour,
        )
        # No circuit lies between the last finite value and infinity: the line ends before.
        n_joined = sum(math.isfinite(row[x]) for row in curve)
        axes.plot(at[:n_joined], mean[:n_joined], style, linewidth=1.3, color=colour)
        axes.plot([], [], style, marker=marker, markersize=4.5, linewidth=1.3, color=colour, label=label)
    axes.set_xlabel(_SYMBOLS.get(x, x.replace("_", " ")))
    axes.set_ylabel("test accuracy / %")
    if len(values) > 1 and math.isinf(values[-1]):
        axes.axvline(positions[values[-1]] - 0.5, color=FAINT, linewidth=0.8, linestyle=(0, (1, 3)))
    tidy(axes, grid="y")
    legend(axes)
    return figure


def over_seeds(rows: Sequence[Row]) -> str:
    """How the numbers of a figure come from the seeds, in words."""
    seeds = sorted({int(row["n"]) for row in rows})
    if seeds == [1]:
        return "one seed"
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"mean and standard deviation over {count} seeds"


def _scale(axes: Axes, values: Sequence[float], x: str) -> dict[float, float]:
    """Where each value is drawn: equidistant if they are few and far between, which V_syn up to infinity is."""
    equidistant = x == "v_syn" or not all(math.isfinite(v) for v in values)
    positions = {value: float(i) if equidistant else value for i, value in enumerate(values)}
    if equidistant or len(values) <= 12:
        axes.set_xticks(list(positions.values()), [_tick(value) for value in values])
    return positions


def _tick(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:g}"


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
    mean, std = row["test_mean"], row["test_std"]
    axes.axhline(mean, color=colour, linestyle=":", linewidth=1.3, label=label)
    if std is not None:
        axes.axhspan(mean - std, mean + std, color=colour, alpha=0.12, linewidth=0)


def _common(rows: Sequence[Row], x: str) -> str:
    """The data set, the size, the circuit but V_syn, and the noise or the process, if all curves share them."""
    words = []
    for name in ("dataset", "hidden", "e_plus", "e_minus", "diode_drop", "ramp", "v_0", "noise", "process", "hold"):
        values = {row[name] for row in rows if name in row}
        if name != x and len(values) == 1:
            words.append(_word(name, values.pop()))
    return ", ".join(words) or "accuracy"

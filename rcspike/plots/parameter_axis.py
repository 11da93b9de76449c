"""The axis of a parameter: logarithmic where its values are, with 0 or infinity apart from the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rcspike.plots.figure_style import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_parameter_axis"]

_DIGIT, _SPACE = 0.062, 0.08  # inches of a digit at 8 points, and between two numbers


def draw_parameter_axis(axes: Axes, values: Sequence[float]) -> dict[float, float]:
    """Scale the x axis for some values, and mark them; where each of them is drawn.

    The scale is logarithmic if the values are spaced more evenly on it. Infinity, and on a logarithmic scale 0, stand
    at an end behind a dotted line: a curve ends before it.
    """
    finite = sorted({value for value in values if math.isfinite(value)})
    positive = [value for value in finite if value > 0]
    is_log = (not finite or finite[0] >= 0) and _is_log(positive)
    on_scale = positive if is_log else finite
    positions = {value: value for value in on_scale}
    logs = [math.log(value) if is_log else value for value in on_scale] or [0.0]
    step = (logs[-1] - logs[0]) / (len(logs) - 1) if len(logs) > 1 else 1.0
    back = math.exp if is_log else float
    ends = {math.inf: (logs[-1], step), -math.inf: (logs[0], -step)}
    ends |= {0.0: (logs[0], -step)} if is_log else {}
    for value in set(values) - set(on_scale):
        end, away = ends[value]
        positions[value] = back(end + away)
        if on_scale:
            axes.axvline(back(end + away / 2), color=FAINT, linewidth=0.8, linestyle=(0, (1, 3)))
    if is_log:
        axes.set_xscale("log")
        axes.minorticks_off()
    places = [math.log(place) if is_log else place for place in positions.values()]
    margin = 0.06 * (max(places) - min(places)) or 0.5 * step
    axes.set_xlim(back(min(places) - margin), back(max(places) + margin))
    _mark_values(axes, positions, is_log=is_log)
    return positions


def _is_log(values: Sequence[float]) -> bool:
    """Whether positive values are spaced more evenly on a logarithmic scale."""
    if len(values) < 2:
        return False
    if len(values) == 2:
        return values[1] >= 10 * values[0]
    gaps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(ratios.max() / ratios.min() < gaps.max() / gaps.min() * (1 - 1e-9))


def _mark_values(axes: Axes, positions: dict[float, float], *, is_log: bool) -> None:
    """A tick at each value, and its number where it does not run into that to its left."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    inches = axes.get_position().width * figure.get_figwidth()
    low, high = (math.log(limit) if is_log else limit for limit in axes.get_xlim())
    labels, taken = [], -math.inf
    for value, place in sorted(positions.items(), key=lambda pair: pair[1]):
        number = "∞" if math.isinf(value) else f"{value:g}"
        at, half = inches * ((math.log(place) if is_log else place) - low) / (high - low), _DIGIT * len(number) / 2
        is_free = at - half >= taken
        labels.append(number if is_free else "")
        taken = at + half + _SPACE if is_free else taken
    axes.set_xticks(sorted(positions.values()), labels)

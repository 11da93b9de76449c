"""The designs of a search: energy against area, or accuracy against what is minimised, and the front as measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rcspike.plots.figure_style import (
    BOTTOM,
    FAINT,
    HIGHLIGHT,
    INK,
    NARROW,
    PALETTE,
    TITLE,
    blank,
    legend,
    literal,
    place,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rcspike.experiments.design_circuits import Designs
    from rcspike.experiments.design_measurement import Measurement

__all__ = ["design_front_figure"]

_HEIGHT, _GAP = 3.6, 0.55
_LABELS = {"energy": "energy of an inference / pJ", "area": "area / mm2", "accuracy": "accuracy, lower limit / %"}


def design_front_figure(found: Designs) -> Figure:
    """All designs of a search that were trained, and the front as measured on fresh seeds.

    Energy against area where these two are minimised; otherwise the accuracy that enough chips have, by its lower
    confidence limit, against each of them that is. Numbers are those of the designs.

    Parameters
    ----------
    found : rcspike.experiments.Designs

    Examples
    --------
    >>> from rcspike.experiments import Designs, Specification
    >>> spec = Specification(dataset="digits", accuracy=0.9)
    >>> figure = design_front_figure(Designs(spec=spec, trials=(), front=(), failed=()))
    >>> figure.axes[0].get_ylabel()
    'area / mm2'
    """
    spec = found.spec
    requirement = f"{100 * spec.accuracy:g} % on {100 * spec.chip_yield:g} % of the chips"
    heading = f"{literal(spec.dataset)}, {literal(spec.process.name)}: designs for {requirement}"
    costs = [name for name in ("energy", "area") if name in spec.minimise] or ["energy"]
    if set(spec.minimise) == {"energy", "area"}:
        panels, is_curve = [("energy", "area")], True
    else:
        panels, is_curve = [(name, "accuracy") for name in costs], len(spec.minimise) == 2
    figure = blank(len(panels) * (_HEIGHT + _GAP) - _GAP + BOTTOM, heading, width=NARROW)
    for k, (x, y) in enumerate(panels):
        axes = place(figure, TITLE + k * (_HEIGHT + _GAP), _HEIGHT)
        _draw_designs(axes, found, x, y, is_curve)
        axes.set_xlabel(_LABELS[x])
        axes.set_ylabel(_LABELS[y])
        tidy(axes, grid="both")
    legend(figure.axes[0])
    return figure


def _draw_designs(axes: Axes, found: Designs, x: str, y: str, is_curve: bool) -> None:
    spec = found.spec
    trained = [(one, one.measured) for one in found.trials if one.measured is not None]

    def points(measured: Iterable[Measurement]) -> list[tuple[float, float]]:
        of = [
            {"energy": one.energy_pj, "area": one.area_mm2, "accuracy": 100 * one.accuracy_limits(spec)[0]}
            for one in measured
        ]
        return [(values[x], values[y]) for values in of]

    hollow: dict[str, Any] = {"markersize": 4, "fillstyle": "none"}
    left = points(seen for one, seen in trained if one.state == "pruned")
    _draw(axes, left, label="left early", marker="x", color=FAINT, **hollow)
    missing = points(seen for one, seen in trained if one.state == "complete" and not one.is_feasible)
    _draw(axes, missing, label="misses a requirement", marker="o", color=FAINT, **hollow)
    meets = points(seen for one, seen in trained if one.is_feasible)
    _draw(axes, meets, label="meets all, in the search", marker="o", color=PALETTE[0], **hollow)
    failed = points(one.worst(spec) for one in found.failed)
    _draw(axes, failed, label="fails as measured", marker="s", color=PALETTE[4], **hollow)
    front = points(one.worst(spec) for one in found.front)
    joined: dict[str, Any] = {"linestyle": "-", "linewidth": 1} if is_curve else {}
    _draw(axes, front, label="front, as measured", marker="o", color=HIGHLIGHT, markersize=6, **joined)
    for one, at in zip(found.front, front, strict=True):
        axes.annotate(str(one.number), at, (4, 4), textcoords="offset points", fontsize=7, color=INK)
    if y == "accuracy":
        axes.axhline(100 * spec.accuracy, color=INK, linewidth=0.8, linestyle=":", label="required")
    elif spec.area_mm2 < float("inf"):
        axes.axhline(spec.area_mm2, color=INK, linewidth=0.8, linestyle=":", label="area allowed")


def _draw(axes: Any, points: Sequence[tuple[float, ...]], **style: Any) -> None:
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, **{"linestyle": "none", **style})

"""The designs of a search: energy against area, or accuracy against what is minimised, and the front as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rcspike.plots.figure_style import FAINT, HIGHLIGHT, INK, PALETTE, legend, literal, panel, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rcspike.experiments.design_circuits import Designs

__all__ = ["design_front_figure"]

_HEIGHT = 3.6
_AXES = {"energy": "energy of an inference / pJ", "area": "area / mm2"}


def design_front_figure(found: Designs) -> Figure:
    """All designs of a search that were trained, and the front as measured on fresh seeds.

    Energy against area if both are minimised; otherwise the accuracy that enough chips have, by its lower confidence
    limit, against the one that is. Numbers are those of the designs.

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
    spec, both = found.spec, len(found.spec.minimise) == 2

    def place(measured: Any) -> tuple[float, float]:
        values = measured.objectives(spec)
        return values if both else (values[0], 100 * measured.accuracy_limits(spec)[0])

    trained = [one for one in found.trials if one.measured is not None]
    groups = {
        "left early": ([one for one in trained if one.state == "pruned"], "x", FAINT),
        "misses a requirement": (
            [one for one in trained if one.state == "complete" and not one.is_feasible],
            "o",
            FAINT,
        ),
        "meets all, in the search": ([one for one in trained if one.is_feasible], "o", PALETTE[0]),
    }
    requirement = f"{100 * spec.accuracy:g} % on {100 * spec.chip_yield:g} % of the chips"
    heading = f"{literal(spec.dataset)}, {literal(spec.process.name)}: designs for {requirement}"
    figure, axes = panel(_HEIGHT, heading)
    hollow: dict[str, Any] = {"markersize": 4, "fillstyle": "none"}
    for label, (designs, marker, colour) in groups.items():
        points = [place(one.measured) for one in designs]
        _draw(axes, points, label=label, marker=marker, color=colour, **hollow)
    failed = [place(one.worst(spec)) for one in found.failed]
    _draw(axes, failed, label="fails as measured", marker="s", color=PALETTE[4], **hollow)
    front = [one.objectives(spec) if both else place(one.worst(spec)) for one in found.front]
    joined: dict[str, Any] = {"linestyle": "-", "linewidth": 1} if both else {}
    _draw(axes, front, label="front, as measured", marker="o", color=HIGHLIGHT, markersize=6, **joined)
    for one, point in zip(found.front, front, strict=True):
        axes.annotate(str(one.number), (point[0], point[1]), (4, 4), textcoords="offset points", fontsize=7, color=INK)
    axes.set_xlabel(_AXES[spec.minimise[0]])
    axes.set_ylabel(_AXES[spec.minimise[1]] if both else "accuracy, lower limit / %")
    if not both:
        axes.axhline(100 * spec.accuracy, color=INK, linewidth=0.8, linestyle=":", label="required")
    elif spec.area_mm2 < float("inf"):
        axes.axhline(spec.area_mm2, color=INK, linewidth=0.8, linestyle=":", label="area allowed")
    tidy(axes, grid="both")
    legend(axes)
    return figure


def _draw(axes: Any, points: Sequence[tuple[float, ...]], **style: Any) -> None:
    if points:
        x, y = zip(*points, strict=True)
        axes.plot(x, y, **{"linestyle": "none", **style})

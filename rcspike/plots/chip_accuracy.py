"""Accuracy over virtual chips, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike.circuit import Circuit
from rcspike.experiments import Sample
from rcspike.plots.accuracy_limits import limits_of_most
from rcspike.plots.figure_style import (
    BOTTOM,
    FAINT,
    HIGHLIGHT,
    INK,
    NARROW,
    TITLE,
    blank,
    circuit_colour,
    circuit_name,
    legend,
    literal,
    place,
    tidy,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["chips_figure", "chips_heading", "draw_wanted", "mean_and_error"]

_LINE_HEIGHT, _NAMES_WIDTH, _MAX_NAME = 0.34, 1.5, 20  # inches, inches, characters in a line


def chips_figure(
    samples: Sequence[Sample], *, ideal: float, circuit: Circuit, required: float | None = None, note: str = ""
) -> Figure:
    """One line for each case: a dot for every chip, their mean with its standard error, and a band for most chips.

    The band is from the 5 % to the 95 % quantile. The axis fits most cases: one far below all others is an arrow with
    its mean.

    Parameters
    ----------
    samples : sequence of Sample
    ideal : float
        Accuracy of the network without any effect, in [0, 1].
    circuit : Circuit
        That of the network.
    required : float, optional
        Accuracy that a chip has to have, in [0, 1].
    note : str
        Added to the first line of the title.

    Examples
    --------
    >>> from rcspike.experiments import Case
    >>> sample = Sample(Case("variation alone"), (0.96, 0.97, 0.975))
    >>> chips_figure([sample], ideal=0.98, circuit=Circuit()).axes[0].get_yticklabels()[0].get_text()
    'variation alone'
    """
    height = _LINE_HEIGHT * len(samples) + 0.15
    figure = blank(height + BOTTOM, chips_heading(samples, circuit, note), width=NARROW)
    axes = place(figure, TITLE, height, left=_NAMES_WIDTH)
    wanted = [] if required is None else [100 * required]
    low, high = limits_of_most([100 * sample.quantile(0.05) for sample in samples], always=[100 * ideal])
    shown = [sample for sample in samples if 100 * sample.mean >= low] or list(samples)
    ends = [100 * end(sample.accuracies) for sample in shown for end in (min, max)]
    near = [accuracy for accuracy in wanted if accuracy >= 2 * low - high]  # at most one axis further
    bands = [100 * sample.quantile(0.05) for sample in shown]
    axes.set_xlim(limits_of_most(ends, always=[100 * ideal, *bands, *near]))
    named: dict[str, Artist] = {}
    for line, sample in enumerate(samples):
        named |= _draw_case(axes, line, sample, circuit_colour(circuit))
    named |= draw_wanted(axes.axvline, ideal, required, axes.get_xlim()[0])
    axes.set_ylim(len(samples) - 0.5, -0.5)
    names = [wrapped(literal(sample.case.name.replace("_", " ")), _MAX_NAME) for sample in samples]
    axes.set_yticks(range(len(samples)), names)
    axes.set_xlabel("test accuracy / %")
    tidy(axes, grid="x")
    legend(axes, named)
    return figure


def _draw_case(axes: Axes, line: int, sample: Sample, colour: str) -> dict[str, Artist]:
    """A line of the figure; what its marks mean."""
    accuracies, low = 100 * np.asarray(sample.accuracies), axes.get_xlim()[0]
    mean, error = mean_and_error(sample)
    if mean < low:
        arrow: dict[str, Any] = {"arrowprops": {"arrowstyle": "->", "color": INK}, "textcoords": "offset points"}
        axes.annotate(f"{mean:.1f} %", (low, line), (18, 0), va="center", fontsize=8, color=INK, **arrow)
        return {}
    # Dots of equal accuracy would hide one another: each chip has another height.
    heights = line + (np.linspace(-0.28, 0.28, len(accuracies)) if len(accuracies) > 1 else np.zeros(1))
    first, last = (100 * sample.quantile(q) for q in (0.05, 0.95))
    band = axes.fill_betweenx([line - 0.36, line + 0.36], first, last, color=colour, alpha=0.16, linewidth=0, zorder=1)
    dots = axes.scatter(accuracies, heights, s=9, color=colour, alpha=0.7, linewidths=0, zorder=3)
    style: dict[str, Any] = {"fmt": "D", "color": INK, "markersize": 3.5, "linewidth": 1.4, "capsize": 3, "zorder": 4}
    bar = axes.errorbar(mean, line, xerr=error, **style)
    names = ("chip", "5 % to 95 % of the chips", "mean and standard error")
    return dict(zip(names, (dots, band, bar), strict=True))  # type: ignore[arg-type]  # a bar is a legend's handle


def chips_heading(samples: Sequence[Sample], circuit: Circuit, note: str) -> str:
    """The circuit, and how many chips there are of each case."""
    numbers = sorted({len(sample.accuracies) for sample in samples})
    chips = " to ".join(f"{n}" for n in dict.fromkeys((numbers[0], numbers[-1])))
    return f"{circuit_name(circuit)}{note}: {chips} chip{'s' if numbers[-1] > 1 else ''} of each case"


def mean_and_error(sample: Sample) -> tuple[float, float | None]:
    """Mean accuracy and its standard error over the chips, in per cent; None for a single chip."""
    n = len(sample.accuracies)
    return 100 * sample.mean, 100 * sample.std / n**0.5 if n > 1 else None


def draw_wanted(line: Any, ideal: float, required: float | None, low: float) -> dict[str, Artist]:
    """The accuracies without effects and that is required, in [0, 1], by `axvline` or `axhline`; what they mean.

    The axis begins at `low` in per cent.
    """
    named = {f"{100 * ideal:.2f} % without effects": line(100 * ideal, color=FAINT, linestyle="--", linewidth=1)}
    if required is not None:
        outside = " (below the axis)" if 100 * required < low else ""
        style: dict[str, Any] = {"color": HIGHLIGHT, "linewidth": 1, "linestyle": "-."}
        named[f"{100 * required:g} % required{outside}"] = line(100 * required, **style)
    return named

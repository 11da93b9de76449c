"""Accuracy over virtual chips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rcspike.circuit import Circuit
from rcspike.experiments import Sample
from rcspike.plots.figure_style import (
    BOTTOM,
    FAINT,
    HIGHLIGHT,
    INK,
    TITLE,
    blank,
    circuit_colour,
    circuit_name,
    literal,
    place,
    tidy,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["chips_figure"]

_LINE_HEIGHT, _NAMES_WIDTH, _GAP = 0.42, 2.0, 0.14


def chips_figure(
    samples: Sequence[Sample], *, ideal: float, circuit: Circuit, required: float | None = None, note: str = ""
) -> Figure:
    """One line for each case: every chip a dot, the mean a bar, and from the 5 % to the 95 % quantile a line.

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
    chips = max(len(sample.accuracies) for sample in samples)
    wanted = "" if required is None else f"; orange: {100 * required:g} % required"
    marks = "dots: chips; bar: mean; line: from the 5 % to the 95 % quantile"
    heading = f"{chips} chips ({marks}); dashed: {100 * ideal:.2f} % without effects{wanted}"
    figure = blank(_GAP + height + BOTTOM, f"{circuit_name(circuit)}{note}\n{heading}")
    axes = place(figure, TITLE + _GAP, height, left=_NAMES_WIDTH)
    colour = circuit_colour(circuit)
    for line, sample in enumerate(samples):
        accuracies = 100 * np.asarray(sample.accuracies)
        # Dots of equal accuracy would hide one another: each chip has another height.
        spread = np.linspace(-0.28, 0.28, len(accuracies)) if len(accuracies) > 1 else np.zeros(1)
        axes.scatter(accuracies, line + spread, s=16, color=colour, alpha=0.6, linewidths=0, zorder=3)
        low, high = (100 * sample.quantile(q) for q in (0.05, 0.95))
        axes.plot([low, high], [line, line], color=INK, linewidth=1.2, zorder=2)
        axes.plot([100 * sample.mean] * 2, [line - 0.3, line + 0.3], color=INK, linewidth=2.2, zorder=4)
    axes.axvline(100 * ideal, color=FAINT, linestyle="--", linewidth=1)
    if required is not None:
        axes.axvline(100 * required, color=HIGHLIGHT, linewidth=1)
    axes.set_ylim(len(samples) - 0.5, -0.5)
    axes.set_yticks(range(len(samples)), [wrapped(literal(sample.case.name.replace("_", " "))) for sample in samples])
    axes.set_xlabel("test accuracy / %")
    tidy(axes, grid="x")
    return figure

"""Energy of an inference, part by part and layer by layer, compared between circuits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike.energy import PARTS
from rcspike.plots.figure_style import BOTTOM, INK, RIGHT, TITLE, WIDTH, blank, literal, place, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["energy_figure"]

_BAR, _GAP, _NAMES_WIDTH, _NUMBER_WIDTH, _LEGEND_WIDTH = 0.28, 0.5, 1.5, 0.75, 1.75
# Okabe and Ito's, distinguishable with colour blindness, and lighter ones between them; op-amps in grey as everything
# conventional.
_COLOURS = dict(
    zip(
        PARTS,
        (
            "#56b4e9", "#a6dcf7", "#0072b2", "#009e73", "#7a4f9e", "#7f7f7f", "#e69f00", "#8c5a1e", "#cc79a7",
            "#f0e442", "#2b2b2b",
        ),
        strict=True,
    )
)  # fmt: skip


def energy_figure(circuits: Mapping[str, Mapping[str, npt.NDArray[Any]]], *, heading: str = "") -> Figure:
    """Stacked bars of the mean energy of each part: a panel for all layers, then one for each.

    Each panel has its own scale, so that small layers can be read too, and the number at a bar is its sum.

    Parameters
    ----------
    circuits : mapping
        Maps the name of each circuit to its result of `rcspike.energy.energy_parts`.
    heading : str
        Title above the figure.

    Examples
    --------
    >>> parts = {name: np.full((1, 2), 1e-12) for name in PARTS}
    >>> figure = energy_figure({"RC-Spike": parts, "conventional": parts})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['all layers', 'layer 1', 'layer 2']
    """
    means = {name: {part: 1e12 * pj.mean(axis=0) for part, pj in parts.items()} for name, parts in circuits.items()}
    n_layers = len(next(iter(next(iter(means.values())).values())))
    names = ["all layers", *(f"layer {layer}" for layer in range(1, n_layers + 1))] if n_layers > 1 else ["all layers"]
    height = _BAR * (len(circuits) + 0.4)
    pitch = height + _GAP
    figure = blank(0.2 + pitch * len(names) + BOTTOM - 0.3, heading)
    right = WIDTH - RIGHT - _LEGEND_WIDTH - _NUMBER_WIDTH
    for number, name in enumerate(names):
        axes = place(figure, TITLE + 0.2 + number * pitch, height, left=_NAMES_WIDTH, right=right)
        bases = np.zeros(len(circuits))
        for part in next(iter(means.values())):
            # The first panel has all layers, and the panel after it has layer 1.
            widths = np.array([mean[part].sum() if number == 0 else mean[part][number - 1] for mean in means.values()])
            axes.barh(range(len(circuits)), widths, 0.76, bases, color=_COLOURS[part], label=part, linewidth=0)
            bases += widths
        for y, total in enumerate(bases):
            axes.annotate(
                f"{total:,.0f} pJ" if total >= 100 else f"{total:.3g} pJ",
                (total, y),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=INK,
            )
        axes.set_yticks(range(len(circuits)), list(map(literal, circuits)))
        axes.set_ylim(len(circuits) - 0.5, -0.5)
        axes.set_xlim(0, max(float(bases.max()), 1e-12))
        axes.set_title(name, loc="left", fontsize=9, color=INK, pad=4)
        tidy(axes, grid="x")
    axes.set_xlabel("energy / pJ, with a scale for each panel")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1 - (RIGHT + _LEGEND_WIDTH) / WIDTH, 1 - (TITLE + 0.1) / figure.get_figheight()),
        fontsize=8,
        frameon=False,
        labelcolor=INK,
    )
    return figure

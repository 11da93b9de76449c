"""Energy of an inference, part by part and layer by layer, compared between circuits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike.hardware import PARTS
from rcspike.plots._style import BOTTOM, INK, PAPER, RIGHT, TITLE, WIDTH, check_available, place, tidy, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["energy_figure"]

_HEIGHT, _LEGEND_WIDTH = 3.2, 1.9
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
    """Stacked bars of the mean energy of each part, for each layer and for all of them.

    Parameters
    ----------
    circuits : mapping
        Maps the name of each circuit to its result of `rcspike.hardware.energy_parts`.
    heading : str
        Title above the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> parts = {name: np.full((1, 2), 1e-12) for name in PARTS}
    >>> figure = energy_figure({"RC-Spike": parts, "conventional": parts})
    >>> [text.get_text() for text in figure.axes[0].get_xticklabels()][-1]
    'all'
    """
    check_available()
    from rcspike.plots._figure import Figure

    figure = Figure(figsize=(WIDTH, TITLE + _HEIGHT + BOTTOM), facecolor=PAPER)
    axes = place(figure, TITLE, _HEIGHT, right=WIDTH - RIGHT - _LEGEND_WIDTH)
    width = 0.8 / len(circuits)
    tallest = 0.0
    for number, (name, parts) in enumerate(circuits.items()):
        layers = {part: 1e12 * joules.mean(axis=0) for part, joules in parts.items()}
        at = np.arange(len(next(iter(layers.values()))) + 1) + (number - (len(circuits) - 1) / 2) * width
        base = np.zeros(len(at))
        for part, values in layers.items():
            heights = np.append(values, values.sum())
            label = part if number == 0 else None
            axes.bar(at, heights, 0.92 * width, base, color=_COLOURS[part], label=label, linewidth=0)
            base += heights
        tallest = max(tallest, base[-1])
        for x, top in zip(at, base, strict=True):
            axes.annotate(
                name.replace(" ", "\n"),
                (x, top),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=6,
                color=INK,
            )
    n_layers = len(at) - 1
    axes.set_xticks(range(n_layers + 1), [*(f"layer {layer}" for layer in range(1, n_layers + 1)), "all"])
    axes.set_ylim(0, 1.1 * tallest)
    axes.set_ylabel("energy of an inference / pJ")
    tidy(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(  # as they are stacked: the last on top
        handles[::-1],
        labels[::-1],
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        fontsize=8,
        frameon=False,
        labelcolor=INK,
    )
    title(figure, heading)
    return figure

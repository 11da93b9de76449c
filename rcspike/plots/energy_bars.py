"""Energy of an inference, part by part and layer by layer, compared between circuits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike.energy import PARTS
from rcspike.plots.figure_style import BOTTOM, INK, PAPER, RIGHT, TITLE, WIDTH, blank, legend, literal, place, tidy

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["energy_figure"]

_BAR, _GAP, _NAMES_WIDTH, _NUMBER_WIDTH = 0.26, 0.5, 1.4, 0.8
# Okabe and Ito's, distinguishable with colour blindness, and lighter ones between them; op-amps in grey as everything
# conventional.
COLOURS = dict(
    zip(
        PARTS,
        (
            "#56b4e9", "#a6dcf7", "#0072b2", "#009e73", "#7a4f9e", "#7f7f7f", "#e69f00", "#8c5a1e", "#cc79a7",
            "#f0e442", "#2b2b2b",
        ),
        strict=True,
    )
)  # fmt: skip
_HATCHES = dict(zip(PARTS, ("", "", "", "////", "\\\\\\\\", "", "", "", "", "", ""), strict=True))  # apart in grey


def energy_figure(circuits: Mapping[str, Mapping[str, npt.NDArray[Any]]], *, heading: str = "") -> Figure:
    """Stacked bars of the mean energy of each part: all layers, the same without the largest part, then each layer.

    Each panel has its own scale, so that small parts and small layers can be read too, and the number at a bar is its
    sum.

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
    ['all layers', 'all layers, without axon lines', 'layer 1', 'layer 2']
    """
    means = {name: {part: 1e12 * pj.mean(axis=0) for part, pj in parts.items()} for name, parts in circuits.items()}
    sums = {part: np.array([mean[part].sum() for mean in means.values()]) for part in next(iter(means.values()))}
    largest = max(sums, key=lambda part: float(sums[part].max()))
    shown = {"all layers": sums, f"all layers, without {largest}": {**sums, largest: np.zeros(len(circuits))}}
    n_layers = len(next(iter(means.values()))[largest])
    for layer in range(n_layers) if n_layers > 1 else ():
        shown[f"layer {layer + 1}"] = {part: np.array([mean[part][layer] for mean in means.values()]) for part in sums}
    height = _BAR * (len(circuits) + 0.4)
    pitch = height + _GAP
    figure = blank(0.2 + pitch * len(shown) + BOTTOM - 0.3, heading)
    named: dict[str, Artist] = {}
    for number, (name, parts) in enumerate(shown.items()):
        top, right = TITLE + 0.2 + number * pitch, WIDTH - RIGHT - _NUMBER_WIDTH
        axes = place(figure, top, height, left=_NAMES_WIDTH, right=right)
        bars = _draw_bars(axes, parts)
        named |= {part: bars[part] for part in bars if sums[part].any()} if number == 0 else {}
        axes.set_yticks(range(len(circuits)), list(map(literal, circuits)))
        axes.set_ylim(len(circuits) - 0.5, -0.5)
        axes.set_title(name, loc="left", fontsize=9, color=INK, pad=4)
        tidy(axes, grid="x")
    axes.set_xlabel("energy / pJ, with a scale for each panel")
    legend(axes, named)
    return figure


def _draw_bars(axes: Axes, parts: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, Artist]:
    """A bar for each circuit with its sum behind it; the handles of the parts for a legend."""
    n = len(next(iter(parts.values())))
    bases, drawn = np.zeros(n), {}
    for part, widths in parts.items():
        style: dict[str, Any] = {"color": COLOURS[part], "hatch": _HATCHES[part], "edgecolor": PAPER, "linewidth": 0}
        drawn[part] = axes.barh(range(n), widths, 0.76, bases, **style)
        bases += widths
    for y, total in enumerate(bases):
        number = f"{total:,.0f} pJ" if total >= 100 else f"{total:.3g} pJ"
        near: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK}
        axes.annotate(number, (total, y), (4, 0), **near)
    axes.set_xlim(0, max(float(bases.max()), 1e-12))
    return drawn  # type: ignore[return-value]  # bars are handles of a legend

"""What each assumed constant does to a ratio of energies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rcspike.energy import RatioRange
from rcspike.plots.figure_style import BOTTOM, FAINT, INK, LEFT, PAPER, RIGHT, TITLE, WIDTH, blank, literal, place, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["tornado_figure"]

_LINE, _GAP, _NAMES, _MAX_BARS = 0.2, 0.62, 1.7, 10
_PREFIXED = ("V", "A", "F", "J", "C", "s", "ohm")
_LOW, _HIGH = "#0072b2", "#e69f00"  # dark and light, also in grey


def tornado_figure(ratios: Mapping[str, RatioRange], *, heading: str = "") -> Figure:
    """A panel for each conventional circuit, with a bar for each constant between the ratios at its two ends.

    Parameters
    ----------
    ratios : mapping
        Maps the name of each circuit to its result of `rcspike.energy.ratio_range`; the ten constants that change the
        ratio most are drawn.
    heading : str
        Title above the figure.

    Examples
    --------
    >>> from rcspike.energy import RatioRange, Sensitivity
    >>> one = Sensitivity(name="headroom", unit="V", low=0.1, high=0.3, at_low=1.1, at_high=1.4)
    >>> found = RatioRange(ratio=1.2, lowest=1.1, highest=1.4, sensitivities=(one,))
    >>> figure = tornado_figure({"current sources": found})
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['headroom']
    """
    drawn = {name: found.sensitivities[:_MAX_BARS] for name, found in ratios.items()}
    heights = {name: _LINE * (max(1, len(bars)) + 1) for name, bars in drawn.items()}
    figure = blank(sum(heights.values()) + _GAP * len(ratios) + BOTTOM - 0.3, heading)
    top = TITLE + 0.16
    for name, found in ratios.items():
        axes = place(figure, top, heights[name], left=LEFT + _NAMES, right=WIDTH - RIGHT - 0.4)
        top += heights[name] + _GAP
        bars = drawn[name]
        for y, one in enumerate(bars):
            for end, other, value, colour in (
                (one.at_low, one.at_high, one.low, _LOW),
                (one.at_high, one.at_low, one.high, _HIGH),
            ):
                axes.barh(y, end - found.ratio, 0.66, found.ratio, color=colour, linewidth=0)
                right = end > other  # the labels stand at both ends of the bar
                axes.annotate(
                    literal(_with_unit(value, one.unit)),
                    (end, y),
                    (3 if right else -3, 0),
                    textcoords="offset points",
                    ha="left" if right else "right",
                    va="center",
                    fontsize=7,
                    color=INK,
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},
                )
        axes.axvline(found.ratio, color=INK, linewidth=0.8)
        axes.margins(x=0.14)
        axes.set_xlim(axes.get_xlim())  # of the bars: the line of equal energies is drawn only where they are near it
        axes.axvline(1, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        axes.set_ylim(max(1, len(bars)) - 0.4, -0.6)
        axes.set_yticks(range(len(bars)), [literal(one.name.replace("_", " ")) for one in bars])
        tidy(axes, grid="x")
        axes.set_title(
            f"{literal(name)}: {found.ratio:.2f} (line); {found.lowest:.2f} to {found.highest:.2f} with all constants "
            "at an end",
            fontsize=9,
            color=INK,
            loc="left",
        )
    axes.set_xlabel("energy over that of RC-Spike; dark: constant at its low end, light: at its high end")
    return figure


def _with_unit(value: float, unit: str) -> str:
    """A value in SI units with a prefix, such as 140 fF."""
    from matplotlib.ticker import EngFormatter

    if unit in _PREFIXED:
        return str(EngFormatter(unit, sep=" ")(value))
    return f"{value:g} {unit}".removesuffix(" 1")

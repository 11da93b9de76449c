"""Style of all figures: colours, sizes in inches, axes, files.

matplotlib is imported inside the functions, so that the package does without it; none of its global state is used.
"""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rcspike._common.atomic_files import atomic_write
from rcspike._common.extras import missing_extra
from rcspike._common.name_checks import UNWRITABLE
from rcspike.circuit import Circuit

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BOTTOM",
    "FAINT",
    "HIGHLIGHT",
    "INK",
    "LEFT",
    "NARROW",
    "PALETTE",
    "PAPER",
    "RIGHT",
    "TITLE",
    "WIDTH",
    "blank",
    "check_available",
    "circuit_colour",
    "circuit_name",
    "is_conventional",
    "legend",
    "legend_above",
    "literal",
    "panel",
    "place",
    "save_figure",
    "tidy",
    "wrapped",
]

# Dark grey on white, not black on nothing: a transparent figure cannot be read on a dark page.
INK, PAPER, FAINT = "#2b2b2b", "white", "#8c8c8c"
HIGHLIGHT = (
    "#d55e00"  # vermilion of Okabe and Ito, distinguishable from the colour of every circuit with colour blindness
)
# The others of Okabe and Ito, for curves that are not circuits.
PALETTE = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", INK)
_CONVENTIONAL, _GRID = "#7f7f7f", "#e4e4e4"
# Letters of the font take 0.55 of its size on average: at 10 points, and at the 8 points of a legend.
_LETTERS_OF_TITLE, _LETTER = 13.0, 0.062  # in an inch; inches
_MAX_LABEL = 30  # characters in a line of a legend: two columns fit below a narrow figure
_HANDLE, _LEGEND_LINE, _TITLE_LINE = 0.55, 0.165, 0.168  # inches

# All in inches. Every element has a fixed place: the results of matplotlib's own layouts depend on memory addresses in
# the last bits, and change with every drawing. In print, wide figures take 17 cm, the width of a page, where 8 points
# become 7; narrow ones 8.6 cm, the width of a column, where they become 5.4.
WIDTH, NARROW, LEFT, RIGHT, TITLE, BOTTOM = 7.5, 5.0, 0.76, 0.12, 0.46, 0.5


def check_available() -> None:
    """Raise ImportError with the command that installs matplotlib, if it is missing.

    Examples
    --------
    >>> check_available()
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise missing_extra("figures need matplotlib", "cli") from error


def circuit_colour(circuit: Circuit) -> str:
    """The colour of a circuit in every figure: grey if conventional, otherwise from dark to light by its lower rail.

    Examples
    --------
    >>> circuit_colour(Circuit.conventional())
    '#7f7f7f'
    """
    check_available()
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    rail = min(circuit.e_plus, -circuit.e_minus)
    if math.isinf(rail):
        return _CONVENTIONAL
    # Most circuits of interest have 0.5 to 4 V_th, which is half of this scale; viridis is too light above 0.92.
    position = rail / (rail + 1.0)
    lowest, highest = 0.25, 100 / 101
    part = (min(max(position, lowest), highest) - lowest) / (highest - lowest)
    return to_hex(colormaps["viridis"](0.92 * part))


def is_conventional(circuit: Circuit) -> bool:
    """Whether no current depends on a voltage."""
    return math.isinf(circuit.e_plus) and math.isinf(circuit.e_minus)


def circuit_name(circuit: Circuit, *, separator: str = ", ") -> str:
    r"""A circuit in titles and legends: its rails, then the separator, diode drop and ramp if one is not zero.

    The text has formulas between dollar signs, which matplotlib draws.

    Examples
    --------
    >>> circuit_name(Circuit.conventional())
    'conventional circuit'
    >>> circuit_name(Circuit(v_syn=2.0))
    'RC-Spike, $V_\\mathrm{syn} = 2\\,V_\\mathrm{th}$'
    """
    if is_conventional(circuit):
        rails = "conventional circuit"
    elif circuit.has_amplifier:
        rails = rf"virtual ground, $g_m = {circuit.transconductance:g}\,C/T$"
    elif circuit.e_plus == -circuit.e_minus:
        rails = rf"RC-Spike, $V_\mathrm{{syn}} = {circuit.e_plus:g}\,V_\mathrm{{th}}$"
    else:
        rails = rf"RC-Spike, $E_+ = {_volts(circuit.e_plus)}$, $E_- = {_volts(circuit.e_minus)}\,V_\mathrm{{th}}$"
    drop = rf"$V_D = {circuit.diode_drop:g}\,V_\mathrm{{th}}$" if circuit.diode_drop else ""
    ramp = rf"$b = {circuit.ramp:g}$" if circuit.ramp else ""
    devices = rf"$V_0 = {circuit.v_0:g}\,V_\mathrm{{th}}$" if math.isfinite(circuit.v_0) else ""
    rest = ", ".join(part for part in (drop, ramp, devices) if part)
    return f"{rails}{separator}{rest}" if rest else rails


def _volts(rail: float) -> str:
    return f"{rail:g}".replace("inf", r"\infty")


def literal(text: object) -> str:
    r"""A text of a user or from data as matplotlib draws it unchanged: dollar signs begin no formula.

    Every such text passes through here. What SVG cannot hold is drawn as the sign for an unknown character.

    Examples
    --------
    >>> print(literal("$0_to_$10"))
    \$0_to_\$10
    """
    return UNWRITABLE.sub("\ufffd", str(text)).replace("$", r"\$")


def blank(height: float, heading: str, *, width: float = WIDTH) -> Figure:
    """A figure with a title in its upper left corner, and `height` inches below the title, which wraps."""
    check_available()
    from rcspike.plots.figure_class import Figure

    text = "\n".join(wrapped(line, int(_LETTERS_OF_TITLE * (width - 0.2))) for line in heading.split("\n"))
    total = TITLE + _TITLE_LINE * text.count("\n") + height
    figure = Figure(figsize=(width, total), facecolor=PAPER)
    figure.text(0.1 / width, 1 - 0.1 / total, text, va="top", fontsize=10, color=INK)
    return figure


_FORMULA = re.compile(r"(?<!\\)\$[^$]*(?<!\\)\$")  # a dollar sign behind a backslash is one of a `literal`


def _drawn(text: str) -> str:
    """A text of the length that is drawn: what is written in a formula is about twice as long."""
    return _FORMULA.sub(lambda found: "x" * max(1, len(found[0]) // 2), text)


def wrapped(text: str, width: int = _MAX_LABEL) -> str:
    """The same words in lines of at most `width` characters; a formula stays in one line."""
    kept = _FORMULA.sub(lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(_drawn(kept), width, break_long_words=False, break_on_hyphens=False)
    words, result = kept.split(), []
    for line in lines:
        n = len(line.split())
        result.append(" ".join(words[:n]))
        words = words[n:]
    return "\n".join(result).replace("\0", " ")


def legend(axes: Axes, named: Mapping[str, Artist] | None = None) -> None:
    """A legend below all panels, in as many columns as fit: of `named`, or of what has a label; the figure grows."""
    handles, labels = axes.get_legend_handles_labels() if named is None else (list(named.values()), list(named))
    if not labels:
        return
    figure, texts = axes.get_figure(root=True), [wrapped(label) for label in labels]
    assert figure is not None
    width = figure.get_figwidth()
    longest = max(len(_drawn(line)) for text in texts for line in text.split("\n"))
    n_columns = min(len(texts), max(1, int((width - 0.2) / (_HANDLE + _LETTER * longest))))
    n_rows = -(-len(texts) // n_columns)
    columns = [texts[k * n_rows : (k + 1) * n_rows] for k in range(n_columns)]  # as matplotlib fills them
    n_lines = max(sum(1 + text.count("\n") for text in column) for column in columns)
    _grow(figure, _LEGEND_LINE * n_lines + 0.04)
    made = axes.legend(
        handles,
        ["x"] * len(labels),
        loc="lower left",
        bbox_to_anchor=(0.1 / width, 0.08 / figure.get_figheight()),
        bbox_transform=figure.transFigure,
        borderaxespad=0,
        borderpad=0,
        labelspacing=0.35,
        columnspacing=1.5,
        ncols=n_columns,
        fontsize=8,
        frameon=False,
        labelcolor=INK,
    )
    # Only now: matplotlib leaves out labels that begin with an underscore.
    for drawn, text in zip(made.get_texts(), texts, strict=True):
        drawn.set_text(text)


def _grow(figure: Figure, inches: float) -> None:
    """Add space at the bottom; all else keeps its size and its distance from the top."""
    old = figure.get_figheight()
    new = old + inches
    figure.set_figheight(new)
    for axes in figure.axes:
        x, y, width, height = axes.get_position().bounds
        axes.set_position((x, (y * old + inches) / new, width, height * old / new))
    for text in figure.texts:
        text.set_y((text.get_position()[1] * old + inches) / new)


def legend_above(axes: Axes, handles: Sequence[Artist] | None = None) -> None:
    """A legend in one line above the right end of the axes: of `handles`, or of what has a label."""
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0, "ncols": 3}
    axes.legend(handles=handles, frameon=False, fontsize=8, labelcolor=INK, **place)


def place(figure: Figure, top: float, height: float, left: float = LEFT, right: float | None = None) -> Axes:
    """Axes from `left` to `right`, by default near the border, and from `top` down, in a figure of `blank`.

    `top` includes the first line of the title, `TITLE`; further ones are added.
    """
    width, total = figure.get_figwidth(), figure.get_figheight()
    right = width - RIGHT if right is None else right
    top += _TITLE_LINE * figure.texts[0].get_text().count("\n")
    return figure.add_axes((left / width, 1 - (top + height) / total, (right - left) / width, height / total))


def panel(height: float, heading: str) -> tuple[Figure, Axes]:
    """A figure as narrow as a column of a printed page, with one panel."""
    figure = blank(height + BOTTOM, heading, width=NARROW)
    return figure, place(figure, TITLE, height)


def tidy(axes: Axes, *, grid: Literal["both", "x", "y"] | None = None) -> None:
    """Draw two thin spines, small ticks and a grid, and place the y label at a fixed distance from the axis."""
    if grid is not None:
        axes.set_axisbelow(True)
        axes.grid(axis=grid, color=_GRID, linewidth=0.6)
    axes.tick_params(labelsize=8, colors=INK, which="both")
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(fontsize=9, color=INK)
    figure = axes.get_figure(root=True)
    assert figure is not None
    axes.yaxis.set_label_coords(-0.56 / (axes.get_position().width * figure.get_figwidth()), 0.5)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(FAINT)


def save_figure(figure: Figure, stem: str | os.PathLike[str], *, description: str | None = None) -> tuple[Path, Path]:
    """Write a figure as SVG and as PNG, each atomically; the same figure gives the same SVG, byte for byte.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : path
        Without the suffix; ``.svg`` and ``.png`` are appended.
    description : str, optional
        How the figure was made. Both files keep it as metadata under the name ``Description``.

    Returns
    -------
    svg, png : Path

    Raises
    ------
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_figure(Figure(), f"{folder}/empty")]
    ['empty.svg', 'empty.png']
    """
    from matplotlib import rc_context

    svg, png = Path(f"{os.fspath(stem)}.svg"), Path(f"{os.fspath(stem)}.png")
    described = {} if description is None else {"Description": description}
    with rc_context({"svg.hashsalt": "rcspike"}), atomic_write(svg) as temporary:
        figure.savefig(temporary, metadata={"Date": None, **described})
    with atomic_write(png) as temporary:
        figure.savefig(temporary, dpi=160, metadata=described)
    return svg, png

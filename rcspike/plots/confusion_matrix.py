"""Which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rcspike.plots.figure_style import BOTTOM, INK, PAPER, RIGHT, TITLE, WIDTH, blank, literal, place, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion_figure"]

_MAX_NAMED = 40  # classes; with more, only some have a tick with their name
_MAX_NUMBERED = 20  # with more, the cells are too small for numbers
_LETTER, _CELL, _SMALLEST, _LARGEST, _LEVEL, _GAP = 0.085, 0.38, 1.8, 4.4, 3.2, 0.3  # in inches
_BAR = "#4292c6"  # a middle shade of the matrix
_MAX_NAME = 14  # characters of a name at an axis


def confusion_figure(matrix: npt.NDArray[np.int64], classes: Sequence[str], *, heading: str = "") -> Figure:
    """Confusion matrix, and the accuracy of each class.

    On the left, the shade is the part of a class that is read as each class, with the number of samples if there are at
    most 20 classes; on the right, a bar for each class.

    Parameters
    ----------
    matrix : (n_classes, n_classes)
        As from `rcspike.confusion_matrix`: classes along the rows, predicted classes along the columns.
    classes : sequence of str
        Names of the classes.
    heading : str

    Raises
    ------
    ValueError
        If there is not one name for each class.

    Examples
    --------
    >>> figure = confusion_figure(np.array([[9, 1], [0, 5]]), ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['9', '1', '5']
    """
    n = len(matrix)
    if matrix.shape != (n, n) or len(classes) != n:
        raise ValueError(f"{len(classes)} names of classes do not fit a matrix of shape {matrix.shape}")
    names = [name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…" for name in classes]
    longest = max(map(len, names)) * _LETTER
    names = list(map(literal, names))
    side = min(max(n * _CELL, _SMALLEST), _LARGEST)
    if side < n * longest <= _LEVEL:  # a few classes: their names fit below the matrix without being turned
        side = n * longest
    turned = longest * len(names) > side
    below, left = BOTTOM + (longest if turned else 0.1), 0.55 + longest
    figure = blank(side + below, heading)
    axes = place(figure, TITLE, side, left=left, right=left + side)
    part = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(part, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    tidy(axes)
    axes.yaxis.set_label_coords(-(longest + 0.25) / side, 0.5)
    ticks = np.arange(0, n, -(-n // _MAX_NAMED))
    axes.set_xticks(ticks, [names[i] for i in ticks], rotation=90 if turned else 0)
    axes.set_yticks(ticks, [names[i] for i in ticks])
    axes.set_ylabel("class")
    axes.set_xlabel("read as")
    if n <= _MAX_NUMBERED:
        for i, j in np.argwhere(matrix > 0):
            colour = PAPER if part[i, j] > 0.6 else INK
            axes.text(j, i, f"{matrix[i, j]:,}", ha="center", va="center", fontsize=8, color=colour)
    bars = place(figure, TITLE, side, left=left + side + _GAP, right=WIDTH - RIGHT - 0.6)
    accuracy = 100 * part.diagonal()
    bars.barh(np.arange(n), accuracy, height=0.7, color=_BAR)
    tidy(bars, grid="x")
    bars.set_ylim(n - 0.5, -0.5)
    bars.set_yticks([])
    bars.set_xlim(0, 100)
    bars.set_xlabel("accuracy / %")
    if n <= _MAX_NUMBERED:
        for i in np.flatnonzero(matrix.sum(axis=1)).tolist():
            bars.text(101, i, f"{accuracy[i]:.2f}", va="center", fontsize=8, color=INK)
    return figure

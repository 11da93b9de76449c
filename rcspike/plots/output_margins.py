"""How far apart in time the outputs of a network spike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array
from rcspike.circuit import Circuit
from rcspike.plots.figure_style import HIGHLIGHT, INK, circuit_colour, legend, literal, panel, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["margins_figure"]

_HEIGHT = 2.6
_MIN_BINS, _MAX_BINS, _IN_BIN = 10, 40, 5  # bins, and samples for each


def margins_figure(
    margins: Float64Array, correct: npt.NDArray[np.bool_], *, circuit: Circuit, jitter: float, heading: str = ""
) -> Figure:
    """Histogram of the gap between the two earliest outputs: what jitter has to bridge to change an answer.

    Samples that are read correctly stand on those that are not. Gaps beyond the 99 % quantile are in the last bar.

    Parameters
    ----------
    margins : (n,)
        Gap of each sample in T, as `rcspike.neurons.Outputs.margins`.
    correct : (n,) bool
        Whether its class was read.
    circuit : Circuit
        That of the network.
    jitter : float
        Standard deviation in T of a jitter, at which a line is drawn.
    heading : str

    Raises
    ------
    ValueError
        If there is no sample, or not one answer for each margin.

    Examples
    --------
    >>> figure = margins_figure(np.array([0.1, 0.2]), np.array([True, False]), circuit=Circuit(), jitter=0.01)
    >>> int(sum(bar.get_height() for bar in figure.axes[0].patches))
    2
    """
    if len(margins) == 0 or margins.shape != correct.shape:
        raise ValueError(f"there must be an answer for each margin, got {correct.shape} for {margins.shape}")
    from matplotlib.ticker import MaxNLocator

    figure, axes = panel(_HEIGHT, heading)
    finite = margins[np.isfinite(margins)]  # none is, if there is a single output
    end = max(float(np.quantile(finite, 0.99)) if len(finite) else 1.0, 4 * jitter)
    edges = np.linspace(0, end, min(max(len(margins) // _IN_BIN, _MIN_BINS), _MAX_BINS) + 1)
    right, wrong = (np.histogram(np.minimum(margins[kind], end), edges)[0] for kind in (correct, ~correct))
    at, width = edges[:-1], edges[1]
    style: dict[str, Any] = {"width": width, "align": "edge", "linewidth": 0}
    named: dict[str, Any] = {
        "read correctly": axes.bar(at, right, bottom=wrong, color=circuit_colour(circuit), **style),
        "read as another class": axes.bar(at, wrong, color=HIGHLIGHT, **style),
        literal(f"jitter of {jitter:g} T"): axes.axvline(jitter, color=INK, linewidth=1, linestyle="--"),
    }
    axes.set_xlim(0, end)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel(r"gap between the two earliest outputs $/\,T$")
    axes.set_ylabel("test samples")
    tidy(axes, grid="y")
    legend(axes, named)
    return figure

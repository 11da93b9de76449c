"""Accuracy against the time at which the answer is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike.circuit import Circuit
from rcspike.functional.neuron_kinds import PHASES, Phases
from rcspike.plots.figure_style import circuit_colour, legend, literal, panel, tidy
from rcspike.training import Latency

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["latency_figure"]

_HEIGHT = 2.6
_LINES = dict(zip(PHASES, ("--", "-", ":"), strict=False))


def latency_figure(
    results: Mapping[str, Latency], kinds: Mapping[str, tuple[Circuit, Phases]], *, heading: str
) -> Figure:
    """Accuracy against the time at which the answer is taken: a line for each network.

    A sample without an answer by that time counts as wrong. Dots are at the times by which half of all samples, and
    95 % of them, have an answer; two-phase networks have dashed lines.

    Parameters
    ----------
    results : mapping
        From the name of a network to its `rcspike.training.latency`.
    kinds : mapping
        From the same names to the circuit of the network and its phases.
    heading : str
        Title of the figure.

    Raises
    ------
    ValueError
        If `results` is empty.

    Examples
    --------
    >>> found = Latency(np.array([1.0, 2.0]), np.array([True, False]), np.ones((2, 2), int))
    >>> figure = latency_figure({"a": found}, {"a": (Circuit(v_syn=2.0), "single")}, heading="two samples")
    >>> figure.axes[0].get_xlabel()
    'time of the answer $t\\\\,/\\\\,T$'
    """
    if not results:
        raise ValueError("results is empty: there is no network to draw")
    figure, axes = panel(_HEIGHT, heading)
    ends = [found.times[np.isfinite(found.times)] for found in results.values()]
    end = 1.05 * max((float(np.quantile(times, 0.999)) for times in ends if len(times)), default=1.0)
    at = np.linspace(0, end, 601)
    lines = {}
    for name, found in results.items():
        circuit, phases = kinds[name]
        style: dict[str, Any] = {"color": circuit_colour(circuit), "linestyle": _LINES[phases]}
        (lines[literal(name)],) = axes.plot(at, 100 * found.accuracy(at), linewidth=1.6, **style)
        marks = np.array([t for t in (found.quantile(0.5), found.quantile(0.95)) if math.isfinite(t)])
        axes.plot(marks, 100 * found.accuracy(marks), "o", markersize=4, color=style["color"])
    axes.set_xlim(0, end)
    axes.set_ylim(0, 102)
    axes.set_xlabel(r"time of the answer $t\,/\,T$")
    axes.set_ylabel("accuracy / %")
    tidy(axes, grid="both")
    legend(axes, lines)
    return figure

"""Engine and SPICE over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.functional.neuron_kinds import supported
from rcspike.network import layer_with
from rcspike.plots.figure_style import (
    BOTTOM,
    FAINT,
    HIGHLIGHT,
    INK,
    RIGHT,
    TITLE,
    WIDTH,
    blank,
    circuit_colour,
    circuit_name,
    legend_above,
    place,
    tidy,
)
from rcspike.plots.membrane_panels import ramp_voltages
from rcspike.spice import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["spice_figure"]

_VOLTAGES_HEIGHT, _ERRORS_HEIGHT, _GAP = 2.4, 1.2, 0.3
_POINTS = 49  # of SPICE that are drawn of each neuron
_MARKS: dict[str, Any] = {"color": HIGHLIGHT, "marker": "o", "markersize": 3, "markerfacecolor": "none"}


def spice_figure(comparison: Comparison, *, n_neurons: int = 6) -> Figure:
    """Membrane voltages of SPICE and of the engine in both phases, or in the single one, and their difference.

    Parameters
    ----------
    comparison : Comparison
    n_neurons : int
        How many of its neurons to draw, spread over their voltages.

    Examples
    --------
    >>> from rcspike.spice import compare_layer
    >>> comparison = compare_layer(Network([np.eye(2)], Circuit()), np.array([0.2, 0.5]), 1)  # doctest: +SKIP
    >>> spice_figure(comparison).axes[0].get_ylabel()  # doctest: +SKIP
    'voltage / V'
    """
    c, scale = comparison, comparison.scale
    end = scale.seconds(c.end)
    order = np.argsort(c.v, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, n_neurons).round().astype(np.int64))]
    heading = f"Layer {c.layer}, {len(shown)} of {len(c.neurons)} simulated neurons; {circuit_name(c.circuit)}"
    figure = blank(_VOLTAGES_HEIGHT + _GAP + _ERRORS_HEIGHT + BOTTOM, heading)
    right = WIDTH - RIGHT - 0.1  # for half of the last tick's number
    voltages = place(figure, TITLE, _VOLTAGES_HEIGHT, right=right)
    errors = place(figure, TITLE + _VOLTAGES_HEIGHT + _GAP, _ERRORS_HEIGHT, right=right)
    colour = circuit_colour(c.circuit)
    for i in shown:
        # Only at the points that the simulator computed.
        points = c.measured.t[i] <= end
        t, v_spice = c.measured.t[i][points], c.measured.v[i][points]
        v = scale.volts(_MEMBRANES(c.phases)(c, i, t / scale.window))
        voltages.plot(1e6 * t, v, color=colour, linewidth=1.2)
        marks = np.searchsorted(t, np.linspace(0, t[-1], _POINTS))
        voltages.plot(1e6 * t[marks], v_spice[marks], **_MARKS, linestyle="none")
        errors.plot(1e6 * t, 1e6 * (v_spice - v), color=HIGHLIGHT, linewidth=0.8)
    voltages.axhline(scale.v_th, color=INK, linestyle="--", linewidth=0.8)
    voltages.set_ylabel("voltage / V")
    errors.set_ylabel("SPICE − engine / µV")
    errors.set_xlabel("time / µs")
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linewidth=1.2, label="engine"),
        Line2D([], [], label="ngspice", linestyle="none", **_MARKS),
        Line2D([], [], color=INK, linestyle="--", linewidth=0.8, label="threshold"),
    ]
    legend_above(voltages, handles)
    for axes in (voltages, errors):
        tidy(axes, grid="y")
        axes.set_xlim(0, 1e6 * end)
        for span in c.kind.spans(c.end)[1:]:
            axes.axvline(1e6 * scale.seconds(span.start), color=FAINT, linewidth=0.6, zorder=0)
    voltages.set_xticklabels([])
    return figure


def _charging(c: Comparison, i: int, at: FloatArray) -> FloatArray:
    """Voltage of a neuron by the engine, (n_at,) in V_th, at times from the start of charging in T."""
    part = np.clip(at / c.end, 0, 1)  # without what rounding adds to the last one
    membrane = layer_with(c.simulated.neurons([i]), "charging", "a figure of a single phase").charging(c.end)
    return np.asarray(membrane.trace(c.times[np.newaxis] / c.end, part)[0, 0])


def _and_ramp(c: Comparison, i: int, at: FloatArray) -> FloatArray:
    """The same of a neuron that a ramp takes to the threshold."""
    charging = at <= 1
    v = np.empty_like(at)
    v[charging] = c.simulated.neurons([i]).trace(c.times[np.newaxis], at[charging])[0, 0]
    v[~charging] = ramp_voltages(c.circuit, c.v[i], at[~charging] - 1)
    return v


_MEMBRANES = supported("a comparison with SPICE", two=_and_ramp, single=_charging)

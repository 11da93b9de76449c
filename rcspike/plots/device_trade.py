"""What the resistors of a network's weights cost: their area and their bodies against the capacitor and the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rcspike.energy import Columns, Process, layer_devices
from rcspike.energy.operating_point_in_volts import conductance_unit
from rcspike.plots.figure_style import BOTTOM, INK, NARROW, PALETTE, TITLE, blank, legend, literal, place, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["device_trade_figure"]

_HEIGHT, _GAP = 1.7, 0.35
_FACTORS = np.geomspace(1e-2, 10, 61)  # of C / T
_CAPACITORS = (1e-12, 4e-12, 10e-12)  # F


def device_trade_figure(process: Process, columns: Sequence[Columns], *, heading: str = "") -> Figure:
    """Two panels over C / T, which decides the resistance of a weight: T over C times abs(E / w).

    Above: area of all resistors, and of those that the device of the process can have. Below: bodies of the resistors
    of the column of the first layer that has most of them, as a multiple of the drawn capacitor C, for several C.

    Parameters
    ----------
    process : Process
        Its devices; its C / T is marked.
    columns : sequence of Columns
        Of each layer, as `rcspike.energy.columns_of` makes them: fan-in and weights.
    heading : str
        Title above the figure.

    Raises
    ------
    ValueError
        If the layers have no resistors, or those of the process have neither area nor bodies.

    Examples
    --------
    >>> from rcspike.energy import columns_of, load_process
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> figure = device_trade_figure(load_process("sky130-poly"), [columns_of(layer) for layer in network.layers])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['resistors / mm²', 'bodies / C']
    """
    if not (process.device_area_per_ohm or process.device_capacitance_per_ohm):
        raise ValueError(f"the devices of {process.name} have neither area nor body: choose one such as sky130-poly")
    first = columns[0].rows
    here = conductance_unit(process, first)
    over = _FACTORS * here
    every = [process.with_values(window=process.window / factor) for factor in _FACTORS]
    made = [_only_made(one, columns) for one in every]
    area = {
        "area of all weights": [sum(layer_devices(one, layer).area for layer in columns) for one in every],
        f"area up to {1e-6 / process.device_min_conductance:.3g} MOhm": [
            sum(layer_devices(one, layer).area for layer in layers) for one, layers in zip(every, made, strict=True)
        ],
    }
    figure = blank(2 * _HEIGHT + _GAP + BOTTOM, heading, width=NARROW)
    above = place(figure, TITLE, _HEIGHT)
    for colour, (name, values) in zip(PALETTE, area.items(), strict=False):
        above.loglog(1e6 * over, 1e6 * np.array(values), color=colour, label=name)
    above.set_ylabel("resistors / mm²")
    below = place(figure, TITLE + _HEIGHT + _GAP, _HEIGHT)
    bodies = np.array([layer_devices(one, layers[0]).body for one, layers in zip(every, made, strict=True)])
    for colour, c in zip(PALETTE[2:], _CAPACITORS, strict=False):
        below.loglog(1e6 * over, bodies / c, color=colour, label=f"bodies, C = {1e12 * c:g} pF")
    below.set_ylabel("bodies / C")
    below.set_xlabel("C / T in pF / µs: 1 / MOhm for w = 1 at V_syn = 1")
    for axes in (above, below):
        line = axes.axvline(1e6 * here, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(1e6 * over[0], 1e6 * over[-1])
        tidy(axes, grid="both")
    curves = {str(curve.get_label()): curve for axes in (above, below) for curve in axes.lines[:-1]}
    legend(below, {**curves, literal(process.name): line})
    return figure


def _only_made(process: Process, columns: Sequence[Columns]) -> list[Columns]:
    """The columns without the weights that are too small for a device."""
    found = []
    for one in columns:
        least = process.device_min_conductance / conductance_unit(process, one.rows)
        g_plus, g_minus = (None if g is None else np.where(g < least, 0.0, g) for g in (one.g_plus, one.g_minus))
        found.append(replace(one, g_plus=g_plus, g_minus=g_minus))
    return found

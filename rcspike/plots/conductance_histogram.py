"""How many devices of each layer have which conductance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rcspike.energy import Columns, Process, device_conductances
from rcspike.plots.figure_style import INK, PALETTE, legend, literal, panel, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["conductance_figure"]

_HEIGHT, _BINS = 2.2, 40


def conductance_figure(process: Process, columns: Sequence[Columns], *, heading: str = "") -> Figure:
    """A histogram of the conductances of each layer, over a logarithmic axis, and the limits of the device.

    Parameters
    ----------
    process : Process
    columns : sequence of Columns
        Of each layer, as `rcspike.energy.columns_of` makes them.
    heading : str
        Title above the figure.

    Raises
    ------
    ValueError
        If the layers have no resistors.

    Examples
    --------
    >>> from rcspike.energy import columns_of, load_process
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> figure = conductance_figure(load_process("sky130-poly"), [columns_of(layer) for layer in network.layers])
    >>> figure.axes[0].get_xlabel()
    'conductance of a device / µS'
    """
    figure, axes = panel(_HEIGHT, heading)
    layers = [1e6 * np.concatenate([g[g > 0] for g in device_conductances(process, one)]) for one in columns]
    some = np.concatenate(layers)
    bins = np.geomspace(some.min(), some.max() * (1 + 1e-9), _BINS + 1)
    for depth, (colour, g) in enumerate(zip(PALETTE, layers, strict=False), start=1):
        axes.hist(g, bins.tolist(), histtype="step", color=colour, label=f"layer {depth}: {len(g):,} devices")
    for limit in (process.device_min_conductance, process.device_max_conductance):
        if bins[0] <= 1e6 * limit <= bins[-1]:
            label = literal(f"{1e6 * limit:.3g} µS, a limit")
            axes.axvline(1e6 * limit, color=INK, linewidth=0.8, linestyle=":", label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("conductance of a device / µS")
    axes.set_ylabel("devices")
    tidy(axes, grid="y")
    legend(axes)
    return figure

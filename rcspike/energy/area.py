"""Area of a network on silicon, and what one set of columns for all positions of a convolution saves and costs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from rcspike.energy.activity_counts import Columns, columns_of
from rcspike.energy.operating_point_in_volts import drawn_capacitance
from rcspike.energy.process import Process
from rcspike.energy.synapse_devices import layer_devices
from rcspike.network import Conv2d
from rcspike.network.layered_network import Layer


def array_area(process: Process, columns: Iterable[Columns]) -> float:
    """Area in m2 of cells, resistors, neurons and drawn capacitors, side by side.

    Columns without conductances have no resistors.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> round(array_area(load_process(), [Columns(784, 200, 200), Columns(200, 10, 10)]) * 1e6, 2)  # mm2
    1.59
    """
    return sum(
        one.columns * (one.rows * process.cell_area + drawn_capacitance(process, one.rows) / process.capacitor_density)
        + one.neurons * process.neuron_area
        + (0.0 if one.g_plus is None else layer_devices(process, one).area)
        for one in columns
    )


def area_in_turn(process: Process, layers: Iterable[Layer]) -> float:
    """Area in m2 if one set of columns serves all positions of a convolution, one after the other.

    A column then has a capacitor for each membrane of a pool, which are charged in turn. Buffers of spikes are not
    counted.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import columns_of, load_process
    >>> layers, sky130 = Network.create("conv8-pool-10", Circuit(), input_shape=(8, 8), seed=0).layers, load_process()
    >>> all_positions = array_area(sky130, [columns_of(layer) for layer in layers])
    >>> [round(area * 1e12) for area in (all_positions, area_in_turn(sky130, layers))]  # um2
    [131049, 20625]
    """
    area = 0.0
    for layer in layers:
        rows, columns = layer.wiring.weight_shape(layer.n_in, layer.n_out)
        one_set = replace(columns_of(layer), columns=columns, neurons=columns)
        area += array_area(process, [one_set])
        if isinstance(layer.wiring, Conv2d):
            more = (layer.wiring.pool**2 - 1) * columns
            area += more * drawn_capacitance(process, rows) / process.capacitor_density
    return area


def latency_in_turn(process: Process, layers: Iterable[Layer]) -> float:
    """Latency in s of two-phase neurons with the columns of `area_in_turn`: T for each position, and for the input.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import load_process
    >>> layers = Network.create("conv8-pool-10", Circuit(), input_shape=(8, 8), seed=0).layers
    >>> round(1e6 * latency_in_turn(load_process(), layers), 9)  # us: 64 positions, a dense layer and the input
    66.0
    """
    wirings = [layer.wiring for layer in layers]
    turns = [math.prod(wiring.positions()) if isinstance(wiring, Conv2d) else 1 for wiring in wirings]
    return (1 + sum(turns)) * process.window

"""Area of a network on silicon, with the columns of all positions of a convolution side by side or in turn."""

from __future__ import annotations

from collections.abc import Iterable

from rcspike._common.numbers import check_count
from rcspike.energy.activity_counts import Columns
from rcspike.energy.operating_point_in_volts import drawn_capacitance
from rcspike.energy.process import Process
from rcspike.energy.synapse_devices import layer_devices
from rcspike.energy.turn_schedule import Turns, column_turns, memory_bits
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


def area_in_turn(process: Process, layers: Iterable[Layer], *, capacitors: int = 1) -> float:
    """Area in m2 if one set of columns serves all positions of a convolution, one after the other.

    A column then has a capacitor for each membrane of a pool, and as many sets of these as `capacitors` says; each one
    beyond the first takes the switches of a cell too. The memory of the spike times between layers and its converters
    are a part of it (`memory_area`).

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import columns_of, load_process
    >>> layers, sky130 = Network.create("conv8-pool-10", Circuit(), input_shape=(8, 8), seed=0).layers, load_process()
    >>> all_positions = array_area(sky130, [columns_of(layer) for layer in layers])
    >>> [round(area * 1e12) for area in (all_positions, area_in_turn(sky130, layers))]  # um2
    [131049, 80975]
    """
    check_count("capacitors", capacitors, 1)
    turns = column_turns(layers)
    return memory_area(process, turns) + sum(_in_turn(process, one, capacitors) for one in turns)


def _in_turn(process: Process, turns: Turns, capacitors: int) -> float:
    more = (turns.capacitors(capacitors) - 1) * turns.columns.columns
    each = drawn_capacitance(process, turns.columns.rows) / process.capacitor_density + process.cell_area
    return array_area(process, [turns.columns]) + more * each


def memory_area(process: Process, turns: Iterable[Turns]) -> float:
    """Area in m2 of the spike times between layers: their bits, and converters of the neurons and rows that use them.

    A neuron that fires into a memory has a register, and a row that is driven from it a register and a comparison, for
    each bit of a spike time; both are counted as the latter.
    """
    turns = [*turns]
    converters = sum(one.latches + one.columns.rows for one in turns if one.remembered)
    return memory_bits(process, turns) * process.memory_bit_area + (
        converters * process.spike_time_bits * process.time_converter_bit_area
    )

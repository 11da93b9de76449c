"""Energy of an inference if one set of columns serves all positions of a convolution, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from rcspike._common.numbers import check_count
from rcspike.energy.activity_counts import Activity
from rcspike.energy.inference_energy import Joules, energy_parts, standing_power, switch_voltages, switch_widths
from rcspike.energy.operating_point_in_volts import OperatingPoint
from rcspike.energy.turn_schedule import column_turns, latency_in_turn
from rcspike.network.layered_network import Layer
from rcspike.neurons import neuron_kind

# Gates as wide as that of a reset, for a column with several capacitors: to the column, to the neuron, and the reset of
# the column itself, which keeps the charge of the position before.
_CAPACITOR_SWITCHES = 3


def energy_parts_in_turn(
    done: Activity, point: OperatingPoint, layers: Iterable[Layer], *, capacitors: int = 1
) -> dict[str, Joules]:
    """Energy of each part, sample and layer of two-phase neurons, with columns in turn.

    Charges, ramps and decisions are those of all positions side by side (`energy_parts`). A spike is shifted to the
    voltage of its row once for each position, references and leakage last until the last position is reset, and there
    are three more parts: the switches of several capacitors, the memory of the spike times in front of each layer, and
    their conversion to and from bits. A row without a spike is read, but not compared with the counter.

    Parameters
    ----------
    done : Activity
        Of the network with these layers.
    capacitors : int
        As in `latency_in_turn`.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import activity, mean_energy, operating_point
    >>> network = Network.create("conv8-10", Circuit(), input_shape=(8, 8), seed=0)
    >>> done, point = activity(network, np.full((1, 64), 0.5)), operating_point(network.circuit)
    >>> parts = energy_parts_in_turn(done, point, network.layers)
    >>> f"{1e9 * parts['memory'].sum():.1f} nJ of {1e9 * mean_energy(parts):.1f} nJ"
    '6.1 nJ of 16.5 nJ'
    """
    check_count("capacitors", capacitors, 1)
    p, layers = point.process, [*layers]
    turns, kind = column_turns(layers), neuron_kind(done.phases)
    if not math.isfinite(kind.last_answer(len(turns))):
        raise ValueError(f"columns in turn are counted for neurons of two phases, got neurons of {kind.wording}")
    columns = [one.columns for one in turns]
    each = np.ones((len(done.spikes), 1))
    busy = p.window * np.array([one.duration(capacitors, p.reset_time) + p.reset_time for one in turns])
    standing = standing_power(p, columns, switch_voltages(point, switch_widths(p, columns)))
    switched = [one.charges * one.columns.columns * (one.capacitors(capacitors) > 1) for one in turns]
    bits = p.spike_time_bits * np.array([one.remembered for one in turns])
    moved = p.spike_time_bits * np.array([one.written + one.read for one in turns])
    held = p.memory_bit_leakage * latency_in_turn(p, layers, capacitors=capacitors)
    written = np.array([one.written for one in turns])
    remembered = np.array([one.remembered > 0 for one in turns])
    replayed = done.events * remembered / [one.columns.columns for one in turns]
    parts = energy_parts(done, point)
    return {
        **parts,
        "drivers": parts["drivers"] + 2 * (replayed - done.spikes * remembered) * p.level_shifter_energy,
        "references": each * standing["references"] * busy,
        "leakage": each * standing["leakage"] * busy,
        "capacitor switches": each * switched * _CAPACITOR_SWITCHES * p.reset_capacitance * p.v_logic**2,
        "memory": each * (moved * p.memory_bit_energy + bits * held),
        "time conversion": (replayed + written) * 2**p.spike_time_bits * p.time_step_energy,
    }

"""Energy of an inference in joules, part by part, and the measures of efficiency that follow from it.

The activity of a network is counted once (`activity`); its energy follows from the constants of a process at an
operating point. The formulas: docs/energy.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rcspike.energy.activity_counts import Activity, Columns
from rcspike.energy.operating_point_in_volts import OperatingPoint
from rcspike.energy.process import Process
from rcspike.energy.synapse_devices import layer_devices
from rcspike.neurons import neuron_kind

# The parts of an inference's energy, in the order in which a signal meets them.
PARTS: tuple[str, ...] = (
    "axon lines",
    "drivers",
    "positive synapses",
    "negative synapses",
    "selector drop",
    "op-amps",
    "ramp",
    "references",
    "comparators",
    "reset",
    "leakage",
)

# An OR gate in gates of minimum switches: what each spike at an input charges, and the first one inside and back. The
# cell sky130_fd_sc_hd__or4_1 has 1.5 fF at an input and takes 20 fJ inside (tt, 25 C, 1.8 V): docs/energy.md.
_OR_INPUT, _OR_INSIDE = 2, 8

Joules = npt.NDArray[np.float64]


def energy_parts(done: Activity, point: OperatingPoint) -> dict[str, Joules]:
    """Energy of each part, sample and layer.

    On infinite rails the synapses are current sources, whose supplies are the threshold and their headroom.

    Parameters
    ----------
    point : OperatingPoint
        Of the circuit that the network has.

    Returns
    -------
    dict
        Maps each name in ``PARTS`` to energies in J, (batch, n_layers).

    Examples
    --------
    >>> from rcspike.energy.activity_counts import activity
    >>> from rcspike.energy.operating_point_in_volts import operating_point
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit(v_syn=1.0))
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> parts = energy_parts(done, operating_point(network.circuit))
    >>> f"{1e15 * parts['positive synapses'].item():.1f} fJ of {1e15 * mean_energy(parts):.0f} fJ"
    '48.5 fJ of 16093 fJ'
    """
    p = point.process
    sources = [math.isinf(e) for e in (point.circuit.e_plus, point.circuit.e_minus)]
    drops = [0.0 if is_source else point.selector_drop for is_source in sources]
    unit_charge = np.array([point.scale(one.rows).capacitance for one in done.columns]) * point.v_th
    gates = p.selector == "switch" or all(sources)
    widths = switch_widths(p, done.columns)
    lines = (
        Lines(p.row_wire_capacitance + p.switch_gate_capacitance * widths, p.v_logic, p.v_logic)
        if gates
        else Lines(
            p.row_wire_capacitance + p.row_junction_capacitance * np.ones_like(widths), point.v_plus, point.v_minus
        )
    )
    q_plus, q_minus = done.q_plus, done.q_minus
    if done.opened_plus is not None and done.opened_minus is not None:
        q_plus, q_minus = q_plus + done.opened_plus, q_minus + done.opened_minus
    return {
        **line_parts(done, p, lines),
        "positive synapses": q_plus * unit_charge * (point.v_plus - drops[0]),
        "negative synapses": q_minus * unit_charge * (point.v_minus + drops[1]),
        "selector drop": (done.q_plus * drops[0] - done.q_minus * drops[1]) * unit_charge,
        "op-amps": np.zeros_like(done.q_plus),
        **neuron_parts(done, p, unit_charge, across=switch_voltages(point, widths)),
    }


@dataclass(frozen=True)
class Lines:
    """The two axon lines of an input: capacitance in F for each column passed, (2, n_layers), and swings in V."""

    capacitance: Joules
    plus: float
    minus: float


def switch_widths(process: Process, columns: Iterable[Columns]) -> Joules:
    """Widths of the switches on the lines of either rail, (2, n_layers): mean over the synapses, in narrowest ones.

    Current sources have a narrowest one on either line.
    """
    devices = [None if one.g_plus is None else layer_devices(process, one) for one in columns]
    return np.array([(1.0, 1.0) if one is None else (one.gates_plus, one.gates_minus) for one in devices]).T


def switch_voltages(point: OperatingPoint, widths: Joules) -> Joules:
    """Voltage in V over the open switches of a synapse of each layer, times their widths (`switch_widths`)."""
    voltages: Joules = np.array([point.v_plus, -point.v_minus]) @ widths
    return voltages


def line_parts(done: Activity, process: Process, lines: Lines) -> dict[str, Joules]:
    """Energy of the axon lines, and of their drivers, level shifters and OR gates, which swing by the logic supply."""
    overhead = process.driver_overhead * lines.capacitance.sum(axis=0) * process.v_logic**2
    drivers = done.events * overhead + 2 * done.spikes * process.level_shifter_energy
    if done.gated is not None:
        gates = _OR_INPUT * done.gated + _OR_INSIDE * done.spikes * (done.gated > 0)
        drivers = drivers + gates * process.switch_gate_capacitance * process.v_logic**2
    return {
        "axon lines": (np.array([lines.plus**2, lines.minus**2]) @ lines.capacitance) * done.events,
        "drivers": drivers,
    }


def neuron_parts(done: Activity, process: Process, unit_charge: Joules, *, across: Joules) -> dict[str, Joules]:
    """Energy of the parts that every circuit has, with C V_th of each layer, (n_layers,) in C.

    The comparators of single-phase neurons watch their membranes until the neuron has spiked or the inference ends.
    `across` is the voltage in V over the open switches of a synapse, which leak, times their widths, (n_layers,).
    """
    p = process
    columns, neurons = np.array([(one.columns, one.neurons) for one in done.columns]).T
    kind = neuron_kind(done.phases)
    period = p.window * kind.timing(done.durations, len(done.columns))[1]
    deciding = kind.watching(done.charging, neurons * p.comparator_time)
    each = np.ones((len(done.spikes), 1))
    standing = standing_power(p, done.columns, across)
    return {
        "ramp": done.q_ramp * unit_charge * (p.v_highest - p.v_rest),
        "references": each * standing["references"] * period,
        "comparators": each * deciding * p.comparator_current * p.v_logic * p.window,
        "reset": each * columns * p.reset_capacitance * p.v_logic**2,
        "leakage": each * standing["leakage"] * period,
    }


def standing_power(process: Process, columns: Iterable[Columns], across: Joules) -> dict[str, Joules]:
    """Power in W of references and leakage of each layer, (n_layers,), with `across` as in `neuron_parts`."""
    p = process
    synapses, neurons = np.array([(one.rows * one.columns, one.neurons) for one in columns]).T
    return {
        "references": np.full(len(neurons), p.reference_current * p.v_logic),
        "leakage": synapses * p.switch_off_current * across + neurons * p.neuron_leakage * p.v_logic,
    }


def mean_energy(parts: Mapping[str, npt.NDArray[np.float64]]) -> float:
    """Energy of an inference in J: all parts and layers, mean over the samples.

    Parameters
    ----------
    parts : mapping
        Energies as `energy_parts` returns them.

    Examples
    --------
    >>> mean_energy({"ramp": np.array([[1.0, 2.0], [3.0, 4.0]]), "reset": np.ones((2, 2))})
    7.0
    """
    return float(sum(joules.sum(axis=1) for joules in parts.values()).mean())


def tops_per_watt(joules: float, columns: Iterable[Columns]) -> float:
    """Energy efficiency in 10^12 operations per joule; each synapse, active or not, counts as a product and a sum.

    Of a convolution, the synapses of all positions count.

    Parameters
    ----------
    joules : float
        Energy of one inference in J.
    columns : iterable of Columns
        Of each layer.

    Examples
    --------
    >>> round(tops_per_watt(1e-9, [Columns(784, 200, 200), Columns(200, 10, 10)]), 1)
    317.6
    """
    return 2e-12 * sum(one.rows * one.columns for one in columns) / joules


@dataclass(frozen=True, kw_only=True)
class Efficiency:
    """Measures of one inference; `efficiency` computes them.

    Parameters
    ----------
    joules : float
        Energy E.
    tops_per_watt : float
        Two operations for every synapse, whether its input spiked or not, over E, in 10^12 / J.
    tops_per_watt_events : float
        Two operations for every synaptic event, over E: each spike is one in every column that has its row.
    joules_per_event : float
        E over the number of synaptic events.
    watts : float
        E over the period.
    latency : float
        From the start of the input's window to the last possible output spike, in s: (n_layers + 1) T. In a single
        phase, the mean duration of an inference.
    rate : float
        Inferences per second of the pipeline: one per period 3 T of charging, firing and reset. In a single phase, one
        per duration and T of reset.
    """

    joules: float
    tops_per_watt: float
    tops_per_watt_events: float
    joules_per_event: float
    watts: float
    latency: float
    rate: float


def efficiency(parts: Mapping[str, Joules], done: Activity, process: Process) -> Efficiency:
    """Measures of efficiency, with the mean energy and number of events of the samples.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> one = np.ones((1, 1))
    >>> spikes, columns = np.array([[3]]), (Columns(4, 2, 2),)
    >>> done = Activity(one, -one, one, one, spikes, events=2 * spikes, columns=columns)
    >>> found = efficiency({"ramp": 6e-12 * one}, done, load_process())
    >>> round(found.joules_per_event * 1e12, 3), round(found.latency * 1e6, 3), round(found.rate / 1e3, 1)
    (1.0, 2.0, 333.3)
    """
    joules = mean_energy(parts)
    latency, between = neuron_kind(done.phases).timing(done.durations, len(done.columns))
    period = process.window * float(np.mean(between))
    events = float(done.events.sum(axis=1).mean())
    return Efficiency(
        joules=joules,
        tops_per_watt=tops_per_watt(joules, done.columns),
        tops_per_watt_events=2e-12 * events / joules,
        joules_per_event=joules / events if events else math.inf,
        watts=joules / period,
        latency=process.window * latency,
        rate=1 / period,
    )

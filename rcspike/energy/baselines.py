"""The same function in two conventional circuits, one at a time, each with its own costs only.

Both have the spikes, the charges, the threshold in volts and the neurons of the RC-Spike circuit, so that they compute
the same with the same noise, and the same parts cost the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from rcspike.circuit import Circuit
from rcspike.energy.activity_counts import Activity
from rcspike.energy.inference_energy import Joules, Lines, energy_parts, line_parts, neuron_parts
from rcspike.energy.operating_point_in_volts import OperatingPoint, column_capacitance, drawn_capacitance
from rcspike.energy.process import Process
from rcspike.neurons import two_phase_only

_USE = "the comparison with a conventional circuit"

# The bias of an op-amp is a product: it is 0 if all constants of a group are, and so is the energy of the op-amp.
_BIAS = (("column_wire_capacitance", "column_junction_capacitance"), ("opamp_branches",), ("opamp_phases",))


def virtual_ground_parts(done: Activity, point: OperatingPoint, *, strength: float | None = None) -> dict[str, Joules]:
    """Energy of resistors at a small read voltage into op-amps, each of which holds its column at a virtual ground.

    The charge goes onto the feedback capacitor, which is the drawn capacitor alone: the column does not move. It costs
    the read voltage at the resistors, and the supply at the output of the op-amp, which delivers it once more; the net
    charge of a phase is a lower bound for an output of class B. The bias follows from the column (`opamp_current`),
    or from the strength that accuracy needs. A ValueError if the neurons have a single phase, or the process cannot
    size an op-amp (`opamp_missing`).

    Parameters
    ----------
    done, point
        Of the RC-Spike circuit; or `done` of a network trained for a finite transconductance.
    strength : float, optional
        Largest current of an op-amp, g_m times the read voltage, in C V_th / T, with C the drawn capacitor: that of
        `rcspike.Circuit.virtual_ground` is ``transconductance * read_voltage``. It takes the place of the settling
        time.

    Examples
    --------
    >>> from rcspike.energy.activity_counts import activity
    >>> from rcspike.energy.operating_point_in_volts import operating_point
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit(v_syn=1.0))
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> parts = virtual_ground_parts(done, operating_point(network.circuit))
    >>> f"{1e15 * parts['positive synapses'].item():.1f} fJ"
    '5.5 fJ'
    >>> for strength in (None, 0.9):
    ...     parts = virtual_ground_parts(done, operating_point(network.circuit), strength=strength)
    ...     print(f"{1e15 * parts['op-amps'].item():.0f} fJ")
    164 fJ
    505 fJ
    """
    two_phase_only(done, _USE)
    if strength is not None and not 0 < strength < np.inf:
        raise ValueError(f"the strength of op-amps must be above 0 and finite, in C V_th / T, got {strength:g}")
    p = point.process
    unit_charge = np.array([drawn_capacitance(p, one.rows) for one in done.columns]) * point.v_th
    if strength is None:
        current = np.array([one.columns * opamp_current(p, one.rows) for one in done.columns])
    else:
        largest = strength * unit_charge / p.window  # in A
        columns = np.array([one.columns for one in done.columns])
        current = columns * p.opamp_branches * largest / p.read_voltage / p.opamp_efficiency
    bias = current * p.v_logic * p.opamp_phases * p.window
    line = np.full((2, len(done.columns)), p.row_wire_capacitance + p.column_junction_capacitance)
    lines = Lines(line, p.read_voltage, p.read_voltage)
    return {
        **line_parts(done, p, lines),
        "positive synapses": done.q_plus * unit_charge * p.read_voltage,
        "negative synapses": -done.q_minus * unit_charge * p.read_voltage,
        "selector drop": np.zeros_like(done.q_plus),
        "op-amps": bias + (done.q_net + done.q_ramp) * unit_charge * (p.v_highest - p.v_rest),
        **neuron_parts(
            done, p, unit_charge, across=np.zeros(len(done.columns))
        ),  # idle rows are at the virtual ground too
    }


def opamp_current(process: Process, n_rows: int) -> float:
    """Bias in A of an op-amp that holds a column of `n_rows` at a virtual ground.

    Its transconductance settles the column with a time constant of `opamp_settling`: g_m = C_column / tau. A branch
    draws g_m over the transconductance per current. A ValueError if the process cannot size an op-amp
    (`opamp_missing`).

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> round(opamp_current(load_process(), 784) * 1e6, 1)  # µA
    5.9
    """
    if missing := opamp_missing(process):
        raise ValueError(missing)
    transconductance = column_capacitance(process, n_rows) / (process.opamp_settling * process.window)
    return process.opamp_branches * transconductance / process.opamp_efficiency


def opamp_missing(process: Process) -> str:
    """Why a process cannot size an op-amp, in a sentence; empty if it can.

    An op-amp settles the capacitance of its column. Where this is 0, because it belongs to the capacitor of the neuron
    or was left out, the op-amp would need no current, and a comparison with it would be false. The low ends of the
    ranges count, since `ratio_range` goes there.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> opamp_missing(load_process("sky130"))
    ''
    >>> opamp_missing(load_process("sky130").with_values(opamp_phases=0.0)).partition(": ")[2]
    'opamp_phases must be above 0, also at the low end of its range'
    """
    for names in _BIAS:
        if not any(process.constant(name).low for name in names):
            return (
                f"{process.name} cannot size an op-amp, since its bias would be 0 A: {' or '.join(names)} must be "
                "above 0, also at the low end of its range"
            )
    return ""


def current_source_parts(done: Activity, point: OperatingPoint) -> dict[str, Joules]:
    """Energy of current sources with headroom straight onto the capacitor, without an op-amp.

    Their supplies are the threshold and the headroom, on both sides of rest; lines drive the gates of their switches,
    a narrowest one to each rail.
    Both arguments are those of the RC-Spike circuit.

    Examples
    --------
    >>> from rcspike.energy.activity_counts import activity
    >>> from rcspike.energy.operating_point_in_volts import operating_point
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit(v_syn=1.0))
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> parts = current_source_parts(done, operating_point(network.circuit))
    >>> f"{1e15 * parts['positive synapses'].item():.1f} fJ"
    '59.6 fJ'
    """
    two_phase_only(done, _USE)
    supply = point.source_supply
    columns = tuple(replace(one, g_plus=None, g_minus=None) for one in done.columns)
    done = replace(done, columns=columns)
    return energy_parts(done, replace(point, circuit=Circuit.conventional(), v_plus=supply, v_minus=-supply))


def sources_fit(point: OperatingPoint) -> bool:
    """Whether the supply of the process reaches the supplies of the current sources.

    Examples
    --------
    >>> from rcspike.energy.operating_point_in_volts import operating_point
    >>> [sources_fit(operating_point(Circuit(v_syn=v))) for v in (1.0, 2.0)]
    [False, True]
    """
    p = point.process
    return point.source_supply <= min(p.v_highest - p.v_rest, p.v_rest - p.v_lowest) * (1 + 1e-12)


def baseline_parts(
    name: str, done: Activity, point: OperatingPoint, *, strength: float | None = None
) -> dict[str, Joules]:
    """Energy of the conventional circuit of a name, with op-amps of a strength if it is given.

    Parameters
    ----------
    name : {"virtual ground", "current sources"}
    done, point, strength
        As in `virtual_ground_parts`.

    Raises
    ------
    ValueError
        If the name is unknown, or the circuit has no op-amps of which to give a strength; and as the circuit's own
        function.

    Examples
    --------
    >>> from rcspike.energy.activity_counts import activity
    >>> from rcspike.energy.operating_point_in_volts import operating_point
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit(v_syn=1.0))
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> parts = baseline_parts("virtual ground", done, operating_point(network.circuit), strength=0.9)
    >>> f"{1e15 * parts['op-amps'].item():.0f} fJ"
    '505 fJ'
    """
    if name not in BASELINES:
        raise ValueError(f"baseline must be one of {', '.join(BASELINES)}, got {name!r}")
    if strength is None:
        return BASELINES[name](done, point)
    if name != "virtual ground":
        raise ValueError(f"strength is that of the op-amps of a virtual ground; leave it out for {name}")
    return virtual_ground_parts(done, point, strength=strength)


BASELINES: Mapping[str, Callable[[Activity, OperatingPoint], dict[str, Joules]]] = MappingProxyType(
    {"virtual ground": virtual_ground_parts, "current sources": current_source_parts}
)

"""A layer in ngspice, and what its neurons do there."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.energy import PhysicalScale
from rcspike.functional.neuron_kinds import Phases, supported
from rcspike.neurons import neuron_kind
from rcspike.spice.ideal_netlist import layer_netlist, membrane_nodes, netlist_load
from rcspike.spice.neuron_netlists import EDGE
from rcspike.spice.ngspice import Simulators, find_ngspice, run_ngspice
from rcspike.spice.resistor_bodies import ResistorBody
from rcspike.spice.transistors import Transistors, transistor_netlist

# Among sizes of 1 to 25, those of 5 to 8 were fastest, with diodes and without: a netlist has the time steps and the
# iterations of all its neurons, and costs 20 ms to start.
_NEURONS_A_NETLIST = 6
_OF_RAMP = 0.95  # of the threshold, to which idle ramps are timed: slow ones reach no more of it in the simulation
_AT_REST = 1e-4  # V: a membrane at the operating point, to which it is tied by 1 kS


@dataclass(frozen=True)
class Measured:
    """Results of SPICE for one sample in a layer, in SI units; times count from the start of charging."""

    t: tuple[Float64Array, ...]  # (n_out) arrays, each the time points of a neuron in s
    v: tuple[Float64Array, ...]  # (n_out) arrays, the membrane voltage at these in V
    # (n_out,) in V at the end of the charging phase, where rows load the membrane as the ramp starts, once all switches
    # have opened and all lines have settled; in a single phase, at the end of the simulation.
    v_end: Float64Array
    t_out: (
        Float64Array  # (n_out,) spike times in s, from T to 2 T, or in a single phase from 0 on; inf for silent neurons
    )
    charge_plus: float  # that the upper rail delivers to all membranes until then, in C
    charge_minus: float  # the lower rail, below 0
    energy: float  # that both rails spend, in J
    energy_ramp: float = 0.0  # at transistor level: that the supply of the ramps spends in the firing phase, in J
    energy_comparator: float = 0.0  # the same of the comparators


def simulate_layer(
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    diode: str = "none",
    phases: Phases = "two",
    until: float | None = None,
    workers: int | None = None,
    transistors: Transistors | None = None,
    names: Sequence[int] | None = None,
    layer: int = 1,
    membranes: int = 1,
    body: ResistorBody | None = None,
    progress: Callable[[int], object] | None = None,
) -> Measured:
    """Simulate one sample in a layer with ngspice: several neurons per netlist, the netlists in parallel.

    Parameters
    ----------
    times, g_plus, g_minus, circuit, scale, diode, phases, until, membranes, body
        As in `rcspike.spice.layer_netlist`.
    workers : int, optional
        Number of simulators at a time; by default the number of cores.
    transistors : Transistors, optional
        Simulate the layer at transistor level, with these rails, scale, supplies and bodies; `circuit`, `scale`,
        `diode` and `body` are not used then.
    names : (n_out,) sequence of int, optional
        Numbers of the neurons, which decide about their mismatch.
    layer : int
        Number of the layer, for the same.
    progress : callable, optional
        Called with the number of neurons whenever some are done.

    Raises
    ------
    ValueError
        As in `rcspike.spice.layer_netlist` and `transistor_netlist`.
    FileNotFoundError, RuntimeError
        As in `run_ngspice`.
    """
    find_ngspice()
    n_out = g_plus.shape[1] // membranes
    if transistors is not None and transistors.replica:
        transistors = _trimmed(transistors, g_plus, g_minus)
    numbers = np.arange(n_out) if names is None else np.asarray(names)
    parts = np.array_split(np.arange(n_out), -(-n_out // _NEURONS_A_NETLIST))
    simulators = Simulators()

    def simulate(part: npt.NDArray[np.int64]) -> dict[str, Float64Array]:
        columns = np.add.outer(part * membranes, np.arange(membranes)).ravel()
        chosen = [np.ascontiguousarray(g[:, columns]) for g in (g_plus, g_minus)]
        named = numbers[part].tolist()
        if transistors is None:
            options: dict[str, Any] = {"diode": diode, "names": named, "membranes": membranes}
            options |= {"phases": phases, "until": until, "body": body}
            netlist = layer_netlist(times, chosen[0], chosen[1], circuit, scale, **options)
            return simulators.run(netlist, stop=neuron_kind(phases).end(until) * scale.window)
        netlist = transistor_netlist(
            times, chosen[0], chosen[1], transistors, names=named, layer=layer, membranes=membranes
        )
        return simulators.run(netlist, stop=transistors.stop)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            tasks = [pool.submit(simulate, part) for part in parts]
            for task, part in zip(tasks, parts, strict=True):
                task.result()
                if progress is not None:
                    progress(len(part))
        except BaseException:  # an error, or Ctrl-C
            pool.shutdown(wait=False, cancel_futures=True)
            simulators.stop()
            raise
    results = [(task.result(), numbers[part].tolist()) for task, part in zip(tasks, parts, strict=True)]
    if transistors is None:
        loaded = not netlist_load(circuit, scale, body).is_absent
        return _measured(results, circuit, scale, phases, membranes, loaded)
    return _measured_transistors(results, transistors, membranes)


def idle_ramp(design: Transistors, g_plus: Float64Array, g_minus: Float64Array) -> float:
    """Duration in T of the ramp of a column in which no row conducts, from rest to threshold, by ngspice.

    Of the (n_in, n_out) conductances in S, it is the column with the median number of synapses, without mismatch.
    Errors as in `run_ngspice`; a RuntimeError also if the ramp is more than 8 % too slow.
    """
    if design.replica:
        design = _trimmed(design, g_plus, g_minus)
    rows = np.count_nonzero(g_plus, axis=0) + np.count_nonzero(g_minus, axis=0)
    median = np.argsort(rows, kind="stable")[len(rows) // 2]
    idle, fire = np.full(len(g_plus), np.inf), (design.lead + 1 + design.guard) * design.scale.window
    plus, minus = (np.ascontiguousarray(g[:, median : median + 1]) for g in (g_plus, g_minus))
    netlist = transistor_netlist(idle, plus, minus, replace(design, mismatch=None))
    duration = _risen(netlist, design.stop, design.v_rest + _OF_RAMP * design.scale.v_th, fire) - fire
    if not np.isfinite(duration):
        raise RuntimeError(
            "the ramp of an idle column is more than 8 % too slow: lower the capacitance, or the number of rows"
        )
    return duration / (_OF_RAMP * design.scale.window)


@lru_cache(maxsize=32)  # all images of a layer have the same idle columns
def _risen(netlist: str, stop: float, level: float, after: float) -> float:
    """Time in s at which the first membrane of a netlist has risen to a level in V after another time."""
    result = run_ngspice(netlist, stop=stop)
    return _first_at(result["time"], result["v(m0)"], level, after)


def _trimmed(design: Transistors, g_plus: Float64Array, g_minus: Float64Array) -> Transistors:
    """The design with its ramps trimmed by a replica, a column of this layer."""
    plain = replace(design, replica=False)
    return replace(plain, ramp_trim=design.ramp_trim * idle_ramp(plain, g_plus, g_minus))


_Results = Sequence[tuple[dict[str, Float64Array], list[int]]]  # vectors, and the numbers of their neurons

_Points = Sequence[tuple[Float64Array, Float64Array]]  # time in s and voltage in V of each neuron


def _measured(
    results: _Results, circuit: Circuit, scale: PhysicalScale, phases: Phases, membranes: int, loaded: bool
) -> Measured:
    t = [result["time"] for result, part in results for _ in part]
    nodes = [(result, membrane_nodes(i, membranes)) for result, part in results for i in part]
    v = [np.mean([result[f"v({one})"] for one in several], axis=0) for result, several in nodes]
    points = list(zip(t, v, strict=True))
    end, v_end, t_out = _ENDS(phases)(points, circuit, scale, loaded)
    # A SPICE source counts the current that flows into its positive end.
    plus = -sum(_charge(result["time"], result["i(vplus)"], 0.0, end) for result, _ in results)
    minus = -sum(_charge(result["time"], result["i(vminus)"], 0.0, end) for result, _ in results)
    return Measured(
        t=tuple(t),
        v=tuple(v),
        v_end=v_end,
        t_out=t_out,
        charge_plus=plus,
        charge_minus=minus,
        energy=plus * scale.volts(circuit.e_plus) + minus * scale.volts(circuit.e_minus),
    )


def _after_ramps(
    points: _Points, circuit: Circuit, scale: PhysicalScale, loaded: bool
) -> tuple[float, Float64Array, Float64Array]:
    """Until when the rails deliver charge in s, voltages at the end of charging in V, and spike times in s.

    Where rows load the membrane, charge moves until its lines have settled after the switches opened, which is during
    the ramp: v is the voltage from which a ramp alone leads to that at its end, 2 T.
    """
    if loaded:
        at_end = np.array([np.interp(2 * scale.window, *one) for one in points])
        v_end = (at_end - scale.v_th) / (1 - circuit.ramp)
    else:
        v_end = np.array([_end_voltage(*one, scale) for one in points])
    t_out = np.array([_spike_time(*one, v, scale) for one, v in zip(points, v_end, strict=True)])
    return (2 if loaded else 1) * scale.window, v_end, _delayed(t_out, circuit, scale)


def _while_charging(
    points: _Points, circuit: Circuit, scale: PhysicalScale, loaded: bool
) -> tuple[float, Float64Array, Float64Array]:
    """The same without ramps: voltages at the end of the simulation."""
    t_out = np.array([_first_at(*one, scale.v_th, 0.0) for one in points]) + scale.seconds(circuit.delay)
    return math.inf, np.array([one[1][-1] for one in points]), t_out


_ENDS = supported("a simulation by SPICE", two=_after_ramps, single=_while_charging)


def _measured_transistors(results: _Results, design: Transistors, membranes: int) -> Measured:
    """Voltages are seen from rest, and times from the start of the charging phase, as in every `Measured`."""
    window, v_th = design.scale.window, design.scale.v_th
    before_ramp = (1 + design.guard) * window - 0.5 * design.edge  # after the switches opened, as in the engine
    # Before they share, a membrane may be above the threshold and the neuron not: comparators then count with the ramp.
    counts = window if membranes == 1 else (1 + design.guard) * window
    t, v, t_out = [], [], []
    charges = dict.fromkeys(("vplus", "vminus", "vramp", "vcomparator"), 0.0)
    for result, numbers in results:
        time = result["time"] - design.lead * window
        for source in charges:
            # The rails from the first edge to the last: an edge couples charge into them that the next one takes back.
            phase = (-design.lead * window, 2 * window) if source in ("vplus", "vminus") else (window, 2 * window)
            charges[source] -= _charge(time, result[f"i({source})"], *phase)
        for number in numbers:
            of_membranes = np.array([result[f"v({one})"] for one in membrane_nodes(number, membranes)])
            of_membranes -= design.v_rest
            start = of_membranes[np.argmax(np.abs(of_membranes[:, 0])), 0]
            if abs(start) > _AT_REST:
                raise RuntimeError(
                    f"ngspice found an operating point with the membrane of neuron {number} at {start:.3g} V from rest"
                )
            t.append(time[time >= 0])
            v.append(np.mean(of_membranes, axis=0)[time >= 0])
            if design.comparator == "ota":
                t_out.append(_crossing(time, result[f"v(s{number})"], 0.5 * design.v_supply, counts, 2 * window))
            else:
                t_out.append(_crossing(t[-1], of_membranes[0, time >= 0], v_th, counts, 2 * window))
    plus, minus = design.rails
    return Measured(
        t=tuple(t),
        v=tuple(v),
        v_end=np.array([np.interp(before_ramp, *points) for points in zip(t, v, strict=True)]),
        t_out=np.array(t_out),
        charge_plus=charges["vplus"],
        charge_minus=charges["vminus"],
        energy=charges["vplus"] * plus + charges["vminus"] * minus,
        energy_ramp=charges["vramp"] * design.v_supply,
        energy_comparator=charges["vcomparator"] * design.v_supply,
    )


def _charge(t: Float64Array, current: Float64Array, start: float, end: float) -> float:
    within = (t >= start) & (t <= end)
    t, current = t[within], current[within]
    return float(np.sum(0.5 * (current[1:] + current[:-1]) * np.diff(t)))


def _end_voltage(t: Float64Array, v: Float64Array, scale: PhysicalScale) -> float:
    """Voltage at the end of the charging phase, just before the ramp starts."""
    return float(np.interp((1 - 0.5 * EDGE) * scale.window, t, v))


def _delayed(t: Float64Array, circuit: Circuit, scale: PhysicalScale) -> Float64Array:
    """Spike times after the delay of the comparators; one beyond the firing phase is lost."""
    late: Float64Array = t + scale.seconds(circuit.delay)
    return np.where(late > 2 * scale.window, np.inf, late) if circuit.delay else t


def _spike_time(t: Float64Array, v: Float64Array, v_end: float, scale: PhysicalScale) -> float:
    """Time at which the ramp crosses the threshold: at once if it starts above, never if it starts at or below rest."""
    if v_end <= 0:
        return np.inf
    if v_end >= scale.v_th:
        return scale.window
    return _first_at(t, v, scale.v_th, scale.window)


def _first_at(t: Float64Array, v: Float64Array, level: float, after: float) -> float:
    """First time after another one at which a voltage has risen to a level."""
    above = np.flatnonzero((t > after) & (v >= level))
    if len(above) == 0:
        return np.inf
    return _reached(t, v, level, above[0])


def _reached(t: Float64Array, v: Float64Array, level: float, k: np.intp) -> float:
    """Time at which a voltage that is at or above a level at point k has risen to it since the point before."""
    return float(t[k - 1] + (level - v[k - 1]) / (v[k] - v[k - 1]) * (t[k] - t[k - 1]))


def _crossing(t: Float64Array, v: Float64Array, level: float, start: float, end: float) -> float:
    """Time in the firing phase at which a voltage first is at a level: at once if it starts above, inf if never."""
    within = np.flatnonzero((t >= start) & (v >= level))
    if len(within) == 0:
        return np.inf
    k = within[0]
    if v[k - 1] >= level:
        return start
    crossing = _reached(t, v, level, k)
    return crossing if crossing <= end else np.inf

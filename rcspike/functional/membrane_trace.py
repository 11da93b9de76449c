"""Membrane voltages at any time while they charge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array, check_times
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.charging_with_loads import charge_loaded, pair_loads
from rcspike.functional.events import check_threads, fit_events, in_precision
from rcspike.functional.neuron_kinds import Phases, latest_input, supported
from rcspike.functional.rail_coupling import rail_couplings
from rcspike.functional.threshold_crossing import first_spike


def trace(
    times: FloatArray,
    weights: FloatArray,
    circuit: Circuit,
    at: FloatArray,
    *,
    phases: Phases = "two",
    threads: int | None = None,
) -> FloatArray:
    """Membrane voltages during the charging phase, exact at any time.

    Errors as in `charge`, or for single-phase neurons as in `first_spike`; also if a time in `at` is not one of
    those stated.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    weights : (n_in, n_out)
        Weights of the neurons to look at; pass ``np.ascontiguousarray(weights[:, chosen])`` for some of a layer's.
    at : (n_at,)
        Times in [0, 1], in any order; for single-phase neurons any finite times from 0 on.
    phases : {"two", "single"}
        Kind of the neurons. The voltage of a single-phase neuron is NaN after it has reached its threshold.

    Returns
    -------
    (batch, n_out, n_at)
        v(t) in V_th.

    Examples
    --------
    >>> trace(np.array([[0.5]]), np.array([[2.0]]), Circuit.conventional(), np.array([0.25, 0.75, 1.0]))
    array([[[0. , 0.5, 1. ]]])
    >>> trace(np.array([[0.5]]), np.array([[0.5]]), Circuit.conventional(), np.array([1.5, 2.5, 3.0]), phases="single")
    array([[[0.5, 1. , nan]]])
    """
    check_array("at", at, 1)
    return _TRACES(phases)(times, weights, circuit, at, threads)


def _in_window(
    times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray, threads: int | None
) -> FloatArray:
    """Voltages of two-phase neurons in their charging phase."""
    core = circuit_core(circuit)
    if circuit.loads_membranes:
        return _with_loads(times, weights, circuit, at, threads)
    events = fit_events(times, "weights", weights, threads)
    return _core.trace(events, weights, core, at.astype(weights.dtype, copy=False), threads)


def _with_loads(
    times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray, threads: int | None
) -> FloatArray:
    """Voltages where rows load the membrane: at the end of a window that is t long, whose switches stay closed."""
    fit_events(times, "weights", weights, threads)
    wrong = np.flatnonzero(~((at >= 0) & (at <= 1)))
    if len(wrong):
        raise ValueError(f"at[{wrong[0]}] must lie in [0, 1], the charging phase, got {at[wrong[0]]}")
    plus, minus = (np.maximum(sign * weights.astype(np.float64), 0) for sign in (1, -1))
    of_plus, of_minus = rail_couplings(circuit)
    drive = plus * of_plus.drive - minus * of_minus.drive
    conductance = plus * of_plus.conductance + minus * of_minus.conductance
    loads = pair_loads(plus, minus, circuit)
    loads[:, 3:] = 0
    v = np.zeros((len(times), weights.shape[1], len(at)), weights.dtype)
    for i in np.flatnonzero(at):
        window = float(at[i])
        until = times.astype(np.float64) / window
        until[until > 1] = math.inf  # whole numbers above 1 would be taken for pixels
        v[..., i] = charge_loaded(until, window * drive, window * conductance, loads, threads=threads)
    return v


def _to_crossings(
    times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray, threads: int | None
) -> FloatArray:
    """Voltages of single-phase neurons: those of charging for a window that holds all of the times `at`."""
    crossings = first_spike(times, weights, replace(circuit, delay=0.0), threads=threads)
    times = check_times(times, latest=latest_input("single"))
    wrong = np.flatnonzero(~((at >= 0) & (at < math.inf)))
    if len(wrong):
        raise ValueError(f"at[{wrong[0]}] must be a finite time from 0 on, got {at[wrong[0]]}")
    # Currents times the window, and times as parts of it: for a power of two neither is rounded.
    window = 2.0 ** math.ceil(math.log2(max(float(at.max(initial=1)), 1)))
    at = at.astype(weights.dtype, copy=False)
    events = _core.schedule(in_precision(times / times.dtype.type(window), weights.dtype), check_threads(threads))
    part, scaled = at / at.dtype.type(window), weights * weights.dtype.type(window)
    v = _core.trace(events, scaled, circuit_core(circuit), part, threads)
    return np.where(at > crossings[:, :, np.newaxis], weights.dtype.type(math.nan), v)


_TRACES = supported("a trace", two=_in_window, single=_to_crossings)

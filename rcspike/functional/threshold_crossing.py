"""Single-phase neurons: the time at which a membrane reaches its threshold while it charges, and its gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rcspike import _core
from rcspike._common.arrays import Float64Array, FloatArray, check_array
from rcspike._common.numbers import number
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.charging_phase import check_affine
from rcspike.functional.events import Schedule, fit_events, in_precision
from rcspike.functional.rail_coupling import rail_couplings

# Slopes dt/dv above this, in T / V_th, are those of membranes that touch the threshold: float32 cannot resolve them.
_MAX_SLOPE = 1e6


def first_spike(
    times: FloatArray | Schedule, weights: FloatArray, circuit: Circuit, *, threads: int | None = None
) -> FloatArray:
    """Spike times of neurons that spike at the moment at which they reach their threshold, while they charge.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T, from 0 on; ``inf`` means no spike. Or their `schedule` for ``phases="single"``.
    weights : (n_in, n_out)
        Signed synaptic weights in V_th / T, as in `charge`.
    circuit : Circuit
        Its ramp does not matter.
    threads : int, optional
        Number of threads; all cores this process may use by default.

    Returns
    -------
    (batch, n_out)
        First time in T at which the membrane is at 1 V_th, ``inf`` if it never is.

    Raises
    ------
    TypeError
        If an array is not a float32 or float64 numpy array; images become times by `encode`.
    ValueError
        If a time is negative or NaN, a weight is not finite, a value is masked, or shapes or memory layout do not fit.
    RuntimeError
        If a voltage exceeds the range of the precision.

    Notes
    -----
    In the interval between two input spikes in which the membrane reaches the threshold, from v and with the running
    sums A of the drives and B of the conductances, this takes s = -ln(1 - B (1 - v) / (A - B v)) / B (arXiv 2412.09010
    v1, eq. 28). Inputs at the same time as the spike or later have no effect. A spike later than 2**40 T does not
    count. See docs/single-phase.md.

    Examples
    --------
    >>> first_spike(np.array([[0.5]]), np.array([[2.0, 0.5, -1.0]]), Circuit.conventional())
    array([[1. , 2.5, inf]])
    >>> first_spike(np.array([[0.5]]), np.array([[2.0, 0.5]]), Circuit(v_syn=2.0)).round(4)  # 0.5 + 2 ln(2) / w
    array([[1.1931, 3.2726]])
    """
    events = fit_events(times, "weights", weights, threads, "single")
    return _core.first_spike(events, weights, circuit_core(circuit), threads)


def first_spike_vjp(
    times: FloatArray | Schedule,
    weights: FloatArray,
    circuit: Circuit,
    grad_spikes: FloatArray,
    *,
    max_slope: float = _MAX_SLOPE,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Vector-Jacobian product of `first_spike`: exact gradients of a loss L whose dL/dt is `grad_spikes`.

    Errors as in `first_spike`; also if `max_slope` is not above 0 and finite.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `first_spike`.
    grad_spikes : (batch, n_out)
        dL/dt of the spikes, in the dtype of the weights; without effect where there is no spike.
    max_slope : float
        Bound of abs(dt/dv) = 1 / (A - B) at the threshold, in T / V_th. A membrane that only just reaches the threshold
        has a slope near 0 there, and its spike time an infinite derivative; the gradient then is that of a membrane at
        this bound. The default is next to the resolution of float32. Training has a lower one, and counts the spikes.

    Returns
    -------
    grad_times : (batch, n_in)
    grad_weights : (n_in, n_out)
        As of `charge_vjp`.

    Examples
    --------
    >>> first_spike_vjp(np.array([[0.5]]), np.array([[2.0]]), Circuit.conventional(), np.array([[1.0]]))
    (array([[1.]]), array([[-0.25]]))
    """
    events = fit_events(times, "weights", weights, threads, "single")
    check_array("grad_spikes", grad_spikes, 2, weights.dtype)
    return _core.first_spike_vjp(
        events, weights, circuit_core(circuit), grad_spikes, max_slope=number("max_slope", max_slope), threads=threads
    )


def first_spike_affine(
    times: FloatArray | Schedule,
    drive: FloatArray,
    conductance: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Spike times of `first_spike` for synapses given as drive D and conductance G; a leak is `conductance0`.

    Errors as in `first_spike`; also if a conductance is negative.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T, from 0 on; ``inf`` means no spike.
    drive, conductance, drive0, conductance0, threads
        As in `charge_affine`.

    Returns
    -------
    (batch, n_out)
        Times in T, ``inf`` where there is no spike, in the dtype of `drive`.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> first_spike_affine(np.array([[0.5]]), 2 * one, 0 * one, conductance0=np.array([1.0])).round(4)  # 0.5 + ln(2)
    array([[1.1931]])
    """
    events = fit_events(times, "drive", drive, threads, "single")
    check_affine(drive, conductance, drive0, conductance0)
    return _core.first_spike_affine(events, drive, conductance, drive0, conductance0, threads)


def first_spike_affine_vjp(
    times: FloatArray | Schedule,
    drive: FloatArray,
    conductance: FloatArray,
    grad_spikes: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    max_slope: float = _MAX_SLOPE,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Vector-Jacobian product of `first_spike_affine`.

    Errors as in `first_spike_vjp`.

    Parameters
    ----------
    times, drive, conductance, drive0, conductance0, threads
        As in `first_spike_affine`.
    grad_spikes : (batch, n_out)
        dL/dt of the spikes, in the dtype of `drive`.
    max_slope : float
        As in `first_spike_vjp`.

    Returns
    -------
    grad_times, grad_drive, grad_conductance, grad_drive0, grad_conductance0
        As of `charge_affine_vjp`.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> first_spike_affine_vjp(np.array([[0.5]]), 2 * one, 0 * one, one)[1]
    array([[-0.25]])
    """
    events = fit_events(times, "drive", drive, threads, "single")
    check_affine(drive, conductance, drive0, conductance0)
    check_array("grad_spikes", grad_spikes, 2, drive.dtype)
    return _core.first_spike_affine_vjp(
        events,
        drive,
        conductance,
        drive0,
        conductance0,
        grad_spikes,
        max_slope=number("max_slope", max_slope),
        threads=threads,
    )


def crossing_slope(
    times: FloatArray, weights: FloatArray, circuit: Circuit, *, threads: int | None = None
) -> Float64Array:
    """Slope dv/dt of each membrane at its crossing, by which a noise in V_th becomes one of the spike time in T.

    A shift dv of the voltage or of the threshold moves the spike by dv over this slope, where it is small enough to
    leave the order of spikes as it is. A two-phase neuron has a slope of 1 V_th / T, that of its ramp.

    Parameters
    ----------
    times : (batch, n_in)
    weights, circuit, threads
        As in `first_spike`, with the same errors.

    Returns
    -------
    (batch, n_out)
        A - B in V_th / T, of the running sums of drives and conductances at the spike; NaN where there is none.

    Examples
    --------
    >>> crossing_slope(np.array([[0.5]]), np.array([[2.0, 0.5, -1.0]]), Circuit(v_syn=2.0))  # w (1 - 1/2)
    array([[1.  , 0.25,  nan]])
    """
    crossings = first_spike(times, weights, replace(circuit, delay=0.0), threads=threads)
    times = in_precision(times, weights.dtype)
    plus, minus = rail_couplings(circuit)
    w = weights.astype(np.float64)
    currents = np.where(w >= 0, (plus.drive - plus.conductance) * w, (minus.drive + minus.conductance) * w)
    slopes = np.full(crossings.shape, np.nan)
    for t, spikes, slope in zip(times, crossings, slopes, strict=True):
        order = np.argsort(t)
        sums = np.cumsum(currents[order], axis=0)
        causal = np.searchsorted(t[order], spikes) - 1  # the last input before the spike
        has_spike = np.flatnonzero(np.isfinite(spikes))
        slope[has_spike] = sums[causal[has_spike], has_spike]
    return slopes

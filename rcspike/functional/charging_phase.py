"""Charging phase of a layer: voltages at its end, and their exact gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, layer_core
from rcspike.functional.events import Schedule, check_threads, fit_events


def charge(
    times: FloatArray | Schedule, weights: FloatArray, circuit: Circuit, *, threads: int | None = None
) -> FloatArray:
    """Membrane voltages at the end of the charging phase.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike. Or their `schedule`.
    weights : (n_in, n_out)
        Signed synaptic weights in V_th / T; drive D = w (1 - V_D/abs(E)), conductance G = abs(w)/abs(E), with E the
        rail of the weight's sign.
    threads : int, optional
        Number of threads; all cores this process may use by default.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th, with what the switches add as they open.

    Raises
    ------
    TypeError
        If an array is not a float32 or float64 numpy array; images become times by `encode`.
    ValueError
        If a time is negative or NaN, times are pixels, a weight is not finite, a value is masked, or shapes or memory
        layout do not fit. Times are taken for pixels if all finite ones are whole numbers, and more than two different
        ones lie above 1.

    Notes
    -----
    Solved exactly between input spikes, without a time grid: arXiv 2412.09010 v1, eq. 16-25.

    Examples
    --------
    >>> charge(np.array([[0.0]]), np.array([[1.0]]), Circuit.conventional())
    array([[1.]])
    >>> charge(np.array([[0.0]]), np.array([[1.0]]), Circuit(v_syn=1.0)).round(4)  # 1 - exp(-1)
    array([[0.6321]])
    """
    return _core.charge(fit_events(times, "weights", weights, threads), weights, layer_core(circuit), threads)


def charge_vjp(
    times: FloatArray, weights: FloatArray, circuit: Circuit, grad_v: FloatArray, *, threads: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Vector-Jacobian product of `charge`: exact gradients of a loss L whose dL/dv(1) is `grad_v`.

    Errors as in `charge`.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `charge`.
    grad_v : (batch, n_out)
        dL/dv(1), in the dtype of the weights.

    Returns
    -------
    grad_times : (batch, n_in)
        dL/dt, zero for inputs that never spike.
    grad_weights : (n_in, n_out)
        dL/dw, summed over the batch.

    Examples
    --------
    >>> charge_vjp(np.array([[0.25]]), np.array([[2.0]]), Circuit.conventional(), np.array([[1.0]]))
    (array([[-2.]]), array([[0.75]]))
    """
    events = fit_events(times, "weights", weights, threads)
    check_array("grad_v", grad_v, 2, weights.dtype)
    return _core.charge_vjp(events, weights, layer_core(circuit), grad_v, threads)


def check_affine(
    drive: FloatArray, conductance: FloatArray, drive0: FloatArray | None, conductance0: FloatArray | None
) -> None:
    check_array("conductance", conductance, 2, drive.dtype)
    _check_rows(drive.dtype, drive0, conductance0)


def _check_rows(dtype: np.dtype[Any], drive0: FloatArray | None, conductance0: FloatArray | None) -> None:
    for name, row in (("drive0", drive0), ("conductance0", conductance0)):
        if row is not None:
            check_array(name, row, 1, dtype)


def charge_affine(
    times: FloatArray,
    drive: FloatArray,
    conductance: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Membrane voltages for synapses given as drive D and conductance G: dv/dt = sum (D - G v) + D0 - G0 v.

    Errors as in `charge`; also if a conductance is negative.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    drive, conductance : (n_in, n_out)
        D in V_th / T and G >= 0 in 1 / T. A device pair (g+, g-) has D = g+ E+ + g- E- and G = g+ + g-.
    drive0, conductance0 : (n_out,), optional
        What is on from t = 0: bias, leak, the off-state conductance of a column.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th, in the dtype of `drive`.

    Examples
    --------
    >>> v = charge_affine(np.array([[np.inf]]), np.ones((1, 1)), np.ones((1, 1)), drive0=np.array([0.5]))
    >>> v
    array([[0.5]])
    """
    events = fit_events(times, "drive", drive, threads)
    check_affine(drive, conductance, drive0, conductance0)
    return _core.charge_affine(events, drive, conductance, drive0, conductance0, threads)


def charge_affine_vjp(
    times: FloatArray,
    drive: FloatArray,
    conductance: FloatArray,
    grad_v: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Vector-Jacobian product of `charge_affine`.

    Errors as in `charge_affine`.

    Parameters
    ----------
    times, drive, conductance, drive0, conductance0, threads
        As in `charge_affine`.
    grad_v : (batch, n_out)
        dL/dv(1), in the dtype of `drive`.

    Returns
    -------
    grad_times : (batch, n_in)
    grad_drive, grad_conductance : (n_in, n_out)
    grad_drive0, grad_conductance0 : (n_out,)
        Also where drive0 or conductance0 is not given: then the gradient at zero.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> charge_affine_vjp(np.array([[0.5]]), one, 0 * one, one)[1]
    array([[0.5]])
    """
    events = fit_events(times, "drive", drive, threads)
    check_affine(drive, conductance, drive0, conductance0)
    check_array("grad_v", grad_v, 2, drive.dtype)
    return _core.charge_affine_vjp(events, drive, conductance, drive0, conductance0, grad_v, threads)


def charge_rectified(
    times: FloatArray | Schedule,
    g_plus: FloatArray,
    rail_plus: FloatArray,
    g_minus: FloatArray,
    rail_minus: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Membrane voltages at the end of the charging phase, through diodes that rectify.

    Each synapse is a pair of devices, whose currents are g_plus max(rail_plus - v, 0) into the membrane and
    g_minus max(v - rail_minus, 0) out of it. While v is between all rails this is `charge_affine` with
    D = g_plus rail_plus + g_minus rail_minus and G = g_plus + g_minus; beyond, a device stops that in `charge_affine`
    would turn its current around.

    Errors as in `charge`; also if a conductance is negative.

    Parameters
    ----------
    times : (batch, n_in), or what `schedule` has made of it
        As in `charge`.
    g_plus, g_minus : (n_in, n_out)
        Conductances of the devices on the positive and on the negative side, at least 0, in 1 / T.
    rail_plus, rail_minus : (n_in, n_out)
        E+ - V_D and E- + V_D of each device's own diode, in V_th.
    drive0, conductance0 : (n_out,), optional
        D0 and G0 >= 0 of what is on from t = 0, through no diode.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th.

    Notes
    -----
    Exact: v moves one way between two spikes, and the time at which it passes a rail has a closed form. Diodes of a
    constant drop are the limit of steep ones; docs/model.md compares them with the exponential characteristic.

    Examples
    --------
    Two devices with rails at 1 and 0.5; without diodes the second would pull v back to 0.7:

    >>> one = np.ones((2, 1))
    >>> v = charge_rectified(np.zeros((1, 2)), 5 * one, np.array([[1.0], [0.5]]), 0 * one, 0 * one)
    >>> v.round(4)  # 0.5 is passed at ln(3) / 10
    array([[0.9942]])
    """
    events = fit_events(times, "g_plus", g_plus, threads)
    for name, array in {"rail_plus": rail_plus, "g_minus": g_minus, "rail_minus": rail_minus}.items():
        check_array(name, array, 2, g_plus.dtype)
    _check_rows(g_plus.dtype, drive0, conductance0)
    return _core.charge_rectified(
        events, g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0, check_threads(threads)
    )

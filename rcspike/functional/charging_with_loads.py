"""Charging phase of columns whose rows load the membrane, from the loads of each device (docs/row-loads.md)."""

from __future__ import annotations

import numpy as np

from rcspike import _core
from rcspike._common.arrays import Float64Array, FloatArray, check_array
from rcspike.circuit import Circuit, layer_core
from rcspike.functional.charging_phase import check_affine
from rcspike.functional.events import Schedule, fit_events
from rcspike.functional.rail_coupling import rail_couplings

N_LOADS = 5  # numbers for each synapse


def device_loads(
    body: FloatArray, junction: FloatArray | float, rail: FloatArray | float, position: float
) -> Float64Array:
    """How devices load their membranes, for `charge_loaded`.

    Loads of several devices in one row add up.

    Parameters
    ----------
    body : (n_in, n_out)
        Capacitance of each resistor, in C.
    junction : (n_in, n_out) or float
        Capacitance in C of each open switch, at its side of the membrane.
    rail : (n_in, n_out) or float
        Voltage in V_th to which each device drives the membrane.
    position : float
        Of the switches, as a fraction of the resistor from the rail.

    Returns
    -------
    (n_in, 5, n_out)
        In C: the change of the capacitance as the device closes; k and k E of the kick (k v - k E) / C that it gives to
        the membrane then; s and s E of what it adds as it opens at the end, s E - s v.

    Examples
    --------
    >>> device_loads(np.array([[0.12]]), 0.01, 1.0, 0.5).ravel().round(4)
    array([-0.0275,  0.0075,  0.0075,  0.02  ,  0.02  ])
    """
    x = position
    closing = (1 / 3 - (1 - x)) * body + (x**2 - 1) * junction
    kick = (1 / 6 - x**2 / 2) * body + x * (1 - x) * junction
    end = (1 - x) ** 2 / 2 * body + (1 - x) * junction
    return np.stack([closing, kick, kick * rail, end, end * rail], axis=1, dtype=np.float64)


def pair_loads(plus: FloatArray, minus: FloatArray, circuit: Circuit) -> Float64Array:
    """How pairs of devices load their membranes on a circuit; a device of conductance 0 does not exist.

    Parameters
    ----------
    plus, minus : (n_in, n_out)
        Devices to either rail in V_th / T, as in `rcspike.DevicePairs`.
    circuit : Circuit
        Of one layer.

    Returns
    -------
    (n_in, 5, n_out)
        As `device_loads`.

    Examples
    --------
    >>> from rcspike import RowLoad
    >>> circuit = Circuit(load=RowLoad(body=0.06, position=0.5))
    >>> pair_loads(np.array([[0.5]]), np.array([[0.0]]), circuit).ravel().round(4)
    array([-0.02 ,  0.005,  0.005,  0.015,  0.015])
    """
    layer_core(circuit)
    load, sides = circuit.loads[0], zip((plus, minus), rail_couplings(circuit), strict=True)
    (body_plus, rail_plus), (body_minus, rail_minus) = (
        (bodies(load.body, coupling.conductance * side.astype(np.float64)), coupling.drive / coupling.conductance)
        for side, coupling in sides
    )
    wide_plus, wide_minus = pair_switch_widths(plus, minus, circuit)
    on_plus = device_loads(body_plus, load.junction_plus * wide_plus, rail_plus, load.position)
    on_minus = device_loads(body_minus, load.junction_minus * wide_minus, -rail_minus, load.position)
    both: Float64Array = on_plus + on_minus
    return both


def bodies(body: float, conductance: Float64Array) -> Float64Array:
    """Capacitances in C of the resistors of devices: body / g, and 0 where there is no device.

    Examples
    --------
    >>> bodies(0.01, np.array([0.5, 0.0]))
    array([0.02, 0.  ])
    """
    found: Float64Array = np.divide(body, conductance, where=conductance > 0, out=np.zeros_like(conductance))
    return found


def pair_switch_widths(plus: FloatArray, minus: FloatArray, circuit: Circuit) -> tuple[Float64Array, Float64Array]:
    """Widths of the switches of pairs of devices, (n_in, n_out) each, as multiples of the narrowest one.

    Parameters
    ----------
    plus, minus, circuit
        As in `pair_loads`.

    Examples
    --------
    >>> from rcspike import RowLoad
    >>> circuit = Circuit(load=RowLoad(width_plus=4.0))
    >>> pair_switch_widths(np.array([[0.5, 0.1]]), np.zeros((1, 2)), circuit)
    (array([[2., 1.]]), array([[0., 0.]]))
    """
    load, (on_plus, on_minus) = circuit.loads[0], rail_couplings(circuit)
    return (
        switch_widths(plus, load.width_plus * on_plus.conductance),
        switch_widths(minus, load.width_minus * on_minus.conductance),
    )


def switch_widths(devices: FloatArray, width: float) -> Float64Array:
    """Widths of the switches of devices as multiples of the narrowest one, and 0 where there is no device.

    Parameters
    ----------
    devices : array
        Conductances, in any unit; one of 0 is no device.
    width : float
        That a device of 1 in this unit needs.

    Examples
    --------
    >>> switch_widths(np.array([0.5, 0.1, 0.0]), 4.0)
    array([2., 1., 0.])
    """
    found: Float64Array = np.where(devices > 0, np.maximum(1.0, width * devices), 0.0)
    return found


def charge_loaded(
    times: FloatArray | Schedule,
    drive: FloatArray,
    conductance: FloatArray,
    loads: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray:
    """`charge_affine` where the devices of each row load the membrane.

    `charge` itself includes the load of its circuit; this function is for devices of any load.

    Errors as in `charge_affine`; also if the rows that close could leave a membrane without capacitance.

    Parameters
    ----------
    times : (batch, n_in), or what `schedule` has made of it
    drive, conductance, drive0, conductance0
        As in `charge_affine`, for a membrane of capacitance C.
    loads : (n_in, 5, n_out)
        As `device_loads` returns them, in the dtype of `drive`; C is the capacitance with all rows open.

    Returns
    -------
    (batch, n_out)
        Voltages in V_th once all switches have opened.

    Examples
    --------
    Rows without loads give the voltages of `charge_affine`:

    >>> one = np.ones((1, 1))
    >>> charge_loaded(np.array([[0.5]]), one, one, np.zeros((1, 5, 1))).round(4)
    array([[0.3935]])
    >>> charge_loaded(np.array([[0.5]]), one, one, device_loads(0.1 * one, 0.0, 1.0, 0.0)).round(4)
    array([[0.4341]])
    """
    events = fit_events(times, "drive", drive, threads)
    check_affine(drive, conductance, drive0, conductance0)
    return _core.charge_loaded(events, drive, conductance, _rows(loads, drive), drive0, conductance0, threads)


def charge_loaded_vjp(
    times: FloatArray | Schedule,
    drive: FloatArray,
    conductance: FloatArray,
    loads: FloatArray,
    grad_v: FloatArray,
    *,
    drive0: FloatArray | None = None,
    conductance0: FloatArray | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Vector-Jacobian product of `charge_loaded`.

    Errors as in `charge_loaded`.

    Parameters
    ----------
    times, drive, conductance, loads, drive0, conductance0, threads
        As in `charge_loaded`.
    grad_v : (batch, n_out)
        dL/dv, in the dtype of `drive`.

    Returns
    -------
    grad_times : (batch, n_in)
        Of devices that close together, moved together, shared out by what each of them adds: since each kick depends on
        the capacitance that the others leave, there is no derivative for one of them alone.
    grad_drive, grad_conductance : (n_in, n_out)
    grad_drive0, grad_conductance0 : (n_out,)
    grad_loads : (n_in, 5, n_out)

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> charge_loaded_vjp(np.array([[0.5]]), one, 0 * one, np.zeros((1, 5, 1)), one)[-1].ravel()
    array([-0.5,  0. , -1. , -0.5,  1. ])
    """
    events = fit_events(times, "drive", drive, threads)
    check_affine(drive, conductance, drive0, conductance0)
    check_array("grad_v", grad_v, 2, drive.dtype)
    rows = _rows(loads, drive)
    *grads, grad_loads = _core.charge_loaded_vjp(
        events, drive, conductance, rows, drive0, conductance0, grad_v, threads
    )
    times_, drive_, conductance_, drive0_, conductance0_ = grads
    return times_, drive_, conductance_, drive0_, conductance0_, grad_loads.reshape(loads.shape)


def _rows(loads: FloatArray, drive: FloatArray) -> FloatArray:
    check_array("loads", loads, 3, drive.dtype)
    n_in, n_out = drive.shape
    if loads.shape != (n_in, N_LOADS, n_out):
        raise ValueError(f"loads must have shape ({n_in}, {N_LOADS}, {n_out}), got {loads.shape}")
    return loads.reshape(-1, n_out)

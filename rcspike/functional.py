"""One layer at a time: encoding, charging phase, firing phase, traces, and their exact gradients.

Arrays are NumPy, C-ordered, float32 or float64. Times are ``(batch, n_in)`` in units of the window T, weights
``(n_in, n_out)`` in V_th / T, voltages ``(batch, n_out)`` in V_th. The dtype of a result is that of the weights; times
of the other precision are converted to it. Results do not depend on the number of threads or on the instruction set.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike.circuit import Circuit
from rcspike.common.arrays import FLOATS, check_array, check_times, plain_array
from rcspike.common.arrays import FloatArray as FloatArray

__all__ = [
    "charge",
    "charge_affine",
    "charge_affine_vjp",
    "charge_rectified",
    "charge_vjp",
    "encode",
    "fire",
    "fire_vjp",
    "output_loss",
    "readout_times",
    "readout_voltages",
    "schedule",
    "supply_charge",
    "supply_charge_vjp",
    "trace",
]

Schedule: TypeAlias = _core.Schedule32 | _core.Schedule64


def check_threads(threads: int | None) -> int | None:
    """Refuse what is no number of threads; None stands for all cores this process may use."""
    if threads is None:
        return None
    if not isinstance(threads, int | np.integer) or isinstance(threads, bool):
        raise TypeError(f"threads must be an int or None, got {threads!r}")
    if not 1 <= threads <= 1024:
        raise ValueError(f"threads must be between 1 and 1024, got {threads}")
    return int(threads)


def circuit_core(circuit: Circuit) -> _core.Circuit:
    """The engine's own; refuses what is no circuit."""
    if not isinstance(circuit, Circuit):
        raise TypeError(f"circuit must be a Circuit, got {type(circuit).__name__}")
    return circuit.core


def encode(images: npt.NDArray[Any]) -> FloatArray:
    """Spike times of intensities: t = 1 - x, and no spike for x = 0.

    Parameters
    ----------
    images : (batch, ...)
        uint8, taken as x = value / 255, or float32 or float64 in [0, 1]. Everything but the first axis is flattened.

    Returns
    -------
    (batch, n_pixels)
        Times in T, ``inf`` for no spike; float64 for float64 images, else float32.

    Raises
    ------
    TypeError
        If the dtype is another one.
    ValueError
        If an intensity lies outside [0, 1] or is masked, or there is no axis to flatten.

    Examples
    --------
    >>> encode(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[inf, 0.8, 0. ]], dtype=float32)
    """
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a numpy array, got {type(images).__name__}")
    images = plain_array("images", images)
    if images.ndim < 2:
        raise ValueError(f"images must have shape (batch, ...), got {images.shape}")
    flat = np.ascontiguousarray(images).reshape(len(images), math.prod(images.shape[1:]))
    if flat.dtype == np.uint8:
        x = np.arange(256, dtype=np.float32) / np.float32(255)
        table = np.where(x > 0, 1 - x, np.float32(np.inf))
        return np.asarray(table[flat])
    if flat.dtype not in FLOATS:
        raise TypeError(f"images must be uint8, float32 or float64, got {images.dtype}")
    if not np.all((flat >= 0) & (flat <= 1)):
        worst = flat[~((flat >= 0) & (flat <= 1))][0]
        raise ValueError(f"intensities must lie in [0, 1], got {worst}; scale the images first")
    return np.where(flat > 0, 1 - flat, flat.dtype.type(np.inf))


def schedule(times: FloatArray, *, dtype: npt.DTypeLike | None = None, threads: int | None = None) -> Schedule:
    """Sort a batch of spike times once, for several networks; inputs that never spike cost nothing from here on.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    dtype : float32 or float64, optional
        The precision to compute in; that of the times by default.
    threads : int, optional

    Returns
    -------
    Schedule
        Has the attributes ``batch`` and ``n_in``.

    Raises
    ------
    TypeError, ValueError
        As in `charge`.

    Examples
    --------
    >>> from rcspike.network import Network
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> network.predict(schedule(np.array([[0.2, 0.5], [np.inf, 0.5]])))
    array([0, 1])
    """
    times = check_times(times)
    return _core.schedule(in_precision(times, times.dtype if dtype is None else dtype), check_threads(threads))


def in_precision(times: FloatArray, dtype: npt.DTypeLike) -> FloatArray:
    """Spike times as `dtype`; no spike in the one precision does not round to one at the end of the other's phase."""
    return times if dtype == times.dtype else np.where(times > 1, np.inf, times).astype(dtype)


def network_input(times: FloatArray | Schedule, n_in: int, dtype: np.dtype[Any]) -> FloatArray | Schedule:
    """Spike times, or their schedule, as a network of `n_in` inputs that computes in `dtype` takes them."""
    if isinstance(times, Schedule):
        if not isinstance(times, _core.Schedule32 if dtype == np.float32 else _core.Schedule64):
            raise TypeError(f"the schedule is not of {dtype} times, as the network computes; pass dtype to schedule")
        shape = (times.batch, times.n_in)
    else:
        times = check_times(times)
        shape = times.shape
    if shape[1] != n_in:
        raise ValueError(f"times must have shape (batch, {n_in}) for this network, got {shape}")
    return times if isinstance(times, Schedule) else in_precision(times, dtype)


def _fit(times: FloatArray | Schedule, name: str, weights: FloatArray, threads: int | None) -> Schedule:
    """Schedule of `times` in the precision of `weights`, after checking that the two fit."""
    check_array(name, weights, 2)
    if isinstance(times, Schedule):
        events = network_input(times, weights.shape[0], weights.dtype)
        assert isinstance(events, Schedule)
        return events
    times = check_times(times)
    if weights.shape[0] != times.shape[1]:
        hint = f"; did you mean {name}.T?" if weights.shape[1] == times.shape[1] else ""
        raise ValueError(
            f"{name} must have shape ({times.shape[1]}, n_out) to match times of shape {times.shape}, "
            f"got {weights.shape}{hint}"
        )
    return _core.schedule(in_precision(times, weights.dtype), check_threads(threads))


def charge(times: FloatArray, weights: FloatArray, circuit: Circuit, *, threads: int | None = None) -> FloatArray:
    """Membrane voltages at the end of the charging phase.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    weights : (n_in, n_out)
        Signed synaptic weights in V_th / T; drive D = w (1 - V_D/abs(E)), conductance G = abs(w)/abs(E), with E the
        rail of the weight's sign.
    circuit : Circuit
    threads : int, optional
        Number of threads; all cores this process may use by default.

    Returns
    -------
    (batch, n_out)
        v(1) in V_th.

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
    return _core.charge(_fit(times, "weights", weights, threads), weights, circuit_core(circuit), threads)


def charge_vjp(
    times: FloatArray, weights: FloatArray, circuit: Circuit, grad_v: FloatArray, *, threads: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Vector-Jacobian product of `charge`: exact gradients of a loss L whose dL/dv(1) is `grad_v`.

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

    Raises
    ------
    TypeError, ValueError
        As in `charge`.

    Examples
    --------
    >>> charge_vjp(np.array([[0.25]]), np.array([[2.0]]), Circuit.conventional(), np.array([[1.0]]))
    (array([[-2.]]), array([[0.75]]))
    """
    events = _fit(times, "weights", weights, threads)
    check_array("grad_v", grad_v, 2, weights.dtype)
    return _core.charge_vjp(events, weights, circuit_core(circuit), grad_v, threads)


def _check_affine(
    drive: FloatArray, conductance: FloatArray, drive0: FloatArray | None, conductance0: FloatArray | None
) -> None:
    check_array("conductance", conductance, 2, drive.dtype)
    for name, row in (("drive0", drive0), ("conductance0", conductance0)):
        if row is not None:
            check_array(name, row, 1, drive.dtype)


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

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    drive, conductance : (n_in, n_out)
        D in V_th / T and G >= 0 in 1 / T. A device pair (g+, g-) has D = g+ E+ + g- E- and G = g+ + g-.
    drive0, conductance0 : (n_out,), optional
        What is on from t = 0: bias, leak, the off-state conductance of a column.
    threads : int, optional

    Returns
    -------
    (batch, n_out)
        v(1) in V_th, in the dtype of `drive`.

    Raises
    ------
    TypeError, ValueError
        As in `charge`; also if a conductance is negative.

    Examples
    --------
    >>> v = charge_affine(np.array([[np.inf]]), np.ones((1, 1)), np.ones((1, 1)), drive0=np.array([0.5]))
    >>> v
    array([[0.5]])
    """
    events = _fit(times, "drive", drive, threads)
    _check_affine(drive, conductance, drive0, conductance0)
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

    Raises
    ------
    TypeError, ValueError
        As in `charge_affine`.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> charge_affine_vjp(np.array([[0.5]]), one, 0 * one, one)[1]
    array([[0.5]])
    """
    events = _fit(times, "drive", drive, threads)
    _check_affine(drive, conductance, drive0, conductance0)
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
    threads : int, optional

    Returns
    -------
    (batch, n_out)
        v(1) in V_th.

    Raises
    ------
    TypeError, ValueError
        As in `charge`; also if a conductance is negative.

    Notes
    -----
    Exact: v moves one way between two spikes, and the time at which it passes a rail has a closed form. Diodes of a
    constant drop are the limit of steep ones; `rcspike.hardware.shockley` compares them with the exponential
    characteristic.

    Examples
    --------
    Two devices with rails at 1 and 0.5; without diodes the second would pull v back to 0.7:

    >>> one = np.ones((2, 1))
    >>> v = charge_rectified(np.zeros((1, 2)), 5 * one, np.array([[1.0], [0.5]]), 0 * one, 0 * one)
    >>> v.round(4)  # 0.5 is passed at ln(3) / 10
    array([[0.9942]])
    """
    arrays = {"rail_plus": rail_plus, "g_minus": g_minus, "rail_minus": rail_minus}
    events = _fit(times, "g_plus", g_plus, threads)
    for name, array in arrays.items():
        check_array(name, array, 2, g_plus.dtype)
    for name, row in (("drive0", drive0), ("conductance0", conductance0)):
        if row is not None:
            check_array(name, row, 1, g_plus.dtype)
    return _core.charge_rectified(
        events, g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0, check_threads(threads)
    )


def fire(v: FloatArray, circuit: Circuit) -> FloatArray:
    """Output spike times of the firing phase: a ramp takes the membrane from v to the threshold.

    Parameters
    ----------
    v : (batch, n_out)
        Voltages at the end of charging, in V_th.
    circuit : Circuit
        Its `ramp` coefficient b is used: t = 1 - ln(1 - b v) / ln(1 - b), or t = 1 - v for b = 0.

    Returns
    -------
    (batch, n_out)
        Times in T from the start of the firing phase; ``inf`` (no spike) where v <= 0, 0 where v >= 1.

    Raises
    ------
    TypeError, ValueError
        If v is not a C-ordered float array of two dimensions, or holds NaN.

    Examples
    --------
    >>> fire(np.array([[-0.5, 0.25, 3.0]]), Circuit())
    array([[ inf, 0.75, 0.  ]])
    """
    check_array("v", v, 2)
    return _core.fire(v, circuit_core(circuit))


def fire_vjp(v: FloatArray, circuit: Circuit, grad_times: FloatArray) -> FloatArray:
    """Vector-Jacobian product of `fire`: dL/dv from dL/dt, both ``(batch, n_out)``; zero outside 0 < v < 1.

    Raises
    ------
    TypeError, ValueError
        As in `fire`.

    Examples
    --------
    >>> fire_vjp(np.array([[0.25, 3.0]]), Circuit(), np.array([[1.0, 1.0]]))
    array([[-1.,  0.]])
    """
    check_array("v", v, 2)
    check_array("grad_times", grad_times, 2, v.dtype)
    return _core.fire_vjp(v, circuit_core(circuit), grad_times)


def readout_times(v: FloatArray, circuit: Circuit) -> FloatArray:
    """Spike times of the last layer before they are clipped, which order all its neurons.

    Parameters
    ----------
    v : (batch, n_out)
        Voltages at the end of charging, in V_th.
    circuit : Circuit
        Its `ramp` coefficient b is used.

    Returns
    -------
    (batch, n_out)
        In T: 1 - v for b = 0, else as in `fire` for 0 <= v <= 1 and on the tangents of that curve outside.

    Raises
    ------
    TypeError, ValueError
        If v is not a C-ordered float array of two dimensions, or a voltage is not finite.

    Examples
    --------
    >>> readout_times(np.array([[-0.5, 0.25, 3.0]]), Circuit())
    array([[ 1.5 ,  0.75, -2.  ]])
    """
    check_array("v", v, 2)
    return _core.readout_times(v, circuit_core(circuit))


def readout_voltages(times: FloatArray, circuit: Circuit) -> FloatArray:
    """The inverse of `readout_times`: voltages (batch, n_out) in V_th from unclipped spike times in T.

    Raises
    ------
    TypeError, ValueError
        As in `readout_times`.

    Examples
    --------
    >>> readout_voltages(np.array([[1.5, 0.75, -2.0]]), Circuit())
    array([[-0.5 ,  0.25,  3.  ]])
    """
    check_array("times", times, 2)
    return _core.readout_voltages(times, circuit_core(circuit))


def output_loss(
    v: FloatArray,
    labels: npt.NDArray[np.int64],
    circuit: Circuit,
    *,
    temperature: float = 0.07,
    temporal_penalty: float = 0.0,
    t_ref: float = 0.9,
) -> tuple[FloatArray, FloatArray]:
    """Loss over the spike times of the last layer, and its gradient: what `rcspike.train` minimises.

    It is the cross-entropy over softmax(-t / temperature) of the `readout_times`, plus
    ``temporal_penalty * sum((t - t_ref)**2)`` (arXiv 2412.09010 v1, eq. 49-53).

    Parameters
    ----------
    v : (batch, n_out)
        Voltages at the end of charging, in V_th.
    labels : (batch,)
        Classes as int64, counted from 0.
    circuit : Circuit
        Its `ramp` decides the spike times.
    temperature : float
        tau in T.
    temporal_penalty, t_ref : float
        gamma, and the time in T that output spikes are drawn to.

    Returns
    -------
    losses : (batch,)
        In float64.
    grad_v : (batch, n_out)
        Derivative of each sample's loss with respect to its voltages.

    Raises
    ------
    TypeError, ValueError
        If an array is not of the kind stated, a voltage is not finite, a label is not that of an output, or a
        parameter is out of its range.

    Examples
    --------
    >>> losses, grad_v = output_loss(np.array([[0.5, 0.5]]), np.array([0]), Circuit(), temperature=0.1)
    >>> losses, grad_v
    (array([0.69314718]), array([[-5.,  5.]]))
    """
    check_array("v", v, 2)
    check_array("labels", labels, 1, np.dtype(np.int64))
    return _core.output_loss(
        v, labels, circuit_core(circuit), temperature=temperature, temporal_penalty=temporal_penalty, t_ref=t_ref
    )


def trace(
    times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray, *, threads: int | None = None
) -> FloatArray:
    """Membrane voltages during the charging phase, exact at any time.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T.
    weights : (n_in, n_out)
        Weights of the neurons to look at; pass ``np.ascontiguousarray(weights[:, chosen])`` for some of a layer's.
    circuit : Circuit
    at : (n_at,)
        Times in [0, 1], in any order.
    threads : int, optional

    Returns
    -------
    (batch, n_out, n_at)
        v(t) in V_th.

    Raises
    ------
    TypeError, ValueError
        As in `charge`; also if a time in `at` lies outside [0, 1].

    Examples
    --------
    >>> trace(np.array([[0.5]]), np.array([[2.0]]), Circuit.conventional(), np.array([0.25, 0.75, 1.0]))
    array([[[0. , 0.5, 1. ]]])
    """
    events = _fit(times, "weights", weights, threads)
    check_array("at", at, 1)
    return _core.trace(events, weights, circuit_core(circuit), at.astype(weights.dtype, copy=False), threads)


def supply_charge(
    times: FloatArray, weights: FloatArray, circuit: Circuit, *, threads: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Charge that each synapse rail delivers to the membranes in the charging phase.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `charge`.

    Returns
    -------
    q_plus, q_minus : (batch, n_out)
        Through the synapses of weights w >= 0 and of the others, in C V_th: ``q_plus >= 0 >= q_minus``, and their sum
        is v(1). The rails spend the energy ``e_plus * q_plus + e_minus * q_minus`` in C V_th^2. Current sources
        (infinite rails) spend the charges times the voltages of their supplies.

    Raises
    ------
    TypeError, ValueError
        As in `charge`.

    Notes
    -----
    The integral of D - G v over the synapses of a rail, in closed form between input spikes, without a time grid.

    Examples
    --------
    >>> q_plus, q_minus = supply_charge(np.array([[0.0, 0.5]]), np.array([[0.5], [-1.0]]), Circuit.conventional())
    >>> q_plus, q_minus
    (array([[0.5]]), array([[-0.5]]))
    """
    return _core.supply_charge(_fit(times, "weights", weights, threads), weights, circuit_core(circuit), threads)


def supply_charge_vjp(
    times: FloatArray,
    weights: FloatArray,
    circuit: Circuit,
    grad_q_plus: FloatArray,
    grad_q_minus: FloatArray,
    *,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Vector-Jacobian product of `supply_charge`.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `charge`.
    grad_q_plus, grad_q_minus : (batch, n_out)
        dL/dQ of either rail, in the dtype of the weights; for the energy, e_plus and e_minus throughout.

    Returns
    -------
    grad_times : (batch, n_in)
        dL/dt, zero for inputs that never spike.
    grad_weights : (n_in, n_out)
        dL/dw, summed over the batch.

    Raises
    ------
    TypeError, ValueError
        As in `charge`.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> supply_charge_vjp(np.array([[0.25]]), np.array([[2.0]]), Circuit.conventional(), one, 0 * one)
    (array([[-2.]]), array([[0.75]]))
    """
    events = _fit(times, "weights", weights, threads)
    check_array("grad_q_plus", grad_q_plus, 2, weights.dtype)
    check_array("grad_q_minus", grad_q_minus, 2, weights.dtype)
    return _core.supply_charge_vjp(events, weights, circuit_core(circuit), grad_q_plus, grad_q_minus, threads)

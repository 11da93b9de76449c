"""Firing phase of a layer, and the spike times by which the last one is read."""

from __future__ import annotations

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, circuit_core


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

    Errors as in `fire`.

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

    Errors as in `readout_times`.

    Examples
    --------
    >>> readout_voltages(np.array([[1.5, 0.75, -2.0]]), Circuit())
    array([[-0.5 ,  0.25,  3.  ]])
    """
    check_array("times", times, 2)
    return _core.readout_voltages(times, circuit_core(circuit))

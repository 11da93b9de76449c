"""Membrane voltages at any time of the charging phase."""

from __future__ import annotations

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.events import fit_events

__all__ = ["trace"]


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
    events = fit_events(times, "weights", weights, threads)
    check_array("at", at, 1)
    return _core.trace(events, weights, circuit_core(circuit), at.astype(weights.dtype, copy=False), threads)

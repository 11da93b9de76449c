"""Charge that switches put on the membranes as they open at the end of the charging phase."""

from __future__ import annotations

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike.functional.events import Schedule, check_threads, fit_events


def switch_injection(times: FloatArray | Schedule, injection: FloatArray, *, threads: int | None = None) -> FloatArray:
    """Voltages that the switches of conducting inputs add to the membranes as they open.

    `charge` adds those of `rcspike.Circuit` itself; this function is for synapses of its neighbours, and for switches
    that differ.

    Errors as in `charge`.

    Parameters
    ----------
    times : (batch, n_in), or what `schedule` has made of it
        As in `charge`.
    injection : (n_in, n_out)
        Voltage in V_th that the switches of each synapse add.

    Returns
    -------
    (batch, n_out)
        In V_th, to be added to v(1): the sums over the inputs with t <= 1. They do not depend on the times otherwise,
        so that dL/dv(1) is the only gradient they need.

    Examples
    --------
    >>> injection = np.array([[1e-3, -2e-3], [1e-3, 1e-3]])
    >>> switch_injection(np.array([[0.5, 0.75], [0.5, np.inf]]), injection)
    array([[ 0.002, -0.001],
           [ 0.001, -0.002]])
    """
    return _core.switch_injection(fit_events(times, "injection", injection, threads), injection, check_threads(threads))

"""Charge that the rails deliver during the charging phase, and its exact gradient."""

from __future__ import annotations

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.events import fit_events


def supply_charge(
    times: FloatArray,
    weights: FloatArray,
    circuit: Circuit,
    *,
    until: FloatArray | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Charge that each synapse rail delivers to the membranes in the charging phase.

    Errors as in `charge`, or in a single phase as in `first_spike`; also if a time in `until` is negative or not
    finite.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `charge`, or for single-phase neurons as in `first_spike`.
    until : (batch, n_out), optional
        Single phase: finite times in T until which the synapses of each neuron conduct, such as its spike.

    Returns
    -------
    q_plus, q_minus : (batch, n_out)
        Through the synapses of weights w >= 0 and of the others, in C V_th: ``q_plus >= 0 >= q_minus``, and their sum
        is the voltage at the end, v(1). The rails spend the energy ``e_plus * q_plus + e_minus * q_minus`` in
        C V_th^2. Current sources (infinite rails) spend the charges times the voltages of their supplies.

    Notes
    -----
    The integral of D - G v over the synapses of a rail, in closed form between input spikes, without a time grid.

    Examples
    --------
    >>> q_plus, q_minus = supply_charge(np.array([[0.0, 0.5]]), np.array([[0.5], [-1.0]]), Circuit.conventional())
    >>> q_plus, q_minus
    (array([[0.5]]), array([[-0.5]]))
    >>> supply_charge(np.array([[0.5]]), np.array([[0.5]]), Circuit.conventional(), until=np.array([[2.5]]))
    (array([[1.]]), array([[0.]]))
    """
    if until is not None:
        check_array("until", until, 2)
        events = fit_events(times, "weights", weights, threads, "single")
        ends = until.astype(weights.dtype, copy=False)
        return _core.supply_charge_until(events, weights, circuit_core(circuit), ends, threads)
    return _core.supply_charge(fit_events(times, "weights", weights, threads), weights, circuit_core(circuit), threads)


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

    Errors as in `charge`.

    Parameters
    ----------
    times, weights, circuit, threads
        As in `charge`.
    grad_q_plus, grad_q_minus : (batch, n_out)
        dL/dQ of either rail, in the dtype of the weights; for the energy, e_plus and e_minus throughout.

    Returns
    -------
    grad_times : (batch, n_in)
    grad_weights : (n_in, n_out)
        As of `charge_vjp`.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> supply_charge_vjp(np.array([[0.25]]), np.array([[2.0]]), Circuit.conventional(), one, 0 * one)
    (array([[-2.]]), array([[0.75]]))
    """
    events = fit_events(times, "weights", weights, threads)
    check_array("grad_q_plus", grad_q_plus, 2, weights.dtype)
    check_array("grad_q_minus", grad_q_minus, 2, weights.dtype)
    return _core.supply_charge_vjp(events, weights, circuit_core(circuit), grad_q_plus, grad_q_minus, threads)

"""The loss over the spikes of the last layer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, circuit_core

__all__ = ["output_loss"]


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

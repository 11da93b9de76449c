"""The loss over the spikes of the last layer."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike._common.numbers import convert_numbers
from rcspike.circuit import Circuit, circuit_core


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Parameters of the loss that training minimises: the fields of `Loss` in ``rcspike/loss.h``, by the same names.

    The settings of `rcspike.train` inherit them from here. A new term of the loss is a field in both places.
    """

    temperature: float = 0.07
    temporal_penalty: float = 0.0
    t_ref: float = 0.9
    energy_penalty: float = 0.0
    # Of a single phase; where they have their defaults, they are not part of the identity of a run.
    silent_penalty: float = field(default=0.0, metadata={"omit_default": True})
    t_silent: float = field(default=2.0, metadata={"omit_default": True})
    max_slope: float = field(default=100.0, metadata={"omit_default": True})

    def __post_init__(self) -> None:
        convert_numbers(self)
        _core.check_loss(**self.loss)

    @property
    def loss(self) -> dict[str, float]:
        """These fields by name, as the engine takes them, without those of a subclass."""
        return {field.name: getattr(self, field.name) for field in fields(Loss)}


def output_loss(
    v: FloatArray,
    labels: npt.NDArray[np.int64],
    circuit: Circuit,
    *,
    temperature: float = Loss.temperature,
    temporal_penalty: float = Loss.temporal_penalty,
    t_ref: float = Loss.t_ref,
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
    return output_losses(
        v, labels, circuit, Loss(temperature=temperature, temporal_penalty=temporal_penalty, t_ref=t_ref)
    )


def output_losses(
    v: FloatArray, labels: npt.NDArray[np.int64], circuit: Circuit, loss: Loss
) -> tuple[FloatArray, FloatArray]:
    """`output_loss` with its parameters as one object, which checks them once for many batches."""
    check_array("v", v, 2)
    check_array("labels", labels, 1, np.dtype(np.int64))
    return _core.output_loss(v, labels, circuit_core(circuit), **loss.loss)

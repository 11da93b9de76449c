"""The layer of an ideal network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import functional
from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.network.device_layer import DevicePairs

__all__ = ["Dense"]


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer in which every input meets every neuron: resistive synapses, neurons that charge and then fire by a ramp.

    Parameters
    ----------
    weights : (n_in, n_out)
        Signed synaptic weights in V_th / T.
    circuit : Circuit

    Examples
    --------
    >>> layer = Dense(np.array([[0.5, 1.0], [0.25, 0.0]]), Circuit.conventional())
    >>> layer.n_in, layer.n_out, layer.charge(np.array([[0.0, 0.0]]))
    (2, 2, array([[0.75, 1.  ]]))
    """

    weights: FloatArray
    circuit: Circuit

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[0])

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return int(self.weights.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        dtype: np.dtype[Any] = self.weights.dtype
        return dtype

    def neurons(self, chosen: Sequence[int] | npt.NDArray[np.integer[Any]]) -> Dense:
        """The same layer with some of its neurons only, by their indices."""
        return Dense(np.ascontiguousarray(self.weights[:, np.asarray(chosen)]), self.circuit)

    def astype(self, dtype: npt.DTypeLike) -> Dense:
        """The same layer in float32 or float64."""
        return Dense(self.weights.astype(dtype), self.circuit)

    def rescaled(self, circuit: Circuit, *, plus: float, minus: float) -> Dense:
        """On another circuit, with positive weights times `plus` and negative ones times `minus`.

        Examples
        --------
        >>> Dense(np.array([[1.0, -1.0]]), Circuit()).rescaled(Circuit(v_syn=2.0), plus=3.0, minus=0.5).weights
        array([[ 3. , -0.5]])
        """
        factors = np.where(self.weights > 0, plus, minus).astype(self.dtype)
        return Dense(self.weights * factors, circuit)

    def devices(self) -> DevicePairs:
        """The devices of the synapses: one for each weight, on the rail of its sign.

        Examples
        --------
        >>> Dense(np.array([[1.0, -0.5]]), Circuit()).devices().minus
        array([[0. , 0.5]])
        """
        return DevicePairs.of_weights(self.weights)

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """As `rcspike.functional.charge`."""
        return functional.charge(times, self.weights, self.circuit, threads=threads)

    def supply_charge(self, times: FloatArray, *, threads: int | None = None) -> tuple[FloatArray, FloatArray]:
        """As `rcspike.functional.supply_charge`."""
        return functional.supply_charge(times, self.weights, self.circuit, threads=threads)

    def trace(self, times: FloatArray, at: FloatArray) -> FloatArray:
        """As `rcspike.functional.trace`."""
        return functional.trace(times, self.weights, self.circuit, at)

    def fire(self, v: FloatArray) -> FloatArray:
        """As `rcspike.functional.fire`."""
        return functional.fire(v, self.circuit)

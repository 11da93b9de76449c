"""Networks as a programmed chip has them: each synapse a pair of devices, each neuron a threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.events import Schedule, check_threads, network_input

__all__ = ["DeviceNetwork", "DevicePairs"]


@dataclass(frozen=True)
class DevicePairs:
    """Synapses of one layer, all arrays float32 or all float64.

    A device of conductance g on the rail E is given as the weight abs(E) g, as if it had no partner. So the
    pair's drive is D = plus (1 - V_D/E+) - minus (1 - V_D/abs(E-)), and its conductance is G = plus/E+ + minus/abs(E-).
    Any D and G >= 0 can be written as such a pair, where one of the two may be negative.

    Parameters
    ----------
    plus, minus : (n_in, n_out)
        Devices on the positive and on the negative rail, in V_th / T.
    drive0, conductance0 : (n_out,), optional
        D0 in V_th / T and G0 >= 0 in 1 / T of elements that conduct from t = 0: bias and leak.
    offset : (n_out,), optional
        Offset of each neuron's threshold from 1, in V_th. The neuron fires as one of voltage v - offset would, which is
        exact on the ideal ramp; voltages of the last layer are read as v - offset.

    Examples
    --------
    >>> w = np.array([[0.5, -2.0]])
    >>> DevicePairs.of_weights(w).minus
    array([[0., 2.]])
    """

    plus: FloatArray
    minus: FloatArray
    drive0: FloatArray | None = None
    conductance0: FloatArray | None = None
    offset: FloatArray | None = None

    def __post_init__(self) -> None:
        plus = check_array("plus", self.plus, 2)
        for name, ndim in (("plus", 2), ("minus", 2), ("drive0", 1), ("conductance0", 1), ("offset", 1)):
            if ndim == 2 or getattr(self, name) is not None:
                object.__setattr__(self, name, check_array(name, getattr(self, name), ndim, plus.dtype))

    @classmethod
    def of_weights(cls, weights: FloatArray) -> DevicePairs:
        """Ideal pairs: the weight on the rail of its sign, nothing on the other."""
        return cls(np.maximum(weights, 0), np.maximum(-weights, 0))


class DeviceNetwork:
    """A feed-forward network of device pairs.

    With ideal pairs and no offsets it gives the same bits as `rcspike.Network`.

    Parameters
    ----------
    layers : sequence of DevicePairs
        All of one dtype. The arrays are copied into the engine and must not be changed afterwards.
    circuit : Circuit

    Raises
    ------
    TypeError
        If an array is not float32 or float64, or not of one dtype with the others.
    ValueError
        If a shape does not fit or does not continue the previous layer, a number is not finite, or a pair has a
        negative conductance.

    Examples
    --------
    >>> from rcspike.network.network import Network
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> chip = DeviceNetwork([DevicePairs.of_weights(w) for w in network.weights], network.circuit)
    >>> times = np.full((3, 64), 0.5, dtype=np.float32)
    >>> bool(np.all(chip.forward(times) == network.forward(times)))
    True
    """

    def __init__(self, layers: Sequence[DevicePairs], circuit: Circuit) -> None:
        self._layers, self._circuit = tuple(layers), circuit
        for layer, pairs in enumerate(self._layers):
            check_array(f"layers[{layer}].plus", pairs.plus, 2, self.dtype)
        arrays = [(p.plus, p.minus, p.drive0, p.conductance0, p.offset) for p in self._layers]
        self._core = _core.device_network(arrays, circuit_core(circuit))

    @property
    def layers(self) -> tuple[DevicePairs, ...]:
        """Synapses of each layer."""
        return self._layers

    @property
    def circuit(self) -> Circuit:
        """The circuit it runs on."""
        return self._circuit

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of neurons, from the inputs over the hidden layers to the outputs."""
        return (self._layers[0].plus.shape[0], *(pairs.plus.shape[1] for pairs in self._layers))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        dtype: np.dtype[Any] = self._layers[0].plus.dtype
        return dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return DeviceNetwork, (self.layers, self.circuit)

    def __repr__(self) -> str:
        return f"DeviceNetwork(sizes={self.sizes}, circuit={self.circuit})"

    def forward(
        self,
        times: FloatArray | Schedule,
        *,
        shifts: Sequence[FloatArray] | None = None,
        threads: int | None = None,
    ) -> FloatArray:
        """Voltages of the last layer at the end of its charging phase, minus the offsets of its neurons.

        Parameters
        ----------
        times : (batch, n_in)
            Input spike times in T, or their `rcspike.functional.schedule`, made once for many chips.
        shifts : sequence of (batch, n_out) arrays, optional
            One for each layer, in the network's dtype: shifts added to its spike times, in T; subtracted from the
            voltages of the last layer. A spike moved before the phase comes at its start, one after it is lost.
        threads : int, optional

        Returns
        -------
        (batch, n_out)
            Voltages in V_th, in the network's dtype.

        Raises
        ------
        TypeError, ValueError
            As in `rcspike.functional.charge`; also if the shifts do not fit.
        """
        spikes = network_input(times, self.sizes[0], self.dtype)
        shifts = [check_array(f"shifts[{layer}]", shift, 2, self.dtype) for layer, shift in enumerate(shifts or [])]
        return self._core.forward(spikes, shifts, check_threads(threads))

    def predict(
        self,
        times: FloatArray | Schedule,
        *,
        shifts: Sequence[FloatArray] | None = None,
        threads: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Class of each sample, (batch,): the output that would spike first. Arguments and errors as in `forward`."""
        first: npt.NDArray[np.int64] = np.argmax(self.forward(times, shifts=shifts, threads=threads), axis=1)
        return first

"""Layers as a programmed chip has them: each synapse a pair of devices, each neuron a threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from rcspike import _core, functional
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, layer_core
from rcspike.functional.events import Schedule, check_threads, network_input
from rcspike.network.wiring import DENSE, Wiring
from rcspike.neurons import DEFAULT, Phases, single_phase_only, two_phase_only

DeviceEngine: TypeAlias = _core.DeviceNetwork32 | _core.DeviceNetwork64


@dataclass(frozen=True)
class DevicePairs:
    """Synapses of one layer, all arrays float32 or all float64.

    A device of conductance g on the rail E is given as the weight abs(E) g, as if it had no partner. So the
    pair's drive is D = plus (1 - V_D/E+) - minus (1 - V_D/abs(E-)), and its conductance is G = plus/E+ + minus/abs(E-).
    Any D and G >= 0 can be written as such a pair, where one of the two may be negative.

    Parameters
    ----------
    plus, minus : (n_rows, n_columns)
        Devices on the positive and on the negative rail, in V_th / T; as many rows as inputs, or as the wiring makes.
    drive0, conductance0 : (n_columns,), optional
        D0 in V_th / T and G0 >= 0 in 1 / T of elements that conduct from t = 0: bias and leak.
    offset : (n_out,), optional
        Offset of each neuron's threshold from 1, in V_th. The neuron fires as one of voltage v - offset would, which is
        exact on the ideal ramp; voltages of the last layer are read as v - offset. In a single phase it spikes at
        1 + offset, which must be above 0.
    injection : (n_rows, n_columns), optional
        Voltage in V_th that the switches of each pair add to the membrane as they open. By default it is the circuit's,
        once for each device above 0. Single-phase neurons have none.

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
    injection: FloatArray | None = None

    def __post_init__(self) -> None:
        plus = check_array("plus", self.plus, 2)
        given = {"plus": 2, "minus": 2, "drive0": 1, "conductance0": 1, "offset": 1, "injection": 2}
        for name, ndim in given.items():
            if name in ("plus", "minus") or getattr(self, name) is not None:
                object.__setattr__(self, name, check_array(name, getattr(self, name), ndim, plus.dtype))

    @classmethod
    def of_weights(cls, weights: FloatArray) -> DevicePairs:
        """Ideal pairs: the weight on the rail of its sign, nothing on the other."""
        return cls(np.maximum(weights, 0), np.maximum(-weights, 0))


@dataclass(frozen=True, eq=False)
class DeviceLayer:
    """A layer of device pairs on a circuit.

    Parameters
    ----------
    wiring : Dense, FirstSpike, FirstSpike2d or Conv2d
        Which inputs drive which rows of pairs.
    phases : {"two", "single"}
        Whether its neurons charge and then fire by a ramp, or spike while they charge.

    Examples
    --------
    >>> layer = DeviceLayer(DevicePairs.of_weights(np.array([[0.5, 1.0], [0.25, 0.0]])), Circuit.conventional())
    >>> layer.n_in, layer.n_out, layer.charge(np.array([[0.0, 0.0]]))
    (2, 2, array([[0.75, 1.  ]]))
    """

    pairs: DevicePairs
    circuit: Circuit
    wiring: Wiring = DENSE
    phases: Phases = "two"

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.wiring.n_in(self.pairs.plus.shape[0])

    @property
    def n_out(self) -> int:
        """Number of neurons."""
        return self.wiring.n_out(self.pairs.plus.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        dtype: np.dtype[Any] = self.pairs.plus.dtype
        return dtype

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Voltages (batch, n_out) in V_th at the end of the charging phase, minus the offsets of the neurons."""
        two_phase_only(self, "voltages at the end of charging")
        return self.read(times, threads=threads)

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Output spike times (batch, n_out) in T of a single-phase layer; offsets move its thresholds."""
        single_phase_only(self, "a spike while charging")
        return self.read(times, threads=threads)

    def read(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """What the neurons (batch, n_out) would be read by if they were outputs, in the unit of their kind."""
        spikes = network_input(times, self.n_in, self.dtype, self.phases)
        return device_engine([self]).forward(spikes, [], check_threads(threads))

    def fire(self, v: FloatArray) -> FloatArray:
        """As `rcspike.functional.fire`."""
        two_phase_only(self, "firing by a ramp")
        return functional.fire(v, self.circuit)


def device_engine(layers: Sequence[DeviceLayer]) -> DeviceEngine:
    """The engine's network of these layers."""
    pairs = [layer.pairs for layer in layers]
    arrays = [(p.plus, p.minus, p.drive0, p.conductance0, p.offset, p.injection) for p in pairs]
    wiring = [layer.wiring.core for layer in layers]
    circuits = [layer_core(layer.circuit) for layer in layers]
    phases = layers[0].phases if layers else DEFAULT  # the engine raises the error of a network without layers
    return _core.device_network(arrays, circuits, wiring=wiring, phases=phases)

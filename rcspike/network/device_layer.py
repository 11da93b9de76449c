"""Layers as a programmed chip has them: each synapse a pair of devices, each neuron a threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from rcspike import _core, functional
from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, layer_core
from rcspike.functional.events import Schedule, check_threads, network_input
from rcspike.network.device_pairs import DevicePairs
from rcspike.network.wiring import DENSE, Wiring
from rcspike.neurons import DEFAULT, Phases, single_phase_only, two_phase_only

DeviceEngine: TypeAlias = _core.DeviceNetwork32 | _core.DeviceNetwork64

_Row: TypeAlias = FloatArray | None
_Arrays: TypeAlias = tuple[FloatArray, FloatArray, _Row, _Row, _Row, _Row, _Row]


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
    arrays = [_arrays(layer.pairs, layer.circuit) for layer in layers]
    wiring = [layer.wiring.core for layer in layers]
    circuits = [layer_core(layer.circuit) for layer in layers]
    phases = layers[0].phases if layers else DEFAULT  # the engine raises the error of a network without layers
    return _core.device_network(arrays, circuits, wiring=wiring, phases=phases)


def _arrays(p: DevicePairs, circuit: Circuit) -> _Arrays:
    """Arrays of the pairs of one layer; the engine leaves loads, and then injection, to those who know the devices."""
    loads, injection = p.loads, p.injection
    if loads is None and circuit.loads_membranes:
        loads = functional.pair_loads(p.plus, p.minus, circuit).astype(p.plus.dtype)
    if loads is not None:
        if injection is None and circuit.injects:
            of_plus, of_minus = circuit.injections[0]
            wide_plus, wide_minus = functional.pair_switch_widths(p.plus, p.minus, circuit)
            injection = (of_plus * wide_plus + of_minus * wide_minus).astype(p.plus.dtype)
        loads = np.ascontiguousarray(loads).reshape(-1, loads.shape[-1])
    return p.plus, p.minus, p.drive0, p.conductance0, p.offset, injection, loads

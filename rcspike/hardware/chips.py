"""Virtual chips: a network programmed into one sample of imperfect devices and neurons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.functional import fire, readout_times, readout_voltages
from rcspike.functional.events import Schedule
from rcspike.hardware.equivalent import equivalent_pairs, equivalent_voltages
from rcspike.network import DeviceNetwork, Network
from rcspike.nonideal import Devices, Effect, Fixed, Layer, Reading, Shift, TimeMap

__all__ = ["Chip", "program"]


def program(
    network: Network, nonidealities: Sequence[Effect] = (), *, seed: int, devices: Devices | None = None
) -> Chip:
    """Program a network into a virtual chip.

    Parameters
    ----------
    network : Network
    nonidealities : sequence of rcspike.nonideal effects
        Effects, applied in this order to each layer. The usual order is levels, errors of programming, drift, and stuck
        devices last.
    seed : int
        Seed of the chip: the same seed gives the same chip. Each effect draws from its own random stream, so that
        another effect, or another size of this one, changes none of its random numbers.
    devices : Devices, optional
        Range of the conductances; perfect devices that just reach the largest weight of each layer by default.

    Returns
    -------
    Chip

    Raises
    ------
    TypeError
        If a nonideality is none.
    ValueError
        If the seed is negative, or an effect is too large for its model.

    Examples
    --------
    >>> from rcspike.nonideal import Jitter, Variation
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> chip = program(network, [Variation(sigma=0.2), Jitter(sigma=0.01)], seed=3)
    >>> chip.forward(np.full((5, 64), 0.5, dtype=np.float32), seed=0).shape
    (5, 10)
    """
    for effect in nonidealities:
        if not isinstance(effect, Effect):
            raise TypeError(f"nonidealities must be of rcspike.nonideal, got {effect!r}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    seen: Counter[str] = Counter()
    drawn = []
    for effect in nonidealities:
        drawn.append(_Drawn(effect, seen[effect.name]))
        seen[effect.name] += 1
    layers = []
    for depth, ideal in enumerate(network.layers):
        layer = (devices or Devices()).layer(ideal.weights, ideal.circuit, depth=depth)
        for part in drawn:
            if isinstance(part.effect, Fixed) and not part.effect.is_absent:
                layer = part.effect.apply(layer, part.rng(seed, depth))
        layers.append(layer)
    temporal = tuple(part for part in drawn if not isinstance(part.effect, Fixed) and not part.effect.is_absent)
    return Chip(layers=tuple(layers), seed=seed, dtype=network.dtype, _temporal=temporal)


@dataclass(frozen=True)
class _Drawn:
    """An effect, and which of those of its name it is."""

    effect: Effect
    occurrence: int

    def rng(self, seed: int, depth: int) -> np.random.Generator:
        key = (*self.effect.name.encode(), self.occurrence, depth)
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@dataclass(frozen=True, kw_only=True, eq=False)
class Chip:
    """A chip made by `program`: its fixed pattern stays the same, its temporal noise is redrawn for every inference.

    Parameters
    ----------
    layers : tuple of rcspike.nonideal.Layer
        Devices and neurons as they have become, in float64.
    seed : int
        It was made with.
    dtype : float32 or float64
        Dtype in which the chip computes.

    Examples
    --------
    >>> from rcspike.nonideal import Stuck
    >>> network = Network([np.eye(2)], Circuit(v_syn=4.0))
    >>> program(network, [Stuck(share=1.0)], seed=0).layers[0].plus
    array([[0., 0.],
           [0., 0.]])
    """

    layers: tuple[Layer, ...]
    seed: int
    dtype: np.dtype[Any]
    _temporal: tuple[_Drawn, ...] = field(default=(), repr=False)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of neurons, from the inputs over the hidden layers to the outputs."""
        return (self.layers[0].plus.shape[0], *(layer.plus.shape[1] for layer in self.layers))

    @property
    def circuit(self) -> Circuit:
        """The circuit it runs on."""
        return self.layers[0].circuit

    @property
    def is_noisy(self) -> bool:
        """Whether inferences differ from one another, and need a seed."""
        return any(not isinstance(part.effect, TimeMap) for part in self._temporal)

    def forward(
        self,
        times: FloatArray | Schedule,
        *,
        seed: int | None = None,
        threads: int | None = None,
    ) -> FloatArray:
        """Voltages of the last layer at the end of its charging phase.

        Parameters
        ----------
        times : (batch, n_in), or their `rcspike.functional.schedule`
            Input spike times in T.
        seed : int, optional
            Seed of the temporal noise; required if the chip has temporal noise. Devices are read once for the
            whole batch.
        threads : int, optional

        Returns
        -------
        (batch, n_out)
            Voltages in V_th, minus each neuron's offset and noise, as if all thresholds were equal. The highest spikes
            first.

        Raises
        ------
        TypeError, ValueError
            As in `rcspike.Network.forward`.
        """
        if self.is_noisy and seed is None:
            raise ValueError("temporal noise needs a seed")
        layers = self._read(seed)
        batch = len(times) if isinstance(times, np.ndarray) else times.batch
        shifts = self._shifts(batch, seed)
        maps = [part.effect for part in self._temporal if isinstance(part.effect, TimeMap)]
        if not maps and not any(layer.blocking for layer in layers):
            network = self.engine if layers is self.layers else _network(layers, self.dtype)
            return network.forward(times, shifts=shifts, threads=threads)
        spikes = times
        for depth, layer in enumerate(layers):
            v = equivalent_voltages(layer, spikes, self.dtype, threads=threads)
            last = depth + 1 == len(layers)
            t = readout_times(v, layer.circuit) if last else fire(v, layer.circuit)
            if shifts:
                t = t + shifts[depth]
            for effect in maps:
                t = effect.times(t)
            spikes = t if last else np.where(t > 1, np.inf, np.maximum(t, 0)).astype(t.dtype)
        return readout_voltages(t, layers[-1].circuit)

    def predict(
        self,
        times: FloatArray | Schedule,
        *,
        seed: int | None = None,
        threads: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Class of each sample, (batch,): the output that would spike first. Arguments and errors as in `forward`.

        Examples
        --------
        >>> program(Network([np.eye(2)], Circuit()), seed=0).predict(np.array([[0.2, 0.5], [np.inf, 0.5]]))
        array([0, 1])
        """
        first: npt.NDArray[np.int64] = np.argmax(self.forward(times, seed=seed, threads=threads), axis=1)
        return first

    @cached_property
    def engine(self) -> DeviceNetwork:
        """The chip as a network of the engine, without temporal noise and without diodes that block."""
        return _network(self.layers, self.dtype)

    def _read(self, seed: int | None) -> tuple[Layer, ...]:
        readings = [part for part in self._temporal if isinstance(part.effect, Reading)]
        if not readings or seed is None:
            return self.layers
        layers = list(self.layers)
        for depth in range(len(layers)):
            for part in readings:
                assert isinstance(part.effect, Reading)
                layers[depth] = part.effect.apply(layers[depth], part.rng(seed, depth))
        return tuple(layers)

    def _shifts(self, batch: int, seed: int | None) -> list[FloatArray] | None:
        parts = [part for part in self._temporal if isinstance(part.effect, Shift)]
        if not parts or seed is None:
            return None
        shifts = []
        for depth, n_out in enumerate(self.sizes[1:]):
            total: Any = 0
            for part in parts:
                assert isinstance(part.effect, Shift)
                total = total + part.effect.shifts(batch, n_out, part.rng(seed, depth))
            shifts.append(total.astype(self.dtype, copy=False))
        return shifts


def _network(layers: Sequence[Layer], dtype: np.dtype[Any]) -> DeviceNetwork:
    return DeviceNetwork([equivalent_pairs(layer, dtype) for layer in layers], layers[0].circuit)

"""The engine's networks, kept with their memory from one call of an operator to the next."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike.circuit import PARAMETERS, Circuit, layer_core
from rcspike.functional.events import Schedule
from rcspike.network import Wiring
from rcspike.row_load import PARTS, RowLoad
from rcspike.torch.wiring_indices import wirings_of

Parameters: TypeAlias = tuple[float, ...]

N_PARAMETERS = len(PARAMETERS) + 2 + len(PARTS)  # of a layer's circuit: those, its injection and its load

N_NETWORKS = 64  # with more of them in turn, each call packs its weights
MAX_BYTES = 1 << 24  # of spike times: the memory of larger batches is not kept after the backward pass


def parameters_of(circuit: Circuit) -> Parameters:
    """The circuit of a layer as the numbers that an operator takes; a ValueError for those of several layers."""
    layer_core(circuit)
    return (*circuit.parameters.values(), *circuit.injections[0], *circuit.loads[0].values)


@lru_cache(maxsize=256)
def as_circuit(parameters: Parameters) -> Circuit:
    """The inverse of `parameters_of`."""
    n = len(PARAMETERS)
    plus, minus, *load = parameters[n:]
    of_load = RowLoad(**dict(zip(PARTS, load, strict=True)))
    return Circuit(**dict(zip(PARAMETERS, parameters[:n], strict=True)), injection=(plus, minus), load=of_load)


class Parts(NamedTuple):
    """The layers of a network without their weights."""

    circuits: Parameters  # those of all layers, one behind the other
    wiring: tuple[int, ...]  # those of all layers, as `wiring_numbers` has them
    phases: str

    @property
    def each_circuit(self) -> list[Circuit]:
        starts = range(0, len(self.circuits) + 1, N_PARAMETERS)
        return [as_circuit(self.circuits[start:end]) for start, end in pairwise(starts)]

    @property
    def each_wiring(self) -> tuple[Wiring, ...]:
        return wirings_of(self.wiring)

    def engine(self, weights: Sequence[FloatArray]) -> _core.NetworkPass32 | _core.NetworkPass64:
        circuits = [layer_core(circuit) for circuit in self.each_circuit]
        return _core.network_pass(weights, circuits, wiring=[one.core for one in self.each_wiring], phases=self.phases)


class Batch(NamedTuple):
    """Spike times of a batch or their schedule, and shifts of the spikes of each layer, or none."""

    times: FloatArray | Schedule
    shifts: list[FloatArray]

    def copy(self) -> Batch:
        """With arrays of its own; nobody changes a schedule."""
        times = self.times if isinstance(self.times, Schedule) else self.times.copy()
        return Batch(times, [shift.copy() for shift in self.shifts])

    def equals(self, other: Batch) -> bool:
        """The first samples of different batches usually differ, which is seen at once."""
        arrays, others = list(self.shifts), list(other.shifts)
        if isinstance(self.times, Schedule) or isinstance(other.times, Schedule):
            if self.times is not other.times:
                return False
        else:
            arrays, others = [self.times, *arrays], [other.times, *others]
        return len(arrays) == len(others) and all(
            a.shape == b.shape and np.array_equal(a[:1], b[:1]) and np.array_equal(a, b)
            for a, b in zip(arrays, others, strict=True)
        )

    @property
    def is_large(self) -> bool:
        """Whether the memory of its passes should not be kept."""
        if isinstance(self.times, Schedule):
            return self.times.batch * self.times.n_in * 8 > MAX_BYTES
        return self.times.nbytes > MAX_BYTES


@dataclass
class _Kept:
    """A network of the engine, and its last batch if the engine has kept what the gradient of that needs."""

    engine: _core.NetworkPass32 | _core.NetworkPass64 | None = None
    batch: Batch | None = None
    run: object | None = None  # stands for the last forward pass that keeps no batch
    schedule: Schedule | None = None  # of that pass: the engine refers to it until its backward pass
    is_large: bool = False  # so that the memory of that pass is not kept
    lock: AbstractContextManager[bool] = field(default_factory=threading.Lock)

    def forward(self, batch: Batch, threads: int) -> FloatArray:
        """The forward pass for a gradient; an error leaves none."""
        assert self.engine is not None
        self.batch, self.run, self.is_large = None, None, batch.is_large
        self.schedule = batch.times if isinstance(batch.times, Schedule) else None
        return self.engine.forward(batch.times, batch.shifts, keep=True, threads=threads)

    def backward(
        self, grad_v: FloatArray, of_times: bool, max_slope: float, threads: int
    ) -> tuple[FloatArray, list[FloatArray]]:
        assert self.engine is not None
        gradients = self.engine.backward(grad_v, of_times=of_times, max_slope=max_slope, threads=threads)
        if self.is_large:
            self.engine, self.batch, self.run, self.schedule = None, None, None, None
        return gradients

    def has_run(self, batch: Batch) -> bool:
        complete = self.engine is not None and self.engine.is_complete
        return complete and self.batch is not None and self.batch.equals(batch)


_networks: OrderedDict[Hashable, _Kept]
_lock: AbstractContextManager[bool]


def _start_empty() -> None:
    """No network is kept. A forked child begins so: other threads, which do not exist there, may hold the locks of its
    parent's networks, and may have left these networks half changed."""
    global _networks, _lock
    _networks, _lock = OrderedDict(), threading.Lock()


_start_empty()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_start_empty)


@contextmanager
def _network(
    weights: Sequence[FloatArray], parts: Parts, threads: int
) -> Iterator[tuple[_Kept, _core.NetworkPass32 | _core.NetworkPass64]]:
    """The engine's network of these weights, which no other thread changes until the block ends.

    The addresses of the weights only find it. The engine compares the numbers and packs those that differ: an
    optimiser, `.data` or NumPy may have changed them in place, and PyTorch's own counter of versions does not see all
    of that.
    """
    key = (*((w.ctypes.data, w.shape, w.dtype.char) for w in weights), parts)
    with _lock:
        kept = _networks.setdefault(key, _Kept())
        _networks.move_to_end(key)
        while len(_networks) > N_NETWORKS:
            _networks.popitem(last=False)
    with kept.lock:
        if kept.engine is None:
            kept.engine = parts.engine(weights)
        else:
            kept.engine.set(weights, threads)
        yield kept, kept.engine


def network_forward(
    batch: Batch, weights: Sequence[FloatArray], parts: Parts, *, keep: bool, threads: int
) -> FloatArray:
    """The results of the last layer. With `keep`, the engine remembers all that the backward pass needs."""
    with _network(weights, parts, threads) as (kept, engine):
        if not keep:
            return engine.forward(batch.times, batch.shifts, keep=False, threads=threads)
        v = kept.forward(batch, threads)
        kept.batch = batch.copy()
        return v


def network_backward(
    batch: Batch,
    weights: Sequence[FloatArray],
    parts: Parts,
    grad_v: FloatArray,
    *,
    of_times: bool,
    max_slope: float,
    threads: int,
) -> tuple[FloatArray, list[FloatArray]]:
    """Gradients of the spike times, empty unless asked for, and of the weights of each layer.

    The forward pass is repeated if the last one of this network was that of another batch.
    """
    with _network(weights, parts, threads) as (kept, _):
        if not kept.has_run(batch):
            kept.forward(batch, threads)
            kept.batch = batch.copy()
        return kept.backward(grad_v, of_times, max_slope, threads)


class Run(NamedTuple):
    """A forward pass whose gradient is to be taken."""

    kept: _Kept
    run: object
    among: OrderedDict[Hashable, _Kept]  # the networks of its process


def run_forward(batch: Batch, weights: Sequence[FloatArray], parts: Parts, *, threads: int) -> tuple[FloatArray, Run]:
    """`network_forward`, and what stands for it in the backward pass: no number has to be compared there."""
    with _network(weights, parts, threads) as (kept, _):
        v = kept.forward(batch, threads)
        kept.run = object()
        return v, Run(kept, kept.run, _networks)


def run_backward(
    run: Run, grad_v: FloatArray, *, of_times: bool, max_slope: float, threads: int
) -> tuple[FloatArray, list[FloatArray]] | None:
    """`network_backward` of this forward pass, or None if its network has made another one since, or the process is a
    fork of the one that made it."""
    kept = run.kept
    if run.among is not _networks:
        return None
    with kept.lock:
        complete = kept.engine is not None and kept.engine.is_complete
        return kept.backward(grad_v, of_times, max_slope, threads) if complete and kept.run is run.run else None

"""Packed layers and schedules, kept from one call of an operator to the next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit, layer_core
from rcspike.functional import schedule
from rcspike.functional.events import Schedule

__all__ = ["Parameters", "as_circuit", "kept_schedule", "packed_layer", "parameters_of"]

Parameters: TypeAlias = tuple[float, ...]
Value = TypeVar("Value")

_NAMES = ("e_plus", "e_minus", "diode_drop", "ramp", "delay")

N_LAYERS = 64  # a network of more layers than this packs its weights in every call
N_SCHEDULES = 16  # from the forward pass to the backward pass, of all layers
MAX_BYTES = 1 << 24  # larger batches of spike times are sorted again in the backward pass


def parameters_of(circuit: Circuit) -> Parameters:
    """The circuit of a layer as the numbers that an operator takes; a ValueError for injections of several layers.

    Examples
    --------
    >>> parameters_of(Circuit(v_syn=2.0))
    (2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    """
    layer_core(circuit)
    return (*(getattr(circuit, name) for name in _NAMES), *circuit.injections[0])


@lru_cache(maxsize=256)
def as_circuit(parameters: Parameters) -> Circuit:
    """The inverse of `parameters_of`."""
    *values, plus, minus = parameters
    return Circuit(**dict(zip(_NAMES, values, strict=True)), injection=(plus, minus))


class _Recent(Generic[Value]):
    """The values that were used last, by their keys."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key not in self._values:
                self._values[key] = make()
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
            return self._values[key]

    def put(self, key: Hashable, value: Value) -> None:
        self.get(key, lambda: value)


@dataclass
class _Kept(Generic[Value]):
    """What has been made of an array, and a copy of that array by which a change is noticed."""

    source: FloatArray | None = None
    value: Value | None = None
    lock: AbstractContextManager[bool] = field(default_factory=threading.Lock)


# The address of an array only finds the entry. Its numbers decide whether the entry still holds: an optimiser, `.data`
# or NumPy may have changed them in place, and PyTorch's own counter of versions does not see all of that. Comparing 784
# x 200 weights takes a tenth of the time of packing them.
_layers: _Recent[_Kept[_core.Layer32 | _core.Layer64]] = _Recent(N_LAYERS)
_schedules: _Recent[_Kept[Schedule]] = _Recent(N_SCHEDULES)


def _key(array: FloatArray) -> tuple[Hashable, ...]:
    return array.ctypes.data, array.shape, array.dtype.char


def _same(one: FloatArray, other: FloatArray) -> bool:
    """Of one shape: after a step of an optimiser the first row already differs."""
    return np.array_equal(one[:1], other[:1]) and np.array_equal(one, other)


@contextmanager
def packed_layer(
    weights: FloatArray, parameters: Parameters, window: int, threads: int
) -> Iterator[_core.Layer32 | _core.Layer64]:
    """The engine's layer of these weights, which no other thread changes until the block ends."""
    kept = _layers.get((*_key(weights), parameters, window), _Kept)
    with kept.lock:
        if kept.value is None or kept.source is None:
            core = layer_core(as_circuit(parameters))
            kept.value = _core.layer(weights, core, window=window, threads=threads)
            kept.source = weights.copy()
        elif not _same(kept.source, weights):
            kept.value.set(weights, threads)
            np.copyto(kept.source, weights)
        yield kept.value


def kept_schedule(times: FloatArray, threads: int) -> Schedule:
    """The schedule of spike times, made once for the forward pass and the backward pass."""
    if times.nbytes > MAX_BYTES:
        return schedule(times, threads=threads)
    kept = _schedules.get(_key(times), _Kept)
    with kept.lock:
        if kept.value is None or kept.source is None or not _same(kept.source, times):
            kept.value, kept.source = schedule(times, threads=threads), times.copy()
        return kept.value

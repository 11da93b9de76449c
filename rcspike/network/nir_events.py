"""Spike times as events of NIRData, the data format of the Neuromorphic Intermediate Representation (NIR)."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal, TypeAlias

import numpy as np

from rcspike._common.arrays import FloatArray, check_array
from rcspike._common.atomic_files import atomic_write
from rcspike._common.extras import missing_extra
from rcspike._common.readers import open_file

__all__ = ["import_nir", "read_nir_events", "reading", "write_nir_events"]

Repeats: TypeAlias = Literal["error", "first"]

_HEAP = b"GCOL\1\0\0\0"  # with its version, before its length
_MAX_RATIO = 1024  # spike times for each event in a file,
_FLOOR = 2**28  # above this number
_OBSERVABLE = "spikes"  # the name in NIR's own documentation of its data


def import_nir() -> Any:
    """The package `nir`; a ModuleNotFoundError that names the extra if it is missing."""
    try:
        return import_module("nir")
    except ModuleNotFoundError as error:
        raise missing_extra("NIR graphs and events need the package nir", "nir") from error


@contextmanager
def reading(path: str | os.PathLike[str], expected: str) -> Iterator[None]:
    """Whatever nir and h5py raise for a file of other content becomes a ValueError that names the file."""
    try:
        _check_heaps(path)
        yield
    except OSError as error:
        if error.errno is not None:  # of the system, which h5py names the file in
            raise
        raise ValueError(f"{path} is not {expected}: {error}") from error
    except (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not {expected}: {error}") from error


def _check_heaps(path: str | os.PathLike[str]) -> None:
    """Raise a ValueError if a heap, in which HDF5 keeps texts, has objects that do not lie one after the other in it.

    The HDF5 library takes the size of each object to get to the next one, and for a size of 0 never arrives.
    """
    with open_file(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(_HEAP)
        while start >= 0:
            end = start + int.from_bytes(content[start + 8 : start + 16], "little")
            at = start + 16
            if end > len(content):
                raise ValueError(f"the heap at byte {start} is longer than the file")
            while at + 16 <= end:  # number, references and size of an object, then its content up to a multiple of 8
                number, size = content[at : at + 2], int.from_bytes(content[at + 8 : at + 16], "little")
                at += size if number == b"\0\0" else 16 + -(-size // 8) * 8  # the free space counts its own head
                if at > end or (number == b"\0\0" and size < 16):
                    raise ValueError(f"the heap at byte {start} has an object of {size} bytes, which does not fit in")
            start = content.find(_HEAP, start + 1)


def write_nir_events(
    path: str | os.PathLike[str], times: Mapping[str, FloatArray], *, t_max: float | None = None
) -> None:
    """Write spike times as the events of NIRData, an HDF5 file, atomically and without a loss of a bit.

    Parameters
    ----------
    path : str or path
    times : mapping of str to (batch, n) arrays
        Spike times in T of nodes by their names in the graph, such as ``input`` and ``neurons0``; ``inf`` for no spike.
        float32 or float64.
    t_max : float, optional
        End of the recording in T; the last spike by default, and at least 1.

    Raises
    ------
    ModuleNotFoundError
        If the package nir is missing.
    TypeError, ValueError
        If an array is not of floats, or a time is NaN, negative or above t_max.
    OSError
        If the file cannot be written.

    Notes
    -----
    The events of a sample are sorted by their times, and those of equal times by neuron. Rows are filled up with the
    index -1 and the time ``inf``, as the format has it.
    """
    nir = import_nir()
    if not isinstance(times, Mapping):
        raise TypeError(f"times must be a dict of nodes such as {{'input': times}}, got {type(times).__name__}")
    if t_max is not None and not 0 < t_max < np.inf:
        raise ValueError(f"t_max must be above 0 and finite, in T, got {t_max}")
    nodes = {}
    for name, one in times.items():
        if name in ("", ".") or "/" in name:
            raise ValueError(f"{name!r} cannot be a node of an HDF5 file: give it a name without a slash")
        one = check_array(f"times[{name!r}]", one, 2)
        if not (one >= 0).all():
            raise ValueError(f"times[{name!r}] must not be negative or NaN; a neuron that does not spike has inf")
        latest = float(one.max(initial=0, where=np.isfinite(one)))
        end = max(1.0, latest) if t_max is None else float(t_max)
        if not latest <= end:
            raise ValueError(f"times[{name!r}] has a spike at {latest:g} T, after t_max = {end:g}")
        n_events = int(np.isfinite(one).sum(axis=1).max(initial=0))
        idx = np.argsort(one, axis=1, kind="stable")[:, :n_events].astype(np.int64)
        events = np.take_along_axis(one, idx, axis=1)
        idx[np.isinf(events)] = -1
        data = nir.EventData(idx=idx, time=events, n_neurons=one.shape[1], t_max=end)
        nodes[name] = nir.NIRNodeData({_OBSERVABLE: data})
    file = io.BytesIO()
    nir.write_data(file, nir.NIRGraphData(nodes))
    with atomic_write(path) as temporary:
        temporary.write_bytes(file.getbuffer())


def read_nir_events(path: str | os.PathLike[str], *, repeats: Repeats = "error") -> dict[str, FloatArray]:
    """Spike times of each node of a NIRData file. h5py reads the file: read only files that you trust.

    Parameters
    ----------
    path : str or path
    repeats : {"error", "first"}
        Whether a neuron that spikes several times in a sample is an error, or its first spike counts.

    Returns
    -------
    dict of str to (batch, n) arrays
        Times in T, ``inf`` for no spike, in the dtype of the file.

    Raises
    ------
    ModuleNotFoundError
        If the package nir is missing.
    ValueError
        If it is not a NIRData file, or a node has no events that are called ``spikes``, or its events do not fit.
    OSError
        If the file cannot be read.
    """
    nir = import_nir()
    if repeats not in ("error", "first"):
        raise ValueError(f"repeats must be 'error' or 'first', got {repeats!r}")
    with reading(path, "a NIRData file of spike times"):
        nodes = nir.read_data(os.fspath(path)).nodes
        return {name: _times(nir, name, node, repeats) for name, node in nodes.items()}


def _times(nir: Any, name: str, node: Any, repeats: Repeats) -> FloatArray:
    observables = getattr(node, "observables", {})
    data: Any = observables.get(_OBSERVABLE)
    if type(data) is not nir.EventData:
        kinds = ", ".join(f"{key} ({type(value).__name__})" for key, value in observables.items())
        raise ValueError(f"node {name!r} needs EventData that are called {_OBSERVABLE!r}, got {kinds or 'none'}")
    idx, events, n = np.asarray(data.idx), np.asarray(data.time), int(data.n_neurons)
    if idx.ndim != 2 or idx.dtype.kind not in "iu" or events.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"node {name!r} needs integers (batch, n_events) and float times, got {idx.dtype}, {events.dtype}"
        )
    if ((idx < -1) | (idx >= n)).any() or not (events[idx >= 0] >= 0).all():
        raise ValueError(f"node {name!r} has an index outside -1..{n - 1}, or a time that is negative or NaN")
    if len(idx) * n > max(_FLOOR, _MAX_RATIO * idx.size):
        raise ValueError(f"node {name!r} has {n} neurons for {idx.size} events, more than are read from such a file")
    sample, k = np.nonzero((idx >= 0) & np.isfinite(events))
    neuron = idx[sample, k]
    counts = np.zeros((len(idx), n), np.int64)
    np.add.at(counts, (sample, neuron), 1)
    if repeats == "error" and (counts > 1).any():
        at, which = (int(i) for i in np.argwhere(counts > 1)[0])
        raise ValueError(
            f"neuron {which} of node {name!r} spikes {counts[at, which]} times in sample {at}, and an RC-Spike neuron "
            "spikes once; repeats='first' takes the first one"
        )
    times: FloatArray = np.full((len(idx), n), np.inf, events.dtype)
    np.minimum.at(times, (sample, neuron), events[sample, k])
    return times

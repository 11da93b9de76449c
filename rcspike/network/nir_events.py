"""Spike times as events of NIRData, the data format of the Neuromorphic Intermediate Representation (NIR)."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal, TypeAlias

import numpy as np

from rcspike._common.arrays import FloatArray, check_array
from rcspike._common.atomic_files import atomic_write
from rcspike._common.extras import missing_extra
from rcspike._common.readers import naming
from rcspike.network.hdf5 import max_bytes, read_hdf5

Repeats: TypeAlias = Literal["error", "first"]

_OBSERVABLE = "spikes"  # the name in NIR's own documentation of its data


def import_nir() -> Any:
    """The package `nir`; a ModuleNotFoundError that names the extra if it is missing."""
    try:
        return import_module("nir")
    except ModuleNotFoundError as error:
        raise missing_extra("NIR graphs and events need the package nir", "nir") from error


@contextmanager
def reading(path: str | os.PathLike[str], expected: str) -> Iterator[None]:
    """Whatever h5py and nir raise for a file of other content becomes a ValueError that names the file."""
    kinds = ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError
    with naming(f"{path} is not {expected}", *kinds), np.errstate(all="ignore"):
        yield


def write_nir_events(
    path: str | os.PathLike[str], times: Mapping[str, FloatArray], *, t_max: float | None = None
) -> None:
    """Write spike times as the events of NIRData, an HDF5 file, atomically and without a loss of a bit.

    Parameters
    ----------
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
    """Spike times of each node of a NIRData file. h5py reads it in a process with limits of memory and time.

    Parameters
    ----------
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
        If it is not a NIRData file, or a node has no events that are called ``spikes``, or its events do not fit; if
        h5py crashes on the file or exceeds the limits; or if the spike times take more than 1 GiB and 32 times the
        length of the file.
    OSError
        If the file cannot be read.
    """
    import_nir()  # with h5py
    if repeats not in ("error", "first"):
        raise ValueError(f"repeats must be 'error' or 'first', got {repeats!r}")
    with reading(path, "a NIRData file of spike times"):
        left, (root, attributes), times = max_bytes(path), read_hdf5(path), {}
        if (kind := attributes.get("//__type__")) != "NIRGraphData":
            raise ValueError(f"its __type__ is {kind!r}, expected 'NIRGraphData'")
        for name, node in root.get("nodes", {}).items():
            observables = node.get("observables", {})
            place = f"/nodes/{name}/observables"
            kinds = {key: attributes.get(f"{place}/{key}//__type__") for key in observables}
            if kinds.get(_OBSERVABLE) != "EventData":
                found = ", ".join(f"{key} ({kind})" for key, kind in kinds.items()) or "none"
                raise ValueError(f"node {name!r} needs EventData that are called {_OBSERVABLE!r}, got {found}")
            n_neurons = int(attributes[f"{place}/{_OBSERVABLE}//n_neurons"])
            times[name] = _times(name, observables[_OBSERVABLE], n_neurons, repeats, left)
            left -= times[name].nbytes
        return times


def _times(name: str, data: Mapping[str, Any], n: int, repeats: Repeats, max_size: int) -> FloatArray:
    idx, events = np.asarray(data["idx"]), np.asarray(data["time"])
    if idx.ndim != 2 or idx.dtype.kind not in "iu" or events.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"node {name!r} needs integers (batch, n_events) and float times, got {idx.dtype}, {events.dtype}"
        )
    if idx.shape != events.shape:
        raise ValueError(f"node {name!r} has indices of the shape {idx.shape} for times of the shape {events.shape}")
    if ((idx < -1) | (idx >= n)).any() or not (events[idx >= 0] >= 0).all():
        raise ValueError(f"node {name!r} has an index outside -1..{n - 1}, or a time that is negative or NaN")
    if len(idx) * n * events.itemsize > max_size:
        raise ValueError(
            f"node {name!r} has {len(idx)} samples of {n} neurons, more spike times than are read from such a file"
        )
    sample, k = np.nonzero((idx >= 0) & np.isfinite(events))
    place = sample * n + idx[sample, k].astype(np.int64)
    places, n_spikes = np.unique(place, return_counts=True)
    if repeats == "error" and (n_spikes > 1).any():
        first = np.argmax(n_spikes > 1)
        at, which = divmod(int(places[first]), n)
        raise ValueError(
            f"neuron {which} of node {name!r} spikes {n_spikes[first]} times in sample {at}, and an RC-Spike neuron "
            "spikes once; repeats='first' takes the first one"
        )
    times: FloatArray = np.full(len(idx) * n, np.inf, events.dtype)
    np.minimum.at(times, place, events[sample, k])
    return times.reshape(len(idx), n)

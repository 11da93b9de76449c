"""Spike times on their way into the engine: encoded, checked and sorted."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FLOATS, FloatArray, check_array, check_times, plain_array
from rcspike.functional.neuron_kinds import Phases, latest_input

Schedule: TypeAlias = _core.Schedule32 | _core.Schedule64


def encode(images: npt.NDArray[Any]) -> FloatArray:
    """Spike times of intensities: t = 1 - x, and no spike for x = 0.

    Parameters
    ----------
    images : (batch, ...)
        uint8, taken as x = value / 255, or float32 or float64 in [0, 1]. Everything but the first axis is flattened.

    Returns
    -------
    (batch, n_pixels)
        Times in T, ``inf`` for no spike; float64 for float64 images, else float32.

    Raises
    ------
    TypeError
        If the dtype is another one.
    ValueError
        If an intensity lies outside [0, 1] or is masked, or there is no axis to flatten.

    Examples
    --------
    >>> encode(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[inf, 0.8, 0. ]], dtype=float32)
    """
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be a numpy array, got {type(images).__name__}")
    images = plain_array("images", images)
    if images.ndim < 2:
        raise ValueError(f"images must have shape (batch, ...), got {images.shape}")
    flat = np.ascontiguousarray(images).reshape(len(images), math.prod(images.shape[1:]))
    if flat.dtype == np.uint8:
        x = np.arange(256, dtype=np.float32) / np.float32(255)
        table = np.where(x > 0, 1 - x, np.float32(np.inf))
        return np.asarray(table[flat])
    if flat.dtype not in FLOATS:
        raise TypeError(f"images must be uint8, float32 or float64, got {images.dtype}")
    if not np.all((flat >= 0) & (flat <= 1)):
        worst = flat[~((flat >= 0) & (flat <= 1))][0]
        raise ValueError(f"intensities must lie in [0, 1], got {worst}; scale the images first")
    return np.where(flat > 0, 1 - flat, flat.dtype.type(np.inf))


def schedule(
    times: FloatArray, *, dtype: npt.DTypeLike | None = None, phases: Phases = "two", threads: int | None = None
) -> Schedule:
    """Sort a batch of spike times once, for several networks; inputs that never spike cost nothing from here on.

    Errors as in `charge`.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    dtype : float32 or float64, optional
        The precision to compute in; that of the times by default.
    phases : {"two", "single"}
        Kind of the neurons that receive the spikes. Two-phase neurons charge for one window, so that times above 1 mean
        no spike; single-phase neurons take spikes at any time, and only ``inf`` means no spike.

    Returns
    -------
    Schedule
        Has the attributes ``batch``, ``n_in`` and ``phases``. With an array of ints in brackets, it gives the schedule
        of these samples, without sorting again; an IndexError if there is no such sample.

    Examples
    --------
    >>> from rcspike.network import Network
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> events = schedule(np.array([[0.2, 0.5], [np.inf, 0.5]]))
    >>> network.predict(events)
    array([0, 1])
    >>> network.predict(events[np.array([1])])
    array([1])
    """
    times = check_times(times, latest=latest_input(phases))
    times = in_precision(times, times.dtype if dtype is None else dtype, phases)
    return _core.schedule(times, check_threads(threads), phases=phases)


def in_precision(times: FloatArray, dtype: npt.DTypeLike, phases: Phases = "two") -> FloatArray:
    """Spike times as `dtype`; one that is too late in one precision is not rounded to one in time in the other."""
    if dtype == times.dtype:
        return times
    with np.errstate(over="ignore"):  # what is beyond the range of float32 comes too late for any neuron
        return np.where(times > latest_input(phases), np.inf, times).astype(dtype)


def network_input(
    times: FloatArray | Schedule, n_in: int, dtype: np.dtype[Any], phases: Phases = "two"
) -> FloatArray | Schedule:
    """Spike times, or their schedule, as a network of `n_in` inputs that computes in `dtype` takes them."""
    if isinstance(times, Schedule):
        if times.phases != phases:
            raise ValueError(
                f"the schedule is for neurons of phases={times.phases!r}, the network has {phases!r}; pass phases to "
                "schedule"
            )
        if not isinstance(times, _core.Schedule32 if dtype == np.float32 else _core.Schedule64):
            raise TypeError(f"the schedule is not of {dtype} times, as the network computes; pass dtype to schedule")
        shape = (times.batch, times.n_in)
    else:
        times = check_times(times, latest=latest_input(phases))
        shape = times.shape
    if shape[1] != n_in:
        raise ValueError(f"times must have shape (batch, {n_in}) for this network, got {shape}")
    return times if isinstance(times, Schedule) else in_precision(times, dtype, phases)


def fit_events(
    times: FloatArray | Schedule, name: str, weights: FloatArray, threads: int | None, phases: Phases = "two"
) -> Schedule:
    """Schedule of `times` in the precision of `weights`, after checking that the two fit."""
    check_array(name, weights, 2)
    if isinstance(times, Schedule):
        events = network_input(times, weights.shape[0], weights.dtype, phases)
        assert isinstance(events, Schedule)
        return events
    times = check_times(times, latest=latest_input(phases))
    if weights.shape[0] != times.shape[1]:
        hint = f"; did you mean {name}.T?" if weights.shape[1] == times.shape[1] else ""
        raise ValueError(
            f"{name} must have shape ({times.shape[1]}, n_out) to match times of shape {times.shape}, "
            f"got {weights.shape}{hint}"
        )
    return _core.schedule(in_precision(times, weights.dtype, phases), check_threads(threads), phases=phases)


def check_threads(threads: int | None) -> int | None:
    """A number of threads as an int, or None, which stands for all cores that this process may use."""
    if threads is None:
        return None
    if not isinstance(threads, int | np.integer) or isinstance(threads, bool):
        raise TypeError(f"threads must be an int or None, got {threads!r}")
    if not 1 <= threads <= 1024:
        raise ValueError(f"threads must be between 1 and 1024, got {threads}")
    return int(threads)

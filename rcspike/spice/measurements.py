"""Spike times and waveforms as tables: the output of a simulator or an instrument."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, plain_array
from rcspike._common.atomic_files import atomic_write
from rcspike._common.numbers import read_float
from rcspike._common.readers import integer, naming, read_columns
from rcspike.spice.engine_comparison import Comparison

IndexArray = npt.NDArray[np.int64]


def _number_of(name: str, text: str) -> int:
    """Number of a sample or neuron, kept to its last digit."""
    number = integer(text)
    if not 0 <= number < 2**63:
        raise ValueError(f"{name} must be from 0 to 2**63 - 1, got {text}")
    return number


_Columns = dict[str, Callable[[str], float]]
_NUMBERS: _Columns = {name: partial(_number_of, name) for name in ("image", "neuron")}
_SPIKES: _Columns = {**_NUMBERS, "spike_time": read_float}
_WAVEFORMS: _Columns = {**_NUMBERS, "time": read_float, "voltage": read_float}


@dataclass(frozen=True, eq=False)
class Measurements:
    """Spike times, or voltages during the charging phase, one per row, in SI units.

    Parameters
    ----------
    image, neuron : (n,)
        Numbers of the sample and of the neuron in its layer: integers, not negative.
    time : (n,)
        Time in s: of a voltage from the start of the charging phase, of a spike from the start of the firing phase, and
        ``inf`` for none.
    voltage : (n,), optional
        Membrane voltage in V, relative to the resting voltage. Without it the rows are spikes.

    Raises
    ------
    ValueError
        If there are no rows, the columns differ in length, a value is NaN or masked, a time or a number is negative,
        or a number is not an integer below 2**63.

    Examples
    --------
    >>> Measurements(np.array([0]), np.array([3]), np.array([2e-7])).voltage is None
    True
    """

    image: IndexArray
    neuron: IndexArray
    time: Float64Array
    voltage: Float64Array | None = None

    def __post_init__(self) -> None:
        for name, column in vars(self).items():
            if column is not None:
                object.__setattr__(self, name, plain_array(name, column))
        lengths = {name: len(column) for name, column in vars(self).items() if column is not None}
        if len(set(lengths.values())) > 1 or lengths["image"] == 0:
            raise ValueError(f"columns must be of one length above 0, got {lengths}")
        for name in ("image", "neuron"):
            column = getattr(self, name)
            if column.dtype.kind not in "iu" or np.any((column < 0) | (column > np.iinfo(np.int64).max)):
                raise ValueError(f"{name} must hold integers from 0 to 2**63 - 1, got {column.min()} to {column.max()}")
            object.__setattr__(self, name, column.astype(np.int64))
        if not np.all(self.time >= 0):
            raise ValueError(f"times must be in s and not negative, got {self.time[~(self.time >= 0)][0]}")
        if self.voltage is not None and not np.all(np.isfinite(self.voltage)):
            raise ValueError(f"voltages must be finite, got {self.voltage[~np.isfinite(self.voltage)][0]}")


def spike_measurements(comparisons: Sequence[Comparison], images: Sequence[int]) -> Measurements:
    """Spike times of SPICE, from one comparison for each image.

    Examples
    --------
    >>> from rcspike.spice import compare_layer
    >>> comparison = compare_layer(Network([np.eye(2)], Circuit()), np.array([0.2, 0.5]), 1)  # doctest: +SKIP
    >>> spike_measurements([comparison], [0]).neuron  # doctest: +SKIP
    array([0, 1])
    """
    pairs = list(zip(comparisons, images, strict=True))
    return Measurements(
        np.concatenate([np.full(len(c.neurons), image) for c, image in pairs]),
        np.concatenate([c.neurons for c, _ in pairs]),
        np.concatenate([c.scale.seconds(c.t_out_spice) for c, _ in pairs]),
    )


def waveform_measurements(comparisons: Sequence[Comparison], images: Sequence[int], *, n_at: int = 20) -> Measurements:
    """Membrane voltages of SPICE during the charging phase, from one comparison for each image.

    Each neuron has `n_at` of the simulator's own time points, so that nothing is interpolated.

    Examples
    --------
    >>> from rcspike.spice import compare_layer
    >>> comparison = compare_layer(Network([np.eye(2)], Circuit()), np.array([0.2, 0.5]), 1)  # doctest: +SKIP
    >>> len(waveform_measurements([comparison], [0], n_at=5).voltage)  # doctest: +SKIP
    10
    """
    columns: list[tuple[IndexArray, IndexArray, Float64Array, Float64Array]] = []
    for c, image in zip(comparisons, images, strict=True):
        for neuron, t, v in zip(c.neurons, c.measured.t, c.measured.v, strict=True):
            wanted = c.scale.window * np.arange(1, n_at + 1) / n_at
            at = np.unique(np.searchsorted(t, wanted, side="right") - 1)
            columns.append((np.full(len(at), image), np.full(len(at), neuron), t[at], v[at]))
    return Measurements(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def write_csv(measurements: Measurements, path: str | os.PathLike[str]) -> None:
    """Write a CSV file atomically: ``image,neuron,spike_time`` or ``image,neuron,time,voltage``.

    Examples
    --------
    >>> import tempfile
    >>> spike = Measurements(np.array([0]), np.array([3]), np.array([2e-7]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(spike, f"{folder}/spikes.csv")
    ...     read_csv(f"{folder}/spikes.csv").time
    array([2.e-07])
    """
    m = measurements
    columns = [m.image.tolist(), m.neuron.tolist(), m.time.tolist()]
    if m.voltage is not None:
        columns.append(m.voltage.tolist())
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_SPIKES if m.voltage is None else _WAVEFORMS)
        writer.writerows(zip(*columns, strict=True))


def read_csv(path: str | os.PathLike[str]) -> Measurements:
    """Read a file of `write_csv`; other columns are ignored.

    An OSError if it cannot be read; a ValueError if it is longer than 32 MiB, columns are missing, a cell does not hold
    a number, or as in `Measurements`; names the file and line.

    Examples
    --------
    See `write_csv`.
    >>> read_csv("nowhere.csv")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.csv'
    """
    image, neuron, *rest = read_columns(path, _SPIKES, _WAVEFORMS).values()
    if not image:
        raise ValueError(f"{path} has no rows below its header")
    images, neurons = np.array(image, dtype=np.int64), np.array(neuron, dtype=np.int64)
    with naming(path):
        return Measurements(images, neurons, *(np.array(column, dtype=np.float64) for column in rest))

"""The conductances of a network's devices as a table, and measured ones as a chip."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array
from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import read_columns
from rcspike.chips.chip import Chip, program
from rcspike.chips.device_range import process_devices
from rcspike.energy import Process, columns_of, device_conductances
from rcspike.energy.operating_point_in_volts import conductance_unit
from rcspike.network import Network

HEAD = ("layer", "row", "column", "g_plus", "g_minus", "resistance", "level", "clipped")

Pair: TypeAlias = tuple[Float64Array, Float64Array]


@dataclass(frozen=True, kw_only=True)
class LayerConductances:
    """What the devices of a layer are to be programmed to, or drawn for; arrays are (n_rows, n_columns).

    Parameters
    ----------
    g_plus, g_minus : array
        In S; 0 is no device.
    level : array, optional
        Number of the level of the device that stands for the weight, from 0; -1 where there is none.
    clipped : array
        Whether the device cannot have the conductance of the weight, and has the nearest one.
    """

    g_plus: Float64Array
    g_minus: Float64Array
    level: npt.NDArray[np.int64] | None
    clipped: npt.NDArray[np.bool_]


def network_conductances(network: Network, process: Process, *, levels: int = 0) -> list[LayerConductances]:
    """Conductances of the devices of each layer in a process; in a convolution, of one position.

    Parameters
    ----------
    process : Process
    levels : int
        Number of conductances that a device can have, evenly spaced from the least one of the process to the largest
        one of the layer, at least 2; 0 is any.

    Raises
    ------
    ValueError
        If the rails are infinite, or `levels` is 1 or negative.

    Examples
    --------
    >>> from rcspike.energy import load_process
    >>> network = Network([np.array([[0.5, -0.001]])], Circuit(v_syn=1.0))
    >>> (layer,) = network_conductances(network, load_process("sky130-poly"))
    >>> (1e6 * layer.g_plus).round(1), layer.g_minus, layer.clipped
    (array([[50.,  0.]]), array([[0., 0.]]), array([[False,  True]]))
    """
    if levels < 0 or levels == 1:
        raise ValueError(f"levels must be at least 2, or 0 for any conductance, got {levels}")
    least, most = process.device_min_conductance, process.device_max_conductance
    found = []
    for layer in network.layers:
        wanted = device_conductances(process, columns_of(layer))
        pairs = process.devices_per_synapse == 2
        stands = [wanted[0] > 0, wanted[1] > 0]  # for the weight
        ideal = [g + least if pairs else g for g in wanted]
        near = [np.clip(g, least, most) if pairs else _nearest(g, least, most) for g in ideal]
        clipped = np.logical_or(*(~np.isclose(a, b, rtol=1e-6, atol=0) for a, b in zip(ideal, near, strict=True)))
        level = None
        if levels:
            step = (max(float(g.max(initial=0.0)) for g in near) - least) / (levels - 1) or 1.0
            numbers = [np.rint((g - least) / step).astype(np.int64) for g in near]
            near = [np.where(g > 0, least + step * n, 0.0) for g, n in zip(near, numbers, strict=True)]
            level = np.where(stands[0], numbers[0], np.where(stands[1], numbers[1], 0 if pairs else -1))
            level = np.where((near[0] > 0) | (near[1] > 0), level, -1)
        found.append(LayerConductances(g_plus=near[0], g_minus=near[1], level=level, clipped=clipped))
    return found


def _nearest(g: Float64Array, least: float, most: float) -> Float64Array:
    """Of a device that may be left out."""
    return np.where(g < least / 2, 0.0, np.clip(g, least, most))


def write_conductances(layers: Sequence[LayerConductances], path: str | os.PathLike[str]) -> None:
    """Write a CSV file atomically, a line for each weight.

    Its columns are layer, row and column, counted from 1, 0 and 0; g_plus and g_minus in S; the resistance of the
    device that stands for the weight in ohm; its level, if there are levels; and whether it is clipped (1 or 0).

    Examples
    --------
    >>> import tempfile
    >>> from rcspike.energy import load_process
    >>> network, sky130 = Network([np.array([[0.5, -0.25]])], Circuit(v_syn=1.0)), load_process()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_conductances(network_conductances(network, sky130), f"{folder}/g.csv")
    ...     chip = chip_of_conductances(network, read_conductances(f"{folder}/g.csv", network), sky130)
    >>> chip.layers[0].affine()[0].round(6)
    array([[ 0.5 , -0.25]])
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for depth, layer in enumerate(layers, start=1):
            for (row, column), g_plus in np.ndenumerate(layer.g_plus):
                g_minus = layer.g_minus[row, column]
                g = max(float(g_plus), float(g_minus))
                level = "" if layer.level is None or layer.level[row, column] < 0 else int(layer.level[row, column])
                ohms = f"{1 / g:.6g}" if g > 0 else ""
                numbers = (f"{g_plus:.9g}", f"{g_minus:.9g}", ohms, level, int(layer.clipped[row, column]))
                writer.writerow((depth, row, column, *numbers))


def read_conductances(path: str | os.PathLike[str], network: Network) -> list[Pair]:
    """Conductances g_plus and g_minus in S of each layer, from a file with the columns of `write_conductances`.

    Of the columns, layer, row, column, g_plus and g_minus are read. Each weight must have a line.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is longer than 32 MiB, columns are missing, a cell does not hold a number that can be, or weights of the
        network are missing, or there twice; it names the file.
    """
    kinds = {"layer": int, "row": int, "column": int, "g_plus": float, "g_minus": float}
    read = read_columns(path, kinds)
    layers, rows, columns = (np.array(read[name], dtype=np.int64) for name in ("layer", "row", "column"))
    g = np.array([read["g_plus"], read["g_minus"]], dtype=np.float64)
    if not np.all(np.isfinite(g) & (g >= 0)):
        raise ValueError(f"{path}: conductances must be finite and not negative, in S")
    found = []
    for depth, w in enumerate(network.weights, start=1):
        of_layer = layers == depth
        at = rows[of_layer], columns[of_layer]
        if not (np.all((at[0] >= 0) & (at[0] < w.shape[0])) and np.all((at[1] >= 0) & (at[1] < w.shape[1]))):
            raise ValueError(f"{path}: layer {depth} has rows 0 to {w.shape[0] - 1} and columns 0 to {w.shape[1] - 1}")
        counts = np.zeros(w.shape, np.int64)
        np.add.at(counts, at, 1)
        if np.any(counts != 1):
            row, column = np.argwhere(counts != 1)[0]
            raise ValueError(
                f"{path}: layer {depth}, row {row}, column {column} must have one line, got {counts[row, column]}"
            )
        pair = np.zeros((2, *w.shape))
        pair[:, at[0], at[1]] = g[:, of_layer]
        found.append((pair[0], pair[1]))
    if np.any((layers < 1) | (layers > len(found))):
        raise ValueError(f"{path}: the model has layers 1 to {len(found)}, got {layers.min()} to {layers.max()}")
    return found


def chip_of_conductances(network: Network, conductances: Sequence[Pair], process: Process) -> Chip:
    """A chip whose devices have been measured.

    Parameters
    ----------
    network : Network
        Whose circuit and wiring it has.
    conductances : sequence of (array, array)
        g_plus and g_minus in S of each layer, (n_rows, n_columns), on the capacitors of the process.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the rails are infinite.

    Examples
    --------
    See `write_conductances`.
    """
    if [g.shape for g, _ in conductances] != [w.shape for w in network.weights]:
        shapes = [g.shape for g, _ in conductances]
        raise ValueError(f"conductances must be {[w.shape for w in network.weights]}, got {shapes}")
    device_conductances(process, columns_of(network.layers[0]))  # raises the error of infinite rails
    chip = program(network, seed=0, devices=replace(process_devices(process, network), w_max=None))
    layers = []
    for layer, (g_plus, g_minus) in zip(chip.layers, conductances, strict=True):
        siemens = conductance_unit(process, layer.plus.shape[0])
        plus, minus = g_plus / siemens * layer.circuit.e_plus, g_minus / siemens * -layer.circuit.e_minus
        layers.append(replace(layer, plus=plus, minus=minus))
    return replace(chip, layers=tuple(layers))

"""A network on arrays of given rows and columns: how many it takes, how full they are, and the area of each part.

A column of more synapses than an array has rows is cut: its parts lie in several arrays, and a wire joins their
membranes during both phases, so that they are one membrane (docs/design-command.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rcspike._common.numbers import check_count
from rcspike.energy.activity_counts import Columns
from rcspike.energy.operating_point_in_volts import drawn_capacitance, membrane_capacitance
from rcspike.energy.process import Process
from rcspike.energy.synapse_devices import layer_devices

__all__ = ["ArrayMapping", "map_to_arrays"]


@dataclass(frozen=True, kw_only=True)
class ArrayMapping:
    """A network on arrays.

    Parameters
    ----------
    rows, columns : int
        Of an array.
    arrays : tuple of int
        Number of arrays of each layer.
    cuts : tuple of int
        Parts into which each column of a layer is cut; 1 where it fits.
    utilisation : float
        Fraction of all cells of the arrays that are synapses of the network.
    area : mapping
        Area in m2 of each part: resistors, the cells of all arrays, capacitors, neurons.
    joining_capacitance : float
        Capacitance in F of the wires that join the parts of a column, in the layer with the longest ones.
    joining_time : float
        Time in T in which two neighbouring parts of a column even out, at most: half of their capacitance, times the
        wire's resistance over an array. It is to be far below 1.
    """

    rows: int
    columns: int
    arrays: tuple[int, ...]
    cuts: tuple[int, ...]
    utilisation: float
    area: Mapping[str, float]
    joining_capacitance: float
    joining_time: float


def map_to_arrays(process: Process, layers: Iterable[Columns], *, rows: int, columns: int) -> ArrayMapping:
    """Put each layer onto arrays of its own.

    Parameters
    ----------
    process : Process
    layers : iterable of Columns
        As `columns_of` makes them.
    rows, columns : int
        Size of an array, each at least 1.

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> found = map_to_arrays(load_process(), [Columns(784, 100, 100), Columns(100, 10, 10)], rows=256, columns=64)
    >>> found.arrays, found.cuts, round(found.utilisation, 3)
    ((8, 1), (4, 1), 0.538)
    """
    check_count("rows", rows, 1)
    check_count("columns", columns, 1)
    p, layers = process, tuple(layers)
    cuts = tuple(math.ceil(one.rows / rows) for one in layers)
    arrays = tuple(cut * math.ceil(one.columns / columns) for cut, one in zip(cuts, layers, strict=True))
    cells = sum(arrays) * rows * columns
    area = {
        "resistors": sum(0.0 if one.g_plus is None else layer_devices(p, one).area for one in layers),
        "cells": cells * p.cell_area,
        "capacitors": sum(one.columns * drawn_capacitance(p, one.rows) for one in layers) / p.capacitor_density,
        "neurons": sum(one.neurons for one in layers) * p.neuron_area,
    }
    each = [membrane_capacitance(p, one.rows) / cut for cut, one in zip(cuts, layers, strict=True)]
    joined = [c for c, cut in zip(each, cuts, strict=True) if cut > 1]
    return ArrayMapping(
        rows=rows,
        columns=columns,
        arrays=arrays,
        cuts=cuts,
        utilisation=sum(one.rows * one.columns for one in layers) / cells,
        area=area,
        joining_capacitance=(max(cuts) - 1) * rows * p.column_wire_capacitance,
        joining_time=max(joined, default=0.0) / 2 * rows * p.wire_resistance / p.window,
    )

"""One set of columns for all positions of a convolution: windows, latency and the spike times that are remembered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from rcspike._common.numbers import check_count
from rcspike.energy.activity_counts import Columns, columns_of
from rcspike.energy.process import Process
from rcspike.network import Conv2d, FirstSpike2d
from rcspike.network.layered_network import Layer


@dataclass(frozen=True, kw_only=True)
class Turns:
    """What one set of columns of a layer does in an inference; docs/convolution.md has a diagram of it.

    Parameters
    ----------
    columns : Columns
        Of one position.
    charges : int
        Windows T in which each column charges, one for each position.
    shared : int
        Membranes of a neuron: they are charged in turn, share their charge and fire together.
    remembered : int
        Spike times that a memory in front of the layer holds; 0 if the layer before fires straight into this one.
    latches : int
        Neurons before the memory that fire in one window, whose spike times are taken; 0 for the inputs.
    written, read : int
        Spike times that are written and read: a neuron's once, a row's for each position at which it has an input.
    """

    columns: Columns
    charges: int
    shared: int
    remembered: int
    latches: int
    written: int
    read: int

    def capacitors(self, capacitors: int) -> int:
        """Capacitors of each column, of which `capacitors` for each membrane of a neuron if it takes turns."""
        return self.shared * (capacitors if self.charges > self.shared else 1)

    def duration(self, capacitors: int, reset: float) -> float:
        """Time in T from the start of the first charging to the end of the last firing.

        A neuron takes `shared` + 1 windows and a reset of `reset` T on its capacitors. With others of them, the column
        charges meanwhile, one position at a time.
        """
        rounds, later = divmod(self.charges // self.shared - 1, capacitors)
        last = rounds * max(self.shared + 1 + reset, capacitors * self.shared) + later * self.shared
        return last + self.shared + 1


def column_turns(layers: Iterable[Layer]) -> list[Turns]:
    """How one set of columns for each layer of a network takes turns.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> network = Network.create("conv8-pool-10", Circuit(), input_shape=(8, 8), seed=0)
    >>> [(one.charges, one.shared, one.remembered) for one in column_turns(network.layers)]
    [(64, 4, 64), (1, 1, 128)]
    """
    return [*_turns(layers)]


def _turns(layers: Iterable[Layer]) -> Iterator[Turns]:
    before: Turns | None = None
    for layer in layers:
        wiring = layer.wiring
        rows, n_columns = wiring.weight_shape(layer.n_in, layer.n_out)
        charges, shared, words, read = 1, 1, rows, rows
        if isinstance(wiring, Conv2d):
            charges, shared = math.prod(wiring.positions()), wiring.pool**2
            seen = FirstSpike2d(wiring.in_shape, wiring.first).out_shape if wiring.first > 1 else wiring.in_shape
            words = math.prod(seen)
            read = int(np.isfinite(wiring.windows(np.zeros((1, layer.n_in)))).sum())
        remembers = charges > 1 or (before is not None and before.charges > 1)
        taken = remembers and before is not None
        before = Turns(
            columns=replace(columns_of(layer), columns=n_columns, neurons=n_columns),
            charges=charges,
            shared=shared,
            remembered=words if remembers else 0,
            latches=before.columns.neurons if taken and before is not None else 0,
            written=layer.n_in if taken else 0,
            read=read if remembers else 0,
        )
        yield before


def latency_in_turn(process: Process, layers: Iterable[Layer], *, capacitors: int = 1) -> float:
    """Latency in s of two-phase neurons in layers whose one set of columns serves all positions in turn.

    A layer behind a memory begins when the layer before has fired for all positions; without one, it charges while the
    layer before fires.

    Parameters
    ----------
    capacitors : int
        Of each membrane of a column that takes turns: with two, one is charged while the other fires.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import load_process
    >>> layers = Network.create("conv8-10", Circuit(), input_shape=(8, 8), seed=0).layers
    >>> [round(1e6 * latency_in_turn(load_process(), layers, capacitors=n), 6) for n in (1, 2)]  # us
    [193.0, 98.0]
    """
    check_count("capacitors", capacitors, 1)
    turns = column_turns(layers)
    windows = sum(one.duration(capacitors, process.reset_time) for one in turns)
    overlapping = sum(one.remembered == 0 for one in turns[1:])  # layers that charge while the one before fires
    return process.window * (windows - overlapping)


def memory_bits(process: Process, turns: Iterable[Turns]) -> int:
    """Bits of the spike times that are remembered between layers.

    Examples
    --------
    >>> from rcspike import Circuit, Network
    >>> from rcspike.energy import load_process
    >>> layers = Network.create("conv8-10", Circuit(), input_shape=(8, 8), seed=0).layers
    >>> memory_bits(load_process(), column_turns(layers)) // 8  # 64 pixels, and 512 neurons
    576
    """
    return int(process.spike_time_bits) * sum(one.remembered for one in turns)

"""Activity of a network: charges and spikes of a forward pass, counted exactly and in normalised units."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.network import Conv2d, FirstSpike2d, LayeredNetwork, Wiring, layer_with
from rcspike.network.layered_network import Layer
from rcspike.neurons import Phases, neuron_kind

_Sums: TypeAlias = list[npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Columns:
    """Columns of synapses of a layer. In a convolution, each position has columns of its own.

    Parameters
    ----------
    rows : int
        Synapses of each column.
    columns : int
        Columns, each with a membrane.
    neurons : int
        Ramps and comparators: fewer than columns where membranes share their charge.
    g_plus, g_minus : (rows, columns of one position), optional
        Conductances in C / T of the weights on either rail; left out where no resistor stands for a weight, as on
        infinite rails.
    """

    rows: int
    columns: int
    neurons: int
    g_plus: Float64Array | None = field(default=None, repr=False, compare=False)
    g_minus: Float64Array | None = field(default=None, repr=False, compare=False)


def columns_of(layer: Layer) -> Columns:
    """Columns of a layer.

    Examples
    --------
    >>> network = Network.create("conv8-pool-10", Circuit(), input_shape=(8, 8), seed=0)
    >>> [columns_of(layer) for layer in network.layers]
    [Columns(rows=9, columns=512, neurons=128), Columns(rows=128, columns=10, neurons=10)]
    """
    rows, columns = layer.wiring.weight_shape(layer.n_in, layer.n_out)
    if isinstance(layer.wiring, Conv2d):
        columns *= math.prod(layer.wiring.positions())
    circuit = layer.circuit
    if not (math.isfinite(circuit.e_plus) and math.isfinite(circuit.e_minus)):
        return Columns(rows, columns, layer.n_out)
    conductances = layer_with(layer, "weight_conductances", "energy").weight_conductances()
    return Columns(rows, columns, layer.n_out, *conductances)


@dataclass(frozen=True)
class Activity:
    """Activity of a network for each sample and layer, in normalised units; arrays are (batch, n_layers).

    Parameters
    ----------
    q_plus, q_minus : array
        Charge that the rails deliver through the synapses, summed over the columns, in C V_th; the first is not
        negative, the second not positive.
    q_net : array
        Sum over the columns of abs(v(1)), in C V_th: what an output that carries the charge moves at least.
    q_ramp : array
        Charge that the ramps deliver until each neuron fires or the phase is over, in C V_th.
    spikes : array
        Number of input spikes, of joined inputs the first of each window: those that drive rows.
    events : array
        Number of synapses that these reach: of each spike, one in every column that has its row.
    columns : tuple of Columns
        Of each layer.
    phases : {"two", "single"}
        Kind of the neurons.
    opened_plus, opened_minus : array, optional
        Charge that the rails deliver as the switches of the synapses open, summed over the columns, in C V_th, if the
        circuit has an injection.
    durations : (batch,) array, optional
        Single phase: when each inference ends, in T.
    gated : array, optional
        Number of spikes at the inputs of OR gates, which join inputs.
    charging : array, optional
        Single phase: sum over the neurons of the time until the spike of each or the end of the inference, in T.
    """

    q_plus: npt.NDArray[np.float64]
    q_minus: npt.NDArray[np.float64]
    q_net: npt.NDArray[np.float64]
    q_ramp: npt.NDArray[np.float64]
    spikes: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    events: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    columns: tuple[Columns, ...]
    phases: Phases = "two"
    opened_plus: npt.NDArray[np.float64] | None = None
    opened_minus: npt.NDArray[np.float64] | None = None
    durations: npt.NDArray[np.float64] | None = None
    charging: npt.NDArray[np.float64] | None = None
    gated: npt.NDArray[np.int64] | npt.NDArray[np.float64] | None = None

    def mean(self) -> Activity:
        """Mean over the samples, as a batch of one: every part of the energy is linear in the activity.

        Examples
        --------
        >>> two = np.array([[1.0], [3.0]])
        >>> spikes = np.array([[1], [2]])
        >>> Activity(two, -two, two, two, spikes, events=spikes, columns=(Columns(2, 1, 1),)).mean().spikes
        array([[1.5]])
        """
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        means: dict[str, Any] = {name: x.mean(axis=0, keepdims=True) for name, x in arrays.items()}
        return replace(self, **means)


def activity(
    network: LayeredNetwork,
    times: FloatArray,
    *,
    until: float | None = None,
    noise: float = 0.0,
    seed: int | None = None,
    threads: int | None = None,
) -> Activity:
    """Count charges and spikes of a forward pass.

    In a single phase the synapses of a neuron conduct until its spike, since nothing after it matters, and those of all
    neurons until the inference ends.

    Errors as in `rcspike.Network.forward`; also if the layers cannot compute the charge of the rails, or if `until` is
    given for two phases, or not above 0 and finite.

    Parameters
    ----------
    network : Network
        Or another network whose layers have a `supply_charge`.
    times : (batch, n_in)
        Input spike times in T.
    until : float, optional
        Single phase: time in T at which every inference ends. By default it ends with the first output spike, or
        without one when it is given up, after 10 T.
    noise, seed, threads
        As in `rcspike.Network.forward`.

    Examples
    --------
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit.conventional())
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> done.q_plus, done.q_minus, done.q_ramp, done.spikes
    (array([[0.5]]), array([[-0.25]]), array([[0.75]]), array([[2]]))
    """
    kind = neuron_kind(network.phases)
    walk = network.walk(times, noise=noise, seed=seed, threads=threads)
    results, durations = kind.inferences(walk, until)
    sums: list[_Sums] = []
    counts = []
    for result in results:
        layer = layer_with(result.layer, "supply_charge", "energy")
        done = kind.supply(layer, result, durations, threads=threads)
        counts.append(_counts(layer, result.times <= done.latest))
        columns = columns_of(layer)
        shared = columns.columns / columns.neurons  # membranes that share their charge, and one ramp
        net = np.abs(_before_sharing(layer, result.times, threads)) if shared > 1 else done.q_net
        of_layer = [done.q_plus, done.q_minus, net, shared * done.q_ramp]
        of_layer += [] if done.watching is None else [done.watching]
        sums.append([q.sum(axis=1, dtype=np.float64) for q in of_layer])
        if network.circuit.injects:
            of_switches = layer_with(layer, "switch_charge", "energy").switch_charge
            sums[-1] += [q.sum(axis=1) for q in of_switches(result.times, threads=threads)]
    names = ["q_plus", "q_minus", "q_net", "q_ramp"]
    names += [] if done.watching is None else ["charging"]
    names += ["opened_plus", "opened_minus"] if network.circuit.injects else []
    spikes, events, gated = np.stack(counts, axis=2)
    return Activity(
        **dict(zip(names, _by_layer(sums), strict=True)),
        spikes=spikes,
        events=events,
        columns=tuple(map(columns_of, network.layers)),
        phases=network.phases,
        durations=durations,
        gated=gated,
    )


def _before_sharing(layer: Any, times: FloatArray, threads: int | None) -> FloatArray:
    """Voltages of the membrane of each column, before those of a neuron share their charge."""
    alone, (down, across) = replace(layer.wiring, pool=1), layer.wiring.positions()
    v: FloatArray = replace(layer, wiring=alone).charge(times, threads=threads)
    return v.reshape(len(v), *alone.positions(), -1)[:, :down, :across].reshape(len(v), -1)


def _by_layer(sums: list[_Sums]) -> _Sums:
    """Each quantity as (batch, n_layers), from the sums (batch,) of the quantities of each layer."""
    return [np.stack(layers, axis=1) for layers in zip(*sums, strict=True)]


def _counts(layer: Layer, spiking: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Spikes that drive rows, synapses that they reach, and spikes at the inputs of OR gates: (3, batch)."""
    wiring, gated, rows = layer.wiring, np.zeros(len(spiking), np.int64), spiking
    if wiring.joined:
        joins = FirstSpike2d(wiring.in_shape, wiring.first) if isinstance(wiring, Conv2d) else wiring
        gated = np.count_nonzero(spiking & _has_gate(joins, layer.n_in), axis=1)
        rows = joins.rows(np.where(spiking, 0.0, np.inf)) == 0
        if isinstance(wiring, Conv2d) and isinstance(joins, FirstSpike2d):
            wiring = replace(wiring, in_shape=joins.out_shape, first=1)
    spikes = np.count_nonzero(rows, axis=1)
    if not isinstance(wiring, Conv2d):
        return np.stack([spikes, spikes * layer.n_out, gated])
    n_rows = rows.shape[1]
    seen = wiring.windows(np.arange(n_rows, dtype=np.float64)[np.newaxis])
    positions = np.bincount(seen[np.isfinite(seen)].astype(np.int64), minlength=n_rows)  # that see each row
    n_columns = layer.wiring.weight_shape(layer.n_in, layer.n_out)[1]
    return np.stack([spikes, rows @ positions * n_columns, gated])


def _has_gate(joins: Wiring, n_in: int) -> npt.NDArray[np.bool_]:
    """Inputs of some OR gate: all but pixels at the far edges that fill no window."""
    if not isinstance(joins, FirstSpike2d):
        return np.ones(n_in, np.bool_)
    has_gate = np.zeros(joins.in_shape, np.bool_)
    height, width, _ = joins.out_shape
    has_gate[: height * joins.window, : width * joins.window] = True
    return has_gate.ravel()

"""Graphs of the Neuromorphic Intermediate Representation (NIR), which other simulators read.

The package `nir` is imported when a function is called. docs/interchange.md says what a graph can express.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray, check_array
from rcspike._common.atomic_files import atomic_write
from rcspike.circuit import Circuit
from rcspike.functional.neuron_kinds import supported
from rcspike.network.hdf5 import read_hdf5
from rcspike.network.nir_events import import_nir, reading
from rcspike.network.resistive_network import Network
from rcspike.network.wiring import Conv2d, Dense, Wiring

Inputs: TypeAlias = Literal["events", "currents"]

_PROBLEMS: Callable[[str], tuple[str, ...]] = supported(
    "a NIR graph",
    two=("its neurons have two phases, and NIR has no clock that starts a ramp (phases='single' is possible)",),
    single=(),
)
_T_MAX = 1000.0  # T; an assumption: no experiment lasts as long
_MAX_NODES = 500  # of a file: nir takes time with the square of their number

_LEAKS = "its leak is constant, and that of an RC-Spike neuron is the conductance of the synapses that conduct"
_REASONS = {
    "LIF": _LEAKS,
    "LI": _LEAKS,
    "CubaLI": "its currents decay; a synapse of RC-Spike conducts until the end",
    "CubaLIF": "its currents decay; a synapse of RC-Spike conducts until the end",
    "Threshold": "RC-Spike has spikes of membranes only",
    "Scale": "scale the weights instead",
    "SumPool2d": "several spikes of a window would add their currents; a row of RC-Spike has one spike",
    "AvgPool2d": "several spikes of a window would add their currents; a row of RC-Spike has one spike",
    "Conv1d": "convolutions of RC-Spike have two dimensions",
    "NIRGraph": "graphs in graphs are not read; join their nodes",
}


def to_nir(network: Network, *, inputs: Inputs = "events", t_max: float = _T_MAX) -> Any:
    """A NIR graph of a conventional single-phase network, without an approximation.

    The first layer is the nodes ``synapses0`` (Linear or Conv2d), ``currents0`` (I), which holds the current of an
    input that has spiked, ``neurons0`` (IF) and, if the circuit has a delay, ``delay0``. A second of the graph is T.

    Parameters
    ----------
    network : Network
        Of a single phase, on a circuit of infinite rails.
    inputs : {"events", "currents"}
        Whether inputs are spikes, or signals that are 1 from the spike on. For currents, the first layer has no node I;
        simulators that do not know it read networks of one layer.
    t_max : float
        Duration in T in which no neuron spikes twice: the reset voltages are as low as this takes.

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    ModuleNotFoundError
        If the package nir is missing.
    TypeError, ValueError
        If it is another kind of network, or NIR cannot express a part of it, with the reason.

    Examples
    --------
    >>> network = Network.create([4, 3, 2], Circuit.conventional(), seed=0, phases="single")
    >>> list(to_nir(network).nodes)
    ['input', 'synapses0', 'currents0', 'neurons0', 'synapses1', 'currents1', 'neurons1', 'output']
    """
    nir = import_nir()
    _check_options(inputs, t_max)
    _check_network(network)
    nodes: dict[str, Any] = {}
    shape: tuple[int, ...] = _maps(network.layers[0].wiring) or (network.sizes[0],)
    nodes["input"] = nir.Input({"input": np.array(shape)})
    for depth, layer in enumerate(network.layers):
        wiring, w = layer.wiring, layer.weights
        if isinstance(wiring, Conv2d):
            height, width, channels = wiring.in_shape
            kernel = np.ascontiguousarray(w.reshape(*wiring.kernel, channels, -1).transpose(3, 2, 0, 1))
            nodes[f"synapses{depth}"] = nir.Conv2d(
                input_shape=(height, width),
                weight=kernel,
                stride=wiring.stride,
                padding=wiring.padding,
                dilation=1,
                groups=1,
                bias=np.zeros(len(kernel), w.dtype),
            )
            down, across, columns = wiring.out_shape(w.shape[1])
            out: tuple[int, ...] = (columns, down, across)
        else:
            if len(shape) == 3:  # of the maps before it
                nodes[f"flatten{depth}"] = nir.Flatten({"input": np.array(shape)}, start_dim=0, end_dim=-1)
                w = w[_channels_first(shape)]
            nodes[f"synapses{depth}"] = nir.Linear(np.ascontiguousarray(w.T))
            out = (w.shape[1],)
        ones = np.ones(out, w.dtype)
        if depth > 0 or inputs == "events":
            nodes[f"currents{depth}"] = nir.I(ones.copy())
        reset = -t_max * np.maximum(w, 0).sum(axis=0, dtype=np.float64).astype(w.dtype)
        reset = reset.reshape(-1, *[1] * (len(out) - 1)) * ones
        nodes[f"neurons{depth}"] = nir.IF(r=ones, v_threshold=ones.copy(), v_reset=reset)
        if network.circuit.delay > 0:
            nodes[f"delay{depth}"] = nir.Delay(network.circuit.delay * np.ones(out))
        shape = out
    nodes["output"] = nir.Output({"output": np.array(shape)})
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)))


def write_nir(
    path: str | os.PathLike[str], network: Network, *, inputs: Inputs = "events", t_max: float = _T_MAX
) -> None:
    """Write `to_nir` as an HDF5 file, atomically.

    Raises
    ------
    ModuleNotFoundError, TypeError, ValueError
        As in `to_nir`.
    OSError
        If the file cannot be written.
    """
    file = io.BytesIO()
    import_nir().write(file, to_nir(network, inputs=inputs, t_max=t_max))
    with atomic_write(path) as temporary:
        temporary.write_bytes(file.getbuffer())


def from_nir(graph: Any, *, inputs: Inputs = "events", t_max: float = _T_MAX) -> Network:
    """The network of a NIR graph: the inverse of `to_nir`, also for graphs from elsewhere.

    Parameters
    ----------
    graph : nir.NIRGraph
        A chain of Linear, Affine or Conv2d without bias, I, IF and Delay for each layer, and Flatten between maps and
        dense layers.
    inputs : {"events", "currents"}
        As in `to_nir`.
    t_max : float
        Duration in T in which no neuron may spike twice.

    Returns
    -------
    Network
        Of a single phase, in the conventional circuit; the resistances and thresholds of the graph are in its weights.

    Raises
    ------
    ModuleNotFoundError
        If the package nir is missing.
    TypeError, ValueError
        If the argument is not a graph, or a node cannot be a part of an RC-Spike network, with its name and the reason.

    Examples
    --------
    >>> network = Network.create([4, 3, 2], Circuit.conventional(), seed=0, phases="single")
    >>> again = from_nir(to_nir(network))
    >>> all((a == b).all() for a, b in zip(again.weights, network.weights))
    True
    """
    nir = import_nir()
    _check_options(inputs, t_max)
    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(f"graph must be a nir.NIRGraph, got {type(graph).__name__}; read files with read_nir")
    chain = _Chain(graph)
    weights, wiring, delays = list[FloatArray](), list[Wiring](), set[float]()
    shape = chain.input_shape
    while not chain.is_at("Output"):
        if chain.is_at("Flatten"):
            chain.take("Flatten")  # dense rows are numbered below
        w, one, out = _synapses(chain, shape)
        has_currents = bool(weights) or inputs == "events"
        resistance = np.ones((out[0], 1))
        if has_currents:
            resistance = _values(chain, "I", "r", out)
            chain.take("I")
        name = chain.name
        threshold, reset = _values(chain, "IF", "v_threshold", out), _values(chain, "IF", "v_reset", out)
        factors = resistance * _values(chain, "IF", "r", out) / threshold
        chain.take("IF")
        if (np.ptp(factors, axis=1) > 0).any():
            raise ValueError(f"node {name!r}: neurons of one map share their synapses, but r / v_threshold differ")
        w = w if (factors == 1).all() else (w * factors[:, 0]).astype(w.dtype)
        again = ((threshold - reset) / threshold).min(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            earliest = float((again / np.maximum(w, 0).sum(axis=0, dtype=np.float64)).min())
        # Rounding of v_reset to float32 loses 6e-8 of t_max.
        if not earliest > t_max * (1 - 1e-6):
            raise ValueError(
                f"node {name!r} may spike again {earliest:g} T after a spike, and an RC-Spike neuron spikes once: "
                f"lower v_reset, or give a t_max below {t_max:g}"
            )
        if chain.is_at("Delay"):
            delays |= set(np.unique(chain.take("Delay").delay).tolist())
        else:
            delays.add(0.0)
        weights.append(np.ascontiguousarray(w))
        wiring.append(one)
        shape = out
    if not weights:
        raise ValueError("the graph has no layer: it needs synapses, I and IF between input and output")
    if len(delays) > 1:
        raise ValueError(f"delays differ ({', '.join(f'{d:g}' for d in sorted(delays))}): those of a circuit are equal")
    return Network(weights, Circuit(v_syn=np.inf, delay=delays.pop()), wiring, phases="single")


def read_nir(path: str | os.PathLike[str], *, inputs: Inputs = "events", t_max: float = _T_MAX) -> Network:
    """Read the network of a NIR file, as `from_nir`. h5py reads it in a process with limits of memory and time.

    Raises
    ------
    ModuleNotFoundError, ValueError
        As in `from_nir`; with the name of the file, also if it is not a NIR file, or has more than 500 nodes or edges,
        or h5py crashes on it or exceeds the limits.
    OSError
        If the file cannot be read.
    """
    nir = import_nir()
    _check_options(inputs, t_max)
    with reading(path, "a NIR graph of an RC-Spike network"):
        graph = read_hdf5(path)[0]["node"]
        nodes = {name: _node(name, group) for name, group in graph["nodes"].items()}
        edges = graph["edges"]
        if max(len(nodes), len(edges)) > _MAX_NODES:
            raise ValueError(f"{len(nodes)} nodes and {len(edges)} edges, but at most {_MAX_NODES} are read")
        fields = {"type": graph["type"], "nodes": nodes, "edges": edges}
        return from_nir(nir.NIRGraph.from_dict(fields), inputs=inputs, t_max=t_max)


def _node(name: str, group: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a node, without the metadata, which may be anything."""
    if group["type"] == "NIRGraph":
        raise ValueError(f"node {name!r} is NIRGraph: {_REASONS['NIRGraph']}")
    return {field: value for field, value in group.items() if field != "metadata"}


class _Chain:
    """The nodes of a graph from its input to its output, taken one by one."""

    def __init__(self, graph: Any) -> None:
        self.nodes = graph.nodes
        after: dict[str, list[str]] = {}
        for source, target in graph.edges:
            after.setdefault(source, []).append(target)
        starts = [name for name, node in self.nodes.items() if type(node).__name__ == "Input"]
        if len(starts) != 1:
            raise ValueError(f"the graph must have one input, got {len(starts)}")
        self.names = starts
        while self.names[-1] in after:
            targets = after[self.names[-1]]
            if len(targets) != 1 or targets[0] in self.names:
                raise ValueError(
                    f"node {self.names[-1]!r} has edges to {', '.join(targets)}: layers must form one chain"
                )
            self.names.append(targets[0])
        if len(self.names) != len(self.nodes) or type(self.nodes[self.names[-1]]).__name__ != "Output":
            raise ValueError("the nodes must form one chain from the input to the output")
        self.input_shape = tuple(int(n) for n in np.ravel(self.nodes[starts[0]].input_type["input"]))
        self._at = 1

    @property
    def name(self) -> str:
        name: str = self.names[self._at]
        return name

    @property
    def node(self) -> Any:
        return self.nodes[self.name]

    def is_at(self, *kinds: str) -> bool:
        return type(self.node).__name__ in kinds

    def expect(self, *kinds: str) -> Any:
        """The node that comes next, which must be of one of these kinds."""
        if not self.is_at(*kinds):
            kind = type(self.node).__name__
            reason = _REASONS.get(kind, "")
            if kind == "IF" and "I" in kinds:
                reason = (
                    "without an I before it, a spike is a jump of the membrane, and here it closes a switch; if the "
                    "inputs are currents that stay on, say inputs='currents'"
                )
            raise ValueError(
                f"node {self.name!r} is {kind}, expected {' or '.join(kinds)}{': ' if reason else ''}{reason}"
            )
        return self.node

    def take(self, *kinds: str) -> Any:
        """The same, and the one behind it comes next."""
        node = self.expect(*kinds)
        self._at += 1
        return node


def _synapses(chain: _Chain, shape: tuple[int, ...]) -> tuple[FloatArray, Wiring, tuple[int, ...]]:
    """Weights of a layer whose inputs have this shape, its wiring, and the shape of its neurons."""
    name, node = chain.name, chain.take("Linear", "Affine", "Conv2d")
    weight = check_array(
        f"weight of node {name!r}", np.asarray(node.weight), 4 if type(node).__name__ == "Conv2d" else 2
    )
    if not np.isfinite(weight).all():
        raise ValueError(f"weight of node {name!r} must be finite, got {weight[~np.isfinite(weight)][0]}")
    if np.any(np.asarray(getattr(node, "bias", 0)) != 0):
        raise ValueError(f"node {name!r} has a bias: use an input that spikes at 0 instead")
    if type(node).__name__ != "Conv2d":
        w = weight.T
        if len(w) != math.prod(shape):
            raise ValueError(f"node {name!r} takes {len(w)} inputs, but those before it have the shape {shape}")
        if len(shape) == 3:
            order = np.empty(len(w), np.int64)
            order[_channels_first(shape)] = np.arange(len(w))
            w = w[order]
        return w, Dense(), (weight.shape[0],)
    columns, channels, k_h, k_w = weight.shape
    if len(shape) != 3 or shape[0] != channels:
        raise ValueError(f"node {name!r} needs maps of {channels} channels as (channels, height, width), got {shape}")
    if _pair(node.dilation) != (1, 1) or int(node.groups) != 1:
        raise ValueError(f"node {name!r} has dilation {node.dilation} and groups {node.groups}: both must be 1")
    padding = {"valid": (0, 0), "same": ((k_h - 1) / 2, (k_w - 1) / 2)}.get(str(node.padding)) or _pair(node.padding)
    stride = _pair(node.stride)
    if stride[0] != stride[1] or padding[0] != padding[1] or padding[0] % 1:
        raise ValueError(
            f"node {name!r} has stride {stride} and padding {padding}: both must be equal in both directions"
        )
    wiring = Conv2d((shape[1], shape[2], channels), (k_h, k_w), stride=int(stride[0]), padding=int(padding[0]))
    w = weight.transpose(2, 3, 1, 0).reshape(-1, columns)
    return w, wiring, (columns, *wiring.positions())


def _values(chain: _Chain, kind: str, attribute: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """A parameter of the neurons of the node that comes next, (n, neurons of a map); one number for all is spread.

    Resistances and thresholds must be positive.
    """
    name, node = chain.name, chain.expect(kind)
    values = np.asarray(getattr(node, attribute), np.float64)
    if values.size != 1 and values.shape != shape:
        raise ValueError(f"{attribute} of node {name!r} must have shape {shape}, got {values.shape}")
    if np.isnan(values).any() or (attribute != "v_reset" and not ((values > 0) & np.isfinite(values)).all()):
        raise ValueError(f"{attribute} of node {name!r} must be above 0 and finite")
    return np.full((shape[0], 1), values.item()) if values.size == 1 else values.reshape(shape[0], -1)


def _pair(value: Any) -> tuple[float, ...]:
    values = np.ravel(value)
    return (float(values[0]), float(values[-1]))


def _maps(wiring: Wiring) -> tuple[int, int, int] | None:
    """Maps of the inputs as (channels, height, width), or None."""
    if not isinstance(wiring, Conv2d):
        return None
    height, width, channels = wiring.in_shape
    return channels, height, width


def _channels_first(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Which inputs, numbered with the channel as the last axis, come one after another in (channels, height, width)."""
    channels, height, width = shape
    order: npt.NDArray[np.int64] = np.arange(height * width * channels).reshape(height, width, channels)
    return order.transpose(2, 0, 1).ravel()


def _check_options(inputs: str, t_max: float) -> None:
    if inputs not in ("events", "currents"):
        raise ValueError(f"inputs must be 'events' or 'currents', got {inputs!r}")
    if not 0 < t_max < np.inf:
        raise ValueError(f"t_max must be above 0 and finite, in T, got {t_max}")


def _check_network(network: Network) -> None:
    if not isinstance(network, Network):
        raise TypeError(f"network must be a rcspike.Network, got {type(network).__name__}")
    for problem in _problems(network):
        raise ValueError(f"NIR cannot express this network: {problem}")


def _problems(network: Network) -> Iterator[str]:
    circuit = network.circuit
    yield from _PROBLEMS(network.phases)
    if not (np.isinf(circuit.e_plus) and np.isinf(circuit.e_minus)):
        yield (
            f"its rails are {circuit.e_plus:g} and {circuit.e_minus:g}, so that the leak of a neuron depends on its "
            "inputs; the conventional circuit is possible"
        )
    for depth, layer in enumerate(network.layers):
        wiring = layer.wiring
        if not isinstance(wiring, Dense) and not (isinstance(wiring, Conv2d) and wiring.first == 1):
            yield f"layer {depth + 1} joins spikes by OR gates ({wiring}), of which NIR has none"

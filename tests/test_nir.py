"""NIR: graphs against an evaluation of what their nodes mean, and events without a loss of a bit."""

from __future__ import annotations

import re
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rcspike import Circuit, DeviceNetwork, DevicePairs, Network
from rcspike.network import (
    FirstSpike,
    from_nir,
    read_nir,
    read_nir_events,
    to_nir,
    write_nir,
    write_nir_events,
)

nir = pytest.importorskip("nir")

Array = npt.NDArray[Any]
IDEAL = Circuit.conventional()


def network(sizes: str | list[int] = "12-8-3", circuit: Circuit = IDEAL, **options: Any) -> Network:
    one = Network.create(sizes, circuit, seed=1, dtype=np.float64, phases="single", **options)
    one.weights = [3 * w for w in one.weights]
    return one


def meaning(graph: Any, times: Array) -> Array:
    """First spikes of the last neurons for one sample, from NIR's definitions: spikes are integrated once to currents,
    and these once more to voltages, which are linear between spikes."""
    node = "input"
    following = dict(graph.edges)
    while (node := following[node]) != "output":
        one = graph.nodes[node]
        if isinstance(one, nir.Linear):
            steps, ends = one.weight, times
        elif isinstance(one, nir.Conv2d):
            # The response to a spike of each input alone, by the definition of a convolution.
            (c_out, c_in, k_h, k_w), (height, width) = one.weight.shape, one.input_shape
            (pad, _), (stride, _) = one.padding, one.stride
            h, w = (height + 2 * pad - k_h) // stride + 1, (width + 2 * pad - k_w) // stride + 1
            steps = np.zeros((c_out, h, w, c_in, height, width))
            for c, y, x, d, u, v in np.ndindex(steps.shape):
                ky, kx = u - y * stride + pad, v - x * stride + pad
                if 0 <= ky < k_h and 0 <= kx < k_w:
                    steps[c, y, x, d, u, v] = one.weight[c, d, ky, kx]
            steps, ends = steps.reshape(c_out * h * w, -1), times
        elif isinstance(one, nir.I):
            steps = one.r.reshape(-1, 1) * steps
        elif isinstance(one, nir.IF):
            order = np.argsort(ends)
            t = ends[order]
            slopes = np.cumsum(one.r.reshape(-1, 1) * steps[:, order], axis=1)
            times = np.full(len(steps), np.inf)
            v = np.zeros(len(steps))
            for k in range(int(np.isfinite(t).sum())):
                with np.errstate(divide="ignore", invalid="ignore"):
                    crossing = t[k] + (one.v_threshold.ravel() - v) / slopes[:, k]
                late = t[k + 1] if k + 1 < len(t) else np.inf
                hits = np.isinf(times) & (slopes[:, k] > 0) & (crossing <= late)
                times = np.where(hits, crossing, times)
                v = v + slopes[:, k] * (late - t[k]) if np.isfinite(late) else v
        elif isinstance(one, nir.Delay):
            times = times + one.delay.ravel()
        else:
            assert isinstance(one, nir.Flatten)
    return times


@pytest.mark.parametrize("delay", [0.0, 0.03])
@pytest.mark.parametrize("text", ["12-8-3", "4x3x2-conv3-conv2k2s1p0-3"])
def test_a_graph_means_what_the_engine_computes(text: str, delay: float) -> None:
    one = network(text, Circuit(v_syn=np.inf, delay=delay))
    times = np.random.default_rng(2).random((4, one.sizes[0]))
    times[:, 3] = np.inf
    given = times if text[0] == "1" else times.reshape(4, 4, 3, 2).transpose(0, 3, 1, 2).reshape(4, -1)
    meant = np.array([meaning(to_nir(one), sample) for sample in given])
    assert np.isfinite(meant).mean() > 0.2
    # Sums of a dozen voltages near 1, and quotients: some 100 units in the last place.
    np.testing.assert_allclose(one.forward(times), meant, rtol=1e-13)


@pytest.mark.parametrize("inputs", ["events", "currents"])
@pytest.mark.parametrize("text", ["12-8-3", "4x3x2-conv3-conv2k2s1p0-3"])
def test_a_graph_file_comes_back_bit_for_bit(tmp_path: Path, text: str, inputs: Any) -> None:
    one = network(text, Circuit(v_syn=np.inf, delay=0.125))
    write_nir(tmp_path / "one.nir", one, inputs=inputs)
    again = read_nir(tmp_path / "one.nir", inputs=inputs)
    assert (again.architecture, again.circuit, again.phases) == (one.architecture, one.circuit, one.phases)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(again.weights, one.weights, strict=True))


@pytest.mark.parametrize("compression", [None, "lzf"])
def test_a_file_is_read_as_nir_reads_it(tmp_path: Path, compression: Any) -> None:
    nir.write(tmp_path / "one.nir", to_nir(network("4x3x2-conv3-3")), compression=compression)
    ours, theirs = read_nir(tmp_path / "one.nir"), from_nir(nir.read(tmp_path / "one.nir"))
    assert (ours.architecture, ours.circuit) == (theirs.architecture, theirs.circuit)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(ours.weights, theirs.weights, strict=True))


def test_no_neuron_spikes_twice_before_the_end() -> None:
    one = network("12-3")
    neurons = to_nir(one, t_max=50.0).nodes["neurons0"]
    rates = np.maximum(one.weights[0], 0).sum(axis=0)
    assert ((neurons.v_threshold - neurons.v_reset) / rates > 50).all()


def chain(*nodes: tuple[str, Any], shape: tuple[int, ...] = (2,), n_out: int = 1) -> Any:
    last = nir.Output({"output": np.array([n_out])})
    every = {"in": nir.Input({"input": np.array(shape)}), **dict(nodes), "out": last}
    names = list(every)
    return nir.NIRGraph(every, list(pairwise(names)), type_check=False)


W = np.array([[0.5, -2.0]])
SYNAPSES, CURRENTS = ("w", nir.Linear(W)), ("i", nir.I(np.array([3.0])))
ONE, LOW = np.ones(1), -1e6 * np.ones(1)
NEURONS = ("n", nir.IF(r=np.array([2.0]), v_threshold=np.array([4.0]), v_reset=LOW))


def test_resistances_and_thresholds_become_weights() -> None:
    graph = chain(("a", nir.Affine(W, np.zeros(1))), CURRENTS, NEURONS)
    np.testing.assert_array_equal(from_nir(graph).weights[0], 1.5 * W.T)
    np.testing.assert_array_equal(from_nir(chain(SYNAPSES, NEURONS), inputs="currents").weights[0], 0.5 * W.T)


CONV = nir.Conv2d((4, 4), np.ones((1, 1, 2, 2)), 1, 0, 2, 1, np.zeros(1))
TAU = {"tau": ONE, "r": ONE, "v_leak": 0 * ONE}


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            chain(SYNAPSES, NEURONS),
            "node 'n' is IF",
        ),
        (
            chain(SYNAPSES, CURRENTS, ("n", nir.LIF(**TAU, v_threshold=ONE))),
            "node 'n' is LIF",
        ),
        (chain(SYNAPSES, ("l", nir.LI(**TAU))), "node 'l' is LI"),
        (chain(("a", nir.Affine(W, ONE)), CURRENTS, NEURONS), "node 'a' has a bias: use an input that spikes at 0"),
        (chain(SYNAPSES, CURRENTS, ("n", nir.IF(r=ONE, v_threshold=ONE))), "node 'n' may spike again 0.666667 T after"),
        (chain(("s", nir.Scale(ONE))), "node 's' is Scale, expected Linear or Affine or Conv2d"),
        (chain(("c", CONV), shape=(1, 4, 4)), "node 'c' has dilation (2, 2) and groups 1: both must be 1"),
        (chain(("c", CONV), shape=(16,)), "node 'c' needs maps of 1 channels as (channels, height, width), got (16,)"),
        (chain(SYNAPSES, ("i", nir.I(-ONE)), NEURONS), "r of node 'i' must be above 0 and finite"),
        (chain(), "the graph has no layer"),
        (chain(("w", nir.Linear(np.nan * W)), CURRENTS, NEURONS), "weight of node 'w' must be finite, got nan"),
        (chain(SYNAPSES, shape=(5,)), "node 'w' takes 2 inputs, but those before it have the shape (5,)"),
        (nir.NIRGraph({}, [], type_check=False), "the graph must have one input, got 0"),
        (
            nir.NIRGraph({**chain(SYNAPSES).nodes, "x": nir.I(ONE)}, [("in", "w"), ("w", "out")], type_check=False),
            "the nodes must form one chain from the input to the output",
        ),
        (
            nir.NIRGraph(chain(SYNAPSES, CURRENTS).nodes, [("in", "w"), ("w", "i"), ("i", "w")], type_check=False),
            "node 'i' has edges to w",
        ),
    ],
)
def test_a_node_that_cannot_be_read_is_named_with_the_reason(graph: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        from_nir(graph)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Network.create([4, 3], IDEAL, seed=0), "its neurons have two phases, and NIR has no clock that starts a ramp"),
        (
            network("4-3", Circuit(v_syn=2.0)),
            "its rails are 2 and -2",
        ),
        (
            network([4, 3], wiring=[FirstSpike(2)]),
            "layer 1 joins spikes by OR gates (FirstSpike(window=2))",
        ),
    ],
)
def test_a_network_that_nir_cannot_express_is_an_error_with_the_reason(one: Network, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        to_nir(one)


def test_errors_name_the_argument_and_the_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got DeviceNetwork"):
        to_nir(DeviceNetwork([DevicePairs(np.ones((4, 3)), np.ones((4, 3)))], Circuit()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=re.escape("graph must be a nir.NIRGraph, got str; read files with read_nir")):
        from_nir("one.nir")
    with pytest.raises(ValueError, match=r"t_max.*got 0"):
        to_nir(network(), t_max=0)
    nir.write(tmp_path / "other.nir", chain(SYNAPSES, NEURONS))
    with pytest.raises(ValueError, match=r"other\.nir is not a NIR graph of an RC-Spike network: node 'n' is IF"):
        read_nir(tmp_path / "other.nir")
    (tmp_path / "text.nir").write_text("no HDF5")
    for read in (read_nir, read_nir_events):
        with pytest.raises(ValueError, match=r"text\.nir is not a NIR"):
            read(tmp_path / "text.nir")
        with pytest.raises(FileNotFoundError, match="absent"):
            read(tmp_path / "absent.nir")


# Events


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spike_times_come_back_bit_for_bit(tmp_path: Path, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    times = {
        "input": (1.5 * rng.random((5, 12))).astype(dtype),
        "neurons0": np.full((5, 3), np.inf, dtype),
        "neurons1": np.array([[0.0, np.nextafter(dtype(1), dtype(2)), 0.0]] * 5, dtype),
    }
    times["input"][rng.random((5, 12)) < 0.4] = np.inf
    write_nir_events(tmp_path / "spikes.nir", times)
    again = read_nir_events(tmp_path / "spikes.nir")
    assert list(again) == list(times)
    assert all(again[name].tobytes() == one.tobytes() and again[name].dtype == dtype for name, one in times.items())


def test_events_are_as_the_format_has_them(tmp_path: Path) -> None:
    write_nir_events(tmp_path / "one.nir", {"input": np.array([[0.5, np.inf, 0.25], [np.inf, np.inf, 2.0]])})
    data = nir.read_data(tmp_path / "one.nir").nodes["input"].observables["spikes"]
    np.testing.assert_array_equal(data.idx, [[2, 0], [2, -1]])
    np.testing.assert_array_equal(data.time, [[0.25, 0.5], [2.0, np.inf]])
    assert (data.n_neurons, data.t_max) == (3, 2.0)


def test_the_first_of_several_spikes_counts_if_asked_for(tmp_path: Path) -> None:
    data = nir.EventData(np.array([[1, 0, 1]]), np.array([[0.5, 0.75, 0.25]]), 3, 1.0)
    path = tmp_path / "one.nir"
    nir.write_data(path, nir.NIRGraphData({"n": nir.NIRNodeData({"spikes": data})}))
    with pytest.raises(ValueError, match="neuron 1 of node 'n' spikes 2 times in sample 0"):
        read_nir_events(path)
    np.testing.assert_array_equal(read_nir_events(path, repeats="first")["n"], [[0.75, 0.25, np.inf]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            nir.TimeGriddedData(np.zeros((1, 2, 3), bool), 0.1),
            "node 'n' needs EventData .* got spikes .TimeGriddedData",
        ),
        (
            nir.EventData(np.array([[3]]), np.array([[0.5]]), 3, 1.0),
            "an index outside -1..2, or a time that is negative",
        ),
        (
            nir.EventData(np.array([[0]]), np.array([[-0.5]]), 3, 1.0),
            "an index outside -1..2, or a time that is negative",
        ),
        (nir.EventData(np.array([[0.0]]), np.array([[0.5]]), 3, 1.0), "node 'n' needs integers"),
        (nir.EventData(np.array([[0]]), np.array([[0.5]]), 2**55, 1.0), f"node 'n' has 1 samples of {2**55} neurons"),
    ],
)
def test_other_data_are_an_error_with_the_name_of_the_file(tmp_path: Path, data: Any, message: str) -> None:
    path = tmp_path / "one.nir"
    nir.write_data(path, nir.NIRGraphData({"n": nir.NIRNodeData({"spikes": data})}))
    with pytest.raises(ValueError, match=f"one.nir is not a NIRData file of spike times: .*{message}"):
        read_nir_events(path)


def test_times_that_are_not_valid_are_an_error_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "one.nir"
    with pytest.raises(ValueError, match=re.escape("times['a'] must not be negative or NaN")):
        write_nir_events(path, {"a": np.array([[-1.0]])})
    with pytest.raises(ValueError, match=re.escape("times['a'] has a spike at 2 T, after t_max = 1")):
        write_nir_events(path, {"a": np.array([[2.0]])}, t_max=1)
    with pytest.raises(ValueError, match=r"t_max.*got inf"):
        write_nir_events(path, {"a": np.array([[0.5]])}, t_max=np.inf)
    with pytest.raises(ValueError, match="'a/b' cannot be a node of an HDF5 file"):
        write_nir_events(path, {"a/b": np.array([[0.5]])})
    with pytest.raises(TypeError, match="times must be a dict of nodes"):
        write_nir_events(path, np.array([[0.5]]))  # type: ignore[arg-type]
    assert not path.exists()


def test_events_and_graphs_that_compress_a_thousandfold_come_back(tmp_path: Path) -> None:
    times = np.full((2000, 784), np.inf)
    write_nir_events(tmp_path / "spikes.nir", {"input": times})
    assert read_nir_events(tmp_path / "spikes.nir")["input"].tobytes() == times.tobytes()
    empty = Network([np.zeros((2000, 1000), np.float32)], IDEAL, phases="single")
    write_nir(tmp_path / "one.nir", empty)
    assert (tmp_path / "one.nir").stat().st_size < 100_000
    assert read_nir(tmp_path / "one.nir").weights[0].tobytes() == empty.weights[0].tobytes()


def test_metadata_of_a_node_may_be_anything(tmp_path: Path) -> None:
    graph = to_nir(network())
    graph.nodes["neurons0"].metadata = {"flag": True, "deep": {"words": np.array([b"a", b"b"])}}
    nir.write(tmp_path / "one.nir", graph)
    assert read_nir(tmp_path / "one.nir").sizes == (12, 8, 3)


def test_one_threshold_for_all_neurons_is_spread() -> None:
    scalar = ("n", nir.IF(r=np.array(2.0), v_threshold=np.array(4.0), v_reset=np.array(-1e6)))
    np.testing.assert_array_equal(from_nir(chain(SYNAPSES, CURRENTS, scalar)).weights[0], 1.5 * W.T)


def test_maps_that_a_graph_only_claims_take_no_memory() -> None:
    """Neurons with one threshold for all, of a billion positions."""
    size = 2**15
    node = nir.Conv2d((size, size), np.ones((1, 1, 1, 1)), 1, 0, 1, 1, np.zeros(1))
    scalar = nir.IF(r=np.array(1.0), v_threshold=np.array(1.0), v_reset=np.array(-1e6))
    tracemalloc.start()
    try:
        graph = chain(("c", node), ("i", nir.I(np.array(1.0))), ("n", scalar), shape=(1, size, size))
        assert from_nir(graph).sizes == (size**2, size**2)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (chain(("g", chain(SYNAPSES))), "node 'g' is NIRGraph: graphs in graphs are not read"),
        (
            nir.NIRGraph(chain().nodes, [("in", "out")] * 501, type_check=False),
            "2 nodes and 501 edges, but at most",
        ),
    ],
)
def test_a_graph_file_that_cannot_be_read_is_named_with_the_reason(graph: Any, message: str, tmp_path: Path) -> None:
    nir.write(tmp_path / "one.nir", graph)
    with pytest.raises(ValueError, match=f"one.nir is not a NIR graph of an RC-Spike network: {message}"):
        read_nir(tmp_path / "one.nir")

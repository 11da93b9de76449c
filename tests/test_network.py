"""Networks: layers in series, their weights, and the files they are kept in."""

from __future__ import annotations

import json
import math
import os
import pickle
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors import safe_open
from safetensors.numpy import save_file
from strategies import CIRCUITS, Array, circuits

from rcspike import Circuit, DeviceNetwork, DevicePairs, Network
from rcspike.functional import charge, fire
from rcspike.network import spike_time_noise

DTYPES = [np.float32, np.float64]
# tmp_path is shared by the examples of a test, each of which writes the file anew.
shares_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def random_times(shape: tuple[int, int], dtype: npt.DTypeLike = np.float64) -> Array:
    rng = np.random.default_rng(30)
    return np.where(rng.random(shape) < 0.4, rng.random(shape), np.inf).astype(dtype)


def spread_network(dtype: npt.DTypeLike = np.float64, circuit: Circuit | None = None) -> Network:
    """13-20-17-5 with voltages below 0, between 0 and 1, and above 1 in every layer."""
    rng = np.random.default_rng(31)
    sizes = [(13, 20), (20, 17), (17, 5)]
    return Network(
        [rng.normal(0.2, 1.5, size).astype(dtype) for size in sizes], circuit or Circuit(v_syn=2.0, ramp=0.3)
    )


# Running


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_a_network_charges_and_fires_in_turn(n_layers: int, name: str, dtype: npt.DTypeLike) -> None:
    weights, circuit = spread_network(dtype).weights[:n_layers], CIRCUITS[name]
    t = random_times((9, 13), dtype)
    for w in weights[:-1]:
        t = fire(charge(t, w, circuit), circuit)
    expected = charge(t, weights[-1], circuit)
    v = Network(weights, circuit).forward(random_times((9, 13), dtype))
    assert v.dtype == dtype
    np.testing.assert_array_equal(v, expected)


def test_a_network_uses_the_bent_ramp_of_its_circuit() -> None:
    times, weights = random_times((9, 13)), spread_network().weights
    ideal, bent = (Network(weights, Circuit(v_syn=2.0, ramp=b)).forward(times) for b in (0.0, 0.3))
    assert not np.array_equal(ideal, bent)


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_shifts_the_spikes_of_every_layer_but_the_input(dtype: npt.DTypeLike) -> None:
    network, t = spread_network(dtype), random_times((9, 13), dtype)
    shifts = spike_time_noise(np.random.default_rng(5), 9, network.sizes[1:], 0.05, network.dtype)
    for w, shift in zip(network.weights[:-1], shifts[:-1], strict=True):
        # A spike cannot come before the phase begins; none at all stays none.
        t = np.maximum(fire(charge(t, w, network.circuit), network.circuit) + shift, 0)
    # An output spike that comes late is read as a voltage that is low, by the ramp of the circuit.
    charged = oracle.readout_times(charge(t, network.weights[-1], network.circuit), network.circuit.ramp)
    v = network.forward(random_times((9, 13), dtype), noise=0.05, seed=5)
    # Voltages of up to 20, and slopes of up to 1.2, are rounded once there and once back.
    tolerance = 50 * np.finfo(network.dtype).eps
    read = oracle.readout_times(v, network.circuit.ramp)
    np.testing.assert_allclose(read, charged + shifts[-1], rtol=0, atol=tolerance)


def test_noise_has_the_spread_that_was_asked_for() -> None:
    network = Network([np.ones((2, 4))], Circuit())
    times = np.zeros((5000, 2))
    shift = network.forward(times, noise=0.02, seed=1) - network.forward(times)
    # 20,000 draws: a standard error of sigma/sqrt(n) of the mean and sigma/sqrt(2 n) of the spread; five of them.
    assert abs(shift.mean()) < 5 * 0.02 / math.sqrt(20000)
    assert shift.std() == pytest.approx(0.02, abs=5 * 0.02 / math.sqrt(40000))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_seed_gives_the_same_noise_and_another_one_another(dtype: npt.DTypeLike) -> None:
    network, times = spread_network(dtype), random_times((9, 13), dtype)
    v = network.forward(times, noise=0.01, seed=3)
    np.testing.assert_array_equal(network.forward(times, noise=0.01, seed=3), v)
    assert not np.array_equal(network.forward(times, noise=0.01, seed=4), v)
    assert not np.array_equal(network.forward(times), v)


def test_no_noise_needs_no_seed_and_draws_nothing() -> None:
    network, times = spread_network(), random_times((9, 13))
    np.testing.assert_array_equal(network.forward(times, noise=0.0, seed=7), network.forward(times))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sample_does_not_know_the_rest_of_its_batch(dtype: npt.DTypeLike) -> None:
    network, times = spread_network(dtype), random_times((70, 13), dtype)
    chosen = [69, 3, 3, 0]
    np.testing.assert_array_equal(network.forward(times[chosen]), network.forward(times)[chosen])


def test_a_wide_first_layer_gives_the_same_bits_by_groups_of_neurons() -> None:
    # More weights than a cache holds, and more samples than are under way at a time.
    rng = np.random.default_rng(8)
    circuit = Circuit(v_syn=1.5)
    weights = [
        rng.normal(0, 0.05, (4200, 260)).astype(np.float32),
        rng.normal(0, 0.2, (260, 5)).astype(np.float32),
    ]
    times = np.where(rng.random((300, 4200)) < 0.05, rng.random((300, 4200)), np.inf).astype(np.float32)
    network = Network(weights, circuit)
    expected = charge(fire(charge(times, weights[0], circuit), circuit), weights[1], circuit)
    for threads in (1, 3):
        np.testing.assert_array_equal(network.forward(times, threads=threads), expected)
    noisy = network.forward(times, noise=0.1, seed=1)
    np.testing.assert_array_equal(noisy[:40] != expected[:40], True)
    times[270, 17] = np.nan
    with pytest.raises(ValueError, match=r"times\[270, 17\] is nan"):
        network.forward(times)


def test_an_empty_batch_has_no_voltages() -> None:
    assert spread_network().forward(np.empty((0, 13))).shape == (0, 5)
    assert spread_network().predict(np.empty((0, 13))).shape == (0,)


def test_times_of_the_other_precision_are_converted() -> None:
    network, times = spread_network(np.float32), random_times((9, 13))
    np.testing.assert_array_equal(network.forward(times), network.forward(times.astype(np.float32)))


def test_the_class_is_the_output_with_the_highest_voltage() -> None:
    network, times = spread_network(), random_times((50, 13))
    classes = network.predict(times)
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(classes, network.forward(times).argmax(axis=1))
    noisy = network.predict(times, noise=0.5, seed=1)
    np.testing.assert_array_equal(noisy, network.forward(times, noise=0.5, seed=1).argmax(axis=1))
    assert (noisy != classes).any()


def test_of_outputs_that_spike_together_the_first_is_the_class() -> None:
    assert Network([np.array([[0.5, 1.0, 1.0]])], Circuit()).predict(np.array([[0.0], [np.inf]])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": 0.1}, "noise needs a seed"),
        ({"noise": -0.1, "seed": 0}, r"noise must be finite and not negative, got -0\.1"),
        ({"noise": math.nan, "seed": 0}, "noise must be finite and not negative, got nan"),
        ({"noise": math.inf, "seed": 0}, "noise must be finite and not negative, got inf"),
        ({"threads": 0}, "threads must be between 1 and 1024, got 0"),
    ],
)
def test_bad_noise_or_threads_are_refused_with_their_value(arguments: dict[str, Any], message: str) -> None:
    for call in (spread_network().forward, spread_network().predict):
        with pytest.raises(ValueError, match=message):
            call(random_times((2, 13)), **arguments)


def test_times_that_do_not_fit_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"times must have shape \(batch, 13\) for this network, got \(2, 12\)"):
        spread_network().forward(np.zeros((2, 12)))


@pytest.mark.parametrize("value", [math.nan, -1e-9, -0.01, -0.5, -1.0, -1e30, -math.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_out", [3, 5000])  # a layer in cache, and one that is charged group of tiles by group
def test_bad_times_are_refused_with_their_place(value: float, dtype: npt.DTypeLike, n_out: int) -> None:
    network = Network([np.ones((300, n_out), dtype)], Circuit())
    times = np.linspace(0, 1, 3 * 300, dtype=dtype).reshape(3, 300)
    expected = network.forward(times)
    bad = times.copy()
    bad[1, 7] = value
    for call in (network.forward, network.predict):
        with pytest.raises(ValueError, match=r"times\[1, 7\] is .*; spike times must be at least 0"):
            call(bad)
    assert network.forward(times).tobytes() == expected.tobytes()


# Weights


def test_a_network_says_what_it_is() -> None:
    network = spread_network(np.float32)
    assert network.sizes == (13, 20, 17, 5)
    assert network.dtype == np.float32
    assert network.circuit == Circuit(v_syn=2.0, ramp=0.3)
    assert repr(network) == f"Network(sizes=(13, 20, 17, 5), circuit={network.circuit})"


def test_weights_cannot_be_changed_in_place() -> None:
    network = spread_network()
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][0, 0] = 1.0
    with pytest.raises(TypeError, match="item assignment"):
        network.weights[0] = np.zeros((13, 20))  # type: ignore[index]


def test_a_network_keeps_weights_of_its_own() -> None:
    w = np.ones((2, 3))
    network = Network([w], Circuit())
    w[:] = 7
    np.testing.assert_array_equal(network.weights[0], np.ones((2, 3)))
    np.testing.assert_array_equal(
        network.forward(np.zeros((1, 2))), charge(np.zeros((1, 2)), np.ones((2, 3)), Circuit())
    )


def test_assigned_weights_are_the_ones_that_run() -> None:
    network, other, times = (
        spread_network(),
        Network.create([13, 6, 5], Circuit(), seed=1, dtype=np.float64),
        random_times((4, 13)),
    )
    network.weights = other.weights
    assert network.sizes == (13, 6, 5)
    np.testing.assert_array_equal(network.forward(times), Network(other.weights, network.circuit).forward(times))


def test_weights_that_are_refused_leave_the_old_ones() -> None:
    network, times = spread_network(), random_times((4, 13))
    before = network.weights, network.forward(times)
    with pytest.raises(ValueError, match="finite"):
        network.weights = [*network.weights[:-1], np.full((17, 5), np.inf)]
    assert network.weights is before[0]
    np.testing.assert_array_equal(network.forward(times), before[1])


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([], ValueError, "a network needs at least one layer"),
        ([[[1.0]]], TypeError, r"weights\[0\] must be a numpy array, got list"),
        ([np.ones(3)], ValueError, r"weights\[0\] must have 2 dimensions, got shape \(3,\)"),
        ([np.ones((2, 0))], ValueError, r"weights\[0\] is empty, got shape \(2, 0\)"),
        ([np.ones((2, 2), np.float16)], TypeError, r"weights\[0\] must be float32 or float64, got float16"),
        ([np.ones((2, 2)), np.ones((2, 2), np.float32)], TypeError, r"weights\[1\] must be float64, got float32"),
        ([np.ones((2, 3)), np.ones((2, 2))], ValueError, r"weights\[1\] must have shape \(3, 2\), got \(2, 2\)"),
        ([np.ones((2, 3)), np.full((3, 1), np.nan)], ValueError, r"weights\[1\]\[0, 0\] must be finite, got nan"),
        ([np.diag([1.0, -np.inf])], ValueError, r"weights\[0\]\[1, 1\] must be finite, got -inf"),
        ([np.ones((2, 3)).T], ValueError, r"weights\[0\] must be C-contiguous, got strides \(8, 24\)"),
    ],
)
def test_bad_weights_are_refused_with_layer_and_value(weights: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Network(weights, Circuit())
    network = spread_network()
    with pytest.raises(error, match=message):
        network.weights = weights


def test_initial_weights_come_from_the_seed_alone() -> None:
    def create(seed: int, dtype: npt.DTypeLike = np.float32) -> tuple[Array, ...]:
        return Network.create([30, 20, 10], Circuit(), seed=seed, dtype=dtype).weights

    for one, same, other, double in zip(create(0), create(0), create(1), create(0, np.float64), strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)
        assert double.dtype == np.float64
        np.testing.assert_array_equal(one, double.astype(np.float32))


@pytest.mark.parametrize("sizes", [[], [3], [3, 0], [3, -1, 2]])
def test_sizes_that_make_no_network_are_refused_with_their_value(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match=r"sizes must .* got"):
        Network.create(sizes, Circuit(), seed=0)


@pytest.mark.parametrize("v_syn", [0.5, 1.0, 2.0, 10.0, 1000.0, math.inf])
@pytest.mark.parametrize("sizes", [(784, 200, 200, 10), (64, 30, 10), (200, 50, 50, 50, 50, 10), (3000, 100, 10)])
def test_initial_weights_put_every_layer_in_a_useful_range(sizes: tuple[int, ...], v_syn: float) -> None:
    network = Network.create(sizes, Circuit(v_syn=v_syn), seed=2)
    rng = np.random.default_rng(32)
    for active in (0.2, 0.4):  # about what MNIST and Fashion-MNIST have
        t = np.where(rng.random((40, sizes[0])) < active, rng.random((40, sizes[0])), np.inf).astype(np.float32)
        # Tied to the rails, v tends to E sum w / sum |w| over the n inputs that spike; for weights at random that
        # spreads by E sqrt(pi/2)/sqrt(n). Without coupling a fifth of a threshold is wanted.
        n = np.mean(np.sum(t <= 1, axis=1))
        reachable = min(0.2, v_syn * math.sqrt(math.pi / 2 / n))
        for layer, w in enumerate(network.weights):
            v = charge(t, w, network.circuit)
            t = fire(v, network.circuit)
            spread = float(np.mean(np.std(v, axis=1)))
            assert spread > 0.25 * reachable, f"the neurons of layer {layer} hardly differ"
            assert np.mean(v <= 0) < 0.8, f"layer {layer} is silent"
            assert np.mean(v >= 1) < 0.5, f"layer {layer} is saturated"
            # Low voltages spike late and leave the next layer little time: it spreads less, which is wanted
            # (docs/decisions/initial-weights.md), but not by more than this factor.
            reachable = spread


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_goes_to_another_process_bit_for_bit(dtype: npt.DTypeLike) -> None:
    network = spread_network(dtype, Circuit(v_syn=1.5, diode_drop=0.1))
    times = random_times((6, 13), dtype)
    twin = pickle.loads(pickle.dumps(network))
    assert twin.circuit == network.circuit
    np.testing.assert_array_equal(twin.forward(times), network.forward(times))
    with pytest.raises(ValueError, match="read-only"):
        twin.weights[0][0, 0] = 0


# Files


def same_bits(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def header_of(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays and metadata, as rcspike 0.1 wrote them: without the CRC-32, which would notice every change."""
    with safe_open(path, framework="numpy") as file:
        metadata = {name: text for name, text in file.metadata().items() if name != "crc32"}
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    Network([np.ones((3, 2)), np.ones((2, 4))], Circuit(v_syn=2.0, ramp=0.3)).save(path)
    return path


@shares_a_folder
@given(data=st.data(), circuit=circuits, sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4))
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_comes_back_from_its_file_bit_for_bit(
    tmp_path: Path, dtype: type[np.floating], data: st.DataObject, circuit: Circuit, sizes: list[int]
) -> None:
    # Weights near the end of the type's range are refused, as their sums would leave it.
    finite = st.floats(-1.0, 1.0, width=8 * dtype().itemsize).map(lambda x: x * 1e30)  # type: ignore[arg-type]
    network = Network([data.draw(arrays(dtype, shape, elements=finite)) for shape in pairwise(sizes)], circuit)
    network.save(tmp_path / "model")
    twin = Network.load(tmp_path / "model")
    assert twin.sizes == network.sizes
    assert all(same_bits(*pair) for pair in zip(twin.weights, network.weights, strict=True))
    assert twin.circuit == circuit
    assert twin.circuit.v_syn == circuit.v_syn


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_model_from_a_file_runs_as_the_one_that_was_saved(tmp_path: Path, name: str) -> None:
    network, times = spread_network(np.float32, CIRCUITS[name]), random_times((9, 13), np.float32)
    network.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(Network.load(tmp_path / "model.safetensors").forward(times), network.forward(times))


def test_a_path_may_be_text_and_a_file_is_replaced(saved: Path) -> None:
    spread_network().save(str(saved))
    assert Network.load(str(saved)).sizes == (13, 20, 17, 5)
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_model_is_as_readable_as_any_other_file(saved: Path) -> None:
    other = saved.parent / "other"
    other.write_text("")
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_model_that_there_is_no_room_for_leaves_the_old_one_and_names_itself(saved: Path) -> None:
    import resource

    before, limits = saved.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) - 1, limits[1]))  # stands for a full disk
    try:
        with pytest.raises(OSError, match=f"File too large.*{saved.name}"):
            spread_network().save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_no_file_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model at .*missing"):
        Network.load(tmp_path / "missing")


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in range(len(whole)):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"{saved.name} is not"):
            Network.load(saved)


def test_a_file_with_more_behind_it_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0" * 8)
    with pytest.raises(ValueError, match=f"{saved.name} is not a whole rcspike model"):
        Network.load(saved)


@settings(shares_a_folder, max_examples=200)
@given(st.data())
def test_a_damaged_byte_is_refused_or_leaves_a_model_that_runs(saved: Path, data: st.DataObject) -> None:
    whole = saved.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    try:
        saved.write_bytes(whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :])
        network = Network.load(saved)
    except ValueError as error:
        assert saved.name in str(error)
    else:
        assert all(np.isfinite(w).all() for w in network.weights)
    finally:
        saved.write_bytes(whole)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"\xff" * 100, b"PK\x03\x04" + b"x" * 500])
def test_a_file_of_something_else_is_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=f"{saved.name} is not"):
        Network.load(saved)


def test_safetensors_of_something_else_are_refused(saved: Path) -> None:
    save_file({"weights.0": np.ones((2, 2))}, saved)
    with pytest.raises(ValueError, match="is not an rcspike model but a safetensors file of something else"):
        Network.load(saved)
    save_file({"weights.0": np.ones((2, 2))}, saved, metadata={"format": "rcspike-checkpoint"})
    with pytest.raises(ValueError, match="is not an rcspike model but rcspike-checkpoint"):
        Network.load(saved)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3"])
def test_a_model_in_a_precision_that_numpy_has_not_is_refused(saved: Path, dtype: str) -> None:
    _, metadata = header_of(saved)
    tensor = {"dtype": dtype, "shape": [1, 8], "data_offsets": [0, 16 if dtype == "BF16" else 8]}
    header = json.dumps({"__metadata__": metadata, "weights.0": tensor}).encode()
    saved.write_bytes(len(header).to_bytes(8, "little") + header + bytes(tensor["data_offsets"][1]))
    with pytest.raises(ValueError, match=f"{saved.name} is not a whole rcspike model"):
        Network.load(saved)


def test_what_is_no_circuit_is_refused_by_name_and_type() -> None:
    circuit: Any = None
    for make in (
        lambda: Network([np.ones((2, 2))], circuit),
        lambda: Network.create([2, 2], circuit, seed=0),
        lambda: DeviceNetwork([DevicePairs.of_weights(np.ones((2, 2)))], circuit),
    ):
        with pytest.raises(TypeError, match="circuit must be a Circuit, got NoneType"):
            make()


def test_a_newer_format_is_refused_with_its_number(saved: Path) -> None:
    tensors, metadata = header_of(saved)
    newer = int(metadata["format_version"]) + 1
    save_file(tensors, saved, metadata=metadata | {"format_version": str(newer)})
    with pytest.raises(ValueError, match=f"has format {newer}, .* reads up to {newer - 1}; upgrade rcspike"):
        Network.load(saved)


CIRCUIT = {"v_syn": "1.0", "e_plus": "1.0", "e_minus": "-1.0", "diode_drop": "0.0", "ramp": "0.0"}


@pytest.mark.parametrize(
    "header",
    [
        {"sizes": [3, 2], "circuit": CIRCUIT},
        {"sizes": [3, 2, 4, 1], "circuit": CIRCUIT},
        {"sizes": [3, 2, 5], "circuit": CIRCUIT},
        {"sizes": [2, 2, 4], "circuit": CIRCUIT},
        {"sizes": [3, 5, 4], "circuit": CIRCUIT},
        {"sizes": [], "circuit": CIRCUIT},
        {"sizes": None, "circuit": CIRCUIT},
        {"sizes": {"0": 3, "1": 2, "2": 4}, "circuit": CIRCUIT},
        {"sizes": [3, 2, 4]},
        {"sizes": [3, 2, 4], "circuit": []},
        {"sizes": [3, 2, 4], "circuit": None},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": "high"}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": "-1.0"}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"v_syn": None}},
        {"sizes": [3, 2, 4], "circuit": CIRCUIT | {"colour": "1.0"}},
        {"sizes": [3, 2, 4], "circuit": {"v_syn": "1.0"}},
        {},
        [],
        3,
    ],
)
def test_a_header_that_lies_or_lacks_something_is_refused(saved: Path, header: Any) -> None:
    tensors, metadata = header_of(saved)
    save_file(tensors, saved, metadata=metadata | {"header": json.dumps(header)})
    with pytest.raises(ValueError, match=saved.name):
        Network.load(saved)


@pytest.mark.parametrize("change", [{"header": "{"}, {"format_version": "one"}, {"format_version": ""}])
def test_metadata_that_cannot_be_read_are_refused_with_the_file(saved: Path, change: dict[str, str]) -> None:
    tensors, metadata = header_of(saved)
    save_file(tensors, saved, metadata=metadata | change)
    with pytest.raises(ValueError, match=saved.name):
        Network.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"weights.1": np.full((2, 4), np.nan)},
        {"weights.0": np.full((3, 2), -np.inf)},
        {"weights.1": np.ones((2, 4), np.int64)},
        {"weights.1": np.ones((2, 4), np.float32)},
        {"weights.1": np.ones(4)},
        {"weights.2": np.ones((4, 4))},
    ],
    ids=["nan", "infinite", "integer", "of two dtypes", "of one axis", "a layer too many"],
)
def test_weights_that_are_not_as_the_header_says_are_refused(saved: Path, change: dict[str, Array]) -> None:
    tensors, metadata = header_of(saved)
    save_file(tensors | change, saved, metadata=metadata)
    with pytest.raises(ValueError, match=saved.name):
        Network.load(saved)


def test_a_disk_that_is_full_leaves_the_old_file(saved: Path) -> None:
    resource = pytest.importorskip("resource")
    before = saved.read_bytes()
    limit, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # no file may become larger
    try:
        with pytest.raises(Exception, match="File too large"):
            Network([np.ones((100, 100))], Circuit()).save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_a_save_that_fails_at_its_last_step_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("pulled the plug")

    before = saved.read_bytes()
    for owner, name in ((Path, "replace"), (Path, "rename"), (os, "replace"), (os, "rename")):
        monkeypatch.setattr(owner, name, fail)
    with pytest.raises(OSError, match="pulled the plug"):
        spread_network().save(saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        spread_network().save(tmp_path / "nowhere" / "model.safetensors")

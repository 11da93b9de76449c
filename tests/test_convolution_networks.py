"""Networks of convolutions: against layers computed one by one, in files, in training and on the command line."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import error_line, figures_saved, rcspike_, said
from needs import ngspice

from rcspike import Circuit, DeviceModel, Network, evaluate, train
from rcspike.datasets import Dataset, Split, load
from rcspike.energy import activity, energy_parts, mean_energy, operating_point
from rcspike.experiments import Case, run_cases
from rcspike.functional import charge, fire
from rcspike.network import (
    Conv2d,
    Dense,
    FirstSpike,
    FirstSpike2d,
    ResistiveLayer,
    architecture_of,
    parse_architecture,
)
from rcspike.training import checkpoint

CIRCUIT = Circuit(v_syn=2.0)
TEXT = "conv5-pool-conv6-first-7-3"
BARS = "conv8-first-conv8-first-3"


def some_times(batch: int, n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((batch, n)) < 0.3, np.inf, rng.random((batch, n)))


def network(
    text: str = TEXT, circuit: Circuit = CIRCUIT, dtype: Any = np.float64, input_shape: tuple[int, int] = (8, 12)
) -> Network:
    return Network.create(text, circuit, seed=1, input_shape=input_shape, dtype=dtype)


def bars(n: int, seed: int = 3) -> Split:
    """Bars that stand or lie, or neither, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    pixels = 0.3 * rng.random((n, 8, 12))
    for one, label in zip(pixels, labels, strict=True):
        y, x = rng.integers(0, 4), rng.integers(0, 6)
        one[y : y + (4, 1, 2)[label], x : x + (1, 4, 2)[label]] = 1
    return Split(pixels, labels)


def test_a_network_computes_layer_by_layer() -> None:
    ours, times = network(), some_times(4, 96)
    w = ours.weights
    assert ours.sizes == (96, 4 * 6 * 5, 4 * 6 * 6, 7, 3)
    assert [one.shape for one in w] == [(9, 5), (45, 6), (36, 7), (7, 3)]
    v = ResistiveLayer(w[0], CIRCUIT, Conv2d((8, 12, 1), padding=1)).charge(times)
    pooled = v.reshape(4, 4, 2, 6, 2, 5).mean(axis=(2, 4))
    hidden = fire(pooled.reshape(4, -1), CIRCUIT)
    v = ResistiveLayer(w[1], CIRCUIT, Conv2d((4, 6, 5), padding=1)).charge(hidden)
    spikes = fire(v, CIRCUIT).reshape(4, 2, 2, 3, 2, 6).min(axis=(2, 4))
    expected = charge(fire(charge(spikes.reshape(4, -1), w[2], CIRCUIT), CIRCUIT), w[3], CIRCUIT)
    # NumPy adds the four membranes in another order: a few roundings of eps/2 of voltages below 1, which later layers
    # pass on with a factor far below 100.
    np.testing.assert_allclose(ours.forward(times), expected, rtol=0, atol=400 * np.finfo(float).eps)


@pytest.mark.parametrize("kind", ["pool", "first"])
def test_maps_that_windows_do_not_fill_are_left_out_at_the_far_edges(kind: str) -> None:
    times = some_times(4, 7 * 5)
    ours = network(f"conv5-{kind}-3", CIRCUIT, input_shape=(7, 5))
    kernel, w = ours.weights
    v = ResistiveLayer(kernel, CIRCUIT, Conv2d((7, 5, 1), padding=1)).charge(times)
    v = v.reshape(4, 7, 5, 5)[:, :6, :4].reshape(4, 3, 2, 2, 2, 5)
    if kind == "pool":
        spikes = fire(v.mean(axis=(2, 4)).reshape(4, -1), CIRCUIT)
    else:
        spikes = fire(v.reshape(4, -1), CIRCUIT).reshape(v.shape).min(axis=(2, 4)).reshape(4, -1)
    assert len(w) == 3 * 2 * 5
    # As above, of the four membranes.
    np.testing.assert_allclose(ours.forward(times), charge(spikes, w, CIRCUIT), rtol=0, atol=400 * np.finfo(float).eps)


def test_walk_ends_with_the_result_of_forward_and_noise_is_that_of_neurons() -> None:
    ours, times = network(dtype=np.float32), some_times(4, 96).astype(np.float32)
    for noise, seed in ((0.0, None), (0.02, 5)):
        *_, last = ours.walk(times, noise=noise, seed=seed)
        np.testing.assert_array_equal(last.outputs, ours.forward(times, noise=noise, seed=seed))
    assert ours.forward(times, noise=0.02, seed=5).tolist() != ours.forward(times).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_file_keeps_architecture_and_weights(tmp_path: Path, dtype: Any) -> None:
    for text in (TEXT, "conv3k5s2p0-conv4-pool3-9/3-2", "first-5"):
        circuit = Circuit(v_syn=2.0, injection=(0.001, -0.002))
        if text == "first-5":
            ours = Network([np.ones((24, 5), dtype)], circuit, [FirstSpike2d((8, 12, 1), 2)])
        elif "pool3" in text:
            ours = Network.create(text, circuit, seed=1, input_shape=(15, 15), dtype=dtype)
        else:
            ours = network(text, circuit, dtype)
        ours.save(tmp_path / "model.safetensors")
        read = Network.load(tmp_path / "model.safetensors")
        assert [layer.wiring for layer in read.layers] == [layer.wiring for layer in ours.layers]
        assert (read.circuit, read.dtype, read.architecture) == (ours.circuit, ours.dtype, ours.architecture)
        for one in (read, pickle.loads(pickle.dumps(ours))):
            assert all(map(np.array_equal, one.weights, ours.weights))


def test_neurons_of_a_convolution_have_the_traces_of_their_membranes() -> None:
    ours, times = network(), some_times(2, 96)
    at = np.array([0.3, 0.9, 1.0])
    for layer, spikes in ((ours.layers[0], times), (ours.layers[1], some_times(2, 120))):
        chosen = [0, 7, layer.n_out - 1]
        traces = layer.neurons(chosen).trace(spikes, at)
        # Zero weights of inputs outside the windows split intervals: n roundings of eps/2 of voltages below 1.
        np.testing.assert_allclose(traces[:, :, -1], layer.charge(spikes)[:, chosen], rtol=0, atol=2e-14)
    with pytest.raises(TypeError, match="a trace of a convolution needs chosen neurons"):
        ours.layers[0].trace(times, at)


def test_architectures_are_read_and_written() -> None:
    for text, sizes in (
        ("28x28x1-conv16-conv16-pool-conv32-conv32-pool-128-10", [784, 12544, 3136, 6272, 1568, 128, 10]),
        (
            "28x28x1-conv32-conv32-pool-conv64-conv64-pool-conv128-conv128-pool-256-10",
            [784, 25088, 6272, 12544, 3136, 6272, 3 * 3 * 128, 256, 10],
        ),
        ("9x7x3-conv4k5s2p0-6", [189, 3 * 2 * 4, 6]),
        ("6x7x2-conv3k2x4p0-conv2k3x2-2", [84, 5 * 4 * 3, 5 * 5 * 2, 2]),
        ("8x8x2-conv4-first-conv3-pool-10/2-5", [128, 256, 12, 10, 5]),
        ("9x9x1-conv4-pool3-first3-7", [81, 36, 7]),
        ("64-40/4-10", [64, 40, 10]),
    ):
        found, wiring = parse_architecture(text)
        assert found == sizes
        assert architecture_of(found, wiring) == text
    assert parse_architecture("conv4k5s2-10", (8, 8))[1] == [Conv2d((8, 8, 1), (5, 5), stride=2, padding=2), Dense()]
    assert parse_architecture("6-4", (2, 3))[0] == [6, 6, 4]
    assert parse_architecture("12-8/4-2")[1] == [Dense(), FirstSpike(4)]


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("conv4-10", None, "'conv4-10' must begin with the inputs, as 28x28x1 or 784, or have an input_shape$"),
        ("64-conv4-10", None, "conv4 in '64-conv4-10' has no maps before it, only 64 neurons"),
        ("pool-10", (8, 8), "pool in 'pool-10' must come behind a convolution"),
        ("conv4-pool-10", (1, 7), "pool 2 does not fit into maps of 1 x 7"),
        ("conv4-first3-10", (7, 2), "a window of 3 does not fit into maps of 7 x 2"),
        ("conv4-first", (8, 8), "'conv4-first' needs a layer behind its last part$"),
        ("conv4x-10", (8, 8), "'conv4x' in 'conv4x-10' is not known"),
        ("conv4--10", (8, 8), "^'conv4--10' has an empty part"),
        ("conv4-10", (8,), r"input_shape.*got \(8,\)"),
        ("conv4-10", "8x8", r"input_shape.*got '8x8'"),
        ("conv4-10", (8.5, 8), r"input_shape.*got \(8\.5, 8\)"),
        ("8x8x1-conv4-10", (8, 8), "leave 8x8x1 out of '8x8x1-conv4-10': the inputs are 8 x 8 x 1$"),
        ("conv4-first-pool-10", (8, 8), "pool in 'conv4-first-pool-10' cannot follow first"),
        ("conv4k9p0-10", (8, 8), r"^conv4k9p0 in 'conv4k9p0-10': a kernel of \(9, 9\) does not fit into maps of"),
        ("conv4-pool0-10", (8, 8), "^pool0 in 'conv4-pool0-10' joins nothing"),
        ("conv4-pool1-10", (8, 8), "^pool1 in 'conv4-pool1-10' joins nothing"),
        ("conv4-first1-10", (8, 8), "^first1 in 'conv4-first1-10' joins nothing"),
        ("conv4-first9-10", (8, 8), "^first9 in 'conv4-first9-10': a window of 9 does not fit into maps of 8 x 8"),
    ],
)
def test_architectures_that_do_not_fit_are_errors(text: str, shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network.create(text, CIRCUIT, seed=0, input_shape=shape)


def test_neurons_of_a_single_phase_may_be_convolutions() -> None:
    ours = Network.create("conv5-first-3", CIRCUIT, seed=1, input_shape=(8, 12), phases="single", dtype=np.float64)
    times = some_times(3, 96)
    (first, *_) = ours.walk(times)
    rows = np.lib.stride_tricks.sliding_window_view(
        np.pad(times.reshape(3, 8, 12), ((0, 0), (1, 1), (1, 1)), constant_values=np.inf), (3, 3), axis=(1, 2)
    ).reshape(-1, 9)
    dense = ResistiveLayer(ours.weights[0], CIRCUIT, phases="single")
    np.testing.assert_array_equal(first.t_out.reshape(-1, 5), dense.first_spike(rows))
    pooled = network()
    with pytest.raises(ValueError, match="membranes at the end of charging, which neurons of a single phase do not"):
        Network(pooled.weights, CIRCUIT, [layer.wiring for layer in pooled.layers], phases="single")


def test_training_learns_and_resumes_with_the_same_bits(tmp_path: Path) -> None:
    data = Dataset("bars", train=bars(300), test=bars(90, seed=4))
    whole = network(BARS, Circuit(v_syn=3.0), np.float32)
    start = whole.weights
    arguments: dict[str, Any] = {"seed": 0, "batch_size": 16, "learning_rate": 0.003, "noise": 0.01}
    history = train(whole, data, epochs=12, threads=1, **arguments)
    assert history.test_accuracy > 0.9  # a third is chance

    path, resumed = tmp_path / "checkpoint", network(BARS, Circuit(v_syn=3.0), np.float32)
    train(resumed, data, epochs=12, checkpoint_path=path, progress=None, **arguments)
    assert all(map(np.array_equal, resumed.weights, whole.weights))

    # With a stride of 2 in place of joined spikes, the weights have the same shapes.
    strided, joined, *rest = (layer.wiring for layer in whole.layers)
    assert isinstance(strided, Conv2d) and isinstance(joined, Conv2d)
    wiring = [replace(strided, stride=2), replace(joined, in_shape=(4, 6, 8), first=1), *rest]
    other = Network(start, whole.circuit, wiring)
    with pytest.raises(ValueError, match="initial weights, circuit or data differ"):
        train(other, data, epochs=12, checkpoint_path=path, **arguments)
    assert len(checkpoint.load(path).history) == 12


def test_the_command_line_trains_and_describes_a_convolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    figures_saved(monkeypatch)
    result = rcspike_("train", "--architecture", "conv4-pool-12", "--epochs", "1", "--out", "run")
    assert "digits, 8x8x1-conv4-pool-12-10, circuit" in said(result)
    result = rcspike_("info", "run")
    for text in ("8x8x1-conv4-pool-12-10, float32", "conv 3 x 3, padding 1, pool 2 x 2", "4 x 4 x 4", "924 weights"):
        assert text in said(result)
    network(BARS).save("bars.safetensors")
    described = said(rcspike_("info", "bars.safetensors"))
    assert "first 2 x 2, conv 3 x 3, padding 1" in described and "first 2 x 2, dense" in described
    message = "--architecture already has the hidden layers: leave out --hidden"
    assert message in error_line(rcspike_("train", "--architecture", "conv4", "--hidden", "12", "--out", "other"))
    message = "'conv4-pool-12-10' names hidden layers only"
    for command in ("train", "sweep"):
        assert message in error_line(
            rcspike_(command, "digits", "--architecture", "conv4-pool-12-10", "--out", command)
        )


def test_images_of_another_shape_are_rejected_where_they_are_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = Network.create("conv4-10", CIRCUIT, input_shape=(4, 16), seed=0)
    message = (
        "the network sees images of 4 x 16 x 1 (height, width, channels) but these are 8 x 8 x 1: pass images like"
    )
    digits = load("digits")
    with pytest.raises(ValueError, match=re.escape(message)):
        train(ours, digits, epochs=1, seed=0)
    with pytest.raises(ValueError, match=re.escape(message)):
        run_cases(ours, "digits", [Case("none")], chips=1, seed=0, workers=1)
    assert 0 <= evaluate(ours, Split(digits.test.images.reshape(-1, 64), digits.test.labels)) <= 1  # rows have no shape
    ours.save("model.safetensors")
    for command in (["eval"], ["energy"], ["trace"], ["chips", "--nonideal", "typical"]):
        assert message in error_line(rcspike_(*command, "model.safetensors", "digits"))
    assert message in error_line(rcspike_("train", "digits", "--start", "model.safetensors", "--out", "run"))


@pytest.mark.long
@ngspice
def test_commands_for_hardware_know_convolutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    figures_saved(monkeypatch)
    network("conv4-pool-12-10", CIRCUIT, np.float32, input_shape=(8, 8)).save("model.safetensors")
    energy = said(rcspike_("energy", "model.safetensors", "digits"))
    windows = 15 * 6 + 5 + 2 + 1  # of 1 us: four membranes charge, fire and are reset, 16 times; two dense layers
    assert re.search(rf"in turn      0\.0\d+ mm2, {windows} µs, \S+ nJ: .* one capacitor for each membrane", energy)
    windows = 16 * 4 + 1 + 2 + 1  # with two capacitors, the column always charges
    assert re.search(rf"in turn      0\.0\d+ mm2, {windows} µs, \S+ nJ: .* two capacitors for each membrane", energy)
    assert re.search(r"side by side 0\.\d+ mm2, 4 µs, \S+ nJ", energy) and "memory       1.024 kbit" in energy
    Network.create("conv4-10", CIRCUIT, seed=1, input_shape=(8, 8), phases="single").save("single.safetensors")
    single = said(rcspike_("energy", "single.safetensors", "digits"))
    assert re.search(r"in turn      0\.\d+ mm2: one set of columns", single)
    point = operating_point(CIRCUIT)
    switched = Network.load("model.safetensors").rescaled(point.with_switches((9, 64, 12, 10)), plus=1.0, minus=1.0)
    done = activity(switched, load("digits").test.times)
    joules = mean_energy(energy_parts(done, point))
    counted = said(rcspike_("energy", "model.safetensors", "digits", "--switches"))
    assert f"energy       RC-Spike {1e12 * joules:.1f} pJ" in counted and counted != energy
    chips = rcspike_("chips", "model.safetensors", "digits", "--nonideal", "typical", "--chips", "2")
    assert "layer 1  9 x 4: g from" in said(chips)
    verified = said(rcspike_("spice", "verify", "model.safetensors", "digits", "--neurons", "3"))
    assert re.search(r"spike time max / % of T +0\.000\d +0\.000\d +0\.000\d", verified)
    network("conv4-10", CIRCUIT, np.float32, input_shape=(4, 16)).save("other.safetensors")
    message = "the network sees images of 4 x 16 x 1 (height, width, channels) but these are 8 x 8 x 1"
    assert message in error_line(rcspike_("spice", "verify", "other.safetensors", "digits"))


@pytest.mark.parametrize("v_syn", [1.0, 3.0, 1000.0])
def test_first_weights_keep_the_voltages_of_every_layer_between_0_and_1(v_syn: float) -> None:
    text = "conv16-conv16-pool-conv32-conv32-pool-32-10"
    ours = Network.create(text, Circuit(v_syn=v_syn), seed=0, input_shape=(16, 16))
    times = some_times(8, 256).astype(np.float32)
    for result in ours.walk(times):
        if result.depth + 1 == len(ours.layers):
            break
        spiking = result.v[result.v > 0]
        assert 0.2 < len(spiking) / result.v.size < 0.8
        assert 0.02 < spiking.mean() < 0.5
        assert np.mean(result.v >= 1) < 0.02


def test_training_on_drawn_devices_knows_convolutions_and_the_energy_penalty_says_what_it_does_not() -> None:
    data = Dataset("bars", train=bars(60), test=bars(30, seed=4))
    ours = network("conv8-pool-3", Circuit(v_syn=3.0), np.float32)
    start = ours.weights[0]
    train(ours, data, epochs=1, seed=0, devices=DeviceModel(lognormal=0.1, off=0.01))
    assert np.isfinite(ours.weights[0]).all() and not np.array_equal(ours.weights[0], start)
    with pytest.raises(ValueError, match=r"energy_penalty 0\.1 does not know the energy of neurons that share charge"):
        train(ours, data, epochs=1, seed=0, energy_penalty=0.1)
    plain = network("conv8-3", Circuit(v_syn=3.0), np.float32)
    assert train(plain, data, epochs=1, seed=0, energy_penalty=0.001).epochs[0].loss > 0

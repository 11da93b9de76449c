"""Spike lines that share a row of synapses, against the earliest times picked with NumPy."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, Network
from rcspike.chips import Jitter, TimeQuantisation, Variation, program, retrain_last_layer
from rcspike.energy import activity, energy_parts, operating_point
from rcspike.functional import charge, charge_vjp, fire, schedule
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Dense, DeviceNetwork, DevicePairs, FirstSpike, ResistiveLayer, wiring_of

CIRCUIT = Circuit(v_syn=2.0)


def first_of(times: np.ndarray, window: int) -> np.ndarray:
    groups = range(times.shape[1] // window)
    return np.stack([times[:, window * g : window * (g + 1)].min(axis=1) for g in groups], axis=1)


def some_times(batch: int, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    times = rng.integers(0, 9, (batch, n)) / 8  # with ties
    return np.where(rng.random((batch, n)) < 0.3, np.inf, times)


def network(dtype: Any = np.float64) -> Network:
    wiring = [FirstSpike(2), FirstSpike(4)]
    return Network.create([12, 8, 5], CIRCUIT, seed=3, dtype=dtype, wiring=wiring)


@given(seed=st.integers(0, 10**6), window=st.sampled_from([1, 2, 3, 4, 6]))
def test_a_layer_computes_with_the_first_spike_of_each_window(seed: int, window: int) -> None:
    times = some_times(4, 12, seed)
    w = np.random.default_rng(seed).normal(size=(12 // window, 5))
    layer = ResistiveLayer(w, CIRCUIT, wiring_of(window))
    first = first_of(times, window)
    expected = charge(first, w, CIRCUIT)
    np.testing.assert_array_equal(layer.charge(times), expected)
    np.testing.assert_array_equal(layer.charge(schedule(times)), expected)

    grad_v = np.random.default_rng(seed + 1).normal(size=(4, 5))
    grad_times, grad_w = layer.charge_vjp(times, grad_v)
    grad_first, expected_w = charge_vjp(first, w, CIRCUIT, grad_v)
    np.testing.assert_array_equal(grad_w, expected_w)
    np.testing.assert_array_equal(grad_times.reshape(4, -1, window).sum(axis=2), grad_first)
    moved = np.argmin(times.reshape(4, -1, window), axis=2)  # the first of equal times
    others = np.arange(window) != moved[:, :, np.newaxis]
    assert not grad_times.reshape(4, -1, window)[others].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_passes_first_spikes_on(dtype: Any) -> None:
    joined, times = network(dtype), some_times(6, 12, 1).astype(dtype)
    assert joined.sizes == (12, 8, 5)
    assert joined.architecture == "12/2-8/4-5"
    assert [w.shape for w in joined.weights] == [(6, 8), (2, 5)]
    hidden = fire(charge(first_of(times, 2), joined.weights[0], CIRCUIT), CIRCUIT)
    expected = charge(first_of(hidden, 4), joined.weights[1], CIRCUIT)
    np.testing.assert_array_equal(joined.forward(times), expected)
    np.testing.assert_array_equal(joined.forward(schedule(times)), expected)
    np.testing.assert_array_equal([result.v for result in joined.walk(times)][-1], expected)


def test_device_networks_and_chips_join_the_same_inputs() -> None:
    joined, times = network(), some_times(6, 12, 2)
    pairs = [DevicePairs.of_weights(w) for w in joined.weights]
    devices = DeviceNetwork(pairs, CIRCUIT, [layer.wiring for layer in joined.layers])
    np.testing.assert_array_equal(devices.forward(times), joined.forward(times))
    np.testing.assert_array_equal(program(joined, seed=0).forward(times), joined.forward(times))
    clocked = program(joined, [Variation(sigma=0.1), Jitter(sigma=0.01), TimeQuantisation(step=1 / 32)], seed=1)
    assert clocked.forward(times, seed=0).shape == (6, 5)
    (first, *_) = clocked.walk(times, seed=0)
    chip = program(joined, [Variation(sigma=0.1)], seed=1)
    np.testing.assert_array_equal(first.v, next(iter(chip.walk(times))).v)


@pytest.mark.parametrize("phases", ["two", "single"])
def test_the_energy_of_joined_inputs_is_that_of_their_first_spikes_and_of_the_gates(phases: Phases) -> None:
    """A layer alone, against a dense one that gets the first spikes itself."""
    times = some_times(6, 12, 3)
    w = np.random.default_rng(1).normal(size=(4, 5))
    joined = Network([w], CIRCUIT, [FirstSpike(3)], phases=phases)
    until = None if phases == "two" else 0.6
    done = activity(joined, times, until=until)
    plain = activity(Network([w], CIRCUIT, phases=phases), first_of(times, 3), until=until)
    for name in ("q_plus", "q_minus", "q_net", "q_ramp", "spikes", "events", "columns", "charging", "durations"):
        np.testing.assert_array_equal(getattr(done, name), getattr(plain, name))
    point = operating_point(CIRCUIT)
    p, end = point.process, until or 1.0
    n_gates, n_windows = np.sum(times <= end, axis=1), np.sum(first_of(times, 3) <= end, axis=1)
    gates = (2 * n_gates + 8 * n_windows) * p.switch_gate_capacitance * p.v_logic**2
    parts, others = energy_parts(done, point), energy_parts(plain, point)
    np.testing.assert_allclose(parts.pop("drivers")[:, 0], others.pop("drivers")[:, 0] + gates, rtol=1e-14)
    assert gates.min() > 0
    for part, joules in parts.items():
        np.testing.assert_array_equal(joules, others[part])


def test_a_chip_is_fine_tuned_on_the_rows_of_its_last_layer() -> None:
    joined, times = network(), some_times(20, 12, 5)
    chip = program(joined, [Variation(sigma=0.3)], seed=0)
    labels = joined.predict(times)
    tuned = retrain_last_layer(chip, times, labels, seed=0, epochs=30, learning_rate=0.02)
    assert tuned.layers[-1].plus.shape == (2, 5)
    assert (tuned.predict(times) == labels).sum() >= (chip.predict(times) == labels).sum()


def test_a_layer_that_was_used_can_be_copied_and_checks_its_times() -> None:
    layer = network().layers[0]
    times = some_times(3, 12, 6)
    v = layer.charge(times)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(layer)).charge(times), v)
    assert layer.supply_charge(np.empty((0, 12)))[0].shape == (0, 8)
    for use in (layer.supply_charge, lambda t: layer.trace(t, np.array([0.5]))):
        with pytest.raises(ValueError, match=r"times.*got \(3, 11\)"):
            use(times[:, :11].copy())


def test_files_keep_the_wiring_and_older_ones_have_none(tmp_path: Path) -> None:
    joined, times = network(), some_times(6, 12, 4)
    joined.save(tmp_path / "joined")
    again = Network.load(tmp_path / "joined")
    assert again.architecture == joined.architecture
    np.testing.assert_array_equal(again.forward(times), joined.forward(times))
    dense = Network.create([12, 8, 5], CIRCUIT, seed=3)
    dense.save(tmp_path / "dense")
    same = Network.create([12, 8, 5], CIRCUIT, seed=3, wiring=[Dense(), Dense()])
    same.save(tmp_path / "same")
    assert (tmp_path / "dense").read_bytes() == (tmp_path / "same").read_bytes()


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        ([FirstSpike(5), Dense()], "a window of 5 does not divide the 12 inputs of its layer"),
        ([Dense()], "wiring.*got 1"),
    ],
)
def test_wiring_that_does_not_fit_is_an_error(wiring: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network.create([12, 8, 5], CIRCUIT, seed=0, wiring=wiring)
    with pytest.raises(ValueError, match=r"window.*got 0"):
        FirstSpike(0)
    wrong: Any = True
    with pytest.raises(TypeError, match=r"window.*got True"):
        FirstSpike(wrong)

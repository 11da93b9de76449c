"""Ideal networks, device networks and chips: the same arguments, the same errors, and one forward pass."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from strategies import Array

from rcspike import Circuit, DeviceNetwork, DevicePairs, Network
from rcspike.chips import (
    Chip,
    ComparatorOffset,
    DiodeVariation,
    Effect,
    Jitter,
    Ramp,
    RampMismatch,
    ReadNoise,
    TimeQuantisation,
    Variation,
    program,
)
from rcspike.chips.chip_calibration import trim_neurons
from rcspike.energy import activity
from rcspike.functional import charge, fire, readout_times, readout_voltages, schedule
from rcspike.network import LayeredNetwork, spike_time_noise

DTYPES = [np.float32, np.float64]
SIZES = (30, 20, 15, 10)
CIRCUITS = [Circuit(v_syn=1.0), Circuit(e_plus=2.8, e_minus=-1.53, diode_drop=0.1, ramp=0.3)]


def ideal(circuit: Circuit, dtype: npt.DTypeLike = np.float64) -> Network:
    return Network.create(SIZES, circuit, seed=1, dtype=dtype)


def single(circuit: Circuit, dtype: npt.DTypeLike) -> Network:
    """Single-phase neurons, which need rails far above the threshold, with a delay."""
    rails = {"e_plus": 3 * circuit.e_plus, "e_minus": 3 * circuit.e_minus}
    return Network.create(SIZES, replace(circuit, **rails, delay=0.1), seed=1, dtype=dtype, phases="single")


Make = Callable[[Circuit, npt.DTypeLike], Network]


def chip(*effects: Effect, of: Make = ideal) -> Callable[[Circuit, npt.DTypeLike], Chip]:
    return lambda circuit, dtype: program(of(circuit, dtype), effects, seed=3)


def pairs(circuit: Circuit, dtype: npt.DTypeLike, of: Make = ideal) -> DeviceNetwork:
    network = of(circuit, dtype)
    layers = [DevicePairs.of_weights(w) for w in network.weights]
    layers = [replace(one, offset=0.1 * one.plus.sum(axis=0)) for one in layers]
    return DeviceNetwork(layers, network.circuit, phases=network.phases)


KINDS: dict[str, Callable[[Circuit, npt.DTypeLike], LayeredNetwork]] = {
    "ideal network": ideal,
    "device network": pairs,
    "perfect chip": chip(),
    "chip of devices and neurons": chip(Variation(sigma=0.1), ComparatorOffset(sigma=0.05), Ramp(bend=0.2)),
    "chip with temporal noise": chip(Jitter(sigma=0.1), ReadNoise(sigma=0.02)),
    "chip with a clock": chip(Jitter(sigma=0.1), TimeQuantisation(step=0.05)),
    "chip with diodes that block": chip(DiodeVariation(sigma=0.05), Jitter(sigma=0.1)),
    "single-phase network": single,
    "single-phase device network": partial(pairs, of=single),
    "single-phase chip of devices and neurons": chip(Variation(sigma=0.1), ComparatorOffset(sigma=0.05), of=single),
    "single-phase chip with temporal noise": chip(Jitter(sigma=0.1), ReadNoise(sigma=0.02), of=single),
}
all_kinds = pytest.mark.parametrize("kind", KINDS)


def times_of(dtype: npt.DTypeLike = np.float64, batch: int = 40) -> Array:
    t = np.random.default_rng(2).random((batch, SIZES[0]))
    return np.where(t < 0.8, t, np.inf).astype(dtype)


@all_kinds
@pytest.mark.parametrize("circuit", CIRCUITS, ids=["ideal ramp", "nonlinear ramp"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_walk_ends_at_the_result_of_a_forward_pass(
    kind: str, circuit: Circuit, dtype: npt.DTypeLike, noise: float
) -> None:
    network, times = KINDS[kind](circuit, dtype), times_of(dtype)
    arguments: dict[str, Any] = {"noise": noise, "seed": 4, "threads": 2}
    v = network.forward(times, **arguments)
    results = list(network.walk(times, **arguments))
    np.testing.assert_array_equal(results[-1].outputs, v)
    answers = v.argmax(axis=1) if network.phases == "two" else np.where(np.isinf(v).all(axis=1), -1, v.argmin(axis=1))
    np.testing.assert_array_equal(network.predict(times, **arguments), answers)
    assert (network.sizes, network.dtype, v.dtype) == (SIZES, dtype, dtype)
    assert [result.depth for result in results] == [0, 1, 2]
    given = times
    for result in results:  # the spikes of each layer are the input of the next one
        np.testing.assert_array_equal(result.times, given)
        layer = result.layer
        if network.phases == "two":
            np.testing.assert_array_equal(layer.charge(result.times), result.v)
            assert (result.t_out[np.isfinite(result.t_out)] <= 1).all()
        elif kind != "single-phase chip with temporal noise" and not noise:
            np.testing.assert_array_equal(layer.first_spike(result.times), result.t_out)
        assert (layer.n_in, layer.n_out, layer.dtype) == (given.shape[1], result.t_out.shape[1], dtype)
        assert layer.circuit == network.circuit
        given = result.t_out
        assert (given >= 0).all()
    assert network.phases == "two" or np.isfinite(given).any()
    # A schedule stands for the times everywhere.
    events = schedule(times, phases=network.phases)
    np.testing.assert_array_equal(network.forward(events, **arguments), v)
    *_, last = network.walk(events, **arguments)
    np.testing.assert_array_equal(last.outputs, v)


def test_all_kinds_have_the_same_arguments() -> None:
    kinds = (Network, DeviceNetwork, Chip)
    for method in ("forward", "predict", "walk"):
        first, *others = (inspect.signature(getattr(kind, method)).parameters.values() for kind in kinds)
        assert all(list(other) == list(first) for other in others)
        assert [parameter.name for parameter in first] == ["self", "times", "noise", "seed", "threads"]


@all_kinds
@pytest.mark.parametrize("method", ["forward", "predict", "walk"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise": 0.1}, "noise needs a seed$"),
        ({"noise": -0.1, "seed": 0}, r"^spike-time noise.*got -0\.1"),
        ({"noise": math.nan, "seed": 0}, "^spike-time noise.*got nan"),
        ({"seed": 0, "threads": 0}, "^threads.*got 0"),
        (
            {"seed": 0, "times": np.zeros((2, 4))},
            r"^times.*got \(2, 4\)",
        ),
    ],
)
def test_all_kinds_have_the_same_errors(kind: str, method: str, arguments: dict[str, Any], message: str) -> None:
    network = KINDS[kind](CIRCUITS[0], np.float64)
    with pytest.raises(ValueError, match=message):
        getattr(network, method)(**({"times": times_of()} | arguments))


@pytest.mark.parametrize("circuit", CIRCUITS, ids=["ideal ramp", "nonlinear ramp"])
def test_perfect_kinds_have_the_same_bits_with_the_same_noise(circuit: Circuit) -> None:
    network, times = ideal(circuit), times_of()
    devices = DeviceNetwork([DevicePairs.of_weights(w) for w in network.weights], circuit)
    v = network.forward(times, noise=0.1, seed=7)
    for other in (devices, program(network, seed=0)):
        np.testing.assert_array_equal(other.forward(times, noise=0.1, seed=7), v)
        for a, b in zip(other.walk(times, noise=0.1, seed=7), network.walk(times, noise=0.1, seed=7), strict=True):
            np.testing.assert_array_equal(a.t_out, b.t_out)


def test_noise_is_added_to_the_temporal_noise_of_a_chip() -> None:
    """On one layer and the ideal ramp, shifts of spike times are subtracted from voltages, and rounded once each."""
    network = Network([np.random.default_rng(0).normal(0, 0.2, (30, 10))], Circuit())
    jittering, times = program(network, [Jitter(sigma=0.1)], seed=0), times_of()
    v, noisy = (jittering.forward(times, noise=noise, seed=5) for noise in (0.0, 0.05))
    (shift,) = spike_time_noise(np.random.default_rng(5), len(times), [10], 0.05, network.dtype)
    np.testing.assert_allclose(noisy, v - shift, rtol=0, atol=1e-15)
    assert np.corrcoef((network.forward(times) - v).ravel(), shift.ravel())[0, 1] < 0.2  # of 400 independent draws


@pytest.mark.parametrize("circuit", CIRCUITS, ids=["ideal ramp", "nonlinear ramp"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_chip_with_a_clock_rounds_the_spikes_of_every_layer(circuit: Circuit, dtype: npt.DTypeLike) -> None:
    network, times = ideal(circuit, dtype), times_of(dtype)
    step, t = 0.05, times
    for w in network.weights[:-1]:
        t = (np.rint(fire(charge(t, w, circuit), circuit) / step) * step).astype(dtype)
        t[t > 1] = np.inf
    t = readout_times(charge(t, network.weights[-1], circuit), circuit)
    expected = readout_voltages((np.rint(t / step) * step).astype(dtype), circuit)
    found = program(network, [TimeQuantisation(step=step)], seed=0)
    np.testing.assert_array_equal(found.forward(times), expected)
    *_, last = found.walk(times)
    np.testing.assert_array_equal(last.outputs, expected)


def test_a_layer_that_is_sent_passes_its_spikes_on() -> None:
    network, other, times = ideal(CIRCUITS[0]), Network.create(SIZES, CIRCUITS[0], seed=9, dtype=np.float64), times_of()
    walk = network.walk(times)
    first = next(walk)
    second = walk.send(other.layers[0])
    np.testing.assert_array_equal(first.layer.charge(times), first.v)
    np.testing.assert_array_equal(second.times, fire(charge(times, other.weights[0], other.circuit), other.circuit))
    *_, last = walk
    mixed = Network([other.weights[0], *network.weights[1:]], network.circuit)
    np.testing.assert_array_equal(last.outputs, mixed.forward(times))


def test_neurons_are_trimmed_to_the_spikes_of_trimmed_layers() -> None:
    """Trims of a layer do not depend on layers behind it, and are those of a chip whose first layers are trimmed."""
    network, times = ideal(CIRCUITS[0]), times_of(batch=200)
    made = program(network, [ComparatorOffset(sigma=0.05), RampMismatch(sigma=0.1), Jitter(sigma=0.01)], seed=1)
    trimmed = trim_neurons(made, network, times, seed=2)
    for n in (1, 2):
        front = replace(made, layers=made.layers[:n])
        alone = trim_neurons(front, Network(network.weights[:n], network.circuit), times, seed=2)
        for a, b in zip(alone.layers, trimmed.layers, strict=False):
            np.testing.assert_array_equal(a.offset, b.offset)
            np.testing.assert_array_equal(a.ramp_current, b.ramp_current)


def test_a_use_that_a_kind_of_layer_cannot_serve_says_so() -> None:
    network, times = pairs(CIRCUITS[0], np.float64), times_of(batch=1)
    with pytest.raises(TypeError, match=r"^energy needs layers with the method supply_charge, which \w+ does not have"):
        activity(network, times)
    plots = pytest.importorskip("rcspike.plots")
    with pytest.raises(TypeError, match=r"^a trace figure needs layers with the method trace, which \w+ does not have"):
        plots.layer_traces(network, times)
    spice = pytest.importorskip("rcspike.spice")
    with pytest.raises(TypeError, match=r"^SPICE needs layers with the method \w+, which \w+ does not have"):
        spice.compare_layer(network, times[0], 1)


def test_energy_of_a_schedule_asks_for_the_spike_times() -> None:
    events: Any = schedule(times_of())
    with pytest.raises(TypeError, match="a schedule does not have the spike times themselves: pass the times to walk"):
        activity(ideal(CIRCUITS[0]), events)

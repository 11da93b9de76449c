"""Charge that switches inject as they open, and the delay of spikes: one definition, wherever it is computed."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from needs import ngspice
from safetensors import safe_open

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, datasets
from rcspike.chips import (
    CapacitorMismatch,
    ChargeInjection,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    SpikeDelay,
    WireResistance,
    program,
    training_effects,
)
from rcspike.energy import activity, operating_point
from rcspike.functional import charge, charge_vjp, fire, output_loss, readout_times, schedule, trace
from rcspike.network import Dense, FirstSpike
from rcspike.spice import compare_layer
from rcspike.training import Settings

Array = npt.NDArray[Any]
PLUS, MINUS = 0.007, -0.011
LOSS = {"temperature": 0.08, "temporal_penalty": 0.1, "t_ref": 0.9}
RAILS = [Circuit(v_syn=1.0), Circuit(e_plus=2.8, e_minus=-1.5, diode_drop=0.2, ramp=0.2), Circuit.conventional()]


def counted(times: Array, weights: Array, plus: float = PLUS, minus: float = MINUS) -> Array:
    """The definition: op n_plus + om n_minus, with the numbers of conducting synapses of either sign."""
    conducts = (times <= 1).astype(np.float64)
    return plus * (conducts @ (weights > 0)) + minus * (conducts @ (weights < 0))


def some(n_in: int = 12, n_out: int = 7, batch: int = 9, seed: int = 1) -> tuple[Array, Array]:
    weights = np.random.default_rng(seed).normal(0.1, 0.3, (n_in, n_out))
    weights[0, :2] = 0.0, -0.0
    rng = np.random.default_rng(seed + 100)
    times = np.where(rng.random((batch, n_in)) < 0.7, rng.integers(0, 33, (batch, n_in)) / 32, np.inf)
    return times, weights


@pytest.mark.parametrize("rails", RAILS, ids=lambda c: c.label)
def test_charging_ends_with_a_voltage_for_each_conducting_synapse(rails: Circuit) -> None:
    times, weights = some()
    exact = oracle.charge(times, *oracle.affine(weights, rails.e_plus, rails.e_minus, rails.diode_drop))
    circuit = replace(rails, injection=(PLUS, MINUS))
    np.testing.assert_allclose(charge(times, weights, circuit), exact + counted(times, weights), rtol=0, atol=1e-14)


def test_an_injection_leaves_every_gradient_as_it_is() -> None:
    times, weights = some()
    grad = np.random.default_rng(2).normal(size=(9, 7))
    for one, other in zip(
        charge_vjp(times, weights, Circuit(injection=(PLUS, MINUS)), grad),
        charge_vjp(times, weights, Circuit(), grad),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_voltages_during_charging_and_the_charge_of_the_rails_do_not_contain_it() -> None:
    times, weights = some()
    circuit = Circuit(injection=(PLUS, MINUS))
    at = np.array([0.25, 1.0])
    np.testing.assert_array_equal(trace(times, weights, circuit, at), trace(times, weights, Circuit(), at))
    network, without = Network([weights], circuit), Network([weights], Circuit())
    np.testing.assert_array_equal(activity(network, times).q_plus, activity(without, times).q_plus)


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("rails", RAILS, ids=lambda c: c.label)
def test_a_network_has_the_injection_of_each_layer(rails: Circuit) -> None:
    times, first = some()
    second = some(7, 4, seed=3)[1]
    pairs = ((0.004, -0.009), (0.02, 0.03))
    circuit = replace(rails, injection=pairs, delay=0.0625)
    network = Network([first, second], circuit)
    v = charge(times, first, rails) + counted(times, first, *pairs[0])
    t = oracle.fire(v, rails.ramp) + 0.0625
    t = np.where(t > 1, np.inf, t)
    expected = charge(t, second, rails) + counted(t, second, *pairs[1])
    np.testing.assert_allclose(network.forward(times), expected, rtol=0, atol=1e-13)
    results = list(network.walk(times))
    np.testing.assert_allclose(results[0].v, v, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(results[-1].outputs, network.forward(times))
    np.testing.assert_array_equal(network.forward(schedule(times), threads=1), network.forward(times, threads=3))
    chip = DeviceNetwork([DevicePairs.of_weights(w) for w in (first, second)], circuit)
    np.testing.assert_array_equal(chip.forward(times), network.forward(times))
    assert network.circuit == chip.circuit == circuit
    assert Network.of_layers(network.layers).circuit == circuit


def test_joined_inputs_count_once() -> None:
    weights = np.array([[0.5, -0.5]])
    network = Network([weights, np.eye(2)], Circuit(v_syn=math.inf, injection=(0.25, -0.125)), [FirstSpike(3), Dense()])
    v = next(network.walk(np.array([[0.5, 0.75, np.inf], [np.inf, np.inf, np.inf]]))).v
    np.testing.assert_array_equal(v, [[0.25 + 0.25, -0.25 - 0.125], [0.0, 0.0]])


@pytest.mark.parametrize("ramp", [0.0, 0.3])
def test_a_delay_makes_every_spike_later(ramp: float) -> None:
    v = np.array([[-0.1, 0.01, 0.3, 0.9999, 1.0, 5.0]])
    t = oracle.fire(v, ramp) + 0.05
    circuit = Circuit(ramp=ramp, delay=0.05)
    np.testing.assert_allclose(fire(v, circuit), np.where(t > 1, np.inf, t), rtol=0, atol=1e-15)
    np.testing.assert_allclose(readout_times(v, circuit), oracle.readout_times(v, ramp) + 0.05, rtol=0, atol=1e-14)


@pytest.mark.parametrize("ramp", [0.0, 0.3])
def test_a_delay_enters_the_penalty_on_output_times(ramp: float) -> None:
    v, labels = np.array([[0.3, 0.5, -0.2]]), np.array([1])
    options = {"temperature": 0.1, "temporal_penalty": 0.5, "t_ref": 0.9}
    late, early = (Circuit(ramp=ramp, delay=delay) for delay in (0.05, 0.0))
    loss = output_loss(v, labels, late, **options)[0]
    # The delay of all spikes is as good as an earlier reference.
    np.testing.assert_allclose(loss, output_loss(v, labels, early, **options | {"t_ref": 0.85})[0], rtol=1e-13, atol=0)


def test_training_sees_injection_and_delay() -> None:
    dataset = datasets.load("digits")
    circuit = Circuit(injection=((0.002, -0.01), (0.01, -0.02)), delay=0.03)
    for devices in (None, DeviceModel(w_max=(5.0, 5.0))):
        network = Network.create([64, 20, 10], circuit, seed=0, dtype=np.float64)
        trainer = Settings(epochs=1, devices=devices, seed=0, **LOSS).trainer(network)
        times, labels = dataset.train.times[:32].astype(np.float64), dataset.train.labels[:32].astype(np.int64)
        report = trainer.step(schedule(times), np.arange(32), labels, [], learning_rate=0.0, threads=1)
        losses, _ = output_loss(network.forward(times), labels, circuit, **LOSS)
        assert math.isclose(report.loss, losses.sum(), rel_tol=1e-12)


# Chips


@pytest.mark.parametrize(
    "others",
    [
        [],
        [CapacitorMismatch(sigma=0.05), ComparatorOffset(sigma=0.03)],
        [DiodeVariation(sigma=0.02)],
        [WireResistance(resistance=1e-3)],
        [WireResistance(resistance=1e-3, wire="membrane"), CapacitorMismatch(sigma=0.05)],
    ],
    ids=lambda effects: "-".join(effect.name for effect in effects) or "none",
)
@pytest.mark.parametrize("on_off", [math.inf, 50.0])
def test_charge_on_a_chip_is_added_to_the_real_membranes(others: list[Any], on_off: float) -> None:
    """The voltages at which ideal neurons spike, with and without it: they differ by unit Q / c."""
    times, weights = some()
    network, devices = Network([weights], Circuit(v_syn=1.0)), Devices(on_off=on_off)
    before = program(network, others, seed=5, devices=devices)
    effect = ChargeInjection(plus=PLUS, minus=MINUS, sigma=0.0)
    chip = program(network, [*others, effect], seed=5, devices=devices)
    layer = chip.layers[0]
    unit = layer.ideal_scale()[1]
    conducts = (times <= 1).astype(np.float64)
    both = np.ones_like(weights) if on_off < math.inf else np.zeros_like(weights)
    q = PLUS * (conducts @ np.maximum(weights > 0, both)) + MINUS * (conducts @ np.maximum(weights < 0, both))
    np.testing.assert_allclose(
        chip.forward(times), before.forward(times) + unit * q / layer.capacitance, rtol=0, atol=1e-13
    )
    np.testing.assert_array_equal(list(chip.walk(times))[-1].outputs, chip.forward(times))


def test_charge_scatters_from_switch_to_switch() -> None:
    layer = Devices().layer(np.full((400, 250), 0.5), Circuit())
    got = ChargeInjection(plus=1e-3, minus=-1.0, scale=0.5, sigma=0.1).apply(layer, np.random.default_rng(0))
    injection = got.switch_injection()
    assert abs(injection.mean() - 5e-4) < 5 * 5e-5 / math.sqrt(injection.size)
    assert abs(injection.std() - 5e-5) < 5 * 5e-5 / math.sqrt(2 * injection.size)


def test_an_effect_replaces_what_the_circuit_has() -> None:
    times, weights = some()
    trained_for = Network([weights], Circuit(injection=(0.5, 0.5), delay=0.1))
    effects = [ChargeInjection(plus=PLUS, minus=MINUS, sigma=0.0), SpikeDelay(delay=0.02)]
    chip = program(trained_for, effects, seed=0)
    np.testing.assert_allclose(
        chip.forward(times), Network([weights], Circuit(injection=(PLUS, MINUS))).forward(times), rtol=0, atol=1e-14
    )
    assert chip.circuit.delay == 0.02


def test_an_effect_can_differ_from_layer_to_layer() -> None:
    times, weights = some()
    network = Network([weights, some(7, 4)[1]], Circuit())
    pairs = ((0.01, -0.02), (0.05, -0.06))
    plus, minus = zip(*pairs, strict=True)
    chip = program(network, [ChargeInjection(plus=plus, minus=minus, sigma=0.0)], seed=0)
    twin = Network(network.weights, Circuit(injection=pairs))
    np.testing.assert_allclose(chip.forward(times), twin.forward(times), rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="plus is given for 1 layers, but there is a layer 2"):
        program(network, [ChargeInjection(plus=(0.1,))], seed=0)


def test_training_takes_injection_and_delay_of_a_chip_from_the_circuit() -> None:
    effects = [ChargeInjection(plus=(1e-3, 2e-3), minus=-4e-3, scale=0.5), SpikeDelay(delay=0.01), CapacitorMismatch()]
    found = training_effects(effects, n_layers=2)
    assert found.left_out == ("capacitor_mismatch",)
    circuit = found.circuit(Circuit(v_syn=2.0))
    assert circuit == Circuit(v_syn=2.0, injection=((5e-4, -2e-3), (1e-3, -2e-3)), delay=0.01)


def test_a_charge_in_coulombs_becomes_volts_of_the_membrane() -> None:
    point = operating_point(Circuit(v_syn=2.0))
    q, c = 0.2e-15, point.scale(784).capacitance
    plus, minus = point.injection(784, plus=q, minus=2 * q)
    assert math.isclose(plus * point.v_th, q / c)
    assert math.isclose(minus * point.v_th, -2 * q / c)
    assert point.with_switches((784, 200, 10)).injections[1] == point.injection(200)


# The circuit as an object, and its files


def test_circuits_with_switches_are_values() -> None:
    circuit = Circuit(injection=((1e-3, -2e-3), (0.0, 0.0)), delay=0.25)
    assert pickle.loads(pickle.dumps(circuit)) == copy.copy(circuit) == circuit
    assert repr(Circuit(delay=0.25)).endswith("ramp=0.0, delay=0.25)")
    assert circuit.label == "v1-t0.25-q0.001_-0.002_0_0"
    assert Circuit(injection=((1e-3, 2e-3), (1e-3, 2e-3))).injection == (1e-3, 2e-3)
    assert Circuit(injection=np.array([1e-3, 2e-3]).tolist()) == Circuit(injection=(1e-3, 2e-3))
    assert circuit.of_layer(0).injection == (1e-3, -2e-3)
    with pytest.raises(ValueError, match="given for 2 layers, the network has 1"):
        Network([np.eye(2)], circuit)
    with pytest.raises(ValueError, match=r"take circuit\.of_layer"):
        charge(np.zeros((1, 1)), np.ones((1, 1)), circuit)


@pytest.mark.parametrize("wrong", [1e-3, "ab", (), (1e-3,), ((1e-3,),), (1e-3, "x"), ((1e-3, 2e-3), 1e-3)])
def test_an_injection_is_two_numbers_or_two_for_each_layer(wrong: Any) -> None:
    with pytest.raises(TypeError, match="injection must be"):
        Circuit(injection=wrong)


@pytest.mark.parametrize("wrong", [{"injection": (math.inf, 0.0)}, {"delay": 1.0}, {"delay": -0.1}])
def test_values_outside_their_range_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Circuit(**wrong)


@pytest.mark.parametrize("circuit", [Circuit(injection=((1e-3, -2e-3), (3e-4, 0.0))), Circuit(delay=0.1)])
def test_models_keep_injection_and_delay(tmp_path: Path, circuit: Circuit) -> None:
    network = Network([np.eye(2), np.eye(2)], circuit)
    network.save(tmp_path / "model")
    assert Network.load(tmp_path / "model").circuit == circuit
    Network([np.eye(2)], Circuit()).save(tmp_path / "plain")
    with safe_open(tmp_path / "plain", framework="numpy") as file:
        assert len(json.loads(file.metadata()["header"])["circuit"]) == 5


# SPICE


@ngspice
def test_ngspice_agrees_with_injection_and_delay() -> None:
    times, weights = some(8, 5, batch=1)
    network = Network([weights], Circuit(v_syn=1.5, injection=(0.01, -0.02), delay=0.02))
    found = compare_layer(network, times[0], 1)
    np.testing.assert_allclose(found.v_spice, found.v, rtol=0, atol=2e-5)
    spiking = np.isfinite(found.t_out)
    np.testing.assert_allclose(found.t_out_spice[spiking], found.t_out[spiking], rtol=0, atol=2e-5)

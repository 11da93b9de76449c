"""Rows that load the membrane: against lumped rules, resistors of many sections, and differences."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("scipy")

from hypothesis import given
from hypothesis import strategies as st
from loaded_lines import Device, charged_lines, line_voltages, lumped_voltages
from strategies import Layer, layers

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, RowLoad, draw_devices, train
from rcspike.chips import CapacitorMismatch, ComparatorOffset, Devices, RampMismatch, Variation, program
from rcspike.chips.chip_calibration import retrain_last_layer
from rcspike.datasets import Dataset, Split
from rcspike.functional import (
    adam_step,
    charge,
    charge_affine,
    charge_loaded,
    charge_loaded_vjp,
    charge_vjp,
    device_loads,
    first_spike,
    output_loss,
    pair_loads,
    supply_charge,
    supply_charge_vjp,
    switch_injection,
)
from rcspike.network import Conv2d, ResistiveLayer
from rcspike.training import Settings

Array = npt.NDArray[np.float64]

# A part of the switches is as narrow as switches can be.
LOAD = RowLoad(body=2e-4, position=0.3, junction_plus=1e-3, junction_minus=2e-3, width_plus=6.0, width_minus=8.0)
CIRCUIT = Circuit(e_plus=1.2, e_minus=-0.9, diode_drop=0.1, load=LOAD)
INJECTING = replace(CIRCUIT, injection=(1e-3, -2e-3))


def weights(seed: int, n_in: int = 30, n_out: int = 3) -> Array:
    """Some of them 0, none of the others so small that its body would be most of the membrane."""
    rng = np.random.default_rng(seed)
    w = rng.choice([-1, 1], (n_in, n_out)) * rng.uniform(0.03, 0.4, (n_in, n_out))
    return np.where(rng.random(w.shape) < 0.2, 0.0, w)


def spikes(seed: int, n_in: int = 30, batch: int = 4) -> Array:
    """Times that are all different; a tenth of the inputs never spike."""
    rng = np.random.default_rng(seed)
    times = rng.permuted(np.tile(np.linspace(0.01, 0.97, n_in), (batch, 1)), axis=1)
    return np.where(rng.random(times.shape) < 0.1, np.inf, times)


def devices(times: Array, w: Array, circuit: Circuit, load: RowLoad) -> list[Device]:
    """Those of one column."""
    rails = np.where(w > 0, circuit.e_plus, circuit.e_minus)
    plus, minus = circuit.injections[0]
    of_plus, of_minus = (load.width_plus, load.junction_plus, plus), (load.width_minus, load.junction_minus, minus)
    switches = [of_plus if one > 0 else of_minus for one in w]
    return [
        Device(
            *(t, g, rail - np.sign(rail) * circuit.diode_drop, load.body / g, load.position),
            *(max(1.0, width * g) * of_switch for of_switch in switch),
        )
        for t, g, rail, (width, *switch) in zip(times, np.abs(w / rails), rails, switches, strict=True)
        if g > 0
    ]


def lumped(times: Array, w: Array, circuit: Circuit) -> Array:
    found = np.empty((len(times), w.shape[1]))
    for k, i in np.ndindex(found.shape):
        found[k, i] = lumped_voltages(devices(times[k], w[:, i], circuit, circuit.loads[0]))
    return found


def difference(f: object, at: Array, step: Array) -> Array:
    """Central differences of a function of an array, entry by entry."""
    found = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        if np.isfinite(at[index]) and step[index] > 0:
            more, less = at.copy(), at.copy()
            more[index] += step[index]
            less[index] -= step[index]
            found[index] = (f(more) - f(less)) / (2 * step[index])  # type: ignore[operator]
    return found


@pytest.mark.parametrize("load", [LOAD, RowLoad(body=3e-4), RowLoad(junction_plus=5e-3), replace(LOAD, position=1.0)])
@pytest.mark.parametrize("rails", [(1.2, -0.9), (1.0, -1.0)])
def test_voltages_follow_the_lumped_rules(load: RowLoad, rails: tuple[float, float]) -> None:
    circuit = replace(INJECTING, e_plus=rails[0], e_minus=rails[1], load=load)
    times, w = spikes(1), weights(2)
    times[1] = np.round(times[1], 1)  # several rows close at once
    exact = lumped(times, w, circuit)
    np.testing.assert_allclose(charge(times, w, circuit), exact, rtol=0, atol=1e-12)
    # 30 roundings of numbers up to 1, with an eps of 1.2e-7.
    single = charge(times.astype(np.float32), w.astype(np.float32), circuit)
    np.testing.assert_allclose(single, exact, rtol=0, atol=4e-6)
    assert np.abs(exact - charge(times, w, replace(circuit, load=RowLoad()))).max() > 1e-4


def test_resistors_of_thirty_sections_agree_where_their_delays_are_below_a_percent() -> None:
    rng = np.random.default_rng(3)
    for position, junction in product((0.0, 0.3, 0.6), (0.0, 0.002)):
        g = rng.uniform(0.1, 0.3, 6)
        body = 6 * 0.01 * g.min() ** 2 / g  # R C/6 is at most 0.01 T; junctions add at most half of it
        column = [
            Device(t, one, rail, c, position, junction)
            for t, one, rail, c in zip(rng.uniform(0, 0.9, 6), g, rng.choice([-1, 1], 6), body, strict=True)
        ]
        assert abs(line_voltages(column) - lumped_voltages(column)) < 2e-4


@pytest.mark.parametrize(("position", "junction"), [(0.0, 0.0), (0.6, 0.0), (0.3, 3e-3)])
def test_rails_deliver_what_bodies_and_junctions_take(position: float, junction: float) -> None:
    rng = np.random.default_rng(31)
    g, times, signs = rng.uniform(0.2, 0.4, 6), rng.uniform(0, 0.9, 6), np.array([1, 1, -1, 1, -1, -1])
    load = RowLoad(body=0.03 * g.min() ** 2, position=position, junction_plus=junction, junction_minus=junction)
    column = [
        Device(t, one, sign, load.body / one, position, junction) for t, one, sign in zip(times, g, signs, strict=True)
    ]
    lines, w = charged_lines(column), (g * signs)[:, np.newaxis]
    charges = [float(q[0, 0]) for q in supply_charge(times[np.newaxis], w, Circuit(load=load))]
    # Of voltages that agree to 2e-4, and less: loads are some 0.02 of it.
    np.testing.assert_allclose(charges, [lines.plus, lines.minus], rtol=0, atol=1e-4)
    ideal = [float(q[0, 0]) for q in supply_charge(times[np.newaxis], w, Circuit())]
    assert np.abs(np.subtract(charges, ideal)).max() > 1e-3
    many, weight = spikes(32), weights(33)
    for circuit in (CIRCUIT, replace(CIRCUIT, load=load)):
        plus, minus = supply_charge(many, weight, circuit)
        # Every body beyond its switch is at its rail again, and all else at v.
        np.testing.assert_allclose(plus + minus, charge(many, weight, circuit), rtol=0, atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("position", [0.0, 1 / 3, 17 / 30])
def test_fifty_resistors_of_thirty_sections_agree_to_a_fiftieth_of_a_percent(position: float) -> None:
    rng = np.random.default_rng(4)
    g = rng.uniform(0.5, 1, 50)
    g *= 2.5 / g.sum()
    body = 6 * 0.01 * g.min() ** 2 / g
    w, times = np.zeros((50, 1)), rng.uniform(0, 0.95, (1, 50))
    w[:, 0] = g * rng.choice([-1, 1], 50)
    column = [Device(*one, position, 0.0) for one in zip(times[0], g, np.sign(w[:, 0]), body, strict=True)]
    drive, conductance = w, np.abs(w)
    loads = device_loads(body[:, np.newaxis], 0.0, np.sign(w), position)
    v = charge_loaded(times, drive, conductance, loads)[0, 0]
    assert abs(line_voltages(column) - v) < 2e-4


def test_gradients_agree_with_central_differences() -> None:
    times, w = spikes(5, 20), weights(6, 20)
    grad_v = np.random.default_rng(7).normal(size=(4, 3))

    def loss(times: Array, w: Array) -> float:
        return float(np.sum(grad_v * charge(times, w, INJECTING)))

    of_times, of_weights = charge_vjp(times, w, INJECTING, grad_v)
    by_weights = difference(lambda w: loss(times, w), w, 1e-5 * np.abs(w))
    by_times = difference(lambda times: loss(times, w), times, np.full(times.shape, 1e-5))
    # Truncation: the third derivative times 1e-10 / 6; rounding: 1e-16 / 1e-5 and 1e-16 / 3e-7.
    np.testing.assert_allclose(of_weights, by_weights, rtol=0, atol=1e-6 * np.abs(by_weights).max())
    np.testing.assert_allclose(of_times, by_times, rtol=0, atol=1e-6 * np.abs(by_times).max())
    assert not of_weights[w == 0].any()  # no device


def test_gradients_of_any_loads_agree_with_central_differences() -> None:
    rng = np.random.default_rng(8)
    times = spikes(9, 12)
    parts = {
        "drive": rng.normal(size=(12, 3)),
        "conductance": rng.uniform(0, 0.5, (12, 3)),
        "loads": rng.uniform(-0.05, 0.05, (12, 5, 3)),
        "drive0": rng.normal(size=3),
        "conductance0": rng.uniform(0, 0.5, 3),
    }
    grad_v = rng.normal(size=(4, 3))

    def loss(**changed: Array) -> float:
        given = {"times": times, **parts, **changed}
        return float(np.sum(grad_v * charge_loaded(**given)))

    found = dict(
        zip(
            ("times", "drive", "conductance", "drive0", "conductance0", "loads"),
            charge_loaded_vjp(times, grad_v=grad_v, **parts),
            strict=True,
        )
    )
    for name, exact in found.items():
        at = times if name == "times" else parts[name]
        by_name = difference(lambda x, name=name: loss(**{name: x}), at, np.full(at.shape, 1e-5))  # type: ignore[misc]
        np.testing.assert_allclose(exact, by_name, rtol=0, atol=1e-6 * np.abs(by_name).max())


def test_rows_that_close_together_have_the_gradient_of_moving_together() -> None:
    times, w = np.full((1, 8), 0.4), weights(10, 8)
    grad_v = np.ones((1, 3))
    step = 1e-5
    moved = [charge(times + shift, w, CIRCUIT).sum() for shift in (step, -step)]
    of_times, _ = charge_vjp(times, w, CIRCUIT, grad_v)
    assert of_times.sum() == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-6)


@given(layers(), st.floats(0, 1))
def test_loads_of_nothing_change_nothing(layer: Layer, position: float) -> None:
    drive, conductance = layer.affine()
    loads = device_loads(np.zeros_like(drive), 0.0, 1.0, position)
    times = layer.times.astype(np.float64)
    v = charge_affine(times, drive, conductance)
    reach = 1 + np.abs(drive).sum(axis=0)
    assert (np.abs(charge_loaded(times, drive, conductance, loads) - v) <= 1e-12 * reach).all()
    circuit = replace(layer.circuit, load=RowLoad(position=position))
    assert np.array_equal(charge(layer.times, layer.weights, circuit), charge(*layer))


def test_junctions_at_the_rail_share_the_charge_of_the_membrane_and_of_their_rails() -> None:
    # (C_on v + sum c E) / (C_on + sum c): two rows, that close at once.
    load = RowLoad(junction_plus=0.05, junction_minus=0.1)
    w, circuit = np.array([[0.5], [-0.2]]), Circuit(e_plus=2.0, e_minus=-1.0, load=load)
    on = 1 - 0.15
    v = 0.3 / 0.45 * (1 - np.exp(-0.45 * 0.75 / on))  # D = 0.5 - 0.2 and G = 0.5/2 + 0.2/1
    expected = on * v + 0.05 * 2.0 - 0.1 * 1.0
    np.testing.assert_allclose(charge(np.full((1, 2), 0.25), w, circuit), [[expected]], atol=1e-15)


def test_a_network_of_pairs_and_an_ideal_chip_load_as_its_weights() -> None:
    network, times = Network([weights(11), weights(12, 3, 2)], INJECTING), spikes(13)
    v = network.forward(times)
    pairs = DeviceNetwork([DevicePairs.of_weights(w) for w in network.weights], INJECTING)
    np.testing.assert_allclose(pairs.forward(times), v, rtol=0, atol=1e-14)
    np.testing.assert_allclose(program(network, [], seed=0).forward(times), v, rtol=0, atol=1e-14)
    narrow = replace(INJECTING, load=replace(LOAD, width_plus=0.0, width_minus=0.0))
    for other in (replace(INJECTING, load=RowLoad()), narrow):
        assert np.abs(Network(network.weights, other).forward(times) - v).max() > 1e-4
    # What the switches inject belongs to them, in weights and in pairs.
    for q, of_weights in zip(
        program(network, [], seed=0).layers[0].switch_charge(times), network.layers[0].switch_charge(times), strict=True
    ):
        np.testing.assert_allclose(q, of_weights, rtol=1e-12)


def test_both_devices_of_each_pair_of_a_chip_load_with_the_bodies_they_were_designed_with() -> None:
    w, times = weights(14, 20), spikes(15, 20)
    effects = [
        CapacitorMismatch(sigma=0.1),
        Variation(sigma=0.3),
        RampMismatch(sigma=0.1),
        ComparatorOffset(sigma=0.05),
    ]
    chip = program(Network([w], CIRCUIT), effects, seed=1, devices=Devices(on_off=50.0))
    layer = chip.layers[0]
    rest, unit = layer.ideal_scale()
    designed = (layer.g_min + np.maximum(w, 0)) / 1.2, (layer.g_min + np.maximum(-w, 0)) / 0.9
    switches = (LOAD.width_plus, LOAD.junction_plus), (LOAD.width_minus, LOAD.junction_minus)
    sides = list(zip(layer.conductances(), designed, (1.1, -0.8), switches, strict=True))
    v = np.empty((len(times), 3))
    for k, i in np.ndindex(v.shape):
        c = layer.capacitance[i]
        column = [
            Device(
                *(times[k, j], g[j, i] / c, rail, LOAD.body / as_designed[j, i] / c, LOAD.position),
                max(1.0, width * as_designed[j, i]) * junction / c,
            )
            for g, as_designed, rail, (width, junction) in sides
            for j in range(20)
        ]
        v[k, i] = rest[i] + unit[i] * lumped_voltages(column)
    np.testing.assert_allclose(chip.forward(times), v, rtol=0, atol=1e-12)


def test_a_convolution_loads_as_its_unrolled_neurons() -> None:
    rng = np.random.default_rng(16)
    kernels = rng.choice([-1, 1], (9, 2)) * rng.uniform(0.1, 0.5, (9, 2))
    circuit = Circuit(load=RowLoad(body=1e-3, position=0.2))
    layer = ResistiveLayer(kernels, circuit, Conv2d((6, 6, 1), (3, 3), pool=2))
    times = rng.random((3, 36))
    chosen = np.arange(layer.n_out)
    v = layer.charge(times)
    np.testing.assert_allclose(layer.neurons(chosen).charge(times), v, rtol=0, atol=1e-13)
    grad_v = rng.normal(size=v.shape)
    of_times, of_kernels = layer.charge_vjp(times, grad_v)
    by_kernels = difference(
        lambda w: np.sum(grad_v * replace(layer, weights=w).charge(times)), kernels, np.full(kernels.shape, 1e-6)
    )
    by_times = difference(lambda t: np.sum(grad_v * layer.charge(t)), times, np.full(times.shape, 1e-6))
    np.testing.assert_allclose(of_kernels, by_kernels, rtol=0, atol=1e-6 * np.abs(by_kernels).max())
    np.testing.assert_allclose(of_times, by_times, rtol=0, atol=1e-6 * np.abs(by_times).max())


@pytest.mark.parametrize("rails", [(1.2, -0.9), (1.0, -1.0)])
@pytest.mark.parametrize("model", [DeviceModel(), DeviceModel(proportional=0.1, lognormal=0.1, stuck_off=0.1)])
def test_training_takes_the_step_of_the_exact_gradient(model: DeviceModel, rails: tuple[float, float]) -> None:
    circuit = replace(INJECTING, e_plus=rails[0], e_minus=rails[1])
    labels = np.arange(40) % 3
    times, w = spikes(18, batch=40), weights(19)
    data = Dataset("random", Split(np.where(times < 1, 1 - times, 0.0), labels), Split(np.zeros((1, 30)), labels[:1]))
    network = Network([w], circuit)
    train(network, data, epochs=1, seed=5, batch_size=40, learning_rate=1e-4, noise=0.0, devices=model)
    given = data.train.times
    drawn = draw_devices(w, model, seed=int(Settings(epochs=1, seed=5).rng(4).integers(2**64, dtype=np.uint64)))
    real = drawn.plus - drawn.minus
    v = charge(given, real, circuit)
    _, grad_v = output_loss(v, labels, circuit, temperature=0.07)
    _, gradient = charge_vjp(given, real, circuit, grad_v / 40)
    gradient *= real / np.where(w == 0, 1, w)  # each device differs from its weight by a factor
    expected = w.copy()
    adam_step(expected, gradient, np.zeros_like(w), np.zeros_like(w), step=1, learning_rate=1e-4)
    np.testing.assert_allclose(network.weights[0], expected, rtol=0, atol=1e-12)
    assert np.array_equal(network.weights[0] == 0, w == 0)


def test_a_trace_follows_the_lumped_rules_until_the_switches_open() -> None:
    times, w = spikes(24), weights(25)
    at = np.array([0.0, 0.31, 1.0, 0.77])
    traced = ResistiveLayer(w, CIRCUIT).trace(times, at)
    assert traced.shape == (4, 3, 4) and not traced[..., 0].any()
    for i in (1, 3):
        # Where the window ends at this time, and switches open there, without their last rule.
        for sample, of_sample in enumerate(traced):
            for column in range(3):
                of_column = devices(times[sample], w[:, column], CIRCUIT, LOAD)
                assert of_sample[column, i] == pytest.approx(lumped_voltages(of_column, until=at[i]), abs=1e-12)
    with pytest.raises(ValueError, match=r"at\[0\] must lie in \[0, 1\]"):
        ResistiveLayer(w, CIRCUIT).trace(times, np.array([1.5]))
    # Times that are whole numbers of the part of the window that is traced, as pixels are of their range.
    times, at = np.array([[0.0, 3.0, 7.0, 15.0]]) / 15, 1 / 15
    traced = ResistiveLayer(w[:4], CIRCUIT).trace(times, np.array([at]))
    assert traced[0, 0, 0] == pytest.approx(
        lumped_voltages(devices(times[0], w[:4, 0], CIRCUIT, LOAD), until=at), abs=1e-12
    )


def test_columns_without_capacitance_and_what_is_not_modelled_are_rejected() -> None:
    times, w = spikes(20), weights(21)
    with pytest.raises(ValueError, match=r"weights\[0\].*column 0 load its membrane with .* smallest weight is"):
        Network([1e-4 * w], CIRCUIT)
    with pytest.raises(ValueError, match=r"loads: the rows of column 0 take 1\.5 C"):
        charge_loaded(times, w, np.abs(w), np.full((30, 5, 3), -0.05))
    with pytest.raises(ValueError, match=r"loads must have shape \(30, 5, 3\), got \(30, 4, 3\)"):
        charge_loaded(times, w, np.abs(w), np.zeros((30, 4, 3)))
    with pytest.raises(ValueError, match="single phase"):
        first_spike(times, w, CIRCUIT)
    with pytest.raises(ValueError, match=r"gradients of the rails.*leave load out"):
        supply_charge_vjp(times, w, CIRCUIT, np.ones((4, 3)), np.ones((4, 3)))
    data = Dataset("one", Split(np.zeros((3, 30)), np.arange(3)), Split(np.zeros((3, 30)), np.arange(3)))
    network = Network([w], CIRCUIT)
    with pytest.raises(ValueError, match="energy_penalty"):
        train(network, data, epochs=1, seed=0, energy_penalty=0.1)
    with pytest.raises(ValueError, match=r"off, absolute and stuck_on must be 0, got 0, 0\.1 and 0"):
        train(network, data, epochs=1, seed=0, devices=DeviceModel(absolute=0.1))
    with pytest.raises(ValueError, match="retraining the last layer"):
        retrain_last_layer(program(network, seed=0), times, np.zeros(4, dtype=np.int64), seed=0)


def test_loads_of_layers_differ_and_must_be_given_for_all() -> None:
    circuit = Circuit(load=(LOAD, RowLoad()))
    network = Network([weights(22), weights(23, 3, 2)], circuit)
    assert [layer.circuit.load for layer in network.layers] == [LOAD, RowLoad()]
    assert Network.of_layers(network.layers).circuit == circuit
    with pytest.raises(ValueError, match="load is given for 2 layers"):
        charge(spikes(24), weights(22), circuit)
    with pytest.raises(ValueError, match="load is given for 2 layers, the network has 1"):
        Network([weights(22)], circuit)
    with pytest.raises(TypeError, match="load must be a RowLoad"):
        Circuit(load=0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got -1"):
        Circuit(load=RowLoad(body=-1.0))
    with pytest.raises(ValueError, match="finite rails"):
        Circuit(v_syn=np.inf, load=LOAD)


def test_pairs_load_as_both_of_their_devices_in_one_row() -> None:
    w, times = weights(25), spikes(26)
    circuit = Circuit(e_plus=1.2, e_minus=-0.9, load=LOAD, injection=(1e-3, -2e-3))
    plus, minus = np.abs(w), 0.5 * np.abs(w)
    pairs = DeviceNetwork([DevicePairs(plus, minus)], circuit)
    rows = Network([np.concatenate([plus, -minus])], circuit)
    v = rows.forward(np.concatenate([times, times], axis=1))
    np.testing.assert_allclose(pairs.forward(times), v, rtol=0, atol=1e-14)
    drive, conductance = plus - minus, plus / 1.2 + minus / 0.9
    wide_plus, wide_minus = np.maximum(1, LOAD.width_plus * plus / 1.2), np.maximum(1, LOAD.width_minus * minus / 0.9)
    injected = switch_injection(times, 1e-3 * wide_plus * (plus > 0) - 2e-3 * wide_minus * (minus > 0))
    loaded = charge_loaded(times, drive, conductance, pair_loads(plus, minus, circuit))
    np.testing.assert_allclose(loaded + injected, v, rtol=0, atol=1e-14)

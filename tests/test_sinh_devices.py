"""Devices of I = g V_0 sinh(V/V_0): against an ODE solver, differences, and the limit of ohmic devices."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("scipy")

from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from strategies import Layer, layers

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, RowLoad, train
from rcspike.chips import program
from rcspike.datasets import Dataset, Split
from rcspike.energy import PhysicalScale, activity
from rcspike.functional import adam_step, charge, charge_vjp, first_spike, output_loss, supply_charge, trace
from rcspike.network import Conv2d, ResistiveLayer
from rcspike.spice import layer_conductances

Array = npt.NDArray[np.float64]

CIRCUIT = Circuit(v_0=0.493)
OTHER = Circuit(e_plus=2.0, e_minus=-0.5, diode_drop=0.1, v_0=0.3)
CIRCUITS = [CIRCUIT, OTHER, Circuit(v_0=0.1), Circuit(v_0=3.0), Circuit(v_0=1e3)]
by_circuit = pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.label)


def spikes(seed: int, batch: int = 3, n_in: int = 20) -> Array:
    """Some inputs spike together, some at 0, and some never."""
    rng = np.random.default_rng(seed)
    times = rng.random((batch, n_in))
    times[:, 1] = times[:, 0]
    times[:, 2:4] = np.inf, 0.0
    return times


def weights(seed: int, scale: float, n_in: int = 20, n_out: int = 4) -> Array:
    """Those of the last column have one sign: its membrane goes to a rail."""
    w = np.random.default_rng(seed).uniform(-scale, scale, (n_in, n_out))
    w[:, -1] = np.abs(w[:, -1])
    return w


def integrated(times: Array, w: Array, circuit: Circuit, until: float = 1.0) -> float:
    """v of one column at a time, by Dormand and Prince's method of order 8 from the current of every device.

    A membrane stays between its rails, but a step that the solver then rejects may end far outside, where sinh
    overflows; the current there is that at the rail.
    """
    rails = np.where(w > 0, circuit.e_plus, circuit.e_minus)
    g = np.abs(w) / (circuit.v_0 * np.sinh(np.abs(rails) / circuit.v_0))
    voltage = rails - np.sign(rails) * circuit.diode_drop

    v, ends = 0.0, np.unique([0.0, *times[times < until], until])
    for start, end in pairwise(ends):
        on = times <= start

        def slope(_: float, v: Array, on: npt.NDArray[np.bool_] = on) -> Array:
            inside = np.clip(v[0], circuit.e_minus, circuit.e_plus)
            return np.array([np.sum(on * g * circuit.v_0 * np.sinh((voltage - inside) / circuit.v_0))])

        v = solve_ivp(slope, (start, end), [v], method="DOP853", rtol=1e-13, atol=1e-15).y[0, -1]
    return v


@by_circuit
@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
def test_voltages_agree_with_an_ode_solver(circuit: Circuit, scale: float) -> None:
    times, w = spikes(1, batch=1), weights(2, scale)
    expected = np.array([[integrated(sample, column, circuit) for column in w.T] for sample in times])
    np.testing.assert_allclose(charge(times, w, circuit), expected, rtol=0, atol=1e-11)
    single = charge(times.astype(np.float32), w.astype(np.float32), circuit)
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-4)


@by_circuit
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_gradients_agree_with_central_differences(circuit: Circuit, scale: float) -> None:
    times, w = spikes(3), weights(4, scale)
    grad_v = np.random.default_rng(5).normal(size=(3, 4))
    of_times, of_weights = charge_vjp(times, w, circuit, grad_v)
    step = 1e-6

    def loss(times: Array, w: Array) -> float:
        return float(np.sum(grad_v * charge(times, w, circuit)))

    for index in np.ndindex(w.shape):
        change = np.zeros_like(w)
        change[index] = step
        slope = (loss(times, w + change) - loss(times, w - change)) / (2 * step)
        assert of_weights[index] == pytest.approx(slope, rel=1e-6, abs=1e-7)
    for i, j in np.ndindex(times.shape):
        if j < 4:  # ties, and times that cannot move both ways
            continue
        change = np.zeros_like(times)
        change[i, j] = step
        slope = (loss(times + change, w) - loss(times - change, w)) / (2 * step)
        assert of_times[i, j] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_rows_that_close_together_have_the_gradient_of_moving_together() -> None:
    times, w = spikes(3, batch=1), weights(4, 1.0, n_out=1)
    of_times, _ = charge_vjp(times, w, CIRCUIT, np.ones((1, 1)))
    change = np.zeros_like(times)
    change[:, :2] = 1e-6
    slope = (charge(times + change, w, CIRCUIT) - charge(times - change, w, CIRCUIT)).item() / 2e-6
    assert of_times[0, :2].sum() == pytest.approx(slope, rel=1e-6, abs=1e-9)


@given(layers())
def test_a_large_v_0_is_that_of_ohmic_devices(layer: Layer) -> None:
    times, w, ohmic = layer.times.astype(np.float64), layer.weights.astype(np.float64), layer.circuit
    if math.isinf(ohmic.e_plus - ohmic.e_minus):
        return
    # The law differs from the ohmic one by (E/V_0)^2/6 of the current.
    near = replace(ohmic, v_0=1e6 * max(ohmic.e_plus, -ohmic.e_minus))
    np.testing.assert_allclose(charge(times, w, near), charge(times, w, ohmic), rtol=1e-10, atol=1e-10)
    grad_v = np.ones((len(times), w.shape[1]))
    of_near, of_ohmic = (charge_vjp(times, w, circuit, grad_v) for circuit in (near, ohmic))
    for one, other in zip(of_near, of_ohmic, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * max(1, np.abs(w).max(initial=0)))


@given(st.integers(0, 2**32 - 1), st.sampled_from(CIRCUITS), st.sampled_from([0.1, 10.0, 1e6, 1e30]))
def test_membranes_stay_between_their_rails(seed: int, circuit: Circuit, scale: float) -> None:
    for real, margin in ((np.float64, 1e-9), (np.float32, 2e-3)):
        times, w = spikes(seed).astype(real), weights(seed, scale).astype(real)
        v = charge(times, w, circuit)
        low, high = circuit.e_minus + circuit.diode_drop, circuit.e_plus - circuit.diode_drop
        assert np.all(v >= low - margin) and np.all(v <= high + margin)
        assert all(np.isfinite(part).all() for part in charge_vjp(times, w, circuit, np.ones_like(v)))


def test_a_weight_is_the_current_into_a_membrane_at_rest() -> None:
    v = charge(np.array([[1 - 1e-7]]), np.array([[0.7, -0.3]]), replace(OTHER, diode_drop=0.0))
    np.testing.assert_allclose(v / 1e-7, [[0.7, -0.3]], rtol=1e-6)


def test_a_convolution_is_its_unrolled_neurons() -> None:
    rng = np.random.default_rng(6)
    layer = ResistiveLayer(rng.uniform(-0.5, 0.5, (9, 2)), CIRCUIT, Conv2d((6, 6, 1), (3, 3), pool=2))
    times = rng.random((3, 36))
    v = layer.charge(times)
    np.testing.assert_allclose(layer.neurons(np.arange(layer.n_out)).charge(times), v, rtol=0, atol=1e-13)


@pytest.mark.parametrize("circuit", [CIRCUIT, OTHER], ids=lambda circuit: circuit.label)
def test_a_trace_agrees_with_an_ode_solver(circuit: Circuit) -> None:
    times, w, at = spikes(14, batch=1), weights(15, 2.0), np.array([0.0, 0.9, 0.37, 1.0])
    expected = [[[integrated(t, column, circuit, end) if end else 0.0 for end in at] for column in w.T] for t in times]
    traced = trace(times, w, circuit, at)
    np.testing.assert_allclose(traced, expected, rtol=0, atol=1e-11)
    assert np.array_equal(traced[..., 3], charge(times, w, circuit))


def test_switches_inject_into_the_voltage() -> None:
    times, w = spikes(7), weights(8, 1.0)
    on = (times <= 1).astype(float)
    v = charge(times, w, CIRCUIT) + on @ np.where(w > 0, 1e-3, -2e-3)
    np.testing.assert_allclose(charge(times, w, replace(CIRCUIT, injection=(1e-3, -2e-3))), v, rtol=0, atol=1e-13)


@pytest.mark.parametrize("circuit", [CIRCUIT, OTHER], ids=lambda circuit: circuit.label)
def test_training_takes_the_step_of_the_exact_gradient(circuit: Circuit) -> None:
    labels = np.arange(40) % 3
    times, w = spikes(9, batch=40), weights(10, 0.4, n_out=3)
    data = Dataset("random", Split(np.where(times < 1, 1 - times, 0.0), labels), Split(np.zeros((1, 20)), labels[:1]))
    network = Network([w], circuit)
    train(network, data, epochs=1, seed=5, batch_size=40, learning_rate=1e-4, noise=0.0)
    _, grad_v = output_loss(charge(data.train.times, w, circuit), labels, circuit, temperature=0.07)
    _, gradient = charge_vjp(data.train.times, w, circuit, grad_v / 40)
    expected = w.copy()
    adam_step(expected, gradient, np.zeros_like(w), np.zeros_like(w), step=1, learning_rate=1e-4)
    np.testing.assert_allclose(network.weights[0], expected, rtol=0, atol=1e-12)


def test_a_model_file_keeps_v_0(tmp_path: Path) -> None:
    network = Network.create([20, 5, 3], OTHER, seed=0)
    network.save(tmp_path / "model.safetensors")
    again = Network.load(tmp_path / "model.safetensors")
    assert again.circuit == OTHER
    assert np.array_equal(again.forward(spikes(11)), network.forward(spikes(11)))
    ohmic = Network(network.weights, replace(OTHER, v_0=math.inf))
    ohmic.save(tmp_path / "ohmic.safetensors")
    assert b"v_0" not in (tmp_path / "ohmic.safetensors").read_bytes()
    assert not np.array_equal(ohmic.forward(spikes(11)), network.forward(spikes(11)))


def test_what_is_modelled_for_ohmic_devices_only_is_rejected() -> None:
    times, w = spikes(12), weights(13, 0.5)
    network = Network([w], CIRCUIT)
    data = Dataset("one", Split(np.zeros((3, 20)), np.arange(3)), Split(np.zeros((3, 20)), np.arange(3)))
    calls = [
        lambda: first_spike(times, w, CIRCUIT),
        lambda: Network([w], CIRCUIT, phases="single"),
        lambda: supply_charge(times, w, CIRCUIT),
        lambda: DeviceNetwork([DevicePairs(np.maximum(w, 0), np.maximum(-w, 0))], CIRCUIT),
        lambda: program(network, seed=0),
        lambda: activity(network, times),
        lambda: layer_conductances(network.layers[0], PhysicalScale()),
        lambda: train(network, data, epochs=1, seed=0, energy_penalty=0.1),
        lambda: train(network, data, epochs=1, seed=0, devices=DeviceModel(proportional=0.1)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"ohmic devices only.*v_0 = 0\.493"):
            call()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_0": 0.0}, r"v_0 must be above 0.*got 0"),
        ({"v_0": -1.0}, r"v_0.*got -1"),
        ({"v_0": math.nan}, r"v_0.*got nan"),
        ({"v_0": 0.19, "e_plus": 2.0}, r"v_0 must be at least a tenth of the rails, 0\.2 here, got 0\.19"),
        ({"v_0": 0.5, "v_syn": math.inf}, r"v_0 = 0\.5 needs finite rails"),
        ({"v_0": 0.5, "load": RowLoad(body=1e-4)}, r"load.*v_0 = 0\.5"),
    ],
)
def test_a_v_0_that_is_not_possible_is_rejected(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Circuit(**arguments)  # type: ignore[arg-type]


def test_a_v_0_shows_where_it_is_given() -> None:
    assert CIRCUIT.label == "v1-sinh0.493" and Circuit().label == "v1"
    assert eval(repr(CIRCUIT), {"Circuit": Circuit}) == CIRCUIT != Circuit()
    assert "v_0" not in repr(Circuit())

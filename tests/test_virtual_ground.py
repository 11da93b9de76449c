"""Columns at a virtual ground of finite transconductance: against a solver of both nodes, and differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("scipy")

from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from strategies import Layer, assert_slopes, layers, spaced_layer

from rcspike import Circuit, DeviceModel, DeviceNetwork, DevicePairs, Network, RowLoad, train
from rcspike.chips import program
from rcspike.datasets import Dataset, Split
from rcspike.energy import PhysicalScale, activity, load_process, operating_point, ratio_range, virtual_ground_parts
from rcspike.functional import charge, charge_vjp, first_spike, supply_charge, supply_charge_vjp, trace
from rcspike.network import Conv2d, ResistiveLayer
from rcspike.spice import column_voltages, layer_netlist

Array = npt.NDArray[np.float64]

AMPLIFIERS = {
    "as baselines size it": Circuit.virtual_ground(0.115, transconductance=59.0, summing_capacitance=0.59),
    "slow": Circuit.virtual_ground(0.115, transconductance=6.0, summing_capacitance=2.0),
    "fast": Circuit.virtual_ground(0.2, transconductance=400.0, summing_capacitance=0.02),
    "with a load": Circuit.virtual_ground(0.5, transconductance=10.0, summing_capacitance=0.3, output_capacitance=1.5),
    "other rails": replace(
        Circuit.virtual_ground(1.0, transconductance=8.0, summing_capacitance=0.5), e_minus=-0.4, diode_drop=0.1
    ),
}


def both_nodes(times: Array, w: Array, circuit: Circuit) -> Array:
    """Minus the voltage of a column's output after the switches have opened and the amplifier has settled.

    C_p s' + C (s' - o') = sum g (E - s) and C_L o' + C (o' - s') = -g_m s, with C = 1, by a solver of order 8.
    """
    c_p, c_o, g_m = circuit.summing_capacitance, circuit.output_capacitance, circuit.transconductance
    inverse = np.linalg.inv(np.array([[c_p + 1, -1], [-1, c_o + 1]]))
    rails = np.where(w > 0, circuit.e_plus, circuit.e_minus)
    g = w / rails
    current = g * (rails - np.sign(rails) * circuit.diode_drop)
    settling = 40 * (c_p + c_o / (1 + c_o)) * (1 + c_o) / g_m
    ends = [*sorted({*times[times < 1], 1.0}), 1 + settling]
    state, start = np.zeros(2), 0.0
    for end in ends:
        on = (times <= start) & (start < 1)
        drive, conductance = float(current[on].sum()), float(g[on].sum())
        if end > start:
            state = solve_ivp(
                lambda _, y, d=drive, c=conductance: inverse @ (d - c * y[0], -g_m * y[0]),
                (start, end), state, method="DOP853", rtol=1e-12, atol=1e-14,
            ).y[:, -1]  # fmt: skip
        start = end
    return np.asarray(-state[1])


@pytest.mark.parametrize("name", AMPLIFIERS)
def test_the_charge_of_a_phase_is_the_settled_output_of_both_nodes_equations(name: str) -> None:
    circuit, rng = AMPLIFIERS[name], np.random.default_rng(1)
    times, w = rng.uniform(0, 1.1, (2, 12)), rng.normal(0, 0.4, (12, 2))
    times[0, :3], times[1, :2], w[5, 0] = 0.5, (0.0, 1.0), 0.0
    exact = [[both_nodes(sample, column, circuit) for column in w.T] for sample in times]
    np.testing.assert_allclose(charge(times, w, circuit), exact, rtol=0, atol=1e-9)
    # Some 20 roundings of numbers up to 3, with an eps of 1.2e-7.
    single = charge(times.astype(np.float32), w.astype(np.float32), circuit)
    np.testing.assert_allclose(single, exact, rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", AMPLIFIERS)
def test_gradients_agree_with_central_differences(name: str) -> None:
    circuit = AMPLIFIERS[name]
    layer, grad_v = spaced_layer(circuit)
    times, w = layer.times, layer.weights
    of_times, of_weights = charge_vjp(times, w, circuit, grad_v)
    assert_slopes(lambda w: float(np.sum(grad_v * charge(times, w, circuit))), w, of_weights)
    assert_slopes(lambda t: float(np.sum(grad_v * charge(t, w, circuit))), times, of_times)


@given(layers(), st.floats(1.0, 200.0), st.floats(0.01, 3.0), st.floats(0.0, 2.0))
def test_an_amplifier_gives_at_most_what_the_read_voltage_asks_of_it(
    layer: Layer, g_m: float, c_p: float, c_o: float
) -> None:
    # The summing node stays within the rails, so that g_m E is the largest current, and it gives its charge C_p E up as
    # the amplifier settles.
    circuit = Circuit.virtual_ground(0.1, transconductance=g_m, summing_capacitance=c_p, output_capacitance=c_o)
    w = np.clip(layer.weights.astype(np.float64), -100, 100)
    v = charge(layer.times.astype(np.float64), w, circuit)
    assert (np.abs(v) <= 0.1 * (g_m + c_p) * (1 + 1e-9)).all()


@given(layers())
def test_a_large_transconductance_is_the_conventional_circuit(layer: Layer) -> None:
    times, w = layer.times.astype(np.float64), np.clip(layer.weights.astype(np.float64), -1, 1)
    circuit = Circuit.virtual_ground(0.1, transconductance=1e9, summing_capacitance=1e-3)
    ideal = charge(times, w, Circuit.conventional())
    reach = 1 + np.abs(w).sum(axis=0)
    assert (np.abs(charge(times, w, circuit) - ideal) <= 1e-6 * reach**2).all()  # G/g_m of D


def test_a_convolution_is_that_of_its_unrolled_neurons() -> None:
    rng = np.random.default_rng(2)
    circuit, kernels = AMPLIFIERS["slow"], rng.normal(0, 0.3, (9, 2))
    layer = ResistiveLayer(kernels, circuit, Conv2d((6, 6, 1), (3, 3), pool=2))
    times = rng.random((3, 36))
    v = layer.charge(times)
    np.testing.assert_allclose(layer.neurons(np.arange(layer.n_out)).charge(times), v, rtol=0, atol=1e-13)
    grad_v = rng.normal(size=v.shape)
    _, of_kernels = layer.charge_vjp(times, grad_v)
    assert_slopes(lambda w: float(np.sum(grad_v * replace(layer, weights=w).charge(times))), kernels, of_kernels)


def test_a_model_file_keeps_the_amplifier(tmp_path: Path) -> None:
    network = Network([np.ones((3, 2))], AMPLIFIERS["with a load"])
    network.save(tmp_path / "model.safetensors")
    assert Network.load(tmp_path / "model.safetensors").circuit == network.circuit
    assert network.circuit.label == "v0.5-gm10-cp0.3-co1.5"


@pytest.mark.parametrize(
    "wrong", [{"transconductance": -1.0}, {"summing_capacitance": 0.0}, {"output_capacitance": np.inf}]
)
def test_an_amplifier_needs_a_transconductance_and_a_summing_capacitance(wrong: dict[str, float]) -> None:
    given = {"transconductance": 1.0, "summing_capacitance": 1.0, "output_capacitance": 0.0}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Circuit.virtual_ground(0.1, **(given | wrong))
    with pytest.raises(ValueError, match="transconductance"):
        Circuit(output_capacitance=0.1)


def test_the_bias_of_an_op_amp_follows_from_its_strength() -> None:
    network = Network([np.array([[0.5, -0.2], [0.3, 0.1]])], Circuit(v_syn=1.0))
    done, process = activity(network, np.array([[0.2, 0.4]])), load_process("sky130")
    point = operating_point(network.circuit, process)
    weak, strong = (virtual_ground_parts(done, point, strength=a)["op-amps"].item() for a in (1.0, 3.0))
    # Two columns on 140 fF: g_m = 2 C V_th / (V_r T), a pair with g_m/I of 20 /V at 1.8 V during 2 T.
    g_m = 2 * 140e-15 * 0.872 / (0.1 * 1e-6)
    assert strong - weak == pytest.approx(2 * 2 * g_m / 20 * 1.8 * 2e-6, rel=1e-12, abs=0)
    found = ratio_range(done, network.circuit, process, "virtual ground", strength=1.0)
    assert "opamp_settling" not in [one.name for one in found.sensitivities]
    with pytest.raises(ValueError, match="strength"):
        ratio_range(done, network.circuit, process, "current sources", strength=1.0)


def test_what_is_not_modelled_is_rejected() -> None:
    circuit = AMPLIFIERS["slow"]
    times, w = np.array([[0.5, 0.2]]), np.array([[0.5], [-0.2]])
    one = np.ones((1, 1))
    data = Dataset("one", Split(times, np.zeros(1, np.int64)), Split(times, np.zeros(1, np.int64)))
    for use in (
        lambda: supply_charge(times, w, circuit),
        lambda: supply_charge_vjp(times, w, circuit, one, one),
        lambda: trace(times, w, circuit, np.array([0.5])),
        lambda: first_spike(times, w, circuit),
        lambda: DeviceNetwork([DevicePairs.of_weights(w)], circuit),
        lambda: program(Network([w], circuit), [], seed=0).forward(times),
        lambda: replace(circuit, load=RowLoad(body=1e-4)),
        lambda: layer_netlist(times[0], np.abs(w), 0 * w, circuit, PhysicalScale()),
        lambda: column_voltages(times, np.abs(w), 0 * w, circuit, PhysicalScale(), junction=(0.0, 0.0)),
        lambda: train(Network([w], circuit), data, epochs=1, seed=0, energy_penalty=0.1),
        lambda: train(Network([w], circuit), data, epochs=1, seed=0, devices=DeviceModel(proportional=0.1)),
    ):
        with pytest.raises(ValueError, match="transconductance"):
            use()

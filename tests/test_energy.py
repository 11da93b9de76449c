"""Energy of an inference: counts and costs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rcspike import Circuit, EnergyModel, Network, PhysicalScale
from rcspike.functional import charge, fire, supply_charge
from rcspike.hardware import PARTS, activity, energy_parts, tops_per_watt


def small_network(circuit: Circuit) -> Network:
    rng = np.random.default_rng(70)
    return Network([rng.normal(0.3, 1, size) for size in ((7, 5), (5, 4), (4, 3))], circuit)


def some_times(n: int = 6) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.where(np.random.default_rng(71).random((n, 7)) < 0.3, np.inf, np.random.default_rng(72).random((n, 7)))


def test_one_neuron_costs_what_is_worked_out_by_hand() -> None:
    # Two synapses of 1/2 and -1/2 that pull from t = 1/2 leave the membrane at rest, and each rail delivers a quarter.
    network = Network([np.array([[0.5], [-0.5]])], Circuit(e_plus=2.0, e_minus=-2.0))
    model = EnergyModel(
        scale=PhysicalScale(capacitance=1e-13, window=2e-6, v_th=0.5),
        v_logic=1.5,
        v_ramp=0.75,
        line_capacitance=4e-15,
        reset_capacitance=2e-15,
        comparator_current=1e-7,
        headroom=0.25,
        opamp_current=1e-6,
    )
    done = activity(network, np.array([[0.5, 0.5]]))
    parts = energy_parts(done, network.circuit, model)
    expected = {
        "axon lines": 2 * 4e-15 * (1.0**2 + 1.0**2),  # two spikes, a neuron, rails of 1 V
        "positive synapses": 0.25 * 1e-13 * 0.5 * 1.0,
        "negative synapses": 0.25 * 1e-13 * 0.5 * 1.0,
        "op-amps": 0.0,
        "ramp": 1e-13 * 0.5 * 0.75,  # silent: over the whole window
        "comparators": 1e-7 * 1.5 * 2e-6,
        "reset": 2e-15 * 1.5**2,
    }
    assert tuple(parts) == PARTS
    for name, joules in parts.items():
        assert joules == pytest.approx(expected[name], rel=1e-14), name
    conventional = energy_parts(done, Circuit.conventional(), model)
    expected |= {
        "axon lines": 2 * 4e-15 * 2 * 0.75**2,
        "positive synapses": 0.25 * 1e-13 * 0.5 * 0.75,
        "negative synapses": 0.25 * 1e-13 * 0.5 * 0.75,
        "op-amps": 1e-6 * 1.5 * 2 * 2e-6,
    }
    for name, joules in conventional.items():
        assert joules == pytest.approx(expected[name], rel=1e-14), name


@pytest.mark.parametrize("circuit", [Circuit(v_syn=1.0), Circuit(e_plus=2.0, e_minus=-1.2, diode_drop=0.2, ramp=0.4)])
def test_synapses_cost_the_integral_of_supply_times_current(circuit: Circuit) -> None:
    """Current through each resistor by Ohm's law, with the membrane by a solver of differential equations, in SI."""
    network, times, scale = small_network(circuit), some_times(3), PhysicalScale()
    parts = energy_parts(activity(network, times), circuit)
    w = network.weights[0]
    rail = np.where(w >= 0, circuit.e_plus, circuit.e_minus)
    g = scale.siemens(np.abs(w / rail))
    drop = scale.volts(np.where(w >= 0, 1, -1) * circuit.diode_drop)
    for s, row in enumerate(times):

        def currents(t: float, v: Any, row: Any = row) -> Any:
            return np.where((row <= t / scale.window)[:, None], g * (scale.volts(rail) - drop - v), 0)

        def slope(t: float, y: Any, currents: Any = currents) -> Any:
            i = currents(t, y[:5])
            power = scale.volts(rail) * i
            return np.concatenate([i.sum(axis=0) / scale.capacitance, np.where(w >= 0, power, 0).sum(axis=0)])

        edges = scale.window * np.array([*np.sort(row[row < 1]), 1.0])
        y = np.zeros(10)
        for start, end in pairwise(edges):
            y = solve_ivp(slope, (start, end - 1e-16), y, method="DOP853", rtol=1e-11, atol=1e-26).y[:, -1]
        # Each stretch ends 1e-16 s too early, of 1e-6 s, so that its last step does not see the next spike.
        assert parts["positive synapses"][s, 0] == pytest.approx(y[5:].sum(), rel=1e-8)


def test_every_layer_is_counted_as_the_network_runs() -> None:
    network, t = small_network(Circuit(v_syn=1.2)), some_times()
    done = activity(network, t)
    for layer, w in enumerate(network.weights):
        q_plus, q_minus = supply_charge(t, w, network.circuit)
        np.testing.assert_allclose(done.q_plus[:, layer], q_plus.sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(done.q_minus[:, layer], q_minus.sum(axis=1), rtol=1e-14)
        np.testing.assert_array_equal(done.spikes[:, layer], (t <= 1).sum(axis=1))
        t = fire(charge(t, w, network.circuit), network.circuit)
    assert (done.spikes[:, 1] < 5).any()  # or else no hidden neuron was silent


def test_noise_moves_spikes_as_in_a_forward_pass() -> None:
    network, times = small_network(Circuit(v_syn=1.2)), some_times(50)
    done = activity(network, times, noise=0.05, seed=3)
    assert (done.q_plus[:, 1] != activity(network, times).q_plus[:, 1]).all()
    # What the last membranes hold is what forward reads, but for the noise of the last spikes themselves.
    rng = np.random.default_rng(3)
    last = [0.05 * rng.standard_normal((50, n)) for n in (5, 4, 3)][-1]
    v = network.forward(times, noise=0.05, seed=3) + last
    np.testing.assert_allclose(done.q_plus[:, 2] + done.q_minus[:, 2], v.sum(axis=1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("b", [0.0, 0.4, -0.5])
@pytest.mark.parametrize("v", [-0.7, 0.0, 0.25, 0.999, 1.0, 1.5])
def test_a_ramp_delivers_what_it_lifts_the_membrane_by(b: float, v: float) -> None:
    # dv/dt = a (1 - b v), which from rest is at the threshold after one window.
    a = 1.0 if b == 0 else -math.log(1 - b) / b
    network = Network([np.array([[v]])], Circuit(v_syn=math.inf, ramp=b))
    until = min(float(fire(np.array([[v]]), network.circuit)[0, 0]), 1.0)
    end = solve_ivp(lambda _, u: a * (1 - b * u), (0, until), [v], rtol=1e-11, atol=1e-13).y[0, -1] if until else v
    assert activity(network, np.array([[0.0]])).q_ramp[0, 0] == pytest.approx(end - v, abs=1e-9)


def test_a_lower_supply_costs_less_and_current_sources_need_headroom() -> None:
    model = EnergyModel()
    assert model.supplies(Circuit(v_syn=2.0)) == (2 * 0.872, -2 * 0.872)
    assert model.supplies(Circuit.conventional()) == pytest.approx((1.072, -1.072), rel=1e-15)
    assert model.supplies(Circuit(e_plus=math.inf, e_minus=-1.0)) == pytest.approx((1.072, -0.872), rel=1e-15)


def test_the_noise_floor_is_that_of_the_capacitor_and_the_comparator() -> None:
    """kT/C of 140 fF at 300 K is 0.172 mV; a ramp of 0.872 V a window makes 1 mV 0.115 % of the window."""
    quiet = EnergyModel(comparator_noise=0.0)
    assert quiet.spike_time_noise * 0.872 == pytest.approx(0.172e-3, rel=2e-3)
    loud = EnergyModel(comparator_noise=1e-3, scale=PhysicalScale(capacitance=1e-9))
    assert loud.spike_time_noise == pytest.approx(0.115e-2, rel=5e-3)


def test_an_inference_takes_three_windows_and_two_operations_a_synapse() -> None:
    assert EnergyModel(scale=PhysicalScale(window=2e-6)).period == 6e-6
    assert tops_per_watt(1e-12, (3, 4, 5)) == pytest.approx(2 * (12 + 20), rel=1e-15)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["v_logic", "line_capacitance", "opamp_current", "temperature"])
def test_nonsense_is_rejected_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be finite and not negative, in SI units, got {value}"):
        EnergyModel(**{name: value})


def test_something_that_is_not_a_number_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"v_ramp must be a number, got '1 V'"):
        EnergyModel(v_ramp="1 V")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"scale must be a PhysicalScale, got 1e-13"):
        EnergyModel(scale=1e-13)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="temperature must be above 0"):
        EnergyModel(temperature=0)


def test_noise_without_a_seed_is_rejected() -> None:
    with pytest.raises(ValueError, match="noise needs a seed"):
        activity(small_network(Circuit()), some_times(), noise=0.1)

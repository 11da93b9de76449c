"""Energy of an inference: counts and costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from rcspike import Circuit, Network, load_process
from rcspike.energy import (
    BASELINES,
    activity,
    current_source_parts,
    efficiency,
    energy_parts,
    mean_energy,
    operating_point,
    process_names,
    ratio_range,
    virtual_ground_parts,
    zero_reasons,
)
from rcspike.functional import charge, fire, supply_charge
from rcspike.network import spike_time_noise


def small_network(circuit: Circuit) -> Network:
    rng = np.random.default_rng(70)
    return Network([rng.normal(0.3, 1, size) for size in ((7, 5), (5, 4), (4, 3))], circuit)


def some_times(n: int = 6) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.where(np.random.default_rng(71).random((n, 7)) < 0.3, np.inf, np.random.default_rng(72).random((n, 7)))


def test_every_layer_is_counted_as_the_network_runs() -> None:
    network, t = small_network(Circuit(v_syn=1.2)), some_times()
    done = activity(network, t)
    for layer, w in enumerate(network.weights):
        q_plus, q_minus = supply_charge(t, w, network.circuit)
        np.testing.assert_allclose(done.q_plus[:, layer], q_plus.sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(done.q_minus[:, layer], q_minus.sum(axis=1), rtol=1e-14)
        np.testing.assert_allclose(done.q_net[:, layer], abs(q_plus + q_minus).sum(axis=1), rtol=1e-12)
        np.testing.assert_array_equal(done.spikes[:, layer], (t <= 1).sum(axis=1))
        t = fire(charge(t, w, network.circuit), network.circuit)
    assert (done.spikes[:, 1] < 5).any()  # or else no hidden neuron was silent


def test_rails_deliver_all_charge_that_the_membranes_have_after_the_switches_opened() -> None:
    circuit = Circuit(e_plus=1.2, e_minus=-0.9, injection=((2e-3, -3e-3), (0.0, 0.0), (5e-3, -1e-3)))
    network, times = small_network(circuit), some_times()
    done = activity(network, times)
    assert done.opened_plus is not None and done.opened_minus is not None
    for layer, found in enumerate(network.walk(times)):
        delivered = done.q_plus[:, layer] + done.q_minus[:, layer]
        delivered += done.opened_plus[:, layer] + done.opened_minus[:, layer]
        np.testing.assert_allclose(delivered, found.v.sum(axis=1), rtol=1e-12)
        on, w = found.times <= 1, network.weights[layer]
        opened = circuit.injections[layer][0] * (on.astype(int) @ (w > 0)).sum(axis=1)
        np.testing.assert_allclose(done.opened_plus[:, layer], opened, rtol=1e-12)
    without = activity(small_network(Circuit(e_plus=1.2, e_minus=-0.9)), times)
    assert without.opened_plus is None
    np.testing.assert_allclose(done.q_plus[:, 0], without.q_plus[:, 0], rtol=1e-14)


def test_rails_deliver_the_charge_of_convolutions_and_their_pools() -> None:
    circuit = Circuit(e_plus=1.2, e_minus=-0.9, injection=(2e-3, -3e-3))
    network = Network.create("conv3k3-pool-5-4", circuit, input_shape=(8, 8), seed=0, dtype=np.float64)
    times = np.random.default_rng(0).random((4, 64))
    times[times < 0.3] = np.inf
    done = activity(network, times)
    assert done.opened_plus is not None and done.opened_minus is not None
    delivered = done.q_plus + done.q_minus + done.opened_plus + done.opened_minus
    for layer, (membranes, found) in enumerate(zip((4, 1, 1), network.walk(times), strict=True)):  # of a neuron
        np.testing.assert_allclose(delivered[:, layer], membranes * found.v.sum(axis=1), rtol=1e-12)


def test_the_charge_of_the_switches_costs_the_voltage_of_its_rail() -> None:
    process = load_process("sky130")
    costs = []
    for plus in (0.0, 0.125):
        network = Network([np.array([[0.25]])], Circuit(v_syn=1.0, injection=(plus, 0.0)))
        point = operating_point(network.circuit, process)
        parts = energy_parts(activity(network, np.array([[0.0]])).mean(), point)
        costs.append(parts["positive synapses"].item())
    assert costs[1] - costs[0] == pytest.approx(
        0.125 * point.scale(1).capacitance * point.v_th * point.v_plus, rel=1e-6, abs=0
    )


def test_noise_moves_spikes_as_in_a_forward_pass() -> None:
    network, times = small_network(Circuit(v_syn=1.2)), some_times(50)
    done = activity(network, times, noise=0.05, seed=3)
    assert (done.q_plus[:, 1] != activity(network, times).q_plus[:, 1]).all()
    # What the last membranes hold is what forward reads, but for the noise of the last spikes themselves.
    *_, last = spike_time_noise(np.random.default_rng(3), 50, (5, 4, 3), 0.05, network.dtype)
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


def test_what_the_engine_calls_a_drop_is_part_of_the_rail() -> None:
    circuit = Circuit(v_syn=2.0, diode_drop=0.25)
    done = activity(small_network(circuit), some_times())
    point = operating_point(circuit)
    parts = energy_parts(done, point)
    charge = np.array([point.scale(n).capacitance for n in (7, 5, 4)]) * point.v_th
    whole = parts["positive synapses"] + parts["negative synapses"] + parts["selector drop"]
    np.testing.assert_allclose(whole, (done.q_plus - done.q_minus) * charge * 2 * point.v_th, rtol=1e-12)


def test_a_mean_of_the_activity_has_the_mean_energy() -> None:
    network = small_network(Circuit(v_syn=1.0))
    done = activity(network, some_times())
    for parts in (energy_parts, virtual_ground_parts, current_source_parts):
        point = operating_point(network.circuit)
        assert mean_energy(parts(done.mean(), point)) == pytest.approx(
            mean_energy(parts(done, point)), rel=1e-12, abs=0
        )


def test_efficiency_is_counted_by_synapses_and_by_events() -> None:
    network = small_network(Circuit(v_syn=1.0))
    done = activity(network, some_times())
    process = load_process().with_values(window=2e-6)
    parts = energy_parts(done, operating_point(network.circuit, process))
    found = efficiency(parts, done, process)
    joules = sum(float(one.sum()) for one in parts.values()) / 6
    events = float((done.spikes * [5, 4, 3]).sum()) / 6
    assert found.joules == pytest.approx(joules, rel=1e-12, abs=0)
    assert found.joules_per_event == pytest.approx(joules / events, rel=1e-12, abs=0)
    assert found.tops_per_watt == pytest.approx(2e-12 * (35 + 20 + 12) / joules, rel=1e-12)
    assert found.tops_per_watt_events == pytest.approx(2e-12 * events / joules, rel=1e-12)
    assert (found.latency, found.rate) == pytest.approx((4 * 2e-6, 1 / 6e-6), rel=1e-12)
    assert found.watts == pytest.approx(joules / 6e-6, rel=1e-12)


@pytest.mark.parametrize("baseline", ["virtual ground", "current sources"])
def test_a_range_of_ratios_has_each_constant_at_its_ends(baseline: str) -> None:
    network, process = small_network(Circuit(v_syn=1.0)), load_process()
    done = activity(network, some_times())
    found = ratio_range(done, network.circuit, process, baseline)
    parts = {"virtual ground": virtual_ground_parts, "current sources": current_source_parts}[baseline]

    def ratio(**values: float) -> float:
        point = operating_point(network.circuit, process.with_values(**values))
        return mean_energy(parts(done, point)) / mean_energy(energy_parts(done, point))

    assert found.ratio == pytest.approx(ratio(), rel=1e-12)
    for one in found.sensitivities:
        assert one.at_low == pytest.approx(ratio(**{one.name: one.low}), rel=1e-12)
        assert one.at_high == pytest.approx(ratio(**{one.name: one.high}), rel=1e-12)
    spans = [abs(one.at_high - one.at_low) for one in found.sensitivities]
    assert spans == sorted(spans, reverse=True)
    low, high = found.one_at_a_time
    assert found.lowest <= low <= found.ratio <= high <= found.highest
    ends = {one.name: one.low if one.at_low < one.at_high else one.high for one in found.sensitivities}
    assert found.lowest == pytest.approx(ratio(**ends), rel=1e-12)


@given(
    process=st.sampled_from(process_names()),
    sizes=st.lists(st.integers(1, 2000), min_size=2, max_size=3),
)
def test_every_op_amp_of_every_process_and_size_takes_a_current(process: str, sizes: list[int]) -> None:
    """A layer without spikes has the bias alone, of which nothing is 0."""
    network = Network.create(sizes, Circuit(), seed=0)
    done = activity(network, np.full((1, sizes[0]), np.inf))
    parts = virtual_ground_parts(done, operating_point(network.circuit, load_process(process)))
    assert np.all(parts["op-amps"] > 0)


@pytest.mark.parametrize("process", process_names())
@pytest.mark.parametrize("values", [{}, {"neuron_leakage": 0.0, "switch_off_current": 0.0}, {"comparator_time": 0.0}])
def test_every_part_without_energy_has_a_reason_and_no_other_part_has_one(
    process: str, values: dict[str, float]
) -> None:
    network = small_network(Circuit(v_syn=1.0))
    done = activity(network, some_times())
    point = operating_point(network.circuit, load_process(process).with_values(**values))
    for circuit, compute in {"RC-Spike": energy_parts, **BASELINES}.items():
        parts = compute(done, point)
        reasons = zero_reasons(circuit, parts, point.process)
        assert set(reasons) == {part for part, joules in parts.items() if joules.sum() == 0}
        assert all(reasons.values())
        for name in values:
            part = "leakage" if "leak" in name or "off" in name else "comparators"
            assert name in reasons[part]


def test_the_column_that_was_simulated_has_its_junctions_and_its_wire_in_the_same_picofarad() -> None:
    """The circuits of 784 rows in docs/results had 1 pF in all, with junctions of 0.251 and 0.302 fF a row."""
    process = load_process("sky130-simulated")
    column = 784 * (0.233e-15 + 0.251e-15 + 0.302e-15)
    whole = operating_point(Circuit(), process).scale(784).capacitance
    assert whole == pytest.approx(1e-12, rel=1e-3, abs=0)
    assert process.capacitance == pytest.approx(1e-12 - column, rel=1e-3, abs=0)

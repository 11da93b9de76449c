"""The devices that weights need in a process: counted one by one, and cut to what can be made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, Network, load_process
from rcspike.chips import MembraneLeak, process_devices, program
from rcspike.energy import activity, array_area, clipped, columns_of, energy_parts, layer_devices, operating_point

POLY, RRAM = load_process("sky130-poly"), load_process("rram")
CIRCUIT = Circuit(v_syn=1.0)


def network(seed: int = 0, circuit: Circuit = CIRCUIT) -> Network:
    rng = np.random.default_rng(seed)
    sizes = [(30, 8), (8, 4)]
    weights = [rng.normal(0, 0.05, size) * (rng.random(size) < 0.8) for size in sizes]
    return Network(weights, circuit)


def ohms(w: float, rows: int, process: Any) -> float:
    """Of a weight at V_syn = 1: w = T / (R C)."""
    per_row = process.column_wire_capacitance + 2 * process.column_junction_capacitance
    c = max(process.capacitance, rows * process.capacitance_per_row) + rows * per_row
    return float(process.window / c / abs(w))


def test_strips_are_counted_one_by_one() -> None:
    model = network()
    for layer in model.layers:
        rows, columns = layer.weights.shape
        resistors = [[ohms(w, rows, POLY) for w in row if w] for row in layer.weights.T]
        each = [r for column in resistors for r in column]
        found = layer_devices(POLY, columns_of(layer))
        assert found.drawn == len(each)
        assert found.below == sum(r > 1e6 for r in each)
        assert found.above == sum(r < 1e4 for r in each)
        assert found.area == pytest.approx(sum(12e-12 + 170e-18 * r for r in each))
        assert found.body == pytest.approx(max(25e-21 * sum(column) for column in resistors), rel=1e-6, abs=0)
        sides = (
            (POLY.switch_resistance_plus, np.maximum(layer.weights, 0)),
            (POLY.switch_resistance_minus, np.minimum(layer.weights, 0)),
        )
        widths = [[max(1, 20 * on / ohms(w, rows, POLY)) for w in side.ravel() if w] for on, side in sides]
        assert (found.gates_plus, found.gates_minus) == pytest.approx([sum(w) / (rows * columns) for w in widths])
        assert found.widest == pytest.approx(max(max(w, default=1) for w in widths))
        assert (found.smallest, found.largest) == pytest.approx((1 / max(each), 1 / min(each)))


def test_pairs_are_both_there_and_no_weight_is_too_small_for_them() -> None:
    layer = network().layers[0]
    found = layer_devices(RRAM, columns_of(layer))
    assert (found.drawn, found.below, found.area) == (2 * 30 * 8, 0, 0)
    big = Network([np.array([[1.0, 0.01]])], CIRCUIT)
    strong = layer_devices(RRAM.with_values(device_max_conductance=20e-6), columns_of(big.layers[0]))
    assert strong.above == 1


def test_an_area_has_the_resistors_of_all_positions_of_a_convolution() -> None:
    layer = Network.create("conv4-10", CIRCUIT, input_shape=(6, 6), seed=0).layers[0]
    one_position = sum(12e-12 + 170e-18 * ohms(w, 9, POLY) for w in layer.weights.ravel())
    with_devices = array_area(POLY, [columns_of(layer)])
    without = array_area(POLY.with_values(device_area=0.0, device_area_per_ohm=0.0), [columns_of(layer)])
    assert with_devices - without == pytest.approx(36 * one_position)


@given(seed=st.integers(0, 99), e_plus=st.floats(0.6, 3), e_minus=st.floats(-3, -0.6))
def test_clipped_weights_can_be_made_and_are_the_nearest_ones(seed: int, e_plus: float, e_minus: float) -> None:
    model = network(seed, Circuit(e_plus=e_plus, e_minus=e_minus))
    cut = clipped(model, POLY)
    for before, after in zip(model.layers, cut.layers, strict=True):
        found = layer_devices(POLY, columns_of(after))
        assert (found.below, found.above) == (0, 0)
        assert np.all((after.weights == 0) | (np.sign(after.weights) == np.sign(before.weights)))
    again = clipped(cut, POLY)
    assert all(np.array_equal(a, b) for a, b in zip(again.weights, cut.weights, strict=True))


def test_a_weight_within_the_range_stays_and_one_outside_goes_to_the_nearer_end() -> None:
    r = ohms(1.0, 1, POLY)
    least, most = r / 1e6, r / 1e4
    before = [0.4 * least, 0.6 * least, 3 * least, 0.9 * most, 2 * most]
    (after,) = clipped(Network([np.array([before])], CIRCUIT), POLY).weights
    assert after[0] == pytest.approx([0, least, 3 * least, 0.9 * most, most])


def test_devices_that_conduct_all_the_time_cost_energy_in_rows_that_spike() -> None:
    model, times = network(), np.full((2, 30), 0.25)
    chip = program(model, seed=0, devices=process_devices(RRAM, model))
    point = operating_point(CIRCUIT, RRAM)
    pairs, ideal = (energy_parts(activity(one, times), point) for one in (chip, model))
    for part in ("positive synapses", "negative synapses"):
        assert np.all(pairs[part][:, 0] > 2 * ideal[part][:, 0])
    silent = energy_parts(activity(chip, np.full((1, 30), np.inf)), point)
    assert silent["positive synapses"][0, 0] == 0


def test_charge_of_a_chip_with_other_effects_is_refused() -> None:
    chip = program(network(), [MembraneLeak(conductance=0.1)], seed=0)
    with pytest.raises(ValueError, match="leave out other effects"):
        activity(chip, np.zeros((1, 30)))

"""The charging phase: against the oracle, and what must hold for any layer."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import CIRCUITS, SILENT, Array, Layer, circuits, layers, mixed_neurons, rails, random_layer, spike_times

from rcspike import Circuit
from rcspike.functional import charge, charge_affine

DTYPES = [np.float32, np.float64]
CONVENTIONAL = Circuit.conventional()


def error(v: Array, exact: Array) -> float:
    """Largest error, relative to voltages above 1 and in V_th below."""
    return float((np.abs(v - exact) / np.maximum(1, np.abs(exact))).max())


def random_affine(rng: np.random.Generator, dtype: npt.DTypeLike) -> tuple[Array, Array, Array, Array, Array]:
    """Times, D, G, D0, G0 that no rails tie together; a fourth of the layers have B = 0, a fourth have x up to 1e4."""
    times, weights, _ = random_layer(rng, dtype, circuit=CONVENTIONAL)
    n_in, n_out = weights.shape
    G, G0 = (rng.choice([0.0, 0.1, 1.0, 1e4]) * rng.exponential(size=shape) for shape in ((n_in, n_out), (n_out,)))
    G[rng.random(G.shape) < 0.3] = 0.0
    D0 = rng.normal(size=n_out)
    return times, weights, np.asarray(G, dtype), np.asarray(D0, dtype), np.asarray(G0, dtype)


def oracle_errors(dtype: npt.DTypeLike) -> npt.NDArray[np.float64]:
    """Error of each of 1,000 random layers, half of them resistive and half affine."""
    rng = np.random.default_rng(2022)
    errors = []
    for _ in range(500):
        layer = random_layer(rng, dtype)
        errors.append(error(charge(*layer), layer.exact()))
        times, D, G, D0, G0 = random_affine(rng, dtype)
        v = charge_affine(times, D, G, drive0=D0, conductance0=G0)
        errors.append(error(v, oracle.charge(times, D, G, D0, G0)))
    return np.array(errors)


def test_a_thousand_layers_agree_with_the_oracle_in_double() -> None:
    # 30 inputs err by at most 250 eps of a reach below 30 (see Layer.rounding).
    assert oracle_errors(np.float64).max() <= 1e-12


def test_a_thousand_layers_agree_with_the_oracle_in_single() -> None:
    errors = oracle_errors(np.float32)
    # eps/2 = 6e-8. Roundings of 30 inputs and their intervals mostly cancel, and at worst some 300 of them do not.
    assert np.median(errors) <= 2e-6
    assert errors.max() <= 2e-5


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_two_thousand_inputs_agree_with_the_oracle(name: str, dtype: npt.DTypeLike, tolerance: float) -> None:
    # The running sums stay of order 2, so each of 2,000 additions errs by about eps: sqrt(2000) eps in all if at
    # random, which is 1e-14 and 5e-6. Rails of different height sum each sign alone, up to 36, but they also damp.
    layer = random_layer(np.random.default_rng(7), dtype, shape=(1, 2000, 1), circuit=CIRCUITS[name])
    assert error(charge(*layer), layer.exact()) <= tolerance


@given(layers())
def test_any_layer_agrees_with_the_oracle_within_rounding(layer: Layer) -> None:
    assert (np.abs(charge(*layer) - layer.exact()) <= layer.rounding()).all()


@given(layers())
def test_voltages_stay_between_the_rails(layer: Layer) -> None:
    v, slack = charge(*layer), layer.rounding()
    drop = layer.circuit.diode_drop
    assert (v <= layer.circuit.e_plus - drop + slack).all()
    assert (v >= layer.circuit.e_minus + drop - slack).all()


@given(layers(), st.data())
def test_a_larger_weight_never_lowers_a_voltage(layer: Layer, data: st.DataObject) -> None:
    larger = layer.weights.copy()
    j = data.draw(st.integers(0, len(larger) - 1))
    larger[j] += data.draw(st.floats(0, 10))
    after = layer._replace(weights=larger)
    assert (charge(*after) >= charge(*layer) - layer.rounding() - after.rounding()).all()


@given(layers(times=st.floats(0, 1)), st.data())
def test_the_order_of_the_inputs_does_not_matter(layer: Layer, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(layer.weights)))))
    v = charge(*layer)
    permuted = charge(np.ascontiguousarray(layer.times[:, order]), layer.weights[order], layer.circuit)
    assert (np.abs(permuted - v) <= 2 * layer.rounding()).all()
    for row, before, after in zip(layer.times, v, permuted, strict=True):
        if len(np.unique(row)) == len(row):  # without ties the sums are formed in the same order
            np.testing.assert_array_equal(after, before)


@given(layers(times=st.sampled_from([0.0, 0.5, 1.0])), st.data())
def test_inputs_that_arrive_together_may_be_listed_in_any_order(layer: Layer, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(layer.weights)))))
    permuted = charge(np.ascontiguousarray(layer.times[:, order]), layer.weights[order], layer.circuit)
    assert (np.abs(permuted - charge(*layer)) <= 2 * layer.rounding()).all()


@pytest.mark.parametrize("dtype", DTYPES)
@given(layer=layers(), data=st.data())
def test_silent_inputs_change_not_a_bit(dtype: type[np.floating], layer: Layer, data: st.DataObject) -> None:
    times, weights = layer.times.astype(dtype), layer.weights.astype(dtype)
    at = data.draw(st.integers(0, len(weights)))
    silent = np.inf if dtype == np.float32 else data.draw(st.sampled_from(SILENT))
    with_silent = charge(
        np.insert(times, at, silent, axis=1), np.insert(weights, at, data.draw(st.floats(-9, 9)), axis=0), layer.circuit
    )
    np.testing.assert_array_equal(with_silent, charge(times, weights, layer.circuit))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_neuron_does_not_know_its_neighbours(dtype: npt.DTypeLike) -> None:
    layer = mixed_neurons(dtype)
    together = charge(*layer)
    for i in range(layer.weights.shape[1]):
        alone = charge(layer.times, np.ascontiguousarray(layer.weights[:, i : i + 1]), layer.circuit)
        np.testing.assert_array_equal(alone[:, 0], together[:, i])


@given(layers(), st.data())
def test_splitting_a_synapse_into_halves_changes_nothing(layer: Layer, data: st.DataObject) -> None:
    j = data.draw(st.integers(0, len(layer.weights) - 1))
    halves = layer.weights.copy()
    halves[j] /= 2
    halved = Layer(
        np.insert(layer.times, j, layer.times[:, j], axis=1), np.insert(halves, j, halves[j], axis=0), layer.circuit
    )
    assert (np.abs(charge(*halved) - charge(*layer)) <= layer.rounding() + halved.rounding()).all()


@given(layers(circuits=st.just(CONVENTIONAL)))
def test_the_conventional_circuit_is_a_matrix_product(layer: Layer) -> None:
    product = np.clip(1 - layer.times, 0, None) @ layer.weights
    # A sum of n products is off by at most n eps/2 of the sum of their sizes, as a charge is.
    assert (np.abs(charge(*layer) - product) <= 2 * layer.rounding()).all()


@given(layers(circuits=st.just(CONVENTIONAL), weights=st.floats(-3, 3)), st.floats(10, 1e12))
def test_high_rails_come_close_to_a_matrix_product(layer: Layer, v_syn: float) -> None:
    # The difference u obeys du/dt = -B v: at most B |v| <= (sum |w| / V_syn) sum |w|.
    size = np.abs(layer.weights).sum(axis=0)
    difference = np.abs(charge(layer.times, layer.weights, Circuit(v_syn=v_syn)) - charge(*layer))
    assert (difference <= size**2 / v_syn + 2 * layer.rounding()).all()


@given(layers(circuits=st.just(CONVENTIONAL), weights=st.floats(-3, 3)), st.floats(-2, 2), st.floats(-2, 2), st.data())
def test_voltages_are_linear_in_the_drive(layer: Layer, p: float, q: float, data: st.DataObject) -> None:
    D, none = layer.weights, np.zeros_like(layer.weights)
    other = data.draw(arrays(np.float64, D.shape, elements=st.floats(-3, 3)))
    v = charge_affine(layer.times, p * D + q * other, none)
    sum_of_two = p * charge_affine(layer.times, D, none) + q * charge_affine(layer.times, other, none)
    size = abs(p) * np.abs(D) + abs(q) * np.abs(other)
    assert (np.abs(v - sum_of_two) <= 2 * Layer(layer.times, size, CONVENTIONAL).rounding()).all()


@given(layers())
def test_resistive_synapses_are_affine_ones(layer: Layer) -> None:
    v = charge_affine(layer.times, *layer.affine())
    # D and G of the oracle's map are each rounded once more than the weights, which the slack of one input covers.
    assert (np.abs(v - charge(*layer)) <= 3 * layer.rounding()).all()


@given(layers(), st.floats(-5, 5), st.floats(0, 5))
def test_a_bias_is_an_input_that_spikes_at_zero(layer: Layer, bias: float, leak: float) -> None:
    times, (D, G), n_out = layer.times, layer.affine(), layer.weights.shape[1]
    as_input = charge_affine(
        np.insert(times, 0, 0.0, axis=1), np.insert(D, 0, bias, axis=0), np.insert(G, 0, leak, axis=0)
    )
    from_start = charge_affine(times, D, G, drive0=np.full(n_out, bias), conductance0=np.full(n_out, leak))
    rounding = Layer(times, np.insert(np.abs(D), 0, abs(bias), axis=0), CONVENTIONAL).rounding()
    # The same sums but for the spikes at 0, which may or may not be an interval of no length.
    assert (np.abs(as_input - from_start) <= rounding).all()


@given(circuits, arrays(np.float64, 3, elements=st.floats(-3, 3)))
def test_no_input_leaves_the_membrane_at_rest(circuit: Circuit, weights: Array) -> None:
    assert not charge(np.full((2, 3), np.inf), weights.reshape(3, 1), circuit).any()
    assert not charge(np.empty((2, 0)), np.empty((0, 4)), circuit).any()


def test_an_input_at_the_very_end_charges_nothing() -> None:
    assert charge(np.array([[1.0]]), np.array([[5.0]]), Circuit()) == 0


def test_one_synapse_charges_as_a_resistor_does() -> None:
    v = charge(np.array([[0.25, np.inf]]), np.array([[2.0], [1.0]]), Circuit(v_syn=1.5, diode_drop=0.5))
    # From 0 to V_syn - V_D with time constant |E|/w; a few roundings of eps/2 of a voltage below 1.
    assert v[0, 0] == pytest.approx(1.0 * -math.expm1(-2.0 / 1.5 * 0.75), abs=4e-16)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32), chosen=st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_a_sample_does_not_know_the_rest_of_its_batch(dtype: npt.DTypeLike, seed: int, chosen: list[int]) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(seed), dtype, shape=(40, 12, 5))
    whole = charge(times, weights, circuit)
    np.testing.assert_array_equal(charge(times[chosen], weights, circuit), whole[chosen])
    G = np.abs(weights)
    whole = charge_affine(times, weights, G)
    np.testing.assert_array_equal(charge_affine(times[chosen], weights, G), whole[chosen])


@given(layers(), rails)
def test_v_syn_sets_both_rails(layer: Layer, v_syn: float) -> None:
    by_v_syn = charge(layer.times, layer.weights, Circuit(v_syn=v_syn))
    by_rails = charge(layer.times, layer.weights, Circuit(e_plus=v_syn, e_minus=-v_syn))
    np.testing.assert_array_equal(by_v_syn, by_rails)


@given(layers())
def test_turning_all_signs_around_turns_the_voltages_around(layer: Layer) -> None:
    c = layer.circuit
    turned = Circuit(e_plus=-c.e_minus, e_minus=-c.e_plus, diode_drop=c.diode_drop)
    assert (np.abs(charge(layer.times, -layer.weights, turned) + charge(*layer)) <= 2 * layer.rounding()).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_times_are_converted_to_the_precision_of_the_weights(dtype: type[np.floating]) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(3), np.float64, shape=(4, 6, 3))
    other = np.float32 if dtype == np.float64 else np.float64
    v = charge(times.astype(other), weights.astype(dtype), circuit)
    assert v.dtype == dtype
    np.testing.assert_array_equal(v, charge(times.astype(other).astype(dtype), weights.astype(dtype), circuit))


@given(arrays(np.float64, (4, 5), elements=spike_times))
def test_a_voltage_is_finite_and_the_arguments_stay_as_they_are(times: Array) -> None:
    weights = np.linspace(-1e6, 1e6, 10).reshape(5, 2)
    before = times.copy(), weights.copy()
    assert np.isfinite(charge(times, weights, Circuit())).all()
    np.testing.assert_array_equal(times, before[0])
    np.testing.assert_array_equal(weights, before[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0), (2, 0, 3), (0, 0, 0)])
def test_no_samples_no_inputs_and_no_neurons_are_fine(dtype: npt.DTypeLike, shape: tuple[int, int, int]) -> None:
    batch, n_in, n_out = shape
    times, weights = np.zeros((batch, n_in), dtype), np.zeros((n_in, n_out), dtype)
    for v in (charge(times, weights, Circuit()), charge_affine(times, weights, weights)):
        assert v.shape == (batch, n_out)
        assert v.dtype == dtype
        assert not v.any()


def test_bias_and_leak_charge_a_layer_without_inputs() -> None:
    times, none = np.empty((2, 0)), np.empty((0, 3))
    drive0, leak = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])
    v = charge_affine(times, none, none, drive0=drive0, conductance0=leak)
    expected = oracle.charge(times, none, none, drive0, leak)
    np.testing.assert_allclose(v, expected, rtol=4e-16)  # two roundings

"""The charging phase: against the oracle, and what must hold for any layer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CIRCUITS, SILENT, Array, Layer, layers, mixed_neurons, random_layer

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


@pytest.mark.parametrize(("dtype", "usual", "largest"), [(np.float64, 1e-12, 1e-12), (np.float32, 2e-6, 2e-5)])
def test_a_thousand_layers_agree_with_the_oracle(dtype: npt.DTypeLike, usual: float, largest: float) -> None:
    errors = oracle_errors(dtype)
    # In double, 30 inputs err by at most 250 eps of a reach below 30 (see Layer.rounding). In single, eps/2 is 6e-8:
    # roundings of 30 inputs and their intervals mostly cancel, and at worst some 300 of them do not.
    assert np.median(errors) <= usual
    assert errors.max() <= largest


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


@given(layers(times=st.floats(0, 1)), st.data())
def test_the_order_of_the_inputs_does_not_matter(layer: Layer, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(layer.weights)))))
    v = charge(*layer)
    permuted = charge(np.ascontiguousarray(layer.times[:, order]), layer.weights[order], layer.circuit)
    assert (np.abs(permuted - v) <= 2 * layer.rounding()).all()
    for row, before, after in zip(layer.times, v, permuted, strict=True):
        if len(np.unique(row)) == len(row):  # without ties the sums are formed in the same order
            np.testing.assert_array_equal(after, before)


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


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32), chosen=st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_a_sample_does_not_know_the_rest_of_its_batch(dtype: npt.DTypeLike, seed: int, chosen: list[int]) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(seed), dtype, shape=(40, 12, 5))
    whole = charge(times, weights, circuit)
    np.testing.assert_array_equal(charge(times[chosen], weights, circuit), whole[chosen])
    G = np.abs(weights)
    whole = charge_affine(times, weights, G)
    np.testing.assert_array_equal(charge_affine(times[chosen], weights, G), whole[chosen])


@pytest.mark.parametrize("dtype", DTYPES)
def test_times_are_converted_to_the_precision_of_the_weights(dtype: type[np.floating]) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(3), np.float64, shape=(4, 6, 3))
    other = np.float32 if dtype == np.float64 else np.float64
    v = charge(times.astype(other), weights.astype(dtype), circuit)
    assert v.dtype == dtype
    np.testing.assert_array_equal(v, charge(times.astype(other).astype(dtype), weights.astype(dtype), circuit))


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

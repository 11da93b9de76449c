"""Gradients of the charging phase: against the oracle and against differences of the charge itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    CIRCUITS,
    Array,
    Layer,
    layers,
    mixed_neurons,
    random_layer,
    resistive_rounding,
    rounding,
    spaced_layer,
)

from rcspike import Circuit
from rcspike.functional import charge_affine_vjp, charge_vjp

DTYPES = [np.float32, np.float64]


def resistive_gradient(layer: Layer, grad_v: Array) -> tuple[Array, Array]:
    """The oracle's dL/dt and dL/dw: that of D and G pulled through D = w (1 - V_D/|E|), G = |w|/|E|."""
    times, weights, c = layer
    grad_t, grad_D, grad_G, _, _ = oracle.charge_gradient(times, *layer.affine(), grad_v)
    rail = np.where(weights >= 0, c.e_plus, -c.e_minus)
    return grad_t, grad_D * (1 - c.diode_drop / rail) + grad_G * np.where(weights >= 0, 1, -1) / rail


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CIRCUITS)
def test_resistive_gradients_agree_with_the_oracle(name: str, dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(9)
    for _ in range(15):
        layer = random_layer(rng, dtype, circuit=CIRCUITS[name])
        grad_v = rng.normal(size=(2, 2)).astype(dtype)
        exact = resistive_gradient(layer, grad_v)
        for got, wanted, slack in zip(
            charge_vjp(*layer, grad_v), exact, resistive_rounding(layer, grad_v), strict=True
        ):
            assert got.dtype == dtype
            assert (np.abs(got - wanted) <= slack).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("conductance", [0.0, 0.1, 1.0, 1e4])
def test_affine_gradients_agree_with_the_oracle(conductance: float, dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(10)
    for _ in range(15):
        times, D, _ = random_layer(rng, dtype, circuit=Circuit.conventional())
        G, G0 = ((conductance * rng.exponential(size=s)).astype(dtype) for s in (D.shape, 2))
        D0, grad_v = (rng.normal(size=s).astype(dtype) for s in (2, (2, 2)))
        got = charge_affine_vjp(times, D, G, grad_v, drive0=D0, conductance0=G0)
        exact = oracle.charge_gradient(times, D, G, grad_v, D0, G0)
        reach = np.abs(D).sum(axis=0) + np.abs(D0)
        of_t, of_D, of_G = rounding(D, G, grad_v, reach)
        for one, wanted, slack in zip(got, exact, (of_t, of_D, of_G, of_D[0], of_G[0]), strict=True):
            assert one.dtype == dtype
            assert (np.abs(one - wanted) <= slack).all()


@given(layers(), st.data())
def test_any_resistive_gradient_agrees_with_the_oracle(layer: Layer, data: st.DataObject) -> None:
    batch, n_out = len(layer.times), layer.weights.shape[1]
    grad_v = np.array(data.draw(st.lists(st.floats(-2, 2, width=16), min_size=batch * n_out, max_size=batch * n_out)))
    grad_v = grad_v.reshape(batch, n_out)
    exact = resistive_gradient(layer, grad_v)
    for got, wanted, slack in zip(charge_vjp(*layer, grad_v), exact, resistive_rounding(layer, grad_v), strict=True):
        assert (np.abs(got - wanted) <= slack).all()


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_gradient_that_nothing_cancels_is_exact_to_ten_digits(name: str) -> None:
    layer, grad_v = spaced_layer(CIRCUITS[name])
    for got, exact in zip(charge_vjp(*layer, grad_v), resistive_gradient(layer, grad_v), strict=True):
        # A membrane close to its rail loses e^x of the 16 digits of D - G v, and x is at most 12 / 0.25 here; but signs
        # are mixed, so few get close.
        np.testing.assert_allclose(got, exact, rtol=1e-10, atol=1e-10 * np.abs(exact).max())


def test_the_sign_of_a_zero_weight_does_not_matter() -> None:
    # E = E+ if w >= 0, and minus zero is: a pruned synapse is -0.0 if it was negative.
    times, grad_v, circuit = np.array([[0.25]]), np.array([[1.0]]), Circuit(e_plus=0.7, e_minus=-3.0, diode_drop=0.6)
    plus, minus = (charge_vjp(times, np.array([[zero]]), circuit, grad_v)[1] for zero in (0.0, -0.0))
    assert minus == plus


@pytest.mark.parametrize("dtype", DTYPES)
def test_silent_inputs_get_no_gradient(dtype: npt.DTypeLike) -> None:
    layer = random_layer(np.random.default_rng(12), dtype, shape=(6, 20, 9), circuit=Circuit())
    layer.times[:, 3] = np.inf
    grad_v = np.ones((6, 9), dtype)
    grad_t, grad_w = charge_vjp(*layer, grad_v)
    silent = layer.times > 1
    assert silent.sum() > 10  # or else nothing is tested
    assert not grad_t[silent].any()
    assert not grad_w[3].any()
    assert grad_t[~silent].any()


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32), chosen=st.lists(st.integers(0, 39), min_size=1, max_size=40))
def test_time_gradients_do_not_depend_on_the_rest_of_the_batch(
    dtype: npt.DTypeLike, seed: int, chosen: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    times, weights, circuit = random_layer(rng, dtype, shape=(40, 12, 5))
    grad_v = rng.normal(size=(40, 5)).astype(dtype)
    whole = charge_vjp(times, weights, circuit, grad_v)[0]
    np.testing.assert_array_equal(charge_vjp(times[chosen], weights, circuit, grad_v[chosen])[0], whole[chosen])
    G = np.abs(weights)
    whole = charge_affine_vjp(times, weights, G, grad_v)[0]
    np.testing.assert_array_equal(charge_affine_vjp(times[chosen], weights, G, grad_v[chosen])[0], whole[chosen])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_weight_gradient_is_the_sum_over_the_samples(dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(13)
    layer = random_layer(rng, dtype, shape=(50, 12, 5), circuit=Circuit(v_syn=1.5))
    grad_v = rng.normal(size=(50, 5)).astype(dtype)
    _, grad_w = charge_vjp(*layer, grad_v)
    one_by_one = sum(
        charge_vjp(layer.times[s : s + 1], layer.weights, layer.circuit, grad_v[s : s + 1])[1].astype(np.float64)
        for s in range(50)
    )
    # Each sample's own part has the same bits; a sum of 50 is off by at most 50 eps/2 of the sum of their sizes.
    assert (np.abs(grad_w - one_by_one) <= resistive_rounding(layer, grad_v)[1]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_time_gradient_is_the_sum_over_the_neurons(dtype: npt.DTypeLike) -> None:
    # Wide enough that the engine deals with the neurons of a sample in several parts.
    rng = np.random.default_rng(14)
    layer = random_layer(rng, dtype, shape=(3, 700, 90), circuit=Circuit())
    grad_v = rng.normal(size=(3, 90)).astype(dtype)
    grad_t, grad_w = charge_vjp(*layer, grad_v)
    total = np.zeros(grad_t.shape)
    for i in range(90):
        alone = np.ascontiguousarray(layer.weights[:, i : i + 1])
        of_t, of_w = charge_vjp(layer.times, alone, layer.circuit, np.ascontiguousarray(grad_v[:, i : i + 1]))
        total += of_t
        np.testing.assert_array_equal(of_w[:, 0], grad_w[:, i])
    assert (np.abs(grad_t - total) <= resistive_rounding(layer, grad_v)[0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_of_a_neuron_does_not_know_its_neighbours(dtype: npt.DTypeLike) -> None:
    layer = mixed_neurons(dtype)
    n_out = layer.weights.shape[1]
    grad_v = np.ones((len(layer.times), n_out), dtype)
    together = charge_vjp(*layer, grad_v)[1]
    for i in range(n_out):
        alone = np.ascontiguousarray(layer.weights[:, i : i + 1])
        grad_w = charge_vjp(layer.times, alone, layer.circuit, np.ascontiguousarray(grad_v[:, i : i + 1]))[1]
        np.testing.assert_array_equal(grad_w[:, 0], together[:, i])


def test_a_missing_bias_and_leak_get_the_gradient_at_zero() -> None:
    layer, grad_v = spaced_layer(Circuit())
    zero = np.zeros(layer.weights.shape[1])
    missing = charge_affine_vjp(layer.times, *layer.affine(), grad_v)
    given_zeros = charge_affine_vjp(layer.times, *layer.affine(), grad_v, drive0=zero, conductance0=zero)
    for one, other in zip(missing, given_zeros, strict=True):
        np.testing.assert_array_equal(one, other)
    assert missing[3].all()
    assert missing[4].all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_batch_has_gradients_of_zero(dtype: npt.DTypeLike) -> None:
    weights = np.ones((4, 3), dtype)
    grad_t, grad_w = charge_vjp(np.zeros((0, 4), dtype), weights, Circuit(), np.zeros((0, 3), dtype))
    assert grad_t.shape == (0, 4)
    assert not grad_w.any()
    affine = charge_affine_vjp(np.zeros((0, 4), dtype), weights, weights, np.zeros((0, 3), dtype))
    assert [g.shape for g in affine] == [(0, 4), (4, 3), (4, 3), (3,), (3,)]
    assert not any(g.any() for g in affine)

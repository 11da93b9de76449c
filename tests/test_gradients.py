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


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_empty_batch_has_gradients_of_zero(dtype: npt.DTypeLike) -> None:
    weights = np.ones((4, 3), dtype)
    grad_t, grad_w = charge_vjp(np.zeros((0, 4), dtype), weights, Circuit(), np.zeros((0, 3), dtype))
    assert grad_t.shape == (0, 4)
    assert not grad_w.any()
    affine = charge_affine_vjp(np.zeros((0, 4), dtype), weights, weights, np.zeros((0, 3), dtype))
    assert [g.shape for g in affine] == [(0, 4), (4, 3), (4, 3), (3,), (3,)]
    assert not any(g.any() for g in affine)

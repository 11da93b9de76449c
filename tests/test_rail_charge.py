"""Charge that the synapse rails deliver, and its gradient."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from strategies import CIRCUITS, Array, Layer, assert_slopes, layers, mixed_neurons, random_layer, spaced_layer

from rcspike import Circuit
from rcspike.functional import charge, charge_vjp, supply_charge, supply_charge_vjp

DTYPES = [np.float32, np.float64]


def exact_charges(layer: Layer) -> tuple[Array, Array]:
    """Q+ and Q- by the oracle."""
    D, G = layer.affine()
    plus = layer.weights >= 0
    return oracle.supply_charge(layer.times, D, G, plus), oracle.supply_charge(layer.times, D, G, ~plus)


def rounding(layer: Layer) -> tuple[Array, Array]:
    """How far Q+ and Q- may be from the exact ones, (n_out,) each.

    Each of n + 1 intervals adds A d - B int v dt: some ten roundings of eps/2 relative to what the synapses of the rail
    carry uncoupled plus what they carry back, B times the reach of v; and B times the error of v itself.
    """
    n, precision = len(layer.weights), np.finfo(layer.weights.dtype)
    w = layer.weights.astype(np.float64)
    slack = []
    for rail, part in ((layer.circuit.e_plus, np.maximum(w, 0)), (-layer.circuit.e_minus, np.maximum(-w, 0))):
        uncoupled = part.sum(axis=0)
        carried = uncoupled * (1 + layer.reach() / rail)
        own = 8 * (n + 1) * (float(precision.eps) * carried + float(precision.tiny))
        slack.append(own + uncoupled / rail * layer.rounding())
    return slack[0], slack[1]


@given(layers())
def test_the_charge_of_each_rail_agrees_with_the_oracle(layer: Layer) -> None:
    for q, exact, slack in zip(supply_charge(*layer), exact_charges(layer), rounding(layer), strict=True):
        assert (np.abs(q - exact) <= slack).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CIRCUITS)
def test_the_charge_of_random_layers_agrees_with_the_oracle(name: str, dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(60)
    for _ in range(15):
        layer = random_layer(rng, dtype, circuit=CIRCUITS[name])
        for q, exact, slack in zip(supply_charge(*layer), exact_charges(layer), rounding(layer), strict=True):
            assert q.dtype == dtype
            assert (np.abs(q - exact) <= slack).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1.0, 1e2, 1e4, 1e6, 1e12])
def test_a_membrane_tied_to_its_rails_keeps_the_charge_that_they_deliver(size: float, dtype: npt.DTypeLike) -> None:
    # Far beyond x = B d = 1 the charge of a rail is what is left of two that are as large as x.
    rng = np.random.default_rng(61)
    times, weights = rng.random((4, 3)).astype(dtype), (size * rng.normal(size=(3, 6))).astype(dtype)
    weights[:, 0], weights[:, 1] = np.abs(weights[:, 0]), -np.abs(weights[:, 1])
    layer = Layer(times, weights, Circuit(e_plus=1.0, e_minus=-0.7, diode_drop=0.1))
    eps = float(np.finfo(dtype).eps)
    q_plus, q_minus = supply_charge(*layer)
    exact_plus, exact_minus = exact_charges(layer)
    np.testing.assert_allclose(q_plus, exact_plus, rtol=50 * eps, atol=50 * eps)
    np.testing.assert_allclose(q_minus, exact_minus, rtol=50 * eps, atol=50 * eps)
    one_rail = np.s_[:, :2]  # there v is all that was delivered
    np.testing.assert_allclose((q_plus + q_minus)[one_rail], charge(*layer)[one_rail], rtol=50 * eps)


@pytest.mark.parametrize("name", [name for name in CIRCUITS if "conventional" not in name and "infinite" not in name])
def test_the_energy_is_the_integral_of_the_power_to_ten_digits(name: str) -> None:
    layer, _ = spaced_layer(CIRCUITS[name])
    rails = np.where(layer.weights >= 0, layer.circuit.e_plus, layer.circuit.e_minus)
    q_plus, q_minus = supply_charge(*layer)
    energy = layer.circuit.e_plus * q_plus + layer.circuit.e_minus * q_minus
    D, G = layer.affine()
    for s, row in enumerate(layer.times):

        def power(t: float, i: int, s: int = s, row: Array = row) -> float:
            v = oracle.voltage_at(layer.times[s : s + 1], D[:, [i]], G[:, [i]], [t])[0, 0, 0]
            current = np.where(row <= t, D[:, i] - G[:, i] * v, 0)
            return float((rails[:, i] * current).sum())

        edges = np.array([*np.sort(row), 1.0])
        for i in range(2):
            parts = [quad(power, a, b, args=(i,), epsabs=1e-14, epsrel=1e-12)[0] for a, b in pairwise(edges)]
            assert energy[s, i] == pytest.approx(sum(parts), rel=1e-10)


@given(layers())
def test_the_membrane_holds_the_charge_that_the_rails_deliver(layer: Layer) -> None:
    q_plus, q_minus = supply_charge(*layer)
    slack = sum(rounding(layer)) + layer.rounding()
    assert (np.abs(q_plus + q_minus - charge(*layer)) <= slack).all()
    assert (q_plus >= -slack).all()
    assert (q_minus <= slack).all()


def test_current_sources_deliver_weight_times_time() -> None:
    layer = random_layer(np.random.default_rng(61), shape=(4, 20, 9), circuit=Circuit.conventional())
    on = np.maximum(1 - layer.times, 0)
    q_plus, q_minus = supply_charge(*layer)
    # 20 products of order 1, each rounded once, and their sum.
    np.testing.assert_allclose(q_plus, on @ np.maximum(layer.weights, 0), rtol=40 * 2.0**-53)
    np.testing.assert_allclose(q_minus, on @ np.minimum(layer.weights, 0), rtol=40 * 2.0**-53)


def test_a_lone_rail_charges_the_membrane_towards_it() -> None:
    times, weights = np.array([[0.0]]), np.array([[2.0, -2.0]])
    q_plus, q_minus = supply_charge(times, weights, Circuit(v_syn=0.5))
    end = -0.5 * math.expm1(-4)
    np.testing.assert_allclose(q_plus, [[end, 0]], rtol=1e-14)
    np.testing.assert_allclose(q_minus, [[0, -end]], rtol=1e-14)


@pytest.mark.parametrize("name", CIRCUITS)
def test_gradients_agree_with_central_differences(name: str) -> None:
    (times, weights, circuit), grad_plus = spaced_layer(CIRCUITS[name])
    grad_minus = np.flip(grad_plus).copy()

    def loss(times: Array, weights: Array) -> float:
        q_plus, q_minus = supply_charge(times, weights, circuit)
        return float((grad_plus * q_plus + grad_minus * q_minus).sum())

    grad_t, grad_w = supply_charge_vjp(times, weights, circuit, grad_plus, grad_minus)
    assert_slopes(lambda t: loss(t, weights), times, grad_t)
    assert_slopes(lambda w: loss(times, w), weights, grad_w)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32))
def test_the_gradient_of_both_charges_is_that_of_the_voltage(dtype: npt.DTypeLike, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = random_layer(rng, dtype)
    grad = rng.normal(size=(len(layer.times), layer.weights.shape[1])).astype(dtype)
    # v(1) = Q+ + Q-. What cancels is dL/dQ times D, and times what v carries back; over the n + 1 intervals of a sweep
    # forth and one back, and over the samples and neurons that are summed.
    n, eps = len(layer.weights), float(np.finfo(dtype).eps)
    lowest_rail = min(layer.circuit.e_plus, -layer.circuit.e_minus)
    back = 1 + layer.reach() / lowest_rail
    size = np.abs(grad).astype(np.float64)
    w = np.abs(layer.weights).astype(np.float64)
    of_t = 32 * (n + 1) * eps * (size @ (w * back).T)
    of_w = 32 * (n + 1) * eps * (size * back).sum(axis=0)
    got, exact = supply_charge_vjp(*layer, grad, grad), charge_vjp(*layer, grad)
    assert (np.abs(got[0] - exact[0]) <= of_t).all()
    assert (np.abs(got[1] - exact[1]) <= of_w).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_neuron_does_not_know_its_neighbours(dtype: npt.DTypeLike) -> None:
    layer = mixed_neurons(dtype)
    n_out = layer.weights.shape[1]
    together = supply_charge(*layer)
    grad = np.ones((len(layer.times), n_out), dtype)
    grad_w = supply_charge_vjp(*layer, grad, -grad)[1]
    for i in range(n_out):
        alone = np.ascontiguousarray(layer.weights[:, i : i + 1])
        for one, all_of_them in zip(supply_charge(layer.times, alone, layer.circuit), together, strict=True):
            np.testing.assert_array_equal(one[:, 0], all_of_them[:, i])
        one = np.ascontiguousarray(grad[:, i : i + 1])
        of_w = supply_charge_vjp(layer.times, alone, layer.circuit, one, -one)[1]
        np.testing.assert_array_equal(of_w[:, 0], grad_w[:, i])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sample_does_not_know_its_batch(dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(62)
    times, weights, circuit = random_layer(rng, dtype, shape=(40, 30, 20), circuit=Circuit())
    grad = rng.normal(size=(2, 40, 20)).astype(dtype)
    chosen = [39, 0, 7, 7]
    whole = supply_charge(times, weights, circuit)
    for some, all_of_them in zip(supply_charge(times[chosen], weights, circuit), whole, strict=True):
        np.testing.assert_array_equal(some, all_of_them[chosen])
    grad_t = supply_charge_vjp(times, weights, circuit, *grad)[0]
    some_t = supply_charge_vjp(times[chosen], weights, circuit, *(np.ascontiguousarray(g[chosen]) for g in grad))[0]
    np.testing.assert_array_equal(some_t, grad_t[chosen])


def test_silent_inputs_cost_nothing_and_get_no_gradient() -> None:
    layer = random_layer(np.random.default_rng(63), shape=(6, 20, 9), circuit=Circuit())
    layer.times[:, 3] = np.inf
    grad = np.ones((6, 9))
    grad_t, grad_w = supply_charge_vjp(*layer, grad, -grad)
    assert not grad_t[layer.times > 1].any()
    assert not grad_w[3].any()
    assert grad_t[layer.times <= 1].any()
    rest = [j for j in range(20) if j != 3]
    without = layer._replace(times=layer.times[:, rest].copy(), weights=layer.weights[rest].copy())
    for q, same in zip(supply_charge(*layer), supply_charge(*without), strict=True):
        np.testing.assert_array_equal(q, same)


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (2, 4, 0)])
def test_nothing_costs_nothing(shape: tuple[int, int, int]) -> None:
    batch, n_in, n_out = shape
    times, weights, grad = np.zeros((batch, n_in)), np.ones((n_in, n_out)), np.ones((batch, n_out))
    for q in supply_charge(times, weights, Circuit()):
        assert q.shape == (batch, n_out)
        assert not q.any()
    grad_t, grad_w = supply_charge_vjp(times, weights, Circuit(), grad, grad)
    assert (grad_t.shape, grad_w.shape) == (times.shape, weights.shape)
    assert not grad_t.any()

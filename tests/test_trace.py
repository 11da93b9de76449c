"""Voltages within the charging phase."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CIRCUITS, Layer, layers, random_layer

from rcspike import Circuit
from rcspike.functional import charge, trace

DTYPES = [np.float32, np.float64]
moments = st.lists(st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1)), max_size=6)


@given(layers(), moments)
def test_a_trace_agrees_with_the_oracle(layer: Layer, at: list[float]) -> None:
    v = trace(*layer, np.array(at))
    # Up to any t as many roundings as up to 1.
    slack = layer.rounding()[:, None]
    assert (np.abs(v - oracle.voltage_at(layer.times, *layer.affine(), at)) <= slack).all()


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_trace_agrees_with_the_oracle_in_single(name: str) -> None:
    layer = random_layer(np.random.default_rng(20), np.float32, shape=(2, 30, 3), circuit=CIRCUITS[name])
    at = np.concatenate([np.linspace(0, 1, 9), layer.times[layer.times <= 1]]).astype(np.float32)
    v = trace(*layer, at)
    assert v.dtype == np.float32
    exact = oracle.voltage_at(layer.times, *layer.affine(), at)
    assert (np.abs(v - exact) <= layer.rounding()[:, None]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@given(layer=layers(), data=st.data())
def test_a_trace_ends_at_the_charge_bit_for_bit(dtype: npt.DTypeLike, layer: Layer, data: st.DataObject) -> None:
    times, weights = layer.times.astype(dtype), layer.weights.astype(dtype)
    at = np.array([*data.draw(moments), 1.0], dtype)
    np.testing.assert_array_equal(
        trace(times, weights, layer.circuit, at)[:, :, -1], charge(times, weights, layer.circuit)
    )


@given(layers())
def test_a_trace_starts_at_rest(layer: Layer) -> None:
    assert not trace(*layer, np.array([0.0])).any()


@given(layers(), moments, st.data())
def test_the_times_may_come_in_any_order_and_more_than_once(layer: Layer, at: list[float], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(at) - 1), max_size=8)) if at else []
    whole = trace(*layer, np.array(at))
    np.testing.assert_array_equal(trace(*layer, np.array(at)[chosen]), whole[:, :, chosen])


@given(layers(), st.data())
def test_the_phase_cut_short_is_a_phase_of_its_own(layer: Layer, data: st.DataObject) -> None:
    # v(t) is v(1) with every time and every time constant stretched by 1/t, a power of two.
    t = data.draw(st.sampled_from([0.125, 0.25, 0.5]))
    v = trace(*layer, np.array([t]))[:, :, 0]
    stretched = np.where(layer.times <= t, layer.times / t, np.inf)
    short = layer._replace(times=stretched, weights=layer.weights * t)
    # Divided by t the rounding of 1 - t_j stays that of a number below 1.
    assert (np.abs(charge(*short) - v) <= 2 * layer.rounding()).all()


@given(layers())
def test_voltages_do_not_jump_when_a_spike_comes(layer: Layer) -> None:
    spikes = np.unique(layer.times[(layer.times > 0) & (layer.times < 1)])
    before, after = np.nextafter(spikes, 0), np.nextafter(spikes, 1)
    v, v_before, v_after = (trace(*layer, np.ascontiguousarray(at)) for at in (spikes, before, after))
    # In one ulp of time v moves by that times |A - B v|: at most sum |w| (1 + |v|/|E|), with v up to the other rail.
    lowest_rail = min(layer.circuit.e_plus, -layer.circuit.e_minus)
    current = np.abs(layer.weights).sum(axis=0) * (1 + layer.reach() / lowest_rail)
    slack = (2 * layer.rounding() + 2.0**-53 * current)[:, None]
    assert (np.abs(v - v_before) <= slack).all()
    assert (np.abs(v - v_after) <= slack).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_chosen_neurons_have_the_traces_they_have_among_all(dtype: npt.DTypeLike) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(21), dtype, shape=(3, 20, 40), circuit=Circuit())
    at = np.linspace(0, 1, 11).astype(dtype)
    chosen = [39, 0, 17, 18]
    some = trace(times, np.ascontiguousarray(weights[:, chosen]), circuit, at)
    np.testing.assert_array_equal(some, trace(times, weights, circuit, at)[:, chosen])


@pytest.mark.parametrize("dtype", DTYPES)
def test_chosen_samples_have_the_traces_they_have_in_the_batch(dtype: npt.DTypeLike) -> None:
    times, weights, circuit = random_layer(np.random.default_rng(22), dtype, shape=(33, 10, 3), circuit=Circuit())
    at = np.linspace(0, 1, 7).astype(dtype)
    chosen = [32, 5, 5, 0]
    np.testing.assert_array_equal(
        trace(times[chosen], weights, circuit, at), trace(times, weights, circuit, at)[chosen]
    )


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (2, 4, 0)])
@pytest.mark.parametrize("n_at", [0, 2])
def test_a_trace_of_nothing_is_empty_or_at_rest(shape: tuple[int, int, int], n_at: int) -> None:
    batch, n_in, n_out = shape
    v = trace(np.zeros((batch, n_in)), np.zeros((n_in, n_out)), Circuit(), np.linspace(0, 1, n_at))
    assert v.shape == (batch, n_out, n_at)
    assert not v.any()


def test_times_in_double_are_converted_to_the_precision_of_the_weights() -> None:
    times, weights, circuit = random_layer(np.random.default_rng(23), np.float32, shape=(2, 5, 2))
    at = np.linspace(0, 1, 5)
    v = trace(times, weights, circuit, at)
    np.testing.assert_array_equal(v, trace(times, weights, circuit, at.astype(np.float32)))

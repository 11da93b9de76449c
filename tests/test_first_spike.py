"""Neurons that spike while they charge: against a reference in 60 digits, on all that may go wrong."""

from __future__ import annotations

import math
from typing import Any

import crossing_oracle
import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CIRCUITS, Array, Layer

from rcspike import Circuit, Network
from rcspike.functional import (
    charge,
    first_spike,
    first_spike_affine,
    first_spike_affine_vjp,
    first_spike_vjp,
    schedule,
)

DTYPES = [np.float32, np.float64]
CONVENTIONAL = Circuit.conventional()


def crossing_layer(rng: np.random.Generator, *, n_in: int | None = None, circuit: Circuit | None = None) -> Layer:
    """Two samples and two neurons, of which most spike; times up to 3 T, with ties and silent inputs."""
    n_in = n_in or int(rng.choice([1, 2, 3, 8, 30]))
    circuit = circuit or list(CIRCUITS.values())[rng.integers(len(CIRCUITS))]
    times = rng.random((2, n_in)) * rng.choice([0.5, 1.0, 3.0])
    if rng.random() < 0.4:
        times = np.round(4 * times) / 4
    times[rng.random(times.shape) < 0.15] = math.inf
    scale = rng.choice([1.0, 4.0, 30.0])
    weights = scale * (rng.normal(size=(n_in, 2)) + rng.choice([0.0, 0.5, 1.0])) * np.sqrt(4 / n_in)
    weights[rng.random(weights.shape) < 0.1] = 0.0
    return Layer(times, weights, circuit)


def tolerance(layer: Layer, slopes: Array) -> Array:
    """How far a spike may be from the exact one.

    A voltage that is off by `rounding` reaches the threshold earlier or later by rounding / slope to first order, the
    condition number of the crossing. The time itself is rounded, and s = -ln(1 - x)/B has some roundings of its own.
    """
    rounding = layer.rounding()
    return np.where(slopes > 0.05, 1e-12, 1e-15 + 4 * rounding / slopes)


@pytest.mark.parametrize("block", range(10))
def test_spike_times_agree_with_40_digits(block: int) -> None:
    rng = np.random.default_rng(block)
    n_spikes = n_steep = 0
    for _ in range(100):
        layer = crossing_layer(rng)
        exact, slopes = crossing_oracle.first_spike(layer.times, *layer.affine())
        found = first_spike(*layer)
        spikes = np.isfinite(exact)
        np.testing.assert_array_equal(np.isfinite(found), spikes)
        bound = np.broadcast_to(tolerance(layer, slopes), spikes.shape)[spikes]
        # Away from 0 a time cannot be stored better than to half a unit in its last place.
        bound = bound + 4 * np.finfo(float).eps * exact[spikes]
        assert (np.abs(found[spikes] - exact[spikes]) <= bound).all()
        n_spikes += int(spikes.sum())
        n_steep += int((slopes[spikes] <= 0.05).sum())
    assert n_spikes > 100
    assert n_steep < n_spikes / 4  # the bound of 1e-12 is that of most


@pytest.mark.parametrize("name", CIRCUITS)
def test_spike_times_of_2000_inputs_agree_with_40_digits(name: str) -> None:
    rng = np.random.default_rng(1)
    times = np.round(rng.random((1, 2000)) * 3 * 256) / 256
    layer = Layer(times, (rng.normal(size=(2000, 3)) + 1.5) / np.sqrt(2000), CIRCUITS[name])
    exact, slopes = crossing_oracle.first_spike(layer.times, *layer.affine())
    spikes = np.isfinite(exact)
    found = first_spike(*layer)
    np.testing.assert_array_equal(np.isfinite(found), spikes)
    clear = spikes & (slopes > 0.05)
    assert (np.abs(found[clear] - exact[clear]) <= 1e-12).all()
    if CIRCUITS[name].e_plus - CIRCUITS[name].diode_drop > 1:
        assert spikes.any()


@pytest.mark.parametrize(
    "name", [name if name == "strongly coupled" else pytest.param(name, marks=pytest.mark.long) for name in CIRCUITS]
)
def test_gradients_agree_with_differences_of_the_reference(name: str) -> None:
    rng = np.random.default_rng(5)
    circuit, n_checked = CIRCUITS[name], 0
    for _ in range(3):
        times = rng.random((2, 5)) * 2
        weights = rng.normal(size=(5, 3)) * 2 + 2
        D, G = oracle.affine(weights, circuit.e_plus, circuit.e_minus, circuit.diode_drop)
        D0, G0 = rng.uniform(0, 0.5, 3), rng.uniform(0, 0.3, 3)
        grad = rng.normal(size=(2, 3))
        exact = crossing_oracle.first_spike_gradient(times, D, G, grad, D0, G0)
        found = first_spike_affine_vjp(times, D, G, grad, drive0=D0, conductance0=G0)
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7 * np.abs(other).max())
        exact = crossing_oracle.first_spike_gradient(times, D, G, grad)
        rail = np.where(weights >= 0, circuit.e_plus, -circuit.e_minus)
        of_weights = exact[1] * (1 - circuit.diode_drop / rail) + exact[2] * np.where(weights >= 0, 1, -1) / rail
        grad_times, grad_weights = first_spike_vjp(times, weights, circuit, grad)
        np.testing.assert_allclose(grad_times, exact[0], rtol=1e-7, atol=1e-7 * np.abs(exact[0]).max())
        np.testing.assert_allclose(grad_weights, of_weights, rtol=1e-7, atol=1e-7 * np.abs(of_weights).max())
        n_checked += int(np.count_nonzero(exact[0]))
    assert (n_checked > 0) == (circuit.e_plus - circuit.diode_drop > 1)


def test_a_membrane_that_tends_to_the_threshold_never_spikes() -> None:
    one = np.ones((1, 1))
    assert first_spike(0 * one, 5 * one, Circuit(v_syn=1.0)) == math.inf
    assert first_spike(0 * one, 5 * one, Circuit(v_syn=0.5)) == math.inf
    assert first_spike(0 * one, -5 * one, CONVENTIONAL) == math.inf
    assert first_spike(math.inf * one, 5 * one, CONVENTIONAL) == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_crossing_at_an_event_is_at_that_event(dtype: npt.DTypeLike) -> None:
    times, weights = np.array([[0.0, 1.0]], dtype), np.array([[1.0], [-100.0]], dtype)
    assert first_spike(times, weights, CONVENTIONAL) == 1
    later = np.array([[0.0, np.nextafter(dtype(1.0), dtype(0.0))]], dtype)  # type: ignore[operator]
    assert first_spike(later, weights, CONVENTIONAL) == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_conventional_circuit_spikes_on_a_straight_line(dtype: npt.DTypeLike) -> None:
    times = np.array([[0.5, 2.0, 7.0]], dtype)
    weights = np.array([[0.25, 0.125], [0.25, 0.0], [1.0, 0.0]], dtype)
    # 0.375 at 2, and then 0.5 for each T; 8.5 on the first input alone.
    np.testing.assert_array_equal(first_spike(times, weights, CONVENTIONAL), np.array([[3.25, 8.5]], dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_at_the_spike_or_later_have_no_effect(dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(3)
    times = rng.random((20, 40)).astype(dtype)
    weights = (rng.normal(size=(40, 1)) + 1).astype(dtype)
    grad = np.ones((20, 1), dtype)
    spikes = first_spike(times, weights, Circuit(v_syn=4.0))
    cut = np.where(times < spikes, times, np.inf).astype(dtype)
    np.testing.assert_array_equal(first_spike(cut, weights, Circuit(v_syn=4.0)), spikes)
    for full, other in zip(
        first_spike_vjp(times, weights, Circuit(v_syn=4.0), grad),
        first_spike_vjp(cut, weights, Circuit(v_syn=4.0), grad),
        strict=True,
    ):
        np.testing.assert_array_equal(full, other)
    assert not first_spike_vjp(times, weights, Circuit(v_syn=4.0), grad)[0][times >= spikes].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_spike_comes_after_the_input_that_causes_it(dtype: npt.DTypeLike) -> None:
    # The membrane reaches nearly 1 at 0.25 and falls by a hair; the last input takes it to 1 within half a unit in the
    # last place of its own time. Rounded to that time, the spike would have the falling slope before it.
    eps, one = np.finfo(dtype).eps, np.ones((1, 1), dtype)
    times = np.array([[0.0, 0.25, 0.5]], dtype)
    for weights in ([4 * (1 - 2 * eps), -4 * (1 + eps), 50.0], [1.0, -2.0, 1e3 / eps]):
        w = np.array(weights, dtype)[:, np.newaxis]
        assert first_spike(times, w, CONVENTIONAL) == np.nextafter(times[0, 2], dtype(1))  # type: ignore[operator]
        grad_times, grad_weights = first_spike_vjp(times, w, CONVENTIONAL, one)
        # The voltage is the sum of w_j (t - t_j): dt/dt_j is w_j / sum of w, and dt/dw_j is -(t - t_j) / sum of w.
        slope = w.sum(dtype=np.float64)
        np.testing.assert_allclose(grad_times[0], w[:, 0] / slope, rtol=1e-5)
        np.testing.assert_allclose(grad_weights[:, 0], -(0.5 - times[0]) / slope, rtol=1e-5, atol=eps)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32))
def test_resistive_synapses_are_affine_ones(dtype: npt.DTypeLike, seed: int) -> None:
    times, weights, circuit = crossing_layer(np.random.default_rng(seed), circuit=Circuit(v_syn=4.0))
    times, weights = times.astype(np.float32).astype(dtype), weights.astype(np.float32).astype(dtype)
    D, G = (one.astype(dtype) for one in Layer(times, weights, circuit).affine())
    found, other = first_spike(times, weights, circuit), first_spike_affine(times, D, G)
    _, slopes = crossing_oracle.first_spike(times, D, G)
    clear = slopes > 0.05
    np.testing.assert_array_less(np.abs(found[clear] - other[clear]), 1e5 * np.finfo(dtype).eps)


@pytest.mark.usefixtures("all_processors")
@given(seed=st.integers(0, 2**32), threads=st.integers(1, 4))
def test_results_do_not_depend_on_threads_or_on_the_batch(seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    times, weights = rng.random((30, 40)) * 2, rng.normal(size=(40, 20)) + 0.3
    circuit, grad = Circuit(v_syn=4.0), rng.normal(size=(30, 20))
    spikes = first_spike(times, weights, circuit, threads=1)
    np.testing.assert_array_equal(first_spike(times, weights, circuit, threads=threads), spikes)
    np.testing.assert_array_equal(first_spike(times[7:9], weights, circuit), spikes[7:9])
    for one, other in zip(
        first_spike_vjp(times, weights, circuit, grad, threads=1),
        first_spike_vjp(times, weights, circuit, grad, threads=threads),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_slopes_next_to_a_tangent_are_bounded() -> None:
    # A is 1 + 1e-9 and B is 1: the slope at the threshold is 1e-9.
    one = np.ones((1, 1))
    arguments = (0 * one, (1 + 1e-9) * one, one)
    assert first_spike_affine(*arguments)[0, 0] == pytest.approx(math.log(1e9), abs=1e-5)
    for max_slope in (1.0, 50.0, 1e6):
        grad_t, *_ = first_spike_affine_vjp(*arguments, one, max_slope=max_slope)
        # dt/dt_j is 1 for one input; of it, the bound leaves max_slope 1e-9.
        assert grad_t[0, 0] == pytest.approx(max_slope * 1e-9, rel=1e-5)
    for max_slope in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="max_slope must be above 0 and finite"):
            first_spike_affine_vjp(*arguments, one, max_slope=max_slope)
    no_number: Any = "steep"
    with pytest.raises(TypeError, match=r"max_slope.*got 'steep'"):
        first_spike_affine_vjp(*arguments, one, max_slope=no_number)


@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_times_and_weights_give_no_number_that_is_not_a_time(dtype: npt.DTypeLike) -> None:
    times = np.array([[0.0, 1e-30, 1.0, 1e6, 1e12, 1e17, 1e30, math.inf]], dtype)
    for scale in (1e-12, 1.0, 1e6):
        weights = np.random.default_rng(0).normal(size=(8, 40)).astype(dtype) * dtype(scale)  # type: ignore[operator]
        for circuit in (CONVENTIONAL, Circuit(v_syn=2.0)):
            spikes = first_spike(times, weights, circuit)
            assert (spikes >= 0).all()
            gradients = first_spike_vjp(times, weights, circuit, np.ones((1, 40), dtype))
            assert all(np.isfinite(one).all() for one in gradients)


def test_a_schedule_must_be_for_a_single_phase() -> None:
    times, weights = np.array([[0.5, 3.0]]), np.array([[1.0], [1.0]])
    events = schedule(times, phases="single")
    assert events.phases == "single"
    assert first_spike(events, weights, CONVENTIONAL) == 1.5
    with pytest.raises(ValueError, match="the schedule is for neurons of phases='two'"):
        first_spike(schedule(times), weights, CONVENTIONAL)
    with pytest.raises(ValueError, match="the schedule is for neurons of phases='single'"):
        charge(events, weights, CONVENTIONAL)
    with pytest.raises(ValueError, match=r"phases.*got 'three'"):
        schedule(times, phases="three")  # type: ignore[arg-type]


def test_whole_numbers_are_times_in_a_single_phase() -> None:
    times = np.array([[0.0, 2.0, 3.0, 4.0]])
    assert first_spike(times, np.full((4, 1), 0.25), CONVENTIONAL) == 3


def test_invalid_arguments_are_errors() -> None:
    one = np.ones((1, 1))
    with pytest.raises(ValueError, match="times"):
        first_spike(-one, one, CONVENTIONAL)
    with pytest.raises(ValueError, match=r"times\[0, 0\] is nan"):
        first_spike(math.nan * one, one, CONVENTIONAL)
    network = Network([one], CONVENTIONAL, phases="single")
    with pytest.raises(ValueError, match=r"times\[0, 0\] is -1"):
        network.forward(-one)
    with pytest.raises(ValueError, match=r"did you mean weights\.T"):
        first_spike(np.ones((1, 2)), np.ones((1, 2)), CONVENTIONAL)
    with pytest.raises(ValueError, match="grad_spikes"):
        first_spike_vjp(one, one, CONVENTIONAL, np.ones((2, 1)))
    with pytest.raises(ValueError, match="conductance"):
        first_spike_affine(one, one, -one)

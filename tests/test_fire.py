"""The firing phase: from voltages to spike times, on the ideal ramp and on a nonlinear one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp
from strategies import Array

from rcspike import Circuit, Network
from rcspike.functional import charge, fire, fire_vjp, output_loss, readout_times, readout_voltages

DTYPES = [np.float32, np.float64]
RAMPS = [0.0, 0.3, 0.9, 0.999999, -0.5, -40.0, 1e-5, -1e-12]

voltages = arrays(
    np.float64,
    (2, 5),
    elements=st.one_of(
        st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), st.floats(0, 1, allow_subnormal=False), st.floats()
    ),
).filter(lambda v: not np.isnan(v).any())
ramps = st.one_of(st.sampled_from(RAMPS), st.floats(-100, 0.99))


def slope(v: Array, ramp: float) -> Array:
    """dt/dv = b / ((1 - b v) ln(1 - b)), written down independently."""
    return -np.ones_like(v) if ramp == 0 else ramp / ((1 - ramp * v) * np.log1p(-ramp))


def inside(v: Array) -> Array:
    return (v > 0) & (v < 1)


@given(voltages, ramps)
def test_spike_times_agree_with_the_oracle(v: Array, ramp: float) -> None:
    t, exact = fire(v, Circuit(ramp=ramp)), oracle.fire(v, ramp)
    np.testing.assert_array_equal(t[~inside(v)], exact[~inside(v)])
    # Two logarithms of a few ulp and their quotient below 1; the rounding of b v moves v by half an ulp.
    u = v[inside(v)]
    slack = 2.0**-52 * (12 + np.abs(u * slope(u, ramp)))
    assert (np.abs(t[inside(v)] - exact[inside(v)]) <= slack).all()


def test_no_spike_lies_before_the_phase() -> None:
    v = np.array([[2.0**-1022, 1e-9, 0.1, 0.5, 0.99, np.nextafter(1, 0)]])
    for ramp in (*np.arange(-2, 1, 0.001), -9e307, -1e300, 3e-308, -3e-308, 5e-324, 1 - 2.0**-53):
        t = fire(v, Circuit(ramp=ramp))
        assert ((t >= 0) & (t <= 1) & (np.diff(t, prepend=1) <= 0)).all(), ramp


def test_a_spike_next_to_the_start_of_the_phase_comes_first_in_the_next_layer() -> None:
    # At this coefficient and voltage, 1 - 2^-53, the logarithms' quotient is rounded to 1 + 2^-52.
    circuit, w = Circuit(v_syn=1.5, ramp=-1.714), 1.6479184330021643
    assert charge(np.zeros((1, 1)), np.array([[w]]), circuit) == np.nextafter(1, 0)

    def output(w: float) -> float:
        network = Network([np.array([[w, 0.5]]), np.array([[3.0], [-4.0]])], circuit)
        return float(network.forward(np.zeros((1, 1)))[0, 0])

    assert output(w) == pytest.approx(output(w + 2e-14), abs=1e-13)


@pytest.mark.parametrize("ramp", RAMPS)
def test_spike_times_agree_with_the_oracle_in_single(ramp: float) -> None:
    v = np.random.default_rng(4).random((20, 20), dtype=np.float32)
    t = fire(v, Circuit(ramp=ramp))
    assert t.dtype == np.float32
    # Computed in double and rounded once to a number below 1: eps/2 of single, and as much again for the double part.
    np.testing.assert_allclose(t, oracle.fire(v, ramp), rtol=0, atol=2.0**-23)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ideal_ramp_takes_one_minus_v(dtype: npt.DTypeLike) -> None:
    v = np.random.default_rng(5).random((3, 50)).astype(dtype)
    np.testing.assert_array_equal(fire(v, Circuit()), 1 - v)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ramp", RAMPS)
def test_at_and_below_rest_there_is_no_spike_and_from_the_threshold_on_one_at_once(
    ramp: float, dtype: npt.DTypeLike
) -> None:
    above = np.nextafter(np.ones(1, dtype), 2)[0]
    v = np.array([[-np.inf, -1e30, -1e-30, -0.0, 0.0, 1.0, above, 1e30, np.inf]], dtype)
    np.testing.assert_array_equal(fire(v, Circuit(ramp=ramp)), [[np.inf] * 5 + [0.0] * 4])


@pytest.mark.parametrize("dtype", DTYPES)
@given(v=voltages, ramp=ramps)
def test_the_gradient_is_the_slope_of_the_ramp_and_zero_outside(
    dtype: type[np.floating], v: Array, ramp: float
) -> None:
    with np.errstate(over="ignore"):
        v = v.astype(dtype)
    got = fire_vjp(v, Circuit(ramp=ramp), np.full_like(v, 2))
    assert got.dtype == dtype
    u = v.astype(np.float64)
    exact = np.where(inside(u), 2 * slope(np.where(inside(u), u, 0.5), ramp), 0)
    # 1 - b v loses digits where it is small, here above 0.01 or else b = 0.999999: at most 1e6 of the double's ulp.
    np.testing.assert_allclose(got, exact, rtol=4 * float(np.finfo(dtype).eps) + 1e-9, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_to_fire_is_fine(dtype: npt.DTypeLike) -> None:
    none = np.empty((0, 3), dtype)
    assert fire(none, Circuit()).shape == (0, 3)
    assert fire_vjp(none, Circuit(), none).shape == (0, 3)


def test_neither_rails_nor_diode_move_a_spike() -> None:
    v = np.linspace(-0.2, 1.2, 20).reshape(2, 10)
    other = Circuit(e_plus=3.0, e_minus=-math.inf, diode_drop=0.4, ramp=0.3)
    np.testing.assert_array_equal(fire(v, other), fire(v, Circuit(ramp=0.3)))


# The readout of the last layer

finite = arrays(np.float64, (2, 5), elements=st.floats(-20, 20))
moderate = st.one_of(st.sampled_from([0.0, 0.3, 0.9, -0.5, -10.0, 1e-5, -1e-12]), st.floats(-10, 0.9))


@given(finite, moderate)
def test_the_readout_continues_the_spike_times_along_tangents(v: Array, ramp: float) -> None:
    t, end = readout_times(v, Circuit(ramp=ramp)), np.clip(v, 0, 1)
    exact = np.where(v <= 0, 1, oracle.fire(v, ramp)) + slope(end, ramp) * (v - end)
    # As for fire, and of a product of up to 20 with a slope of up to 4.
    np.testing.assert_allclose(t, exact, rtol=0, atol=2.0**-52 * 20 * (12 + np.abs(slope(end, ramp)).max()))
    highest_first = np.argsort(-v, axis=None)
    assert (np.diff(t.ravel()[highest_first]) >= 0).all()


@given(finite, moderate)
def test_readout_voltages_undo_readout_times(v: Array, ramp: float) -> None:
    circuit = Circuit(ramp=ramp)
    back = readout_voltages(readout_times(v, circuit), circuit)
    # Errors of a few ulp of times up to 20 slopes, over the smallest slope; slopes are 0.2 to 5 here.
    np.testing.assert_allclose(back, v, rtol=0, atol=2.0**-52 * 20 * 20 * 25)


@pytest.mark.parametrize("ramp", [0.0, 0.4, -2.0])
def test_the_gradient_of_the_output_loss_agrees_with_central_differences(ramp: float) -> None:
    circuit, labels, h = Circuit(ramp=ramp), np.array([2, 0, 1]), 1e-6
    v = np.array([[-0.3, 0.2, 0.6], [1.4, 0.9, 0.1], [0.5, 0.45, 2.0]])
    options = {"temperature": 0.3, "temporal_penalty": 0.2, "t_ref": 0.8}
    t = readout_times(v, circuit)
    plain = logsumexp(-t / 0.3, axis=1) + t[np.arange(3), labels] / 0.3 + 0.2 * ((t - 0.8) ** 2).sum(axis=1)
    losses, grad_v = output_loss(v, labels, circuit, **options)
    np.testing.assert_allclose(losses, plain, rtol=0, atol=1e-13)
    for i in np.ndindex(v.shape):
        step = np.zeros_like(v)
        step[i] = h
        above, below = (output_loss(v + s, labels, circuit, **options)[0].sum() for s in (step, -step))
        # h^2/6 times a third derivative of order 1/tau^3, and roundings of the losses over h.
        assert grad_v[i] == pytest.approx((above - below) / (2 * h), abs=1e-8)


def test_the_output_loss_rejects_arguments_it_is_not_defined_for() -> None:
    v, labels = np.zeros((2, 3)), np.array([0, 3])
    with pytest.raises(ValueError, match=r"label 3 at position 1 must be in \[0, 3\)"):
        output_loss(v, labels, Circuit())
    with pytest.raises(ValueError, match=r"temperature.*got 0"):
        output_loss(v, labels[:1].repeat(2), Circuit(), temperature=0.0)
    with pytest.raises(ValueError, match=r"v\[0, 1\].*got inf"):
        readout_times(np.array([[0.0, np.inf]]), Circuit())

"""Diodes that rectify: against event detection by bisection, a stiff solver, and what they must reduce to."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from scipy.integrate import solve_ivp
from strategies import Array

from rcspike.functional import charge_affine, charge_rectified

DTYPES = [np.float32, np.float64]
Layer = tuple[Array, Array, Array, Array, Array, Array, Array]  # the arguments, with drive0 and conductance0


def random_layer(
    rng: np.random.Generator, dtype: npt.DTypeLike = np.float64, *, shape: tuple[int, int, int] | None = None
) -> Layer:
    """(batch, n_in, n_out) of devices whose rails lie about +-1, many of them within what v passes."""
    batch, n_in, n_out = shape or (1, int(rng.integers(1, 9)), 1)
    times = rng.random((batch, n_in))
    if rng.random() < 0.3:
        times = np.round(4 * times) / 4
    times[rng.random(times.shape) < 0.1] = np.inf
    strength = rng.choice([1.0, 5.0, 30.0, 1000.0]) / n_in
    g_plus, g_minus = (strength * rng.exponential(size=(n_in, n_out)) for _ in range(2))
    for g in (g_plus, g_minus):
        g[rng.random(g.shape) < 0.2] = 0
    spread = rng.choice([0.05, 0.3, 0.6])
    rail_plus, rail_minus = (e + spread * rng.normal(size=(n_in, n_out)) for e in (0.6, -0.6))
    drive0, conductance0 = rng.normal(0, 0.3, n_out), 0.5 * rng.random(n_out) * (rng.random() < 0.5)
    arrays = times, g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0
    return tuple(a.astype(dtype) for a in arrays)  # type: ignore[return-value]


def run(layer: Layer, *, threads: int | None = None) -> Array:
    *devices, drive0, conductance0 = layer
    return charge_rectified(*devices, drive0=drive0, conductance0=conductance0, threads=threads)


def without_diodes(layer: Layer) -> Array:
    times, g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0 = layer
    D, G = g_plus * rail_plus + g_minus * rail_minus, g_plus + g_minus
    return charge_affine(times, D, G, drive0=drive0, conductance0=conductance0)


def test_voltages_agree_with_event_detection() -> None:
    rng = np.random.default_rng(80)
    n_blocked = 0
    for _ in range(500):
        layer = random_layer(rng)
        v, exact = run(layer), oracle.charge_rectified(*layer)
        np.testing.assert_allclose(v, exact, rtol=0, atol=1e-12)
        n_blocked += bool(np.any(np.abs(without_diodes(layer) - v) > 1e-6))
    assert n_blocked > 150


def test_single_precision_is_as_close_as_it_can_be() -> None:
    rng = np.random.default_rng(81)
    for _ in range(100):
        layer = random_layer(rng, np.float32)
        # At most 16 devices and 9 intervals, a few roundings each relative to voltages of order 1.
        np.testing.assert_allclose(run(layer), oracle.charge_rectified(*layer), rtol=0, atol=2e-5)


def solved(layer: Layer) -> Array:
    """The first sample's v(1) by stepping the differential equation."""
    times, g_plus, rail_plus, g_minus, rail_minus, drive0, conductance0 = layer

    def slope(_: float, v: Array, on: npt.NDArray[np.bool_]) -> Array:
        up = g_plus[on] * np.maximum(rail_plus[on] - v, 0)
        down = g_minus[on] * np.maximum(v - rail_minus[on], 0)
        return np.asarray((up - down).sum(axis=0) + drive0 - conductance0 * v)

    v = np.zeros(g_plus.shape[1])
    for start, end in pairwise(np.unique([0.0, 1.0, *times[0][times[0] < 1]])):
        on = times[0] <= start
        v = solve_ivp(slope, (start, end), v, args=(on,), method="LSODA", rtol=1e-11, atol=1e-12).y[:, -1]
    return v


def test_the_oracle_agrees_with_a_differential_equation_solver() -> None:
    rng = np.random.default_rng(82)
    for _ in range(10):
        layer = random_layer(rng)
        # The solver steps over kinks, where its error estimate holds only roughly.
        np.testing.assert_allclose(oracle.charge_rectified(*layer)[0], solved(layer), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_diodes_with_one_rail_each_side_change_nothing(dtype: npt.DTypeLike) -> None:
    # v never passes a rail that all devices share.
    rng = np.random.default_rng(83)
    times = rng.random((20, 50)).astype(dtype)
    g_plus, g_minus = (rng.exponential(0.1, (50, 37)).astype(dtype) for _ in range(2))
    rails = np.full((50, 37), 0.8, dtype)
    v = charge_rectified(times, g_plus, rails, g_minus, -rails)
    expected = charge_affine(times, g_plus * rails - g_minus * rails, g_plus + g_minus)
    # Up to the rounding of sums of 50 numbers.
    np.testing.assert_allclose(v, expected, rtol=0, atol=100 * np.finfo(dtype).eps)


def test_voltages_stay_between_the_rails() -> None:
    rng = np.random.default_rng(84)
    for dtype in DTYPES:
        times, g_plus, rail_plus, g_minus, rail_minus, *_ = random_layer(rng, dtype, shape=(40, 30, 50))
        v = charge_rectified(times, g_plus, rail_plus, g_minus, rail_minus)
        assert np.all(v <= rail_plus.max(axis=0))
        assert np.all(v >= rail_minus.min(axis=0))


def test_devices_that_start_behind_their_rails_wait() -> None:
    # The first device's rail is below 0: it conducts nothing until the second has pulled v below it.
    times, g = np.array([[0.0, 0.5]]), np.array([[3.0], [2.0]])
    on, none = np.array([[1.0], [0.0]]), np.zeros((2, 1))
    v = charge_rectified(times, g * on, -0.4 * on, g * (1 - on), -1.0 * (1 - on))
    passing = math.log(1 / 0.6) / 2  # from 0 towards -1, to -0.4
    balance = (2 * -1.0 + 3 * -0.4) / 5
    expected = balance + (-0.4 - balance) * math.exp(-5 * (0.5 - passing))
    assert v[0, 0] == pytest.approx(expected, abs=1e-15)
    assert np.all(charge_rectified(times, g * on, -0.4 * on, none, none) == 0)


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_depend_neither_on_threads_nor_on_neighbours(dtype: npt.DTypeLike) -> None:
    layer = random_layer(np.random.default_rng(85), dtype, shape=(40, 60, 45))
    expected = run(layer, threads=1)
    np.testing.assert_array_equal(run(layer, threads=3), expected)
    one = (layer[0][5:6].copy(), *(np.ascontiguousarray(a[..., 17:18]) for a in layer[1:]))
    np.testing.assert_array_equal(run(one), expected[5:6, 17:18])

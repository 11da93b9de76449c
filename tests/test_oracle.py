"""The oracle against things that are independent of it: an integrator, exact sums, differences, conservation laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import oracle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import Array

EPS = 2.0**-52
quick = settings(deadline=None, max_examples=40)

Layer = tuple[Array, Array, Array, Array, Array]  # times, D, G, D0, G0


def layer(
    *,
    e_plus: float,
    e_minus: float | None = None,
    diode_drop: float = 0.0,
    scale: float = 2.0,
    retime: Callable[[Array], Array] = lambda t: t,
    bias: float = 0.0,
    leak: float = 0.0,
    seed: int = 1,
    shape: tuple[int, int, int] = (2, 4, 2),
) -> Layer:
    """A random layer of resistive synapses; until `retime` moves them, spikes of a sample are 0.4/n_in apart."""
    rng = np.random.default_rng(seed)
    batch, n_in, n_out = shape
    slots = rng.permuted(np.tile(np.arange(n_in), (batch, 1)), axis=1)
    times = retime((slots + rng.uniform(0.2, 0.8, slots.shape)) / n_in)
    weights = scale * rng.normal(size=(n_in, n_out))
    D, G = oracle.affine(weights, e_plus, -e_plus if e_minus is None else e_minus, diode_drop)
    return times, D, G, bias * rng.normal(size=n_out), leak * rng.random(n_out)


def some_silent(times: Array) -> Array:
    """Of every three inputs the first never spikes and the second spikes too late to count."""
    times = times.copy()
    times[:, ::3], times[:, 1::3] = np.inf, 1.25
    return times


def device_pairs() -> Layer:
    """D and G of two real devices a synapse, rails 1.5 and -0.6, so that G is not |D| over one rail."""
    rng = np.random.default_rng(5)
    g_plus, g_minus = rng.exponential(1.0, (2, 4, 2))
    return rng.random((2, 4)), 1.5 * g_plus - 0.6 * g_minus, g_plus + g_minus, np.zeros(2), np.zeros(2)


# Spikes stay apart in these, so that differences in time do not step over a kink.
SPACED = {
    "conventional": layer(e_plus=math.inf),
    "weakly coupled": layer(e_plus=1000.0),
    "strongly coupled": layer(e_plus=1.0),
    "asymmetric rails and a diode": layer(e_plus=2.8, e_minus=-1.53, diode_drop=0.3),
    "silent and late inputs": layer(e_plus=1.0, retime=some_silent),
    "bias and leak": layer(e_plus=1.5, bias=1.0, leak=2.0),
    "bias and leak alone": layer(e_plus=1.0, retime=lambda t: t + 1, bias=1.0, leak=2.0),
    "one input": layer(e_plus=0.7, shape=(2, 1, 2)),
}
LAYERS = SPACED | {
    "saturating, x of order 100": layer(e_plus=0.1, scale=4.0),
    "ties": layer(e_plus=1.0, retime=lambda t: np.round(2 * t) / 2),  # at 0, 1/2 and 1
    "device pairs": device_pairs(),
}


def named(layers: dict[str, Layer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(x, id=name) for name, x in layers.items()])


@named(LAYERS)
def test_closed_form_agrees_with_a_numerical_integrator(case: Layer) -> None:
    times, D, G, D0, G0 = case
    expected = oracle.solve(times, D, G, 1.0, D0, G0)
    # The integrator may err by 1e-12 |v| + 1e-13 a step; G >= 0 never amplifies an error; these take at most 200 steps.
    tolerance = 200 * (1e-12 * np.abs(expected).max() + 1e-13)
    np.testing.assert_allclose(oracle.charge(times, D, G, D0, G0), expected, rtol=0, atol=tolerance)


@named(LAYERS)
def test_trace_agrees_with_a_numerical_integrator(case: Layer) -> None:
    times, D, G, D0, G0 = case
    at = [1.0, 0.3, float(times.min(initial=1.0)), 0.75, 0.0]  # out of order, and one on the first spike
    v = oracle.voltage_at(times, D, G, at, D0, G0)
    for m, t in enumerate(at):
        expected = oracle.solve(times, D, G, t, D0, G0)
        tolerance = 200 * (1e-12 * np.abs(expected).max() + 1e-13)  # as above
        np.testing.assert_allclose(v[:, :, m], expected, rtol=0, atol=tolerance)


def test_trace_starts_at_zero_and_ends_at_the_charge() -> None:
    times, D, G, D0, G0 = LAYERS["bias and leak"]
    v = oracle.voltage_at(times, D, G, [0.0, 1.0], D0, G0)
    assert not v[:, :, 0].any()
    assert (v[:, :, 1] == oracle.charge(times, D, G, D0, G0)).all()


def explicit_sum(times: Array, D: Array, G: Array) -> float:
    """v(1) = sum_k (A_k/B_k) (Z_k - Z_{k-1}) with Z_k = exp(-int B ds from the end of interval k), in 90 digits."""
    with mpmath.workdps(90):
        order = np.argsort(times)
        edges = [mpmath.mpf(t) for t in times[order].tolist()] + [mpmath.mpf(1)]
        A = np.cumsum([mpmath.mpf(x) for x in D[order].tolist()])
        B = np.cumsum([mpmath.mpf(x) for x in G[order].tolist()])
        x = [b * (end - start) for b, (start, end) in zip(B, pairwise(edges), strict=True)]
        Z = [mpmath.exp(-s) for s in np.cumsum([mpmath.mpf(0), *x[::-1]])[::-1]]
        return float(mpmath.fsum(a / b * (z - y) for a, b, (y, z) in zip(A, B, pairwise(Z), strict=True)))


@pytest.mark.parametrize(
    ("e_plus", "scale"),
    [
        pytest.param(1.0, 0.05, id="a usual layer"),
        pytest.param(1.0, 2500.0, id="x of 1e6 over the window"),
        pytest.param(1e6, 1.0, id="nearly conventional"),
        pytest.param(1e18, 1.0, id="x on both sides of the switch to Taylor"),
        pytest.param(1e25, 1.0, id="x below the switch to Taylor"),
    ],
)
def test_two_thousand_inputs_agree_with_an_explicit_sum_to_one_ulp(e_plus: float, scale: float) -> None:
    times, D, G, _, _ = layer(e_plus=e_plus, scale=scale, shape=(1, 2000, 1), retime=lambda t: np.round(255 * t) / 255)
    times[0, 1000:] = np.random.default_rng(0).random(1000)  # half on 8-bit levels, with ties, half anywhere
    v = oracle.charge(times, D, G)[0, 0]
    # Both are rounded to float64 once; before that, the oracle is good to about 1e-20.
    assert abs(v - explicit_sum(times[0], D[:, 0], G[:, 0])) <= np.spacing(abs(v))


some_time = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.25, math.inf]))
some_weight = st.floats(-3, 3)
some_synapses = st.lists(st.tuples(some_time, some_weight), min_size=1, max_size=6)
some_rail = st.floats(0.1, 1e3) | st.just(math.inf)


def columns(synapses: list[tuple[float, float]]) -> tuple[Array, Array]:
    """Times (1, n) and weights (n, 1)."""
    pairs = np.array(synapses, dtype=np.float64)
    return pairs[:, 0][None, :], pairs[:, 1][:, None]


@quick
@given(some_synapses)
def test_conventional_layer_is_an_exact_sum_of_weight_times_remaining_window(
    synapses: list[tuple[float, float]],
) -> None:
    times, weights = columns(synapses)
    exact = float(sum(Fraction(w) * (1 - Fraction(t)) for t, w in synapses if t <= 1))
    v = oracle.charge(times, *oracle.affine(weights, math.inf, -math.inf))[0, 0]
    # One ulp, for rounding once; and 60-digit noise, which is absolute where weights cancel.
    assert v == pytest.approx(exact, rel=EPS, abs=1e-38)


@quick
@given(synapses=some_synapses, e_plus=some_rail, e_minus=some_rail, data=st.data())
def test_order_splitting_and_silent_inputs_change_nothing(
    synapses: list[tuple[float, float]], e_plus: float, e_minus: float, data: st.DataObject
) -> None:
    def v(synapses: list[tuple[float, float]]) -> float:
        times, weights = columns(synapses)
        return float(oracle.charge(times, *oracle.affine(weights, e_plus, -e_minus))[0, 0])

    halves = [(t, w / 2) for t, w in synapses for _ in range(2)]
    silent = [(math.inf, 2.0), (1.5, -2.0)]
    changed = v(data.draw(st.permutations(halves + silent)))
    # Equal before rounding but for 60-digit noise, which is absolute where rails of up to 1e3 cancel in v.
    assert changed == pytest.approx(v(synapses), rel=EPS, abs=1e-36)


@quick
@given(synapses=some_synapses, e_plus=some_rail, e_minus=some_rail)
def test_voltage_stays_between_the_rails(synapses: list[tuple[float, float]], e_plus: float, e_minus: float) -> None:
    times, weights = columns(synapses)
    v = oracle.voltage_at(times, *oracle.affine(weights, e_plus, -e_minus), np.linspace(0, 1, 9))
    # D = w and G = |w|/E are rounded, each synapse therefore pulls to a rail that is off by half an ulp.
    assert (v <= e_plus * (1 + EPS)).all()
    assert (v >= -e_minus * (1 + EPS)).all()


@quick
@given(t=st.floats(0, 1), w=st.floats(0.01, 1e6), rail=st.floats(0.1, 1e3), drop=st.floats(0, 0.09))
def test_one_synapse_relaxes_to_its_rail_less_the_diode(t: float, w: float, rail: float, drop: float) -> None:
    for weight, e_plus, e_minus in ((w, rail, -1.0), (-w, 1.0, -rail)):
        D, G = oracle.affine([[weight]], e_plus, e_minus, drop)
        v = oracle.charge(np.array([[t]]), D, G)[0, 0]
        expected = math.copysign(rail - drop, weight) * -math.expm1(-w * (1 - t) / rail)
        # Roundings, each at most half an ulp: three in D (drop/E may be as large as 0.9, so up to 10 times more), one
        # in G, and on the right one in E - drop, three in the exponent and two outside it: below 40 halves.
        assert v == pytest.approx(expected, rel=20 * EPS)


def test_bias_and_leak_are_an_input_that_spikes_at_zero() -> None:
    times, D, G, D0, G0 = LAYERS["bias and leak"]
    grad_v = np.array([[1.0, -2.0], [0.25, 0.5]])
    with_input = np.column_stack([times, np.zeros(len(times))]), np.vstack([D, D0]), np.vstack([G, G0])
    # The same 60-digit numbers added in another order: the same float64 but for a tie in the last rounding.
    np.testing.assert_allclose(oracle.charge(times, D, G, D0, G0), oracle.charge(*with_input), rtol=EPS)
    *_, grad_D0, grad_G0 = oracle.charge_gradient(times, D, G, grad_v, D0, G0)
    _, grad_D, grad_G, _, _ = oracle.charge_gradient(*with_input, grad_v)
    np.testing.assert_allclose(grad_D0, grad_D[-1], rtol=EPS)
    np.testing.assert_allclose(grad_G0, grad_G[-1], rtol=EPS)


def test_weights_of_either_sign_use_their_own_rail() -> None:
    D, G = oracle.affine([[2.0, -2.0, 0.0]], 4.0, -0.5, 0.25)
    np.testing.assert_array_equal(D, [[2.0 * (1 - 0.0625), -2.0 * (1 - 0.5), 0.0]])
    np.testing.assert_array_equal(G, [[0.5, 4.0, 0.0]])


def test_infinite_rails_leave_the_weight_as_drive_and_no_conductance() -> None:
    weights = np.array([[2.0, -3.0, 0.0]])
    D, G = oracle.affine(weights, math.inf, -math.inf, 0.25)
    np.testing.assert_array_equal(D, weights)
    np.testing.assert_array_equal(G, np.zeros((1, 3)))


def differences(f: Callable[[Array], float], x: Array, step: float) -> Array:
    """df/dx by the five-point central rule, whose error is f'''''(x) step^4/30."""
    slopes = np.empty(x.size)
    for n in range(x.size):

        def moved(k: int, n: int = n) -> float:
            y = x.copy()
            y.flat[n] += k * step
            return f(y)

        slopes[n] = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)
    return slopes.reshape(x.shape)


@named(SPACED | {"device pairs": device_pairs()})
def test_gradient_agrees_with_central_differences(case: Layer) -> None:
    grad_v = np.array([[1.0, -2.0], [0.25, 0.5]])
    step = 2.0**-13  # two steps are well inside the spacing of the spikes
    for n, got in enumerate(oracle.charge_gradient(*case[:3], grad_v, *case[3:])):

        def loss(x: Array, n: int = n) -> float:
            return float(np.vdot(grad_v, oracle.charge(*(x if m == n else old for m, old in enumerate(case)))))

        # The loss, a sum of four terms, is off by a few ulp of the largest, and a moved argument by up to one of 1:
        # 8 EPS/step = 1.5e-11. The rule's own error is step^4/30 = 7e-18 of a fifth derivative, about B^5 < 1e6.
        size = 1 + np.abs(oracle.charge(*case)).max() + np.abs(got).max()
        np.testing.assert_allclose(got, differences(loss, case[n], step), rtol=0, atol=8 * EPS / step * size)


def test_gradient_is_continuous_where_inputs_tie() -> None:
    times, D, G, D0, G0 = layer(e_plus=1.0, retime=lambda t: np.clip(np.round(2 * t) / 2, 0.25, 0.75))
    grad_v = np.ones((2, 2))
    gap = 1e-9
    parted = times + gap * np.arange(times.shape[1])
    tied = oracle.charge_gradient(times, D, G, grad_v, D0, G0)
    # No spike moves by more than 3 gaps; second derivatives of a neuron are below (sum |D| + sum G)^2 < 100, and there
    # are two neurons.
    for a, b in zip(tied, oracle.charge_gradient(parted, D, G, grad_v, D0, G0), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=3 * gap * 200)


def test_gradient_at_the_end_of_the_window_is_the_slope_towards_earlier_spikes() -> None:
    times, D, G = np.array([[0.25, 1.0]]), np.array([[2.0], [3.0]]), np.array([[1.0], [2.0]])
    grad_t, grad_D, grad_G, _, _ = oracle.charge_gradient(times, D, G, np.ones((1, 1)))
    step = 2.0**-26
    slope = (oracle.charge(times, D, G) - oracle.charge(times - [0, step], D, G)) / step
    # One-sided: off by step/2 times a second derivative below 10, and by an ulp of v over step: 1e-7 each.
    assert grad_t[0, 1] == pytest.approx(slope[0, 0], abs=2e-7)
    assert grad_D[1, 0] == 0
    assert grad_G[1, 0] == 0


def test_gradient_of_silent_inputs_is_zero() -> None:
    times, D, G, D0, G0 = LAYERS["silent and late inputs"]
    silent = times > 1
    grad_t, grad_D, grad_G, _, _ = oracle.charge_gradient(times, D, G, np.ones((2, 2)), D0, G0)
    assert silent.all(axis=0).any()
    assert not grad_t[silent].any()
    assert not grad_D[silent.all(axis=0)].any()
    assert not grad_G[silent.all(axis=0)].any()


@pytest.mark.parametrize("e_plus", [0.01, 1.0, 1e18, 1e25, math.inf])
def test_gradient_obeys_the_symmetries_of_the_equation(e_plus: float) -> None:
    """Exact identities, of 400 inputs with ties and without bias.

    v is linear in D; delaying every spike is stopping early; faster synapses are a longer window.
    """
    times, D, G, _, _ = layer(e_plus=e_plus, scale=0.5, shape=(1, 400, 1), retime=lambda t: np.round(255 * t) / 255)
    v = oracle.charge(times, D, G)[0, 0]
    grad_t, grad_D, grad_G, _, _ = oracle.charge_gradient(times, D, G, np.ones((1, 1)))
    linear, delay = (D * grad_D)[:, 0], grad_t[0]
    faster = np.concatenate([(D * grad_D)[:, 0], (G * grad_G)[:, 0], (1 - times[0]) * grad_t[0]])
    end_slope = math.fsum([*D[:, 0], *(-v * G[:, 0])])
    # fsum adds exactly, so only the terms are rounded: at most two ulp of each term, and of those of the end's slope.
    assert math.fsum(linear) == pytest.approx(v, rel=0, abs=2 * EPS * np.abs(linear).sum())
    slack = 2 * EPS * (np.abs(delay).sum() + np.abs(D).sum() + abs(v) * G.sum())
    assert math.fsum(delay) == pytest.approx(-end_slope, rel=0, abs=slack)
    assert math.fsum(faster) == pytest.approx(0, abs=2 * EPS * np.abs(faster).sum())


@pytest.mark.parametrize("ramp", [0.0, 0.3, -0.3, 1e-12])
def test_fire_is_silent_at_or_below_zero_and_immediate_at_or_above_the_threshold(ramp: float) -> None:
    v = np.array([[-math.inf, -1.0, -5e-324], [-0.0, 0.0, 5e-324], [1.0, 1.5, math.inf]])
    none = math.inf
    np.testing.assert_array_equal(oracle.fire(v, ramp), [[none, none, none], [none, none, 1.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("ramp", [0.0, 0.3, -0.3, 1e-12])
def test_fire_just_below_the_threshold_is_just_after_the_start(ramp: float) -> None:
    below = 1 - EPS / 2
    slope = 1.0 if ramp == 0 else -ramp / (1 - ramp) / math.log1p(-ramp)  # -dt/dv at v = 1
    assert oracle.fire(below, ramp) == pytest.approx(
        slope * EPS / 2, rel=1e-14, abs=0
    )  # a handful of roundings in the slope


@quick
@given(v=st.floats(0, 1, exclude_min=True), ramp=st.floats(-1e-3, 1e-3))
@example(v=0.5, ramp=1e-300)
def test_ramp_tends_to_the_ideal_one(v: float, ramp: float) -> None:
    # t = 1 - v + (b/2) v (1 - v) + O(b^2); the parabola is at most 1/4 and the rest below b^2.
    assert abs(oracle.fire(v, ramp) - oracle.fire(v)) <= abs(ramp) / 8 + ramp**2 + EPS


@quick
@given(v=st.floats(1e-6, 1 - 1e-6), ramp=st.floats(-2, 0.9).filter(lambda b: abs(b) > 1e-6))
def test_ramp_time_is_the_integral_of_the_ramps_own_equation(v: float, ramp: float) -> None:
    """du/dt = a (1 - b u) from v to 1, with a such that a start from 0 takes the whole window."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    a = -math.log1p(-ramp) / ramp
    u = v + (1 - v) * (nodes + 1) / 2
    integral = (1 - v) / 2 * (weights / (a * (1 - ramp * u))).sum()
    # 1/(1 - b u) has its pole at 1/b > 1.1, so 40 nodes leave below 1e-20; what is left are some dozens of roundings.
    assert float(oracle.fire(v, ramp)) == pytest.approx(integral, rel=1e-13)


def test_fire_keeps_the_shape() -> None:
    assert oracle.fire(0.25).shape == ()
    assert oracle.fire(0.25) == 0.75
    assert oracle.fire(np.zeros((2, 0, 3))).shape == (2, 0, 3)

"""Random layers for the tests: by Hypothesis where a failure should shrink, by a generator where many are wanted fast.

Both mix what goes wrong first: ties, spikes at exactly 0 and 1, silent inputs (infinite or just late), every kind of
rails, the diode, and weights so large that the membrane follows its inputs at once.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import oracle
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rcspike import Circuit

Array = npt.NDArray[Any]

CIRCUITS = {
    "conventional": Circuit.conventional(),
    "weakly coupled": Circuit(v_syn=1000.0),
    "strongly coupled": Circuit(v_syn=1.0),
    "overdamped": Circuit(v_syn=0.25),
    "asymmetric rails": Circuit(e_plus=2.8, e_minus=-1.53),
    "one infinite rail": Circuit(e_plus=math.inf, e_minus=-0.7),
    "diode": Circuit(v_syn=2.0, diode_drop=1.5),
    "asymmetric rails and a diode": Circuit(e_plus=0.7, e_minus=-3.0, diode_drop=0.6),
}
SILENT = (math.inf, 1.5, math.nextafter(1.0, 2.0))


class Layer(NamedTuple):
    """A batch of spike times on resistive synapses."""

    times: Array
    weights: Array
    circuit: Circuit

    def affine(self) -> tuple[Array, Array]:
        """D and G by the oracle's map, in float64."""
        return oracle.affine(self.weights, self.circuit.e_plus, self.circuit.e_minus, self.circuit.diode_drop)

    def exact(self) -> Array:
        """v(1) by the oracle."""
        return oracle.charge(self.times, *self.affine())

    def reach(self) -> Array:
        """No membrane gets further from 0 than its synapses carry it uncoupled, nor beyond the outer rail; (n_out,)."""
        rail = max(self.circuit.e_plus, -self.circuit.e_minus)
        uncoupled: Array = np.abs(self.weights.astype(np.float64)).sum(axis=0)
        return np.minimum(uncoupled, rail)

    def rounding(self) -> Array:
        """How far v(1) may be from the exact one, (n_out,).

        Sums over n inputs are off by a relative (n - 1) eps/2 in A and in B; either moves v by at most that times its
        reach (A/B is within the rails, and A alone sums up to the uncoupled reach). Each of at most n + 1 intervals
        adds some ten roundings of eps/2 in phi, e and the step, also relative to the reach. What is too small to be
        normal counts as 0.
        """
        n, precision = len(self.weights), np.finfo(self.weights.dtype)
        return 8 * (n + 1) * (float(precision.eps) * self.reach() + float(precision.tiny))


# Simple values first: Hypothesis shrinks towards them, and they bring the ties.
spike_times = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 0.25, *SILENT]), st.floats(0, 1), st.floats(0, 1, width=16), st.just(math.inf)
)
synapses = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-300, 1e6, -1e6]),
    st.floats(-3, 3, allow_subnormal=False),
    st.floats(-1000, 1000, width=16),
).map(lambda w: w + 0.0)  # no -0.0, which has a test of its own
rails = st.floats(0.1, 1000)
circuits = st.one_of(
    st.sampled_from(list(CIRCUITS.values())),
    st.builds(lambda v: Circuit(v_syn=v), rails),
    st.builds(
        lambda e, f, share: Circuit(e_plus=e, e_minus=-f, diode_drop=share * min(e, f)), rails, rails, st.floats(0, 0.9)
    ),
)


@st.composite
def layers(
    draw: st.DrawFn,
    *,
    times: st.SearchStrategy[float] = spike_times,
    weights: st.SearchStrategy[float] = synapses,
    circuits: st.SearchStrategy[Circuit] = circuits,
    max_inputs: int = 6,
) -> Layer:
    batch, n_in, n_out = draw(st.integers(1, 3)), draw(st.integers(1, max_inputs)), draw(st.integers(1, 3))
    return Layer(
        draw(arrays(np.float64, (batch, n_in), elements=times)),
        draw(arrays(np.float64, (n_in, n_out), elements=weights)),
        draw(circuits),
    )


def random_layer(
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float64,
    *,
    shape: tuple[int, int, int] | None = None,
    circuit: Circuit | None = None,
) -> Layer:
    """A layer of (batch, n_in, n_out), up to 30 inputs by default, with numbers that are exact in `dtype`."""
    batch, n_in, n_out = shape or (2, int(rng.choice([1, 2, 3, 8, 30])), 2)
    if circuit is None:
        circuit = list(CIRCUITS.values())[rng.integers(len(CIRCUITS))]
    times = rng.random((batch, n_in))
    if rng.random() < 0.4:
        times = np.round(4 * times) / 4  # ties, also at 0 and 1
    for value in SILENT[:2]:
        times[rng.random(times.shape) < 0.15] = value
    # Voltages of order 1; the few times larger ones would only make an uncoupled voltage large, not the exponents.
    scale = 1.0 if math.isinf(circuit.e_plus) else rng.choice([1.0, 1.0, 1.0, 30.0, 1e4])
    weights = scale * rng.normal(size=(n_in, n_out)) * np.sqrt(4 / n_in)
    weights[rng.random(weights.shape) < 0.1] = 0.0
    return Layer(times.astype(dtype), weights.astype(dtype), circuit)


def mixed_neurons(dtype: npt.DTypeLike) -> Layer:
    """37 neurons, more than two vectors of any instruction set and the last not full, that relax very differently.

    With few inputs, so that in one interval neighbours relax by x from 0.01 to 1000: what one of them needs
    must not touch the others.
    """
    rng = np.random.default_rng(1)
    times, weights, circuit = random_layer(rng, dtype, shape=(30, 3, 37), circuit=Circuit(v_syn=1.0))
    return Layer(times, (rng.permuted(np.geomspace(0.03, 3000, 37)) * weights).astype(dtype), circuit)


def spaced_layer(circuit: Circuit) -> tuple[Layer, Array]:
    """Spikes well apart and away from 0 and 1, weights away from 0: differences step over no kink. And a dL/dv."""
    rng = np.random.default_rng(11)
    batch, n_in, n_out = 3, 6, 4
    slots = rng.permuted(np.tile(np.arange(n_in), (batch, 1)), axis=1)
    weights = rng.choice([-1.0, 1.0], (n_in, n_out)) * rng.uniform(0.2, 2.0, (n_in, n_out))
    return Layer((slots + rng.uniform(0.2, 0.8, slots.shape)) / n_in, weights, circuit), rng.normal(size=(batch, n_out))


def assert_slopes(loss: object, x: Array, gradient: Array) -> None:
    """Central differences of `loss(x)` in every element of x.

    With h = 1e-5 they are off by h^2/6 times a third derivative, which is of order 10 here, and by eps |L|/h: 2e-10 and
    1e-10 with sums of a dozen voltages. Overdamped, time constants are down to 1/40: 1e4 instead of 10 for times alone.
    """
    h = 1e-5
    slopes = np.empty_like(x)
    for i in np.ndindex(x.shape):
        there, back = x.copy(), x.copy()
        there[i] += h
        back[i] -= h
        slopes[i] = (loss(there) - loss(back)) / (there[i] - back[i])  # type: ignore[operator]
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=2e-7)


def rounding(D: Array, G: Array, grad_v: Array, reach: Array) -> tuple[Array, Array, Array]:
    """How far dL/dt, dL/dD and dL/dG may be from the exact ones, elementwise.

    dL/dt_j is a sum of lambda (D - G v) over neurons, dL/dD of P and dL/dG of Q over samples, with |lambda| and P at
    most |dL/dv|, and Q at most that times the reach of v. Each term comes from a forward sweep and a backward
    one, whose n intervals add some ten roundings of eps/2 each; sums over a batch or over neurons add less. A number
    that is too small to be normal counts as 0, in lambda as in the products.
    """
    precision = np.finfo(D.dtype)
    eps, tiny = (16 * (len(D) + 1) * float(x) for x in (precision.eps, precision.tiny))
    size = np.abs(grad_v.astype(np.float64)) + float(precision.tiny)
    return (
        eps * (size @ (np.abs(D) + G * reach).T) + tiny * (1 + D.shape[1] * (np.abs(D) + G * reach).sum(axis=1)),
        np.broadcast_to(eps * size.sum(axis=0) + tiny * len(size), D.shape),
        np.broadcast_to(eps * (size * reach).sum(axis=0) + tiny * (len(size) + np.sum(reach)), D.shape),
    )


def resistive_rounding(layer: Layer, grad_v: Array) -> tuple[Array, Array]:
    D, G = (x.astype(layer.weights.dtype) for x in layer.affine())
    of_t, of_D, of_G = rounding(D, G, grad_v, layer.reach())
    return of_t, of_D + of_G / min(layer.circuit.e_plus, -layer.circuit.e_minus)

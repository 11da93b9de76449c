"""Convolutions, against dense layers with the unrolled weights and against layers over the rows of each window."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import Array, Layer, circuits, resistive_rounding, spike_times, synapses

from rcspike import Circuit
from rcspike.functional import charge, charge_conv2d, charge_conv2d_vjp, charge_vjp

DTYPES = [np.float32, np.float64]
CIRCUIT = Circuit(v_syn=2.0)


class Conv(NamedTuple):
    """A batch of maps of spike times (batch, height, width, c_in), and a kernel that moves over them."""

    times: Array
    weights: Array
    circuit: Circuit
    stride: int
    padding: int

    def options(self) -> dict[str, int]:
        return {"stride": self.stride, "padding": self.padding}

    def windows(self, maps: Array, outside: float) -> Array:
        """What a window sees at each position, (batch, h_out, w_out, k_h, k_w, c_in)."""
        p = self.padding
        padded = np.pad(maps, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=outside)
        seen = np.lib.stride_tricks.sliding_window_view(padded, self.weights.shape[:2], axis=(1, 2))
        return seen[:, :: self.stride, :: self.stride].transpose(0, 1, 2, 4, 5, 3)

    def unrolled(self) -> tuple[Layer, Array]:
        """The dense layer with a column for each neuron of each position, and which weight each of its synapses is."""
        _, height, width, c_in = self.times.shape
        n_in, n_weights = height * width * c_in, self.weights[..., 0].size
        c_out = self.weights.shape[3]
        inputs = self.windows(np.arange(n_in, dtype=float).reshape(1, height, width, c_in), -1.0)[0]
        positions = inputs.reshape(-1, n_weights).astype(int)
        which = np.full((n_in, len(positions)), -1)
        for i, seen in enumerate(positions):
            which[seen[seen >= 0], i] = np.flatnonzero(seen >= 0)
        matrix = np.vstack([self.weights.reshape(n_weights, c_out), np.zeros((1, c_out), self.weights.dtype)])
        dense = np.ascontiguousarray(matrix[which].reshape(n_in, -1))
        return Layer(self.times.reshape(len(self.times), -1), dense, self.circuit), which


@st.composite
def convolutions(draw: st.DrawFn) -> Conv:
    batch, height, width, c_in, c_out = (draw(st.integers(1, top)) for top in (2, 5, 5, 2, 3))
    padding = draw(st.integers(0, 2))
    k_h, k_w = (draw(st.integers(padding + 1, max(padding + 1, min(3, n + 2 * padding)))) for n in (height, width))
    return Conv(
        draw(arrays(np.float64, (batch, height, width, c_in), elements=spike_times)),
        draw(arrays(np.float64, (k_h, k_w, c_in, c_out), elements=synapses)),
        draw(circuits),
        draw(st.integers(1, 3)),
        padding,
    )


def some_conv(dtype: Any, *, shape: tuple[int, int, int, int] = (3, 9, 7, 3), stride: int = 1, c_out: int = 20) -> Conv:
    rng = np.random.default_rng(5)
    times = np.where(rng.random(shape) < 0.4, rng.integers(0, 20, shape) / 19, rng.random(shape))
    times[rng.random(shape) < 0.3] = np.inf
    weights = rng.normal(0.1, 0.5, (3, 3, shape[3], c_out))
    return Conv(times.astype(dtype), weights.astype(dtype), CIRCUIT, stride, 1)


@given(convolutions(), st.integers(0, 10**6))
def test_a_convolution_is_a_dense_layer_with_unrolled_weights(conv: Conv, seed: int) -> None:
    # Either may be off by the rounding of the dense layer, whose sums have as many or more terms: see Layer.rounding.
    v = charge_conv2d(conv.times, conv.weights, conv.circuit, **conv.options())
    dense, which = conv.unrolled()
    batch, c_out = len(v), v.shape[3]
    assert np.all(np.abs(v.reshape(batch, -1) - charge(*dense)) <= 2 * dense.rounding())

    grad_v = np.random.default_rng(seed).normal(size=v.shape)
    grad_times, grad_weights = charge_conv2d_vjp(*conv[:3], grad_v, **conv.options())
    flat = grad_v.reshape(batch, -1)
    wanted_times, wanted_weights = charge_vjp(*dense, flat)
    of_times, of_weights = resistive_rounding(dense, flat)
    assert np.all(np.abs(grad_times.reshape(batch, -1) - wanted_times) <= 2 * of_times)
    for i in range(conv.weights[..., 0].size):
        synapses_of = which == i
        for c in range(c_out):
            wanted, slack = (g.reshape(*which.shape, c_out)[synapses_of, c].sum() for g in (wanted_weights, of_weights))
            assert abs(grad_weights.reshape(-1, c_out)[i, c] - wanted) <= 2 * slack


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_neurons_of_a_position_have_the_bits_of_a_layer_over_its_window(dtype: Any, stride: int) -> None:
    conv = some_conv(dtype, stride=stride)
    rows = np.ascontiguousarray(conv.windows(conv.times, np.inf).reshape(-1, 27))
    v = charge_conv2d(conv.times, conv.weights, CIRCUIT, stride=stride, padding=1)
    np.testing.assert_array_equal(v.reshape(-1, 20), charge(rows, conv.weights.reshape(27, 20), CIRCUIT))


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_and_the_batch_change_no_bits(dtype: Any) -> None:
    conv = some_conv(dtype, shape=(20, 12, 12, 8), c_out=33)
    grad_v = np.random.default_rng(6).normal(size=(20, 12, 12, 33)).astype(dtype)
    v = charge_conv2d(*conv[:3], padding=1, threads=1)
    grad_times, grad_weights = charge_conv2d_vjp(*conv[:3], grad_v, padding=1, threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(charge_conv2d(*conv[:3], padding=1, threads=threads), v)
        again = charge_conv2d_vjp(*conv[:3], grad_v, padding=1, threads=threads)
        np.testing.assert_array_equal(again[0], grad_times)
        np.testing.assert_array_equal(again[1], grad_weights)
    np.testing.assert_array_equal(charge_conv2d(conv.times[3:5], *conv[1:3], padding=1), v[3:5])
    part = charge_conv2d_vjp(conv.times[3:5], *conv[1:3], grad_v[3:5], padding=1)
    np.testing.assert_array_equal(part[0], grad_times[3:5])


@pytest.mark.parametrize(("batch", "c_out"), [(0, 2), (2, 0)])
def test_there_may_be_no_images_or_no_columns(batch: int, c_out: int) -> None:
    times, weights = np.full((batch, 4, 4, 1), 0.5), np.ones((3, 3, 1, c_out))
    v = charge_conv2d(times, weights, CIRCUIT)
    assert v.shape == (batch, 2, 2, c_out)
    grad_times, grad_weights = charge_conv2d_vjp(times, weights, CIRCUIT, np.ones_like(v))
    assert (grad_times.shape, grad_weights.shape) == (times.shape, weights.shape)
    assert not grad_times.any() and not grad_weights.any()


def test_a_kernel_as_large_as_the_maps_is_a_dense_layer() -> None:
    conv = some_conv(np.float64)
    weights = np.random.default_rng(7).normal(size=(9, 7, 3, 4))
    v = charge_conv2d(conv.times, weights, CIRCUIT)
    np.testing.assert_array_equal(v[:, 0, 0], charge(conv.times.reshape(3, -1), weights.reshape(-1, 4), CIRCUIT))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 0}, "stride.*got 0"),
        ({"stride": 1.5}, r"stride.*got 1\.5"),
        ({"padding": 3}, "padding.*got 3"),
        ({"weights": np.ones((3, 3, 2, 1))}, r"weights must have shape \(k_h, k_w, 1, c_out\) to match times of shape"),
        ({"weights": np.ones((5, 3, 1, 1))}, "a kernel of 5 x 3 does not fit into maps of 4 x 4 with their padding"),
        ({"times": np.ones((4, 4))}, r"times.*got shape \(4, 4\)"),
        ({"threads": 0}, "threads.*got 0"),
    ],
)
def test_errors_name_the_value_and_what_was_expected(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"times": np.full((1, 4, 4, 1), 0.5), "weights": np.ones((3, 3, 1, 1))} | change
    with pytest.raises((TypeError, ValueError), match=message):
        charge_conv2d(circuit=CIRCUIT, **arguments)
    with pytest.raises((TypeError, ValueError), match=message):
        charge_conv2d_vjp(circuit=CIRCUIT, grad_v=np.ones((1, 2, 2, 1)), **arguments)


def test_a_gradient_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"grad_v.*got \(1, 2, 3, 1\)"):
        charge_conv2d_vjp(np.full((1, 4, 4, 1), 0.5), np.ones((3, 3, 1, 1)), CIRCUIT, np.ones((1, 2, 3, 1)))

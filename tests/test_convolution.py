"""Convolutions, against dense layers with the unrolled weights and against layers over the rows of each window."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import Array, Layer, circuits, resistive_rounding, spike_times, synapses

from rcspike import Circuit
from rcspike.functional import charge, charge_vjp
from rcspike.network import Conv2d, ResistiveLayer

DTYPES = [np.float32, np.float64]
CIRCUIT = Circuit(v_syn=2.0)


class Conv(NamedTuple):
    """A batch of maps of spike times (batch, height, width, c_in), and a kernel that moves over them."""

    times: Array
    weights: Array
    circuit: Circuit
    stride: int
    padding: int

    def layer(self) -> ResistiveLayer:
        k_h, k_w, c_in, c_out = self.weights.shape
        height, width = self.times.shape[1:3]
        maps = Conv2d((height, width, c_in), (k_h, k_w), stride=self.stride, padding=self.padding)
        return ResistiveLayer(self.weights.reshape(-1, c_out), self.circuit, maps)

    @property
    def inputs(self) -> Array:
        return self.times.reshape(len(self.times), math.prod(self.times.shape[1:]))

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
    v = conv.layer().charge(conv.inputs)
    dense, which = conv.unrolled()
    c_out = conv.weights.shape[3]
    assert np.all(np.abs(v - charge(*dense)) <= 2 * dense.rounding())

    grad_v = np.random.default_rng(seed).normal(size=v.shape)
    grad_times, grad_weights = conv.layer().charge_vjp(conv.inputs, grad_v)
    wanted_times, wanted_weights = charge_vjp(*dense, grad_v)
    of_times, of_weights = resistive_rounding(dense, grad_v)
    assert np.all(np.abs(grad_times - wanted_times) <= 2 * of_times)
    for i in range(conv.weights[..., 0].size):
        synapses_of = which == i
        for c in range(c_out):
            wanted, slack = (g.reshape(*which.shape, c_out)[synapses_of, c].sum() for g in (wanted_weights, of_weights))
            assert abs(grad_weights[i, c] - wanted) <= 2 * slack


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("circuit", [CIRCUIT, replace(CIRCUIT, injection=(0.01, -0.02))], ids=["plain", "injecting"])
def test_the_neurons_of_a_position_have_the_bits_of_a_layer_over_its_window(
    dtype: Any, stride: int, circuit: Circuit
) -> None:
    conv = some_conv(dtype, stride=stride)
    rows = np.ascontiguousarray(conv.windows(conv.times, np.inf).reshape(-1, 27))
    v = conv._replace(circuit=circuit).layer().charge(conv.inputs)
    np.testing.assert_array_equal(v.reshape(-1, 20), charge(rows, conv.weights.reshape(27, 20), circuit))


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_and_the_batch_change_no_bits(dtype: Any) -> None:
    conv = some_conv(dtype, shape=(20, 12, 12, 8), c_out=33)
    layer, grad_v = conv.layer(), np.random.default_rng(6).normal(size=(20, 12 * 12 * 33)).astype(dtype)
    v = layer.charge(conv.inputs, threads=1)
    grad_times, grad_weights = layer.charge_vjp(conv.inputs, grad_v, threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(layer.charge(conv.inputs, threads=threads), v)
        again = layer.charge_vjp(conv.inputs, grad_v, threads=threads)
        np.testing.assert_array_equal(again[0], grad_times)
        np.testing.assert_array_equal(again[1], grad_weights)
    np.testing.assert_array_equal(layer.charge(conv.inputs[3:5]), v[3:5])
    part = layer.charge_vjp(conv.inputs[3:5], grad_v[3:5])
    np.testing.assert_array_equal(part[0], grad_times[3:5])


def test_there_may_be_no_images() -> None:
    conv = some_conv(np.float64, shape=(0, 4, 4, 1), c_out=2)
    v = conv.layer().charge(conv.inputs)
    assert v.shape == (0, 4 * 4 * 2)
    grad_times, grad_weights = conv.layer().charge_vjp(conv.inputs, np.ones_like(v))
    assert grad_times.shape == (0, 16) and not grad_weights.any()


def test_a_kernel_as_large_as_the_maps_is_a_dense_layer() -> None:
    weights = np.random.default_rng(7).normal(size=(9, 7, 3, 4))
    conv = some_conv(np.float64)._replace(weights=weights, padding=0)
    np.testing.assert_array_equal(
        conv.layer().charge(conv.inputs), charge(conv.inputs, weights.reshape(-1, 4), CIRCUIT)
    )


def test_a_gradient_of_another_shape_is_an_error() -> None:
    conv = some_conv(np.float64)
    with pytest.raises(ValueError, match=r"grad_v.*\(3, 5\)"):
        conv.layer().charge_vjp(conv.inputs, np.ones((3, 5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 0}, "stride.*got 0"),
        ({"stride": 1.5}, r"stride.*got 1\.5"),
        ({"padding": 3}, "padding.*got 3"),
        ({"in_shape": (4, 4)}, r"in_shape.*got \(4, 4\)"),
    ],
)
def test_errors_of_a_convolution_name_the_value_and_what_was_expected(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"in_shape": (4, 4, 1)} | change
    with pytest.raises((TypeError, ValueError), match=message):
        Conv2d(**arguments)

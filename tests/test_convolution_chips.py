"""Convolutions on a chip: charges, activity, devices and SPICE, against dense layers with the unrolled weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import ngspice

from rcspike import Circuit, Network
from rcspike.chips import ComparatorOffset, Variation, WireResistance, program
from rcspike.energy import Columns, activity, columns_of
from rcspike.network import Conv2d
from rcspike.network.resistive_layer import ResistiveLayer
from rcspike.spice import compare_layer, compare_network, spike_time_errors


def dense_columns(layer: ResistiveLayer) -> np.ndarray:
    """Weights (n_in, n_membranes) of the membranes of all positions, one position after another."""
    wiring, n_columns = layer.wiring, layer.weights.shape[1]
    inputs = wiring.windows(np.arange(layer.n_in, dtype=np.float64)[np.newaxis])[0]
    columns = np.zeros((layer.n_in, len(inputs), n_columns))
    for position, rows in enumerate(inputs):
        for row, i in enumerate(rows):
            if np.isfinite(i):
                columns[int(i), position] += layer.weights[row]
    return columns.reshape(layer.n_in, -1)


@settings(max_examples=15)
@given(
    shape=st.tuples(st.integers(3, 6), st.integers(3, 6), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    seed=st.integers(0, 1000),
)
def test_charges_of_the_rails_are_those_of_the_unrolled_columns(shape, stride, padding, seed) -> None:
    rng = np.random.default_rng(seed)
    wiring = Conv2d(shape, (3, 2), stride, padding)
    layer = ResistiveLayer(rng.normal(size=(wiring.n_rows, 4)), Circuit(v_syn=1.5), wiring)
    times = np.where(rng.random((2, layer.n_in)) < 0.3, np.inf, rng.random((2, layer.n_in)))
    whole = ResistiveLayer(dense_columns(layer), layer.circuit)
    for found, expected in zip(layer.supply_charge(times), whole.supply_charge(times), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(layer.charge(times), whole.charge(times), atol=1e-13)


SHAPES = pytest.mark.parametrize("shape", [(6, 4), (7, 5)])  # the second one has pixels that fill no window


@SHAPES
def test_neurons_that_share_their_charge_have_the_charges_of_all_their_membranes(shape: tuple[int, int]) -> None:
    network = Network.create("conv4-pool-10", Circuit(v_syn=2.0), input_shape=shape, seed=1, dtype=np.float64)
    times = np.random.default_rng(2).random((3, shape[0] * shape[1]))
    pooled = network.layers[0]
    columns = pooled.neurons(np.arange(pooled.n_out))
    for found, of_columns in zip(pooled.supply_charge(times), columns.supply_charge(times), strict=True):
        np.testing.assert_allclose(found, of_columns, atol=1e-13)
    np.testing.assert_allclose(pooled.charge(times), columns.charge(times), atol=1e-13)
    assert columns.n_out == pooled.n_out


@SHAPES
def test_activity_counts_a_synapse_for_each_window_that_sees_a_spike(shape: tuple[int, int]) -> None:
    network = Network.create("conv4-pool-10", Circuit(v_syn=2.0), input_shape=shape, seed=1, dtype=np.float64)
    times = np.random.default_rng(2).random((3, shape[0] * shape[1]))
    times[:, ::3] = np.inf
    done = activity(network, times)
    columns = dense_columns(network.layers[0])
    np.testing.assert_array_equal(done.events[:, 0], np.isfinite(times) @ np.count_nonzero(columns, axis=1))
    np.testing.assert_array_equal(done.events[:, 1], 10 * done.spikes[:, 1])
    assert done.columns == (Columns(9, 6 * 4 * 4, 24), Columns(24, 10, 10))
    assert done.columns == tuple(map(columns_of, network.layers))
    of_columns = ResistiveLayer(columns, network.circuit).charge(times)  # each by its own op-amp, before they share
    np.testing.assert_allclose(done.q_net[:, 0], np.abs(of_columns).sum(axis=1), rtol=1e-12)


@SHAPES
def test_activity_of_joined_maps_counts_the_first_spike_of_each_window(shape: tuple[int, int]) -> None:
    text = "conv4-first-conv5-first-10"
    network = Network.create(text, Circuit(v_syn=2.0), input_shape=shape, seed=1, dtype=np.float64)
    times = np.random.default_rng(2).random((3, shape[0] * shape[1]))
    done = activity(network, times)
    height, width = shape[0] // 2, shape[1] // 2
    inputs = [result.times for result in network.walk(times)]
    maps = inputs[1].reshape(3, *shape, 4)[:, : 2 * height, : 2 * width] <= 1
    np.testing.assert_array_equal(done.gated[:, 1], maps.sum(axis=(1, 2, 3)))
    first = maps.reshape(3, height, 2, width, 2, 4).any(axis=(2, 4))
    np.testing.assert_array_equal(done.spikes[:, 1], first.sum(axis=(1, 2, 3)))
    lines = [[min(y + 2, n) - max(y - 1, 0) for y in range(n)] for n in (height, width)]  # windows of 3 that see each
    np.testing.assert_array_equal(done.events[:, 1], 5 * np.einsum("bijc,i,j->b", first, *lines))
    assert not done.gated[:, 0].any() and done.gated[:, 2].all()
    np.testing.assert_array_equal(done.events[:, 2], 10 * done.spikes[:, 2])


def test_a_perfect_chip_has_the_bits_of_its_network_and_varied_devices_those_of_their_weights() -> None:
    network = Network.create("conv4-pool-conv5-10", Circuit(v_syn=2.0), input_shape=(8, 8), seed=1)
    times = np.random.default_rng(2).random((3, 64), dtype=np.float32)
    np.testing.assert_array_equal(program(network, [], seed=0).forward(times), network.forward(times))
    chip = program(network, [Variation(sigma=0.2)], seed=0)
    weights = [(layer.plus - layer.minus).astype(np.float32) for layer in chip.layers]
    of_weights = Network(weights, network.circuit, wiring=[layer.wiring for layer in network.layers])
    np.testing.assert_allclose(chip.forward(times), of_weights.forward(times), atol=2e-6)
    assert not np.array_equal(chip.forward(times), network.forward(times))


def test_neurons_of_a_column_have_its_offset_at_every_position() -> None:
    network = Network.create("conv4-10", Circuit(v_syn=2.0), input_shape=(4, 4), seed=1, dtype=np.float64)
    layer = program(network, [ComparatorOffset(sigma=0.1)], seed=0).layers[0]
    times = np.random.default_rng(2).random((3, 16))
    v = network.layers[0].charge(times).reshape(3, 16, 4)
    np.testing.assert_allclose(layer.charge(times).reshape(3, 16, 4), v - layer.offset, atol=1e-14)


def test_wires_with_resistance_of_a_convolution_are_an_error_that_names_them() -> None:
    network = Network.create("conv4-10", Circuit(v_syn=2.0), input_shape=(4, 4), seed=1)
    with pytest.raises(ValueError, match="wires with resistance are not modelled for convolutions"):
        program(network, [WireResistance(resistance=0.01)], seed=0).forward(np.zeros((1, 16), np.float32))


@ngspice
def test_membranes_that_share_their_charge_agree_with_ngspice() -> None:
    network = Network.create("conv3-pool-conv4-first-5", Circuit(v_syn=2.0), input_shape=(5, 9), seed=3)
    times = np.random.default_rng(2).random(45)
    for layer in (1, 2):
        found = compare_layer(network, times, layer, neurons=range(0, network.layers[layer - 1].n_out, 5))
        assert np.sum(np.isfinite(found.t_out)) > 2
        np.testing.assert_allclose(found.v_spice, found.v, atol=2e-5)
        assert np.max(np.abs(spike_time_errors(found.t_out, found.t_out_spice))) < 2e-5
        assert found.energy_spice == pytest.approx(found.energy, rel=1e-4)
    whole = compare_network(network, times)
    np.testing.assert_allclose(whole[-1].v_spice, whole[-1].v, atol=2e-4)

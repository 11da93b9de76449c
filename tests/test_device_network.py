"""Networks of device pairs: the ideal ones have the network's bits, the others agree with D and G layer by layer."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from strategies import CIRCUITS, Array

from rcspike import Circuit, DeviceNetwork, DevicePairs, Network
from rcspike.functional import fire, schedule
from rcspike.network import spike_time_noise

DTYPES = [np.float32, np.float64]
SIZES = (40, 53, 37, 10)  # several tiles of any instruction set, the last not full


def random_times(batch: int, dtype: npt.DTypeLike = np.float64) -> Array:
    rng = np.random.default_rng(60)
    times = np.where(rng.random((batch, SIZES[0])) < 0.5, np.round(rng.random((batch, SIZES[0])), 1), np.inf)
    return times.astype(dtype)


def random_pairs(rng: np.random.Generator, n_in: int, n_out: int, dtype: npt.DTypeLike = np.float64) -> DevicePairs:
    """Both devices of each pair conduct, and voltages lie on both sides of rest and threshold."""
    plus, minus = (rng.exponential(2 / n_in, (n_in, n_out)).astype(dtype) for _ in range(2))
    drive0, conductance0, offset = (rng.normal(0, 0.1, n_out).astype(dtype) for _ in range(3))
    return DevicePairs(2 * plus, minus, drive0, np.abs(conductance0), offset)


def random_chip(circuit: Circuit, dtype: npt.DTypeLike = np.float64) -> DeviceNetwork:
    rng = np.random.default_rng(61)
    return DeviceNetwork([random_pairs(rng, n_in, n_out, dtype) for n_in, n_out in pairwise(SIZES)], circuit)


def drive_and_conductance(pairs: DevicePairs, circuit: Circuit) -> tuple[Array, Array]:
    """D and G by the definition of a pair."""
    plus, minus = pairs.plus.astype(np.float64), pairs.minus.astype(np.float64)
    D = plus * (1 - circuit.diode_drop / circuit.e_plus) - minus * (1 + circuit.diode_drop / circuit.e_minus)
    return D, plus / circuit.e_plus - minus / circuit.e_minus


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CIRCUITS)
def test_ideal_pairs_have_the_bits_of_the_network(name: str, dtype: npt.DTypeLike) -> None:
    network = Network.create(SIZES, CIRCUITS[name], seed=1, dtype=dtype)
    times = random_times(29, dtype)
    zeros = [np.zeros(n, dtype) for n in SIZES[1:]]
    for layers in (
        [DevicePairs.of_weights(w) for w in network.weights],
        [
            DevicePairs(np.maximum(w, 0), np.maximum(-w, 0), z, z, z)
            for w, z in zip(network.weights, zeros, strict=True)
        ],
    ):
        chip = DeviceNetwork(layers, network.circuit)
        assert chip.forward(times).tobytes() == network.forward(times).tobytes()
        np.testing.assert_array_equal(chip.predict(times), network.predict(times))


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_layer_of_pairs_is_the_affine_layer_of_its_drive_and_conductance(name: str) -> None:
    circuit, rng = CIRCUITS[name], np.random.default_rng(62)
    pairs = random_pairs(rng, 12, 5)
    times = random_times(3)[:, :12].copy()
    D, G = drive_and_conductance(pairs, circuit)
    expected = oracle.charge(times, D, G, pairs.drive0, pairs.conductance0) - pairs.offset
    # Some 13 intervals and sums of 13 numbers, each with a rounding of eps/2 relative to the voltages' reach, which is
    # at most the sum of all drives, about 6.
    np.testing.assert_allclose(DeviceNetwork([pairs], circuit).forward(times), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["strongly coupled", "asymmetric rails and a diode", "conventional"])
def test_layers_charge_and_fire_in_turn_with_their_offsets_and_noise(name: str, dtype: npt.DTypeLike) -> None:
    chip, t = random_chip(CIRCUITS[name], dtype), random_times(29, dtype)
    shifts = spike_time_noise(np.random.default_rng(63), 29, SIZES[1:], 0.1, np.dtype(dtype))
    for layer, shift in zip(chip.layers, shifts, strict=True):
        v = DeviceNetwork([layer.pairs], chip.circuit).forward(t)
        t = np.maximum(fire(v, chip.circuit) + shift, 0)
    np.testing.assert_array_equal(chip.forward(random_times(29, dtype), noise=0.1, seed=63), v - shifts[-1])


def test_an_offset_moves_the_threshold_and_with_it_who_is_silent_and_who_saturated() -> None:
    # One input at 0, conventional: the hidden voltages are the weights, the output adds up 1 - t of what spikes.
    v, offset = np.array([[-0.01, 0.01, 0.99, 1.01, 0.5]]), np.array([-0.02, 0.02, -0.02, 0.02, 0.1])
    hidden = DevicePairs(np.maximum(v, 0), np.maximum(-v, 0), offset=offset)
    chip = DeviceNetwork([hidden, DevicePairs.of_weights(np.eye(5))], Circuit.conventional())
    # The ramp goes up by 1 in the phase, so a neuron spikes if it starts less than 1 below its threshold.
    np.testing.assert_allclose(chip.forward(np.zeros((1, 1))), [[0.01, 0, 1, 0.99, 0.4]], rtol=0, atol=1e-15)


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_do_not_depend_on_threads_or_on_the_rest_of_the_batch(dtype: npt.DTypeLike) -> None:
    chip, times = random_chip(Circuit(), dtype), random_times(70, dtype)
    expected = chip.forward(times, threads=1)
    np.testing.assert_array_equal(chip.forward(times, threads=3), expected)
    np.testing.assert_array_equal(chip.forward(times[7:9].copy()), expected[7:9])


def test_a_pickled_chip_is_the_same_chip() -> None:
    chip, times = random_chip(Circuit(v_syn=2.0, ramp=0.2)), random_times(5)
    copy = pickle.loads(pickle.dumps(chip))
    assert (copy.sizes, copy.dtype, copy.circuit) == (chip.sizes, chip.dtype, chip.circuit)
    np.testing.assert_array_equal(copy.forward(times), chip.forward(times))


def one_layer(**changes: Any) -> DevicePairs:
    good = {
        "plus": np.ones((3, 2)),
        "minus": np.zeros((3, 2)),
        "drive0": np.zeros(2),
        "conductance0": np.zeros(2),
        "offset": np.zeros(2),
    }
    return DevicePairs(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plus": np.full((3, 2), math.nan)}, r"layers\[0\].plus\[0, 0\] must be finite"),
        ({"minus": np.full((3, 2), math.inf)}, r"layers\[0\].minus\[0, 0\] must be finite"),
        ({"plus": np.full((3, 2), 1e308)}, r"layers\[0\].plus\[0, 0\] is 1e\+308, too large"),
        ({"minus": np.zeros((2, 2))}, r"layers\[0\].minus must have shape \(3, 2\), got \(2, 2\)"),
        ({"plus": np.full((3, 2), -1.0)}, r"layers\[0\]\[0, 0\] are -1 and 0, a pair of negative conductance"),
        ({"drive0": np.zeros(3)}, r"drive0 must have shape \(2,\), got \(3,\)"),
        ({"drive0": np.full(2, math.nan)}, r"drive0\[0\] must be finite"),
        ({"conductance0": np.full(2, -1.0)}, r"conductance0\[0\] must not be negative, got -1"),
        ({"offset": np.full(2, math.inf)}, r"offset\[0\] must be finite"),
        ({"offset": np.zeros(1)}, r"offset must have shape \(2,\), got \(1,\)"),
        ({"plus": np.empty((0, 2)), "minus": np.empty((0, 2))}, r"layers\[0\].plus is empty, got shape \(0, 2\)"),
    ],
)
def test_impossible_pairs_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        DeviceNetwork([one_layer(**changes)], Circuit())


def test_a_conductance_of_zero_up_to_rounding_is_not_negative() -> None:
    # G = 0 on rails of 2.8 and -1.53: plus / 2.8 is -minus / 1.53, which no two numbers have to be exactly.
    plus = np.random.default_rng(64).random((30, 20))
    DeviceNetwork([DevicePairs(plus, -plus * 1.53 / 2.8)], Circuit(e_plus=2.8, e_minus=-1.53))


def test_layers_that_do_not_fit_each_other_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"^layers\[1\].plus.*got \(3, 2\)"):
        DeviceNetwork([one_layer(), one_layer()], Circuit())
    with pytest.raises(ValueError, match="at least one layer"):
        DeviceNetwork([], Circuit())
    with pytest.raises(TypeError, match=r"^minus.*got float32"):
        one_layer(minus=np.zeros((3, 2), np.float32))
    with pytest.raises(TypeError, match=r"^layers\[1\].plus.*got float32"):
        DeviceNetwork([one_layer(), DevicePairs.of_weights(np.ones((2, 2), np.float32))], Circuit())


def test_inputs_that_do_not_fit_the_chip_are_rejected() -> None:
    chip = DeviceNetwork([one_layer()], Circuit())
    with pytest.raises(ValueError, match=r"^times.*got \(5, 4\)"):
        chip.forward(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"^times.*got \(5, 4\)"):
        chip.forward(schedule(np.zeros((5, 4))))
    with pytest.raises(TypeError, match="the schedule is not of float64 times"):
        chip.forward(schedule(np.zeros((5, 3), np.float32)))
    with pytest.raises(ValueError, match=r"^times\[4, 1\] is -0\.5; spike times must be at least 0"):
        chip.forward(np.array([*np.zeros((4, 3)), [0.5, -0.5, 0.25]]))

"""Offset and slope of single neurons, found from their spikes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from rcspike import Circuit, PhysicalScale, functional, spice
from rcspike.chips import ComparatorOffset, RampMismatch, program
from rcspike.network import Network
from rcspike.spice import Measurements, calibrate_neurons, ramp_times

Array = npt.NDArray[np.float64]

SCALE = PhysicalScale()


def table(t: Array) -> Measurements:
    image, neuron = np.divmod(np.arange(t.size), t.shape[1])
    return Measurements(image, neuron, SCALE.seconds(t.ravel()))


def engine_times(n_images: int = 40, n_out: int = 6) -> Array:
    return np.random.default_rng(5).uniform(0.1, 0.9, size=(n_images, n_out))


def test_a_line_of_many_spikes_is_that_of_least_squares() -> None:
    t, rng = engine_times(), np.random.default_rng(6)
    real = 0.02 + 0.97 * t + rng.normal(0, 1e-3, size=t.shape)
    found = calibrate_neurons(table(real), t, SCALE)
    for i in range(t.shape[1]):
        slope, offset = np.polyfit(t[:, i], real[:, i], 1)
        # The assumed spread of slopes takes 1e-3 / (40 * 0.05) of the 3 % that they differ from 1 by.
        assert found.slope[i] == pytest.approx(slope, abs=3e-5)
        assert found.offset[i] == pytest.approx(offset, abs=3e-5)
    assert found.n.tolist() == [40] * 6


def test_one_spike_gives_an_offset_and_none_gives_nothing() -> None:
    t = np.array([[0.3, 0.5, np.inf, 0.0]])
    found = calibrate_neurons(table(np.array([[0.31, np.inf, np.inf, 0.0]])), t, SCALE)
    np.testing.assert_allclose(found.offset, [0.01, 0, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(found.slope, 1)
    assert found.n.tolist() == [1, 0, 0, 0]


def test_times_of_calibrated_neurons_are_clipped_to_the_phase() -> None:
    line = spice.NeuronCalibration(np.array([0.1, -0.1]), np.array([1.0, 1.0]), np.array([3, 3]))
    t = np.array([[0.5, 0.5], [0.95, 0.05], [np.inf, np.inf]])
    np.testing.assert_allclose(line.times(t), [[0.6, 0.4], [np.inf, 0.0], [np.inf, np.inf]])
    np.testing.assert_allclose(line.times(t[:, 1:], np.array([1])), line.times(t)[:, 1:])


def test_chips_with_scattered_ramps_and_comparators_are_calibrated_exactly() -> None:
    network = Network.create([30, 12], Circuit(v_syn=1.0), seed=3, dtype="float64")
    chip = program(network, [RampMismatch(sigma=0.03), ComparatorOffset(sigma=0.02)], seed=4)
    times = np.random.default_rng(7).uniform(0, 1, size=(300, 30))
    t = ramp_times(network.layers[0].charge(times), network.circuit)
    real = np.asarray(chip.layers[0].fire(chip.layers[0].charge(times)))
    found = calibrate_neurons(table(real), t, SCALE)
    known = found.n >= 20
    assert np.count_nonzero(known) >= 4
    layer = chip.layers[0]
    # What the class says of a chip's terms; 20 spikes leave the assumed spread a weight of 1e-3 in 0.2.
    np.testing.assert_allclose(1 / found.slope[known], layer.ramp_current[known], atol=1e-3)
    np.testing.assert_allclose((found.offset / found.slope)[known], layer.offset[known], atol=1e-3)
    # Spikes that only the faster ramp of the chip brings into the phase are there too.
    assert np.any((t > 1) & (real < 1))
    np.testing.assert_allclose(np.minimum(found.times(t), 1)[:, known], np.minimum(real, 1)[:, known], atol=1e-3)


@pytest.mark.parametrize("ramp", [0.0, 0.3, -0.5])
def test_ramps_reach_the_threshold_as_in_the_engine_and_do_not_end(ramp: float) -> None:
    circuit, v = Circuit(ramp=ramp, delay=0.02), np.linspace(-0.2, 1.2, 29)
    t, within = ramp_times(v, circuit), functional.fire(v[np.newaxis], circuit)[0]
    np.testing.assert_allclose(np.where(t > 1, np.inf, t), within, atol=1e-14)
    assert np.all(np.diff(t[v <= 1]) < 0)
    assert np.isinf(ramp_times(np.array([-3.0]), circuit))[0] == (ramp == -0.5)  # whose end is at 2
    with pytest.raises(ValueError, match=r"v.*got \d+ masked values"):
        ramp_times(np.ma.masked_greater(v, 1.0), circuit)


def test_measurements_that_do_not_fit_are_rejected() -> None:
    t = engine_times(2, 3)
    with pytest.raises(ValueError, match=r"neuron.*got 2"):
        calibrate_neurons(table(t), t[:, :2].copy(), SCALE)
    with pytest.raises(ValueError, match=r"image.*got 1"):
        calibrate_neurons(table(t), t[:1], SCALE)
    waves = Measurements(np.array([0]), np.array([0]), np.array([1e-7]), np.array([0.1]))
    with pytest.raises(ValueError, match="calibrated by spike times, but the measurements are voltages"):
        calibrate_neurons(waves, t, SCALE)

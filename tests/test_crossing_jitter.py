"""Noise of single-phase spikes: slopes at the crossing, and a Monte Carlo of a noisy membrane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rcspike import Circuit, Network
from rcspike.energy import crossing_jitter, operating_point
from rcspike.functional import crossing_slope, first_spike


def test_slopes_at_the_crossing_turn_a_shift_of_the_threshold_into_one_of_the_spike() -> None:
    """Central differences of spike times at thresholds 1 + d: rails and weights in units of these."""
    rng, d = np.random.default_rng(40), 1e-6
    times, weights = rng.random((40, 30)), rng.normal(0.15, 0.3, (30, 20))
    times[rng.random(times.shape) < 0.2] = np.inf

    def spikes(threshold: float) -> Any:
        circuit = Circuit(e_plus=2 / threshold, e_minus=-1.5 / threshold, diode_drop=0.1 / threshold)
        return first_spike(times, weights / threshold, circuit)

    later, earlier = spikes(1 + d), spikes(1 - d)
    slopes = crossing_slope(times, weights, Circuit(e_plus=2, e_minus=-1.5, diode_drop=0.1, delay=0.3))
    np.testing.assert_array_equal(np.isnan(slopes), np.isinf(spikes(1.0)))
    steep = np.isfinite(later) & np.isfinite(earlier) & (slopes > 0.1)
    assert steep.sum() > 200
    np.testing.assert_allclose((later[steep] - earlier[steep]) / (2 * d), 1 / slopes[steep], rtol=1e-6)


@pytest.mark.parametrize("v_n", [1e-3, 3e-3])
def test_jitter_is_that_of_a_noisy_membrane_and_comparator(v_n: float) -> None:
    """Euler and Maruyama: resistors of thermal noise that holds a membrane at kT/C, and a comparator of the same."""
    rng = np.random.default_rng(41)
    times, weights = np.sort(rng.random((1, 12))), rng.normal(0.2, 0.3, (12, 40))
    circuit, n, step = Circuit(v_syn=2.0), 600, 1e-3
    exact, slopes = first_spike(times, weights, circuit)[0], crossing_slope(times, weights, circuit)[0]
    sigma = np.hypot(v_n, v_n) / slopes
    # Where it is small, and no input comes so soon before or after the crossing that it changes the slope.
    apart = np.abs(times[0][:, np.newaxis] - exact).min(axis=0)
    chosen = np.flatnonzero((exact < 3) & (sigma < 0.02) & (apart > 4 * sigma))
    assert len(chosen) > 5
    w = weights[:, chosen]
    v, thresholds = rng.normal(0, v_n, (n, len(chosen))), 1 + rng.normal(0, v_n, (n, len(chosen)))
    spikes = np.full(v.shape, np.inf)
    for k in range(3500):
        on = (times[0] <= k * step) @ np.stack([w, np.abs(w) / 2], axis=1).reshape(12, -1)
        drive, conductance = on.reshape(2, -1)
        kick = np.sqrt(2 * conductance * step) * v_n * rng.normal(size=v.shape)
        after = v + (drive - conductance * v) * step + kick
        crossed = np.isinf(spikes) & (after >= thresholds)
        part = (thresholds - v) / np.where(crossed, after - v, 1)
        spikes[crossed] = ((k + part) * step)[crossed]
        v = after
    found = spikes.std(axis=0) / sigma[chosen]
    # 600 spikes give a standard deviation within 3 %; a walk across the threshold is counted when it first gets there.
    np.testing.assert_allclose(found, 1, atol=0.12)
    assert np.mean(found) == pytest.approx(1, abs=0.04)


def test_the_jitter_of_a_network_is_the_noise_of_its_process_over_its_slopes() -> None:
    network = Network.create([20, 15, 4], Circuit(v_syn=2.0), phases="single", seed=1, dtype=np.float64)
    times, point = np.random.default_rng(2).random((9, 20)), operating_point(network.circuit)
    hidden = first_spike(times, network.weights[0], network.circuit)
    expected = []
    for t, w in zip((times, hidden), network.weights, strict=True):
        farads = 140e-15 + len(w) * (0.233e-15 + 2 * 0.26e-15)
        volts = np.hypot(np.sqrt(1.380649e-23 * 300 / farads), 1e-3)
        slopes = crossing_slope(t, w, network.circuit)
        expected.append(volts / 0.436 / slopes[np.isfinite(slopes)])
    np.testing.assert_allclose(crossing_jitter(network, times, point), np.concatenate(expected), rtol=1e-12)
    with pytest.raises(ValueError, match="phases='two'"):
        crossing_jitter(Network.create([20, 4], Circuit(), seed=0), times, point)

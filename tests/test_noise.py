"""Gaussian noise of spike times: its distribution, and what it depends on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats

from rcspike import Circuit, Network
from rcspike.network import spike_time_noise

DTYPES = [np.float32, np.float64]


def drawn(seed: int, dtype: npt.DTypeLike, *, batch: int = 250, sigma: float = 0.05) -> list[npt.NDArray[np.float64]]:
    layers = spike_time_noise(np.random.default_rng(seed), batch, [400, 57], sigma, np.dtype(dtype))
    return [layer.astype(np.float64) for layer in layers]


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_is_normal_and_independent_of_place_layer_and_seed(dtype: npt.DTypeLike) -> None:
    first, second = drawn(1, dtype)
    assert scipy.stats.kstest(first.ravel() / 0.05, "norm").pvalue > 1e-4
    n = first.size
    for shift in (1, 16, 32, 400):
        assert abs(np.corrcoef(first.ravel()[shift:], first.ravel()[:-shift])[0, 1]) < 5 / np.sqrt(n)
    others = (second.ravel(), drawn(2, dtype)[0].ravel(), drawn(1, dtype)[1].ravel()[::-1])
    for other in others:
        size = min(n, other.size)
        assert abs(np.corrcoef(first.ravel()[:size], other[:size])[0, 1]) < 5 / np.sqrt(size)
    assert np.array_equal(first, drawn(1, dtype)[0])


def test_both_precisions_have_the_same_noise() -> None:
    for single, double in zip(drawn(3, np.float32), drawn(3, np.float64), strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_voltages_of_the_last_layer_move_by_its_noise(dtype: npt.DTypeLike) -> None:
    network = Network.create([30, 20], Circuit(), seed=0, dtype=np.dtype(dtype))
    times = np.random.default_rng(0).random((500, 30)).astype(dtype)
    moved = network.forward(times, noise=0.01, seed=4) - network.forward(times)
    assert scipy.stats.kstest(moved.ravel() / 0.01, "norm").pvalue > 1e-4

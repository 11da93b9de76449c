"""Accuracy of a dense single-phase network whose spikes have the noise of their own crossings.

python bench/crossing_noise.py runs/single mnist --noise-mv 1 0.34
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rcspike import Network, datasets
from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.energy import OperatingPoint, load_process, operating_point

CHUNK = 500  # samples whose slopes are computed at a time


def noisy_spikes(
    network: Network, times: FloatArray, point: OperatingPoint, rng: np.random.Generator
) -> Float64Array | FloatArray:
    """Output spike times (batch, n_out) in T: each spike of each layer moves by a noise over its slope."""
    for layer in network.layers:
        spikes, slopes = layer.first_spike(times), layer.crossing_slope(times)
        volts = point.spike_time_noise(layer.n_in, time=0.0) * rng.normal(size=slopes.shape)
        moved = np.maximum(spikes + np.divide(volts, slopes, where=np.isfinite(slopes), out=np.zeros_like(volts)), 0)
        times = moved.astype(network.dtype)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--noise-mv", type=float, nargs="+", default=[1.0, 0.34])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    network, test = Network.load(given.model / "model.safetensors"), datasets.load(given.dataset).test
    print(f"without noise: {100 * np.mean(network.predict(test.times) == test.labels):.2f} %")
    for mv in given.noise_mv:
        point = operating_point(network.circuit, load_process().with_values(comparator_noise=1e-3 * mv))
        one = point.spike_time_noise(network.layers[0].n_in, time=0.0)
        of_crossings, of_ramps = [], []
        for seed in range(given.seeds):
            rng = np.random.default_rng(seed)
            chunks = [test.times[i : i + CHUNK] for i in range(0, len(test.times), CHUNK)]
            spikes = np.concatenate([noisy_spikes(network, chunk, point, rng) for chunk in chunks])
            answers = np.where(np.isfinite(spikes).any(axis=1), spikes.argmin(axis=1), -1)
            of_crossings.append(100 * np.mean(answers == test.labels))
            of_ramps.append(100 * np.mean(network.predict(test.times, noise=one, seed=seed) == test.labels))
        print(
            f"{mv:g} mV: {np.mean(of_crossings):.2f} ± {np.std(of_crossings, ddof=1):.2f} % with the noise of each "
            f"crossing, {np.mean(of_ramps):.2f} ± {np.std(of_ramps, ddof=1):.2f} % with {one:.4f} T for all"
        )


if __name__ == "__main__":
    main()

"""Noise and offsets on the spikes of a batch in training."""

from __future__ import annotations

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.network import Network, spike_time_noise
from rcspike.training.settings import Settings


def spike_shifts(
    rng: np.random.Generator, batch: int, network: Network, settings: Settings, threads: int | None
) -> list[FloatArray]:
    """Spike-time noise plus the offsets of the neurons; the ramp, 1 V_th in T, converts V_th to T.

    The neurons of all positions of a convolution are those of one set of columns, as on a chip (`ChipLayer`).
    """
    shifts = spike_time_noise(rng, batch, network.sizes[1:], settings.noise, network.dtype, threads=threads)
    if settings.offset == 0:
        return shifts
    shifts = shifts or [np.zeros((batch, size), dtype=network.dtype) for size in network.sizes[1:]]
    sigma, real = network.dtype.type(settings.offset), network.dtype.type
    offsets = [sigma * rng.standard_normal(w.shape[1], dtype=real) for w in network.weights]
    return [
        shift + np.tile(offset, shift.shape[1] // len(offset)) for shift, offset in zip(shifts, offsets, strict=True)
    ]

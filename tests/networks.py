"""Networks and inputs that use every part of the neurons' range."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from strategies import Array

from rcspike import Circuit, Network

DTYPES = [np.float32, np.float64]


def random_times(shape: tuple[int, int], dtype: npt.DTypeLike = np.float64) -> Array:
    rng = np.random.default_rng(30)
    return np.where(rng.random(shape) < 0.4, rng.random(shape), np.inf).astype(dtype)


def spread_network(dtype: npt.DTypeLike = np.float64, circuit: Circuit | None = None) -> Network:
    """13-20-17-5 with voltages below 0, between 0 and 1, and above 1 in every layer."""
    rng = np.random.default_rng(31)
    sizes = [(13, 20), (20, 17), (17, 5)]
    return Network(
        [rng.normal(0.2, 1.5, size).astype(dtype) for size in sizes], circuit or Circuit(v_syn=2.0, ramp=0.3)
    )

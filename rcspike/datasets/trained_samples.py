"""Which samples a network was trained on: fingerprints of their inputs, as a file of its run."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.arrays import Float64Array
from rcspike._common.atomic_files import atomic_write
from rcspike._common.extras import missing_extra
from rcspike.datasets import npz_files

# Numbers of a fingerprint. With six, none of 10,000 unrelated samples is within the tolerance of one of 60,000 others
# but with a chance below one in a million, if the numbers spread over 0.3.
_SIZE = 6
# Of each number of a fingerprint, which changes by about as much as the inputs do (root mean square). Features that
# were stored in single precision change by 1e-7 to 1e-5, and an intensity of 8 bits by 4e-3.
_TOLERANCE = 1e-3
_CHUNK = 4096  # samples


@dataclass(frozen=True, eq=False)
class TrainedSamples:
    """Fingerprints of the samples that a network was trained on, without the samples.

    A fingerprint is a few weighted sums of the inputs 1 - t/T of a sample, which also finds it in a file of another
    precision.

    Parameters
    ----------
    fingerprints : (n, 6) float32
        Of the training samples of its run, those held out for validation included.
    earlier : (m, 6) float32, optional
        Of the samples on which the network was trained before its run; None if they are unknown.

    Examples
    --------
    >>> times = np.float32([[0.0, 0.5], [np.inf, 1.0], [0.2, 0.3]])
    >>> TrainedSamples.of(times[:2]).among(times)
    array([0, 1])
    """

    fingerprints: NDArray[np.float32]
    earlier: NDArray[np.float32] | None

    @classmethod
    def of(cls, times: NDArray[Any], start: TrainedSamples | None = None) -> TrainedSamples:
        """Those of a run with these training samples, (n, n_inputs) spike times in T.

        With `start`, the run began with a network that was trained on those.
        """
        found = np.unique(_fingerprints(times), axis=0)
        if start is None:
            return cls(found, found[:0])
        before = (
            None if start.earlier is None else np.unique(np.concatenate([start.fingerprints, start.earlier]), axis=0)
        )
        return cls(found, before)

    def among(self, times: NDArray[Any]) -> NDArray[np.int64]:
        """Positions of the samples, (n, n_inputs) spike times in T, that the network was trained on.

        An ImportError if SciPy is missing.
        """
        try:
            from scipy.spatial import cKDTree
        except ImportError as error:
            raise missing_extra("finding samples that were trained on needs SciPy", "cli") from error
        known = self.fingerprints if self.earlier is None else np.concatenate([self.fingerprints, self.earlier])
        distances, _ = cKDTree(known).query(_fingerprints(times), p=math.inf, distance_upper_bound=_TOLERANCE)
        return np.flatnonzero(np.isfinite(distances))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file, atomically."""
        arrays = {"fingerprints": self.fingerprints, **({} if self.earlier is None else {"earlier": self.earlier})}
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **{name: array.astype("<f4") for name, array in arrays.items()})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TrainedSamples:
        """Read the file of `save`.

        An OSError if it cannot be read; a ValueError if `save` cannot have written it.
        """
        arrays = npz_files.read_arrays(path, ("fingerprints", "earlier"))
        if "fingerprints" not in arrays:
            raise ValueError(f"{path} has no fingerprints of the samples that a network was trained on")
        for name, array in arrays.items():
            if array.dtype != np.dtype("<f4") or array.shape[1:] != (_SIZE,) or not np.isfinite(array).all():
                raise ValueError(
                    f"{path}: {name} must be finite float32 of shape (n, {_SIZE}), got {array.dtype} of shape "
                    f"{array.shape}"
                )
        return cls(arrays["fingerprints"], arrays.get("earlier"))


def _fingerprints(times: NDArray[Any]) -> NDArray[np.float32]:
    """Weighted sums of the inputs x = max(0, 1 - t) of each sample, (n, 6), with a variance of about that of x."""
    weights = _weights(times.shape[1])
    found = np.empty((len(times), _SIZE), dtype=np.float32)
    for i in range(0, len(times), _CHUNK):
        part = np.asarray(times[i : i + _CHUNK], dtype=np.float64)
        found[i : i + _CHUNK] = np.maximum(0.0, 1.0 - part) @ weights
    return found


def _weights(n_inputs: int) -> Float64Array:
    """Uniform numbers, the same on every machine and with every version of NumPy."""
    drawn = np.frombuffer(hashlib.shake_256(b"rcspike").digest(4 * n_inputs * _SIZE), dtype="<u4")
    return math.sqrt(3 / max(1, n_inputs)) * (drawn.reshape(n_inputs, _SIZE) / 2.0**31 - 1)

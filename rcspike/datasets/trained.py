"""Which samples a network was trained on: digests of their spike times, as a file of its run."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.atomic import atomic_write
from rcspike.datasets import archives

__all__ = ["TrainedSamples", "sample_digests"]

# Of a digest. Any two of 100,000 different samples have the same one with a chance of 1 in 3 billion.
_BYTES = 8
_DTYPE = np.dtype("<u8")


@dataclass(frozen=True, eq=False)
class TrainedSamples:
    """Digests of the samples that a network was trained on, without the samples.

    Parameters
    ----------
    digests : (n,) uint64
        Of the training samples of its run, those held out for validation included; different, in increasing order.
    earlier : (m,) uint64, optional
        Of other samples that the network was trained on before, from which its run started; None if they are unknown.

    Examples
    --------
    >>> times = np.float32([[0.0, 0.5], [np.inf, 1.0], [0.2, 0.3]])
    >>> TrainedSamples.of(times[:2]).among(times)
    array([0, 1])
    """

    digests: NDArray[np.uint64]
    earlier: NDArray[np.uint64] | None

    @classmethod
    def of(cls, times: NDArray[Any], start: TrainedSamples | None = None) -> TrainedSamples:
        """Those of a run with these training samples, (n, n_inputs) spike times in T.

        With `start`, the run began with a network that was trained on those.
        """
        digests = np.unique(sample_digests(times))
        if start is None:
            return cls(digests, digests[:0])
        before = None if start.earlier is None else np.setdiff1d(np.union1d(start.digests, start.earlier), digests)
        return cls(digests, before)

    def among(self, times: NDArray[Any]) -> NDArray[np.int64]:
        """Positions of the samples, (n, n_inputs) spike times in T, that the network was trained on."""
        known = self.digests if self.earlier is None else np.concatenate([self.digests, self.earlier])
        return np.flatnonzero(np.isin(sample_digests(times), known))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file, atomically."""
        arrays = {"digests": self.digests, **({} if self.earlier is None else {"earlier": self.earlier})}
        with atomic_write(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **{name: array.astype(_DTYPE) for name, array in arrays.items()})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TrainedSamples:
        """Read the file of `save`.

        Raises
        ------
        OSError
            If it cannot be read.
        ValueError
            If `save` cannot have written it.
        """
        arrays = archives.read_arrays(path, ("digests", "earlier"))
        if "digests" not in arrays:
            raise ValueError(f"{path} has no digests of the samples that a network was trained on")
        for name, array in arrays.items():
            if array.dtype != _DTYPE or array.ndim != 1 or (array[1:] <= array[:-1]).any():
                raise ValueError(
                    f"{path}: {name} must be digests, uint64 of shape (n,) in increasing order, got {array.dtype} of "
                    f"shape {array.shape}"
                )
        return cls(arrays["digests"], arrays.get("earlier"))


def sample_digests(times: NDArray[Any]) -> NDArray[np.uint64]:
    """A digest for each sample of `times`, (n, n_inputs) in T: 8 bytes of the SHA-256 of its float32 numbers.

    Examples
    --------
    >>> a, b, c = sample_digests(np.float32([[0.0, 0.5], [0.0, 0.5], [0.5, 0.0]])).tolist()
    >>> a == b, a == c
    (True, False)
    """
    samples = np.ascontiguousarray(times, dtype="<f4")
    found = b"".join(hashlib.sha256(sample).digest()[:_BYTES] for sample in samples)
    return np.frombuffer(found, dtype=_DTYPE).astype(np.uint64)

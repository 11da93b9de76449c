"""Shifted and mirrored images, drawn for every epoch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rcspike.datasets import Split
from rcspike.training.settings import Settings


class Augmentation:
    """Training images as an epoch sees them: each shifted, mirrored, or both, by chance (`max_shift`, `mirror`).

    Pixels that a shift brings in do not spike. A ValueError if the samples are rows of a table, or a shift moves an
    image out of its frame.

    Examples
    --------
    >>> split = Split(np.eye(3).reshape(1, 3, 3), np.array([0]))
    >>> moved = Augmentation(split, Settings(epochs=1, seed=0, max_shift=1))
    >>> moved.times(np.random.default_rng(0), np.array([0])).reshape(3, 3)
    array([[inf, inf, inf],
           [ 0., inf, inf],
           [inf,  0., inf]], dtype=float32)
    """

    def __init__(self, split: Split, settings: Settings) -> None:
        if split.is_table:
            raise ValueError("max_shift and mirror move images; these samples are rows of a table")
        n, height, width, *rest = split.images.shape
        if settings.max_shift >= min(height, width):
            raise ValueError(f"max_shift {settings.max_shift} moves images of {height} x {width} out of their frame")
        self._maps = split.times.reshape(n, height, width, rest[0] if rest else 1)
        self._shift, self._mirror = settings.max_shift, settings.mirror

    def times(self, rng: np.random.Generator, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Spike times (n, n_inputs) of some of the samples, in T."""
        found = np.full((len(samples), *self._maps.shape[1:]), np.inf, dtype=np.float32)
        shifts = rng.integers(-self._shift, self._shift + 1, (len(samples), 2)).tolist()
        mirrored = rng.random(len(samples)) < self._mirror
        for to, (down, right), turned, sample in zip(found, shifts, mirrored.tolist(), samples.tolist(), strict=True):
            image = self._maps[sample, :, ::-1] if turned else self._maps[sample]
            to[_inside(down), _inside(right)] = image[_inside(-down), _inside(-right)]
        return found.reshape(len(samples), -1)


def _inside(shift: int) -> slice:
    """Pixels along an axis that a shift has filled."""
    return slice(max(shift, 0), shift if shift < 0 else None)

"""Errors of programming, as published for real devices or measured by the user."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from rcspike._common.arrays import Float64Array
from rcspike._common.numbers import numbers, read_float
from rcspike._common.readers import naming, read_columns
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed
from rcspike.chips.effects.parameter_checks import NonNegative

# Largest conductance in uS, and the standard deviation in uS as a polynomial, lowest order first, in g / g_max.
_PUBLISHED: dict[str, tuple[float, tuple[float, ...]]] = {
    "pcm": (25.0, (0.26348, 1.9650, -1.1731)),
    "hermes": (20.7, (0.166, 4.718, -8.481, 4.690)),
    "rram": (40.0, (0.348, 16.030, -43.853, 45.393, -16.815)),
    "cmo-hfox-2": (90.0, (0.011, 0.01129 * 90.0)),
    "cmo-hfox-0.2": (90.0, (0.0008, 0.00107 * 90.0)),
}


@dataclass(frozen=True, kw_only=True)
class Programming(Fixed):
    """Gaussian error of programming whose size depends on the conductance, as published for a kind of device.

    Parameters
    ----------
    device : {"pcm", "hermes", "rram", "cmo-hfox-2", "cmo-hfox-0.2"}
        Phase-change memory; the HERMES chip's pairs of them; the resistive memory of Wan et al., Nature 608 (2022), 1 s
        after programming; CMO/HfOx programmed to a window of 2 % or 0.2 %.
    scale : float
        Factor on the published standard deviation.

    Notes
    -----
    The published polynomials in g / g_max, with g_max of 25, 20.7, 40 and 90 uS, as aihwkit's noise models have them;
    here they are taken relative to the g_max of the layer. Conductances end at 0.

    Examples
    --------
    >>> float(Programming(device="pcm").deviation(np.array(1.0)).round(4))  # of g_max, at g_max
    0.0422
    """

    device: str = "rram"
    scale: NonNegative = 1.0
    name: ClassVar[str] = "programming"
    size: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device not in _PUBLISHED:
            raise ValueError(f"programming: device must be one of {', '.join(_PUBLISHED)}, got {self.device!r}")

    def deviation(self, x: Float64Array) -> Float64Array:
        """Standard deviation over g_max at conductances x = g / g_max."""
        g_max, coefficients = _PUBLISHED[self.device]
        return np.asarray(self.scale / g_max * np.maximum(np.polynomial.Polynomial(coefficients)(x), 0))

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        def programmed(g: Float64Array) -> Float64Array:
            error = self.deviation(g / layer.g_max) * rng.standard_normal(g.shape)
            return np.maximum(g + layer.g_max * error, 0)

        return replace(layer, plus=programmed(layer.plus), minus=programmed(layer.minus))


@dataclass(frozen=True, kw_only=True)
class Measured(Fixed):
    """Measured programming errors of a user's devices, interpolated linearly between the measured points.

    Parameters
    ----------
    target : sequence of float
        Target conductances, increasing, in any unit; the last one is taken as g_max of every layer.
    mean, std : sequence of float
        Mean and standard deviation of the measured conductances, in the same unit.
    scale : float
        Factor on both errors, that of the mean and the scatter.

    Notes
    -----
    The columns may be arrays; they are kept as tuples of float.

    Examples
    --------
    >>> effect = Measured(target=(0.0, 50.0, 100.0), mean=(1.0, 50.0, 96.0), std=(1.0, 3.0, 4.0))
    >>> effect.is_absent
    False
    """

    target: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: NonNegative = 1.0
    name: ClassVar[str] = "measured"
    size: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("target", "mean", "std"):
            object.__setattr__(self, name, numbers(f"measured: {name}", getattr(self, name)))
        lengths = [len(column) for column in (self.target, self.mean, self.std)]
        if lengths[0] < 2 or len(set(lengths)) > 1:
            raise ValueError(f"measured: target, mean and std must be of one length, at least 2, got {lengths}")
        columns = np.array([self.target, self.mean, self.std])
        if not (np.isfinite(columns).all() and (np.diff(columns[0]) > 0).all() and columns[0][0] >= 0):
            raise ValueError("measured: targets must rise from 0 or above, and all values be finite")
        if (columns[2] < 0).any():
            raise ValueError(f"measured: std must not be negative, got {columns[2].min()}")

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], *, scale: float = 1.0) -> Measured:
        """Read a table with the columns target, mean and std.

        An OSError if it cannot be read; a ValueError if it is longer than 32 MiB, or a column is missing or holds
        something other than numbers.
        """
        columns = read_columns(path, dict.fromkeys(("target", "mean", "std"), read_float))
        with naming(path):
            return cls(**{name: tuple(column) for name, column in columns.items()}, scale=scale)

    def deviation(self, x: Float64Array) -> Float64Array:
        """Standard deviation over g_max at targets x = g / g_max."""
        return np.asarray(self.scale * np.interp(x, self._column(self.target), self._column(self.std)))

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        target = self._column(self.target)
        shift = self.scale * (self._column(self.mean) - target)

        def programmed(g: Float64Array) -> Float64Array:
            x = g / layer.g_max
            error = np.interp(x, target, shift) + self.deviation(x) * rng.standard_normal(g.shape)
            return np.maximum(g + layer.g_max * error, 0)

        return replace(layer, plus=programmed(layer.plus), minus=programmed(layer.minus))

    def _column(self, values: tuple[float, ...]) -> Float64Array:
        """A column as fractions of g_max."""
        return np.asarray(values, dtype=np.float64) / self.target[-1]

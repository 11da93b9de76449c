"""Features of any scale as intensities in [0, 1], and one or two inputs for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike._common.numbers import number

ScalingName = Literal["range", "standard", "quantile"]
SCALINGS: tuple[ScalingName, ...] = get_args(ScalingName)

MissingName = Literal["error", "median", "mean", "drop"]
MISSING_NAMES: tuple[MissingName, ...] = get_args(MissingName)

# For tables, chosen on validation splits of nine of them: docs/tabular-data.md.
TABLE_SCALING: ScalingName = "standard"
TABLE_COMPLEMENT = True

_DEVIATIONS = 2.5  # standard deviations on each side of the mean that "standard" keeps
_MAX_KNOTS = 65  # of "quantile": with more, a knot of a table of a few hundred rows would follow single rows


@dataclass(frozen=True, eq=False, repr=False)
class Scaling:
    """A map from features of any scale to the intensities of the inputs of a network.

    Each feature has knots, which increase: the first one is taken to 0, the last one to 1, and the others to equal
    steps between them; in between the map is linear, and values beyond the knots count as the first or last knot. The
    scaled feature x is one input; with `complement`, 1 - x is an input too, after those of all features. With
    `always_on`, one more input, the last one, is always at 1. A ValueError if the knots have another shape, are not
    finite or decrease.

    Parameters
    ----------
    knots : (n_knots, n_features)
        At least 2, in the unit of the feature. A feature with knots that are all equal is taken to 0, and its
        complement too.
    fill : (n_features,), optional
        The value of each feature in its unit that takes the place of a missing one, NaN.

    Examples
    --------
    >>> scaling = Scaling.fit(np.array([[0.0], [10.0], [5.0]]), "range", complement=True)
    >>> scaling
    Scaling(1 feature, 2 knots, 2 inputs)
    >>> scaling.apply(np.array([[2.5], [12.0]]))
    array([[0.25, 0.75],
           [1.  , 0.  ]], dtype=float32)
    """

    knots: npt.NDArray[np.float64]
    complement: bool = False
    always_on: bool = False
    fill: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        knots = np.array(self.knots, dtype=np.float64)
        if knots.ndim != 2 or len(knots) < 2 or knots.shape[1] == 0:
            raise ValueError(f"knots must have shape (n_knots, n_features), at least 2 knots, got {knots.shape}")
        if not np.isfinite(knots).all() or (knots[1:] < knots[:-1]).any():
            raise ValueError("knots must be finite, and those of a feature must not decrease")
        knots.setflags(write=False)
        object.__setattr__(self, "knots", knots)
        if self.fill is not None:
            fill = np.array(self.fill, dtype=np.float64)
            if fill.shape != knots.shape[1:] or not np.isfinite(fill).all():
                raise ValueError(f"fill must have shape {knots.shape[1:]} and be finite, got {fill.shape}")
            fill.setflags(write=False)
            object.__setattr__(self, "fill", fill)

    @classmethod
    def fit(
        cls,
        x: npt.NDArray[Any],
        name: ScalingName,
        *,
        complement: bool = False,
        always_on: bool = False,
        missing: Literal["median", "mean"] | None = None,
    ) -> Scaling:
        """The scaling of these samples.

        A ValueError if the name is unknown, the values of a feature are too large for a double, or all are missing.

        Parameters
        ----------
        x : (n_samples, n_features)
            Finite numbers, of the training samples alone.
        name : {"range", "standard", "quantile"}
            Knots at the minimum and the maximum; at 2.5 standard deviations below and above the mean; or at up to 65
            quantiles, so that every feature is spread evenly over [0, 1].
        missing : {"median", "mean"}, optional
            What of the values that a feature has takes the place of those that are NaN, here and in `apply`.
        """
        if name not in SCALINGS:
            raise ValueError(f"scaling must be one of {', '.join(SCALINGS)}, got {name!r}")
        x = np.asarray(x, dtype=np.float64)
        fill = None if missing is None else _fill(x, missing)
        if fill is not None:
            x = np.where(np.isnan(x), fill, x)
        with np.errstate(over="ignore", invalid="ignore"):
            if name == "range":
                knots = np.stack([x.min(axis=0), x.max(axis=0)])
            elif name == "standard":
                mean, reach = x.mean(axis=0), _DEVIATIONS * x.std(axis=0)
                knots = np.stack([mean - reach, mean + reach])
            else:
                n_knots = min(max(len(x), 2), _MAX_KNOTS)
                knots = np.maximum.accumulate(np.quantile(x, np.linspace(0, 1, n_knots), axis=0), axis=0)
            ranges = knots[-1] - knots[0]
        for i in np.flatnonzero(~np.isfinite(ranges))[:1].tolist():
            largest = np.abs(x[:, i]).max()
            raise ValueError(f"feature {i} has values up to {largest:g}, too large to be scaled: give it a larger unit")
        return cls(knots, complement=complement, always_on=always_on, fill=fill)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.knots.shape[1])

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the network."""
        return self.n_features * (1 + self.complement) + self.always_on

    def apply(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Intensities of the inputs for each sample.

        A ValueError if the number of features is another one, or a value is not finite.

        Parameters
        ----------
        x : (n_samples, n_features)

        Returns
        -------
        (n_samples, n_inputs) float32 in [0, 1]
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise ValueError(f"the features must have shape (n_samples, {self.n_features}), got {x.shape}")
        if self.fill is not None:
            x = np.where(np.isnan(x), self.fill, x)
        if not np.isfinite(x).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
            raise ValueError(f"feature {at[1]} of sample {at[0]} is {x[at]}: fill or remove missing values first")
        inputs = np.zeros((len(x), self.n_inputs), dtype=np.float32)
        varied = self.knots[-1] > self.knots[0]
        for i in np.flatnonzero(varied):
            inputs[:, i] = _position(x[:, i], self.knots[:, i])
        if self.complement:
            n = self.n_features
            inputs[:, n : 2 * n] = np.where(varied, 1 - inputs[:, :n], 0)
        if self.always_on:
            inputs[:, -1] = 1
        return inputs

    def header(self) -> dict[str, Any]:
        """These parameters as JSON values."""
        fill = None if self.fill is None else self.fill.tolist()
        return {
            "knots": self.knots.tolist(), "complement": self.complement, "always_on": self.always_on, "fill": fill
        }  # fmt: skip

    @classmethod
    def from_header(cls, header: Any) -> Scaling:
        """The scaling with these parameters; a ValueError if `header` cannot have returned them."""
        try:
            rows = [[number("knot", x) for x in row] for row in header["knots"]]
            complement, always_on, fill = header["complement"], header["always_on"], header.get("fill")
            fill = None if fill is None else np.array([number("fill", x) for x in fill])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"its scaling of features is missing or not valid: {error}") from error
        if type(complement) is not bool or type(always_on) is not bool or len({len(row) for row in rows}) != 1:
            raise ValueError("its scaling has rows of different lengths, or no flags")
        return cls(np.array(rows), complement=complement, always_on=always_on, fill=fill)

    def __repr__(self) -> str:
        features = f"{self.n_features} feature{'s' * (self.n_features > 1)}"
        return f"Scaling({features}, {len(self.knots)} knots, {self.n_inputs} inputs)"


def _fill(x: Float64Array, missing: Literal["median", "mean"]) -> Float64Array:
    """Median or mean of each feature over the values that it has."""
    for i in np.flatnonzero(np.isnan(x).all(axis=0))[:1].tolist():
        raise ValueError(f"feature {i} has no value in any training sample: leave it out")
    return np.asarray(np.nanmedian(x, axis=0) if missing == "median" else np.nanmean(x, axis=0))


def _position(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Where values lie among knots, from 0 to 1; a value on several equal knots lies in the middle of them."""
    steps = np.linspace(0, 1, len(knots))
    from_below = np.interp(x, knots, steps)
    from_above = -np.interp(-x, -knots[::-1], -steps[::-1])
    middle = (from_below + from_above) / 2
    return np.asarray(np.where(x <= knots[0], 0.0, np.where(x >= knots[-1], 1.0, middle)))

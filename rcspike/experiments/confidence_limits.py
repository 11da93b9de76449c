"""What few chips and few samples say of the accuracy that most chips have: its confidence limits.

SciPy is imported inside the functions, so that the package does without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["accuracy_limits", "proportion_limits"]


def proportion_limits(successes: float, n: int, *, confidence: float) -> tuple[float, float]:
    """One-sided confidence limits, the lower and the upper one, of a probability (Clopper and Pearson 1934).

    Parameters
    ----------
    successes : float
        How often it came true in `n` trials, from 0 to n; a mean over several counts need not be whole.
    confidence : float
        Probability that the true value is above the lower limit; and that it is below the upper one.

    Examples
    --------
    >>> [round(limit, 4) for limit in proportion_limits(100, 100, confidence=0.95)]
    [0.9705, 1.0]
    """
    from scipy.stats import beta

    low = 0.0 if successes <= 0 else float(beta.ppf(1 - confidence, successes, n - successes + 1))
    high = 1.0 if successes >= n else float(beta.ppf(confidence, successes + 1, n - successes))
    return low, high


def accuracy_limits(
    accuracies: Sequence[float], n_samples: int, *, chip_yield: float, confidence: float
) -> tuple[float, float]:
    """Confidence limits, the lower and the upper one, of the accuracy that a fraction `chip_yield` of all chips has.

    Parameters
    ----------
    accuracies : sequence of float
        Of two chips or more, on the same samples, in [0, 1].
    n_samples : int
        Number of these samples.

    Notes
    -----
    The accuracies of chips are taken to be normally distributed; n of them have a mean m and a standard deviation s.
    The limit of a quantile m - z s is m - k s, where k sqrt(n) is a quantile of the noncentral t distribution with
    n - 1 degrees of freedom (the tolerance limits of ISO 16269-6). All chips see the same samples, whose choice moves m
    by as much as one proportion out of `n_samples` varies. Both errors are independent: their distances from the
    estimate m - z s are added in squares.

    Examples
    --------
    >>> chips = [0.980, 0.981, 0.979, 0.980, 0.982]
    >>> [round(limit, 4) for limit in accuracy_limits(chips, 10_000, chip_yield=0.95, confidence=0.95)]
    [0.9747, 0.9809]
    """
    from scipy.stats import nct, norm

    n = len(accuracies)
    if n < 2:
        raise ValueError(f"accuracies must be those of two chips or more, got {n}")
    mean, spread = float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))
    z = float(norm.ppf(chip_yield))
    estimate = mean - z * spread
    of_samples = proportion_limits(mean * n_samples, n_samples, confidence=confidence)
    limits = []
    for level, limit in zip((confidence, 1 - confidence), of_samples, strict=True):
        k = float(nct.ppf(level, n - 1, z * math.sqrt(n))) / math.sqrt(n)
        distance = math.hypot((k - z) * spread, limit - mean)
        limits.append(min(max(estimate + math.copysign(distance, limit - mean), 0.0), 1.0))
    return limits[0], limits[1]

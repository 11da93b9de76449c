"""Weights of samples with which rare classes count as much as common ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array


def balanced_weights(labels: npt.NDArray[Any], sample_weights: Float64Array | None = None) -> Float64Array:
    """Weight n / (n_classes n_class) of each sample, (n,), by the number of samples of its class; their mean is 1.

    With weights of the samples, (n,), their sums take the places of the numbers. This is the "balanced" of
    scikit-learn, after King and Zeng 2001 (doi 10.1093/oxfordjournals.pan.a004868); a class without samples does not
    count.

    Examples
    --------
    >>> balanced_weights(np.array([0, 0, 0, 1])).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    _, places = np.unique(labels, return_inverse=True)
    sums = np.bincount(places, sample_weights)
    of_class: Float64Array = sums.sum() / (len(sums) * sums)
    return of_class[places]

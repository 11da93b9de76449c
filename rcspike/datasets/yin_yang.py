"""The Yin-Yang data set: points of a disc in three classes, drawn from their definition.

L. Kriener, J. Göltz, M. A. Petrovici, *The Yin-Yang dataset*, NICE 2022 (doi 10.1145/3517343.3517380, arXiv
2102.08211).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rcspike.datasets.feature_scaling import Scaling
from rcspike.datasets.splits import Dataset, Split

CLASSES = ("yin", "yang", "dot")

# Of the publication: radius of the disc, which touches the edges of the unit square, and of the two dots.
_DISC, _DOT = 0.5, 0.1
# Number of points and seed of the published splits.
_TRAIN, _TEST = (5000, 42), (1000, 40)


def load_yin_yang() -> Dataset:
    """The published training and test points, as a table of two features whose complements are inputs too."""
    scaling = Scaling(np.array([[0.0, 0.0], [1.0, 1.0]]), complement=True)
    points = [yin_yang_points(n, seed=seed) for n, seed in (_TRAIN, _TEST)]
    train, test = (Split(scaling.apply(xy), labels) for xy, labels in points)
    return Dataset("yin-yang", train, test, CLASSES, scaling, ("x", "y"))


def yin_yang_points(n: int, *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw points of the Yin-Yang data set, with every class as likely as the others.

    For each point a class is drawn, and then points of the unit square until one lies in this class. The random numbers
    are those of the published generator, so that its seeds give its points: 42 the 5,000 to train on, 41 the 1,000 for
    validation, and 40 the 1,000 to test on.

    Parameters
    ----------
    n : int
        Number of points.
    seed : int

    Returns
    -------
    points : (n, 2)
        x and y of each point, between 0 and 1.
    labels : (n,) int64
        Class of each point: 0 is yin, 1 is yang, and 2 is either of the two dots.

    Examples
    --------
    >>> points, labels = yin_yang_points(1000, seed=41)
    >>> points[0].round(3).tolist(), int(labels[0])
    ([0.681, 0.321], 0)
    """
    rng = np.random.RandomState(seed)  # whose numbers are the same in every version of NumPy (NEP 19)
    points, labels = np.empty((n, 2)), np.empty(n, dtype=np.int64)
    for i in range(n):
        labels[i] = rng.randint(len(CLASSES))
        while True:
            points[i] = rng.rand(2)
            if _class_of(*points[i].tolist()) == labels[i]:
                break
    return points, labels


def _class_of(x: float, y: float) -> int:
    """The class that a point of the square lies in; -1 outside of the disc."""
    if math.hypot(x - _DISC, y - _DISC) > _DISC:
        return -1
    # The centres of the two dots are those of the two half discs that bulge into the other colour.
    to_left, to_right = (math.hypot(x - at * _DISC, y - _DISC) for at in (0.5, 1.5))
    if min(to_left, to_right) < _DOT:
        return CLASSES.index("dot")
    return int(to_left <= _DISC / 2 or (y > _DISC and to_right > _DISC / 2))

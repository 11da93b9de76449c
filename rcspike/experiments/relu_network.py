"""An ordinary ReLU network of the same size, to compare with an RC-Spike network's accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rcspike._common.extras import missing_extra
from rcspike.datasets import Dataset, Split
from rcspike.functional import decayed_rate

__all__ = ["relu_accuracy"]


def relu_accuracy(
    dataset: Dataset,
    hidden: Sequence[int],
    *,
    seed: int,
    epochs: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    threads: int | None = None,
) -> float:
    """Test accuracy after the last epoch of scikit-learn's ``MLPClassifier``, trained on the same budget.

    It sees every training image as often as an RC-Spike network does, in batches of the same size, with Adam at a
    learning rate that falls to zero along the same cosine, epoch by epoch; its other settings are scikit-learn's own.

    Parameters
    ----------
    dataset : Dataset
    hidden : sequence of int
        Sizes of the hidden layers.
    seed, epochs, batch_size : int
    learning_rate : float
        That of the first epoch.
    threads : int, optional
        Number of threads of the matrix products; all cores by default.

    Returns
    -------
    float
        Test accuracy in [0, 1].

    Raises
    ------
    ImportError
        If scikit-learn is missing.

    Examples
    --------
    >>> from rcspike import datasets
    >>> relu_accuracy(datasets.load("digits"), [20], seed=0, epochs=20, batch_size=16) > 0.85
    True
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise missing_extra("the ReLU network is scikit-learn's", "sklearn") from error

    images, labels = _pixels(dataset.train), dataset.train.labels
    network = MLPClassifier(
        tuple(hidden),
        batch_size=batch_size,
        max_iter=1,
        warm_start=True,
        random_state=np.random.RandomState(seed),  # one for all epochs: a number would shuffle each in the same order
    )
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of every epoch but the last it is true
        for epoch in range(epochs):
            rate = decayed_rate(learning_rate, epoch, epochs)
            network.set_params(learning_rate_init=rate).fit(images, labels)
        accuracy: float = network.score(_pixels(dataset.test), dataset.test.labels)
    return accuracy


def _pixels(split: Split) -> npt.NDArray[np.float32]:
    """Intensities in [0, 1], (n, n_pixels)."""
    scale = 255 if split.images.dtype == np.uint8 else 1
    return split.images.reshape(len(split.images), -1).astype(np.float32) / np.float32(scale)

"""The accuracy of a network on labelled samples, and which classes it confuses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array
from rcspike.datasets import Dataset, Split
from rcspike.network import Conv2d, FirstSpike2d, LayeredNetwork

# Samples evaluated at a time: Ctrl-C is answered between two of them, and memory stays small.
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class ClassAccuracy:
    """How many samples of each class are read correctly, for data in which some classes are rare.

    Parameters
    ----------
    correct, samples : (n_classes,) int64
        Number of correct answers, and of all samples, of each class. A sample without an answer counts as wrong.

    Examples
    --------
    >>> found = ClassAccuracy.of(np.array([0, 0, 0, 1, 0]), np.array([0, 0, 0, 1, 1]), n_classes=2)
    >>> found.overall, found.balanced, found.worst, found.by_class
    (0.8, 0.75, 1, array([1. , 0.5]))
    """

    correct: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]

    @classmethod
    def of(cls, answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], n_classes: int) -> ClassAccuracy:
        """Those of answers (n,), -1 where there is none, to samples with these labels (n,)."""
        right = labels[answers == labels]
        return cls(np.bincount(right, minlength=n_classes), np.bincount(labels, minlength=n_classes))

    @classmethod
    def of_matrix(cls, matrix: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> ClassAccuracy:
        """Those of a `confusion_matrix` of the samples with these labels (n,)."""
        return cls(matrix.diagonal(), np.bincount(labels, minlength=len(matrix)))

    @property
    def overall(self) -> float:
        """Fraction of all samples that are read correctly; nan without samples."""
        n = int(self.samples.sum())
        return int(self.correct.sum()) / n if n else math.nan

    @property
    def by_class(self) -> Float64Array:
        """Accuracy of each class, (n_classes,); nan for a class without samples."""
        accuracies = np.full(len(self.samples), np.nan)
        np.divide(self.correct, self.samples, out=accuracies, where=self.samples > 0)
        return accuracies

    @property
    def balanced(self) -> float:
        """Mean of the accuracies of the classes that have samples, so that a rare one counts as much as a common one.

        It is scikit-learn's ``balanced_accuracy_score``; nan without samples.
        """
        there = self.by_class[self.samples > 0]
        return float(there.mean()) if len(there) else math.nan

    @property
    def worst(self) -> int:
        """The class with the lowest accuracy, the first one of several; a ValueError without samples."""
        return int(np.nanargmin(self.by_class))


def evaluate(
    network: LayeredNetwork, split: Split, *, noise: float = 0.0, seed: int = 0, threads: int | None = None
) -> float:
    """Accuracy of a network on a split, in [0, 1]; `noise` and its `seed` as in `Network.forward`.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If the network does not fit the data.

    Examples
    --------
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> split = Split(np.array([[[1.0, 0.5]], [[0.0, 0.5]]]), labels=np.array([0, 0]))
    >>> evaluate(network, split)
    0.5
    """
    check_fit(network, split)
    return accuracy(network, split, np.arange(len(split.labels)), noise, np.random.default_rng(seed), threads)


def confusion_matrix(
    network: LayeredNetwork, split: Split, *, noise: float = 0.0, seed: int = 0, threads: int | None = None
) -> npt.NDArray[np.int64]:
    """How often samples of each class are read as each class; its diagonal has the correct ones.

    Parameters
    ----------
    noise, seed, threads
        As in `evaluate`, with the same random numbers.

    Returns
    -------
    (n_classes, n_classes) int64
        Number of samples, by class along the rows and by predicted class along the columns. Samples that a single-phase
        network does not answer are not counted.

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If the network does not fit the data.

    Examples
    --------
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> split = Split(np.array([[[1.0, 0.5]], [[0.0, 0.5]]]), labels=np.array([0, 0]))
    >>> confusion_matrix(network, split)
    array([[1, 1],
           [0, 0]])
    """
    check_fit(network, split)
    samples = np.arange(len(split.labels))
    predicted = _predicted(network, split, samples, noise, np.random.default_rng(seed), threads)
    n, answered = network.sizes[-1], predicted >= 0
    cells = split.labels[answered] * n + predicted[answered]
    return np.bincount(cells, minlength=n * n).reshape(n, n)


def class_accuracy(
    network: LayeredNetwork, split: Split, *, noise: float = 0.0, seed: int = 0, threads: int | None = None
) -> ClassAccuracy:
    """Accuracy of a network on each class of a split; arguments and errors as in `evaluate`, with the same draws.

    Examples
    --------
    >>> network = Network([np.eye(2)], Circuit.conventional())
    >>> split = Split(np.array([[[1.0, 0.5]], [[0.0, 0.5]]]), labels=np.array([0, 0]))
    >>> class_accuracy(network, split).by_class
    array([0.5, nan])
    """
    check_fit(network, split)
    return accuracies(network, split, np.arange(len(split.labels)), noise, np.random.default_rng(seed), threads)


def accuracy(
    network: LayeredNetwork,
    split: Split,
    samples: npt.NDArray[np.int64],
    noise: float,
    rng: np.random.Generator,
    threads: int | None,
) -> float:
    """Fraction of some samples of a split that are classified as labelled; nan if there are none."""
    return accuracies(network, split, samples, noise, rng, threads).overall


def accuracies(
    network: LayeredNetwork,
    split: Split,
    samples: npt.NDArray[np.int64],
    noise: float,
    rng: np.random.Generator,
    threads: int | None,
) -> ClassAccuracy:
    """`class_accuracy` of some samples of a split."""
    predicted = _predicted(network, split, samples, noise, rng, threads)
    return ClassAccuracy.of(predicted, split.labels[samples], network.sizes[-1])


def chunks(n: int, rng: np.random.Generator) -> Iterator[tuple[slice, int]]:
    """Splits n samples into chunks that are evaluated at a time, each with its own noise seed."""
    for first in range(0, n, _CHUNK):
        yield slice(first, first + _CHUNK), int(rng.integers(2**63))


def _predicted(
    network: LayeredNetwork,
    split: Split,
    samples: npt.NDArray[np.int64],
    noise: float,
    rng: np.random.Generator,
    threads: int | None,
) -> npt.NDArray[np.int64]:
    predicted = np.empty(len(samples), dtype=np.int64)
    for chunk, seed in chunks(len(samples), rng):
        predicted[chunk] = network.predict(split.times[samples[chunk]], noise=noise, seed=seed, threads=threads)
    return predicted


def check_fit(network: LayeredNetwork, split: Split) -> None:
    """Raise an error if the network's inputs do not fit the images, or its outputs the classes."""
    if not isinstance(network, LayeredNetwork):
        found = type(network).__name__
        hint = "; the network comes first" if isinstance(split, LayeredNetwork) else ""
        raise TypeError(f"network must be a network such as rcspike.Network, got {found}{hint}")
    if isinstance(split, Dataset):
        raise TypeError("split must be a Split, got a Dataset: pass its part dataset.test or dataset.train")
    if not isinstance(split, Split):
        found = type(split).__name__
        raise TypeError(f"split must be a Split, got {found}: pass dataset.test, or rcspike.datasets.Split(x, y)")
    check_samples(network, split)
    n_out = network.sizes[-1]
    if split.labels.max() >= n_out:
        raise ValueError(f"the network has {n_out} outputs but the data have label {split.labels.max()}")


def check_samples(network: LayeredNetwork, split: Split) -> None:
    """Raise a ValueError if the samples have another number of inputs, or as images another shape than its maps."""
    n_in, shape = network.sizes[0], split.images.shape[1:]
    if math.prod(shape) != n_in:
        found = f"table has {shape[0]}" if split.is_table else f"images have {math.prod(shape)} pixels"
        raise ValueError(f"the network has {n_in} inputs but the {found}: pass data like those it was trained on")
    first = network.layers[0].wiring
    if split.is_table or not isinstance(first, Conv2d | FirstSpike2d):
        return
    maps = (*shape, 1)[:3]
    if maps != first.in_shape:
        wanted, found = (" x ".join(map(str, size)) for size in (first.in_shape, maps))
        raise ValueError(
            f"the network sees images of {wanted} (height, width, channels) but these are {found}: pass images like "
            "those it was trained on"
        )

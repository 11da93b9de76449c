"""Labelled images to train and test on: digits, MNIST, Fashion-MNIST, or a user's own arrays."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike._common.arrays import plain_array
from rcspike.datasets import idx
from rcspike.functional import encode

__all__ = ["Dataset", "Split", "load", "load_idx"]

_IDX = {source.name: source for source in (idx.MNIST, idx.FASHION_MNIST)}


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images and their classes: the training or the test half of a data set.

    The arrays are copied and read-only, so that ``times`` cannot fall out of step with ``images``.

    Parameters
    ----------
    images : (n, height, width)
        Pixel intensities: uint8 from 0 to 255, or floating point from 0 to 1 (kept as float32).
    labels : (n,)
        Class of each image, counted from 0; any integer type (kept as int64).

    Raises
    ------
    ValueError
        If there are no images, they have no three axes, there is not one label for each, a dtype
        does not fit, a pixel is NaN, masked or outside [0, 1], or a label is masked or negative.

    Examples
    --------
    >>> import numpy as np
    >>> split = Split(np.array([[[0, 51, 255]]], dtype=np.uint8), np.array([7]))
    >>> split
    Split(1 images of 1 x 3, uint8)
    >>> split.times
    array([[inf, 0.8, 0. ]], dtype=float32)
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        images, labels = plain_array("images", self.images), plain_array("labels", self.labels)
        if images.ndim != 3 or 0 in images.shape:
            raise ValueError(f"images must have shape (n, height, width), none of them 0, got {images.shape}")
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels must have shape {images.shape[:1]}, one for each image, got {labels.shape}")
        object.__setattr__(self, "images", _checked_images(images))
        object.__setattr__(self, "labels", _checked_labels(labels))

    @cached_property
    def times(self) -> NDArray[np.float32]:
        """Spike times (n, height * width) of the images in units of the window T, computed once.

        Intensity x in [0, 1] spikes at 1 - x; a black pixel never does (``inf``). See
        :func:`rcspike.functional.encode`.
        """
        times = np.asarray(encode(self.images), dtype=np.float32)
        times.setflags(write=False)
        return times

    def __repr__(self) -> str:
        n, height, width = self.images.shape
        return f"Split({n} images of {height} x {width}, {self.images.dtype})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split of the same kind of images.

    Parameters
    ----------
    name
        Name in reports and figures.
    train, test
        The two halves; their images must have the same height and width.

    Raises
    ------
    ValueError
        If the two halves differ in the size of their images.

    Examples
    --------
    >>> import numpy as np
    >>> images, labels = np.random.default_rng(0).random((6, 4, 4)), np.array([0, 1, 2, 0, 1, 2])
    >>> data = Dataset("noise", train=Split(images[:4], labels[:4]), test=Split(images[4:], labels[4:]))
    >>> data.n_classes
    3
    """

    name: str
    train: Split
    test: Split

    def __post_init__(self) -> None:
        train, test = self.train.images.shape[1:], self.test.images.shape[1:]
        if train != test:
            raise ValueError(f"test images must have the size of the training images, {train}, got {test}")

    @property
    def n_classes(self) -> int:
        """Number of classes, one more than the highest label of both splits."""
        return 1 + int(max(self.train.labels.max(), self.test.labels.max()))


def load(name: str, *, directory: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a data set by name, from a given folder or from the usual folders; if missing, it is downloaded once.

    ``digits`` (1,437 + 360 images of 8 x 8, split with a fixed seed so that every class keeps its
    fraction) ships with scikit-learn. ``mnist`` and ``fashion-mnist`` (60,000 + 10,000 images of
    28 x 28) are four IDX files each, plain or gzipped. If a directory is given, each file must be in
    ``directory/<name>`` or in ``directory``, and no other folder is used. Otherwise each file is taken
    from the first of these folders that has it: ``$RCSPIKE_DATA/<name>``, the user's cache,
    ``/usr/share/datasets/<name>``; a file that is in none of them is downloaded into the cache.
    Every file is checked against a known sha256 wherever it comes from, and no more of it is read than
    a file of that name may have.

    Parameters
    ----------
    name
        ``"digits"``, ``"mnist"`` or ``"fashion-mnist"``.
    directory
        The only folder to look in. ``digits`` needs none and ignores it.

    Returns
    -------
    Dataset
        Images as uint8; those of ``digits`` as float32 in [0, 1].

    Raises
    ------
    ValueError
        If the name is unknown, or a file that was found is damaged or not the one it should be.
    FileNotFoundError
        If a file is not in the given directory; without one, if it is in none of the folders and no mirror
        delivers it.
    ImportError
        If ``digits`` is asked for and scikit-learn is missing.

    Notes
    -----
    The user's cache and the download need pooch; without it both are left out.

    Sources: Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*;
    H. Xiao, K. Rasul, R. Vollgraf, arXiv 1708.07747 (Fashion-MNIST); scikit-learn's ``load_digits``.

    Examples
    --------
    >>> data = load("digits")
    >>> data
    Dataset(name='digits', train=Split(1437 images of 8 x 8, float32), test=Split(360 images of 8 x 8, float32))
    >>> data.n_classes, data.train.times.shape
    (10, (1437, 64))
    """
    if name == "digits":
        return _load_digits()
    if name not in _IDX:
        raise ValueError(f"unknown data set {name!r}: known are {', '.join(['digits', *_IDX])}")
    return load_idx(_IDX[name], directory=directory)


def load_idx(source: idx.Source, *, directory: str | os.PathLike[str] | None = None) -> Dataset:
    """Load the data set of four IDX files; where from, and the errors, as in `load`."""
    train_x, train_y, test_x, test_y = idx.read_files(source, directory)
    return Dataset(source.name, Split(train_x, train_y.astype(np.int64)), Split(test_x, test_y.astype(np.int64)))


def _checked_images(images: NDArray[Any]) -> NDArray[Any]:
    if images.dtype != np.uint8:
        if not np.issubdtype(images.dtype, np.floating):
            raise ValueError(f"images must be uint8 (0 to 255) or floating point (0 to 1), got {images.dtype}")
        wrong = ~((images >= 0) & (images <= 1))  # written so that NaN is wrong too
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(f"pixel {images[at]} at {at} is outside [0, 1]: divide by the full-scale intensity")
    return _frozen_copy(images, np.uint8 if images.dtype == np.uint8 else np.float32)


def _checked_labels(labels: NDArray[Any]) -> NDArray[Any]:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if (labels < 0).any():
        at = int(np.argmax(labels < 0))
        raise ValueError(f"label {labels[at]} at position {at} is negative: classes count from 0")
    if (labels > np.iinfo(np.int64).max).any():
        raise ValueError(f"label {labels.max()} is none of a class: they count from 0 without gaps")
    return _frozen_copy(labels, np.int64)


def _frozen_copy(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    copy = np.array(array, dtype=dtype, order="C")
    copy.setflags(write=False)
    return copy


def _load_digits() -> Dataset:
    # By name because scikit-learn is optional and untyped: mypy passes with it installed and without.
    try:
        bundled = importlib.import_module("sklearn.datasets").load_digits()
        split = importlib.import_module("sklearn.model_selection").train_test_split
    except ImportError as error:
        raise ImportError("digits comes with scikit-learn: pip install 'rcspike[data]'") from error
    images, labels = bundled.images / 16, bundled.target
    train_x, test_x, train_y, test_y = split(images, labels, test_size=360, random_state=0, stratify=labels)
    return Dataset("digits", Split(train_x, train_y), Split(test_x, test_y))

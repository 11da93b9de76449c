"""Data sets by name, or from the files of a user: the one place where a name or a path becomes a data set."""

from __future__ import annotations

import importlib
import os

import numpy as np

from rcspike._common.extras import missing_extra
from rcspike._common.name_checks import did_you_mean
from rcspike.datasets import cifar, idx
from rcspike.datasets.input_encoding import Inputs
from rcspike.datasets.path_options import OwnFiles
from rcspike.datasets.splits import Dataset, Split
from rcspike.datasets.user_files import data_digest, load_files
from rcspike.datasets.yin_yang import load_yin_yang

_IDX = {source.name: source for source in (idx.MNIST, idx.FASHION_MNIST)}


def load(
    name: str,
    *,
    directory: str | os.PathLike[str] | None = None,
    inputs: Inputs | None = None,
) -> Dataset:
    """Load a data set, by its name or from files of your own.

    A path is an ``.npz`` file with ``x_train``, ``y_train``, ``x_test`` and ``y_test``, or with ``x`` and ``y``; a CSV
    or Parquet file with a column of classes; a ``.ts`` file of series; a folder with a folder of images for each class;
    or a folder of IDX files. Options follow it after commas, such as
    ``wine.csv,label=cultivar,drop=id,date,test=0.25,seed=1``: docs/your-own-data.md describes all of them.

    A data set that is known by name is read from a given folder or from the usual folders; if missing, it is downloaded
    once.

    ``digits`` (1,437 + 360 images of 8 x 8, split with a fixed seed so that every class keeps its
    fraction) ships with scikit-learn. ``yin-yang`` (5,000 + 1,000 points of a plane, whose inputs are their
    coordinates and the complements of these) is drawn each time, the same points as published. ``cifar-10`` (50,000 +
    10,000 images of 32 x 32 in colour) is the archive of the binary version, its folder or these files; a pixel has
    three inputs, and only the archive is checked against a digest. ``mnist`` and ``fashion-mnist`` (60,000 + 10,000
    images of 28 x 28) are four IDX files each, plain or gzipped. If a directory is given, each file must be in
    ``directory/<name>`` or in ``directory``, and no other folder is used. Otherwise each file is taken
    from the first of these folders that has it: ``$RCSPIKE_DATA/<name>``, the user's cache,
    ``/usr/share/datasets/<name>``; a file that is in none of them is downloaded into the cache.
    Every IDX file is checked against a known sha256 wherever it comes from, and no more of it is read than
    a file of that name may have.

    Parameters
    ----------
    name
        ``"digits"``, ``"mnist"``, ``"fashion-mnist"``, ``"cifar-10"``, ``"yin-yang"``, or a path with options. A file
        that is called as one of these needs a path such as ``./digits``.
    directory
        The only folder to look in. ``digits``, ``yin-yang`` and paths need none and ignore it.
    inputs
        Of a network: features are scaled as for its training and found by their names, and classes have the numbers of
        its outputs.

    Returns
    -------
    Dataset
        Images as uint8; those of ``digits`` as float32 in [0, 1].

    Raises
    ------
    ValueError
        If the name is unknown, a file that was found is damaged, too long or not the one it should be, or the classes
        or features are not those of `inputs`.
    FileNotFoundError
        If a file is not in the given directory; without one, if it is in none of the folders and no mirror
        delivers it.
    ImportError
        If ``digits`` is asked for and scikit-learn is missing, or a folder of images and Pillow is missing.

    Notes
    -----
    The user's cache and the download need pooch; without it both are left out.

    Sources: Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*;
    H. Xiao, K. Rasul, R. Vollgraf, arXiv 1708.07747 (Fashion-MNIST); A. Krizhevsky, *Learning multiple layers of
    features from tiny images*, 2009 (CIFAR-10); L. Kriener, J. Göltz, M. A. Petrovici, arXiv 2102.08211 (Yin-Yang);
    scikit-learn's ``load_digits``.

    Examples
    --------
    >>> data = load("digits")
    >>> data
    Dataset(name='digits', train=Split(1437 images of 8 x 8, float32), test=Split(360 images of 8 x 8, float32))
    >>> data.n_classes, data.train.times.shape
    (10, (1437, 64))
    """
    if name not in data_names():
        check_path(name)
        return load_files(name, inputs)
    if name == "digits":
        loaded = _load_digits()
    elif name == "yin-yang":
        loaded = load_yin_yang()
    elif name == "cifar-10":
        loaded = load_cifar(cifar.CIFAR_10, directory=directory)
    else:
        loaded = load_idx(_IDX[name], directory=directory)
    if inputs is not None and loaded.class_names != inputs.classes:
        names = (", ".join(one)[:300] for one in (loaded.class_names, inputs.classes))
        raise ValueError("{} has the classes {}, but the network was trained on {}".format(name, *names))
    return loaded


def load_idx(source: idx.Source, *, directory: str | os.PathLike[str] | None = None) -> Dataset:
    """Load the data set of four IDX files; where from, and the errors, as in `load`."""
    train_x, train_y, test_x, test_y = idx.read_files(source, directory)
    return Dataset(source.name, Split(train_x, train_y.astype(np.int64)), Split(test_x, test_y.astype(np.int64)))


def load_cifar(source: cifar.Source, *, directory: str | os.PathLike[str] | None = None) -> Dataset:
    """Load CIFAR-10; where from, and the errors, as in `load`."""
    train_x, train_y, test_x, test_y = cifar.read_files(source, directory)
    splits = Split(train_x, train_y.astype(np.int64)), Split(test_x, test_y.astype(np.int64))
    return Dataset("cifar-10", *splits, classes=cifar.CLASSES)


def data_names() -> list[str]:
    """Names of the data sets that are known without a path.

    Examples
    --------
    >>> data_names()
    ['digits', 'mnist', 'fashion-mnist', 'cifar-10', 'yin-yang']
    """
    return ["digits", *_IDX, "cifar-10", "yin-yang"]


def data_digests(name: str) -> dict[str, str]:
    """The digest of a user's files as ``data_sha256``, by which results are recognised; empty for a name.

    The files of a data set that is known by name are verified when they are read.

    Examples
    --------
    >>> data_digests("digits")
    {}
    """
    if name in data_names():
        return {}
    check_path(name)
    return {"data_sha256": data_digest(name)}


def check_path(name: str) -> None:
    """Raise a ValueError that lists the known names if there is no file or folder at this path.

    Examples
    --------
    >>> check_path(".")
    """
    path = OwnFiles.of(name).path
    if not path.exists():
        known = ", ".join(data_names())
        hint = did_you_mean(name, data_names())
        raise ValueError(
            f"unknown data set {name!r}: known are {known}, and paths, but there is no file or folder {path}{hint}"
        )


def _load_digits() -> Dataset:
    # By name because scikit-learn is optional and untyped: mypy passes with it installed and without.
    try:
        bundled = importlib.import_module("sklearn.datasets").load_digits()
        split = importlib.import_module("sklearn.model_selection").train_test_split
    except ImportError as error:
        raise missing_extra("digits comes with scikit-learn", "data") from error
    images, labels = bundled.images / 16, bundled.target
    train_x, test_x, train_y, test_y = split(images, labels, test_size=360, random_state=0, stratify=labels)
    return Dataset("digits", Split(train_x, train_y), Split(test_x, test_y))

"""Labelled samples, images or rows of a table, as training and test splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from rcspike._common.arrays import plain_array
from rcspike._common.lazy import lazy
from rcspike._common.name_checks import check_names
from rcspike._common.readers import naming
from rcspike.datasets.data_frames import open_frame
from rcspike.datasets.feature_scaling import (
    MISSING_NAMES,
    TABLE_COMPLEMENT,
    TABLE_SCALING,
    MissingName,
    Scaling,
    ScalingName,
)
from rcspike.datasets.image_arrays import ChannelsName, as_intensities, channels_last, warn_if_dark
from rcspike.datasets.labels import class_names, indices_of, labels_of_texts
from rcspike.datasets.table_columns import TableColumns, read_known, read_labelled
from rcspike.datasets.table_options import TableOptions
from rcspike.functional import encode


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Samples and their classes: the training or the test part of a data set.

    The arrays are copied and read-only, so that ``times`` cannot fall out of step with ``images``.

    Parameters
    ----------
    images : (n, height, width), (n, height, width, channels) or (n, n_inputs)
        Intensities: uint8 from 0 to 255, or floating point from 0 to 1 (kept as float32). The channels of a pixel, such
        as red, green and blue, are inputs next to each other. A row of a table has the shape (n_inputs,).
    labels : (n,)
        Class of each image, counted from 0; any integer type (kept as int64).

    Raises
    ------
    ValueError
        If there are no images, they have another number of axes, there is not one label for each, a dtype does not fit,
        an intensity is NaN, masked or outside [0, 1], or a label is masked or negative.

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
        if images.ndim not in (2, 3, 4) or 0 in images.shape:
            raise ValueError(
                "images must have shape (n, height, width), (n, height, width, channels) or, for rows of a table, "
                f"(n, n_inputs), none of them 0, got {images.shape}"
            )
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels must have shape {images.shape[:1]}, one for each image, got {labels.shape}")
        object.__setattr__(self, "images", _checked_images(images))
        object.__setattr__(self, "labels", _checked_labels(labels))

    @lazy
    def times(self) -> NDArray[np.float32]:
        """Spike times (n, n_inputs) of the images in units of the window T, computed once.

        Intensity x in [0, 1] spikes at 1 - x; a black pixel never does (``inf``). See
        :func:`rcspike.functional.encode`.
        """
        times = np.asarray(encode(self.images), dtype=np.float32)
        times.setflags(write=False)
        return times

    @property
    def is_table(self) -> bool:
        """Whether the samples are rows of a table, and not images."""
        return self.images.ndim == 2

    def __repr__(self) -> str:
        n, *shape = self.images.shape
        kind = "rows" if self.is_table else "images"
        size = f"{shape[0]} inputs" if self.is_table else " x ".join(map(str, shape))
        return f"Split({n} {kind} of {size}, {self.images.dtype})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split of the same kind of samples.

    `Dataset.from_arrays` makes one from features of any scale and labels of any kind.

    Parameters
    ----------
    name
        Name in reports and figures.
    train, test
        The two splits; their images must have the same shape.
    classes : tuple of str, optional
        Name of each class, for tables and figures; by default its number.
    scaling : Scaling, optional
        How the intensities were made of the features of a table.
    columns : tuple of str, optional
        Names of these features.
    reading : mapping, optional
        How the files of a user were read: the options of a path with the values in force.
    table : TableColumns, optional
        Which columns of a user's table the features were made of.

    Raises
    ------
    ValueError
        If the two splits differ in the shape of their images, the test split has a class that the training split lacks,
        there is not one name for each class or column, or a name has a control character.

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
    classes: tuple[str, ...] = field(default=(), repr=False)
    scaling: Scaling | None = field(default=None, repr=False)
    columns: tuple[str, ...] = field(default=(), repr=False)
    reading: Mapping[str, Any] = field(default_factory=dict, repr=False)
    table: TableColumns | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_names("data set", [self.name])
        check_names("class", self.classes)
        check_names("column", self.columns)
        train, test = self.train.images.shape[1:], self.test.images.shape[1:]
        if train != test:
            raise ValueError(f"test images must have the size of the training images, {train}, got {test}")
        missing = np.setdiff1d(self.test.labels, self.train.labels)
        if len(missing):
            name = self.classes[missing[0]] if missing[0] < len(self.classes) else missing[0]
            raise ValueError(f"the test split has class {name}, which the training split lacks: move samples of it")
        n_classes = 1 + int(self.train.labels.max())
        if self.classes and len(self.classes) < n_classes:
            raise ValueError(f"{len(self.classes)} names of classes for {n_classes} classes")
        if self.scaling is not None and self.columns and len(self.columns) != self.scaling.n_features:
            raise ValueError(f"{len(self.columns)} names of columns for {self.scaling.n_features} features")
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def n_classes(self) -> int:
        """Number of classes, which is that of their names, or one more than the highest label."""
        return len(self.classes) or 1 + int(self.train.labels.max())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class, or its number."""
        return self.classes or tuple(map(str, range(self.n_classes)))

    @classmethod
    def from_arrays(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        test: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
        scaling: ScalingName | Scaling | None = None,
        complement: bool | None = None,
        missing: MissingName = "error",
        channels: ChannelsName | None = None,
        name: str = "own data",
        columns: Sequence[str] = (),
        classes: Sequence[str] | None = None,
    ) -> Dataset:
        """A data set of samples of any scale and labels of any kind.

        A ValueError if shapes, values or labels do not fit, or the test samples have a label that the training samples
        lack.

        Parameters
        ----------
        x : (n, n_features), (n, height, width) or (n, height, width, channels)
            Features of any scale, which `scaling` takes to [0, 1], NaN where a value is missing; or images: uint8,
            other integers from 0 to 255, or floating point from 0 to 1. Images keep their intensities. Series of one
            length (n, length) are rows of features, as are those of several channels (n, channels * length).
        y : (n,)
            Labels: whole numbers or strings. Their sorted values become the classes 0, 1, 2 and so on.
        test : (x, y), optional
            Samples to test on, which are not scaled by themselves: the scaling is that of the training samples.
        test_fraction : float
            Without `test`, the fraction of every class that is drawn at random to test on.
        seed : int
            Seed of this draw.
        scaling : {"range", "standard", "quantile"} or Scaling, optional
            How a table is taken to [0, 1]: see `Scaling.fit`; "standard" by default. Or the scaling that a network was
            trained with, which has a complement or not.
        complement : bool, optional
            Whether each scaled feature x has a second input 1 - x; True by default.
        missing : {"error", "median", "mean", "drop"}
            What becomes of missing features: an error, the median or the mean of the feature over the training
            samples, or the sample is left out.
        channels : {"first", "last"}, optional
            Where images have their channels, if they are (n, channels, height, width) or could be taken for these.
        columns : sequence of str, optional
            Names of the features of a table.
        classes : sequence of str, optional
            Names of the classes, in the order of a network's outputs; by default those of the labels.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(50, 10, (100, 3))
        >>> data = Dataset.from_arrays(x, np.where(x[:, 0] > 50, "high", "low"))
        >>> data.classes, data.train.images.shape
        (('high', 'low'), (80, 7))
        """
        if missing not in MISSING_NAMES:
            raise ValueError(f"missing must be one of {', '.join(MISSING_NAMES)}, got {missing!r}")
        x = channels_last(plain_array("x", x), channels)
        classes = class_names(y) if classes is None else tuple(classes)
        labels = indices_of(y, classes)
        if len(x) != len(labels):
            raise ValueError(f"there must be a label for each sample, got {len(x)} samples and {len(labels)} labels")
        if missing == "drop":
            x, labels = _whole(x, labels)
        if test is None:
            chosen, kept = seeded_split(labels, test_fraction, seed)
            train_x, test_x, train_y, test_y = x[chosen], x[kept], labels[chosen], labels[kept]
        else:
            train_x, test_x, train_y = x, channels_last(plain_array("test x", test[0]), channels), labels
            with naming("the test split does not fit the training split"):
                test_y = indices_of(test[1], classes)
            if missing == "drop" and len(test_x) == len(test_y):
                test_x, test_y = _whole(test_x, test_y)
        if x.ndim != 2:
            if scaling is not None or complement is not None:
                raise ValueError("images keep their intensities: scaling and complement are for tables")
            train_x, test_x = (as_intensities(some) for some in (train_x, test_x))
            warn_if_dark(train_x)
            return cls(name, Split(train_x, train_y), Split(test_x, test_y), classes)
        fitted = _fitted(train_x, scaling or TABLE_SCALING, complement, missing)
        train, held = Split(fitted.apply(train_x), train_y), Split(fitted.apply(test_x), test_y)
        return cls(name, train, held, classes, fitted, tuple(columns))

    @classmethod
    def from_table(
        cls,
        table: Any,
        *,
        label: str | None = None,
        drop: Sequence[str] = (),
        onehot: Sequence[str] = (),
        ordered: Mapping[str, Sequence[str]] | None = None,
        missing: MissingName = "error",
        test: Any = None,
        **options: Any,
    ) -> Dataset:
        """A data set of a table of pandas, polars or Arrow.

        Columns hold numbers; those that hold words need one of the options. Warns of columns that count the rows. A
        ValueError if options do not fit the table; one that lists all columns which need an option.

        Parameters
        ----------
        table : pandas.DataFrame, polars.DataFrame, pyarrow.Table
            A row for each sample.
        label : str, optional
            Column of the classes; by default one called label, class or target, otherwise the last one.
        drop : sequence of str
            Columns that are left out.
        onehot : sequence of str
            Columns of words, each of which becomes a feature of 0 and 1.
        ordered : mapping, optional
            Columns of words with an order, each with its words: they become 0, 1, 2 and so on.
        missing : {"error", "median", "mean", "drop"}
            As in `from_arrays`. Missing words are missing in all features of their column.
        test : table, optional
            Rows to test on, with the same columns.
        **options
            Others of `from_arrays`: `test_fraction`, `seed`, `scaling`, `complement` and `name`.

        Examples
        --------
        >>> import pandas as pd
        >>> table = pd.DataFrame({"size": [1, 2, 3, 4] * 5, "hue": ["red", "blue"] * 10, "kind": list("aabb") * 5})
        >>> data = Dataset.from_table(table, onehot=["hue"])
        >>> data.columns, data.classes
        (('size', 'hue=blue', 'hue=red'), ('a', 'b'))
        """
        chosen = TableOptions(label, drop, onehot, ordered or {}, missing)
        read = read_labelled(open_frame(table), chosen)
        y = labels_of_texts(read.labels, "the table")
        if test is not None:
            held = read_known(open_frame(test, "the table to test on"), read.columns, label)
            options["test"] = held.x, labels_of_texts(held.labels, "the table to test on")
        loaded = cls.from_arrays(read.x, y, missing=missing, columns=read.columns.features, **options)
        return replace(loaded, reading={"missing": missing}, table=read.columns)


def _whole(x: NDArray[Any], labels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The samples without a missing feature; a ValueError if a class has none left."""
    if x.dtype.kind != "f":
        return x, labels
    whole = ~np.isnan(x).any(axis=tuple(range(1, x.ndim)))
    if lost := sorted({*labels.tolist()} - {*labels[whole].tolist()}):
        raise ValueError(f"no sample of class {lost[0]} has all its features: with missing=drop none of it is left")
    return x[whole], labels[whole]


def _fitted(x: NDArray[Any], scaling: ScalingName | Scaling, complement: bool | None, missing: MissingName) -> Scaling:
    if x.dtype.kind not in "iubf" or 0 in x.shape:
        raise ValueError(f"a table must have shape (n, n_features) and hold numbers, got {x.dtype} {x.shape}")
    fills = scaling.fill is not None if isinstance(scaling, Scaling) else missing in ("median", "mean")
    wrong = np.isinf(x) if fills else ~np.isfinite(x)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        cure = "" if np.isinf(x[at]) else ", or choose what becomes of them: missing=median, mean or drop"
        raise ValueError(f"feature {at[1]} of a sample is {x[at]}: fill or remove missing values first{cure}")
    if isinstance(scaling, Scaling):
        if complement not in (None, scaling.complement):
            raise ValueError(f"complement is {complement}, but that of the given scaling is {scaling.complement}")
        return scaling
    chosen = TABLE_COMPLEMENT if complement is None else complement
    fill = missing if missing in ("median", "mean") else None
    return Scaling.fit(x, scaling, complement=chosen, always_on=True, missing=fill)


def _checked_images(images: NDArray[Any]) -> NDArray[Any]:
    if images.dtype != np.uint8:
        if not np.issubdtype(images.dtype, np.floating):
            raise ValueError(f"images must be uint8 (0 to 255) or floating point (0 to 1), got {images.dtype}")
        wrong = ~((images >= 0) & (images <= 1))  # written so that NaN is wrong too
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"pixel {images[at]} at {at} is outside [0, 1]: divide by the full-scale intensity, or make rows of "
                "series (n, channels, length) by x.reshape(len(x), -1), in an archive by an option such as window=64"
            )
    return _frozen_copy(images, np.uint8 if images.dtype == np.uint8 else np.float32)


def _checked_labels(labels: NDArray[Any]) -> NDArray[Any]:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if (labels < 0).any():
        at = int(np.argmax(labels < 0))
        raise ValueError(f"label {labels[at]} at position {at} is negative: classes count from 0")
    if (labels > np.iinfo(np.int64).max).any():
        raise ValueError(f"label {labels.max()} is too large; classes must be consecutive from 0")
    return _frozen_copy(labels, np.int64)


def _frozen_copy(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    copy = np.array(array, dtype=dtype, order="C")
    copy.setflags(write=False)
    return copy


def seeded_split(
    labels: npt.NDArray[np.int64], fraction: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions of the training and of the test samples, each in increasing order.

    Every class gives the same fraction of its samples to the test split, rounded, and keeps at least one for training.
    A ValueError if the fraction is not between 0 and 1, or leaves no test sample.

    Examples
    --------
    >>> train, test = seeded_split(np.array([0, 0, 0, 1, 1, 1]), 1 / 3, seed=0)
    >>> len(train), len(test)
    (4, 2)
    """
    if not 0 < fraction < 1:
        raise ValueError(f"the fraction of test samples must be above 0 and below 1, got {fraction:g}")
    rng = np.random.default_rng(seed)
    test = []
    for label in np.unique(labels):
        of_class = rng.permutation(np.flatnonzero(labels == label))
        test.append(of_class[: min(round(fraction * len(of_class)), len(of_class) - 1)])
    chosen = np.sort(np.concatenate(test))
    if len(chosen) == 0:
        raise ValueError(f"a fraction of {fraction:g} leaves no test sample of {len(labels)}: choose a larger one")
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen

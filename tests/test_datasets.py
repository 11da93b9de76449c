"""Data sets: their shapes and classes, arrays that cannot be one, and the sets that are known by name."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rcspike.datasets import Dataset, Split, idx, load
from rcspike.datasets.named_datasets import load_idx


def split_of(n: int, *, labels: list[int] | None = None) -> Split:
    return Split(np.zeros((n, 2, 2), np.uint8), np.array(labels if labels is not None else [0] * n))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_times_are_one_minus_the_intensity_and_black_never_spikes(dtype: type[Any]) -> None:
    levels = np.arange(256).reshape(4, 8, 8)
    images = levels.astype(np.uint8) if dtype is np.uint8 else (levels / 255).astype(dtype)
    times = Split(images, np.zeros(4, int)).times
    expected = 1 - levels.reshape(4, 64) / 255
    expected[levels.reshape(4, 64) == 0] = np.inf
    assert times.dtype == np.float32
    # Two roundings to float32 of numbers up to 1: the intensity and the difference.
    np.testing.assert_allclose(times, expected, rtol=0, atol=2 * float(np.finfo(np.float32).eps))


def test_times_are_computed_once() -> None:
    split = split_of(2)
    assert split.times is split.times


@pytest.mark.parametrize(("pixel", "label"), [(np.float32, np.int64), (np.float64, np.int32)])
def test_arrays_are_read_only_copies(pixel: type[Any], label: type[Any]) -> None:
    images, labels = np.zeros((2, 3, 3), pixel), np.array([0, 1], label)
    split = Split(images, labels)
    images[0, 0, 0], labels[0] = 1, 1
    assert split.images[0, 0, 0] == 0 and split.labels[0] == 0
    assert split.images.dtype == np.float32 and split.labels.dtype == np.int64
    for array in (split.images, split.labels, split.times):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros(4, np.uint8), [0, 1], r"images.*got \(4,\)"),
        (np.zeros((2, 4, 4, 3, 1), np.uint8), [0, 1], r"got \(2, 4, 4, 3, 1\)"),
        (np.zeros((0, 4, 4), np.uint8), [], r"got \(0, 4, 4\)"),
        (np.zeros((2, 4, 4), np.int64), [0, 1], "images.*got int64"),
        (np.full((2, 1, 1), 1.5), [0, 1], r"pixel 1.5 at \(0, 0, 0\) is outside \[0, 1\]"),
        (np.full((2, 1, 1), np.nan), [0, 1], "pixel nan"),
        (np.full((2, 1, 1), -0.25), [0, 1], "pixel -0.25"),
        (np.zeros((2, 4, 4), np.uint8), [0, 1, 2], r"labels.*got \(3,\)"),
        (np.zeros((2, 4, 4), np.uint8), [0.0, 1.0], "labels.*got float64"),
        (np.zeros((3, 4, 4), np.uint8), [0, 1, -3], "label -3 at position 2 is negative"),
        (np.zeros((1, 4, 4), np.uint8), np.array([2**63], np.uint64), "label 9223372036854775808 is too large"),
    ],
)
def test_unusable_arrays_are_rejected_by_name_and_value(images: NDArray[Any], labels: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Split(images, np.array(labels))


def test_a_test_split_with_a_class_that_training_lacks_is_rejected() -> None:
    with pytest.raises(ValueError, match="the test split has class 4, which the training split lacks"):
        Dataset("own", train=split_of(2, labels=[0, 1]), test=split_of(1, labels=[4]))
    with pytest.raises(ValueError, match="the test split has class b, which"):
        Dataset("own", train=split_of(2), test=split_of(1, labels=[1]), classes=("a", "b"))


def test_classes_are_those_of_the_training_split_or_of_their_names() -> None:
    train, test = split_of(2, labels=[0, 4]), split_of(1)
    assert Dataset("own", train=train, test=test).class_names == ("0", "1", "2", "3", "4")
    assert Dataset("own", train=train, test=test, classes=tuple("abcdef")).n_classes == 6
    with pytest.raises(ValueError, match="2 names of classes for 5 classes"):
        Dataset("own", train=train, test=test, classes=("a", "b"))


def test_images_of_two_sizes_are_rejected_as_a_data_set() -> None:
    with pytest.raises(ValueError, match=r"training images, \(2, 2\), got \(3, 2\)"):
        Dataset("own", train=split_of(2), test=Split(np.zeros((1, 3, 2)), np.array([0])))


def test_digits_is_split_once_and_for_all_and_in_proportion() -> None:
    pytest.importorskip("sklearn")
    data = load("digits")
    assert data.train.images.shape == (1437, 8, 8) and data.test.images.shape == (360, 8, 8)
    assert data.train.times.shape == (1437, 64) and data.n_classes == 10
    for split in (data.train, data.test):
        assert split.images.dtype == np.float32
        assert split.images.min() == 0 and split.images.max() == 1
    counts = np.stack([np.bincount(split.labels) for split in (data.train, data.test)])
    # A stratified share is exact up to the rounding to whole images.
    assert np.all(np.abs(counts[1] - counts.sum(axis=0) * 360 / 1797) < 1)
    np.testing.assert_array_equal(load("digits").test.images, data.test.images)
    # Pinned, so that a scikit-learn that splits differently is noticed.
    assert data.test.labels[:16].tolist() == [7, 6, 3, 7, 7, 3, 2, 8, 9, 3, 2, 6, 6, 4, 5, 8]


def test_digits_without_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'rcspike\[data\]'"):
        load("digits")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'emnist': known are digits, mnist, fashion-mnist"):
        load("emnist")


def test_every_mirror_is_asked_over_https() -> None:
    mirrors = [*idx.MNIST.mirrors, *idx.FASHION_MNIST.mirrors]
    assert len(mirrors) >= 4
    assert all(url.startswith("https://") and url.endswith("/") for url in mirrors)


@pytest.mark.parametrize(
    ("source", "mean"), [(idx.MNIST, 0.1307), (idx.FASHION_MNIST, 0.2860)], ids=["mnist", "fashion-mnist"]
)
def test_the_real_files_are_what_they_always_were(
    request: pytest.FixtureRequest, source: idx.Source, mean: float
) -> None:
    try:
        # In CI they are downloaded if need be.
        data = load(source.name) if request.config.getoption("--no-skips") else load_idx(replace(source, mirrors=()))
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert data.train.images.shape == (60000, 28, 28) and data.test.images.shape == (10000, 28, 28)
    assert data.n_classes == 10
    # The mean pixel these sets are everywhere normalised with, to the four digits it is quoted with.
    assert data.train.images.mean() / 255 == pytest.approx(mean, abs=5e-5)

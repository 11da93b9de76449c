"""The Yin-Yang data set: that its points are the published ones, and lie where their definition says."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, Network, datasets, train
from rcspike.datasets import Inputs, yin_yang_points
from rcspike.experiments import preset

# SHA-256 of x and y (float64) and of the classes (int64), in little-endian bytes, of the arrays that the authors
# publish as the data of their paper (github.com/lkriener/yin_yang_data_set, publication_data/*.npy).
PUBLISHED = {
    "train": (5000, 42, "b87ce72934ee640c", "534d12acda4f9dbc"),
    "validation": (1000, 41, "6a395d99dd913aa9", "5a4c2f605814a620"),
    "test": (1000, 40, "b03ad5fc113ab4bc", "daa0f8f4e3b37b1d"),
}


@pytest.mark.parametrize("split", PUBLISHED)
def test_the_points_are_those_that_the_authors_publish(split: str) -> None:
    n, seed, points_digest, labels_digest = PUBLISHED[split]
    points, labels = yin_yang_points(n, seed=seed)
    assert hashlib.sha256(points.astype("<f8").tobytes()).hexdigest().startswith(points_digest)
    assert hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest().startswith(labels_digest)


def test_the_data_set_has_the_published_splits_and_both_coordinates_with_their_complements() -> None:
    data = datasets.load("yin-yang")
    for split, name in ((data.train, "train"), (data.test, "test")):
        n, seed, *_ = PUBLISHED[name]
        points, labels = yin_yang_points(n, seed=seed)
        np.testing.assert_array_equal(split.labels, labels)
        np.testing.assert_allclose(split.images, np.hstack([points, 1 - points]), rtol=0, atol=1e-7)  # float32
        np.testing.assert_allclose(split.times, np.hstack([1 - points, points]), rtol=0, atol=2e-7)
    assert data.class_names == ("yin", "yang", "dot")


@given(seed=st.integers(0, 2**32 - 1))
def test_classes_are_equally_likely_and_those_of_the_symbol(seed: int) -> None:
    points, labels = yin_yang_points(300, seed=seed)
    x, y = (points - 0.5).T / 0.5  # of a disc of radius 1 around 0
    assert (x**2 + y**2 <= 1).all()
    to_dot = np.minimum(np.hypot(x - 0.5, y), np.hypot(x + 0.5, y))
    np.testing.assert_array_equal(labels == 2, to_dot < 0.2)
    # A turn by half exchanges the two colours: the point opposite to one of yin would be one of yang.
    lobe = np.where(np.hypot(x + 0.5, y) <= 0.5, 1, np.where(np.hypot(x - 0.5, y) <= 0.5, 0, y > 0))
    np.testing.assert_array_equal(labels[labels < 2], lobe[labels < 2])
    # Each count is binomial, with a standard deviation of 8.2.
    assert np.abs(np.bincount(labels, minlength=3) - 100).max() < 6 * 8.2


def test_new_points_are_scaled_as_those_of_the_data_set() -> None:
    times = Inputs.of(datasets.load("yin-yang")).times(np.array([[0.25, 1.0]]))
    np.testing.assert_allclose(times, [[0.75, 0.0, 0.25, np.inf]])


def test_a_few_epochs_beat_any_linear_classifier() -> None:
    """The authors report 64.3 % for a network without a hidden layer."""
    chosen = preset("yin-yang") | {"epochs": 5}
    network = Network.create([4, *chosen.pop("hidden"), 3], Circuit(v_syn=8.0), seed=0)
    assert train(network, datasets.load("yin-yang"), seed=0, **chosen).test_accuracy > 0.9

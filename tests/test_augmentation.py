"""Shifted and mirrored training images, against NumPy's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rcspike import Circuit, Network, train
from rcspike.datasets import Dataset, Split
from rcspike.training import Settings
from rcspike.training.augmentation import Augmentation


def some_images(n: int = 40, channels: int = 2) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.random((n, 7, 5, channels)), rng.integers(0, 3, n))


def test_every_image_is_a_shifted_and_mirrored_one() -> None:
    split = some_images()
    moved = Augmentation(split, Settings(epochs=1, seed=0, max_shift=2, mirror=0.5))
    samples = np.arange(40)
    found = moved.times(np.random.default_rng(1), samples).reshape(40, 7, 5, 2)
    seen = set()
    for one, image in zip(found, split.times.reshape(40, 7, 5, 2), strict=True):
        padded = [np.pad(x, ((2, 2), (2, 2), (0, 0)), constant_values=np.inf) for x in (image, image[:, ::-1])]
        match = [
            (y, x, i)
            for y in range(5)
            for x in range(5)
            for i in range(2)
            if np.array_equal(padded[i][y : y + 7, x : x + 5], one)
        ]
        assert len(match) == 1
        seen.add(match[0])
    assert {y for y, _, _ in seen} == {x for _, x, _ in seen} == set(range(5))
    assert {i for _, _, i in seen} == {0, 1}


def test_without_a_shift_only_sides_change() -> None:
    split = some_images()
    moved = Augmentation(split, Settings(epochs=1, seed=0, mirror=1.0))
    images = split.times.reshape(40, 7, 5, 2)
    found = moved.times(np.random.default_rng(1), np.array([3, 1]))
    np.testing.assert_array_equal(found.reshape(2, 7, 5, 2), images[[3, 1], :, ::-1])


def test_training_on_moved_images_resumes_with_the_same_bits(tmp_path: Path) -> None:
    data = Dataset("noise", train=some_images(), test=some_images(10))
    whole, first, resumed, plain = (Network.create([70, 6, 3], Circuit(v_syn=2.0), seed=0) for _ in range(4))
    arguments = {"seed": 4, "batch_size": 16, "decay": "constant", "max_shift": 1, "mirror": 0.5}
    train(whole, data, epochs=3, **arguments)
    train(first, data, epochs=1, checkpoint_path=tmp_path / "checkpoint", **arguments)
    train(resumed, data, epochs=3, checkpoint_path=tmp_path / "checkpoint", extend=True, **arguments)
    assert all(map(np.array_equal, resumed.weights, whole.weights))
    train(plain, data, epochs=3, **{**arguments, "max_shift": 0, "mirror": 0.0})
    assert not np.array_equal(plain.weights[0], whole.weights[0])


def test_rows_of_tables_and_large_shifts_are_errors() -> None:
    with pytest.raises(ValueError, match="max_shift and mirror move images"):
        Augmentation(Split(np.ones((2, 4)), np.array([0, 1])), Settings(epochs=1, seed=0, mirror=0.5))
    with pytest.raises(ValueError, match="max_shift 5 moves images of 7 x 5 out of their frame"):
        Augmentation(some_images(), Settings(epochs=1, seed=0, max_shift=5))
    with pytest.raises(ValueError, match=r"mirror is a probability and.*got 1\.5"):
        Settings(epochs=1, seed=0, mirror=1.5)
    with pytest.raises(ValueError, match=r"max_shift.*got -1"):
        Settings(epochs=1, seed=0, max_shift=-1)

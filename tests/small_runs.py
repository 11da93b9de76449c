"""A run small enough to be repeated dozens of times, and comparisons of two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import Circuit, History, Network, train
from rcspike.datasets import Dataset, Split
from rcspike.training import Progress

EPOCHS = 4


def made_up(n: int = 90, side: int = 3, classes: int = 3, *, seed: int = 40) -> Dataset:
    """Blurred templates, one for each class, as distinct images; a third of the pixels are black."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    images = rng.random((classes, side, side))[labels] + 0.3 * rng.standard_normal((n, side, side))
    images = np.clip(images - 0.3, 0, 1)
    cut = 2 * n // 3
    return Dataset("made up", Split(images[:cut], labels[:cut]), Split(images[cut:], labels[cut:]))


def small_network(dtype: npt.DTypeLike = np.float32, circuit: Circuit | None = None) -> Network:
    return Network.create([9, 7, 3], circuit or Circuit(), seed=1, dtype=dtype)


def run(network: Network, *, data: Dataset | None = None, **settings: Any) -> History:
    """Noise, penalty and a last batch that is smaller, unless passed otherwise."""
    defaults = {"epochs": EPOCHS, "seed": 3, "batch_size": 16, "noise": 0.02, "temporal_penalty": 0.01}
    return train(network, data or made_up(), **(defaults | settings))


def undisturbed(**settings: Any) -> tuple[Network, History]:
    network = small_network()
    return network, run(network, **settings)


def stopping_at(epoch: int, batch: int, error: type[BaseException] = KeyboardInterrupt) -> Callable[[Progress], None]:
    """A function for `progress` that stops the training at this batch."""

    def stop(at: Progress) -> None:
        if (at.epoch, at.batch) == (epoch, batch):
            raise error

    return stop


def assert_same_weights(one: Network, other: Network) -> None:
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def rows(history: History) -> list[dict[str, Any]]:
    """The rows of a history without the time they took; nan, which equals nothing, as None."""
    return [{k: None if v != v else v for k, v in epoch.row().items() if k != "seconds"} for epoch in history]

"""Labelled images to train and test on: digits, MNIST, Fashion-MNIST, or a user's own arrays."""

from rcspike.datasets.datasets import Dataset, Split, load

__all__ = [
    "Dataset",
    "Split",
    "load",
]

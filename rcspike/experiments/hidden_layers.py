"""Hidden layers of an experiment: their sizes, or an architecture in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from rcspike.datasets import Dataset
from rcspike.network import Wiring, parse_architecture
from rcspike.network.architecture import count_layers

__all__ = ["Hidden", "check_hidden", "count_hidden", "fan_ins", "hidden_text", "whole_network"]

Hidden: TypeAlias = tuple[int, ...] | str


def check_hidden(hidden: Any) -> Hidden:
    """Sizes of dense layers, or the text of an architecture such as ``conv16-pool-128``; otherwise a ValueError.

    Examples
    --------
    >>> check_hidden([200, 200]), check_hidden("conv16 - pool - 128")
    ((200, 200), 'conv16-pool-128')
    """
    if isinstance(hidden, str):
        count_layers(hidden)
        return hidden.replace(" ", "")
    if not isinstance(hidden, tuple | list) or any(not isinstance(n, int | np.integer) or n < 1 for n in hidden):
        raise ValueError(f"hidden must be sizes of layers, each at least 1, or an architecture, got {hidden!r}")
    return tuple(map(int, hidden))


def hidden_text(hidden: Hidden) -> str:
    """The layers in one line.

    Examples
    --------
    >>> hidden_text((200, 100))
    '200-100'
    """
    return hidden if isinstance(hidden, str) else "-".join(map(str, hidden))


def count_hidden(hidden: Hidden) -> int:
    """Number of hidden layers.

    Examples
    --------
    >>> count_hidden((200, 100)), count_hidden("conv16-pool-128")
    (2, 2)
    """
    return count_layers(hidden) if isinstance(hidden, str) else len(hidden)


def whole_network(hidden: Hidden, dataset: Dataset) -> tuple[list[int], list[Wiring]]:
    """Numbers of neurons from the inputs to the classes of a data set, and the wiring of each layer.

    Raises
    ------
    ValueError
        If an architecture does not fit the images, or ends in the layer of the classes, or the data set is a table.

    Examples
    --------
    >>> from rcspike import datasets
    >>> whole_network("conv16-pool-32", datasets.load("digits"))[0]
    [64, 256, 32, 10]
    """
    text, n_inputs, n_classes = hidden_text(hidden), dataset.train.times.shape[1], dataset.n_classes
    if not any(letter.isalpha() for letter in text):  # dense layers, of any inputs
        return parse_architecture("-".join([str(n_inputs), *([text] if text else []), str(n_classes)]))
    if dataset.train.is_table:
        raise ValueError(
            f"architecture {text!r} needs images, but {dataset.name} is a table: give dense layers, as 200,200, or "
            "samples of the shape (n, height, width)"
        )
    if text.endswith(f"-{n_classes}"):
        raise ValueError(
            f"architecture {text!r} names hidden layers only, and the layer for the {n_classes} classes of "
            f"{dataset.name} comes after them: leave out its -{n_classes}"
        )
    return parse_architecture(f"{text}-{n_classes}", dataset.train.images.shape[1:])


def fan_ins(sizes: Sequence[int], wiring: Sequence[Wiring]) -> list[int]:
    """Synapses of a column of each layer.

    Examples
    --------
    >>> fan_ins(*parse_architecture("conv16-pool-128-10", (28, 28)))
    [9, 3136, 128]
    """
    ends = zip(sizes, sizes[1:], wiring, strict=False)
    return [own.weight_shape(n_in, n_out)[0] for n_in, n_out, own in ends]

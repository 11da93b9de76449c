"""Labels of any kind as classes counted from 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import plain_array
from rcspike._common.numbers import read_floats

_MAX_LABEL = 100  # characters
_MAX_CLASSES = 1000  # of a data set whose labels count them: with more, it is more likely a column of numbers or names


def class_names(y: Any) -> tuple[str, ...]:
    """Names of the classes of these labels (n,), whole numbers, bools or strings, in the order of the labels.

    A ValueError if they have another shape or kind, or there are fewer than 2 classes or more than 1,000.
    """
    names = tuple(map(str, np.unique(_plain(y)).tolist()))
    if len(names) < 2:
        raise ValueError(f"there must be at least 2 classes, got {len(names)}: {', '.join(names) or 'no labels'}")
    if len(names) > _MAX_CLASSES:
        raise ValueError(
            f"there are {len(names):,} different labels, such as {names[0]!r} and {names[1]!r}, but at most "
            f"{_MAX_CLASSES:,} classes are possible: choose a column of classes as the label"
        )
    return names


def indices_of(y: Any, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The position of each label among the names of the classes, (n,); a ValueError if one is not among them."""
    names = np.array(list(map(str, _plain(y).tolist())))
    known = {name: i for i, name in enumerate(classes)}
    unknown = [name for name in dict.fromkeys(names.tolist()) if name not in known]
    if unknown:
        raise ValueError(f"label {unknown[0]!r} is not one of the classes {', '.join(classes[:20])}")
    return np.array([known[name] for name in names.tolist()], dtype=np.int64)


def labels_of_texts(texts: Sequence[str], source: object) -> npt.NDArray[Any]:
    """Labels (n,) as whole numbers if all of them are, so that 2 comes before 10; otherwise as strings.

    A ValueError that names the source if a label is longer than 100 characters, or a number with a fraction.
    """
    longest = max(texts, key=len)
    if len(longest) > _MAX_LABEL:
        raise ValueError(f"{source} has a label of {len(longest)} characters, but at most {_MAX_LABEL} are read")
    try:
        numbers = np.array(read_floats(texts))
    except ValueError:
        return np.array(texts)
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    if not whole.all():
        text = texts[int(np.argmin(whole))]
        raise ValueError(f"{source} has the label {text!r}, a number with a fraction: choose a column of classes")
    return numbers.astype(np.int64)


def _plain(y: Any) -> npt.NDArray[Any]:
    """Labels as whole numbers or strings; 1.0 is 1."""
    plain = plain_array("y", y)
    if plain.ndim != 1:
        raise ValueError(f"labels must have shape (n,), one for each sample, got {plain.shape}")
    if plain.dtype.kind == "f":
        wrong = ~(np.isfinite(plain) & (plain == np.floor(plain)) & (np.abs(plain) < 2**53))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(f"label {plain[at]} at position {at} is not a class: labels are whole numbers or strings")
        return plain.astype(np.int64)
    if plain.dtype.kind == "O" and all(type(label) is str for label in plain.tolist()):
        return plain.astype(str)
    if plain.dtype.kind not in "iubU":
        raise ValueError(f"labels must be whole numbers or strings, got {plain.dtype}")
    return plain

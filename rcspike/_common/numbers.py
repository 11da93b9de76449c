"""Numbers of any library, or in a text, as Python's own, so that equal ones print, compare and are stored alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from numbers import Real
from typing import Any, get_type_hints

import numpy as np

__all__ = ["check_count", "convert_numbers", "number", "numbers", "read_float", "read_floats", "read_int"]


def read_float(text: str) -> float:
    """The number that a text writes with the digits 0 to 9, such as -1.5e-3, inf or nan.

    `float` alone would also take 1_0 as 10, and the digits of all scripts.

    Raises
    ------
    ValueError
        If it is not one.
    """
    return float(_plain(text))


def read_floats(texts: Sequence[str]) -> list[float]:
    """Many of them at once, in half the time."""
    _plain("".join(texts))
    return list(map(float, texts))


def read_int(text: str) -> int:
    """The whole number that a text writes with the digits 0 to 9; errors as in `read_float`."""
    return int(_plain(text))


def _plain(text: str) -> str:
    if "_" in text or not text.isascii():
        raise ValueError(f"{text[:50]!r} is not a number: write it with the digits 0 to 9, without underscores")
    return text


def number(name: str, value: Any) -> float:
    """A real number as a float.

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is too large for a float.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a number below 1.8e308, the largest float") from None


def numbers(name: str, values: Any) -> tuple[float, ...]:
    """Real numbers in any sequence or array as a tuple of floats; errors as in `number`."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes) or getattr(values, "ndim", 1) != 1:
        raise TypeError(f"{name} must be a sequence of numbers, got {values!r}")
    return tuple(number(name, value) for value in values)


def check_count(name: str, value: Any, at_least: int) -> int:
    """A whole number as an int.

    Raises
    ------
    TypeError
        If it is not an int.
    ValueError
        If it is below `at_least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    return int(value)


def convert_numbers(options: Any) -> None:
    """Convert the fields of a frozen dataclass that are declared as float or int; errors as in `number`."""
    declared = get_type_hints(type(options))
    for name in [field.name for field in fields(options) if field.init]:
        value = getattr(options, name)
        if declared[name] is float:
            object.__setattr__(options, name, number(name, value))
        elif declared[name] is int:
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise TypeError(f"{name} must be an int, got {value!r}")
            object.__setattr__(options, name, int(value))

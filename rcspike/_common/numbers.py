"""Numbers of any library as Python's own, so that equal parameters print, compare and are stored alike."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

__all__ = ["number", "numbers"]


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

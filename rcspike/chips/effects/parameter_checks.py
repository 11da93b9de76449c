"""Validation of the parameters of an effect, and their conversion to plain values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rcspike._common.numbers import number

__all__ = ["check_choice", "take_flag", "take_number"]


def take_number(effect: Any, field: str, low: float, high: float = math.inf) -> None:
    """Make a field a float; raise an error if it is not a finite number from `low` to `high`."""
    value = number(f"{effect.name}: {field}", getattr(effect, field))
    if not (low <= value <= high and math.isfinite(value)):
        upper = "finite" if high == math.inf else f"at most {high:g}"
        raise ValueError(f"{effect.name}: {field} must be {upper} and at least {low:g}, got {value}")
    object.__setattr__(effect, field, value)


def take_flag(effect: Any, field: str) -> None:
    """Make a field a bool; raise an error if it is neither true nor false."""
    value = getattr(effect, field)
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{effect.name}: {field} must be true or false, got {value!r}")
    object.__setattr__(effect, field, bool(value))


def check_choice(effect: Any, field: str, choices: Any) -> None:
    """Raise an error if a field is not one of the given words."""
    value = getattr(effect, field)
    if value not in choices:
        raise ValueError(f"{effect.name}: {field} must be one of {', '.join(map(repr, choices))}, got {value!r}")

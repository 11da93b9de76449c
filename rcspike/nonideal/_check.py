"""What the parameters of an effect may be."""

from __future__ import annotations

import math
import sys
from typing import Any

__all__ = ["check_choice", "check_flag", "check_range"]


def check_range(effect: Any, field: str, least: float, greatest: float = math.inf) -> None:
    """Refuse a field that is no finite number from `least` to `greatest`."""
    value = getattr(effect, field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{effect.name}: {field} must be a number, got {value!r}")
    if not (least <= value <= min(greatest, sys.float_info.max)):
        upper = "finite" if greatest == math.inf else f"at most {greatest:g}"
        raise ValueError(f"{effect.name}: {field} must be {upper} and at least {least:g}, got {value}")


def check_flag(effect: Any, field: str) -> None:
    """Refuse a field that is neither true nor false."""
    value = getattr(effect, field)
    if not isinstance(value, bool):
        raise TypeError(f"{effect.name}: {field} must be true or false, got {value!r}")


def check_choice(effect: Any, field: str, choices: Any) -> None:
    """Refuse a field that is none of some words."""
    value = getattr(effect, field)
    if value not in choices:
        raise ValueError(f"{effect.name}: {field} must be one of {', '.join(map(repr, choices))}, got {value!r}")

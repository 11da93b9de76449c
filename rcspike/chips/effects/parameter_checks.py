"""Ranges that the fields of an effect declare, and the conversion of their values to plain ones."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints

import numpy as np

from rcspike._common.numbers import number


class Range(NamedTuple):
    """The finite numbers from `low` to `high`, as an annotation of a field."""

    low: float
    high: float = math.inf


NonNegative: TypeAlias = Annotated[float, Range(0)]
Share: TypeAlias = Annotated[float, Range(0, 1)]


def take_parameters(effect: Any) -> None:
    """Convert fields with a range to float and flags to bool; raise an error if a value is not one that they declare.

    A word must be one of those of a `Literal`. Other fields stay as they are.
    """
    for field, declared in _declared(effect.__class__).items():
        value = getattr(effect, field)
        kinds = [kind for kind in get_args(declared) if kind is not type(None)]
        if get_origin(declared) is Literal:
            if value not in kinds:
                raise ValueError(f"{effect.name}: {field} must be one of {', '.join(map(repr, kinds))}, got {value!r}")
        elif declared is bool:
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{effect.name}: {field} must be true or false, got {value!r}")
            object.__setattr__(effect, field, bool(value))
        elif value is not None and (metadata := getattr(kinds[0] if len(kinds) == 1 else declared, "__metadata__", ())):
            take_number(effect, field, *metadata[0])


def take_number(effect: Any, field: str, low: float, high: float = math.inf) -> None:
    """Make a field a float; raise an error if it is not a finite number from `low` to `high`."""
    value = number(f"{effect.name}: {field}", getattr(effect, field))
    if not (low <= value <= high and math.isfinite(value)):
        upper = "finite" if high == math.inf else f"at most {high:g}"
        raise ValueError(f"{effect.name}: {field} must be {upper} and at least {low:g}, got {value}")
    object.__setattr__(effect, field, value)


@cache
def _declared(kind: type) -> dict[str, Any]:
    try:
        hints = get_type_hints(kind, include_extras=True)
    except NameError:  # in a function, for example: such a class declares no ranges
        return {}
    return {field: hints[field] for field in kind.__dataclass_fields__ if field in hints}  # type: ignore[attr-defined]

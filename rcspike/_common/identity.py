"""Identity of values, as plain JSON and as a digest: it decides which files belong to a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["canonical", "digest", "plain"]


def plain(value: Any) -> Any:
    """Convert a value to JSON types without loss. Equal dataclasses of one class give equal results.

    Numbers of NumPy become Python's, tuples become lists. A dataclass becomes its class and the fields that it compares
    by, an array the digest of its bytes with dtype and shape.

    Raises
    ------
    TypeError
        If the value is, or holds, anything else: its text might not identify it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping) and all(type(name) is str for name in value):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and not np.ma.isMaskedArray(value):
        return {
            "array": hashlib.sha256(value.tobytes()).hexdigest(),
            "dtype": value.dtype.str,
            "shape": list(value.shape),
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return {"class": kind} | {f.name: plain(getattr(value, f.name)) for f in _fields(value)}
    raise TypeError(
        f"{value!r} of type {type(value).__name__} cannot be identified by its value; results are kept only for "
        "numbers, words, arrays, and sequences, mappings and dataclasses of them"
    )


def _fields(value: Any) -> Iterator[dataclasses.Field[Any]]:
    """Fields that a dataclass compares by, without later ones that have their default: what was stored before stays."""
    for one in dataclasses.fields(value):
        if one.compare and not (one.metadata.get("omit_default") and getattr(value, one.name) == one.default):
            yield one


def canonical(value: Any) -> str:
    """The same text for the same value, from its JSON too."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()

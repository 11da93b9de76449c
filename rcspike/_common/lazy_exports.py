"""Public names of a package that are imported when the first of them is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(package: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose public names are those of its module `_exports`."""

    def load() -> Any:
        return import_module(f"{package}._exports")

    def names() -> list[str]:
        return list(load().__all__)

    def get(name: str) -> object:
        if name == "__all__" or (not name.startswith("_") and name in names()):
            return getattr(load(), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, names

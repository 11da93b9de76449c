"""Chips with imperfect devices and neurons: programming, effects, calibration, and what training draws again."""

import typing as _typing

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.chips._exports import *  # noqa: F403
    from rcspike.chips.effects.registry import *  # noqa: F403
else:
    # Training needs one of these modules: the others, with all effects, are a fifth of the time of `import rcspike`.
    def __getattr__(name: str) -> object:
        if name == "__all__" or (not name.startswith("_") and name in __dir__()):
            return getattr(_load(), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load() -> object:
    from importlib import import_module

    return import_module("rcspike.chips._exports")


def __dir__() -> list[str]:
    names: list[str] = getattr(_load(), "__all__")  # noqa: B009
    return names

"""Energy and area: processes, circuits in volts and farads, joules of an inference, and conventional circuits."""

import typing as _typing

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.energy._exports import *  # noqa: F403
    from rcspike.energy._exports import __all__ as __all__
else:
    # `import rcspike` needs two of these modules: it is faster without the others.
    def __getattr__(name: str) -> object:
        if name == "__all__" or (not name.startswith("_") and name in __dir__()):
            return getattr(_load(), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load() -> object:
    from importlib import import_module

    return import_module("rcspike.energy._exports")


def __dir__() -> list[str]:
    names: list[str] = getattr(_load(), "__all__")  # noqa: B009
    return names

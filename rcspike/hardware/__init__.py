"""Hardware behind the weights: devices in training and as programmed, chips, calibration, processes and energy."""

import typing as _typing

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.hardware._names import *  # noqa: F403
    from rcspike.hardware._names import __all__ as __all__
else:
    # Training needs one of these modules, and `import rcspike` three: the others, with the effects of rcspike.nonideal
    # behind them, are a fifth of its time.
    def __getattr__(name: str) -> object:
        if name == "__all__" or (not name.startswith("_") and name in __dir__()):
            return getattr(_load(), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load() -> object:
    from importlib import import_module

    return import_module("rcspike.hardware._names")


def __dir__() -> list[str]:
    names: list[str] = getattr(_load(), "__all__")  # noqa: B009
    return names

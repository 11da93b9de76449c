"""Energy and area: processes, circuits in volts and farads, joules of an inference, and conventional circuits."""

import typing as _typing

from rcspike._common.lazy_exports import lazy_exports as _lazy_exports

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.energy._exports import *  # noqa: F403
    from rcspike.energy._exports import __all__ as __all__
else:
    __getattr__, __dir__ = _lazy_exports(__name__)

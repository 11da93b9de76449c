"""Many trainings or chips: grids of runs, studies of chips, where to run them, and their tables."""

import typing as _typing

from rcspike._common.lazy_exports import lazy_exports as _lazy_exports

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.experiments._exports import *  # noqa: F403
    from rcspike.experiments._exports import __all__ as __all__
else:
    __getattr__, __dir__ = _lazy_exports(__name__)

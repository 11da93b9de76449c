"""Figures: how a run learned, how its network computes, and its energy.

Functions whose names end in ``_figure`` return a ``matplotlib.figure.Figure``; they raise an ImportError if matplotlib
is missing. It is imported inside the functions, so that the package does without it, and its global state stays as it
is.
"""

import typing as _typing

from rcspike._common.lazy_exports import lazy_exports as _lazy_exports

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.plots._exports import *  # noqa: F403
    from rcspike.plots._exports import __all__ as __all__
else:
    __getattr__, __dir__ = _lazy_exports(__name__)

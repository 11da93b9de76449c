"""Chips with imperfect devices and neurons: programming, effects, calibration, and what training draws again."""

import typing as _typing

from rcspike._common.lazy_exports import lazy_exports as _lazy_exports

if _typing.TYPE_CHECKING:  # under another name, mypy would take __getattr__ for every name that is misspelt
    from rcspike.chips._exports import *  # noqa: F403
    from rcspike.chips.effects.registry import *  # noqa: F403
else:
    __getattr__, __dir__ = _lazy_exports(__name__)

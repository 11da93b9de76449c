"""Folders in which the files of a data set that is known by name are searched, and pooch, which fills one of them."""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path
from typing import Any

__all__ = ["cache_folder", "pooch", "usual_folders"]


def pooch() -> Any:
    """The module pooch; an ImportError that says how to install it."""
    # By name because pooch is optional and untyped: mypy passes with it installed and without.
    try:
        return importlib.import_module("pooch")
    except ImportError as error:
        raise ImportError("a download needs pooch: pip install 'rcspike[data]'") from error


def cache_folder(name: str) -> Path:
    """Folder of a data set in the user's cache; an ImportError without pooch."""
    return Path(pooch().os_cache("rcspike")) / name


def usual_folders(name: str, system_folder: Path) -> list[Path]:
    """``$RCSPIKE_DATA/<name>``, the user's cache, and the folder of this machine, in this order."""
    folders = []
    if root := os.environ.get("RCSPIKE_DATA"):
        folders.append(Path(root).expanduser() / name)
    # The cache exists only if pooch is installed, since only pooch fills it.
    with contextlib.suppress(ImportError):
        folders.append(cache_folder(name))
    return [*folders, system_folder]

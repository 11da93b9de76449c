"""Folders in which the files of a data set that is known by name are searched, and pooch, which fills one of them."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rcspike._common.extras import missing_extra


def pooch() -> Any:
    """The module pooch; an ImportError that says how to install it."""
    # By name because pooch is optional and untyped: mypy passes with it installed and without.
    try:
        return importlib.import_module("pooch")
    except ImportError as error:
        raise missing_extra("a download needs pooch", "data") from error


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


def not_found(name: str, missing: str, folders: Sequence[Path], tries: Sequence[str]) -> FileNotFoundError:
    """The error for a data set that is in none of the folders, after the downloads failed as `tries` say.

    Examples
    --------
    >>> print(not_found("mnist", "train-images-idx3-ubyte", [Path("data")], ["https://host: no route to host"]))
    mnist not found, and its download failed
      missing: train-images-idx3-ubyte
      looked in: data
      tried: https://host: no route to host
      way out: put the files of mnist into such a folder, or into mnist/ in a folder that RCSPIKE_DATA names
    """
    lines = (
        f"{name} not found, and its download failed",
        f"missing: {missing}",
        *(f"looked in: {folder}" for folder in folders),
        *(f"tried: {one}" for one in tries),
        f"way out: put the files of {name} into such a folder, or into {name}/ in a folder that RCSPIKE_DATA names",
    )
    return FileNotFoundError("\n  ".join(lines))


def cause(error: BaseException) -> str:
    """Why a download failed, in a few words: what lies at the root of the errors of the HTTP client.

    Examples
    --------
    >>> try:
    ...     raise ConnectionError("Max retries exceeded with url") from OSError(113, "No route to host")
    ... except ConnectionError as error:
    ...     cause(error)
    'No route to host'
    """
    below = [error.__cause__, getattr(error, "reason", None), *error.args[:1], error.__context__]
    root = next((one for one in below if isinstance(one, BaseException)), None)
    if root is not None:
        return cause(root)
    return (getattr(error, "strerror", None) or str(error)).partition(" for url")[0]

"""Options that commands share, and what their defaults are."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from rcspike.presets import train_defaults

__all__ = ["Data", "DatasetName", "Noise", "Threads", "given", "learning", "sizes"]


class DatasetName(str, Enum):
    """The data sets that `rcspike.datasets.load` knows."""

    DIGITS = "digits"
    MNIST = "mnist"
    FASHION_MNIST = "fashion-mnist"


def given(**options: Any) -> dict[str, Any]:
    """Those that the user set: the functions behind a command have their own defaults for the others."""
    return {name: value for name, value in options.items() if value is not None}


def sizes(text: str) -> tuple[int, ...]:
    """Numbers of neurons of the hidden layers."""
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(f"--hidden takes numbers of neurons such as 200,200, got {text!r}") from None


def learning(name: str, text: str) -> Any:
    """An option handed through to `train`, shown with the default it has there."""
    return typer.Option(help=text, show_default=str(train_defaults()[name]))


Noise = Annotated[float | None, learning("noise", "Standard deviation of spike-time noise, in T.")]
Threads = Annotated[int | None, typer.Option(help="Number of threads.", show_default="all cores")]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder with the data set's files.", show_default="RCSPIKE_DATA, the cache, a download"),
]

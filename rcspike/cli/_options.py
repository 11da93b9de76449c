"""Options that several commands share, and their defaults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from rcspike._common.numbers import read_int
from rcspike.datasets import data_digests, data_names
from rcspike.experiments import preset, train_defaults
from rcspike.network import Wiring, wiring_of
from rcspike.nonideal import preset_names

__all__ = [
    "Dask",
    "Data",
    "Noise",
    "Phases",
    "PhasesName",
    "Threads",
    "Workers",
    "dataset_argument",
    "dataset_settings",
    "given",
    "hidden_layers",
    "learning",
    "nonideal_option",
    "numbers",
    "sizes",
    "training_settings",
]

Number = TypeVar("Number", int, float)


def dataset_argument(text: str) -> Any:
    """An argument for a data set: a name, or the path of one's own data with options."""
    names = ", ".join(data_names())
    return typer.Argument(
        help=f"{text}: {names}, or the path of your own data (.npz, .csv or a folder; options follow after commas).",
        metavar="DATASET",
        show_default=False,
        autocompletion=_names(data_names()),
    )


def nonideal_option(text: str) -> Any:
    """An option for a device file: the name of one that comes with rcspike, or a path."""
    names = ", ".join(preset_names())
    return typer.Option(
        "--nonideal",
        help=f"{text}: {names}, or the path of a TOML file.",
        metavar="NAME",
        show_default=False,
        autocompletion=_names(preset_names()),
    )


def _names(names: Iterable[str]) -> Callable[[str], list[str]]:
    """For a shell that completes a word: those of the names that begin with it. The shell adds files itself."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def dataset_settings(dataset: str) -> dict[str, Any]:
    """The data set in a record: its name or path, and the digest of a user's files."""
    return {"dataset": dataset, **data_digests(dataset)}


class PhasesName(str, Enum):
    """Kinds of neurons."""

    TWO = "two"
    SINGLE = "single"


Phases = Annotated[
    PhasesName,
    typer.Option(help="Kind of neurons: two phases with a firing ramp, or a single one in which they spike."),
]


def given(**options: Any) -> dict[str, Any]:
    """Those that the user set: the functions behind a command have their own defaults for the others."""
    return {name: value for name, value in options.items() if value is not None}


def training_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a training run that decide its result: these, and the defaults of the others."""
    return {**train_defaults(), **arguments}


def numbers(option: str, text: str, kind: Callable[[str], Number], example: str) -> list[Number]:
    """A list such as 200,200; ValueError if it is none."""
    try:
        return [kind(part) for part in text.split(",")] if text else []
    except ValueError:
        raise ValueError(f"{option} takes numbers such as {example}, got {text!r}") from None


def sizes(text: str) -> tuple[int, ...]:
    """Numbers of neurons of the hidden layers."""
    return tuple(numbers("--hidden", text, read_int, "200,200"))


def hidden_layers(text: str) -> tuple[tuple[int, ...], tuple[Wiring, ...]]:
    """Numbers of neurons of the hidden layers, and the wiring of the layer behind each: 200/4 joins 4 neurons."""
    layers, wiring = [], []
    for part in text.split(",") if text else []:
        size, slash, window = part.partition("/")
        try:
            layers.append(read_int(size))
            wiring.append(wiring_of(read_int(window) if slash else 1))
        except ValueError:
            raise ValueError(f"--hidden takes numbers such as 200,200 or 200/4,50, got {text!r}") from None
    return tuple(layers), tuple(wiring)


def learning(name: str, text: str) -> Any:
    """An option for a setting of `train`, shown with its default for each data set."""
    return typer.Option(help=text, show_default=_default(name))


def _default(name: str) -> str:
    """Such as "40 for digits, otherwise 20"; just the value if it is the same for all data sets."""
    settings = {dataset: {**train_defaults(), **preset(dataset)}[name] for dataset in data_names()}
    texts = {dataset: ",".join(map(str, x)) if isinstance(x, tuple) else str(x) for dataset, x in settings.items()}
    ((usual, _),) = Counter(texts.values()).most_common(1)
    special = [f"{text} for {dataset}" for dataset, text in texts.items() if text != usual]
    return ", ".join([*special, f"otherwise {usual}"]) if special else usual


Noise = Annotated[float | None, learning("noise", "Standard deviation of spike-time noise, in T.")]
Threads = Annotated[int | None, typer.Option(help="Number of threads that compute.", show_default="all cores")]
Workers = Annotated[
    int | None, typer.Option(help="Number of processes on this machine.", min=1, show_default="one per core")
]
Dask = Annotated[
    str | None,
    typer.Option(help="Address of a Dask scheduler, whose workers run the jobs instead.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the files of the data set; no other is searched.",
        show_default="RCSPIKE_DATA, the cache, a download",
    ),
]

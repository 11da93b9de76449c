"""Options that several commands share, and their defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from rcspike.chips import preset_names
from rcspike.datasets import data_names
from rcspike.experiments.default_settings import kind_of_data, presets, train_defaults
from rcspike.functional.neuron_kinds import Phases as Kind
from rcspike.network.architecture import count_layers
from rcspike.neurons import PHASES, neuron_kind

__all__ = [
    "NOISE",
    "AllowSeen",
    "Dask",
    "Data",
    "Image",
    "Model",
    "Noise",
    "NoiseSeed",
    "Phases",
    "TestData",
    "Threads",
    "Workers",
    "dataset_argument",
    "default_for",
    "given",
    "hidden_layers",
    "in_force",
    "learning",
    "nonideal_option",
    "numbers",
    "training_settings",
]

Number = TypeVar("Number", int, float)


def dataset_argument(text: str) -> Any:
    """An argument for a data set: a name, or the path of a user's data with options."""
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


Phases = Annotated[
    Kind,
    typer.Option(help="Kind of neurons: two phases with a firing ramp, or a single phase in which they spike."),
]


def given(**options: Any) -> dict[str, Any]:
    """The options that the user set; the functions behind a command have defaults for the others."""
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


def hidden_layers(text: str) -> str:
    """The sizes of hidden layers, such as 200/4,50, as an architecture: 200/4-50."""
    if any(map(str.isalpha, text)):
        raise ValueError(f"--hidden takes sizes such as 200,200 or 200/4,50, got {text!r}: maps are for --architecture")
    architecture = text.replace(",", "-")
    try:
        if architecture:
            count_layers(architecture)
    except ValueError:
        raise ValueError(f"--hidden takes sizes such as 200,200 or 200/4,50, got {text!r}") from None
    return architecture


def learning(name: str, text: str) -> Any:
    """An option for a setting of `train`, shown with its default for each data set."""
    return typer.Option(help=text, show_default=default_for(name))


def default_for(name: str) -> str:
    """Such as "40 for digits, otherwise 20": of each kind of data, and of other neurons if they differ."""
    usual = _by_kind(name, presets())
    others = {neuron_kind(phases).wording: _by_kind(name, presets(phases)) for phases in PHASES}
    return "; ".join([usual, *(f"{wording}: {text}" for wording, text in others.items() if text != usual)])


def _by_kind(name: str, settings: Mapping[str, Mapping[str, Any]]) -> str:
    kinds: dict[str, list[str]] = {}
    for kind, of_kind in settings.items():
        kinds.setdefault(_text({**train_defaults(), **of_kind}[name]), []).append(kind)
    usual = max(kinds, key=lambda text: len(kinds[text]))
    special = [f"{text} for {' and '.join(found)}" for text, found in kinds.items() if text != usual]
    return ", ".join([*special, f"otherwise {usual}"]) if special else usual


def in_force(
    dataset: str, preset: Mapping[str, Any], typed: Mapping[str, Any], *, without: Collection[str] = ()
) -> str:
    """The settings of a training in a line: those of its preset, and those that were typed.

    Examples
    --------
    >>> in_force("digits", presets()["digits"], {"epochs": 3})
    'hidden 200, batch size 16, learning rate 0.002, as usual for digits; epochs 3, as given'
    """
    usual = {name: train_defaults().get(name) for name in ("hidden", "epochs", "batch_size", "learning_rate")}
    usual |= preset
    # A file of options has those of a whole run, most of which are usual.
    given = {name: x for name, x in typed.items() if name not in usual or _text(x) != _text(usual[name])}
    untyped = {name: x for name, x in usual.items() if name not in {*given, *without}}
    groups = ((untyped, f"usual for {kind_of_data(dataset)}"), (given, "given"))
    return "; ".join(f"{_listed(settings)}, as {origin}" for settings, origin in groups if settings)


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_text(x)}" for name, x in settings.items())


def _text(setting: Any) -> str:
    """The value of a setting as an option takes it."""
    if isinstance(setting, tuple | list):
        return ",".join(map(_text, setting))
    return str(setting)


Model = Annotated[Path, typer.Argument(help="A model file, or the folder of a run.", show_default=False)]
TestData = Annotated[str, dataset_argument("Data set with the test samples")]
Image = Annotated[int, typer.Option(help="Position of the image or row among the test samples, counted from 0.", min=0)]
NoiseSeed = Annotated[int | None, typer.Option(help="Seed of the noise.", min=0, show_default="0")]
AllowSeen = Annotated[
    bool,
    typer.Option(
        "--allow-seen",
        help="Allow another split than the run's, or test samples that were trained on, and report how many.",
    ),
]
NOISE = learning("noise", "Standard deviation of spike-time noise, in T.")
Noise = Annotated[float | None, NOISE]
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

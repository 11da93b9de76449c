"""How results were made: the command, its settings and versions, in a record next to them and in the figures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from rcspike._common.atomic_files import atomic_write
from rcspike._common.readers import open_file
from rcspike._core import build_config
from rcspike.cli.option_files import option_names
from rcspike.network import Network, model_files

__all__ = [
    "INPUTS",
    "MODEL",
    "PLACES",
    "RUN",
    "TRAINED",
    "Caption",
    "Record",
    "command_words",
    "file_digest",
    "load_network",
    "model_file",
    "model_settings",
    "option_values",
]

Caption = tuple[str, str]  # of a file in the report: its section, and what it shows

MODEL = model_files.MODEL
RUN = "run.json"
INPUTS = "inputs.json"  # of a run: how samples become the spike times of its model,
TRAINED = "trained-samples.npz"  # and which it was trained on
_MAX_RECORD = 2**20  # bytes that are read in search of a record

# Parameters that decide where and how fast a command runs; they do not change its result.
PLACES = ("workers", "dask", "data", "retry")
_NO_SETTINGS = (*PLACES, "out", "threads", "resume", "tensorboard")


@dataclass(frozen=True)
class Record:
    """A JSON file that records how the results next to it were made."""

    path: Path
    program: list[str]  # the words that name the command, such as "rcspike energy"
    command: str  # as typed,
    repeatable: str  # and the part of it that decides the result
    settings: dict[str, Any]  # each setting that decides the result, typed or default, as a JSON value
    options: dict[str, Any]  # by name, from which --config repeats the command

    @classmethod
    def of(
        cls,
        ctx: typer.Context,
        path: Path,
        settings: Mapping[str, Any],
        *,
        without: Collection[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Record:
        """The record of the running command; `without` names parameters to leave out of its command line.

        `options` are values that options without one have taken, by the names of the parameters.
        """
        words = shlex.join(command_words(ctx, without=without))
        repeatable = shlex.join(command_words(ctx, without=_NO_SETTINGS))
        return cls(path, _program(ctx), words, repeatable, _plain(settings), option_values(ctx, options or {}))

    @property
    def description(self) -> str:
        """The record in figures and netlists, which does not depend on where the results are written."""
        version = build_config()["version"]
        return json.dumps({"command": self.repeatable, "settings": self.settings, "rcspike": version}, indent=1)

    def say_replaced(self, *files: Path) -> None:
        """Print a line if these results are there with other or unknown settings.

        A netlist is its own record. Raises a ValueError if the path of the record holds another file.
        """
        old = _read(self.path) if self.path.exists() else {}
        if self.path.exists() and self.path not in files and not self._is_of_this_command(old):
            raise ValueError(f"{self.path} is in the way: it is not a record of {' '.join(self.program)}; move it away")
        there = [str(file) for file in files if file.is_file()]
        settings = old.get("settings")
        if isinstance(settings, dict):
            if changed := _changed(settings, self.settings):
                typer.echo(
                    f"replaces the results of: {old['command']}; settings that differ: {', '.join(changed)}", err=True
                )
        elif there:
            typer.echo(f"replaces {', '.join(there)}; their settings are not recorded", err=True)

    def write(self, files: Iterable[Path], captions: Mapping[str, Caption], **results: Any) -> None:
        """Write the record atomically, with results and the digests of the files that it describes.

        Each figure and table has a section of the report and a caption in `captions`, by its name.
        """
        old = _read(self.path)
        digests = {file.name: file_digest(file) for file in files if file.is_file()}
        record = {
            "command": self.command,
            "settings": self.settings,
            "options": self.options,
            **_plain(results),
            "files_sha256": digests,
            "captions": {name: caption for name, caption in captions.items() if name in digests},
            "python": platform.python_version(),
            "numpy": np.__version__,
            "build": build_config(),
        }
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
        if self._is_of_this_command(old):
            _remove_stale(self.path.parent, old, digests)

    def _is_of_this_command(self, record: Mapping[str, Any]) -> bool:
        return str(record.get("command", "")).split(" ")[: len(self.program)] == self.program


def command_words(ctx: typer.Context, *, without: Collection[str] = ()) -> list[str]:
    """The words of the command that was typed, without the parameters of these names."""
    words = _program(ctx)
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in without:
            continue
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
            words.append(str(one))
    return words


def option_values(ctx: typer.Context, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Value of each option that has one, by its name, but of those that only decide where and how a command runs."""
    names = {name: typed for name, typed in option_names(ctx).items() if name not in _NO_SETTINGS}
    values = {typed: taken.get(name, ctx.params.get(name)) for name, typed in names.items()}
    found: dict[str, Any] = _plain({name: value for name, value in values.items() if value is not None})
    return found


def load_network(model: Path) -> Network:
    """From a model file, or from the folder of a run."""
    if not model_file(model).exists():
        raise FileNotFoundError(f"no model at {model}: give the folder of a run of rcspike train, or a model file")
    return Network.load(model_file(model))


def model_settings(model: Path, network: Network) -> dict[str, Any]:
    """Which model it is: its file's digest, sizes and circuit."""
    circuit = model_files.circuit_to_header(network.circuit)
    return {"model_sha256": file_digest(model_file(model)), "sizes": network.sizes, "circuit": circuit}


def model_file(model: Path) -> Path:
    """A model file, or that of the folder of a run."""
    return model / MODEL if model.is_dir() else model


def file_digest(file: Path) -> str:
    """SHA-256 of its bytes, in hexadecimal."""
    with open_file(file) as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def _program(ctx: typer.Context) -> list[str]:
    words: list[str] = []
    level: Any = ctx
    while level.parent is not None:
        words.insert(0, str(level.info_name))
        level = level.parent
    return ["rcspike", *words]


def _read(path: Path) -> dict[str, Any]:
    """A record, or the one in the comments at the head of a netlist; empty if the path holds neither."""
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_RECORD).decode(errors="replace")
        comment = re.search(r"^\* \{\n(\*  .*\n)*\* \}$", text, re.MULTILINE)
        content = json.loads(text if comment is None else re.sub(r"^\* ", "", comment[0], flags=re.MULTILINE))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _remove_stale(folder: Path, old: Mapping[str, Any], kept: Collection[str]) -> None:
    """Remove what an earlier record of the same command stands for and this one does not, unless it was changed."""
    digests = old.get("files_sha256")
    for name, digest in digests.items() if isinstance(digests, dict) else ():
        file = folder / name
        if name == file.name and name not in kept and file.is_file() and file_digest(file) == digest:
            file.unlink()


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Names of the settings that differ."""
    names: list[str] = []
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            names += _changed(before, after, f"{prefix}{name}.")
        elif before != after:
            names.append(f"{prefix}{name}")
    return names


def _plain(value: Any) -> Any:
    """As JSON takes it: dataclasses as their fields, infinity as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value

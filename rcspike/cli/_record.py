"""What the folder of a run says about it: the words that were typed, versions, and the model."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import typer

from rcspike import Network, build_config
from rcspike._files import written_whole

__all__ = ["MODEL", "command_words", "load_network", "versions", "write_record"]

MODEL = "model.safetensors"


def command_words(ctx: typer.Context, *, without: Collection[str] = ()) -> list[str]:
    """The words of the command that was typed, without the parameters of these names."""
    words: list[str] = []
    level: Any = ctx
    while level.parent is not None:
        words.insert(0, str(level.info_name))
        level = level.parent
    words.insert(0, "rcspike")
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
            words.append(str(one.value if isinstance(one, Enum) else one))
    return words


def versions() -> dict[str, Any]:
    """What results may depend on besides command and seed."""
    return {"python": platform.python_version(), "numpy": np.__version__, "build": build_config()}


def write_record(path: Path, record: dict[str, Any]) -> None:
    """As JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")


def load_network(model: Path) -> Network:
    """From a model file, or from the folder of a run."""
    return Network.load(model / MODEL if model.is_dir() else model)

"""Files of a design, and the commands that train and measure it again from them, bit for bit."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from rcspike._common.atomic_files import atomic_write, check_writable
from rcspike.chips import Effect
from rcspike.energy import operating_point, process_text
from rcspike.experiments.design_measurement import Effort, settings_of
from rcspike.experiments.design_specification import Specification, corner_of
from rcspike.experiments.designed_circuit import Design, design_effects, designed_circuit, designed_process

__all__ = ["COMMANDS", "MODEL", "SHEET", "design_commands", "design_folder", "effects_text", "write_design"]

MODEL, COMMANDS, SHEET = "model.safetensors", "commands.sh", "sheet.html"
_PROCESS, _EFFECTS = "process.toml", "effects.toml"


def design_folder(folder: str | os.PathLike[str], number: int) -> Path:
    """Where the files of a design are."""
    return Path(folder, "designs", str(number))


def write_design(
    folder: Path, spec: Specification, design: Design, rows: Iterable[int], efforts: Iterable[Effort]
) -> None:
    """Write the process of a design, what differs from chip to chip, and the commands that measure it again.

    Parameters
    ----------
    rows : iterable of int
        Rows of the columns of each layer.
    efforts : iterable of Effort
        Of its measurements.
    """
    check_writable(folder)
    process = designed_process(design, spec.process)
    point = operating_point(designed_circuit(design), process)
    lines = [line for effort in efforts for line in design_commands(folder, spec, design, effort)]
    texts = {_PROCESS: process_text(process), _EFFECTS: effects_text(design_effects(design, point, [*rows]))}
    texts[COMMANDS] = "\n".join(["set -e", *lines, ""])
    for name, text in texts.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def effects_text(effects: Iterable[Effect]) -> str:
    """Effects as the text of a file that `rcspike.chips.load` reads.

    Examples
    --------
    >>> from rcspike.chips import Jitter
    >>> print(effects_text([Jitter(sigma=0.002)]), end="")
    [jitter]
    sigma = 0.002
    """
    lines = []
    for effect in effects:
        values = {one.name: getattr(effect, one.name) for one in fields(effect)}  # type: ignore[arg-type]
        lines.append(f"[{effect.name}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items() if value is not None]
    return "\n".join([*lines, ""])


def design_commands(folder: Path, spec: Specification, design: Design, effort: Effort) -> list[str]:
    """Commands that train a design and measure its chips at each corner and its energy, with the files in its folder.

    Examples
    --------
    >>> spec = Specification(dataset="digits", accuracy=0.9)
    >>> for line in design_commands(Path("d"), spec, Design(hidden="20"), Effort(epochs=4, chips=2, seed=0)):
    ...     print(line)
    rcspike train digits --v-syn 1.0 --hidden 20 --epochs 4 --seed 0 --out d/ideal-s0
    rcspike train digits --start d/ideal-s0 --process d/process.toml --nonideal d/effects.toml --epochs 2 --learning-rate 0.001 --seed 0 --out d/run-s0
    rcspike chips d/run-s0 digits --process d/process.toml --nonideal d/effects.toml --corner tt --celsius 27.0 --chips 2 --seed 0 --out d/run-s0/chips-tt-27
    rcspike energy d/run-s0 digits --process d/process.toml
    """  # noqa: E501
    data, seed = spec.dataset, f"{effort.seed}"
    ideal, run = folder / f"ideal-s{seed}", folder / f"run-s{seed}"
    process, effects = ("--process", folder / _PROCESS), ("--nonideal", folder / _EFFECTS)
    is_sizes = not any(map(str.isalpha, design.hidden))
    layers = ("--hidden", design.hidden.replace("-", ",")) if is_sizes else ("--architecture", design.hidden)
    last = [*(("--energy-penalty", design.energy_penalty) if design.energy_penalty else ()), "--seed", seed]
    second = settings_of(spec, design, effort)[1]
    again = ("--epochs", second["epochs"], "--learning-rate", second["learning_rate"])
    lines = [
        ["train", data, "--v-syn", design.v_syn, *layers, "--epochs", effort.epochs, *last, "--out", ideal],
        ["train", data, "--start", ideal, *process, *effects, *again, *last, "--out", run],
    ]
    for text in spec.corners[: effort.corners]:
        corner, celsius = corner_of(text)
        out = run / f"chips-{text.replace(' ', '-')}"
        at = ("--corner", corner, "--celsius", celsius, "--chips", effort.chips, "--seed", seed, "--out", out)
        lines.append(["chips", run, data, *process, *effects, *at])
    lines.append(["energy", run, data, *process])
    return [shlex.join(map(str, ["rcspike", *words])) for words in lines]

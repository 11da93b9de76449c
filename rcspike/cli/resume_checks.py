"""Whether a run can be started or resumed in a folder, and with which options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from rcspike._common.readers import read_json
from rcspike.cli.option_files import stored_options
from rcspike.cli.result_record import MODEL, option_values
from rcspike.datasets import data_digests

__all__ = ["CHECKPOINT", "check_folder", "check_options"]

CHECKPOINT = "checkpoint.safetensors"


def check_folder(folder: Path, *, resume: bool) -> None:
    """Raise an error unless a run can be started in the folder, or resumed."""
    checkpoint_there, model_there = (folder / CHECKPOINT).exists(), (folder / MODEL).exists()
    if resume and not checkpoint_there:
        found = "holds a model but no checkpoint to resume from" if model_there else "has no run to resume"
        raise FileNotFoundError(f"{folder} {found}; give the folder of a run with --out, or leave out --resume")
    if not resume and (model_there or checkpoint_there):
        raise FileExistsError(
            f"{folder} already holds a run; resume it with --resume, choose another folder with --out, or remove it"
        )


def check_options(ctx: typer.Context, folder: Path, taken: dict[str, Any], screen: Console) -> None:
    """Raise an error with every option that differs from those of the run to resume; more epochs extend it."""
    stored = stored_options(folder / "run.json")
    new = option_values(ctx, taken) if stored else {}
    differences = []
    extends = ""
    for name in dict.fromkeys((*stored, *new)):
        old, chosen = stored.get(name), new.get(name)
        is_longer = name == "epochs" and isinstance(old, int) and isinstance(chosen, int) and old < chosen
        if is_longer:
            extends = (
                f"extends {old} epochs to {chosen}: the new epochs have the learning rates of a run of {chosen}, which "
                "from the start would have given other weights"
            )
        elif name == "epochs" and old != chosen:
            differences.append(f"it has {old} epochs, which can become more but not {chosen}")
        elif old != chosen:
            differences.append(f"its {name} is {old}, not {chosen}")
    data = data_digests(ctx.params["dataset"])
    digests = [record.get("data_sha256") for record in (read_json(folder / "run.json") if stored else {}, data)]
    if stored and digests[0] != digests[1]:
        differences.append("its data had another content")
    if differences:
        raise ValueError(f"{folder} has a run with other options: {'; '.join(differences)}; choose another --out")
    if extends:
        screen.print(extends)

"""Commands of ``rcspike spice`` on a small model in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import cli_runs
import pytest
from typer.testing import Result

from rcspike import Circuit, Network

CIRCUIT = Circuit(v_syn=1.5)
MODEL = ("model.safetensors", "digits")


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as the working directory, with a small model."""
    cli_runs.empty_folder(folder, monkeypatch)
    Network.create([64, 8, 10], CIRCUIT, seed=1).save("model.safetensors")
    return folder


def spice_(*words: str) -> Result:
    return cli_runs.rcspike_("spice", *words)


def spice_ran(*words: str) -> str:
    return cli_runs.ran("spice", *words)


def error_line(*words: str) -> str:
    return cli_runs.error_line(spice_(*words))

"""Commands of ``rcspike spice`` on a small model in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rcspike import Circuit, Network
from rcspike.cli import app

CIRCUIT = Circuit(v_syn=1.5)
MODEL = ("model.safetensors", "digits")


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as the working directory, with a small model."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    Network.create([64, 8, 10], CIRCUIT, seed=1).save("model.safetensors")
    return folder


def spice_(*words: str) -> Result:
    return CliRunner().invoke(app, ["spice", *words])


def error_line(*words: str) -> str:
    result = spice_(*words)
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    return line

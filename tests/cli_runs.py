"""The command line in this process, on runs small enough to be repeated dozens of times."""

from __future__ import annotations

import csv
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

import typer.testing
from matplotlib.figure import Figure
from rich.progress import Progress as Bars
from typer.testing import CliRunner, Result

from rcspike import Network, plots
from rcspike.cli import app

ENVIRONMENT = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def figures_saved(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that commands save from now on; their files are empty, since drawing takes most of a short run."""
    saved: list[Figure] = []

    def savefig(figure: Figure, *_: Any, **__: Any) -> None:
        if all(figure is not other for other in saved):  # each is saved as SVG and as PNG
            saved.append(figure)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


def leave_figures_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands save empty figures from now on, in empty files: a figure takes longer than a short training."""
    figures_saved(monkeypatch)
    for name in plots.__all__:
        if name.endswith("_figure") and name != "save_figure":
            monkeypatch.setattr(plots, name, lambda *_, **__: Figure())


def lines_of(figure: Figure, label: str) -> list[list[list[float]]]:
    """The data (x and y) of all lines in the panels with this label on the y axis."""
    lines = [line for axes in figure.axes if axes.get_ylabel() == label for line in axes.lines]
    return [[list(map(float, data)) for data in line.get_data()] for line in lines]


# Each call of a runner makes all commands and their options anew, which takes longer than many a command.
typer.testing._get_command = cache(typer.testing._get_command)  # noqa: SLF001


def rcspike_(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def ran(*words: str | Path) -> str:
    """What a command says, after checking that it succeeds."""
    result = rcspike_(*words)
    assert result.exit_code == 0, f"{words}\n{result.output}"
    return said(result)


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def train_small(*words: str, epochs: int = 2) -> Result:
    return rcspike_("train", "--hidden", "12", "--epochs", str(epochs), *words)


def trained_small(*words: str, epochs: int = 2) -> str:
    return ran("train", "--hidden", "12", "--epochs", str(epochs), *words)


def stop_training_at(
    epoch: int, batch: int, error: type[BaseException], patched: pytest.MonkeyPatch, *, n_batches: int = 90
) -> None:
    """Trainings stop with an error as their bar shows this batch, of 90 in an epoch of all digits."""
    update = Bars.update

    def stops(bars: Bars, *arguments: Any, **fields: Any) -> None:
        update(bars, *arguments, **fields)
        if fields.get("completed") == (epoch - 1) * n_batches + batch:
            raise error

    patched.setattr(Bars, "update", stops)


def error_line(result: Result) -> str:
    """The error, after checking that it is one line, with no traceback, and exit code 2."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    (line,) = [line for line in said(result).splitlines() if line.startswith("error: ")]
    return line


def weights(folder: Path) -> list[bytes]:
    return [w.tobytes() for w in Network.load(folder / "model.safetensors").weights]


def table(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def rows(folder: Path) -> list[dict[str, str]]:
    return table(folder / "history.csv")


def record(path: str | Path) -> Any:
    return json.loads(Path(path).read_text())

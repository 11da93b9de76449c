"""`rcspike train` when it is stopped or killed, and how it resumes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import (
    ENVIRONMENT,
    empty_folder,
    error_line,
    lines_of,
    rcspike_,
    rows,
    said,
    train_small,
    weights,
)
from matplotlib.figure import Figure
from rich.progress import Progress as Bars

from rcspike.training import checkpoint

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_folder(tmp_path, monkeypatch)


def dying_at(epoch: int, batch: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    """The next training stops with an error as its progress bar shows this batch, one of 90 in each epoch."""
    update = Bars.update

    def dies(bars: Bars, *arguments: Any, **fields: Any) -> None:
        update(bars, *arguments, **fields)
        if fields.get("completed") == (epoch - 1) * 90 + batch:
            raise error

    monkeypatch.setattr(Bars, "update", dies)


def test_a_run_stopped_by_ctrl_c_keeps_its_finished_epochs_and_resumes_bit_for_bit(
    place: Path, drawn: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--noise", "0.02", "--v-syn", "2.5")
    train_small(*options, "--out", "undisturbed", epochs=4)
    with monkeypatch.context() as patched:
        dying_at(3, 5, patched, KeyboardInterrupt)
        stopped = train_small(*options, "--out", "stopped", epochs=4)
    assert stopped.exit_code == 130
    command = "rcspike train --v-syn 2.5 --hidden 12 --epochs 4 --noise 0.02 --out stopped --resume"
    assert f"stopped after epoch 2 of 4; resume with: {command}" in said(stopped)
    assert len(rows(place / "stopped")) == 2
    # The stopped run has a figure of its two epochs.
    assert [loss[0][0] for figure in drawn if (loss := lines_of(figure, "loss"))] == [[1, 2, 3, 4], [1, 2]]
    saved = checkpoint.load(place / "stopped" / "checkpoint.safetensors")
    assert weights(place / "stopped") == [w.tobytes() for w in saved.parameters.values()]

    resumed = rcspike_(*command.split()[1:])
    assert resumed.exit_code == 0
    assert re.findall(r"^epoch (\d)/4", resumed.output, re.MULTILINE) == ["3", "4"]
    assert weights(place / "stopped") == weights(place / "undisturbed")
    # The time it took differs.
    for mine, theirs in zip(rows(place / "stopped"), rows(place / "undisturbed"), strict=True):
        assert mine | {"seconds": ""} == theirs | {"seconds": ""}


def test_a_run_stopped_before_its_first_epoch_ended_leaves_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        dying_at(1, 3, patched, KeyboardInterrupt)
        stopped = train_small("--out", "stopped")
    assert stopped.exit_code == 130
    command = "rcspike train --hidden 12 --epochs 2 --out stopped"
    assert said(stopped).endswith(f"stopped after epoch 0 of 2; no epoch is finished, start again with: {command}\n")
    assert not (place / "stopped").exists()
    assert rcspike_(*command.split()[1:]).exit_code == 0


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send SIGINT to one process")
def test_sigint_ends_a_training_process_within_seconds_with_code_130(place: Path) -> None:
    command = [sys.executable, "-m", "rcspike", "train", "--hidden", "12", "--epochs", "1000000", "--out", "run"]
    with subprocess.Popen(
        command,
        cwd=place,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.match(r"epoch +3/", line):
                break
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=10)  # a couple of seconds, on a machine that is busy with others
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 130, errors
    stopped = re.search(r"stopped after epoch (\d+) of 1000000; resume with: rcspike train .* --resume", errors)
    assert stopped
    assert "Traceback" not in errors
    assert len(rows(place / "run")) == int(stopped[1])


KILLED = """
import os, signal, sys
from rich.progress import Progress as Bars
from rcspike.cli import app
update = Bars.update
def dies(bars, *arguments, **fields):
    update(bars, *arguments, **fields)
    if fields.get("completed") == 2 * 90 + 5:
        os.kill(os.getpid(), signal.SIGKILL)
Bars.update = dies
app(sys.argv[1:])
"""


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_without_warning_resumes_bit_for_bit(place: Path) -> None:
    words = ["train", "--hidden", "12", "--epochs", "4", "--noise", "0.02"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *words, "--out", "killed"], cwd=place, env=ENVIRONMENT, check=False, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (place / "killed" / "model.safetensors").exists()
    assert rcspike_(*words, "--out", "killed", "--resume").exit_code == 0
    assert rcspike_(*words, "--out", "undisturbed").exit_code == 0
    assert weights(place / "killed") == weights(place / "undisturbed")


def test_resuming_a_finished_run_changes_no_weight(place: Path) -> None:
    train_small("--out", "run")
    before = weights(place / "run")
    assert train_small("--out", "run", "--resume").exit_code == 0
    assert weights(place / "run") == before


def test_the_folder_of_a_run_is_not_a_data_set(place: Path) -> None:
    train_small("--out", "run")
    for words in (["--resume", "run"], ["run"]):
        error = error_line(rcspike_("train", *words))
        assert error == "error: run is the folder of a run, not a data set: resume it with --resume --out run"


def test_resuming_with_other_settings_is_an_error_naming_the_setting(place: Path) -> None:
    train_small("--out", "run")
    error = error_line(train_small("--out", "run", "--resume", "--learning-rate", "0.01"))
    assert "learning_rate" in error
    assert "0.01" in error


@pytest.mark.parametrize("file", ["model.safetensors", "checkpoint.safetensors"])
def test_a_folder_that_holds_a_run_is_rejected_and_left_alone(place: Path, file: str) -> None:
    (place / "run").mkdir()
    (place / "run" / file).write_bytes(b"precious")
    error = error_line(train_small("--out", "run"))
    assert "run already holds a run" in error
    assert "--resume" in error
    assert "--out" in error
    assert [f.read_bytes() for f in (place / "run").iterdir()] == [b"precious"]


def test_resuming_without_a_checkpoint_does_not_train_over_a_model(place: Path) -> None:
    (place / "run").mkdir()
    (place / "run" / "model.safetensors").write_bytes(b"precious")
    assert "no checkpoint" in error_line(train_small("--out", "run", "--resume"))

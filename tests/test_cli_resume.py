"""`rcspike train` when it is stopped or killed, and how it resumes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import (
    ENVIRONMENT,
    error_line,
    lines_of,
    ran,
    rcspike_,
    record,
    rows,
    said,
    stop_training_at,
    train_small,
    weights,
)
from matplotlib.figure import Figure

from rcspike.training import Settings, checkpoint

pytestmark = pytest.mark.usefixtures("place", "undrawn")


def test_a_run_stopped_by_ctrl_c_keeps_its_finished_epochs_and_resumes_bit_for_bit(
    place: Path, drawn: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--noise", "0.02", "--v-syn", "2.5")
    train_small(*options, "--out", "undisturbed", epochs=4)
    with monkeypatch.context() as patched:
        stop_training_at(3, 5, KeyboardInterrupt, patched)
        stopped = train_small(*options, "--out", "stopped", epochs=4)
    assert stopped.exit_code == 130
    command = "rcspike train --v-syn 2.5 --hidden 12 --epochs 4 --noise 0.02 --out stopped --resume"
    assert f"stopped after epoch 2 of 4; resume with: {command}" in said(stopped)
    assert len(rows(place / "stopped")) == 2
    # The stopped run has a figure of its two epochs.
    assert [loss[0][0] for figure in drawn if (loss := lines_of(figure, "loss"))] == [[1, 2, 3, 4], [1, 2]]
    saved = checkpoint.load(place / "stopped" / "checkpoint.safetensors")
    assert weights(place / "stopped") == [w.tobytes() for w in saved.parameters.values()]

    resumed = ran(*command.split()[1:])
    assert re.findall(r"^epoch (\d)/4", resumed, re.MULTILINE) == ["3", "4"]
    assert weights(place / "stopped") == weights(place / "undisturbed")
    # The time it took differs.
    for mine, theirs in zip(rows(place / "stopped"), rows(place / "undisturbed"), strict=True):
        assert mine | {"seconds": ""} == theirs | {"seconds": ""}


def test_a_run_with_patience_is_stopped_with_its_best_weights_and_resumes_bit_for_bit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--validation", "0.2", "--patience", "2", "--learning-rate", "0.02")
    train_small(*options, "--out", "undisturbed", epochs=40)
    n, kept = len(rows(place / "undisturbed")), record("undisturbed/run.json")["kept_epoch"]
    assert kept < n < 40
    with monkeypatch.context() as patched:
        stop_training_at(n, 5, KeyboardInterrupt, patched, n_batches=72)  # of 1,150 samples
        stopped = train_small(*options, "--out", "stopped", epochs=40)
    assert stopped.exit_code == 130 and f"stopped after epoch {n - 1} of 40" in said(stopped)
    for _ in range(2):  # as it was stopped, and resumed
        assert weights(place / "stopped") == weights(place / "undisturbed")
        assert record("stopped/run.json")["kept_epoch"] == kept
        ran("train", "--out", "stopped", "--resume")
    assert len(rows(place / "stopped")) == n


def test_a_run_stopped_before_its_first_epoch_ended_leaves_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stop_training_at(1, 3, KeyboardInterrupt, patched)
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
    ran("train", "--out", "killed", "--resume")
    ran(*words, "--out", "undisturbed")
    assert weights(place / "killed") == weights(place / "undisturbed")


def test_resuming_names_every_option_that_differs() -> None:
    train_small("--out", "run")
    other = ("--v-syn", "2", "--learning-rate", "0.01")
    longer = rcspike_("train", "--out", "run", "--resume", *other, "--epochs", "9")
    assert "extends" not in longer.output  # it extends nothing
    error = error_line(rcspike_("train", "--out", "run", "--resume", *other))
    assert error == (
        "error: run has a run with other options: its v_syn is 1.0, not 2.0; its learning_rate is 0.002, not 0.01; "
        "choose another --out"
    )


def test_a_finished_run_is_extended_on_the_schedule_of_its_new_length(place: Path) -> None:
    train_small("--out", "run", epochs=2)
    output = ran("train", "--out", "run", "--resume", "--epochs", "4")
    assert "extends 2 epochs to 4: the new epochs have the learning rates of a run of 4" in output
    assert re.findall(r"^epoch (\d)/4", output, re.MULTILINE) == ["3", "4"]
    rates = [float(row["learning_rate"]) for row in rows(place / "run")]
    two, four = (Settings(epochs=n, seed=0, learning_rate=2e-3) for n in (2, 4))
    # The rate of an epoch in the history is that of its first step.
    assert rates == pytest.approx([two.rate(0, 2), two.rate(1, 2), four.rate(2, 4), four.rate(3, 4)])
    assert record("run/run.json")["extended_after_epochs"] == [2]
    assert record("run/run.json")["settings"]["epochs"] == 4
    assert checkpoint.load(place / "run" / "checkpoint.safetensors").extended == (2,)
    before = weights(place / "run")
    ran("train", "--out", "run", "--resume")
    assert weights(place / "run") == before
    error = error_line(rcspike_("train", "--out", "run", "--resume", "--epochs", "3"))
    assert "it has 4 epochs, which can become more but not 3" in error


def test_an_extended_run_that_is_stopped_resumes_bit_for_bit(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("undisturbed", "stopped"):
        train_small("--out", folder, epochs=2)
    ran("train", "--out", "undisturbed", "--resume", "--epochs", "4")
    with monkeypatch.context() as patched:
        stop_training_at(4, 5, KeyboardInterrupt, patched)
        assert rcspike_("train", "--out", "stopped", "--resume", "--epochs", "4").exit_code == 130
    ran("train", "--out", "stopped", "--resume")
    assert weights(place / "stopped") == weights(place / "undisturbed")
    assert record("stopped/run.json")["extended_after_epochs"] == [2]


def test_the_folder_of_a_run_is_not_a_data_set(place: Path) -> None:
    train_small("--out", "run")
    for words in (["--resume", "run"], ["run"]):
        error = error_line(rcspike_("train", *words))
        assert error == "error: run is the folder of a run, not a data set: resume it with --resume --out run"


@pytest.mark.parametrize("file", ["model.safetensors", "checkpoint.safetensors"])
def test_a_folder_that_holds_a_run_is_rejected_and_left_alone(place: Path, file: str) -> None:
    (place / "run").mkdir()
    (place / "run" / file).write_bytes(b"precious")
    error = error_line(train_small("--out", "run"))
    assert "run already holds a run" in error
    assert "--resume" in error
    assert "--out" in error
    assert [f.read_bytes() for f in (place / "run").iterdir()] == [b"precious"]
    if file == "model.safetensors":
        assert "no checkpoint" in error_line(train_small("--out", "run", "--resume"))

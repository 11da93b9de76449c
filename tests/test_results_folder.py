"""The folder that a command writes into: one command at a time, none left behind by a command that failed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import rcspike_
from small_runs import run, small_network
from typer.testing import Result

from rcspike import Circuit, Network
from rcspike.report import write_report
from rcspike.training import Progress

ENVIRONMENT = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def write_inputs(folder: Path) -> None:
    """Small models and device files."""
    Network.create([64, 8, 10], Circuit(), seed=1).save(folder / "model.safetensors")
    Network.create([49, 8, 10], Circuit(), seed=1).save(folder / "of-49-inputs.safetensors")
    (folder / "chip.toml").write_text("[variation]\nsigma = 0.3\n")
    (folder / "wires.toml").write_text("[wire_resistance]\nresistance = 1e38\n")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with these files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_inputs(tmp_path)
    return tmp_path


def error(result: Result) -> str:
    """The one line, after checking that there is no traceback, and exit code 2."""
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    return line


TRAINING = [sys.executable, "-m", "rcspike", "train", "--hidden", "8", "--epochs", "1000000", "--out", "run"]


def start_training(place: Path) -> subprocess.Popen[str]:
    """A training in another process, after its first epoch."""
    process = subprocess.Popen(TRAINING, cwd=place, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch "):
            return process
    pytest.fail("the training ended before its first epoch")


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the same files, in which a training that writes into run pauses."""
    folder = tmp_path_factory.mktemp("busy")
    write_inputs(folder)
    process = start_training(folder)
    if hasattr(signal, "SIGSTOP"):
        process.send_signal(signal.SIGSTOP)
    try:
        yield folder
    finally:
        end(process)


@pytest.mark.parametrize(
    "command",
    [
        "train --hidden 9 --epochs 1 --out run",
        "train --hidden 8 --epochs 1000000 --out run --resume",
        "energy model.safetensors digits --out run",
        "trace model.safetensors digits --out run",
        "chips model.safetensors digits --nonideal chip.toml --chips 1 --out run",
        "sweep digits --v-syn 1 --seeds 1 --hidden 8 --vary epochs=1 --out run",
    ],
)
def test_a_folder_that_a_command_writes_to_is_closed_to_others(
    busy: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(busy)
    before = {path.name for path in Path("run").iterdir()}
    line = error(rcspike_(*command.split()))
    after = {path.name for path in Path("run").iterdir()}
    assert line.startswith("error: another rcspike command is writing to run; ")
    assert line.endswith("wait until it has ended, or choose another folder with --out")
    assert {name for name in after - before if not name.startswith(".")} <= {"runs", "cases"}


@pytest.mark.process
def test_the_lock_ends_with_its_process_and_leaves_nothing_that_a_report_shows(place: Path) -> None:
    process = start_training(place)
    end(process)  # by SIGKILL
    assert process.returncode == -signal.SIGKILL
    assert Path("run", ".rcspike.lock").exists()  # of nobody now
    assert rcspike_("energy", "model.safetensors", "digits", "--out", "run").exit_code == 0
    assert not Path("run", ".rcspike.lock").exists()
    assert Path("run", ".checkpoint.safetensors.lock").exists()
    assert ".lock" not in write_report("run").read_text()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "command",
    [
        "train --epochs 0",
        "train --hidden 0",
        "train --threads 0",
        "train --nonideal missing.toml",
        "train mnist --data .",
        "train --resume",
        "sweep digits --vary epochs=0",
        "sweep digits --v-syn 1 --vary nothing=1",
        "sweep mnist --v-syn 1 --data .",
        "chips of-49-inputs.safetensors digits --nonideal chip.toml --chips 1",
        "chips model.safetensors digits --nonideal chip.toml --chips 1 --sweep nothing=1",
        "chips model.safetensors digits --nonideal wires.toml --chips 1 --workers 1",
        "chips missing digits --nonideal chip.toml",
        "energy model.safetensors digits --noise -1",
        "energy missing digits",
        "trace model.safetensors digits --image 999",
        "spice verify model.safetensors digits --layer 7",
        "spice verify model.safetensors digits --v-th -1",
        "spice verify model.safetensors digits --image 999",
    ],
)
def test_a_command_that_cannot_run_leaves_no_folder(place: Path, command: str) -> None:
    if command.startswith("spice") and shutil.which("ngspice") is None:
        pytest.skip("ngspice is not on PATH")
    before = sorted(path.name for path in place.iterdir())
    error(rcspike_(*command.split(), "--out", "a/b/figure" if command.startswith("trace") else "a/b"))
    assert sorted(path.name for path in place.iterdir()) == before


def test_a_folder_that_was_there_stays(place: Path) -> None:
    Path("out").mkdir()
    error(rcspike_("train", "--epochs", "0", "--out", "out"))
    assert list(Path("out").iterdir()) == []


def test_resuming_where_there_is_no_run_names_the_folder() -> None:
    line = error(rcspike_("train", "--hidden", "8", "--epochs", "1", "--out", "mistyped", "--resume"))
    assert line == ("error: mistyped has no run to resume; give the folder of a run with --out, or leave out --resume")


def test_one_checkpoint_serves_one_training_at_a_time() -> None:
    def another(progress: Progress) -> None:
        if progress.batch == 1:
            with pytest.raises(BlockingIOError, match=r"the checkpoint run\.ckpt is in use by another training"):
                run(small_network(), checkpoint_path="run.ckpt")

    assert len(run(small_network(), checkpoint_path="run.ckpt", progress=another)) == 4
    assert [path.name for path in Path().iterdir() if "ckpt" in path.name] == ["run.ckpt"]
    assert len(run(small_network(), checkpoint_path="run.ckpt")) == 4


def test_a_checkpoint_in_a_folder_that_is_not_there_is_named_before_training() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/run\.ckpt cannot be written"):
        run(small_network(), checkpoint_path="nowhere/run.ckpt", progress=lambda _: pytest.fail("too late"))
    assert not Path("nowhere").exists()

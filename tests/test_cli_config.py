"""Options that are written once: in a file, in the record of a run, or in the folder of the run to resume."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import empty_folder, error_line, rcspike_, rows, said, train_small, weights
from rich.progress import Progress as Bars

from rcspike.training import Settings, checkpoint

pytestmark = pytest.mark.usefixtures("here", "undrawn")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_folder(tmp_path, monkeypatch)


def ran(*words: str) -> str:
    result = rcspike_(*words)
    assert result.exit_code == 0, result.output
    return said(result)


def record(folder: str) -> dict[str, Any]:
    content = json.loads(Path(folder, "run.json").read_text())
    assert isinstance(content, dict)
    return content


# Files of options


def test_options_of_a_file_are_those_of_the_command_line_and_typed_ones_come_first(place: Path) -> None:
    Path("run.toml").write_text(
        'dataset = "digits"\nv_syn = 2.5\nhidden = [12, 8]\nepochs = 2\n"batch-size" = 32\nnoise = 0.02\nseed = 3\n'
    )
    ran("train", "--config", "run.toml", "--out", "file", "--epochs", "1")
    typed = "train digits --v-syn 2.5 --hidden 12,8 --epochs 1 --batch-size 32 --noise 0.02 --seed 3 --out typed"
    ran(*typed.split())
    assert weights(place / "file") == weights(place / "typed")
    assert record("file")["command"] == "rcspike train --epochs 1 --out file --config run.toml"
    assert record("file")["options"] == record("typed")["options"]


@pytest.mark.parametrize(
    ("command", "line", "message"),
    [
        ("train", "epochs = true", "epochs must be a number or a text, got True"),
        ("train", "hidden = [true]", "hidden must be a number or a text, got True"),
        ("train", 'v_syn = "1_0"', "v_syn is '1_0'"),
        ("train", 'hidden = "1_0"', "--hidden.*1_0"),
        ("train", 'epochs = "\u0661"', "epochs is '\u0661'"),
        ("sweep", "relu = 1", "relu must be true or false, got 1"),
        ("sweep", 'relu = "yes"', "relu must be true or false, got 'yes'"),
    ],
)
def test_a_value_of_another_kind_is_named(command: str, line: str, message: str) -> None:
    Path("run.toml").write_text(f"{line}\n", encoding="utf-8")
    said_ = error_line(rcspike_(command, "digits", "--config", "run.toml", "--out", "out"))
    assert re.search(message, said_)
    assert "run.toml" in said_ or "--hidden" in said_


def test_any_record_of_a_run_is_such_a_file(place: Path) -> None:
    Path("devices.toml").write_text("[variation]\nsigma = 0.2\n[jitter]\nsigma = 0.02\n")
    options = ("--v-syn", "inf", "--nonideal", "devices.toml", "--weight-decay", "0.1")
    ran("train", "--hidden", "", "--epochs", "1", *options, "--out", "first")
    ran("train", "--config", "first/run.json", "--out", "second")
    assert weights(place / "first") == weights(place / "second")
    assert record("first")["settings"] == record("second")["settings"]
    assert {"epochs": 1, "v_syn": "inf", "nonideal": "devices.toml", "noise": 0.02}.items() <= record("first")[
        "options"
    ].items()


def test_a_sweep_has_files_of_options_too() -> None:
    Path("sweep.toml").write_text(
        'dataset = "digits"\nv_syn = [1, 2]\nseeds = 1\nhidden = ["4"]\narchitecture = ["conv2-pool-4"]\n'
        "epochs = 1\nrelu = false\nworkers = 1\n"
    )
    assert "4 runs, 4 of them to do" in ran("sweep", "--config", "sweep.toml", "--out", "one")
    assert "4 runs, 4 of them to do" in ran("sweep", "--config", "one/sweep.json", "--out", "two", "--workers", "1")
    assert Path("one/table.csv").read_text() == Path("two/table.csv").read_text()
    assert "0 of them to do" in ran("sweep", "--config", "one/sweep.json", "--out", "two")
    lines = Path("two/table.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in lines] == ["hidden", "4", "4", "conv2-pool-4", "conv2-pool-4"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("colour = 1", "run.toml has 'colour', which is not an option of train: it has dataset, v_syn"),
        ("epoch = 3", "tensorboard; did you mean 'epochs'?"),
        ('epochs = "many"', "run.toml: epochs is 'many'. "),
        ("[epochs]\na = 1", "run.toml: epochs must be a value or a list of values, not a table"),
        ("hidden = [[1]]", "run.toml: hidden must be a value or a list of values"),
        ("epochs = ", "run.toml is not a TOML file"),
        ("resume = true", "'resume', which is not an option"),
        ("v_syn = -1", "v_syn must be above 0"),
    ],
)
def test_a_file_with_other_content_is_one_line(content: str, message: str, place: Path) -> None:
    Path("run.toml").write_text(content)
    assert message in error_line(rcspike_("train", "--config", "run.toml", "--hidden", "4", "--epochs", "1"))
    assert [path.name for path in place.iterdir()] == ["run.toml"]


def test_a_record_without_options_and_a_missing_file_are_named() -> None:
    Path("old.json").write_text('{"command": "rcspike train"}')
    assert "old.json is not a record with the options" in error_line(rcspike_("train", "--config", "old.json"))
    assert "there is no file missing.toml; give" in error_line(rcspike_("train", "--config", "missing.toml"))


# Resuming


def test_resuming_needs_only_the_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--v-syn", "2.5", "--noise", "0.02", "--seed", "4")
    train_small(*options, "--out", "undisturbed", epochs=4)
    update = Bars.update

    def dies(bars: Bars, *arguments: Any, **fields: Any) -> None:
        update(bars, *arguments, **fields)
        if fields.get("completed") == 2 * 90 + 5:
            raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Bars, "update", dies)
        train_small(*options, "--out", "killed", epochs=4)
    assert not Path("killed/model.safetensors").exists()
    output = ran("train", "--out", "killed", "--resume")
    assert re.findall(r"^epoch (\d)/4", output, re.MULTILINE) == ["3", "4"]
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
    assert record("run")["extended_after_epochs"] == [2]
    assert record("run")["settings"]["epochs"] == 4
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
    update = Bars.update

    def dies(bars: Bars, *arguments: Any, **fields: Any) -> None:
        update(bars, *arguments, **fields)
        if fields.get("completed") == 3 * 90 + 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Bars, "update", dies)
        assert rcspike_("train", "--out", "stopped", "--resume", "--epochs", "4").exit_code == 130
    ran("train", "--out", "stopped", "--resume")
    assert weights(place / "stopped") == weights(place / "undisturbed")
    assert record("stopped")["extended_after_epochs"] == [2]

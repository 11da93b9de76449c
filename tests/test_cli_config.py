"""Options that are written once: in a file, or in the record of a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_runs import error_line, ran, rcspike_, record, weights

pytestmark = pytest.mark.usefixtures("here", "place", "undrawn")


# Files of options


def test_options_of_a_file_are_those_of_the_command_line_and_typed_ones_come_first(place: Path) -> None:
    Path("run.toml").write_text(
        'dataset = "digits"\nv_syn = 2.5\nhidden = [12, 8]\nepochs = 2\n"batch-size" = 32\nnoise = 0.02\nseed = 3\n'
    )
    ran("train", "--config", "run.toml", "--out", "file", "--epochs", "1")
    typed = "train digits --v-syn 2.5 --hidden 12,8 --epochs 1 --batch-size 32 --noise 0.02 --seed 3 --out typed"
    ran(*typed.split())
    assert weights(place / "file") == weights(place / "typed")
    assert record("file/run.json")["command"] == "rcspike train --epochs 1 --out file --config run.toml"
    assert record("file/run.json")["options"] == record("typed/run.json")["options"]


@pytest.mark.parametrize(
    ("command", "line", "message"),
    [
        ("train", 'hidden = "1_0"', "--hidden.*1_0"),
        ("sweep", "relu = 1", "run.toml.*relu must be true or false, got 1"),
        ("sweep", 'relu = "yes"', "run.toml.*relu must be true or false, got 'yes'"),
    ],
)
def test_a_value_of_another_kind_is_named(command: str, line: str, message: str) -> None:
    Path("run.toml").write_text(f"{line}\n", encoding="utf-8")
    assert re.search(message, error_line(rcspike_(command, "digits", "--config", "run.toml", "--out", "out")))


def test_any_record_of_a_run_is_such_a_file(place: Path) -> None:
    Path("devices.toml").write_text("[variation]\nsigma = 0.2\n[jitter]\nsigma = 0.02\n")
    options = ("--v-syn", "inf", "--nonideal", "devices.toml", "--weight-decay", "0.1")
    ran("train", "--hidden", "", "--epochs", "1", *options, "--out", "first")
    ran("train", "--config", "first/run.json", "--out", "second")
    assert weights(place / "first") == weights(place / "second")
    assert record("first/run.json")["settings"] == record("second/run.json")["settings"]
    assert {"epochs": 1, "v_syn": "inf", "nonideal": "devices.toml", "noise": 0.02}.items() <= record("first/run.json")[
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
        ("epochs = true", "run.toml: epochs must be a number or a text, got True"),
        ("hidden = [true]", "run.toml: hidden must be a number or a text, got True"),
        ('v_syn = "1_0"', "run.toml: v_syn is '1_0'"),
        ('epochs = "\u0661"', "run.toml: epochs is '\u0661'"),
        ("v_syn = -1", "v_syn must be above 0"),
    ],
)
def test_a_file_with_other_content_is_one_line(content: str, message: str, place: Path) -> None:
    Path("run.toml").write_text(content, encoding="utf-8")
    assert message in error_line(rcspike_("train", "--config", "run.toml"))
    assert [path.name for path in place.iterdir()] == ["run.toml"]


def test_a_record_without_options_and_a_missing_file_are_named() -> None:
    Path("old.json").write_text('{"command": "rcspike train"}')
    assert "old.json is not a record with the options" in error_line(rcspike_("train", "--config", "old.json"))
    assert "there is no file missing.toml; give" in error_line(rcspike_("train", "--config", "missing.toml"))

"""The command line: versions, and the line that it prints when something is wrong."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cli_runs import ENVIRONMENT, error_line, rcspike_, said, train_small
from rich.progress import Progress as Bars

import rcspike.__main__
from rcspike import Circuit, Network, build_config

pytestmark = pytest.mark.usefixtures("place", "undrawn")


@pytest.mark.parametrize(
    "typed",
    [
        "sweep digits --v-syn 1,2 --vary epochs=1 --vary batch_size=8 --no-relu",
        "sweep digits --hidden 20 --hidden 30 --transfer",
        "sweep digits",
    ],
)
def test_the_words_to_resume_with_are_those_that_were_typed(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def submit(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    result = rcspike_(*typed.split(), "--workers", "1", "--retry")
    assert result.exit_code == 130
    assert said(result).endswith(f"resume with: rcspike {typed} --workers 1\n")


def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_loaded(place: Path) -> None:
    (place / "file").write_text("in the way")
    for out in ("file", "file/below"):
        result = rcspike_("train", "mnist", "--data", "nowhere", "--out", out)
        assert f"output folder {Path(out)} cannot be written" in error_line(result)
    assert "not found in nowhere" in error_line(rcspike_("train", "mnist", "--data", "nowhere"))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--hidden", "a,b"], "200,200"),
        (["--hidden", "0"], "0"),
        (["--v-syn", "-1"], "v_syn must be above 0"),
        (["--v-syn", "nan"], "v_syn must be above 0"),
        (["--diode-drop", "2"], "diode_drop"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--batch-size", "0"], "batch_size must be at least 1"),
        (["--learning-rate", "-1"], "learning_rate must be above 0"),
        (["--validation", "1"], "validation must be a fraction"),
        (["--noise", "-0.1"], "noise must be"),
        (["--threads", "0"], "threads"),
    ],
)
def test_a_bad_option_is_one_line_and_leaves_no_run(place: Path, words: list[str], hint: str) -> None:
    assert hint in error_line(rcspike_("train", "--hidden", "12", "--out", "runs/run", *words))
    assert not list(place.iterdir())


def test_a_data_set_that_is_neither_a_name_nor_a_path_is_answered_with_the_names(place: Path) -> None:
    error = error_line(rcspike_("train", "no-such-data"))
    assert (
        "unknown data set 'no-such-data': known are digits, mnist, fashion-mnist, cifar-10, yin-yang, and paths"
        in error
    )
    assert not list(place.iterdir())


def test_eval_rejects_files_that_are_not_models(place: Path) -> None:
    (place / "text").write_text("not a model")
    (place / "empty").write_bytes(b"")
    train_small("--out", "run", epochs=1)
    whole = (place / "run" / "model.safetensors").read_bytes()
    (place / "cut").write_bytes(whole[: len(whole) // 2])
    for model in ("text", "empty", "cut", "run/checkpoint.safetensors"):
        assert Path(model).name in error_line(rcspike_("eval", model, "digits"))


@pytest.mark.parametrize("command", ["eval", "energy"])
def test_a_model_that_is_not_there_or_does_not_fit_the_images_is_rejected(place: Path, command: str) -> None:
    Network.create([49, 10], Circuit(), seed=0).save(place / "small")
    assert "49 inputs but the images have 64 pixels" in error_line(rcspike_(command, "small", "digits"))
    assert "no model at missing" in error_line(rcspike_(command, "missing", "digits"))


def test_missing_data_say_where_they_were_looked_for_in_one_line() -> None:
    error = error_line(rcspike_("train", "mnist", "--data", "no\nwhere"))
    assert error.startswith(f"error: mnist not found in {Path('no where/mnist')} or no where (")


def test_a_missing_extra_is_one_line_before_training(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for extra, module in (("cli", "matplotlib"), ("data", "sklearn.datasets")):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, module, None)
            result = train_small()
        assert f"pip install 'rcspike[{extra}]'" in error_line(result)
        assert "epoch 1/2" not in said(result)
        assert not list(place.iterdir())


@pytest.mark.filterwarnings("ignore:learning_rate 1e")
def test_divergence_is_one_line() -> None:
    error = error_line(train_small("--v-syn", "inf", "--learning-rate", "1e38"))
    assert error.startswith("error: training diverged in epoch 1: ")
    assert error.endswith("; lower learning_rate (now 1e+38)")


@pytest.mark.parametrize("error", [RuntimeError, TypeError, ImportError])
def test_a_bug_keeps_its_traceback(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def update(*_: Any, **__: Any) -> None:
        raise error("a bug")

    monkeypatch.setattr(Bars, "update", update)
    assert isinstance(train_small().exception, error)


def test_version_and_info_agree_with_the_build() -> None:
    config = build_config()
    assert rcspike_("--version").output.strip() == f"rcspike {config['version']}"
    text = rcspike_("info").output
    for value in (config["version"], config["compiler"], config["isa"], *config["isas"], str(config["threads"])):
        assert value in text


def test_errors_go_to_stderr_and_the_module_runs_as_a_program(place: Path) -> None:
    command = [sys.executable, "-m", "rcspike", "eval", "missing", "digits"]
    result = subprocess.run(command, cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    advice = "give the folder of a run of rcspike train, or a model file"
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"error: no model at missing: {advice}\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_program_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("rcspike.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as stopped:
        rcspike.__main__.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: the command line needs {missing}: ")

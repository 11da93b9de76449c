"""The command line: what a run leaves behind, how it stops and goes on, and what it says when something is wrong."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

import typer
from rich.console import Console
from typer.testing import CliRunner, Result

import rcspike.__main__
from rcspike import Circuit, Network, build_config, datasets, plots
from rcspike.cli import _train, app
from rcspike.cli._record import command_words
from rcspike.cli._report import Reporter
from rcspike.experiments import preset, train_defaults
from rcspike.training import Progress, checkpoint

ENVIRONMENT = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no time spent on figures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(plots, "training_figure", lambda *_, **__: None)
    monkeypatch.setattr(plots, "save_figure", lambda *_, **__: None)
    return tmp_path


def rcspike_(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def said(result: Result) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def train_small(*words: str, epochs: int = 2) -> Result:
    return rcspike_("train", "--hidden", "12", "--epochs", str(epochs), *words)


def refused(result: Result) -> str:
    """The error, after checking that it is one line, with no traceback, and exit code 2."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    (line,) = [line for line in said(result).splitlines() if line.startswith("error: ")]
    return line


def weights(folder: Path) -> list[bytes]:
    return [w.tobytes() for w in Network.load(folder / "model.safetensors").weights]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_model_history_settings_and_checkpoint_in_one_folder(place: Path) -> None:
    result = train_small("--seed", "3", "--noise", "0.01", "--validation", "0.1")
    assert result.exit_code == 0, result.output
    folder = place / "runs" / "digits-v1-s3"
    assert {f.name for f in folder.iterdir()} == {
        "model.safetensors",
        "history.csv",
        "run.json",
        "checkpoint.safetensors",
    }
    run = json.loads((folder / "run.json").read_text())
    assert run["command"] == "rcspike train --hidden 12 --epochs 2 --seed 3 --noise 0.01 --validation 0.1"
    assert run["sizes"] == [64, 12, 10]
    assert run["settings"]["noise"] == 0.01
    assert run["settings"]["batch_size"] == 16
    assert run["build"] == build_config()
    assert run["test_accuracy"] == float(rows(folder)[-1]["test_accuracy"])


def test_a_run_for_devices_records_them_and_says_what_it_leaves_out(place: Path) -> None:
    Path("devices.toml").write_text(
        "[devices]\non_off = 20\n[variation]\nsigma = 0.2\n[ramp]\n[jitter]\nsigma = 0.02\n"
    )
    result = train_small("--nonideal", "devices.toml", "--out", "run")
    assert result.exit_code == 0, result.output
    assert "not trained for: ramp" in result.output
    run = json.loads((place / "run" / "run.json").read_text())
    assert (run["settings"]["noise"], run["settings"]["offset"]) == (0.02, 0.0)
    assert run["settings"]["devices"] | {"off": 0.05, "lognormal": 0.2} == run["settings"]["devices"]
    assert run["command"].endswith("--nonideal devices.toml --out run")
    plain = train_small("--noise", "0.02", "--out", "plain")
    assert plain.exit_code == 0
    weights = [Network.load(folder / "model.safetensors").weights[0] for folder in (place / "run", place / "plain")]
    assert (weights[0] != weights[1]).any()
    longer = train_small("--nonideal", "devices.toml", "--out", "run", "--noise", "0.1", "--resume")
    assert "its noise is 0.02, not 0.1" in refused(longer)


def test_the_recorded_words_are_those_that_were_typed() -> None:
    made_up = typer.Typer()
    made_up.callback()(lambda: None)
    seen: list[list[str]] = []

    @made_up.command("join")
    def join(
        ctx: typer.Context,
        names: list[str],
        size: int = 1,
        colour: bool = True,
        fast: Annotated[bool, typer.Option("--fast")] = False,
        tag: Annotated[list[str] | None, typer.Option()] = None,
    ) -> None:
        seen.append(command_words(ctx, without=["size"]))

    for typed in ("join a b", "join c --no-colour --tag x --tag y", "join d --fast"):
        assert CliRunner().invoke(made_up, [*typed.split(), "--size", "3"]).exit_code == 0
        assert seen.pop() == ["rcspike", *typed.split()]


def test_a_run_says_one_plain_line_an_epoch_when_nobody_watches() -> None:
    text = train_small("--validation", "0.1", epochs=3).output
    assert re.findall(r"^epoch (\d)/3 .*train .*validation .*test .* s$", text, re.MULTILINE) == ["1", "2", "3"]
    assert "\x1b" not in text
    assert "━" not in text


def test_a_run_ends_with_a_summary_that_eval_confirms(place: Path) -> None:
    result = train_small()
    accuracy = float(rows(place / "runs" / "digits-v1-s0")[-1]["test_accuracy"])
    said_last = rf"^test accuracy +{100 * accuracy:.2f} % after epoch 2, without noise$"
    assert re.search(said_last, result.output, re.MULTILINE)
    assert re.search(r"^silent +[\d.]+ %", result.output, re.MULTILINE)
    assert re.search(r"^saturated +[\d.]+ %", result.output, re.MULTILINE)
    assert re.search(r"^speed +[\d,]+ samples/s", result.output, re.MULTILINE)
    for model in ("runs/digits-v1-s0/model.safetensors", "runs/digits-v1-s0"):
        evaluation = rcspike_("eval", model, "digits", "--threads", "1")
        assert evaluation.exit_code == 0
        assert f"test accuracy {100 * accuracy:.2f} % of 360 images" in evaluation.output


def test_eval_takes_noise_and_its_seed() -> None:
    train_small()
    first, again, other = (
        rcspike_("eval", "runs/digits-v1-s0", "digits", "--noise", "0.3", "--seed", seed).output.split("%")[0]
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first != other


def test_the_circuit_of_the_options_is_the_circuit_of_the_model(place: Path) -> None:
    train_small("--v-syn", "inf", epochs=1)
    assert Network.load(place / "runs" / "digits-vinf-s0" / "model.safetensors").circuit == Circuit.conventional()
    options = ("--v-syn", "2", "--e-plus", "1.5", "--e-minus", "-3", "--diode-drop", "0.25", "--ramp", "0.5")
    assert train_small(*options, "--out", "bent", epochs=1).exit_code == 0
    circuit = Circuit(v_syn=2, e_plus=1.5, e_minus=-3, diode_drop=0.25, ramp=0.5)
    assert Network.load(place / "bent" / "model.safetensors").circuit == circuit


def test_hidden_layers_may_be_several_or_none(place: Path) -> None:
    for hidden, sizes in (("9,8,7", (64, 9, 8, 7, 10)), ("", (64, 10))):
        result = rcspike_("train", "--hidden", hidden, "--epochs", "1", "--out", f"h{hidden}")
        assert result.exit_code == 0, result.output
        assert Network.load(place / f"h{hidden}" / "model.safetensors").sizes == sizes


def test_the_figure_is_drawn_of_the_trained_network_and_saved_beside_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(plots, "training_figure", lambda *arguments, **_: calls.append(arguments) or "a figure")
    monkeypatch.setattr(plots, "save_figure", lambda *arguments, **_: calls.append(arguments))
    train_small()
    (network, history, split), saved = calls
    assert [w.tobytes() for w in network.weights] == weights(place / "runs" / "digits-v1-s0")
    assert len(history) == 2
    assert len(split.labels) == 360
    assert saved == ("a figure", Path("runs/digits-v1-s0/learning"))


def dying_at(epoch: int, batch: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    call = Reporter.__call__

    def dies(self: Reporter, progress: Progress) -> None:
        call(self, progress)
        if (progress.epoch, progress.batch) == (epoch, batch):
            raise error

    monkeypatch.setattr(Reporter, "__call__", dies)


def test_a_run_stopped_by_ctrl_c_keeps_its_finished_epochs_and_resumes_bit_for_bit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(plots, "training_figure", lambda _, history, *__, **___: drawn.append(len(history)))
    options = ("--noise", "0.02", "--v-syn", "2.5")
    train_small(*options, "--out", "undisturbed", epochs=4)
    with monkeypatch.context() as patched:
        dying_at(3, 5, patched, KeyboardInterrupt)
        stopped = train_small(*options, "--out", "stopped", epochs=4)
    assert stopped.exit_code == 130
    command = "rcspike train --v-syn 2.5 --hidden 12 --epochs 4 --noise 0.02 --out stopped --resume"
    assert f"stopped after epoch 2 of 4; resume with: {command}" in said(stopped)
    assert len(rows(place / "stopped")) == 2
    assert drawn == [4, 2]  # the stopped run has a figure of its two epochs
    saved = checkpoint.load(place / "stopped" / "checkpoint.safetensors")
    assert weights(place / "stopped") == [w.tobytes() for w in saved.parameters.values()]

    resumed = rcspike_(*command.split()[1:])
    assert resumed.exit_code == 0
    assert re.findall(r"^epoch (\d)/4", resumed.output, re.MULTILINE) == ["3", "4"]
    assert weights(place / "stopped") == weights(place / "undisturbed")
    # All but the time it took.
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
    assert said(stopped).endswith(f"stopped after epoch 0 of 2; resume with: {command}\n")
    assert not (place / "stopped").exists()
    assert rcspike_(*command.split()[1:]).exit_code == 0


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to one process")
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
from rcspike.cli import app
from rcspike.cli._record import command_words
from rcspike.cli._report import Reporter
call = Reporter.__call__
def dies(self, progress):
    call(self, progress)
    if (progress.epoch, progress.batch) == (3, 5):
        os.kill(os.getpid(), signal.SIGKILL)
Reporter.__call__ = dies
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


def test_resuming_with_other_settings_is_refused_naming_the_setting(place: Path) -> None:
    train_small("--out", "run")
    error = refused(train_small("--out", "run", "--resume", "--learning-rate", "0.01"))
    assert "learning_rate" in error
    assert "0.01" in error


@pytest.mark.parametrize("file", ["model.safetensors", "checkpoint.safetensors"])
def test_a_folder_that_holds_a_run_is_refused_and_left_alone(place: Path, file: str) -> None:
    (place / "run").mkdir()
    (place / "run" / file).write_bytes(b"precious")
    error = refused(train_small("--out", "run"))
    assert "run already holds a run" in error
    assert "--resume" in error
    assert "--out" in error
    assert [f.read_bytes() for f in (place / "run").iterdir()] == [b"precious"]


def test_resuming_without_a_checkpoint_does_not_train_over_a_model(place: Path) -> None:
    (place / "run").mkdir()
    (place / "run" / "model.safetensors").write_bytes(b"precious")
    assert "no checkpoint" in refused(train_small("--out", "run", "--resume"))


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_loaded(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_text("in the way")
    for name in ("load", "train"):
        monkeypatch.setattr(datasets if name == "load" else _train, name, lambda *_, **__: pytest.fail("too late"))
    for out in ("file", "file/below"):
        assert f"output folder {Path(out)} cannot be written" in refused(train_small("--out", out))


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
    assert hint in refused(rcspike_("train", "--hidden", "12", "--out", "runs/run", *words))
    assert not list(place.iterdir())


@pytest.mark.parametrize("words", [["no-such-data"], ["--seed", "-1"], ["--epochs", "many"], ["--no-such-option"]])
def test_what_cannot_be_parsed_exits_with_2_and_says_where(words: list[str]) -> None:
    result = rcspike_("train", *words)
    assert result.exit_code == 2
    assert words[0].lstrip("-") in said(result)


def test_eval_refuses_what_is_no_model_of_ours(place: Path) -> None:
    (place / "text").write_text("not a model")
    (place / "empty").write_bytes(b"")
    train_small("--out", "run", epochs=1)
    whole = (place / "run" / "model.safetensors").read_bytes()
    (place / "cut").write_bytes(whole[: len(whole) // 2])
    for model in ("text", "empty", "cut", "run/checkpoint.safetensors"):
        assert Path(model).name in refused(rcspike_("eval", model, "digits"))
    assert "no model at missing" in refused(rcspike_("eval", "missing", "digits"))


def test_eval_refuses_a_model_that_does_not_fit_the_images(place: Path) -> None:
    Network.create([49, 10], Circuit(), seed=0).save(place / "small")
    assert "49 inputs but the images have 64 pixels" in refused(rcspike_("eval", "small", "digits"))


def test_missing_data_say_where_they_were_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *, directory: Path | None) -> None:
        raise FileNotFoundError(f"{name} not found in {directory};\n  set RCSPIKE_DATA")

    monkeypatch.setattr(datasets, "load", load)
    error = refused(rcspike_("train", "mnist", "--data", "nowhere"))
    assert error == "error: mnist not found in nowhere; set RCSPIKE_DATA"


def test_a_missing_extra_is_one_line_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_train, "train", lambda *_, **__: pytest.fail("too late"))
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "matplotlib", None)
        assert "pip install 'rcspike[cli]'" in refused(train_small())
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert "pip install 'rcspike[data]'" in refused(train_small())


def test_divergence_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: Any, **__: Any) -> None:
        raise FloatingPointError("training diverged in epoch 1: nan; lower learning_rate (now 9.0)")

    monkeypatch.setattr(_train, "train", train)
    assert "lower learning_rate" in refused(train_small())


@pytest.mark.parametrize("error", [RuntimeError, TypeError, ImportError])
def test_a_bug_keeps_its_traceback(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: Any, **__: Any) -> None:
        raise error("a bug")

    monkeypatch.setattr(_train, "train", train)
    assert isinstance(train_small().exception, error)


def test_a_failing_figure_is_no_mistake_of_the_user_and_costs_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training_figure(*_: Any, **__: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(plots, "training_figure", training_figure)
    assert isinstance(train_small("--out", "run").exception, ValueError)
    assert weights(place / "run")
    assert json.loads((place / "run" / "run.json").read_text())["epochs_finished"] == 2


@pytest.mark.parametrize("words", [[], ["train"], ["eval"], ["energy"], ["info"]])
def test_help_shows_an_example(words: list[str]) -> None:
    result = rcspike_(*words, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Example: .*rcspike {' '.join(words)}", said(result))


def test_help_shows_the_defaults_of_train_itself() -> None:
    text = said(rcspike_("train", "--help"))
    for option, default in (("--temperature", "0.07"), ("--energy-penalty", "0.0")):
        assert re.search(rf"{option} .*default: \(?{default}\)?", text)


@pytest.mark.parametrize(
    "name",
    ["hidden", "epochs", "batch_size", "learning_rate", "noise", "temporal_penalty", "weight_decay", "validation"],
)
def test_help_shows_the_default_of_every_data_set(name: str) -> None:
    """Whatever the presets are: a value for each data set, where it differs from the most frequent one."""
    text = re.sub(r"[\s│]+", " ", said(rcspike_("train", "--help")))
    shown = re.search(rf"--{name.replace('_', '-')} .*?\[default: \((.*?)\)\]", text)
    assert shown
    *special, usual = shown[1].split(", ")
    values = dict(reversed(part.split(" for ")) for part in special)
    for dataset in ("digits", "mnist", "fashion-mnist"):
        value = {**train_defaults(), **preset(dataset)}[name]
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert values.get(dataset, usual.removeprefix("otherwise ")) == text


def test_version_and_info_agree_with_the_build() -> None:
    config = build_config()
    assert rcspike_("--version").output.strip() == f"rcspike {config['version']}"
    text = rcspike_("info").output
    for value in (config["version"], config["compiler"], config["isa"], *config["isas"], str(config["threads"])):
        assert value in text


def test_errors_go_to_stderr_and_the_module_runs_as_a_program(place: Path) -> None:
    command = [sys.executable, "-m", "rcspike", "eval", "missing", "digits"]
    result = subprocess.run(command, cwd=place, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", "error: no model at missing\n")


@pytest.mark.parametrize("missing", ["typer", "rich.console"])
def test_without_the_extra_the_program_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("rcspike.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as stopped:
        rcspike.__main__.main()
    assert stopped.value.code == 2
    name = missing.partition(".")[0]
    assert capsys.readouterr().err == f"error: the command line needs {name}: pip install 'rcspike[cli]'\n"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_the_same_lines(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    terminal = Console(file=screen, force_terminal=True, width=120, markup=False, highlight=False)
    monkeypatch.setattr(_train, "console", lambda: terminal)
    assert train_small().exit_code == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", screen.getvalue())
    assert re.findall(r"^epoch (\d)/2  loss", text, re.MULTILINE) == ["1", "2"]
    assert re.search(r"180/180", text)
    assert "━" in text

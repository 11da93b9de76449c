"""`rcspike train` and `rcspike eval`: the files that a run leaves, and the lines that it prints."""

from __future__ import annotations

import hashlib
import math
import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from cli_runs import (
    error_line,
    lines_of,
    ran,
    rcspike_,
    record,
    rows,
    table,
    train_small,
    trained_small,
    weights,
)
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcspike import Circuit, History, Network, build_config, datasets, evaluate, plots, train
from rcspike.cli import app
from rcspike.energy import columns_of, layer_devices, load_process
from rcspike.experiments import preset
from rcspike.training import checkpoint

pytestmark = pytest.mark.usefixtures("place", "undrawn")


def test_a_run_leaves_model_history_settings_and_checkpoint_in_one_folder(place: Path) -> None:
    trained_small("--seed", "3", "--noise", "0.01", "--validation", "0.1")
    folder = place / "runs" / "digits-v1-s3"
    assert {f.name for f in folder.iterdir()} == {
        "model.safetensors",
        "inputs.json",
        "trained-samples.npz",
        "classes.csv",
        "confusion.svg",
        "confusion.png",
        "history.csv",
        "learning.svg",
        "learning.png",
        "margins.svg",
        "margins.png",
        "run.json",
        "checkpoint.safetensors",
    }
    run = record(folder / "run.json")
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
    result = trained_small("--nonideal", "devices.toml", "--out", "run")
    assert "not trained for: ramp" in result
    run = record("run/run.json")
    assert (run["settings"]["noise"], run["settings"]["offset"]) == (0.02, 0.0)
    assert run["settings"]["devices"] | {"off": 0.05, "lognormal": 0.2} == run["settings"]["devices"]
    assert run["command"].endswith("--nonideal devices.toml --out run")
    trained_small("--noise", "0.02", "--out", "plain")
    weights = [Network.load(folder / "model.safetensors").weights[0] for folder in (place / "run", place / "plain")]
    assert (weights[0] != weights[1]).any()
    longer = train_small("--nonideal", "devices.toml", "--out", "run", "--noise", "0.1", "--resume")
    assert "its noise is 0.02, not 0.1" in error_line(longer)


def test_a_run_for_a_process_stays_within_what_its_devices_can_be_made_for(place: Path) -> None:
    options = ["--process", "sky130-poly", "--constant", "device_min_conductance=1e-5", "--learning-rate", "0.01"]
    lines = trained_small(*options)
    assert "synapses: poly resistor (res_xhigh_po), process sky130-poly" in lines
    assert "not trained for" not in lines
    process = load_process("sky130-poly").with_values(device_min_conductance=1e-5)
    network = Network.load(place / "runs" / "digits-v1-s0" / "model.safetensors")
    found = [layer_devices(process, columns_of(layer)) for layer in network.layers]
    assert all((one.below, one.above) == (0, 0) for one in found)
    assert all(0 < one.drawn < w.size for one, w in zip(found, network.weights, strict=True))
    assert error_line(rcspike_("train", "digits", "--constant", "window=1")) == (
        "error: --constant is of a process: add --process, such as --process sky130-poly"
    )


def test_a_run_says_one_plain_line_an_epoch_when_nobody_watches() -> None:
    text = train_small("--validation", "0.1", epochs=3).output
    assert re.findall(r"^epoch (\d)/3 .*train .*validation .*test .* s$", text, re.MULTILINE) == ["1", "2", "3"]
    assert "\x1b" not in text
    assert "━" not in text


def test_a_run_ends_with_a_summary_that_eval_confirms(place: Path) -> None:
    output = trained_small()
    accuracy = float(rows(place / "runs" / "digits-v1-s0")[-1]["test_accuracy"])
    said_last = rf"^test accuracy +{100 * accuracy:.2f} % after epoch 2, without noise$"
    assert re.search(said_last, output, re.MULTILINE)
    assert re.search(r"^silent +[\d.]+ %", output, re.MULTILINE)
    assert re.search(r"^saturated +[\d.]+ %", output, re.MULTILINE)
    assert re.search(r"^speed +[\d,]+ samples/s", output, re.MULTILINE)
    for model in ("runs/digits-v1-s0/model.safetensors", "runs/digits-v1-s0"):
        evaluation = ran("eval", model, "digits", "--threads", "1")
        assert f"test accuracy {100 * accuracy:.2f} % of 360 images" in evaluation


def test_the_summary_says_how_far_the_training_has_come_and_warns(place: Path) -> None:
    output = trained_small()
    folder, digits = place / "runs" / "digits-v1-s0", datasets.load("digits")
    learned = record(folder / "run.json")["learned"]
    network = Network.load(folder / "model.safetensors")
    t = np.sort(1 - np.asarray(network.forward(digits.test.times), dtype=float), axis=1)  # of a linear ramp
    assert learned["median_margin"] == pytest.approx(np.median(t[:, 1] - t[:, 0]), rel=1e-6)
    chance = scipy.stats.entropy(np.bincount(digits.train.labels))
    assert learned["loss_of_chance"] == pytest.approx(float(rows(folder)[-1]["loss"]) / chance)
    classes = {row["class"]: float(row["accuracy"]) / 100 for row in table(folder / "classes.csv")}
    assert learned["worst_class_accuracy"] == pytest.approx(min(classes.values()))
    assert classes[learned["worst_class"]] == min(classes.values())
    noisy = [evaluate(network, digits.test, noise=0.01, seed=seed) for seed in range(5)]
    assert learned["accuracy_with_jitter"] == pytest.approx(np.mean(noisy))
    assert learned["steps"] == 2 * math.ceil(len(digits.train.labels) / 16)
    assert re.search(rf"^learned +{learned['steps']} steps", output, re.MULTILINE)
    assert learned["warnings"]  # after two epochs
    for line in learned["warnings"]:
        assert re.search(rf"^warning +{re.escape(line)}$", output, re.MULTILINE)
        assert "try --" in line


def test_a_run_with_patience_keeps_the_epoch_that_the_validation_chose(place: Path) -> None:
    options = ("--validation", "0.2", "--patience", "1", "--learning-rate", "0.02", "--out", "run")
    output = trained_small(*options, epochs=40)
    history, run = rows(place / "run"), record("run/run.json")
    assert 2 <= len(history) < 40
    best = max(history, key=lambda row: (float(row["validation_accuracy"]), int(row["epoch"])))
    assert run["kept_epoch"] == int(best["epoch"])
    assert run["test_accuracy"] == float(best["test_accuracy"])
    chance = np.log(10)  # ten classes, nearly as frequent
    assert run["learned"]["loss_of_chance"] == pytest.approx(float(best["loss"]) / chance, rel=1e-3)
    assert f"after epoch {best['epoch']}, the highest validation accuracy" in output
    assert f"stopped        after epoch {len(history)}" in output
    evaluation = ran("eval", "run", "digits", "--threads", "1")
    assert f"test accuracy {100 * run['test_accuracy']:.2f} %" in evaluation
    kept = weights(place / "run")
    ran("train", "digits", "--out", "run", "--resume")
    assert weights(place / "run") == kept
    assert "patience 1 waits for the validation accuracy" in error_line(
        train_small("--patience", "1", "--out", "other")
    )


def test_a_run_of_many_epochs_has_a_line_for_some_of_them(place: Path) -> None:
    np.savez("own.npz", x=np.random.default_rng(0).random((20, 2)), y=np.arange(20) % 2)
    output = ran("train", "own.npz", "--hidden", "3", "--epochs", "150", "--out", "run")
    shown = [int(n) for n in re.findall(r"^epoch +(\d+)", output, re.MULTILINE)]
    assert shown == [*range(1, 11), *range(12, 151, 2)] and len(rows(place / "run")) == 150


def test_eval_has_options_for_noise_and_its_seed() -> None:
    train_small()
    first, again, other = (
        rcspike_("eval", "runs/digits-v1-s0", "digits", "--noise", "0.25", "--seed", seed).output.split("%")[0]
        for seed in ("1", "1", "2")
    )
    assert first == again
    assert first != other


def test_the_circuit_of_the_options_is_the_circuit_of_the_model(place: Path) -> None:
    train_small("--v-syn", "inf", epochs=1)
    assert Network.load(place / "runs" / "digits-vinf-s0" / "model.safetensors").circuit == Circuit.conventional()
    options = ("--v-syn", "2", "--e-plus", "1.5", "--e-minus", "-3", "--diode-drop", "0.25", "--ramp", "0.5")
    trained_small(*options, "--out", "nonlinear", epochs=1)
    circuit = Circuit(v_syn=2, e_plus=1.5, e_minus=-3, diode_drop=0.25, ramp=0.5)
    assert Network.load(place / "nonlinear" / "model.safetensors").circuit == circuit
    train_small("--v-0", "0.5", epochs=1)
    assert Network.load(place / "runs" / "digits-v1-sinh0.5-s0" / "model.safetensors").circuit == Circuit(v_0=0.5)


@pytest.mark.usefixtures("drawn")
def test_hidden_neurons_may_be_joined(place: Path) -> None:
    result = ran("train", "--hidden", "12/3,8", "--epochs", "1", "--out", "run")
    assert "digits, 64-12/3-8-10, circuit v1" in result
    network = Network.load(place / "run" / "model.safetensors")
    assert network.architecture == "64-12/3-8-10"
    assert record("run/run.json")["architecture"] == network.architecture
    for command in ("eval run digits", "trace run digits", "energy run digits"):
        ran(*command.split())
    for hidden, message in (
        ("12/5", "a window of 5 does not divide the 12 inputs"),
        ("12/", "--hidden takes sizes"),
        ("conv3", "--architecture"),
    ):
        assert message in error_line(rcspike_("train", "--hidden", hidden, "--out", "other"))


@pytest.mark.long
def test_training_starts_from_a_model_and_keeps_its_circuit(place: Path) -> None:
    circuit = Circuit(e_plus=0.98, e_minus=-0.96, injection=(5e-4, -8e-4), delay=0.02)
    network = Network.create([64, 12, 10], circuit, seed=4)
    network.save("fitted.safetensors")
    options = ("--start", "fitted.safetensors", "--epochs", "1")
    ran("train", *options)
    folder = place / "runs" / "digits-from-fitted-s0"
    found = Network.load(folder / "model.safetensors")
    assert found.circuit == circuit and found.sizes == network.sizes
    settings = preset("digits") | {"epochs": 1}
    del settings["hidden"]
    train(network, datasets.load("digits"), seed=0, **settings)
    for one, other in zip(found.weights, network.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    written = record(folder / "run.json")
    assert written["start_sha256"] == hashlib.sha256(Path("fitted.safetensors").read_bytes()).hexdigest()
    assert written["options"]["start"] == "fitted.safetensors" and "hidden" not in written["options"]
    ran("train", "--out", str(folder), "--resume", "--epochs", "2")
    for more, message in (
        (("--v-syn", "2"), "fitted.safetensors already has a circuit and layers: leave out --v-syn"),
        (("--hidden", "9"), "leave out --hidden"),
    ):
        assert message in error_line(rcspike_("train", *options, *more, "--out", "other"))
    Network.create([9, 3], circuit, seed=0).save("other.safetensors")
    line = error_line(rcspike_("train", "--start", "other.safetensors", "--out", "other"))
    assert "other.safetensors has 9 inputs and 3 outputs, but digits has 64 inputs and 10 classes" in line


def test_the_figure_is_drawn_of_the_trained_network_and_saved_next_to_it(place: Path, drawn: list[Figure]) -> None:
    train_small()
    folder = place / "runs" / "digits-v1-s0"
    history = checkpoint.load(folder / "checkpoint.safetensors").history
    assert len(history) == 2
    network, images = Network.load(folder / "model.safetensors"), datasets.load("digits").test
    expected = plots.training_figure(network, History(list(history)), images)
    for label in ("error / %", "loss", r"$v\,/\,V_\mathrm{th}$"):
        assert lines_of(expected, label)
        assert lines_of(drawn[0], label) == lines_of(expected, label)


@pytest.mark.usefixtures("drawn")
def test_a_failing_figure_is_a_bug_with_its_traceback_and_costs_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plot(*_: Any, **__: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Axes, "plot", plot)
    assert isinstance(train_small("--out", "run").exception, ValueError)
    assert weights(place / "run")
    assert record("run/run.json")["epochs_finished"] == 2


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", screen)
    app(["train", "--hidden", "12", "--epochs", "2"], standalone_mode=False)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", screen.getvalue())
    assert re.findall(r"^epoch (\d)/2  loss", text, re.MULTILINE) == ["1", "2"]
    assert re.search(r"180/180", text)
    assert "━" in text


@pytest.mark.usefixtures("drawn")
def test_a_run_of_a_single_phase_is_evaluated_and_resumed(place: Path) -> None:
    trained_small("--phases", "single", "--v-syn", "2")
    folder = place / "runs" / "digits-v2-single-s0"
    assert Network.load(folder / "model.safetensors").phases == "single"
    run = record(folder / "run.json")
    assert run["settings"]["silent_penalty"] == 1e-4
    assert float(rows(folder)[-1]["test_accuracy"]) == run["test_accuracy"]
    assert {"steep_1", "steep_2"} <= set(rows(folder)[-1])
    evaluation = rcspike_("eval", str(folder), "digits", "--threads", "1")
    assert f"test accuracy {100 * run['test_accuracy']:.2f} % of 360 images" in evaluation.output
    again = ["train", "digits", "--hidden", "12", "--v-syn", "2", "--resume", "--out", str(folder)]
    assert "its phases is single, not two" in error_line(rcspike_(*again, "--phases", "two"))
    ran(*again, "--phases", "single", "--epochs", "3")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        *(
            (f"{option} 2", f"{option} 2.0 .*phases='single'")
            for option in ("--silent-penalty", "--t-silent", "--max-slope")
        ),
        ("--phases single --v-syn 2 --ramp 0.1", "--ramp 0.1 "),
        ("--phases single --v-syn 1", "no neuron of a single phase would spike"),
    ],
)
def test_an_option_that_the_kind_of_neurons_does_not_take_is_an_error(place: Path, words: str, error: str) -> None:
    assert re.search(error, error_line(train_small(*words.split())))
    assert not list(place.glob("runs/*"))


def test_a_run_is_written_for_tensorboard_too_and_that_is_not_one_of_its_settings(place: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained_small("--out", "run", "--tensorboard", epochs=1)
    ran("train", "--out", "run", "--resume", "--tensorboard", "--epochs", "2")
    board = EventAccumulator(str(place / "run" / "tensorboard")).Reload()
    assert [event.step for event in board.Tensors("test_accuracy")] == [1, 2]
    assert "tensorboard" not in record("run/run.json")["options"]

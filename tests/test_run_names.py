"""Names of runs identify their circuit, and each accuracy is printed with its conditions."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import rcspike_
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from typer.testing import Result

from rcspike import Circuit, Network, datasets, evaluate, plots, train
from rcspike.experiments import Case, Sample, experiment_name, grid

pytestmark = pytest.mark.usefixtures("here", "undrawn")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def train_small(*words: str) -> Result:
    result = rcspike_("train", "--hidden", "8", "--epochs", "1", *words)
    assert result.exit_code == 0, result.output
    return result


# Circuits


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ([], "v1"),
        (["--e-plus", "2", "--e-minus", "-0.5"], "ep2-em-0.5"),
        (["--v-syn", "2", "--diode-drop", "0.25"], "v2-vd0.25"),
        (["--ramp", "-0.5"], "v1-b-0.5"),
    ],
)
def test_the_default_folder_and_the_first_line_of_a_training_name_its_circuit(words: list[str], label: str) -> None:
    result = train_small(*words)
    assert [path.name for path in Path("runs").iterdir()] == [f"digits-{label}-s0"]
    first = f"digits, 64-8-10, circuit {label}, seed 0: results in {Path('runs', f'digits-{label}-s0')}"
    assert result.output.splitlines()[0] == first


def test_another_circuit_does_not_block_the_plain_run() -> None:
    train_small("--e-plus", "2", "--e-minus", "-0.5")
    train_small()
    assert {path.name for path in Path("runs").iterdir()} == {"digits-ep2-em-0.5-s0", "digits-v1-s0"}


def test_an_experiment_is_named_after_its_circuit() -> None:
    names = [
        experiment_name(experiment)
        for experiment in grid(
            ["digits"], v_syn=[1.0, 2.0], seeds=[0], vary={"e_plus": [3.0], "ramp": [0.0, 0.5]}, transfer=True
        )
    ]
    assert len(set(names)) == len(names)
    assert names[:2] == ["rc-spike-digits-200-ep3-em-1-s0", "rc-spike-digits-200-ep3-em-2-s0"]
    assert "transfer-digits-200-ep3-em-1-b0.5-s0" in names
    assert names[-1] == "relu-digits-200-s0"


def test_the_lines_of_a_sweep_distinguish_circuits() -> None:
    words = "sweep digits --v-syn 1 --seeds 1 --no-relu --hidden 8 --vary epochs=1 --vary diode_drop=0,0.25 --workers 1"
    result = rcspike_(*words.split())
    assert result.exit_code == 0, result.output
    assert {"rc-spike-digits-8-v1-s0", "rc-spike-digits-8-v1-vd0.25-s0"} <= set(result.output.split())


def test_energy_names_the_circuit_of_the_model() -> None:
    Network.create([64, 8, 10], Circuit(e_plus=2.0, e_minus=-0.5), seed=0).save("model.safetensors")
    result = rcspike_("energy", "model.safetensors", "digits")
    assert result.stdout.splitlines()[1] == "64-8-10 on digits, circuit ep2-em-0.5, mean of 360 images"


UNUSUAL = Circuit(e_plus=2.0, e_minus=-0.5, diode_drop=0.125, ramp=0.25)
PARTS = ["E_+ = 2$", "E_- = -0.5", "V_D = 0.125", "b = 0.25"]


@pytest.mark.usefixtures("drawn")
def test_titles_have_rails_diode_drop_and_ramp() -> None:
    digits = datasets.load("digits")
    network = Network.create([64, 8, 10], UNUSUAL, seed=0)
    history = train(network, digits, epochs=1, seed=0)
    sample = Sample(Case("all"), (0.9, 0.95))
    for figure in (
        plots.training_figure(network, history, digits.test),
        plots.trace_figure(network, digits.test),
        plots.chips_figure([sample], ideal=0.96, circuit=UNUSUAL),
    ):
        texts = " ".join(text.get_text() for text in figure.texts)
        assert all(part in texts for part in PARTS), texts
    assert (
        "\\infty"
        in plots.chips_figure([sample], ideal=1, circuit=Circuit(v_syn=math.inf, e_minus=-1.0)).texts[0].get_text()
    )


def sweep_rows(**circuit: float) -> list[dict[str, Any]]:
    row = {"dataset": "digits", "model": "rc-spike", "hidden": "8", "n": 1, "test_std": None, "energy_pj_std": None}
    return [{**row, "v_syn": v, **circuit, "test_mean": 97 + v, "energy_pj_mean": 300 * v} for v in (1.0, 2.0)]


@pytest.mark.usefixtures("drawn")
def test_a_front_has_each_circuit_in_its_colour_with_its_whole_name() -> None:
    axes = plots.pareto_figure(sweep_rows(e_minus=-0.5, diode_drop=0.125)).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    front, *labels = [text.get_text() for text in legend.get_texts()]
    assert (front, len(labels)) == ("Pareto front", 2)
    for v, label in zip((1, 2), labels, strict=True):
        assert all(part in label for part in (f"E_+ = {v}$", "E_- = -0.5", "V_D = 0.125"))
    drawn = {to_hex(container.lines[0].get_color()) for container in axes.containers}
    assert drawn == {plots.circuit_colour(Circuit(v_syn=v, e_minus=-0.5)) for v in (1.0, 2.0)}


@pytest.mark.usefixtures("drawn")
def test_a_sweep_says_what_its_circuits_have_in_common_or_apart() -> None:
    figure = plots.sweep_figure(sweep_rows(e_minus=-0.5, diode_drop=0.125))
    assert (
        figure.texts[0].get_text().startswith(r"digits, 8, $E_- = -0.5\,V_\mathrm{th}$, $V_D = 0.125\,V_\mathrm{th}$: ")
    )
    axes = plots.sweep_figure([*sweep_rows(ramp=0.0), *sweep_rows(ramp=0.5)]).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["RC-Spike, ramp 0", "RC-Spike, ramp 0.5"]


# Accuracies


def conditions(folder: str) -> str:
    text = json.loads(Path(folder, "run.json").read_text())["test_accuracy_conditions"]
    assert isinstance(text, str)
    return text


def test_the_accuracy_of_a_run_for_devices_is_that_of_its_weights_with_noise_and_says_so(drawn: list[Figure]) -> None:
    Path("devices.toml").write_text(
        "[variation]\nsigma = 0.1\n[comparator_offset]\nsigma = 0.01\n[jitter]\nsigma = 0.1\n"
    )
    result = train_small("--nonideal", "devices.toml", "--out", "run", "--hidden", "20", "--epochs", "6")
    said = "with spike-time noise of 0.1 T, without the devices and offsets that were trained for"
    assert conditions("run") == said
    (line,) = [line for line in result.output.splitlines() if line.startswith("test accuracy")]
    assert line.endswith(f" after epoch 6, {said}")
    network, test = Network.load("run/model.safetensors"), datasets.load("digits").test
    accuracy = float(re.findall(r"([\d.]+) %", line)[0])
    noisy = [100 * evaluate(network, test, noise=0.1, seed=seed) for seed in range(20)]
    assert min(noisy) <= accuracy <= max(noisy)
    assert accuracy < 100 * evaluate(network, test)
    assert "spike-time noise" in drawn[0].texts[0].get_text()


def test_without_noise_it_is_that_of_the_weights_themselves() -> None:
    Path("devices.toml").write_text("[variation]\nsigma = 0.5\n")
    result = train_small("--nonideal", "devices.toml", "--out", "run")
    assert conditions("run") == "without noise, without the devices that were trained for"
    accuracy = evaluate(Network.load("run/model.safetensors"), datasets.load("digits").test)
    assert f"test accuracy  {100 * accuracy:.2f} % after epoch 1, without noise, without the devices" in result.output
    train_small("--out", "plain")
    assert conditions("plain") == "without noise"
    train_small("--out", "noisy", "--noise", "0.01")
    assert conditions("noisy") == "with spike-time noise of 0.01 T"


def test_eval_says_the_noise_of_its_accuracy() -> None:
    train_small("--out", "run")
    for words, under in (([], ""), (["--noise", "0.1"], " with spike-time noise of 0.1 T")):
        result = rcspike_("eval", "run", "digits", *words)
        assert re.match(rf"test accuracy [\d.]+ % of 360 images{under}, [\d,]+ samples/s\n", result.output)


@pytest.mark.usefixtures("drawn")
def test_a_learning_figure_names_the_noise_of_its_errors() -> None:
    digits = datasets.load("digits")
    network = Network.create([64, 8, 10], Circuit(), seed=0)
    history = train(network, digits, epochs=1, seed=0, noise=0.1)
    with_noise = plots.training_figure(network, history, digits.test, noise=0.1).texts[0].get_text()
    assert with_noise.replace("\n", " ").endswith(r" % after epoch 1, spike-time noise $\sigma_t = 0.1\,T$")
    assert "noise" not in plots.training_figure(network, history, digits.test).texts[0].get_text()

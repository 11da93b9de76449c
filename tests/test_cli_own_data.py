"""A user's own data in every command: train, eval, predict, trace, energy, chips, sweep and spice."""

from __future__ import annotations

import csv
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_runs import empty_folder, error_line, ran, rcspike_, record, table
from matplotlib.figure import Figure
from sklearn.datasets import load_wine
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from rcspike import Network, confusion_matrix
from rcspike.datasets import load

pytestmark = pytest.mark.usefixtures("here", "undrawn")
CULTIVARS = ("barolo", "grignolino", "barbera")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a table."""
    folder = empty_folder(tmp_path, monkeypatch)
    x, y = load_wine(return_X_y=True)
    names = [name.replace(",", " ") for name in load_wine().feature_names]
    with (folder / "wine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "cultivar"])
        writer.writerows([*row, CULTIVARS[label]] for row, label in zip(x.tolist(), y.tolist(), strict=True))
    return folder


def trained(data: str = "wine.csv", *, out: str = "run", epochs: int = 20) -> str:
    return ran(*f"train {data} --hidden 12 --epochs {epochs} --out {out}".split())


@pytest.mark.usefixtures("drawn")
def test_a_table_of_ones_own_is_trained_on_and_the_run_names_data_and_classes() -> None:
    assert "wine, 27-12-3" in trained()
    run = record("run/run.json")
    assert run["dataset"] == "wine.csv" and len(run["data_sha256"]) == 64
    assert run["classes"] == sorted(CULTIVARS)
    assert run["test_accuracy"] > 0.8
    assert {"classes.csv", "confusion.svg", "inputs.json"} <= set(run["files_sha256"])


def test_the_default_folder_has_the_name_of_the_file() -> None:
    ran("train", "./wine.csv,seed=2", "--hidden", "4", "--epochs", "1")
    assert Path("runs/wine-v1-s0/model.safetensors").exists()


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize(
    "line",
    [
        "eval run wine.csv",
        "trace run wine.csv --image 3",
        "energy run wine.csv",
        "chips run wine.csv --nonideal typical --chips 2 --workers 1",
        "spice export run wine.csv --out layer.cir",
        pytest.param(
            "spice verify run wine.csv --neurons 2",
            marks=pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH"),
        ),
    ],
)
def test_every_command_takes_the_same_path(line: str) -> None:
    trained(epochs=2)
    ran(*line.split())
    for wrong in ("missing.csv", "wine.csv,label=colour", "wine.csv,hue=1"):
        words = line.replace("wine.csv", wrong).split()
        assert wrong.partition(",")[0] in error_line(rcspike_(*words))


def test_eval_lists_each_class_and_writes_the_confusion_matrix(drawn: list[Figure]) -> None:
    trained()
    output = ran("eval", "run", "wine.csv", "--out", "classes")
    assert "test accuracy" in output and "of 36 rows" in output
    data, network = load("wine.csv"), Network.load("run/model.safetensors")
    matrix = confusion_matrix(network, data.test)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(data.test.labels))
    assert matrix.trace() == np.sum(network.predict(data.test.times) == data.test.labels)
    rows = table("classes/classes.csv")
    assert [row["class"] for row in rows] == list(data.classes)
    for row, counts in zip(rows, matrix, strict=True):
        assert [int(row[f"read as {name}"]) for name in data.classes] == counts.tolist()
        assert row["class"] in output
    assert [text.get_text() for text in drawn[-1].axes[0].texts] == [f"{n:,}" for n in matrix.ravel() if n]
    written = record("classes/eval.json")
    assert written["test_accuracy"] == pytest.approx(matrix.trace() / matrix.sum())
    answers = network.predict(data.test.times)
    balanced = balanced_accuracy_score(data.test.labels, answers)
    assert written["balanced_accuracy"] == pytest.approx(balanced)
    worst = min(float(row["accuracy"]) for row in rows)
    assert written["worst_class_accuracy"] == pytest.approx(worst / 100)
    assert f"balanced accuracy {100 * balanced:.2f} %, worst class {written['worst_class']}: {worst:.2f} %" in output


def test_predict_writes_the_class_of_each_row_and_agrees_with_the_network() -> None:
    trained()
    data, network = load("wine.csv"), Network.load("run/model.safetensors")
    output = rcspike_("predict", "run", "wine.csv")
    rows = list(csv.DictReader(output.stdout.splitlines()))
    assert [row["sample"] for row in rows] == list(map(str, range(178)))
    assert data.scaling is not None
    x = load_wine().data
    times = load("wine.csv").test.times
    assert {row["class"] for row in rows} == set(CULTIVARS)
    inputs = data.scaling.apply(x)
    predicted = network.predict(np.where(inputs > 0, 1 - inputs, np.inf).astype(np.float32))
    assert [row["class"] for row in rows] == [data.classes[i] for i in predicted]
    assert times.shape[1] == 27
    labels, answers = np.array(CULTIVARS)[load_wine().target], np.array(data.classes)[predicted]
    accuracy, balanced = (100 * score(labels, answers) for score in (accuracy_score, balanced_accuracy_score))
    words = f"accuracy {accuracy:.2f} % of 178 samples, balanced accuracy {balanced:.2f} %"
    assert words in output.stderr
    assert words in ran("predict", "run/model.safetensors", "wine.csv", "--out", "classes.csv")
    assert table("classes.csv") == rows


def test_predict_says_when_the_first_output_spikes_by_how_much_and_all_scores() -> None:
    trained()
    network, data = Network.load("run/model.safetensors"), load("wine.csv")
    rows = list(csv.DictReader(rcspike_("predict", "run", "wine.csv").stdout.splitlines()))
    assert [row["label"] for row in rows] == [CULTIVARS[label] for label in load_wine().target]
    assert data.scaling is not None
    inputs = data.scaling.apply(load_wine().data)
    v = np.asarray(network.forward(np.where(inputs > 0, 1 - inputs, np.inf).astype(np.float32)))
    for row, voltages in zip(rows, v, strict=True):
        scores = [float(row[f"score {name}"]) for name in data.classes]
        np.testing.assert_allclose(scores, voltages, rtol=1e-5)
        highest, second = np.sort(voltages)[:-3:-1]
        # An ideal ramp takes a membrane from v to the threshold in 1 - v; the outputs fire from 2 T on.
        assert float(row["margin_T"]) == pytest.approx(highest - second, rel=1e-4)
        if highest > 0:
            assert float(row["first_spike_T"]) == pytest.approx(2 + max(1 - highest, 0), rel=1e-5)


def test_predict_takes_labels_from_archives_and_leaves_out_those_it_does_not_know() -> None:
    trained()
    x, y = load_wine(return_X_y=True)
    named = np.array(CULTIVARS)[y]
    np.savez("wine.npz", x=x, y=np.where(np.arange(178) < 8, "merlot", named))
    said = rcspike_("predict", "run", "wine.npz").stderr
    assert "of 170 samples (8 more have labels that the network does not know)" in said
    np.savez("bare.npz", x=x)
    assert rcspike_("predict", "run", "bare.npz").stderr == ""
    Path("other.csv").write_text(Path("wine.csv").read_text().replace("cultivar", "region"))
    assert "accuracy" not in rcspike_("predict", "run", "other.csv").stderr


def test_predict_without_the_description_of_inputs_says_what_to_do() -> None:
    trained(epochs=1)
    Path("run/inputs.json").unlink()
    assert "run has no inputs.json" in error_line(rcspike_("predict", "run", "wine.csv"))


def test_predict_rejects_samples_that_do_not_fit() -> None:
    trained(epochs=1)
    Path("short.csv").write_text("1,2,3\n")
    assert "short.csv has 3 columns, but the model takes 13" in error_line(rcspike_("predict", "run", "short.csv"))
    Path("run/inputs.json").write_text("{}")
    assert "inputs.json does not describe the inputs" in error_line(rcspike_("predict", "run", "wine.csv"))


def test_a_sweep_over_a_table_is_run_again_when_the_table_changes() -> None:
    line = (
        "sweep wine.csv --v-syn 1 --seeds 1 --hidden 4 --epochs 2 --batch-size 8,32 --no-relu --workers 1 --out sweep"
    )
    assert "2 runs, 2 of them to do" in ran(*line.split())
    assert "2 runs, 0 of them to do" in ran(*line.split())
    rows = table("sweep/table.csv")
    assert [(row["dataset"], row["batch_size"]) for row in rows] == [("wine.csv", "8"), ("wine.csv", "32")]
    text = Path("wine.csv").read_text()
    Path("wine.csv").write_text(text.replace("14.23", "14.24", 1))
    output = ran(*line.split())
    assert "2 runs, 2 of them to do" in output
    assert "settings that differ: data_sha256.wine.csv" in output


def test_a_study_of_chips_is_done_again_when_the_table_changes() -> None:
    trained(epochs=1)
    line = "chips run wine.csv --nonideal typical --chips 2 --workers 1"
    ran(*line.split())
    ran(*line.split())
    assert len(list(Path("run/chips-typical/cases").iterdir())) == 1
    Path("wine.csv").write_text(Path("wine.csv").read_text().replace("14.23", "14.24", 1))
    assert "settings that differ: data_sha256" in ran(*line.split())
    assert len(list(Path("run/chips-typical/cases").iterdir())) == 2


def test_a_run_is_not_resumed_with_other_data() -> None:
    trained(epochs=2)
    Path("wine.csv").write_text(Path("wine.csv").read_text().replace("14.23", "14.24", 1))
    error = error_line(rcspike_("train", "--out", "run", "--resume"))
    assert "its data had another content" in error


def test_a_sweep_trains_for_device_files_and_tests_on_their_chips() -> None:
    Path("own.toml").write_text("[variation]\nsigma = 0.5\n")
    line = (
        "sweep wine.csv --v-syn 1 --seeds 1 --hidden 8 --epochs 5 --no-relu --workers 1 --out sweep "
        "--nonideal none --nonideal typical --nonideal own.toml"
    )
    output = ran(*line.split())
    rows = table("sweep/table.csv")
    assert "accuracy on chips / %" in output
    assert f"{float(rows[1]['chip_mean']):.2f}" in output
    assert [row["nonideal"] for row in rows] == ["none", "typical", "own.toml"]
    assert [bool(row["chip_mean"]) for row in rows] == [False, True, True]
    assert "0 of them to do" in ran(*line.split())
    Path("own.toml").write_text("[variation]\nsigma = 0.4\n")
    assert "3 runs, 1 of them to do" in ran(*line.split())
    assert "there is no device file missing" in error_line(rcspike_(*line.split(), "--nonideal", "missing"))


def test_commands_say_first_what_they_train_with_and_why() -> None:
    usual = {}
    for data, kind in (("wine.csv", "your own tables"), ("digits", "digits")):
        output = ran("train", data, "--epochs", "1", "--noise", "0.01", "--out", data.partition(".")[0])
        written = record(Path(data.partition(".")[0], "run.json"))
        settings = {**written["settings"], "hidden": written["sizes"][1]}
        usual[kind] = ", ".join(
            f"{name.replace('_', ' ')} {settings[name]}" for name in ("batch_size", "learning_rate")
        )
        given = f"as usual for {kind}; epochs 1, noise 0.01, as given"
        n_steps = math.ceil(len(load(data).train.labels) / settings["batch_size"])
        assert output.splitlines()[1] == f"hidden {settings['hidden']}, {usual[kind]}, {given}; {n_steps} steps"
    typed = "--v-syn 1 --seeds 1 --no-relu --hidden 8 --hidden 4 --epochs 1 --out s --workers 1"
    lines = ran("sweep", "wine.csv", "digits", *typed.split()).splitlines()[1:3]
    for line, data, kind in zip(lines, ("wine", "digits"), usual, strict=True):
        assert line == f"{data}: {usual[kind]}, as usual for {kind}; hidden 8 and 4, epochs 1, as given"


def test_names_of_classes_are_printed_and_drawn_as_they_are(place: Path, drawn: list[Figure]) -> None:
    names = ["$0_to_$10", "$0 to $10", "_hidden", "[red]x[/]", ":smile:"]
    rows = [f"{i % 5}.{i},{-i % 5}.{i},{names[i % 5]}" for i in range(50)]
    (place / "prices.csv").write_text("\n".join(["a,b,class", *rows]) + "\n")
    trained("prices.csv", epochs=1)
    printed = ran("eval", "run", "prices.csv")
    assert all(f"\n{name} " in printed for name in names)
    labels = [label.get_text() for figure in drawn for axes in figure.axes for label in axes.get_yticklabels()]
    assert {name.replace("$", r"\$") for name in names} <= set(labels)

"""A model is tested on the split of its run, and never on rows that it was trained on without a word."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import empty_folder, error_line, leave_figures_empty, rcspike_, said
from matplotlib.figure import Figure
from sklearn.datasets import load_iris

from rcspike import Network, evaluate
from rcspike.datasets import Inputs, load
from rcspike.datasets.splits import seeded_split
from rcspike.experiments import Case, run_cases

pytestmark = pytest.mark.usefixtures("here", "undrawn")
SPECIES = ("setosa", "versicolor", "virginica")
QUICK = [
    "eval run DATA",
    "chips run DATA --nonideal typical --chips 1 --workers 1",
    "train DATA --start run --epochs 1 --out again",
]
OTHERS = ["latency run DATA", "energy run DATA", "trace run DATA", "spice export run DATA --out layer.cir"]
SIMULATED = pytest.param(
    "spice verify run DATA --neurons 1",
    marks=pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH"),
)


def table(name: str, x: Sequence[Sequence[float]], y: Sequence[int], *, columns: str = "a,b,c,d,species") -> None:
    """A CSV file of rows, whose labels are in the last column."""
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows([*row, SPECIES[label]] for row, label in zip(x, y, strict=True))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on irises, whose rows are all different, with a split and a scaling that are not the default ones."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        empty_folder(folder, patch)
        leave_figures_empty(patch)
        x, y = load_iris(return_X_y=True)
        x, first = np.unique(x, axis=0, return_index=True)
        table("iris.csv", x.tolist(), y[first].tolist())
        ran("train iris.csv,test=0.3,seed=5,scaling=range --hidden 8 --epochs 4 --out run")
    return folder


@pytest.fixture(autouse=True)
def place(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the run and its table."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return empty_folder(tmp_path, monkeypatch)


def ran(line: str) -> str:
    result = rcspike_(*line.split())
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return said(result)


def failed(line: str) -> str:
    return error_line(rcspike_(*line.split()))


def rows_of(file: str) -> list[list[str]]:
    with Path(file).open(newline="") as stream:
        return list(csv.reader(stream))


def numbers(file: str) -> tuple[list[list[float]], list[int]]:
    rows = rows_of(file)[1:]
    return [list(map(float, row[:-1])) for row in rows], [SPECIES.index(row[-1]) for row in rows]


def split(file: str, fraction: float, seed: int) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Rows to train and to test on, as they are in the file."""
    x, y = numbers(file)
    chosen = seeded_split(np.array(y), fraction, seed)
    return [tuple(x[i]) for i in chosen[0]], [tuple(x[i]) for i in chosen[1]]


def n_seen(file: str = "iris.csv", fraction: float = 0.3, seed: int = 7) -> int:
    """Test rows of another split that the run was trained on."""
    trained = set(split("iris.csv", 0.3, 5)[0])
    return sum(row in trained for row in split(file, fraction, seed)[1])


def shuffled(name: str) -> None:
    """The same rows in another order."""
    x, y = numbers("iris.csv")
    order = np.random.default_rng(0).permutation(len(x))
    table(name, [x[i] for i in order], [y[i] for i in order])


@pytest.mark.parametrize(
    "line",
    [
        *QUICK,
        *(pytest.param(line, marks=pytest.mark.long) for line in OTHERS),
        pytest.param(*SIMULATED.values, marks=[*SIMULATED.marks, pytest.mark.long]),
    ],
)
def test_every_command_takes_the_split_of_the_run_and_another_one_is_an_error_unless_it_is_allowed(line: str) -> None:
    own = ran(line.replace("DATA", "iris.csv"))
    assert "note:" not in own and "trained on" not in own
    shutil.rmtree("again", ignore_errors=True)
    other = line.replace("DATA", "iris.csv,seed=7")
    error = failed(other)
    assert "seed is 7" in error and "trained with 5" in error and "--allow-seen" in error
    assert f"{n_seen()} of 45 test rows were trained on" in error
    assert f"{n_seen()} of 45 test rows were trained on" in ran(f"{other} --allow-seen")


@pytest.mark.parametrize("line", [*QUICK, *OTHERS, SIMULATED])
def test_every_command_finds_rows_of_the_training_in_a_file_with_another_name_and_order(line: str) -> None:
    shuffled("copy.csv")
    n = len(load("copy.csv").test.labels)
    error = failed(line.replace("DATA", "copy.csv"))
    assert f"copy.csv: {n_seen('copy.csv', 0.2, 0)} of {n} test rows were trained on" in error


def test_the_named_positions_are_those_of_rows_that_were_trained_on() -> None:
    shuffled("copy.csv")
    trained, tested = split("iris.csv", 0.3, 5)[0], split("copy.csv", 0.2, 0)[1]
    error = failed("eval run copy.csv")
    named = [int(number) for number in re.findall(r"\d+", error.partition("positions")[2])]
    assert named == [i for i, row in enumerate(tested) if row in trained][:10]


def test_rows_that_are_new_are_not_an_error() -> None:
    x, y = numbers("iris.csv")
    table("new.csv", (np.array(x) + 0.011).tolist(), y)
    assert "trained on" not in ran("eval run new.csv")


def test_eval_repeats_the_accuracy_of_the_training_with_no_option_typed() -> None:
    accuracy = json.loads(Path("run/run.json").read_text())["test_accuracy"]
    assert f"test accuracy {100 * accuracy:.2f} % of 45 rows" in ran("eval run iris.csv")


def test_the_record_of_a_run_has_label_split_and_seed_in_force() -> None:
    reading = {"label": "species", "test": 0.3, "seed": 5, "scaling": "range", "complement": True}
    run = json.loads(Path("run/run.json").read_text())
    assert run["reading"] == reading
    assert "trained-samples.npz" in run["files_sha256"]
    ran("eval run iris.csv --out classes")
    assert json.loads(Path("classes/eval.json").read_text())["settings"]["reading"] == reading


@pytest.mark.parametrize("options", ["label=species", "label=4", "test=0.3,seed=5", "scaling=range,complement=yes"])
def test_options_that_say_the_same_as_the_record_are_not_an_error(options: str) -> None:
    assert "of 45 rows" in ran(f"eval run iris.csv,{options}")


@pytest.mark.parametrize(
    ("options", "new", "old"),
    [("scaling=quantile", "scaling is quantile", "range"), ("complement=no", "complement is False", "True")],
)
def test_samples_are_never_scaled_in_another_way(options: str, new: str, old: str) -> None:
    for line in (f"eval run iris.csv,{options}", f"eval run iris.csv,{options} --allow-seen"):
        error = failed(line)
        assert new in error and f"trained with {old}" in error and "--allow-seen to" not in error


def test_a_label_in_the_midst_of_a_table_is_taken_from_the_record_and_duplicates_are_said_once() -> None:
    rows = [[*row[:2], row[4], *row[2:4]] for row in rows_of("iris.csv")]
    Path("kinds.csv").write_text("\n".join(map(",".join, [*rows, *rows[1:]])))
    output = ran("train kinds.csv,label=species,test=0.25 --hidden 4 --epochs 1 --out kinds")
    data = load("kinds.csv,label=species,test=0.25")
    n, trained = len(data.test.labels), {row.tobytes() for row in data.train.times}
    n_equal = sum(row.tobytes() in trained for row in data.test.times)
    assert f"{n_equal} of {n} test rows equal a training sample" in output
    accuracy = json.loads(Path("kinds/run.json").read_text())["test_accuracy"]
    evaluation = ran("eval kinds kinds.csv")
    assert f"test accuracy {100 * accuracy:.2f} % of {n} rows" in evaluation
    assert "trained on" not in evaluation


def test_results_on_rows_that_were_trained_on_are_marked(drawn: list[Figure]) -> None:
    mark = f"{n_seen()} of 45 test rows were trained on"
    output = ran("eval run iris.csv,seed=7 --allow-seen --out classes")
    assert re.search(rf"^test accuracy .*{mark}", output, re.MULTILINE)
    for line in ("chips run DATA --nonideal typical --chips 1 --workers 1", "energy run DATA", "latency run DATA"):
        ran(line.replace("DATA", "iris.csv,seed=7") + " --allow-seen --out " + line.partition(" ")[0])
    texts = [" ".join(text.get_text() for text in figure.findobj() if hasattr(text, "get_text")) for figure in drawn]
    assert len(texts) >= 5
    assert all(mark in " ".join(text.split()) for text in texts)
    for record in ("classes/eval.json", "chips/chips.json", "energy/energy.json", "latency/latency.json"):
        content = json.loads(Path(record).read_text())
        assert content["settings"]["test_samples_trained_on"] == int(mark.split()[0])
        assert content["options"]["allow_seen"] is True


def test_features_are_scaled_as_for_the_run_and_found_by_their_names() -> None:
    x, y = numbers("iris.csv")
    table("other.csv", (np.array(x)[:, ::-1] * 1.3 + 0.011).tolist(), y, columns="d,c,b,a,species")
    ran("eval run other.csv --out classes")
    trained, (_, tested) = np.array(split("iris.csv", 0.3, 5)[0]), seeded_split(np.array(y), 0.2, 0)
    low, high = trained.min(axis=0), trained.max(axis=0)
    x_new = np.clip(((np.array(x)[tested] * 1.3 + 0.011) - low) / (high - low), 0, 1)
    intensities = np.column_stack([x_new, 1 - x_new, np.ones(len(tested))])
    times = np.where(intensities > 0, 1 - intensities, np.inf).astype(np.float32)
    right = Network.load("run/model.safetensors").predict(times) == np.array(y)[tested]
    assert 0.2 < np.mean(right) < 1
    assert json.loads(Path("classes/eval.json").read_text())["test_accuracy"] == np.mean(right)


def test_classes_have_the_numbers_of_the_run() -> None:
    x, y = numbers("iris.csv")
    some = [i for i, label in enumerate(y) if label > 0]  # without setosa, class 0
    table("two.csv", (np.array(x)[some] + 0.011).tolist(), [y[i] for i in some])
    names = [line.split()[0] for line in ran("eval run two.csv").splitlines()[3:6]]
    assert names == list(SPECIES)
    Path("other.csv").write_text(Path("two.csv").read_text().replace("virginica", "sibirica"))
    assert "'sibirica'" in failed("eval run other.csv")


@pytest.mark.parametrize("missing", ["run.json", "trained-samples.npz", "inputs.json"])
def test_a_model_without_its_record_is_tested_with_one_line_about_it(missing: str) -> None:
    Path("run", missing).unlink()
    output = ran("eval run iris.csv,seed=7,test=0.3")
    assert len(re.findall("^note: .*unknown.*", output, re.MULTILINE)) == 1
    assert "of 45 rows" in output


def test_a_model_that_is_not_that_of_the_record_is_an_unknown_one() -> None:
    Network.create([9, 8, 3], Network.load("run/model.safetensors").circuit, seed=9).save("run/model.safetensors")
    assert "note: it is unknown" in ran("eval run iris.csv,seed=7,test=0.3")


def test_a_damaged_file_of_trained_samples_is_an_error_that_names_it() -> None:
    Path("run/trained-samples.npz").write_bytes(b"PK")
    assert "trained-samples.npz" in failed("eval run iris.csv")


def test_a_damaged_reading_is_an_error_that_names_the_record() -> None:
    run = json.loads(Path("run/run.json").read_text())
    for reading in ("7", {"label": 1}, {"seed": "0"}, {"test": [0.1]}):
        Path("run/run.json").write_text(json.dumps({**run, "reading": reading}))
        assert "run.json" in failed("eval run iris.csv")


@pytest.mark.long
def test_a_run_keeps_the_rows_of_the_run_from_which_it_started() -> None:
    x, y = numbers("iris.csv")
    table("new.csv", (np.array(x) + 0.011).tolist(), y)
    ran("train new.csv --start run --epochs 1 --out again")
    assert "trained on" not in ran("eval again new.csv")
    assert "trained on" in failed("eval again iris.csv,seed=7")
    assert Path("again/inputs.json").read_text() == Path("run/inputs.json").read_text()
    Path("mixed.toml").write_text('dataset = "iris.csv,seed=7"\nstart = "run"\nallow_seen = true\nepochs = 1\n')
    ran("train --config mixed.toml --out mixed")
    assert f"{n_seen()} of 45 test rows were trained on" in failed("eval mixed iris.csv")  # its own split
    error = failed("latency run iris.csv --compare mixed")  # which is tested on the split of the first
    assert "seed is 5" in error and "mixed was trained with 7" in error


def test_a_run_that_started_from_an_unknown_model_says_so() -> None:
    shutil.copy("run/model.safetensors", "copied.safetensors")
    assert "note: " in ran("train iris.csv --start copied.safetensors --epochs 1 --out again")
    assert "copied" not in ran("eval again iris.csv")
    assert re.search("^note: .*unknown.*again started", ran("eval again iris.csv"), re.MULTILINE)


@pytest.mark.long
def test_a_resumed_run_has_the_file_of_an_uninterrupted_one() -> None:
    before = {name: Path("run", name).read_bytes() for name in ("trained-samples.npz", "inputs.json")}
    ran("train --resume --out run --epochs 6")
    assert {name: Path("run", name).read_bytes() for name in before} == before
    assert "of 45 rows" in ran("eval run iris.csv")


def test_a_data_set_that_is_known_by_name_is_its_own_split() -> None:
    ran("train digits --hidden 4 --epochs 1 --out named")
    assert "note:" not in ran("eval named digits")
    digits = load("digits")
    np.savez("digits-again.npz", x=digits.train.images[:200], y=digits.train.labels[:200])
    n = len(load("digits-again.npz").test.labels)
    assert f"{n} of {n} test images were trained on" in failed("eval named digits-again.npz")


@pytest.mark.long
@pytest.mark.parametrize("out", ["fitted.safetensors", "other/model.safetensors"])
def test_a_model_that_is_fitted_keeps_the_split_and_the_rows_of_its_run(out: str) -> None:
    Path("other").mkdir()
    times = "".join(f"0,{i},{t}e-6\n" for i, t in enumerate((1.2, 1.3, 1.4)))
    Path("spikes.csv").write_text(f"image,neuron,spike_time\n{times}")
    ran(f"spice fit spikes.csv run iris.csv --parameters none --calibrate --out {out}")
    assert "note:" not in (output := ran(f"eval {out} iris.csv")) and "of 45 rows" in output
    assert f"{n_seen()} of 45 test rows were trained on" in failed(f"eval {out} iris.csv,seed=7")
    table("new.csv", *numbers("iris.csv"))
    assert ran(f"predict {out} new.csv") == ran("predict run new.csv")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_copy_of_another_precision_is_found(dtype: str) -> None:
    x, y = numbers("iris.csv")
    np.savez("copy.npz", x=np.array(x, dtype=dtype), y=np.array(SPECIES)[y])
    assert f"{n_seen()} of 45 test rows were trained on" in failed("eval run copy.npz,test=0.3,seed=7")


@pytest.mark.parametrize("name", ["trained-samples.npz", "inputs.json"])
def test_a_file_of_the_run_that_was_exchanged_is_an_error(name: str) -> None:
    ran("train iris.csv,seed=3 --hidden 2 --epochs 1 --out other")
    shutil.copy(f"other/{name}", f"run/{name}")
    assert f"run/{name} is not the file that run/run.json describes" in failed("eval run iris.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
@pytest.mark.parametrize("name", ["trained-samples.npz", "inputs.json", "run.json"])
def test_a_pipe_in_the_place_of_a_file_of_the_run_is_an_error(name: str) -> None:
    Path("run", name).unlink()
    os.mkfifo(f"run/{name}")
    assert "is not a file but a pipe" in failed("eval run iris.csv")


def test_a_report_says_that_results_are_of_samples_that_were_trained_on() -> None:
    ran("chips run iris.csv,seed=7 --allow-seen --nonideal typical --chips 1 --workers 1")
    for figure in Path("run").rglob("*.svg"):  # which are empty in these tests
        figure.unlink()
    ran("report run")
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert f"{n_seen()} were trained on" in page


def test_a_record_that_does_not_fit_the_fingerprints_hides_nothing() -> None:
    run = json.loads(Path("run/run.json").read_text())
    Path("run/run.json").write_text(json.dumps({**run, "reading": {**run["reading"], "seed": 7}}))
    assert f"{n_seen()} of 45 test rows were trained on" in failed("eval run iris.csv")


def test_the_path_of_the_table_may_have_commas() -> None:
    Path("one, two").mkdir()
    shutil.copy("iris.csv", "one, two/iris.csv")
    assert (
        ran("eval run iris.csv").split("samples/s")[1]
        == said(rcspike_("eval", "run", "one, two/iris.csv,test=0.3")).split("samples/s")[1]
    )


def test_chips_are_tested_on_samples_that_are_scaled_as_for_the_run() -> None:
    x, y = numbers("iris.csv")
    table("other.csv", (np.array(x) * 1.3 + 0.011).tolist(), y)
    network, inputs = Network.load("run/model.safetensors"), Inputs.load("run/inputs.json")
    expected = evaluate(network, load("other.csv", inputs=inputs).test)
    assert expected != evaluate(network, load("other.csv,scaling=range").test)
    (found,) = run_cases(network, "other.csv", [Case("none")], chips=1, seed=0, inputs=inputs, workers=1)
    assert found.mean == pytest.approx(expected)

"""Sweeps: their runs and stored results, and that tables and figures show them."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")


from rcspike import Circuit, DeviceModel, Network, __version__, datasets, evaluate, plots, train
from rcspike.experiments import (
    Experiment,
    Run,
    experiment_key,
    grid,
    relu_accuracy,
    run_experiment,
    run_rows,
    run_sweep,
    stored_runs,
    summary_rows,
    write_table,
)
from rcspike.experiments.weight_transfer import transfer

pytestmark = pytest.mark.usefixtures("here")
EXPERIMENTS = grid(["digits"], v_syn=[1.0, math.inf], seeds=[0, 1], hidden=[[12]], vary={"epochs": [2]}, relu=False)


def changed(experiment: Experiment, **parameters: Any) -> Experiment:
    return Experiment.of({**experiment.parameters, **parameters})


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_grid_has_every_combination_once_and_a_relu_network_for_each_budget() -> None:
    experiments = grid(
        ["mnist", "fashion-mnist"],
        v_syn=[1.0, 2.0, math.inf],
        seeds=[0, 1],
        hidden=[[200], [400, 400]],
        vary={"noise": [0.0, 0.01], "epochs": [5, 10]},
        transfer=True,
    )
    per_architecture = 3 * 4 + 2 * 4 + 2  # rails x settings, finite rails x settings, epochs
    assert len(experiments) == 2 * 2 * 2 * per_architecture
    assert len({experiment_key(experiment) for experiment in experiments}) == len(experiments)
    assert all("noise" not in experiment.parameters for experiment in experiments if experiment.model == "relu")
    seeds = [experiment.settings.seed for experiment in experiments]
    assert seeds == sorted(seeds)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_syn": [1.0, 1.0]}, "rc-spike-digits-200-v1-s0 is there twice"),
        ({"v_syn": [-1.0]}, r"v_syn.*got -1\.0"),
        ({"vary": {"momentum": [0.9]}}, "model rc-spike has no parameter 'momentum'"),
        ({"vary": {"threads": [2]}}, "model rc-spike has no parameter 'threads'"),
        ({"vary": {"diode_drop": [2.0]}}, "diode_drop"),
        ({"vary": {"epochs": [0]}}, "epochs.*got 0"),
        ({"vary": {"noise": [0.0, -1.0]}}, r"noise.*got -1\.0"),
        ({"vary": {"temperature": [0.0]}}, "temperature.*got 0"),
        ({"hidden": [[20, 0]]}, r"hidden.*got \(20, 0\)"),
        ({"hidden": ["conv2-4", "conv2 - 4"]}, "rc-spike-digits-conv2-4-v1-s0 is there twice"),
        ({"phases": "single"}, "no neuron of a single phase would spike"),
        ({"phases": "single", "v_syn": [2.0], "transfer": True}, "transfer True applies only to two-phase neurons"),
        (
            {"phases": "single", "v_syn": [2.0], "vary": {"ramp": [0.0, 0.1]}},
            r"ramp 0\.1 applies only to two-phase neurons",
        ),
        ({"v_syn": [2.0], "vary": {"max_slope": [5.0]}}, r"max_slope 5\.0 applies only to single-phase neurons"),
    ],
)
def test_a_grid_that_cannot_be_run_is_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid(["digits"], **{"v_syn": [1.0], "seeds": [0], **arguments})


def test_the_key_distinguishes_experiments_by_every_setting() -> None:
    base = grid(["digits"], v_syn=[1.0], seeds=[0], relu=False)[0].parameters
    assert experiment_key({**base, "noise": 0.01}) != experiment_key(base)
    assert experiment_key({**base, "noise": 0.0}) == experiment_key(base)  # that is the default


IDEAL = {"off": 0.0, "levels": 0, "lognormal": 0.0, "proportional": 0.0, "absolute": 0.0, "stuck_off": 0.0}
IDEAL |= {"stuck_on": 0.0, "w_max": []}
SPIKING = {
    "dataset": "digits",
    "hidden": [20, 30],
    "epochs": 40,
    "batch_size": 16,
    "learning_rate": 0.002,
    "seed": 1,
    "v_syn": 2.0,
    "e_plus": None,
    "e_minus": None,
    "diode_drop": 0.0,
    "ramp": 0.0,
    "decay": "cosine",
    "temperature": 0.07,
    "temporal_penalty": 0.0,
    "t_ref": 0.9,
    "energy_penalty": 0.0,
    "weight_decay": 0.0,
    "noise": 0.0,
    "devices": {"class": "rcspike.chips.device_model.DeviceModel", **IDEAL},
    "offset": 0.0,
    "validation": 0.0,
    "version": __version__,
}
RELU = {
    name: SPIKING[name] for name in ("dataset", "hidden", "epochs", "batch_size", "learning_rate", "seed", "version")
}


@pytest.mark.parametrize(
    ("options", "name", "settings"),
    [
        ({"relu": False}, "rc-spike-digits-20-30-v2-s1", {"model": "rc-spike", **SPIKING}),
        (
            {"relu": False, "vary": {"e_plus": [1.5], "noise": [0.01], "devices": [DeviceModel(w_max=(1, 2, 3))]}},
            "rc-spike-digits-20-30-ep1.5-em-2-s1",
            {"model": "rc-spike", **SPIKING, "e_plus": 1.5, "noise": 0.01}
            | {"devices": {**SPIKING["devices"], "w_max": [1.0, 2.0, 3.0]}},  # type: ignore[dict-item]
        ),
        ({}, "relu-digits-20-30-s1", {"model": "relu", **RELU}),
    ],
)
def test_the_run_that_an_earlier_version_has_stored_is_found(
    tmp_path: Path, options: dict[str, Any], name: str, settings: dict[str, Any]
) -> None:
    """Names and contents of files, written out as they have been since runs are stored."""
    *_, experiment = grid(["digits"], v_syn=[2.0], seeds=[1], hidden=[[20, 30]], **options)
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    file = tmp_path / "runs" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    file.parent.mkdir()
    result = {"test_accuracy": 0.75, "seconds": 1.5}
    file.write_text(json.dumps({"parameters": {}, "settings": settings, "result": result, "error": None}))
    assert experiment_key(experiment) == file.stem
    assert stored_runs([experiment], tmp_path) == [Run(experiment, result)]


def test_an_experiment_is_one_value_that_can_be_sent() -> None:
    for experiment in EXPERIMENTS:
        assert pickle.loads(pickle.dumps(experiment)) == experiment
        assert Experiment.of(experiment.parameters) == experiment
        assert Experiment.of(experiment) is experiment
    assert len({*EXPERIMENTS, *map(changed, EXPERIMENTS)}) == len(EXPERIMENTS)


def test_an_experiment_is_also_known_by_its_parameters() -> None:
    parameters = {"model": "rc-spike", "dataset": "digits", "hidden": [12], "epochs": 1, "seed": 0, "v_syn": 2}
    assert experiment_key(parameters) == experiment_key(Experiment.of(parameters))
    (run,) = stored_runs([parameters], "no-such-folder")
    assert run.experiment.circuit == Circuit(v_syn=2.0)
    assert run.parameters == {**parameters, "hidden": (12,)}
    row = run_rows([Run(run.experiment, {"test_accuracy": 0.5, "seconds": 1.0})])[0]
    assert list(row) == ["dataset", "model", "hidden", "v_syn", "epochs", "seed", "test_accuracy"]


def test_numbers_of_numpy_and_whole_ones_are_the_same_run(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"hidden": np.array([[12]]), "vary": {"epochs": np.array([2]), "noise": [0]}}
    experiments = grid(["digits"], v_syn=[1], seeds=[np.int64(0)], relu=False, **arguments)
    (first,) = run_sweep(experiments, tmp_path, workers=1)
    assert first.result is not None, first.error
    (again,) = stored_runs(EXPERIMENTS[:1], tmp_path)
    assert again.result == first.result


@pytest.mark.usefixtures("all_processors")
def test_an_experiment_is_what_train_and_evaluate_give_on_any_number_of_threads() -> None:
    digits = datasets.load("digits")
    experiment = grid(["digits"], v_syn=[2.0], seeds=[3], hidden=[[12]], vary={"epochs": [3]}, relu=False)[0]
    network = Network.create([64, 12, 10], Circuit(v_syn=2.0), seed=3)
    train(network, digits, epochs=3, seed=3, batch_size=16, learning_rate=2e-3)
    for threads in (1, 2):
        assert run_experiment(experiment, threads=threads)["test_accuracy"] == evaluate(network, digits.test)


def test_a_relu_network_sees_each_image_once_an_epoch_and_learns() -> None:
    digits = datasets.load("digits")
    few, many = (relu_accuracy(digits, [30], seed=0, epochs=epochs, batch_size=16) for epochs in (1, 15))
    assert few < many
    assert many > 0.9
    assert many == relu_accuracy(digits, [30], seed=0, epochs=15, batch_size=16, threads=1)


def test_transfer_finds_the_scale_that_undoes_a_change_of_weights() -> None:
    """Weights that were halved on the same circuit need the factor 2, and then lose nothing."""
    digits = datasets.load("digits")
    network = Network.create([64, 30, 10], Circuit.conventional(), seed=0)
    train(network, digits, epochs=20, batch_size=16, seed=0)
    halved = Network([w / 2 for w in network.weights], network.circuit)
    accuracy, plus, minus = transfer(halved, network.circuit, digits)
    assert accuracy >= evaluate(network, digits.test) - 0.02
    assert evaluate(halved.rescaled(network.circuit, plus=2.0, minus=2.0), digits.test) == evaluate(
        network, digits.test
    )
    assert plus == round(plus, 1)
    assert minus == round(minus, 1)


def test_a_sweep_that_is_done_runs_nothing_again(tmp_path: Path) -> None:
    seen: list[Run] = []
    runs = run_sweep(EXPERIMENTS, tmp_path, progress=seen.append)
    assert [run.experiment for run in runs] == EXPERIMENTS
    assert len(seen) == len(EXPERIMENTS)
    assert run_sweep(EXPERIMENTS, tmp_path, progress=lambda run: pytest.fail(str(run))) == runs


def test_an_architecture_is_a_network_of_a_grid_without_a_relu_network(tmp_path: Path) -> None:
    experiments = grid(["digits"], v_syn=[2.0], seeds=[0], hidden=["conv2-pool-8/2-6", [6]], vary={"epochs": [1]})
    names = [experiment_key(one)[:-13] for one in experiments]
    assert names == ["rc-spike-digits-conv2-pool-8_2-6-v2-s0", "rc-spike-digits-6-v2-s0", "relu-digits-6-s0"]
    (run,) = run_sweep(experiments[:1], tmp_path, workers=1)
    network = Network.create("conv2-pool-8/2-6-10", Circuit(v_syn=2.0), input_shape=(8, 8), seed=0)
    history = train(network, datasets.load("digits"), **experiments[0].settings.arguments())
    assert run.result is not None
    assert run.result["test_accuracy"] == history.test_accuracy
    assert stored_runs(experiments, tmp_path) == [run, *map(Run, experiments[1:])]
    assert run_rows([run])[0]["hidden"] == "conv2-pool-8/2-6"
    with pytest.raises(ValueError, match="a ReLU network has dense layers"):
        changed(experiments[2], hidden="conv2-6")
    with pytest.raises(ValueError, match="pool 9 does not fit into maps of 8 x 8"):
        run_sweep([experiments[1], changed(experiments[0], hidden="conv2-pool9-6")], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_runs_of_a_single_phase_have_settings_and_weights_of_their_own() -> None:
    experiments = grid(["digits"], seeds=[0], hidden=[[6]], vary={"epochs": [1]}, relu=False, phases="single")
    assert [one.circuit.v_syn for one in experiments] == [1.5, 2.0, 3.0, 4.0, 8.0, 16.0, math.inf]
    one = experiments[1]
    assert experiment_key(one)[:-13] == "rc-spike-digits-6-v2-single-s0"
    assert one == Experiment.of(one.parameters)
    network = Network.create([64, 6, 10], Circuit(v_syn=2.0), seed=0, phases="single")
    settings = {"batch_size": 16, "learning_rate": 4e-3, "silent_penalty": 1e-4}
    history = train(network, datasets.load("digits"), epochs=1, seed=0, **settings)
    assert run_experiment(one)["test_accuracy"] == history.test_accuracy
    two = grid(["digits"], v_syn=[2.0], seeds=[0], relu=False)[0]
    assert experiment_key(changed(two, phases="two")) == experiment_key(two)


@pytest.mark.filterwarnings("ignore:learning_rate 1e")
def test_a_failure_is_listed_disturbs_no_other_and_is_retried_on_request(tmp_path: Path) -> None:
    experiments = [changed(EXPERIMENTS[0], learning_rate=1e30), EXPERIMENTS[1]]
    failed, fine = run_sweep(experiments, tmp_path, workers=1)
    assert fine.result is not None
    assert failed.error is not None
    assert failed.error.startswith("FloatingPointError: training diverged in epoch 1: ")
    assert failed.error.endswith("lower learning_rate (now 1e+30)")
    assert run_sweep(experiments, tmp_path, progress=lambda run: pytest.fail(str(run)))[0] == failed
    again: list[Run] = []
    run_sweep(experiments, tmp_path, retry=True, progress=again.append)
    assert [run.experiment for run in again] == experiments[:1]


def test_a_broken_result_is_named_and_not_overwritten(tmp_path: Path) -> None:
    run_sweep(EXPERIMENTS[:1], tmp_path, workers=1)
    (file,) = (tmp_path / "runs").iterdir()
    file.write_text(file.read_text()[:20])
    with pytest.raises(ValueError, match=f"{file.name} is not the result of a run: .*; remove it to run it again"):
        stored_runs(EXPERIMENTS[:1], tmp_path)


def test_the_result_of_other_settings_is_not_taken_for_this_one(tmp_path: Path) -> None:
    run_sweep(EXPERIMENTS[:2], tmp_path, workers=1)
    one, other = sorted((tmp_path / "runs").iterdir())
    assert json.loads(one.read_text())["settings"]["learning_rate"] == 2e-3
    one.write_text(other.read_text())
    with pytest.raises(ValueError, match=f"{one.name} is not the result of a run: it has other settings; remove it"):
        stored_runs(EXPERIMENTS[:2], tmp_path)


def test_device_models_distinguish_runs_to_the_last_digit_and_are_stored(tmp_path: Path) -> None:
    models = [DeviceModel(lognormal=sigma) for sigma in (0.3, math.nextafter(0.3, 1))]
    experiments = [changed(EXPERIMENTS[0], devices=model) for model in models]
    keys = [experiment_key(experiment) for experiment in experiments]
    assert len(set(keys)) == 2
    same = DeviceModel(lognormal=np.float64(0.3), w_max=np.empty(0))  # type: ignore[arg-type]
    assert experiment_key(changed(EXPERIMENTS[0], devices=same)) == keys[0]
    assert experiment_key(changed(EXPERIMENTS[0], devices=DeviceModel())) == experiment_key(EXPERIMENTS[0])
    first = run_sweep(experiments, tmp_path, workers=1)
    assert all(run.result is not None for run in first), first
    assert run_sweep(experiments, tmp_path, progress=lambda run: pytest.fail(str(run))) == first
    assert [row["n"] for row in summary_rows(first)] == [1, 1]


def test_tables_leave_out_unfinished_runs_and_have_validation_where_there_is_some(tmp_path: Path) -> None:
    results: Sequence[Run] = [
        Run(EXPERIMENTS[0], {"test_accuracy": 0.5, "validation_accuracy": 0.75, "seconds": 1.0}),
        Run(EXPERIMENTS[1], error="MemoryError"),
        Run(EXPERIMENTS[2]),
    ]
    (row,) = summary_rows(results)
    assert (row["n"], row["test_mean"], row["test_std"], row["validation_mean"]) == (1, 50.0, None, 75.0)
    (run,) = run_rows(results)
    assert (run["test_accuracy"], run["validation_accuracy"], run["seed"]) == (0.5, 0.75, 0)
    write_table(tmp_path / "table.csv", [row])
    assert lines(tmp_path / "table.csv")[0]["test_std"] == ""
    varied = Run(changed(EXPERIMENTS[0], validation=0.2), {"validation_accuracy": 0.75})
    assert run_rows([varied])[0]["validation"] == 0.2


def test_a_curve_is_drawn_for_each_other_setting_with_the_conventional_circuit_at_the_right() -> None:
    common = {"dataset": "mnist", "hidden": "200-200", "n": 3, "test_std": 0.1}
    rows: list[dict[str, Any]] = [
        {**common, "model": "rc-spike", "v_syn": v, "noise": noise, "test_mean": 98 - noise - 1 / v}
        for v in (math.inf, 1.0, 4.0)
        for noise in (0.0, 0.01)
    ]
    rows.append({**common, "model": "relu", "test_mean": 98.2})
    (axes,) = plots.sweep_figure(rows).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4", "∞"]
    assert len(axes.containers) == 2
    for container, noise in zip(axes.containers, (0.0, 0.01), strict=True):
        drawn = np.asarray(container.lines[0].get_ydata(), dtype=float)
        np.testing.assert_allclose(drawn, [97 - noise, 97.75 - noise, 98 - noise])
    (axes,) = plots.sweep_figure(rows, x="noise").axes
    assert [container.lines[0].get_color() for container in axes.containers] == [
        plots.circuit_colour(Circuit(v_syn=v)) for v in (math.inf, 1.0, 4.0)
    ]
    with pytest.raises(ValueError, match="no finished run with a number for v_syn"):
        plots.sweep_figure([])


def test_the_line_ends_before_infinity_and_one_seed_has_no_deviation() -> None:
    one = {"dataset": "mnist", "model": "rc-spike", "hidden": "200-200", "n": 1, "test_std": None}
    rows: list[dict[str, Any]] = [{**one, "v_syn": v, "test_mean": 98.0} for v in (1.0, 4.0, math.inf)]
    rows.append({**one, "model": "relu", "test_mean": 98.2})
    figure = plots.sweep_figure(rows)
    (axes,) = figure.axes
    joined = [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata())]
    assert joined == [[1, 4]]
    (points,) = axes.containers
    assert list(points.lines[0].get_xdata()) == [1, 4, 7]  # infinity is a mean step further
    assert not points.lines[1] and not points.lines[2], "there are bars of a deviation"
    assert not axes.patches, "there is a band of a deviation"
    assert figure.texts[0].get_text() == "mnist, 200-200: one seed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--v-syn", "1,two"], "v_syn takes values of type float, separated by commas, got '1,two'"),
        (["--vary", "epochs"], "--vary takes NAME=VALUE,VALUE, got 'epochs'"),
        (["--vary", "epochs=1.5"], "epochs takes values of type int, separated by commas, got '1.5'"),
        (["--vary", "epoch=1"], "model rc-spike has no parameter 'epoch'"),
        (["--vary", "epochs=1", "--vary", "epochs=2"], "--vary epochs is there twice"),
        (["--vary", "noise=0.1"], "--vary noise=0.1: noise is varied with --noise"),
        (["--vary", "seed=1"], "seed is varied with --seeds"),
        (["--vary", "hidden=20"], "hidden is varied with --hidden"),
        (["--vary", "devices=1"], "devices takes neither numbers nor words, so a sweep cannot vary it"),
        (["--vary", "phases=two,single"], "phases is varied with a sweep for each --phases"),
        (["--vary", "architecture=conv2-4"], "architecture is varied with --architecture"),
        (["--architecture", "conv2-poool-8"], "'poool' in 'conv2-poool-8' is not known"),
        (["--hidden", "x"], "--hidden takes numbers such as 200,200, got 'x'"),
    ],
)
def test_a_command_that_cannot_be_run_leaves_nothing(words: list[str], message: str, tmp_path: Path) -> None:
    from cli_runs import rcspike_

    out = tmp_path / "out"
    result = rcspike_("sweep", "digits", "--out", out, *words)
    assert result.exit_code == 2
    assert message in result.output
    assert not out.exists()

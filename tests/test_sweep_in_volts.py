"""Sweeps in volts: noise, energy and offsets follow from a process, whose values identify the runs."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("matplotlib")

from cli_runs import error_line, rcspike_

from rcspike import Circuit, Network, datasets, load_process, plots, train
from rcspike.chips import ComparatorOffset, program
from rcspike.energy import Hold, activity, energy_parts, operating_point
from rcspike.experiments import (
    Experiment,
    Run,
    Volts,
    chip_seeds,
    experiment_key,
    grid,
    run_experiment,
    run_rows,
    run_sweep,
    summary_rows,
)

pytestmark = pytest.mark.usefixtures("here")
COMMON = {"model": "rc-spike", "dataset": "digits", "hidden": (12,), "epochs": 2, "seed": 1}


def sigma_t(v_th: float, rows: int) -> float:
    """Noise of kT/C, the ramp and the comparator, from the constants of sky130 and the formulas of docs/energy.md."""
    k = {one.name: one.value for one in load_process("sky130").constants}
    drawn = max(k["capacitance"], rows * k["capacitance_per_row"])
    column = rows * (k["column_wire_capacitance"] + 2 * k["column_junction_capacitance"])
    thermal = 1.380649e-23 * k["temperature"] / (drawn + column)
    return math.hypot(math.sqrt(thermal * (1 + 2 * k["ramp_noise"] * v_th)), 1e-3) / v_th


@pytest.mark.parametrize(
    ("hold", "v_th", "hidden", "rows"),
    [("rails", 0.872 / 4, (12,), 12), ("threshold", 0.2, "conv2-12", 9)],  # a column of a window has 9 synapses
)
def test_a_run_in_volts_has_the_noise_energy_and_offsets_of_its_operating_point(
    hold: Hold, v_th: float, hidden: Any, rows: int
) -> None:
    process = load_process().with_values(**({} if hold == "rails" else {"v_th": v_th}))
    volts = Volts(hold=hold, process=process, offset_mv=(3, 30.5), chips=2)
    result = run_experiment({**COMMON, "hidden": hidden, "v_syn": 4.0, "volts": volts})
    noise = sigma_t(v_th, rows)
    assert result["sigma_t"] == pytest.approx(noise, rel=1e-12)
    digits = datasets.load("digits")
    sizes: Any = [64, 12, 10] if rows == 12 else "8x8x1-conv2-12-10"
    network = Network.create(sizes, Circuit(v_syn=4.0), seed=1)
    history = train(network, digits, epochs=2, seed=1, noise=result["sigma_t"])
    assert result["test_accuracy"] == history.epochs[-1].test_accuracy
    done = activity(network, digits.test.times, noise=result["sigma_t"], seed=1)
    parts = energy_parts(done, operating_point(network.circuit, process, hold=hold))
    assert result["energy_pj"] == pytest.approx(1e12 * sum(j.sum(axis=1).mean() for j in parts.values()), rel=1e-12)
    for mv, name in ((3.0, "offset_3_mv_accuracy"), (30.5, "offset_30p5_mv_accuracy")):
        effect = ComparatorOffset(sigma=1e-3 * mv / v_th)
        chips = [
            program(network, [effect], seed=chip).predict(digits.test.times, noise=result["sigma_t"], seed=chip)
            for chip in chip_seeds(1, 2)
        ]
        assert result[name] == pytest.approx(np.mean(chips == digits.test.labels), abs=1e-12)


@pytest.mark.usefixtures("all_processors")
def test_results_do_not_depend_on_the_number_of_threads() -> None:
    experiment = {**COMMON, "v_syn": 8.0, "volts": Volts(hold="rails", offset_mv=[10], chips=2)}
    one, two = ({**run_experiment(experiment, threads=threads), "seconds": 0.0} for threads in (1, 2))
    assert one == two


def test_transferred_weights_have_an_energy_too_and_a_relu_network_has_none() -> None:
    options: dict[str, Any] = {"vary": {"epochs": [1]}, "transfer": True, "volts": Volts(hold="rails")}
    experiments = grid(["digits"], v_syn=[2.0], seeds=[0], hidden=[(12,)], **options)
    assert [one.model for one in experiments if one.volts] == ["rc-spike", "transfer"]
    assert run_experiment(experiments[1])["energy_pj"] > 0


def test_a_normalised_run_has_no_energy() -> None:
    assert set(run_experiment(COMMON)) == {
        "test_accuracy",
        "balanced_accuracy",
        "worst_class_accuracy",
        "test_samples",
        "train_accuracy",
        "seconds",
    }


def test_runs_are_identified_by_every_value_of_the_process_and_by_nothing_else_of_it() -> None:
    sky130 = load_process()

    def key(hold: Hold = "rails", process: Any = sky130, **options: Any) -> str:
        return experiment_key({**COMMON, "volts": Volts(hold=hold, process=process, **options)})

    def changed(name: str, value: float) -> float:
        whole = {"devices_per_synapse": 1.0, "spike_time_bits": 7.0}
        return whole.get(name, math.nextafter(value, 9 if name == "v_supply" else 0))

    others = [
        sky130.with_values(**{one.name: changed(one.name, one.value)}) for one in sky130.constants if one.value > 0
    ]
    keys = [key(), experiment_key(COMMON), key("threshold"), key(offset_mv=[1]), key(offset_mv=[1], chips=3)]
    keys += [key(process=other) for other in others]
    assert len(set(keys)) == len(keys)
    named = replace(sky130, name="mine", description="the same", constants=())
    assert key(process=named) == key() == key(offset_mv=[0]) == key(chips=3)


def test_energies_of_another_process_are_not_used_again(tmp_path: Path) -> None:
    def energy(**values: float) -> float:
        volts = Volts(hold="rails", process=load_process().with_values(**values))
        (run,) = run_sweep([{**COMMON, "volts": volts}], tmp_path, workers=1)
        assert run.result is not None, run.error
        return run.result["energy_pj"]

    first = energy()
    assert energy(comparator_current=0.0) < first
    assert energy() == first
    assert len(list((tmp_path / "runs").iterdir())) == 2


def made(v_syn: float, seed: int, accuracies: tuple[float, float, float]) -> Run:
    volts = Volts(hold="rails", offset_mv=[1, 10])
    names = ("test_accuracy", "offset_1_mv_accuracy", "offset_10_mv_accuracy")
    result = dict(zip(names, accuracies, strict=True)) | {"energy_pj": 100 / v_syn, "sigma_t": 0.01, "seconds": 1.0}
    return Run(Experiment.of({**COMMON, "seed": seed, "v_syn": v_syn, "volts": volts}), result)


RUNS = [made(v, seed, (0.98 + 0.01 * seed, 0.97, 0.9 / v)) for v in (1.0, 2.0) for seed in (0, 1)]


def test_tables_have_a_line_for_each_offset_with_the_voltages() -> None:
    rows = summary_rows(RUNS)
    assert [(row["v_syn"], row["offset_mv"]) for row in rows] == [(v, mv) for v in (1.0, 2.0) for mv in (0, 1, 10)]
    assert [round(row["test_mean"], 6) for row in rows] == [98.5, 97.0, 90.0, 98.5, 97.0, 45.0]
    assert rows[0]["test_std"] == pytest.approx(math.sqrt(0.5))
    for row, v_syn in ((rows[1], 1.0), (rows[4], 2.0)):
        assert (row["process"], row["hold"], row["n"], row["sigma_t"]) == ("sky130", "rails", 2, 0.01)
        voltages = [row["v_th"], row["v_plus"], row["v_minus"], row["energy_pj_mean"]]
        assert voltages == pytest.approx([0.872 / v_syn, 0.872, -0.872, 100 / v_syn])
    lines = run_rows(RUNS[:1])
    assert [(line["offset_mv"], line["test_accuracy"]) for line in lines] == [(0, 0.98), (1, 0.97), (10, 0.9)]


def test_accuracy_against_energy_has_a_line_for_each_offset_and_standard_errors() -> None:
    (axes,) = plots.offsets_figure(summary_rows(RUNS)).axes
    lines = sorted(line.get_xydata().tolist() for line in axes.lines if line.get_zorder() == 1)
    # A line follows V_syn, whose larger value has the smaller energy here.
    np.testing.assert_allclose(lines, [[[100, 90], [50, 45]], [[100, 97], [50, 97]], [[100, 98.5], [50, 98.5]]])
    heights = [np.ptp(np.asarray(bar.lines[2][0].get_segments())[0, :, 1]) for bar in axes.containers]
    assert max(heights) == pytest.approx(2 * math.sqrt(0.5) / math.sqrt(2))
    assert "rails of 0.872 V" in axes.figure.texts[0].get_text().replace("\n", " ")
    with pytest.raises(ValueError, match="no row has an offset"):
        plots.offsets_figure([])


def test_a_sweep_figure_has_a_curve_for_each_offset() -> None:
    (axes,) = plots.sweep_figure(summary_rows(RUNS)).axes
    legend = axes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["RC-Spike, offset 0 mV", "RC-Spike, offset 1 mV", "RC-Spike, offset 10 mV"]


@pytest.mark.usefixtures("drawn")
def test_a_command_sweeps_in_volts(tmp_path: Path) -> None:
    words = "sweep digits --v-syn 1,4 --seeds 1 --hidden 8 --vary epochs=1 --no-relu --workers 1 --chips 2"
    voltages = {}
    for hold, more in (("rails", ""), ("threshold", "--constant v_th=0.2")):
        out = tmp_path / hold
        result = rcspike_(*f"{words} --hold {hold} {more} --offset-mv 3,30".split(), "--out", str(out))
        assert result.exit_code == 0, result.output
        with (out / "table.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["offset_mv"] for row in rows] == ["0.0", "3.0", "30.0"] * 2
        voltages[hold] = [(float(row["v_th"]), float(row["v_plus"])) for row in rows[::3]]
        settings = json.loads((out / "sweep.json").read_text())["settings"]
        assert (settings["hold"], settings["offset_mv"], settings["chips"]) == (hold, [3.0, 30.0], 2)
        assert settings["constants"]["process"] == "sky130"
        figures = {"accuracy.svg", "accuracy-offset_mv.svg", "offsets.svg", "pareto.svg"}
        assert {path.name for path in out.glob("*.svg")} == figures
    assert voltages == {"rails": [(0.872, 0.872), (0.218, 0.872)], "threshold": [(0.2, 0.2), (0.2, 0.8)]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--process rram", "--process is for a sweep in volts: add --hold rails or --hold threshold"),
        ("--constant v_th=0.2", "--constant is for a sweep in volts"),
        ("--offset-mv 1", "--offset-mv is for a sweep in volts"),
        ("--hold rails --chips 3", "--chips is the number of chips with offsets: add --offset-mv"),
        ("--hold rails --offset-mv -1", "offset_mv must be finite and not negative, in mV, got -1.0"),
        ("--hold rails --offset-mv 1,1", "offset_mv must have each value once, to 1 nV, got 1, 1"),
        ("--hold rails --offset-mv x", "--offset-mv takes numbers such as 1,3,10, got 'x'"),
        ("--hold rails --noise 0.01", "noise 0.01 was given together with volts"),
        ("--hold threshold", "V_syn = 2 at a threshold of 0.872 V needs rails of +1.744 and -1.744 V"),
    ],
)
def test_what_volts_cannot_be_is_an_error_before_any_training(words: str, message: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = rcspike_("sweep", "digits", "--v-syn", "1,2", "--out", str(out), *words.split())
    assert message in error_line(result)
    assert not out.exists()


def test_an_experiment_takes_volts_alone_as_volts() -> None:
    with pytest.raises(TypeError, match=r"volts.*got str"):
        Experiment.of({**COMMON, "volts": "rails"})
    with pytest.raises(ValueError, match=r"chips.*got 0"):
        Volts(hold="rails", chips=0)

"""From a requirement to circuits: confidence limits, the search and what it keeps, designs as measured, their sheet."""

from __future__ import annotations

import base64
import json
import math
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("optuna")
pytest.importorskip("scipy")

from cli_runs import error_line, leave_figures_empty, ran, rcspike_, said, table
from needs import browser
from rendering import shown
from scipy import stats
from waiting import wait_until

from rcspike import Network, datasets, load_process
from rcspike.chips import load as load_effects
from rcspike.energy import (
    Columns,
    activity,
    columns_of,
    efficiency,
    energy_parts,
    layer_devices,
    map_to_arrays,
    operating_point,
)
from rcspike.experiments import Design, Designs, Specification, design
from rcspike.experiments.confidence_limits import accuracy_limits, proportion_limits
from rcspike.experiments.design_files import design_folder, effects_text
from rcspike.experiments.design_front import hypervolume, nondominated
from rcspike.experiments.designed_circuit import design_effects, designed_circuit, designed_process
from rcspike.plots import design_front_figure
from rcspike.report import write_sheet

TESTS = Path(__file__).parent
FREE = {"v_syn": "0.8..2", "hidden": "10..30", "capacitance": "3e-12..10e-12"}
SMALL: dict[str, Any] = {"dataset": "digits", "accuracy": 0.6, "free": FREE, "epochs": 4, "chips": 5, "seeds": 1}
POLY = load_process("sky130-poly")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Designs]:
    """The folder and the result of a small search."""
    folder = tmp_path_factory.mktemp("design")
    return folder, design(Specification(**SMALL), folder, trials=4, workers=1)


# Confidence limits


@pytest.mark.parametrize(("n", "k"), [(5, 4.203), (10, 2.911), (20, 2.396), (100, 1.927)])
def test_limits_of_many_samples_are_the_tolerance_limits_of_the_published_tables(n: int, k: float) -> None:
    """k of one-sided tolerance limits, 95 % of the population with a confidence of 95 %: Hahn and Meeker, table J."""
    chips = np.random.default_rng(n).normal(0.9, 0.01, n)
    low, _ = accuracy_limits(chips.tolist(), 10**12, chip_yield=0.95, confidence=0.95)
    assert (chips.mean() - low) / chips.std(ddof=1) == pytest.approx(k, abs=1e-3)


def test_limits_of_equal_chips_are_those_of_one_proportion() -> None:
    low, high = accuracy_limits([0.9, 0.9], 500, chip_yield=0.95, confidence=0.9)
    assert stats.binom.sf(449, 500, low) == pytest.approx(0.1, rel=1e-6)
    assert stats.binom.cdf(450, 500, high) == pytest.approx(0.1, rel=1e-6)
    assert proportion_limits(100, 100, confidence=0.95)[0] == pytest.approx(0.05**0.01, rel=1e-9)


def test_a_lower_limit_is_below_the_true_accuracy_as_often_as_its_confidence_says() -> None:
    rng, wanted = np.random.default_rng(0), 0.95
    true = 0.9 - stats.norm.ppf(0.8) * 0.004
    n_samples, below = 2000, 0
    for _ in range(400):
        shift = rng.normal(0, math.sqrt(0.9 * 0.1 / n_samples))  # of the samples, which all chips share
        chips = rng.normal(0.9 + shift, 0.004, 8)
        below += accuracy_limits(chips.tolist(), n_samples, chip_yield=0.8, confidence=wanted)[0] <= true
    # 400 draws of a probability of 0.95 have a standard deviation of 1.1 points.
    assert below / 400 > wanted - 0.035


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(points)
def test_a_front_beats_all_other_points_and_no_point_of_itself(points: list[tuple[int, int]]) -> None:
    def beats(a: tuple[int, int], b: tuple[int, int]) -> bool:
        return a != b and a[0] <= b[0] and a[1] <= b[1]

    front = [points[i] for i in nondominated(points)]
    assert len({*front}) == len(front)
    for one in points:
        assert (one in front) != any(beats(other, one) for other in points)


@given(points)
def test_a_hypervolume_counts_the_cells_that_some_point_beats(points: list[tuple[int, int]]) -> None:
    cells = sum(any(x <= i and y <= j for x, y in points) for i in range(7) for j in range(7))
    assert hypervolume(points, (7, 7)) == cells


# Specifications


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 97.5}, "accuracy.*97.5.*per cent"),
        ({"chip_yield": 1.0}, "chip_yield.*got 1"),
        ({"area_mm2": 0.0}, "area_mm2.*got 0"),
        ({"rate_khz": -1.0}, "rate_khz.*got -1"),
        ({"chips": 1}, "chips.*got 1"),
        ({"minimise": ("power",)}, "minimise.*energy, area, errors.*power"),
        ({"corners": ("xx 27",)}, "corner.*xx 27"),
        ({"corners": ("tt hot",)}, "corner.*tt hot"),
        ({"hold": "both"}, "hold.*both"),
        ({"free": {"v_sin": "1..2"}}, "'v_sin'.*did you mean 'v_syn'"),
        ({"free": {"v_syn": "2..1"}}, "v_syn.*low < high.*2..1"),
        ({"free": {"v_syn": "1;2"}}, "v_syn.*'1;2'"),
        ({"free": {"v_syn": "0"}}, "v_syn.*got 0"),
        ({"free": {"hidden": "20,conv"}}, "conv"),
        ({"free": {"energy_penalty": "0,1e-3"}}, "energy_penalty.*sky130-poly"),
        ({"free": {"bits": "1..5"}}, "bits.*list"),
        ({"free": {"capacitance": "1e-12,1e-12"}}, "capacitance.*once"),
        ({"hold": "threshold", "free": {"rail": "0.3..0.4"}}, "rail"),
        ({"dataset": "no-such-data"}, "no-such-data"),
    ],
)
def test_an_entry_that_cannot_be_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, OSError), match=message):
        Specification(**{"dataset": "digits", "accuracy": 0.9, **changes})


def test_a_process_follows_from_a_design() -> None:
    made = designed_process(Design(hidden="20", capacitance=5e-12, window=50e-9, resistor_width=2.0), POLY)
    assert made.reference_current == pytest.approx(POLY.reference_current)  # half of C in half of T
    assert made.device_area_per_ohm == 4 * POLY.device_area_per_ohm
    assert made.device_mismatch_by_size == POLY.device_mismatch_by_size / 2
    large = designed_process(Design(hidden="20", comparator_size=4.0), POLY)
    assert large.comparator_offset == POLY.comparator_offset / 2
    assert large.comparator_delay / POLY.comparator_delay == pytest.approx(7.1 / 10.5, rel=0.01)  # simulated
    slow = designed_process(Design(hidden="20", window=1e-6), POLY)
    assert slow.comparator_delay / POLY.comparator_delay == pytest.approx(29.5 / 10.5, rel=0.01)  # simulated
    assert designed_process(Design(hidden="20"), POLY) == POLY


@pytest.mark.parametrize(("hold", "v_th", "rail"), [("rails", 0.225, 0.45), ("threshold", 0.3, 0.6)])
def test_v_syn_lowers_the_threshold_or_raises_the_rails(hold: Any, v_th: float, rail: float) -> None:
    one = Design(hidden="20", v_syn=2.0, hold=hold, threshold=0.3)
    point = operating_point(designed_circuit(one), designed_process(one, POLY))
    assert (point.v_th, point.v_plus) == pytest.approx((v_th, rail))


@pytest.mark.parametrize("process", ["sky130", "sky130-poly", "rram"])
def test_effects_are_those_of_the_process_and_their_file_has_all_their_digits(process: str, tmp_path: Path) -> None:
    one = Design(hidden="20", bits=4, v_syn=1.3)
    p = designed_process(one, load_process(process))
    point = operating_point(designed_circuit(one), p)
    effects = design_effects(one, point, [784, 20])
    (tmp_path / "effects.toml").write_text(effects_text(effects))
    assert load_effects(tmp_path / "effects.toml")[0] == effects
    by_name = {effect.name: effect for effect in effects}
    assert ("wire_resistance" in by_name) == (process != "sky130-poly")  # whose bodies load the membranes
    offset: Any = by_name["comparator_offset"]
    assert offset.sigma * point.v_th == pytest.approx(p.comparator_offset)


# Arrays


def test_layers_on_arrays_are_counted_cell_by_cell() -> None:
    layers = [Columns(300, 50, 50), Columns(50, 10, 10)]
    found = map_to_arrays(POLY, layers, rows=128, columns=32)
    cells = {(layer, row // 128, column // 32) for layer, one in enumerate(layers)
             for row in range(one.rows) for column in range(one.columns)}  # fmt: skip
    assert sum(found.arrays) == len(cells)
    assert found.cuts == (3, 1)
    assert found.utilisation == pytest.approx((300 * 50 + 500) / (len(cells) * 128 * 32))
    assert found.area["cells"] == pytest.approx(len(cells) * 128 * 32 * 9e-12, rel=1e-9, abs=0)
    assert found.area["neurons"] == pytest.approx(60 * 1000e-12, rel=1e-9, abs=0)


def test_joined_parts_of_a_column_charge_as_one_within_the_time_in_which_they_even_out() -> None:
    """Two parts of a column with resistors of their own, joined by a wire, solved as coupled equations."""
    from scipy.integrate import solve_ivp

    layers = [Columns(512, 1, 1)]
    tau = map_to_arrays(POLY, layers, rows=256, columns=1).joining_time  # in T
    assert 0 < tau < 0.05
    g = np.array([0.9, 0.1])  # in C / T of the whole column, to a rail of 1 V_th

    def slopes(_: float, v: Any) -> Any:
        between = (v[::-1] - v) / (4 * tau)  # R C/4 is the time constant of two halves, R C/2 of one part
        return 2 * (g * (1 - v) / 1) * 1 + 2 * between

    v = solve_ivp(slopes, (0, 1), [0.0, 0.0], method="LSODA", rtol=1e-9, atol=1e-12).y[:, -1]
    one = 1 - math.exp(-g.sum())
    assert abs(v.mean() - one) < tau
    assert np.ptp(v) < 2 * tau


# The search


def test_every_trial_is_in_the_table_with_its_values_and_those_of_the_process_come_first(
    found: tuple[Path, Designs],
) -> None:
    _, result = found
    rows = result.table
    assert [row["design"] for row in rows] == [0, 1, 2, 3]
    assert (rows[0]["v_syn"], rows[0]["capacitance"]) == (1.0, 10e-12)
    for row in rows:
        assert 0.8 <= row["v_syn"] <= 2 and 10 <= int(row["hidden"]) <= 30 and 3e-12 <= row["capacitance"] <= 10e-12
    for one in result.trials:
        if one.is_feasible:
            assert one.measured is not None
            assert one.measured.accuracy_limits(result.spec)[0] >= result.spec.accuracy


def test_the_front_is_measured_on_test_samples_and_meets_every_requirement(found: tuple[Path, Designs]) -> None:
    _, result = found
    assert result.front
    test = datasets.load("digits").test
    for one in result.front:
        (measured,) = one.measurements
        assert measured.n_samples == len(test.labels)
        assert len(measured.accuracies["tt 27"]) == 5
        assert max(one.shortfalls(result.spec).values()) <= 0
    energies, areas = zip(*(one.objectives(result.spec) for one in result.front), strict=True)
    assert list(energies) == sorted(energies) and list(areas) == sorted(areas, reverse=True)


def test_where_errors_are_minimised_a_front_tells_what_accuracy_costs(tmp_path: Path) -> None:
    spec = Specification(**SMALL, minimise=("energy", "area", "errors"))
    result = design(spec, tmp_path, trials=3, workers=1)
    assert result.front
    points = []
    for one in result.front:
        (measured,) = one.measurements
        errors = 1 - measured.accuracy_limits(spec)[0]
        assert one.objectives(spec) == (measured.energy_pj, measured.area_mm2, errors)
        assert errors <= 1 - spec.accuracy
        points.append(one.objectives(spec))
    assert len(nondominated(points)) == len(points)
    against_energy, against_area = design_front_figure(result).axes
    for axes, k in ((against_energy, 0), (against_area, 1)):
        (drawn,) = (line for line in axes.lines if line.get_label() == "front, as measured")
        assert drawn.get_xydata() == pytest.approx(np.array([(one[k], 100 * (1 - one[2])) for one in points]))


def numbers(result: Designs) -> list[Any]:
    """What was found, without the times it took."""
    return [
        (one.design, one.state, one.shortfalls, one.measured and replace(one.measured, training_seconds=0, seconds=0))
        for one in result.trials
    ]


def test_a_search_that_goes_on_finds_what_an_undisturbed_one_does(found: tuple[Path, Designs], tmp_path: Path) -> None:
    spec = Specification(**SMALL)
    first = design(spec, tmp_path, trials=2, workers=1)
    assert numbers(first) == numbers(found[1])[:2]
    again = design(spec, tmp_path, trials=4, workers=1)
    assert numbers(again) == numbers(found[1])
    assert [one.measurements[0].accuracies for one in again.front] == [
        one.measurements[0].accuracies for one in found[1].front
    ]
    before = (tmp_path / "search.log").read_bytes()
    assert numbers(design(spec, tmp_path, trials=4, workers=1)) == numbers(again)
    assert (tmp_path / "search.log").read_bytes().startswith(before)


def test_a_requirement_that_cannot_be_met_ends_with_the_nearest_design_and_what_binds_it(tmp_path: Path) -> None:
    result = design(Specification(**{**SMALL, "accuracy": 0.999}), tmp_path, trials=2, workers=1)
    assert not result.front
    assert re.search(r"nearest of 2 is \d.*accuracy: 95 % of the chips.* and 99.9 % are required", result.nearest)
    late = Specification(**SMALL, latency_us=0.25, area_mm2=0.01)
    result = design(late, tmp_path, trials=2, workers=1)
    assert {one.note for one in result.trials} == {"latency_us out of reach whatever it learns"}
    assert "latency: 0.3 µs, and at most 0.25 µs are allowed" in result.nearest


def test_a_design_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    spec = Specification(**{**SMALL, "free": {"min_conductance": "9e-5", "window": "1e-8,1e-6"}, "epochs": 1})
    result = design(spec, tmp_path, trials=3, workers=1)
    notes = [one.note for one in result.trials if one.design.window == 1e-6]
    assert notes and all("cannot be made: no weight of layer" in note for note in notes)


# Killed


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rcspike", "design", *words, "--out", str(folder)]
    answer = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    return subprocess.Popen(command, cwd=TESTS, text=True, preexec_fn=answer, **pipes)


def begun(folder: Path) -> int:
    """Number of trials in the journal; its entries have the operation in op_code, and 4 creates a trial."""
    journal = folder / "search.log"
    return journal.read_text().count('"op_code":4,') if journal.exists() else 0


def computing(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Workers of a search, and not Python's tracker of what they share."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


WORDS = shlex.split(
    "--dataset digits --accuracy 0.6 --v-syn 0.8..2 --hidden 10..30 --epochs 20 --chips 5 --seeds 1 --trials 5 "
    "--workers 2"
)


@pytest.mark.process
@pytest.mark.usefixtures("all_processors")
def test_killed_twice_and_resumed_no_trial_is_lost_or_counted_twice(tmp_path: Path) -> None:
    process = start(tmp_path, *WORDS)
    wait_until(lambda: begun(tmp_path) >= 2 and len(computing(process)) == 2, "two trials have begun")
    computing(process)[0].kill()  # one of two workers
    wait_until(lambda: begun(tmp_path) >= 4, "both of its pool are asked again")
    wait_until(lambda: len(computing(process)) == 2, "there are two workers again")
    workers = computing(process)
    process.kill()  # and then all
    process.communicate()
    psutil.wait_procs(workers, timeout=30)
    process = start(tmp_path, *WORDS)
    known = begun(tmp_path)
    wait_until(
        lambda: begun(tmp_path) > known, "the search goes on, and waits for no lock of a dead process", seconds=30
    )
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    rows = table(tmp_path / "designs.csv")
    assert len(rows) == 5
    assert len({(row["v_syn"], row["hidden"]) for row in rows}) == 5
    assert rows[0]["v_syn"] == "1.0", "the first design, which was running as all was killed, was tried again"


@pytest.mark.process
@pytest.mark.usefixtures("all_processors")
def test_ctrl_c_is_one_line_that_says_how_to_resume(tmp_path: Path) -> None:
    process = start(tmp_path, *WORDS)
    wait_until(lambda: begun(tmp_path) >= 1 and len(computing(process)) == 2, "a trial has begun")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"stopped; .*resume with: rcspike design --dataset digits .*\n", errors)


# The command


def test_the_example_is_a_specification_whose_entries_are_options(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(ran("design", "--example").replace('"mnist"', '"digits"'))
    text = ran("design", tmp_path / "spec.toml", "--show", "--capacitance", "4e-12", "--epochs", "2")
    assert "97.5 % accuracy on 95 % of the chips" in text
    assert "latency at most 0.5 µs" in text
    assert re.search(r"free +v syn 0.7 to 1.5", text) and re.search(r"fixed +capacitance 4e-12", text)
    assert re.search(r"a trial +\d+ s on one core", text)
    assert not [*tmp_path.glob("runs")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "--dataset and --accuracy"),
        ("--dataset digits", "--accuracy"),
        ("missing.toml", "missing.toml"),
        ("--dataset digits --accuracy 0.9 --v-syn 2..1", "v_syn"),
        ("--dataset digits --accuracy 0.9 --process nix", "nix"),
        ("--dataset digits --accuracy 0.9 --hidden conv8-10", "conv8-10"),
    ],
)
def test_bad_input_is_an_error_before_any_work(words: str, message: str, tmp_path: Path) -> None:
    result = rcspike_("design", *words.split(), "--out", tmp_path / "out")
    assert message in error_line(result)
    assert not (tmp_path / "out").exists()


def test_an_unknown_entry_of_a_specification_is_named(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text('dataset = "digits"\naccuracy = 0.9\nv_sin = 1\n')
    assert "'v_sin'" in error_line(rcspike_("design", tmp_path / "spec.toml"))


def test_the_commands_of_a_measured_design_give_its_model_and_accuracies_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_figures_empty(monkeypatch)
    monkeypatch.chdir(tmp_path)
    words = "--dataset digits --accuracy 0.5 --v-syn 0.8..2 --hidden 12 --epochs 3 --chips 4 --seeds 1 --trials 1"
    text = ran("design", *words.split(), "--workers", "1", "--out", "out")
    assert "sh out/designs/0/commands.sh" in text
    (stored,) = Path("out/measured").glob("*.json")
    measured = json.loads(stored.read_text())["measured"]
    for line in Path("out/designs/0/commands.sh").read_text().splitlines()[1:]:
        ran(*shlex.split(line)[1:])
    run = Path("out/designs/0/run-s1")
    assert (run / "model.safetensors").read_bytes() == Path("out/designs/0/model.safetensors").read_bytes()
    chips = [float(row["accuracy"]) for row in table(run / "chips-tt-27" / "chips.csv")]
    assert chips == [round(100 * x, 6) for x in measured["accuracies"]["tt 27"]]  # as a table has them
    parts = [float(row["pJ"]) for row in table(run / "energy.csv") if row["circuit"] == "RC-Spike"]
    assert sum(parts) == pytest.approx(measured["energy_pj"], abs=1e-5)


def test_a_front_that_is_empty_ends_with_words_and_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_figures_empty(monkeypatch)
    words = "--dataset digits --accuracy 0.999 --hidden 10 --epochs 1 --chips 2 --trials 1 --workers 1"
    result = rcspike_("design", *words.split(), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no design meets all requirements; the nearest of 1 is 0" in said(result)
    assert (tmp_path / "out" / "designs.csv").exists()


# The data sheet


@pytest.fixture(scope="module")
def sheet(found: tuple[Path, Designs]) -> tuple[Path, Any, Network, Any]:
    folder, result = found
    one = result.front[0]
    network = Network.load(design_folder(folder, one.number) / "model.safetensors")
    path = write_sheet(folder / "sheet.html", result.spec, one, network, datasets.load("digits").test.times)
    return path, one, network, result.spec


def rows_of(path: Path) -> dict[str, list[str]]:
    """The cells of each row of all tables, complete where they are shown rounded, by the first one."""
    found: dict[str, list[str]] = {}
    for row in re.findall(r"<tr>(.*?)</tr>", path.read_text(encoding="utf-8"), re.DOTALL):
        cells = re.findall(r"<td([^>]*)>(.*?)</td>", row, re.DOTALL)
        whole = [re.search(r'title="([^"]*)"', attributes) for attributes, _ in cells]
        texts = [title[1] if title else text for title, (_, text) in zip(whole, cells, strict=True)]
        if texts:
            found.setdefault(texts[0], texts[1:])
    return found


def test_every_figure_of_a_sheet_is_that_of_the_part_that_computes_it(sheet: tuple[Path, Any, Network, Any]) -> None:
    path, one, network, spec = sheet
    rows = rows_of(path)
    (measured,) = one.measurements
    process = designed_process(one.design, POLY)
    point, layers = operating_point(network.circuit, process), [columns_of(layer) for layer in network.layers]
    done = activity(network, datasets.load("digits").test.times, seed=0)
    parts = energy_parts(done, point)
    measures = efficiency(parts, done, process)
    assert float(rows["energy of an inference / pJ"][0]) == pytest.approx(1e12 * measures.joules)
    assert measured.energy_pj == pytest.approx(1e12 * measures.joules)
    assert float(rows["dense / TOPS/W"][0]) == pytest.approx(measures.tops_per_watt)
    assert float(rows["by events / TOPS/W"][0]) == pytest.approx(measures.tops_per_watt_events)
    assert float(rows["an event / fJ"][0]) == pytest.approx(1e15 * measures.joules_per_event)
    assert float(rows["power / µW"][0]) == pytest.approx(1e6 * measures.watts)
    for part, joules in parts.items():
        assert float(rows[part][0]) == pytest.approx(1e12 * joules.sum(axis=1).mean(), abs=1e-12)
    arrays = map_to_arrays(process, layers, rows=256, columns=64)
    area = 1e6 * sum(arrays.area.values())
    assert float(rows["all / mm2"][0]) == pytest.approx(area)
    operations = 2 * sum(layer.rows * layer.columns for layer in layers)
    assert float(rows["dense / TOPS/mm2"][0]) == pytest.approx(1e-12 * operations * measures.rate / area)
    for part, x in arrays.area.items():
        assert float(rows[f"{part} / mm2"][0]) == pytest.approx(1e6 * x)
    assert float(rows["threshold / V"][0]) == pytest.approx(point.v_th)
    assert float(rows["upper supply of the synapses / V"][0]) == pytest.approx(0.9 + point.v_plus)
    assert float(rows["area / mm2"][1]) == pytest.approx(measured.area_mm2)
    assert float(rows["latency / µs"][1]) == pytest.approx(measured.latency_us)
    low = measured.accuracy_limits(spec)[0]
    assert float(rows["accuracy / %, lower limit"][1]) == pytest.approx(low)
    assert float(rows["1"][1]) == pytest.approx(np.mean(measured.accuracies["tt 27"]))  # by its seed
    for depth, layer in enumerate(layers, start=1):
        devices = layer_devices(process, layer)
        line = re.search(rf">{depth}</td>.*?{devices.drawn}\D", path.read_text(), re.DOTALL)
        assert line is not None
    assert len([name for name in rows if name.replace(" ", "_") in {c.name for c in process.constants}]) == len(
        process.constants
    )
    for command in one.commands:
        assert command.replace("'", "&#39;") in path.read_text()


def test_the_schematic_of_a_sheet_has_the_values_of_the_column(sheet: tuple[Path, Any, Network, Any]) -> None:
    path, one, network, _ = sheet
    images = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", path.read_text())
    schematic = base64.b64decode(images[0]).decode()
    process = designed_process(one.design, POLY)
    point, layer = operating_point(network.circuit, process), columns_of(network.layers[0])
    devices = layer_devices(process, layer)
    assert f"{0.9 + point.v_plus:.3g} V" in schematic
    assert f"{1e12 * float(point.scale(64).capacitance):.3g} pF" in schematic
    assert f"{1e-3 / devices.largest:.3g} to {1e-3 / devices.smallest:.3g} kΩ" in schematic


@browser
@pytest.mark.parametrize("width", [1400, 400])
def test_a_browser_shows_a_sheet_without_a_part_beyond_the_window(
    sheet: tuple[Path, Any, Network, Any], tmp_path: Path, width: int
) -> None:
    seen = shown(sheet[0], tmp_path, width)
    assert seen["overflow"] == 0
    assert seen["hidden"] == [], "tables that have to be scrolled"

"""``rcspike energy`` and energies in a sweep, and their figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import error_line, ran, rcspike_, record, table
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from typer.testing import Result

from rcspike import Circuit, Network, datasets, load_process, plots
from rcspike.energy import (
    PARTS,
    activity,
    crossing_jitter,
    current_source_parts,
    energy_parts,
    operating_point,
    ratio_range,
    virtual_ground_parts,
)

pytestmark = pytest.mark.usefixtures("here", "place")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = Network.create([64, 12, 10], Circuit(v_syn=1.5), seed=0)
    network.save(tmp_path / "model.safetensors")
    return tmp_path


def energy(*words: str | Path) -> Result:
    return rcspike_("energy", *words)


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line)]


@pytest.mark.usefixtures("undrawn")
def test_the_table_and_the_file_say_what_the_functions_do(model: Path) -> None:
    result = ran("energy", model, "digits", "--constant", "comparator_current=2e-6", "--constant", "v_th=0.5")
    network = Network.load(model / "model.safetensors")
    done = activity(network, datasets.load("digits").test.times)
    process = load_process().with_values(comparator_current=2e-6, v_th=0.5)
    point = operating_point(network.circuit, process)
    rows = table(model / "energy.csv")
    assert len(rows) == 3 * 2 * len(PARTS)
    circuits = {
        "RC-Spike": energy_parts,
        "virtual ground": virtual_ground_parts,
        "current sources": current_source_parts,
    }
    totals = []
    for name, compute in circuits.items():
        parts = compute(done, point)
        totals.append(1e12 * sum(joules.sum(axis=1).mean() for joules in parts.values()))
        for row in rows:
            if row["circuit"] == name:
                pj = 1e12 * parts[row["part"]].mean(axis=0)[int(row["layer"]) - 1]
                assert float(row["pJ"]) == pytest.approx(pj, abs=5e-5)  # four digits after the point
    lines = {line.split()[0]: line for line in result.splitlines() if line}
    assert numbers(lines["all"])[-3:] == pytest.approx(totals, abs=5e-3)
    assert numbers(lines["energy"]) == pytest.approx(totals, abs=5e-2)
    assert numbers(lines["power"])[:3] == pytest.approx([t / 3 for t in totals], abs=5e-2)  # pJ in 3 µs are µW
    operations = 2 * (64 * 12 + 12 * 10)
    efficiency = [float(x) for x in re.findall(r"([\d.]+) TOPS/W", lines["dense"])]
    assert efficiency == pytest.approx([operations / t for t in totals], abs=0.05)
    ratios = [numbers(line)[0] for line in result.splitlines() if line.startswith("ratio")]
    assert ratios == pytest.approx([totals[1] / totals[0], totals[2] / totals[0]], abs=5e-3)


@pytest.mark.usefixtures("undrawn")
def test_opamps_have_the_current_that_a_strength_says(model: Path) -> None:
    """Of class A: each takes its largest current from the supply in all phases, and the charge of its output once."""
    strength = 0.7
    lines = ran("energy", model, "digits", "--opamp-strength", str(strength)).splitlines()
    part = next(line for line in lines if line.startswith("op-amps"))
    p, network = load_process(), Network.load(model / "model.safetensors")
    point = operating_point(network.circuit, p)
    done = activity(network, datasets.load("digits").test.times)
    charge = p.capacitance * point.v_th
    amperes = p.opamp_branches * strength * charge / p.window / p.read_voltage / p.opamp_efficiency
    delivered = float((done.q_net + done.q_ramp).sum(axis=1).mean()) * charge * (p.v_highest - p.v_rest)
    joules = (12 + 10) * amperes * p.v_logic * p.opamp_phases * p.window + delivered
    assert numbers(part)[0] == pytest.approx(1e12 * joules, rel=1e-3)
    assert any(re.match(r"op-amps .*strength of 0\.7", line) for line in lines)
    assert "above 0" in error_line(energy(model, "digits", "--opamp-strength", "0"))
    single = Network.create([64, 12, 10], Circuit(v_syn=2.0), phases="single", seed=0)
    single.save(model / "model.safetensors")
    assert "compared with none" in error_line(energy(model, "digits", "--opamp-strength", "1"))


@pytest.mark.usefixtures("undrawn")
def test_both_meanings_of_v_syn_can_be_asked_for(model: Path) -> None:
    """V_syn is 1.5: a lower threshold behind the same rails, or lower rails at the same threshold."""
    for words, volts in (
        ((), (0.872 / 1.5, 0.872)),
        (("--hold", "threshold", "--constant", "v_th=0.4"), (0.4, 0.6)),
    ):
        line = next(line for line in ran("energy", model, "digits", *words).splitlines() if line.startswith("voltages"))
        assert numbers(line)[:2] == pytest.approx(volts, abs=1e-4)
    assert "needs rails of +1.308 and -1.308 V" in error_line(energy(model, "digits", "--hold", "threshold"))


def test_a_process_is_printed_with_its_sources() -> None:
    result = ran("energy", "--show-process", "rram")
    assert "RRAM of 8 to 90 uS" in result
    assert re.search(r"^capacitance\s+5.5e-11\s+1.4e-11\s+1.38e-10\s+F\s+40 uS", result, re.MULTILINE)
    assert energy("--show-process", "nothing").exit_code == 2


@pytest.mark.usefixtures("undrawn")
def test_it_leaves_its_files_next_to_the_model_or_where_an_option_says(model: Path) -> None:
    ran("energy", model / "model.safetensors", "digits")
    ran("energy", model, "digits", "--out", model / "else" / "where")
    for folder in (model, model / "else" / "where"):
        assert {"energy.csv", "energy.svg", "energy.png", "tornado.svg", "tornado.png"} <= {
            file.name for file in folder.iterdir()
        }


@pytest.mark.usefixtures("undrawn")
def test_every_zero_of_the_table_has_its_reason(model: Path) -> None:
    said = ran("energy", model, "digits", "--process", "sky130-simulated").splitlines()
    (head,) = (line for line in said if line.startswith("pJ"))
    circuits = [name for name in ("RC-Spike", "virtual ground", "current sources") if name in head]
    reasons = record(model / "energy.json")["zeros"]
    for line in said[said.index(head) + 1 : said.index(head) + 1 + len(PARTS)]:
        part, *values = re.split(r"\s{2,}", line.strip())
        for name, value in zip(circuits, values[-len(circuits) :], strict=True):
            assert (value == "0") == (part in reasons[name])
    for name, parts in reasons.items():
        for part, why in parts.items():
            assert f"zero {part} of {name}: {why}" in " ".join(" ".join(said).split())


# Nothing loads the op-amp of a column at a value, or at the end of a range.
UNLOADED = [
    (
        'based_on = "sky130"\n',
        'name = "unloaded"\n[column]\ncolumn_wire_capacitance = { value = 0, unit = "F", source = "none" }\n'
        'column_junction_capacitance = { value = 0, unit = "F", source = "none" }\n',
    ),
    (
        'based_on = "sky130"\n',
        'name = "unloaded"\n[column]\ncolumn_wire_capacitance = { value = 0, unit = "F", source = "none" }\n'
        'column_junction_capacitance = { value = 1e-16, low = 0, high = 1e-16, unit = "F", source = "none" }\n',
    ),
]


@pytest.mark.parametrize("lines", UNLOADED, ids=["value", "low end"])
def test_a_process_without_load_for_an_opamp_has_no_ratio_to_a_virtual_ground(
    model: Path, drawn: list[Figure], lines: tuple[str, ...]
) -> None:
    (model / "unloaded.toml").write_text("".join(lines))
    result = ran("energy", model, "digits", "--process", model / "unloaded.toml")
    said = result.splitlines()
    (why,) = (line for line in said if "virtual ground" in line)
    assert "unloaded cannot size an op-amp" in why
    assert "column_wire_capacitance or column_junction_capacitance" in why
    assert [line.split(" over ")[0] for line in said if line.startswith("ratio")] == ["ratio        current sources"]
    assert {row["circuit"] for row in table(model / "energy.csv")} == {"RC-Spike", "current sources"}
    left_out = record(model / "energy.json")["left_out"]
    assert why.endswith(left_out["virtual ground"])
    for figure in drawn:
        texts = [text.get_text() for axes in figure.axes for text in (*axes.get_yticklabels(), axes.title)]
        assert not any("virtual ground" in text for text in texts)
        (heading,) = (text.get_text() for text in figure.texts)
        assert "no virtual ground: unloaded cannot size an op-amp" in " ".join(heading.split())
    network = Network.load(model / "model.safetensors")
    done = activity(network, datasets.load("digits").test.times[:2])
    process = load_process(model / "unloaded.toml")
    for compare in (
        lambda: ratio_range(done, network.circuit, process, "virtual ground"),
        lambda: virtual_ground_parts(done, operating_point(network.circuit, process)),
    ):
        with pytest.raises(ValueError, match="cannot size an op-amp"):
            compare()


@pytest.mark.usefixtures("drawn")
def test_a_conventional_model_stands_alone(model: Path) -> None:
    Network.create([64, 12, 10], Circuit.conventional(), seed=0).save(model / "model.safetensors")
    result = ran("energy", model, "digits")
    assert "RC-Spike" not in result
    assert "current sources" in result
    assert not (model / "tornado.svg").exists()


@pytest.mark.parametrize(
    ("constant", "why"),
    [
        ("v_syn=1", "no constant is called 'v_syn': there are capacitance, capacitance_per_row"),
        ("v_logic", "--constant takes NAME=VALUE with a number in SI units, got 'v_logic'"),
        ("v_logic=1 V", "--constant takes NAME=VALUE with a number in SI units, got 'v_logic=1 V'"),
        ("v_logic=-1", "v_logic must be finite and not negative, in SI units, got -1.0"),
        ("capacitance=0", "capacitance must be above 0, in F, got 0"),
        ("v_rest=1.3", "rails of ±0.872 V around a rest of 1.3 V reach 2.172 V, beyond the highest rail of 1.8 V"),
    ],
)
def test_an_impossible_constant_is_rejected(model: Path, constant: str, why: str) -> None:
    assert error_line(energy(model, "digits", "--constant", constant)).startswith(f"error: {why}")


def test_switches_are_not_counted_twice(model: Path) -> None:
    Network.create([64, 12, 10], Circuit(injection=(1e-3, -1e-3)), seed=0).save(model / "other.safetensors")
    line = error_line(energy(model / "other.safetensors", "digits", "--switches"))
    assert "the circuit of the model has a charge of its switches" in line


def test_the_bars_are_as_long_as_the_energy_and_have_their_sums_as_numbers() -> None:
    rng = np.random.default_rng(80)
    circuits = {name: {part: 1e-12 * rng.random((5, 3)) for part in PARTS} for name in ("one", "other")}
    panels = plots.energy_figure(circuits, heading="some").axes
    assert [axes.get_title(loc="left") for axes in panels][2:] == ["layer 1", "layer 2", "layer 3"]
    for number, axes in enumerate([panels[0], *panels[2:]]):
        bars = [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in axes.patches]
        assert len(bars) == 2 * len(PARTS)
        assert len({colour for _, _, colour in bars}) == len(PARTS)
        totals = []
        for circuit, parts in enumerate(circuits.values()):
            base = 0.0
            for at, joules in enumerate(parts.values()):
                pj = 1e12 * joules.mean(axis=0)
                left, width, _ = bars[2 * at + circuit]
                assert (left, width) == pytest.approx((base, pj[number - 1] if number else pj.sum()), rel=1e-12)
                base += width
            totals.append(f"{base:.3g} pJ")
        assert [text.get_text() for text in axes.texts] == totals
        assert axes.get_xlim()[1] == pytest.approx(max(float(total.split()[0]) for total in totals), rel=0.01)


@pytest.mark.usefixtures("drawn")
def test_a_sweep_draws_accuracy_against_energy(tmp_path: Path) -> None:
    words = "digits --v-syn 1,inf --seeds 1 --no-relu --hold rails --vary epochs=1 --vary energy_penalty=0,0.01"
    command = ["sweep", *words.split(), "--workers", "1", "--out", str(tmp_path)]
    ran(*command)
    assert (tmp_path / "pareto.svg").exists()
    rows = table(tmp_path / "table.csv")
    energies = {(row["v_syn"], row["energy_penalty"]): float(row["energy_pj_mean"]) for row in rows}
    assert len(energies) == 4
    assert energies["1.0", "0.01"] < energies["1.0", "0.0"] < energies["inf", "0.0"]


def rows_at(points: list[tuple[float, float]]) -> list[dict[str, Any]]:
    common = {"dataset": "mnist", "model": "rc-spike", "v_syn": 1.0, "n": 1, "test_std": None, "energy_pj_std": None}
    return [{**common, "energy_pj_mean": energy, "test_mean": accuracy} for energy, accuracy in points]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(90, 95)), min_size=1, max_size=8, unique=True))
def test_the_front_joins_the_points_that_nothing_beats(points: list[tuple[int, int]]) -> None:
    axes = plots.pareto_figure(rows_at([(float(e), float(a)) for e, a in points])).axes[0]
    fronts = [line.get_xydata().tolist() for line in axes.lines if line.get_zorder() == 1]
    best = [[e, a] for e, a in sorted(points) if not any((f <= e and b >= a) and (f, b) != (e, a) for f, b in points)]
    assert fronts == ([best] if len(best) > 1 else []), "a single point is no line"


def test_rows_without_an_energy_are_rejected() -> None:
    with pytest.raises(ValueError, match="no row has an energy: only spiking networks do"):
        plots.pareto_figure([{"dataset": "mnist", "model": "relu", "n": 1, "test_mean": 98.0, "test_std": None}])


def test_a_tornado_has_the_ratios_at_both_ends_of_each_constant() -> None:
    network = Network.create([64, 12, 10], Circuit(v_syn=1.5), seed=0)
    done = activity(network, datasets.load("digits").test.times[:20])
    found = ratio_range(done, network.circuit, load_process(), "virtual ground")
    axes = plots.tornado_figure({"virtual ground": found}).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [one.name.replace("_", " ") for one in found.sensitivities[: len(names)]]
    ends = [{bar.get_x(), bar.get_x() + bar.get_width()} - {found.ratio} for bar in axes.patches]
    drawn = sorted(x for pair in ends for x in pair if abs(x - found.ratio) > 1e-9)
    wanted = [x for one in found.sensitivities[: len(names)] for x in (one.at_low, one.at_high)]
    assert drawn == pytest.approx(sorted(x for x in wanted if abs(x - found.ratio) > 1e-9), rel=1e-9)


@pytest.mark.usefixtures("undrawn")
def test_the_noise_floor_of_a_single_phase_is_that_of_its_crossings(model: Path) -> None:
    network = Network.create([64, 12, 10], Circuit(v_syn=2.0), phases="single", seed=0)
    network.save(model / "model.safetensors")
    (line,) = (one for one in ran("energy", model, "digits").splitlines() if one.startswith("noise floor"))
    times = datasets.load("digits").test.times[:200]
    jitter = crossing_jitter(network, times, operating_point(network.circuit))
    median, _, share = numbers(line)
    assert median == pytest.approx(np.median(jitter), abs=1e-5)
    assert share == pytest.approx(100 * np.mean(jitter > 0.02), abs=0.01)

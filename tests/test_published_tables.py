"""Tables on pages of results agree with the CSV files that the commands wrote."""

from __future__ import annotations

import csv
import math
import re
import statistics
from collections.abc import Sequence
from typing import Any

import pytest
from pages import DOCS

from rcspike.energy import BASELINES, PARTS

RESULTS, ENERGY = DOCS / "results" / "index.md", DOCS / "energy.md"
DATA, HOLDS = ("mnist", "fashion-mnist"), ("rails", "threshold")
OFFSETS = (0.0, 1.0, 3.0, 10.0)


def stored(name: str) -> list[dict[str, Any]]:
    """The rows of a file of results, with its numbers as numbers."""
    with (DOCS / "results" / f"{name}.csv").open(newline="") as file:
        return [{key: number(text) for key, text in row.items()} for row in csv.DictReader(file)]


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def table_after(text: str, mark: str) -> list[list[str]]:
    """The cells of the first table behind a mark, without its head."""
    after = text[text.index(mark) :]
    lines = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert lines
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()[2:]]


def with_spread(mean: float, std: float, digits: int = 2) -> str:
    return f"{mean:,.{digits}f} ± {std:.{digits}f}"


@pytest.mark.parametrize("column", range(2), ids=DATA)
def test_the_accuracies_against_v_syn_are_those_of_the_sweeps(column: int) -> None:
    rows = stored(DATA[column])
    printed = table_after(RESULTS.read_text(encoding="utf-8"), "## Accuracy against V_syn")
    assert len(printed) == len(rows)
    for label, *cells in printed:
        v_syn, is_relu = number(label.partition(":")[0]), label.startswith("ReLU")
        (row,) = (r for r in rows if (r["model"] == "relu" if is_relu else r["v_syn"] == v_syn))
        assert cells[column] == with_spread(row["test_mean"], row["test_std"]), label


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("hold", HOLDS)
def test_the_energies_and_accuracies_in_volts_are_those_of_the_sweeps(data: str, hold: str) -> None:
    name = f"volts-{data}-{hold}"
    rows = stored(name)
    for v_syn, _, _, energy, *accuracies in table_after(ENERGY.read_text(encoding="utf-8"), f"[{name}.csv]"):
        of_v_syn = {row["offset_mv"]: row for row in rows if row["v_syn"] == float(v_syn)}
        assert energy == with_spread(of_v_syn[0]["energy_pj_mean"], of_v_syn[0]["energy_pj_std"], 0)
        assert accuracies == [with_spread(of_v_syn[mv]["test_mean"], of_v_syn[mv]["test_std"]) for mv in OFFSETS]


def best_v_syn(rows: Sequence[dict[str, Any]], offset: float) -> str:
    """The V_syn of least energy that no other beats by two standard errors, as both pages describe it."""
    column = [row for row in rows if row["offset_mv"] == offset]
    pooled = sum(row["test_std"] ** 2 for row in column) / len(column)

    def error(one: dict[str, Any], other: dict[str, Any]) -> float:
        variances = one["test_std"] ** 2 + other["test_std"] ** 2 if offset == 10 else 2 * pooled
        return math.sqrt(variances / one["n"])

    unbeaten = [a for a in column if all(b["test_mean"] - a["test_mean"] <= 2 * error(a, b) for b in column)]
    without = {row["v_syn"]: row["test_mean"] for row in rows if row["offset_mv"] == 0}
    usable = [row for row in unbeaten if without[row["v_syn"]] - row["test_mean"] <= 5]
    return f"{min(usable, key=lambda row: row['energy_pj_mean'])['v_syn']:g}" if usable else "none"


def test_both_pages_have_the_best_v_syn_that_follows_from_the_sweeps() -> None:
    found = [stored(f"volts-{data}-{hold}") for hold in HOLDS for data in DATA]
    best = [[best_v_syn(rows, offset) for rows in found] for offset in OFFSETS]
    text, energy = RESULTS.read_text(encoding="utf-8"), ENERGY.read_text(encoding="utf-8")
    assert [cells[1:] for cells in table_after(text, "## In volts")] == best
    for at, hold in enumerate(("at fixed rails", "at a threshold of")):
        for label, *cells in table_after(
            energy, f"of 1, 2, 4, 8 {hold}".replace("of 1", "best $V_\\mathrm{syn}$ of 1")
        ):
            offsets = {0.0: "none", 1.0: "1 mV", 3.0: "3 mV", 10.0: "10 mV"}
            for row, offset in enumerate(OFFSETS):
                if offsets[offset] in label.partition("(")[0].split(", or ") or label.startswith(offsets[offset]):
                    assert [re.split(r"[:, ]", cell)[0] for cell in cells] == best[row][2 * at : 2 * at + 2], label


def test_the_savings_in_volts_follow_from_the_sweeps() -> None:
    text = " ".join(RESULTS.read_text(encoding="utf-8").partition("## In volts")[2].split())
    printed = [int(percent) for percent in re.findall(r"(\d+) % less", text)]
    saved = []
    for hold, (low, high) in zip(HOLDS, ((8.0, 1.0), (1.0, 8.0)), strict=True):
        for data in DATA:
            energy = {row["v_syn"]: row["energy_pj_mean"] for row in stored(f"volts-{data}-{hold}")}
            saved.append(100 * (1 - energy[low] / energy[high]))
    assert printed == [round(x) for x in saved]
    epochs = [stored(f"volts-{data}-rails")[0]["epochs"] for data in DATA]
    assert f"trained for {epochs[0]:g} epochs on MNIST and for {epochs[1]:g} on Fashion-MNIST" in text


def test_the_parts_of_four_circuits_are_those_of_the_records() -> None:
    files = {"energy-mnist": ("RC-Spike", "virtual ground", "current sources"), "energy-mnist-diode": ("RC-Spike",)}
    of_part: dict[tuple[str, str, str], float] = {}
    for name, circuits in files.items():
        for row in stored(name):
            if row["circuit"] in circuits:
                key = name, row["circuit"], row["part"]
                of_part[key] = of_part.get(key, 0.0) + row["pJ"]
    columns = [
        ("energy-mnist", "RC-Spike"),
        ("energy-mnist-diode", "RC-Spike"),
        *(("energy-mnist", name) for name in BASELINES),
    ]
    for part, *cells in table_after(ENERGY.read_text(encoding="utf-8"), "by layer in [energy-mnist.csv]")[:12]:
        for (name, circuit), cell in zip(columns, cells, strict=True):
            parts = PARTS if part == "all" else (part,)
            pj = sum(of_part[name, circuit, one] for one in parts)
            assert float(cell.partition(" [")[0]) == pytest.approx(pj, abs=0.05 if "." in cell else 0.5), (part, name)
            assert ("[" in cell) == (pj == 0)


@pytest.mark.parametrize("column", [0, 1])
def test_the_parts_at_a_fixed_threshold_are_those_of_the_records(column: int) -> None:
    pj = dict.fromkeys(PARTS, 0.0)
    for row in stored(f"energy-mnist-threshold-v{(1, 8)[column]}"):
        if row["circuit"] == "RC-Spike":
            pj[row["part"]] += row["pJ"]
    joules = 410 * 1.2e-6 * 1.8 * 1e-6  # of 410 simulated comparators in a window of 1 us
    rest = sum(pj.values()) - pj["comparators"]
    expected = [
        pj["positive synapses"] + pj["negative synapses"],
        pj["ramp"],
        pj["axon lines"] + pj["drivers"],
        pj["references"] + pj["reset"] + pj["leakage"],
        pj["comparators"],
        rest + pj["comparators"],
        1e12 * joules,
        rest + 1e12 * joules,
    ]
    printed = table_after(ENERGY.read_text(encoding="utf-8"), "**By parts**")
    for (part, *cells), one in zip(printed, expected, strict=True):
        assert float(cells[column]) == pytest.approx(one, abs=0.051 if "." in cells[column] else 0.51), part


YIN_YANG = DOCS / "results" / "published.md"


def test_the_accuracies_on_yin_yang_are_those_of_the_sweeps() -> None:
    text, stored_runs = YIN_YANG.read_text(encoding="utf-8"), stored("yin-yang")
    printed = table_after(text, "| phases | network |")
    assert len(printed) == 4
    for phases, network, accuracy, seeds in printed:
        of_network = [row for row in stored_runs if f"4-{row['hidden']:g}-3" == network and row["phases"] == phases]
        percent = [100 * row["test_accuracy"] for row in of_network]
        assert [row["seed"] for row in of_network] == list(range(5))
        assert accuracy == with_spread(statistics.mean(percent), statistics.stdev(percent))
        assert seeds == ", ".join(f"{one:.1f}" for one in percent)
        heading = "## Two phases" if phases == "two" else "## A single phase"
        (beside,) = (
            row for row in table_after(text, heading) if row[:2] == ["Yin-Yang", "rcspike"] and network in row[2]
        )
        assert beside[3] == f"{accuracy}, 5 seeds"


def test_the_settings_of_yin_yang_were_compared_as_the_table_says() -> None:
    rows = stored("yin-yang-choice")
    names = ("phases", "hidden", "v_syn", "epochs", "learning_rate", "temperature", "max_slope")
    printed = table_after(YIN_YANG.read_text(encoding="utf-8"), "| phases | hidden | V_syn |")
    for *settings, accuracy in printed:
        wanted = dict(zip(names, map(number, settings), strict=True)) | {"batch_size": 32.0}
        (row,) = (row for row in rows if all(row[name] == x for name, x in wanted.items()))
        assert accuracy == f"{row['mean']:.2f}", settings

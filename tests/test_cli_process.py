"""Commands that put a model into a process agree on its capacitors and devices."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from cli_runs import empty_folder, error_line, leave_figures_empty, ran, rcspike_

from rcspike import Circuit, Network, load_process
from rcspike.energy import operating_point

POLY = ("--process", "sky130-poly", "--constant", "capacitance=5e-12")
PROCESS = load_process("sky130-poly").with_values(capacitance=5e-12)


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    empty_folder(tmp_path, monkeypatch)
    leave_figures_empty(monkeypatch)
    network = Network.create([64, 12, 10], Circuit(v_syn=1.0), seed=0)
    network.save("model.safetensors")
    return network


def test_every_command_has_the_capacitor_of_the_process_and_names_its_device(model: Network) -> None:
    Path("ideal.toml").write_text("")
    said = {
        "info": ran("info", "model.safetensors", *POLY),
        "energy": ran("energy", "model.safetensors", "digits", *POLY),
        "chips": ran("chips", "model.safetensors", "digits", "--nonideal", "ideal.toml", "--chips", "1", *POLY),
        "conductances": ran("conductances", "model.safetensors", "--out", "g.csv", *POLY),
    }
    for command, text in said.items():
        assert re.search(r"^synapses +poly resistor \(res_xhigh_po\), process sky130-poly$", text, re.MULTILINE), (
            command
        )
    scale = operating_point(model.circuit, PROCESS).scale(64)
    picofarads = f"{1e12 * scale.capacitance:.3g}"
    assert f"membranes    {picofarads}, " in said["info"] and f"membranes    {picofarads}, " in said["energy"]
    assert f"nS at {picofarads} pF and 0.1" in said["chips"]
    largest = float(np.abs(model.weights[0]).max())
    ohms = f"weights of {1e-3 / scale.siemens(largest):.3g} kOhm"
    assert all(ohms in said[command] for command in ("info", "energy", "conductances"))
    with Path("g.csv").open(newline="") as file:
        g = [
            max(float(line["g_plus"]), float(line["g_minus"])) for line in csv.DictReader(file) if line["layer"] == "1"
        ]
    assert max(g) == pytest.approx(scale.siemens(largest), rel=1e-6)
    assert float(re.findall(r"to ([\d.e+]+) nS", said["chips"])[0]) == pytest.approx(1e9 * 1e-4, rel=1e-2)  # 10 kOhm


def test_chips_of_a_process_have_its_mismatch_and_times_are_in_seconds() -> None:
    Path("ideal.toml").write_text("")
    words = ["chips", "model.safetensors", "digits", "--nonideal", "ideal.toml", "--chips", "5"]
    ran(*words, "--out", "poly", *POLY, "--constant", "device_mismatch=0.5")
    ran(*words, "--out", "ideal")
    spread = {}
    for folder in ("poly", "ideal"):
        with Path(folder, "table.csv").open(newline="") as file:
            spread[folder] = [float(row["std"]) for row in csv.DictReader(file)]
    assert spread["ideal"] == [0.0] and spread["poly"][0] > 0.5
    assert re.search(r"(\d\.\d\d) T, 0\.\d+ µs", ran("latency", "model.safetensors", "digits", *POLY))


def test_clipping_is_simulated_and_its_accuracy_is_shown() -> None:
    text = ran("energy", "model.safetensors", "digits", *POLY, "--constant", "device_min_conductance=2e-5", "--clip")
    found = re.search(r"accuracy +([\d.]+) % with these devices, ([\d.]+) % with ideal ones", text)
    assert found is not None
    assert re.search(r"layer 1 .*; \d+ weights below what the device can have", text)


def test_a_model_of_another_process_is_told_of_and_trained_on_the_loads_of_this_one() -> None:
    here, small = ("--process", "sky130-poly"), "capacitance=5e-12"
    start = ("train", "digits", "--start", "model.safetensors", "--epochs", "1")
    assert re.search(r"left out at the start, .*: \d+\.\d+ % of layer 1, ", ran(*start, *here, "--out", "poly"))
    said = {
        "info": ran("info", "poly", *here, "--constant", small),
        "energy": ran("energy", "poly", "digits", *here, "--constant", small),
        "chips": ran("chips", "poly", "digits", "--nonideal", "typical", "--chips", "1", *here, "--constant", small),
    }
    assert all("rows' loads than this sky130-poly gives them" in text for text in said.values())
    assert "warning" not in ran("info", "poly", *here)
    ran("train", "digits", "--start", "poly", "--epochs", "1", *here, "--constant", small, "--out", "again")
    circuit = Network.load("again/model.safetensors").circuit
    assert circuit.loads == operating_point(Circuit(v_syn=1.0), PROCESS).with_switches((64, 12, 10)).loads


def test_a_process_that_can_make_no_weight_is_an_error() -> None:
    said = error_line(
        rcspike_("train", "digits", "--start", "model.safetensors", "--process", "sky130-poly", "--constant",
                 "capacitance=1e-15", "--out", "run")
    )  # fmt: skip
    assert "no weight of layer 1 can be made" in said and not Path("run").exists()

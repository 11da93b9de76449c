"""Devices of a network as a table of conductances, and measured conductances as a chip."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from cli_runs import empty_folder, error_line, ran, rcspike_
from test_synapse_devices import network, ohms

from rcspike import Circuit, Network, datasets, evaluate, load_process
from rcspike.chips import chip_of_conductances, network_conductances, read_conductances, write_conductances

POLY, RRAM = load_process("sky130-poly"), load_process("rram")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_folder(tmp_path, monkeypatch)


def test_each_weight_has_a_line_with_its_resistor_and_whether_it_is_clipped() -> None:
    model = network()
    write_conductances(network_conductances(model, POLY), "g.csv")
    with Path("g.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == sum(w.size for w in model.weights)
    for line in lines:
        w = model.weights[int(line["layer"]) - 1][int(line["row"]), int(line["column"])]
        g = float(line["g_plus"]), float(line["g_minus"])
        assert min(g) == 0
        wanted = ohms(w, len(model.weights[int(line["layer"]) - 1]), POLY) if w else np.inf
        is_left_out = wanted > 2e6
        assert (max(g) == 0) == is_left_out == (line["resistance"] == "")
        assert (line["clipped"] == "1") == (1e6 < wanted < np.inf or wanted < 1e4)
        if not is_left_out:
            assert float(line["resistance"]) == pytest.approx(np.clip(wanted, 1e4, 1e6), rel=1e-5)
            assert (g[0] > 0) == (w > 0)


def test_levels_are_evenly_spaced_and_numbered_from_the_least_conductance() -> None:
    for layer in network_conductances(network(), RRAM, levels=16):
        assert layer.level is not None
        g = np.maximum(layer.g_plus, layer.g_minus)
        step = (g.max() - 8e-6) / 15
        np.testing.assert_allclose(g, 8e-6 + step * layer.level, rtol=1e-9)
        assert layer.level.max() == 15
        np.testing.assert_allclose(np.minimum(layer.g_plus, layer.g_minus), 8e-6)


@pytest.mark.parametrize("name", ["sky130", "sky130-poly", "rram"])
def test_conductances_that_are_written_make_a_chip_of_the_same_weights(name: str) -> None:
    process = load_process(name).with_values(device_min_conductance=8e-6 if name == "rram" else 0.0)
    model = network(circuit=Circuit(e_plus=1.5, e_minus=-1.0))
    write_conductances(network_conductances(model, process), "g.csv")
    chip = chip_of_conductances(model, read_conductances("g.csv", model), process)
    for layer, w in zip(chip.layers, model.weights, strict=True):
        plus, minus = layer.conductances()
        idle = 8e-6 if name == "rram" else 0.0
        unit = np.float64(process.window) / (
            max(process.capacitance, len(w) * process.capacitance_per_row)
            + len(w) * (process.column_wire_capacitance + 2 * process.column_junction_capacitance)
        )
        np.testing.assert_allclose(plus, np.maximum(w, 0) / 1.5 + idle * unit, rtol=1e-7)
        np.testing.assert_allclose(minus, np.maximum(-w, 0) + idle * unit, rtol=1e-7)


def test_a_file_that_misses_a_weight_names_it() -> None:
    model = network()
    write_conductances(network_conductances(model, POLY), "g.csv")
    lines = Path("g.csv").read_text().splitlines()
    Path("short.csv").write_text("\n".join(lines[:5] + lines[6:]))
    with pytest.raises(ValueError, match=r"short.csv: layer 1, row 0, column 4 must have one line, got 0"):
        read_conductances("short.csv", model)
    Path("negative.csv").write_text("\n".join(["layer,row,column,g_plus,g_minus", "1,0,0,-1,0"]))
    with pytest.raises(ValueError, match=r"negative.csv: conductances must be finite and not negative"):
        read_conductances("negative.csv", model)
    Path("far.csv").write_text("\n".join(["layer,row,column,g_plus,g_minus", "1,30,0,0,0"]))
    with pytest.raises(ValueError, match="layer 1 has rows 0 to 29 and columns 0 to 7"):
        read_conductances("far.csv", model)


def test_current_sources_have_no_conductances() -> None:
    model = Network([np.ones((2, 2))], Circuit.conventional())
    with pytest.raises(ValueError, match="infinite rail"):
        network_conductances(model, POLY)


def test_a_model_goes_to_a_file_and_back_on_the_command_line() -> None:
    Network.create([64, 12, 10], Circuit(v_syn=1.0), seed=0).save("model.safetensors")
    lines = ran("conductances", "model.safetensors", "--out", "g.csv").splitlines()
    assert lines[0] == "synapses  assumed resistor of any value, process sky130"
    assert lines[-1] == "888 weights, 0 clipped: g.csv"
    ideal = evaluate(Network.load("model.safetensors"), datasets.load("digits").test)
    tested = ["eval", "model.safetensors", "digits", "--conductances", "g.csv"]
    assert "add the --process" in error_line(rcspike_(*tested))
    assert "add --conductances" in error_line(rcspike_(*tested[:3], "--process", "sky130"))
    said = ran(*tested, "--process", "sky130").splitlines()
    line = next(line for line in said if line.startswith("test accuracy"))
    assert line.startswith(f"test accuracy {100 * ideal:.2f} %")
    assert "on the devices of g.csv, process sky130" in line
    assert "levels" in error_line(rcspike_("conductances", "model.safetensors", "--out", "h.csv", "--levels", "1"))

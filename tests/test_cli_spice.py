"""``rcspike spice`` and its figure."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cli_runs import record, table
from matplotlib.figure import Figure
from needs import ngspice
from spice_runs import CIRCUIT, MODEL, error_line, prepared, spice_, spice_ran
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, datasets, functional, spice

FIT = ("fit", "spikes.csv", *MODEL)
SCHOTTKY = ".model schottky D(is=1e-9 n=1.05 rs=100)"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepared(tmp_path, monkeypatch)


def test_export_writes_the_netlist_of_the_neurons_that_were_asked_for() -> None:
    shown = spice_("export", *MODEL, "--image", "3", "--layer", "2", "--neurons", "4,1").stdout
    assert re.findall(r"^Xneuron(\d+)", shown, re.MULTILINE) == ["4", "1"]
    written = spice_("export", *MODEL, "--image", "3", "--layer", "2", "--neurons", "4,1", "--out", "layer.cir")
    assert "ngspice -b layer.cir" in written.output
    assert Path("layer.cir").read_text() == shown
    # Its inputs are the spikes of the first layer: those that the engine gives for this image.
    network, times = Network.load("model.safetensors"), datasets.load("digits").test.times[3:4]
    w = network.weights[0].astype(np.float64)
    t = functional.fire(functional.charge(times.astype(np.float64), w, CIRCUIT), CIRCUIT)[0]
    assert re.findall(r"^Vin(\d+)", shown, re.MULTILINE) == [str(j) for j in np.flatnonzero(t < 1)]


def test_export_names_the_neurons_whose_spike_time_ngspice_fails_to_measure() -> None:
    network, times = Network.load("model.safetensors"), datasets.load("digits").test.times[:1]
    t = functional.fire(functional.charge(times, network.weights[0], CIRCUIT), CIRCUIT)[0]
    silent = ", ".join(map(str, np.flatnonzero(np.isinf(t))))
    assert silent and not np.any(t == 0)
    assert f"silent in the engine: neurons {silent}; " in spice_("export", *MODEL, "--out", "layer.cir").output
    spiking = str(np.flatnonzero(t < 1)[0])
    assert "in the engine" not in spice_("export", *MODEL, "--neurons", spiking).output
    Network([9 * np.abs(np.tile(network.weights[0], (1, 5)))], CIRCUIT).save("saturated.safetensors")
    said = spice_("export", "saturated.safetensors", "digits", "--out", "layer.cir").output
    assert f"saturated in the engine: neurons {', '.join(map(str, range(20)))} and 20 more; " in said


@ngspice
def test_ngspice_fails_to_measure_the_neurons_that_export_names(place: Path) -> None:
    said = spice_("export", *MODEL, "--out", "layer.cir").output
    ran = subprocess.run(["ngspice", "-b", "layer.cir"], cwd=place, capture_output=True, text=True, check=False)
    failed = re.findall(r"measure\s+t_out(\d+)\s.*out of interval", ran.stdout + ran.stderr)
    assert f"silent in the engine: neurons {', '.join(failed)}; " in said


@ngspice
def test_verify_has_no_error_of_spike_times_where_no_neuron_spikes() -> None:
    Network([-np.ones((64, 3))], CIRCUIT).save("silent.safetensors")
    result = spice_("verify", "silent.safetensors", "digits")
    assert re.search(r"^neurons that spike +0 *$", result.output, re.MULTILINE)
    assert re.search(r"^spike time RMSE / % of T +- *$", result.output, re.MULTILINE)


def test_export_scales_to_the_circuit_of_the_options() -> None:
    options = ("--capacitance", "1e-12", "--window", "1e-5", "--v-th", "0.5", "--neurons", "0")
    text = spice_("export", *MODEL, *options).output
    assert "Vplus plus 0 0.75" in text
    assert "c=1e-12 i_ramp=5e-08 b=0 v_th=0.5" in text
    assert re.search(r"^\.tran \S+ 2\.001e-05 ", text, re.MULTILINE)


def test_export_has_all_membranes_of_a_neuron_and_the_injection_of_its_layer() -> None:
    circuit = Circuit(v_syn=1.5, injection=((0.01, 0.0), (0.0, 0.0)))
    Network.create("conv2-pool-10", circuit, input_shape=(8, 8), seed=1).save("conv.safetensors")
    text = spice_("export", "conv.safetensors", "digits", "--neurons", "3").output
    assert re.findall(r"^Xneuron(\w+) ", text, re.MULTILINE) == ["3", "3_1", "3_2", "3_3"]
    assert "Iswitches3 " in text
    assert "Iswitches" not in spice_("export", "conv.safetensors", "digits", "--layer", "2").output


def test_export_reads_the_card_of_a_diode_from_a_file() -> None:
    Path("card.txt").write_text(f"{SCHOTTKY}\n")
    text = spice_("export", *MODEL, "--diode", "card.txt", "--neurons", "0").output
    assert ".model diode d is=1e-09 n=1.05 rs=100" in text.splitlines()
    assert "D1 b m diode" in text


def test_the_library_is_that_of_the_python_function() -> None:
    assert spice_("library", "--diode", "ideal").output == spice.library(diode="ideal") + "\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", *MODEL, "--neurons", "1,x"), "--neurons takes numbers such as 0,5,7, got '1,x'"),
        (("export", *MODEL, "--neurons", "3,3"), "--neurons takes different numbers such as 0,5,7, got '3,3'"),
        (("export", *MODEL, "--neurons", ""), "--neurons takes different numbers such as 0,5,7, got ''"),
        (("export", *MODEL, "--neurons", "8"), "layer 1 has neurons 0 to 7, got 8"),
        (("export", *MODEL, "--layer", "3"), "layer must be in [1, 2], got 3"),
        (("export", *MODEL, "--image", "360"), "digits has test images 0 to 359, got 360"),
        (("export", *MODEL, "--diode", "zener"), "diode must be none, ideal, constant or a single card"),
        (("export", *MODEL, "--capacitance", "0"), "capacitance must be above 0"),
        (("export", "nowhere", "digits"), "nowhere"),
        (("export", *MODEL, "--corner", "ss"), "--corner applies only to columns of transistors"),
        (
            ("fit", "nowhere.csv", *MODEL, "--replica"),
            "--replica applies only to columns of transistors",
        ),
        (
            ("export", *MODEL, "--fitted", "fit.json"),
            "--fitted applies only to columns of transistors",
        ),
        (("fit", "nowhere.csv", *MODEL), "nowhere.csv: No such file or directory"),
        ((*FIT, "--held-out", "2"), "--held-out must leave images to fit: of 2 it must be below that, got 2"),
        ((*FIT, "--junctions"), "--junctions needs --pdk, whose switches have them"),
        ((*FIT, "--parameters", "none"), "--parameters none finds nothing without --calibrate"),
    ],
)
def test_a_command_that_cannot_run_is_an_error_of_one_line(words: tuple[str, ...], message: str) -> None:
    Path("spikes.csv").write_text("image,neuron,spike_time\n0,0,2e-7\n1,0,3e-7\n")
    assert message in error_line(*words)


def test_verify_says_how_to_install_a_missing_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "apt-get install ngspice" in error_line("verify", *MODEL)


def test_fit_finds_the_rails_of_a_table_and_writes_the_model_that_has_them() -> None:
    real = Circuit(e_plus=1.4, e_minus=-1.55)
    network, times = Network.load("model.safetensors"), datasets.load("digits").test.times[:12].astype(np.float64)
    w = network.weights[0].astype(np.float64)
    w = w * np.where(w > 0, 1.4, 1.55) / 1.5  # the same resistors on other rails
    t = functional.fire(functional.charge(times, w, real), real)
    image, neuron = np.divmod(np.arange(t.size), 8)
    spice.write_csv(spice.Measurements(image, neuron, t.ravel() * 1e-6), "spikes.csv")
    result = spice_ran("fit", "spikes.csv", *MODEL, "--parameters", "e_plus,e_minus", "--out", "real.safetensors")
    assert re.search(r"^e_plus +1\.4 .*V_th", result, re.MULTILINE)
    assert re.search(r"^e_minus +-1\.55 .*V_th", result, re.MULTILINE)
    twin = Network.load("real.safetensors")
    # Weights are float32: 6e-8 each.
    np.testing.assert_allclose(twin.weights[0], w, rtol=1e-6)
    assert twin.circuit.e_plus == pytest.approx(1.4, rel=1e-6)


@ngspice
def test_a_verification_that_cannot_be_run_leaves_no_folder(place: Path) -> None:
    assert "no-such" in error_line("verify", "no-such", "digits", "--out", "out")
    assert "leave out --layer" in error_line("verify", *MODEL, "--end-to-end", "--layer", "1", "--out", "out")
    assert not (place / "out").exists()


@ngspice
def test_verify_compares_layers_and_leaves_tables_and_figures(place: Path, drawn: list[Figure]) -> None:
    result = spice_ran("verify", *MODEL, "--neurons", "4", "--images", "2", "--out", "out")
    assert re.search(r"^SPICE minus engine +layer 1 +layer 2 *$", result, re.MULTILINE)
    assert re.search(r"^neurons +8 +8 *$", result, re.MULTILINE)
    assert {path.name for path in (place / "out").iterdir()} == {"errors.csv", "spice.json"} | {
        f"{stem}{layer}.{suffix}"
        for layer in (1, 2)
        for stem, suffix in [("layer", "svg"), ("layer", "png"), ("spikes-layer", "csv"), ("waveforms-layer", "csv")]
    }
    rows = table("out/spikes-layer1.csv")
    assert [row["neuron"] for row in rows] == ["0", "2", "5", "7"] * 2
    network, times = Network.load("model.safetensors"), datasets.load("digits").test.times[:2]
    w = network.weights[0].astype(np.float64)
    t = functional.fire(functional.charge(times.astype(np.float64), w, CIRCUIT), CIRCUIT)
    measured = np.array([float(row["spike_time"]) for row in rows]).reshape(2, 4) / 1e-6
    np.testing.assert_allclose(measured, t[:, [0, 2, 5, 7]], atol=1e-4)
    kinds = ("t_max_percent", "energy_error_percent")
    errors = [float(row[name]) for row in table("out/errors.csv") for name in kinds]
    assert np.max(np.abs(errors)) < 0.01  # per cent, as above
    assert (
        record("out/spice.json")["command"]
        == "rcspike spice verify model.safetensors digits --neurons 4 --images 2 --out out"
    )
    for figure in drawn:
        voltages, differences = figure.axes
        assert len(voltages.lines) == 2 * 4 + 2  # engine and SPICE of each neuron, threshold, end of the phase
        assert all(np.max(np.abs(np.asarray(line.get_ydata()))) < 1e-4 * 1e6 for line in differences.lines[:4])  # in uV
    again = spice_("fit", "out/waveforms-layer1.csv", *MODEL)
    assert re.search(r"^e_plus +1\.(5|4999|5000)", again.output, re.MULTILINE)


@ngspice
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--end-to-end", "--layer", "1"), "leave out --layer and --neurons"),
        (("--diode", ".model d1 D(is=oops)"), "'is' in the card of diode: expected a number such as 1e-12"),
        (("--diode", ".model d1 D(is=-1 n=0)"), "ngspice failed: "),
    ],
)
def test_an_error_of_verify_is_one_line(words: tuple[str, ...], message: str) -> None:
    assert message in error_line("verify", *MODEL, "--neurons", "1", *words)


@ngspice
def test_end_to_end_counts_the_classes_that_agree() -> None:
    result = spice_("verify", *MODEL, "--images", "2", "--end-to-end")
    assert "class  the same for 2 of 2 images" in result.output
    assert re.search(r"^neurons +16 +20 *$", result.output, re.MULTILINE)


def test_a_simulation_that_ends_early_is_an_error_and_leaves_no_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulator that stops at half of the phase, with a result that is complete in its own terms."""
    header = "Plotname: Transient Analysis\nNo. Variables: 1\nNo. Points: 2\nVariables:\n\t0\ttime\ttime\nBinary:\n"
    (place / "half.raw").write_bytes(header.encode() + np.array([0.0, 1e-6]).tobytes())
    program = place / "ngspice"
    program.write_text(f"#!/bin/sh\ncp {place / 'half.raw'} out.raw\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    for more, end in ((pdk, "2.06e-06"), ((), "2e-06")):
        line = error_line("verify", *MODEL, "--layer", "1", "--neurons", "2", *more, "--out", "out")
        assert f"ngspice stopped at 1e-06 s instead of {end} s" in line
        assert not Path("out").exists()

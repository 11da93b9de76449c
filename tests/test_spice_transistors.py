"""Columns of transistors in ngspice, compared with the exact engine; the models are made for these tests."""

from __future__ import annotations

import math
import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from needs import ngspice
from references.shockley_diode import Diode, charge_diodes
from scipy.integrate import trapezoid
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, PhysicalScale, spice
from rcspike.network import Conv2d, Dense, ResistiveLayer
from rcspike.spice import Transistors, transistor_netlist
from rcspike.spice.fitted_corner import carried

Array = npt.NDArray[np.float64]

TIMES = np.array([0.0, 0.31, 0.8, np.inf, np.inf])
WEIGHTS = np.array([[0.9, -0.4], [-0.3, 0.8], [0.5, -0.2], [0.7, 0.6], [-0.5, 0.4]])
CIRCUIT, SCALE = Circuit(v_syn=1.0), PhysicalScale(capacitance=1e-12, v_th=0.45)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Transistors:
    return Transistors(pdk=spice.find_pdk(root=write_pdk(tmp_path_factory.mktemp("pdk"))), scale=SCALE)


def conductances(weights: Array = WEIGHTS) -> tuple[Array, Array]:
    return spice.layer_conductances(ResistiveLayer(weights, CIRCUIT), SCALE)


def shifts(netlist: str) -> Array:
    return np.array([float(x) for x in re.findall(r"delvto=(\S+)", netlist)])


@ngspice
def test_a_column_of_transistors_charges_as_the_engine_says(design: Transistors) -> None:
    network = Network([WEIGHTS], CIRCUIT)
    done: list[int] = []
    found = spice.compare_layer(network, TIMES, 1, scale=SCALE, transistors=design, workers=1, progress=done.append)
    # Junctions of 5 rows, about 0.5 fF each, are 0.3 % of the capacitor, and switches of some kilohm 1 % of a megaohm.
    np.testing.assert_allclose(found.v_spice, found.v, atol=0.015)
    # The ramp starts after the guard; the charge of the three switches that open is below 1 fC each, 0.7 % of 0.45 pC.
    np.testing.assert_allclose(found.t_out_spice, found.t_out + design.guard, atol=0.015)
    # The rails also charge the junctions and gates.
    assert found.energy_spice == pytest.approx(found.energy, rel=0.05)
    assert done == [2]


@ngspice
@pytest.mark.parametrize("ramp", ["ideal", "mirror"])
def test_membranes_that_share_their_charge_are_one_neuron(design: Transistors, ramp: str) -> None:
    network = Network.create("conv2-pool-3", CIRCUIT, input_shape=(4, 4), seed=0, dtype=np.float64)
    times = np.random.default_rng(1).uniform(0, 1, 16)
    one = replace(design, ramp=ramp)
    found = spice.compare_layer(network, times, 1, scale=SCALE, transistors=one, workers=1)
    # Weights are small here, so that each switch is a smaller part of its resistor than above, and the charges of both
    # transistors of a gate nearly cancel. Their channels add 1 % to the capacitance in the ramp.
    np.testing.assert_allclose(found.v_spice, found.v, atol=0.005)
    assert np.count_nonzero(found.t_out < np.inf) == 8
    slack = 0.01 if ramp == "ideal" else 0.08  # as above, of the mirror's slope
    np.testing.assert_allclose(found.t_out_spice, found.t_out + design.guard, atol=slack)
    assert found.energy_spice == pytest.approx(found.energy, rel=0.05)


@ngspice
@pytest.mark.parametrize("comparator", ["ideal", "ota"])
@pytest.mark.parametrize("hot", [0, 1])
def test_a_neuron_spikes_by_its_mean_whichever_membrane_has_it(design: Transistors, comparator: str, hot: int) -> None:
    """One membrane above the threshold, and three at rest."""
    circuit, wiring = Circuit(v_syn=2.0), [Conv2d((2, 2, 1), (1, 1), pool=2), Dense()]
    network = Network([np.array([[3.0]]), np.ones((1, 1))], circuit, wiring)
    times = np.full(4, np.inf)
    times[hot] = 0.0
    wide = replace(design, rails=(0.9, -0.9), comparator=comparator)
    found = spice.compare_layer(network, times, 1, scale=SCALE, transistors=wide, workers=1)
    assert found.v[0] == pytest.approx((2 - 2 * np.exp(-1.5)) / 4)
    assert found.t_out_spice[0] == pytest.approx(1 - found.v[0] + design.guard, abs=0.06)


def test_gates_between_membranes_need_a_size_of_the_models_only_where_there_are_any(design: Transistors) -> None:
    wide = replace(design, switch=(4e-5, 0.25e-6), junction=(0.0, 0.0))
    assert "sharen" not in transistor_netlist(TIMES, *conductances(), wide)
    with pytest.raises(ValueError, match="has no bin for W 400 um"):
        transistor_netlist(TIMES, *conductances(), wide, membranes=2)


def test_membranes_that_do_not_fit_are_errors(design: Transistors) -> None:
    with pytest.raises(ValueError, match="the 2 columns are not neurons of 4 membranes each"):
        transistor_netlist(TIMES, *conductances(), design, membranes=4)
    with pytest.raises(ValueError, match=r"guard.*got 0 T"):
        transistor_netlist(TIMES, *conductances(), replace(design, guard=0.0), membranes=2)


def test_a_fitted_circuit_has_the_energy_of_its_resistors_in_volts(design: Transistors) -> None:
    """A ramp 4 % faster than designed: the same resistors on 0.96 of the capacitance, and rails of 0.96 V_th."""
    times, network = np.array([[0.0, 0.31, 0.8, np.inf, np.inf]]), Network([WEIGHTS], CIRCUIT)
    real = replace(SCALE, capacitance=0.96 * SCALE.capacitance)
    circuit = Circuit(v_syn=0.96, injection=(5e-4, -8e-4))
    twin = spice.calibrated(network, circuit, real, designed=SCALE)
    g_plus, g_minus = conductances()
    seconds = np.linspace(0, SCALE.window, 20_001)
    on = (times[0][:, np.newaxis] * SCALE.window <= seconds) & np.isfinite(times[0])[:, np.newaxis]
    for i in range(2):
        up, down = g_plus[:, i] @ on, g_minus[:, i] @ on  # S at each time
        v = np.zeros(len(seconds))
        for k, h in enumerate(np.diff(seconds)):  # exact in each step, in which nothing switches
            rate, to = up[k] + down[k], 0.45 * (up[k] - down[k])
            v[k + 1] = to / rate + (v[k] - to / rate) * np.exp(-rate * h / real.capacitance)
        joules = trapezoid(0.45 * (up * (0.45 - v) + down * (0.45 + v)), seconds)
        n_plus, n_minus = (int(np.count_nonzero(g[:3, i])) for g in (g_plus, g_minus))  # the others never conduct
        opened = real.capacitance * (0.45 / 0.96) * (5e-4 * n_plus + 8e-4 * n_minus)
        found = spice.rail_energy(twin.layers[0], times, real, design)[0, i]
        # The trapezoids are off by half a step of 1/20000 at each of the two jumps of the current.
        assert found == pytest.approx(joules + 0.45 * opened, rel=5e-5, abs=0)


@ngspice
def test_mirror_and_comparator_agree_with_ideal_ones(design: Transistors) -> None:
    g = conductances()
    measured = [
        spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, transistors=one, workers=1)
        for one in (design, replace(design, ramp="mirror", comparator="ota"))
    ]
    # The mirror's slope varies with its voltage, and the amplifier takes some nanoseconds: some per cent of T.
    np.testing.assert_allclose(measured[1].t_out, measured[0].t_out, atol=0.08 * SCALE.window)
    ramp = SCALE.amperes(1.0) * design.v_supply * SCALE.window  # in J, of the whole firing phase
    assert 0.5 * ramp < measured[1].energy_ramp / 2 < 1.5 * ramp
    assert measured[0].energy_comparator == pytest.approx(0, abs=1e-20) and measured[1].energy_comparator > 1e-13


@ngspice
def test_a_spike_in_the_last_step_of_the_phase_counts(design: Transistors) -> None:
    # Steps are up to 0.02 T long, so that some of these cross the threshold between the last point before 2 T and 2 T.
    weights = np.linspace(0.03, 0.06, 7)[np.newaxis]
    measured = spice.simulate_layer(np.zeros(1), *conductances(weights), CIRCUIT, SCALE, transistors=design, workers=1)
    v = 1 - np.exp(-weights[0])
    np.testing.assert_allclose(measured.t_out / SCALE.window - 1, 1 - v + design.guard, atol=0.008)


@ngspice
def test_a_replica_makes_the_ramp_take_its_time(design: Transistors) -> None:
    # Switches ten times as wide, whose junctions nobody subtracted from the capacitor: twelve are some per cent of it.
    heavy = replace(design, switch=(4.2e-6, 0.25e-6), junction=(0.0, 0.0))
    g = conductances(np.full((12, 1), 0.02))
    times = np.full(12, np.inf)
    times[0] = 0.0
    v = 1 - np.exp(-0.02)
    t = [
        spice.simulate_layer(times, *g, CIRCUIT, SCALE, transistors=one, workers=1).t_out[0] / SCALE.window - 1
        for one in (heavy, replace(heavy, replica=True))
    ]
    late = t[0] - (1 - v + heavy.guard)
    assert t[0] == np.inf or late > 0.02
    # The charge of one wide switch is some fC, 1 % of 0.45 pC.
    assert t[1] == pytest.approx(1 - v + heavy.guard, abs=0.012)


@pytest.mark.parametrize("b", [0.0, 0.2, -0.2])
@pytest.mark.parametrize("slower", [1.05, 0.95])
def test_a_carried_circuit_is_that_of_the_slower_column(b: float, slower: float) -> None:
    """A synapse that conducts from the start, and the column equations with the larger capacitance and slower ramp."""
    load, (injected, drop, w) = 1.03, (0.01, 0.1, 0.8)
    circuit = Circuit(e_plus=1.1, e_minus=-0.9, diode_drop=drop, ramp=b, delay=0.06, injection=((injected, 0.0),))
    layer = ResistiveLayer(np.array([[w]]), circuit)
    new, scale = carried(layer, SCALE, load=load, ramp=slower)
    assert scale.capacitance == pytest.approx(load * SCALE.capacitance, rel=1e-6, abs=0)
    resistors = [spice.layer_conductances(*one)[0].item() for one in ((layer, SCALE), (new, scale))]
    assert resistors[1] == pytest.approx(resistors[0])
    v = (1.1 - drop) * (1 - math.exp(-w / (1.1 * load))) + injected
    of_ideal = 1 - v if b == 0 else 1 - math.log(1 - b * v) / math.log(1 - b)
    found = new.fire(new.charge(np.array([[0.0]])))[0, 0]
    assert found == pytest.approx(0.06 + slower * of_ideal, abs=1e-12)


@ngspice
@pytest.mark.long
def test_a_fit_of_typical_columns_is_carried_to_another_corner(design: Transistors) -> None:
    """200 rows, of which 8 conduct; junctions of the others are a fifth of the column, and 10 % larger when slow."""
    scale, rng = replace(SCALE, capacitance=0.5e-12), np.random.default_rng(7)
    typical, network = replace(design, scale=scale), Network([rng.normal(0.1, 0.1, size=(200, 6))], CIRCUIT)
    times = np.full((6, 200), np.inf)
    for sample in times:
        sample[rng.choice(200, 8, replace=False)] = rng.random(8)
    spikes = [spice.compare_layer(network, t, 1, scale=scale, transistors=typical, workers=1) for t in times]
    parameters = ("e_plus", "capacitance", "delay")
    g = spice.layer_conductances(network.layers[0], scale)
    start = replace(CIRCUIT, delay=0.02)
    found = spice.fit(spice.spike_measurements(spikes, range(6)), times, *g, start, scale, parameters=parameters)
    real = spice.calibrated(network, found.circuit, found.scale, designed=scale)
    for corner in ("ss", "ff"):
        here, errors = replace(typical, corner=corner), []
        for fitted in (typical, None):
            c = spice.compare_layer(real, times[0], 1, scale=found.scale, transistors=here, fitted=fitted, workers=1)
            errors.append(np.max(np.abs(spice.spike_time_errors(c.t_out_spice, c.t_out))))
        assert errors[0] < 0.4 * errors[1] and errors[1] > 0.005
    late = replace(real.layers[0], circuit=replace(real.circuit, delay=0.0))
    with pytest.raises(ValueError, match=r"ramps at ff and 27 C take 0\.9\d+ of their time as fitted, .* of 0 T"):
        spice.in_corner(late, found.scale, typical, replace(typical, corner="ff"))


@ngspice
def test_a_column_of_diodes_charges_as_shockley_says(design: Transistors) -> None:
    """The reference integrates the same junctions at 27 °C, without their capacitance."""
    volts, diodes = replace(design, rails=(0.9, -0.9), synapse="diode"), design.pdk.diode("pw2nd_05v5", 0.45e-6)
    assert diodes.card.parameters == design.pdk.diode("pd2nw_05v5", 0.45e-6).card.parameters
    # Saturation current at 27 °C, 3 K below that of the card: by ngspice's own laws for bottom and sidewall.
    u, ratio = 0.025865, 300.15 / 303.15
    bottom, wall = (ratio ** (2 / n) * np.exp(-(1 - ratio) / ratio * 1.05 / (n * u) * ratio) for n in (1.3, 1.0))
    diode = Diode(saturation_current=0.2025 * 2e-15 * bottom + 1.8e-15 * wall, ideality=1.3, thermal_voltage=u)
    circuit = Circuit(v_syn=2.0)
    weights = np.stack([[4.0, -0.5, 3.0, 1.0, -1.0], [3.0, 2.0, -2.0, 1.0, 1.0]], axis=1)
    g = spice.layer_conductances(ResistiveLayer(weights, circuit), SCALE)
    measured = spice.simulate_layer(TIMES, *g, circuit, SCALE, transistors=volts, workers=1)
    v = charge_diodes(TIMES[np.newaxis], weights, circuit, diode, scale=SCALE)[0]
    assert np.min(v) > 0.1
    # The charge of three switches and junctions, 1 fC each at most, is 0.7 % of 0.45 pC.
    np.testing.assert_allclose(measured.v_end / SCALE.v_th, v, atol=0.01)
    np.testing.assert_allclose(measured.t_out / SCALE.window - 1, 1 - v + design.guard, atol=0.015)


def test_rows_of_diodes_are_in_the_netlist_with_their_multiplicity(design: Transistors) -> None:
    lines = transistor_netlist(TIMES, *conductances(), replace(design, synapse="diode")).splitlines()
    assert sum(line.startswith(".model ") for line in lines) == 4
    found = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("D")}
    assert len(found) == 6 + 3
    # A current flows from the upper rail into the membrane, and from the membrane to the lower rail.
    assert found["Dp0_0"][:2] == ["dp0_0", "m0"] and found["Dn1_0"][:2] == ["m0", "dn1_0"]
    assert found["Dpoff0_1"][2:] == ["pd2nw_05v5_tt_450", "pj=1", "m=2"]


def test_a_membrane_that_is_not_at_rest_is_an_error(
    design: Transistors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulator whose operating point does not keep the initial conditions, with a result that is complete."""
    names = ["time", "v(m0)", "v(m1)", *(f"i(v{one})" for one in ("plus", "minus", "ramp", "comparator"))]
    header = f"Plotname: Transient Analysis\nNo. Variables: {len(names)}\nNo. Points: 2\nVariables:\n"
    header += "".join(f"\t{i}\t{name}\tvoltage\n" for i, name in enumerate(names)) + "Binary:\n"
    points = np.array([[0.0, 0.9, 0.2, 0, 0, 0, 0], [design.stop, 0.9, 0.2, 0, 0, 0, 0]])
    (tmp_path / "out.raw").write_bytes(header.encode() + points.tobytes())
    (tmp_path / "ngspice").write_text(f"#!/bin/sh\ncp {tmp_path / 'out.raw'} out.raw\n")
    (tmp_path / "ngspice").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(RuntimeError, match=r"operating point with the membrane of neuron 1 at -0\.7 V from rest"):
        spice.simulate_layer(TIMES, *conductances(), CIRCUIT, SCALE, transistors=design, workers=1)


def test_rows_that_do_not_conduct_are_groups_of_similar_resistors(design: Transistors) -> None:
    lines = transistor_netlist(TIMES, *conductances(), design).splitlines()
    assert sum(line.startswith("M") for line in lines) == 6 + 3  # three spikes, two neurons; off rows, by rail
    (off,) = (line for line in lines if line.startswith("Mpoff0_1"))
    assert off.endswith(" m=2")
    (resistor,) = (line for line in lines if line.startswith("Rpoff0_1"))
    # Half of the mean resistance.
    mean = SCALE.window / SCALE.capacitance * (1 / 0.6 + 1 / 0.4) / 2
    assert float(resistor.split()[-1]) == pytest.approx(mean / 2)
    by_itself = transistor_netlist(TIMES, *conductances(), replace(design, idle_error=0.0)).splitlines()
    assert sum(line.startswith("M") for line in by_itself) == 6 + 4


@ngspice
def test_rows_with_slow_edges_conduct_for_less_time(design: Transistors) -> None:
    """A spike is in the middle of its edge; a pfet of -0.5 V at 1.35 V conducts below 0.85 V, 2.8 % of the edge later.

    It opens as much earlier, and has more resistance until the gate is far from its threshold.
    """
    g, edge = conductances(np.array([[0.3], [0.2]])), 10e-9
    spikes = [
        spice.simulate_layer(TIMES[:2], *g, CIRCUIT, SCALE, transistors=replace(design, edge=one), workers=1).t_out[0]
        for one in (0.2e-9, edge)
    ]
    late = (spikes[1] - spikes[0]) / (0.5 * edge)  # weights of 0.5 / T in all
    assert 0.056 < late < 0.3


def test_mismatch_is_drawn_by_seed_layer_and_neuron(design: Transistors) -> None:
    weights = np.ones((400, 2))
    g = conductances(weights)
    scale = PhysicalScale(capacitance=1e-12, v_th=0.45)
    drawn = replace(design, mismatch=3, scale=scale)
    text = transistor_netlist(np.zeros(400), *g, drawn)
    assert text == transistor_netlist(np.zeros(400), *g, drawn)
    found = shifts(text)
    # 800 pfets of 0.42 um by 0.25 um: 5.856 mV um over the root of the area. Four standard errors, 1 / sqrt(1600).
    np.testing.assert_allclose(np.std(found), 5.856e-9 / np.sqrt(0.42e-6 * 0.25e-6), rtol=0.1)
    assert len(set(found.tolist())) == 800
    second = [np.ascontiguousarray(one[:, 1:]) for one in g]
    np.testing.assert_array_equal(
        shifts(transistor_netlist(np.zeros(400), second[0], second[1], drawn, names=[1])), found[400:]
    )
    for other in (replace(drawn, mismatch=4), replace(drawn, mismatch=None)):
        assert not np.array_equal(shifts(transistor_netlist(np.zeros(400), *g, other)), found)
    assert not np.array_equal(shifts(transistor_netlist(np.zeros(400), *g, drawn, layer=2)), found)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rails": (0.95, -0.45)}, r"rails of 0.95 and -0.45 V around a rest of 0.9 V must lie within 0 and 1.8 V"),
        ({"celsius": math.nan}, "celsius.*got nan"),
        ({"celsius": -300.0}, "celsius.*got -300"),
        ({"edge": 1e-7}, r"edge.*got 1e-07 s"),
        ({"idle_error": -1e-5}, r"idle_error.*got -1e-05"),
        ({"guard": 1.0}, r"guard.*got 1"),
        ({"ramp_trim": 0.0}, "ramp_trim.*got 0"),
        ({"synapse": "memristor"}, "synapse.*got 'memristor'"),
        ({"ramp": "steep"}, "ramp.*got 'steep'"),
        ({"comparator": "none"}, "comparator.*got 'none'"),
    ],
)
def test_a_design_that_cannot_be_is_rejected(design: Transistors, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(design, **values)


def test_junctions_must_leave_room_for_a_capacitor(design: Transistors) -> None:
    assert design.drawn_capacitance(400, 384) == pytest.approx(
        1e-12 - 400 * 0.251e-15 - 384 * 0.302e-15, rel=1e-6, abs=0
    )
    with pytest.raises(ValueError, match=r"junctions of 784 switches have 2.16e-13 F, all of the membrane's 1.4e-13 F"):
        replace(design, scale=PhysicalScale(v_th=0.45)).drawn_capacitance(400, 384)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_run_that_is_interrupted_ends_its_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class InterruptedRunError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptedRunError

    def when_it_runs() -> None:
        while not started.exists():
            time.sleep(0.005)
        time.sleep(0.1)  # until its pipes are read
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    started, program, before = tmp_path / "started", tmp_path / "ngspice", signal.signal(signal.SIGUSR1, interrupt)
    program.write_text(f"#!/bin/sh\necho $$ > {started}.tmp && mv {started}.tmp {started}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    try:
        threading.Thread(target=when_it_runs).start()
        with pytest.raises(InterruptedRunError):
            spice.run_ngspice("* no circuit")
    finally:
        signal.signal(signal.SIGUSR1, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


@ngspice
def test_a_run_that_does_not_end_is_an_error(design: Transistors) -> None:
    text = transistor_netlist(TIMES, *conductances(), design)
    with pytest.raises(RuntimeError, match=r"ngspice stopped at 2.06e-06 s instead of 3e-06 s: "):
        spice.run_ngspice(text, stop=3e-6)
    with pytest.raises(RuntimeError, match=r"ngspice did not finish within 0.001 s: "):
        spice.run_ngspice(text, timeout=0.001)


@ngspice
def test_a_fault_in_the_models_is_reported_in_the_words_of_ngspice(tmp_path: Path, design: Transistors) -> None:
    root = write_pdk(tmp_path)
    for file in (root / "cells").rglob("*tt.pm3.spice"):
        file.write_text(file.read_text().replace("level = 54.0", "level = 99.0"))
    broken = replace(design, pdk=spice.find_pdk(root=root))
    with pytest.raises(RuntimeError, match=r"ngspice failed: .*level"):
        spice.simulate_layer(TIMES, *conductances(), CIRCUIT, SCALE, transistors=broken)

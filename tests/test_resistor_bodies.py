"""Resistors with a body in netlists, compared with lines of more sections, and groups of rows that do not conduct."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from needs import ngspice
from scipy.linalg import eigh
from synthetic_pdk import write_pdk

from rcspike import Circuit, Network, PhysicalScale, spice
from rcspike.chips import Devices
from rcspike.network import ResistiveLayer
from rcspike.spice import ResistorBody, Transistors, transistor_netlist
from rcspike.spice.idle_rows import idle_groups

Array = npt.NDArray[np.float64]

CIRCUIT, SCALE = Circuit(v_syn=1.0), PhysicalScale(capacitance=10e-12, window=100e-9, v_th=0.45)
TIMES = np.array([0.0, 0.31, 0.8, np.inf, np.inf])
WEIGHTS = np.array([[0.9, 0.02], [-0.03, 0.5], [0.02, 0.3], [0.013, -0.02], [-0.02, 0.015]])
POLY = 25e-21


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Transistors:
    return Transistors(pdk=spice.find_pdk(root=write_pdk(tmp_path_factory.mktemp("pdk"))), scale=SCALE)


def conductances(weights: Array = WEIGHTS) -> tuple[Array, Array]:
    return spice.layer_conductances(ResistiveLayer(weights, CIRCUIT), SCALE)


def spike_by_lines(g_plus: Array, g_minus: Array, body: ResistorBody, *, cells: int = 26) -> float:
    """Spike time in T of a column whose resistors are chains of cells, each a capacitor in the middle of its resistor.

    In units of C, V_th and T. The ramp starts as the switches open.
    """
    siemens, farads = SCALE.siemens(1.0), SCALE.capacitance
    rows = [
        (t, float(g) / siemens, rail)
        for t, *pair in zip(TIMES, g_plus, g_minus, strict=True)
        for g, rail in zip(pair, (1.0, -1.0), strict=True)
        if g > 0
    ]
    n = 1 + cells * len(rows)
    near = round(body.position * cells)  # cells between the rail and the switch
    c, fixed, drive, start = np.zeros(n), np.zeros((n, n)), np.zeros(n), np.zeros(n)
    switches: list[tuple[float, int | None, int, float, float]] = []
    c[0] = 1.0

    def connect(G: Array, i: int, j: int, g: float) -> None:
        G[[i, j, i, j], [i, j, j, i]] += np.array([g, g, -g, -g])

    for k, (t, g, rail) in enumerate(rows):
        first = 1 + k * cells
        whole = body.capacitance_per_ohm / (g * siemens) / farads
        c[first : first + cells] = whole / cells
        c[0] -= (1 - near / cells) * whole
        start[first : first + near] = rail
        for i in range(first, first + cells - 1):
            if i + 1 != first + near:
                connect(fixed, i, i + 1, g * cells)
        connect(fixed, first + cells - 1, 0, 2 * g * cells)
        if near:
            fixed[first, first] += 2 * g * cells
            drive[first] += 2 * g * cells * rail
            switches.append((t, first + near - 1, first + near, g * cells, rail))
        else:
            switches.append((t, None, first, 2 * g * cells, rail))

    def after(v: Array, durations: Array, on: float, ramp: float) -> Array:
        """(times, n) voltages after times in which nothing switches: modes of C dv/dt = b - G v."""
        G, b = fixed.copy(), drive.copy()
        b[0] += ramp
        for t, i, j, g, rail in switches:
            if t > on:
                continue
            if i is None:
                G[j, j] += g
                b[j] += g * rail
            else:
                connect(G, i, j, g)
        root = np.sqrt(c)
        rates, modes = eigh(G / np.outer(root, root))
        x, to = modes.T @ (root * v), modes.T @ (b / root)
        rates = np.maximum(rates, 1e-12)[:, np.newaxis]
        moved = np.exp(-rates * durations) * x[:, np.newaxis] - np.expm1(-rates * durations) / rates * to[:, np.newaxis]
        return np.asarray((modes @ moved).T / root)

    v = start
    for now, until in pairwise(np.append(np.unique(TIMES[TIMES <= 1]), 1.0)):
        v = after(v, np.array([until - now]), now, 0.0)[0]
    t = np.linspace(0, 1, 4001)
    return float(np.interp(1.0, after(v, t, -1.0, 1.0)[:, 0], t))


@ngspice
@pytest.mark.parametrize("position", [0.0, 8 / 26, 15 / 26])  # of which the last is nearly 1 / sqrt(3)
def test_a_column_of_lines_spikes_as_finer_lines_do(position: float) -> None:
    """Resistors of up to 0.8 megaohm with bodies that have 3 to 9 % of the column and delays of up to 2 % of T."""
    body, g = ResistorBody(capacitance_per_ohm=10 * POLY, position=position), conductances()
    measured = spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, body=body, workers=1)
    plain = spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, workers=1)
    t, without = (one.t_out / SCALE.window - 1 for one in (measured, plain))
    exact = np.array([spike_by_lines(*(one[:, i] for one in g), body) for i in range(2)])
    # Ten sections have the delay of a line to 1 %.
    np.testing.assert_allclose(t, exact, atol=2e-4)
    assert np.max(np.abs(without - exact)) > 2e-3 or position > 0.5


def test_a_netlist_has_all_capacitance_of_the_bodies(design: Transistors) -> None:
    body = ResistorBody(capacitance_per_ohm=POLY, position=0.3)
    columns = [np.ascontiguousarray(one[:, :1]) for one in conductances()]
    ohms = float(sum(np.sum(1 / one[one > 0]) for one in columns))
    conducting = sum(float(np.sum(1 / one[:3][one[:3] > 0])) for one in columns)
    whole = replace(design, body=body)
    ideal = spice.layer_netlist(TIMES, *columns, CIRCUIT, SCALE, body=body)
    transistors = transistor_netlist(TIMES, *columns, whole)
    (drawn,) = re.findall(r"^Xneuron0 .* c=(\S+)", ideal, re.MULTILINE)
    assert float(drawn) == pytest.approx(SCALE.capacitance - 0.7 * POLY * ohms, rel=1e-6, abs=0)
    lines = [line.split() for line in transistors.splitlines() if line.startswith("C")]
    by_name = {name: float(value) for name, _, _, value in lines}
    assert by_name.pop("C0") == pytest.approx(whole.drawn_capacitance(3, 2, ohms), rel=1e-6, abs=0)
    # Of rows that do not conduct, the part at the rail is left out.
    assert sum(by_name.values()) == pytest.approx(POLY * (0.7 * ohms + 0.3 * conducting), rel=1e-6, abs=0)
    resistors = [line.split() for line in transistors.splitlines() if line.startswith(("Rp0_0x", "Rrp0_0x"))]
    assert len(resistors) == 10 + 2  # sections, and the last half of either part
    assert sum(float(value) for *_, value in resistors) == pytest.approx(1 / columns[0][0, 0])


@ngspice
def test_transistors_with_bodies_spike_as_ideal_lines(design: Transistors) -> None:
    """Switches at the rail: elsewhere they have less of the supply at their gates, and more resistance."""
    body, g = ResistorBody(capacitance_per_ohm=2 * POLY), conductances(0.2 * WEIGHTS)
    ideal = [spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, body=one, workers=1).t_out for one in (None, body)]
    real = [
        spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, transistors=replace(design, body=one), workers=1).t_out
        for one in (None, body)
    ]
    # Switches of some kilohm are up to 10 % of these resistors.
    shift = (ideal[1] - ideal[0]) / SCALE.window
    assert np.max(np.abs(shift)) > 2e-3
    np.testing.assert_allclose((real[1] - real[0]) / SCALE.window, shift, atol=1e-3)


def test_bodies_that_cannot_be_are_errors(design: Transistors) -> None:
    body = ResistorBody(capacitance_per_ohm=1e-17)
    with pytest.raises(ValueError, match=r"bodies of a column have .* F, all of the membrane's 1e-11 F"):
        spice.layer_netlist(TIMES, *conductances(), CIRCUIT, SCALE, body=body)
    with pytest.raises(ValueError, match=r"junctions and bodies of 5 switches .*leave out the smallest weights"):
        transistor_netlist(TIMES, *conductances(), replace(design, body=body))
    with pytest.raises(ValueError, match="diode 'constant'"):
        spice.layer_netlist(TIMES, *conductances(), CIRCUIT, SCALE, body=body, diode="constant")
    with pytest.raises(ValueError, match="synapse 'diode'"):
        replace(design, body=body, synapse="diode")
    with pytest.raises(ValueError, match=r"position.*got 1"):
        ResistorBody(capacitance_per_ohm=POLY, position=1.0)
    with pytest.raises(ValueError, match=r"capacitance_per_ohm.*got 0"):
        ResistorBody(capacitance_per_ohm=0.0)


def taken(ohms: Array, farads: Array, time: float) -> float:
    """Charge that capacitors behind resistors have taken from a voltage that rises by 1 V in 1 s."""
    tau = ohms * farads
    return float(np.sum(farads * (time - tau * (1 - np.exp(-time / tau)))))


@pytest.mark.parametrize("allowed", [1e-3, 1e-4, 1e-5])
def test_groups_take_the_charge_of_their_rows(allowed: float) -> None:
    """Time constants from a thousandth of the window to 30 times as long, and a quarter of the column."""
    window, capacitance, junction = 1e-6, 1e-12, 1e-15
    ohms = np.exp(np.random.default_rng(0).uniform(np.log(1e6), np.log(3e10), 250))
    known: dict[str, Any] = {"junction": junction, "per_ohm": 0.0, "window": window, "capacitance": capacitance}
    widths = np.maximum(1, 5e6 / ohms)  # up to five times the narrowest
    groups = idle_groups(ohms, widths, **known, allowed=allowed)
    assert sum(group.rows for group in groups) == 250
    assert sum(group.multiple for group in groups) == pytest.approx(widths.sum())
    R, C = np.array([group.ohms for group in groups]), np.array([group.multiple * junction for group in groups])
    errors = [
        (taken(R, C, t) - taken(ohms, junction * widths, t)) / (capacitance * window)
        for t in np.linspace(0.003, 1, 300) * window
    ]
    assert np.max(np.abs(errors)) <= allowed
    assert len(groups) < {1e-3: 12, 1e-4: 40, 1e-5: 100}[allowed]
    assert len(idle_groups(ohms, widths, **known, allowed=0.0)) == 250


def test_rows_that_are_alike_or_fast_are_one_group_with_all_their_capacitance() -> None:
    ohms = np.array([1e6, 1e6, 2e6])
    known: dict[str, Any] = {"junction": 1e-16, "window": 1e-6, "capacitance": 1e-12}
    (group,) = idle_groups(ohms[:2], np.ones(2), per_ohm=POLY, allowed=1e-9, **known)
    assert (group.multiple, group.ohms, group.farads) == (
        2,
        pytest.approx(5e5, rel=1e-6, abs=0),
        pytest.approx(5e-14, rel=1e-6, abs=0),
    )
    (group,) = idle_groups(ohms, np.ones(3), per_ohm=0.0, allowed=1e-5, **known)
    assert (group.multiple, group.ohms, group.farads) == (3, pytest.approx(4e6 / 9), 0.0)


@ngspice
def test_the_pairs_of_a_chip_are_both_devices_in_a_netlist(design: Transistors) -> None:
    chip = Devices(on_off=20.0).program(Network([0.2 * WEIGHTS], CIRCUIT).layers[0])
    g = spice.layer_conductances(chip, SCALE)
    assert all(np.all(one > 0) for one in g)
    exact = chip.charge(TIMES[np.newaxis])[0]
    ideal = spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, workers=1)
    np.testing.assert_allclose(ideal.v_end / SCALE.v_th, exact, atol=2e-5)
    text = transistor_netlist(TIMES, *g, design)
    assert {f"Mp{j}_1" for j in range(3)} | {f"Mn{j}_1" for j in range(3)} <= {
        *re.findall(r"^M\w+", text, re.MULTILINE)
    }
    real = spice.simulate_layer(TIMES, *g, CIRCUIT, SCALE, transistors=design, workers=1)
    # Switches of some kilohm are up to 10 % of these resistors.
    np.testing.assert_allclose(real.v_end / SCALE.v_th, exact, atol=0.05)

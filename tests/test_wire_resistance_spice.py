"""Wires with resistance against ladders in ngspice: columns, lines, and an array of both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from needs import ngspice
from references.wired_crossbar import charge_crossbar

from rcspike import Circuit, PhysicalScale
from rcspike.functional import charge_wired
from rcspike.spice import run_ngspice

Array = npt.NDArray[np.float64]
# Devices of up to 40 uS on 55 pF and 1 us, wires of 2.5 and 35 ohm a cell, a driver of 1 kilohm.
SCALE = PhysicalScale(capacitance=55e-12, window=1e-6, v_th=1.0)
CIRCUIT = Circuit(e_plus=1.4, e_minus=-0.9)
OHM = SCALE.siemens(1.0)  # in T / C
STEPS = 2000
# The trapezoidal rule in steps of h is off by (B h)^2 / (12 e) at most: 1e-7 for the conductances of up to B = 3 / T.
TOLERANCE = 1e-6


class Netlist:
    """Resistors, switches that close at a time, and capacitors on the membranes."""

    def __init__(self, n_out: int) -> None:
        self.lines = ["wires", ".model sw sw(vt=0.5 vh=0 ron=1 roff=1e15)"]
        self.lines += [f"vplus plus 0 {CIRCUIT.e_plus!r}", f"vminus minus 0 {CIRCUIT.e_minus!r}"]
        self.lines += [f"cm{i} m{i} 0 {SCALE.capacitance!r} ic=0" for i in range(n_out)]

    def inputs(self, times: Array) -> None:
        for j in np.flatnonzero(times <= 1):
            at, half = SCALE.seconds(float(times[j])), 5e-14  # half an edge
            wave = f"0 0 {at - half!r} 0 {at + half!r} 1" if at > 0 else "0 1"
            self.lines.append(f"vin{j} in{j} 0 pwl({wave})")

    def resistor(self, a: str, b: str, ohms: float) -> None:
        self.lines.append(f"r{len(self.lines)} {a} {b} {ohms!r}")

    def device(self, j: int, a: str, b: str, g: float) -> None:
        n = len(self.lines)
        self.lines += [f"s{n} {a} x{n} in{j} 0 sw", f"rd{n} x{n} {b} {1 / SCALE.siemens(float(g)) - 1!r}"]

    def run(self, n_out: int, steps: int = STEPS) -> Array:
        """Voltages of the membranes at the end of the window, in V_th."""
        step = SCALE.window / steps
        options = ".options klu reltol=1e-7 abstol=1e-18 vntol=1e-12 chgtol=1e-18 gmin=1e-18"
        saved = " ".join(f"v(m{i})" for i in range(n_out))
        end = [f".save {saved}", options, f".tran {step!r} {SCALE.window!r} 0 {step!r} uic", ".end", ""]
        result = run_ngspice("\n".join([*self.lines, *end]))
        assert result["time"][-1] == pytest.approx(SCALE.window, rel=1e-12)
        return np.array([result[f"v(m{i})"][-1] for i in range(n_out)])


def random_array(n_in: int, n_out: int, total: float) -> tuple[Array, Array, Array]:
    """Spikes at 12 different times, and devices of which half conduct to either rail."""
    rng = np.random.default_rng(n_in + n_out)
    times = rng.choice([*rng.random(12), np.inf], n_in)
    g = total / n_in * rng.random((n_in, n_out))
    upper = rng.random((n_in, n_out)) < 0.6
    return times, g * upper, g * ~upper


@ngspice
@pytest.mark.parametrize("ohms", [2.5, 35.0])
@pytest.mark.parametrize("n_in", [16, 128, pytest.param(784, marks=pytest.mark.long)])
@pytest.mark.parametrize("wire", ["supply", "membrane"])
def test_columns_agree_with_ngspice(n_in: int, ohms: float, wire: str) -> None:
    times, g_plus, g_minus = random_array(n_in, 1, min(0.7 * n_in, 5.0))
    found = Netlist(1)
    found.inputs(times)
    for name, g in (("plus", g_plus), ("minus", g_minus)):
        for j in range(n_in):
            node = f"{name}{j}" if wire == "supply" else f"wire{j}"
            if wire == "supply" or name == "plus":
                feed = name if wire == "supply" else "m0"
                found.resistor(f"{node[: -len(str(j))]}{j - 1}" if j else feed, node, ohms)
            if g[j, 0] > 0 and times[j] <= 1:
                ends = (node, "m0") if wire == "supply" else (name, node)
                found.device(j, *ends, g[j, 0])
    supplies = [(CIRCUIT.e_plus * g_plus, g_plus), (CIRCUIT.e_minus * g_minus, g_minus)]
    pairs = [(CIRCUIT.e_plus * g_plus + CIRCUIT.e_minus * g_minus, g_plus + g_minus)]
    wires = supplies if wire == "supply" else pairs
    v = charge_wired(times[None], wires, ohms * OHM)
    np.testing.assert_allclose(v[0], found.run(1), rtol=0, atol=TOLERANCE)
    assert np.abs(charge_wired(times[None], wires, 0.0) - v).max() > 10 * TOLERANCE


def array_of(times: Array, g_plus: Array, g_minus: Array, row: float, column: float, driver: float) -> Netlist:
    n_in, n_out = g_plus.shape
    found = Netlist(n_out)
    found.inputs(times)
    for i in range(n_out):
        for j in range(n_in if column > 0 else 0):
            found.resistor(f"w{j - 1}_{i}" if j else f"m{i}", f"w{j}_{i}", column)
    for name, g in (("plus", g_plus), ("minus", g_minus)):
        for j in np.flatnonzero(times <= 1):
            for i in range(n_out):
                found.resistor(
                    *((f"{name}{j}_{i - 1}", f"{name}{j}_{i}", row) if i else (name, f"{name}{j}_0", driver + row))
                )
                if g[j, i] > 0:
                    found.device(int(j), f"{name}{j}_{i}", f"w{j}_{i}" if column > 0 else f"m{i}", g[j, i])
    return found


@ngspice
@pytest.mark.parametrize("n_out", [16, 128, pytest.param(784, marks=pytest.mark.long)])
def test_lines_agree_with_ngspice(n_out: int) -> None:
    times, g_plus, g_minus = random_array(2, n_out, 1.0)
    times[0], times[1] = 0.3, 0.0
    resistances = {"row": 0.5, "column": 0.0, "driver": 1000.0}
    simulated = array_of(times, g_plus, g_minus, **resistances).run(n_out, STEPS // 4)  # B < 1 / T
    scaled = {name: ohms * OHM for name, ohms in resistances.items()}
    v = charge_crossbar(times[None], g_plus, g_minus, CIRCUIT, **scaled)
    np.testing.assert_allclose(v[0], simulated, rtol=0, atol=TOLERANCE)
    assert np.abs(charge_crossbar(times[None], g_plus, g_minus, CIRCUIT) - v).max() > 10 * TOLERANCE


@ngspice
@pytest.mark.parametrize("n", [8, pytest.param(32, marks=pytest.mark.long)])
def test_an_array_of_wires_in_both_directions_agrees_with_ngspice(n: int) -> None:
    times, g_plus, g_minus = random_array(n, n, 5.0)
    simulated = array_of(times, g_plus, g_minus, row=2.5, column=2.5, driver=100.0).run(n)
    v = charge_crossbar(times[None], g_plus, g_minus, CIRCUIT, row=2.5 * OHM, column=2.5 * OHM, driver=100 * OHM)
    np.testing.assert_allclose(v[0], simulated, rtol=0, atol=TOLERANCE)
    assert np.abs(charge_crossbar(times[None], g_plus, g_minus, CIRCUIT) - v).max() > 10 * TOLERANCE

"""Single switches of SKY130 in ngspice with the published models, at points that were used for no constant."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import ngspice, sky130

from rcspike import Circuit, load_process
from rcspike.energy import at_corner, off_current, operating_point, switch_charge
from rcspike.spice import Pdk, find_pdk

DEVICES = ("nfet_01v8", "pfet_01v8")
SIZE = 0.42e-6, 0.25e-6


@pytest.fixture(scope="module")
def pdk() -> Pdk:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PDK_ROOT", raising=False)
        return find_pdk()


def simulated(lines: list[str], folder: Path) -> str:
    netlist = folder / "switch.cir"
    netlist.write_text("\n".join(["* a switch", *lines, ".end", ""]))
    return subprocess.run(["ngspice", "-b", netlist], capture_output=True, text=True, cwd=folder, check=False).stdout


def leaks(pdk: Pdk, device: str, corner: str, celsius: float, back: float, folder: Path) -> list[tuple[float, float]]:
    """Voltages and currents of a switch whose gate and bulk are `back` beyond its rail."""
    fet, sign = pdk.fet(device, *SIZE, corner=corner), 1 if device == "nfet_01v8" else -1
    lines = [str(fet.card), fet.line("1", "d", "g", "0", "b"), "Vd d 0 0"]
    lines += [f"Vg g 0 {-sign * back}", f"Vb b 0 {-sign * back}"]
    lines += [f".options temp={celsius} gmin=1e-18 abstol=1e-18 reltol=1e-5", ".control"]
    lines += [f"dc Vd {0.3 * sign} {1.3 * sign} {0.2 * sign}", "wrdata leak.txt i(Vd)", ".endc"]
    simulated(lines, folder)
    rows = [list(map(float, line.split())) for line in (folder / "leak.txt").read_text().splitlines()]
    return [(abs(v), abs(i)) for v, i in rows]


@pytest.mark.long
@sky130
@ngspice
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("corner", ["tt", "ss", "ff", "sf", "fs"])
def test_the_off_current_is_that_of_the_models(pdk: Pdk, device: str, corner: str, tmp_path: Path) -> None:
    n_large = 0
    for celsius in (27.0, 40.0, 85.0):
        for back in (0.028, 0.2, 0.45):
            for v, measured in leaks(pdk, device, corner, celsius, back, tmp_path):
                computed = off_current(device, v, back=back, corner=corner, celsius=celsius)
                assert computed == pytest.approx(measured, rel=0.2, abs=2e-14), (celsius, back, v)
                n_large += measured > 1e-13
    assert n_large >= 18


def left_on_membrane(pdk: Pdk, device: str, rail: float, v: float, celsius: float, folder: Path) -> float:
    """Charge in C, beyond that of the resistor, as a switch on 10 MOhm and 1 pF opens with an edge of 0.2 ns."""
    fet, is_n, middle, edge, c = pdk.fet(device, *SIZE), device == "nfet_01v8", 20e-9, 0.2e-9, 1e-12
    off, on, bulk = ("0", "1.8", "0") if is_n else ("1.8", "0", "supply")
    lines = [str(fet.card), fet.line("1", "s", "g", "rail", bulk), "Vsupply supply 0 1.8"]
    lines += [f"Vrail rail 0 {0.9 - rail if is_n else 0.9 + rail}", "R1 s m 1e7", f"C1 m 0 {c}", f".ic v(m)={0.9 + v}"]
    lines += [f"Vg g 0 PWL(0 {on} {middle - edge / 2} {on} {middle + edge / 2} {off})"]
    lines += [f".options temp={celsius} gmin=1e-15 reltol=1e-6 abstol=1e-15 vntol=1e-9 chgtol=1e-18"]
    lines += [".tran 0.02n 120n 0 0.05n uic", ".control", "run"]
    times = {"a": middle - 2.3e-9, "b": middle - 0.3e-9, "c": 78e-9, "d": 118e-9}
    lines += [f"meas tran v{name} find v(m) at={t}" for name, t in times.items()]
    text = simulated([*lines, ".endc"], folder)
    at = {name: float(text.split(f"v{name} ")[1].split("=")[1].split()[0]) for name in times}
    before = at["b"] + (at["b"] - at["a"]) / 2e-9 * (middle - times["b"])
    after = at["d"] - (at["d"] - at["c"]) / 40e-9 * (times["d"] - middle)
    return c * (after - before)


@pytest.mark.long
@sky130
@ngspice
@pytest.mark.parametrize("device", DEVICES)
def test_the_charge_of_an_opening_switch_is_that_of_the_models(pdk: Pdk, device: str, tmp_path: Path) -> None:
    sign = -1 if device == "nfet_01v8" else 1
    for rail, celsius in ((0.45, 27.0), (0.45, 85.0), (0.75, 60.0)):
        gate, junction = switch_charge(device, rail)
        for v in (-0.30, 0.0, 0.30, 0.44):
            measured = left_on_membrane(pdk, device, rail, v, celsius, tmp_path)
            assert gate + junction * (sign * rail - v) == pytest.approx(measured, rel=0.03), (rail, celsius, v)


def test_an_off_current_grows_with_voltage_and_temperature_and_falls_with_the_gate_beyond_the_rail() -> None:
    for device in DEVICES:
        for corner in ("tt", "ss", "ff", "sf", "fs"):
            by_voltage = [off_current(device, v, corner=corner) for v in np.linspace(0, 1.8, 10)]
            by_heat = [off_current(device, 0.8, corner=corner, celsius=t) for t in np.linspace(0, 110, 8)]
            by_gate = [off_current(device, 0.8, corner=corner, back=b) for b in np.linspace(0, 0.3, 8)]
            assert by_voltage[0] == 0 and np.all(np.diff(by_voltage) > 0)
            assert np.all(np.diff(by_heat) > 0)
            assert by_gate == sorted(by_gate, reverse=True)


def test_a_process_at_a_hot_fast_corner_leaks_a_thousand_times_as_much() -> None:
    process = load_process("sky130")
    hot = at_corner(process, corner="fs", celsius=85.0)
    assert hot.switch_off_current > 1e3 * process.switch_off_current
    point = operating_point(Circuit(), hot)
    unit = point.scale(784)
    assert point.off_current(784) == pytest.approx(hot.switch_off_current * unit.window / unit.capacitance / unit.v_th)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"device": "nfet"}, "device must be one of nfet_01v8, pfet_01v8, got 'nfet'"),
        ({"corner": "hot"}, "corner must be one of tt, ss, ff, sf, fs, got 'hot'"),
        ({"celsius": 150.0}, r"celsius must lie in \[0, 110\], got 150"),
        ({"voltage": -0.1}, r"voltage must lie in \[0, 1.8\], got -0.1"),
    ],
)
def test_a_switch_that_was_not_measured_is_an_error(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        off_current(**{"device": "pfet_01v8", "voltage": 0.5, **values})

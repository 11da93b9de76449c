"""How far a constant diode drop is from Shockley's diode: in volts over a range of currents, and in a layer's voltages.

    python bench/shockley.py [--csv FILE] [--figure FILE]

Diodes of SKY130, 1 um square, and a Schottky diode of 1 nA. The layer has 200 inputs of MNIST's statistics and
30 neurons, and its currents are scaled by the membrane's capacitance; its drop is the one that fits its voltages best.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from rcspike import Circuit, PhysicalScale
from rcspike.experiments import Row, write_table
from rcspike.functional import charge

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from references.shockley_diode import SKY130_N, SKY130_P, Diode, charge_diodes

DIODES = {
    "sky130 n+/p-well": (SKY130_N, "#0072b2"),
    "sky130 p+/n-well": (SKY130_P, "#d55e00"),
    "Schottky, 1 nA": (Diode(saturation_current=1e-9, ideality=1.05), "#009e73"),
}
RANGES = [(0.1e-9, 1000e-9), (0.1e-9, 1e-9), (1e-9, 10e-9), (10e-9, 100e-9), (100e-9, 1000e-9)]
SCALE = PhysicalScale()
V_SYN = [1.5, 2.0, 3.0, 4.0]  # rails of 1 V_th leave a silicon diode almost no drive
CAPACITANCES = [14e-15, 140e-15, 1.4e-12]


def over_ranges() -> Iterator[Row]:
    """The constant drop with the smallest error in a range of currents: half of the change of the diode's drop."""
    for name, (diode, _) in DIODES.items():
        for low, high in RANGES:
            first, last = diode.drop(np.array([low, high])).tolist()
            yield {
                "what": "drop over a range",
                "diode": name,
                "from_nA": low * 1e9,
                "to_nA": high * 1e9,
                "best_drop_V": round((first + last) / 2, 4),
                "largest_error_V": round((last - first) / 2, 4),
                "error_of_v_th": round((last - first) / 2 / SCALE.v_th, 4),
            }


def layer() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    times = np.where(rng.random((6, 200)) < 0.19, rng.random((6, 200)), np.inf)
    return times, rng.normal(0.05, 0.4, (200, 30))


def of_a_layer() -> Iterator[Row]:
    """v(1) of a layer by Shockley's diodes compared with the best constant drop, and with the drop of 0."""
    times, weights = layer()
    for name, (diode, _) in DIODES.items():
        for v_syn in V_SYN:
            for capacitance in CAPACITANCES:
                scale = replace(SCALE, capacitance=capacitance)
                circuit = Circuit(v_syn=v_syn)
                exact = charge_diodes(times, weights, circuit, diode, scale=scale)

                def error(drop: float, v_syn: float = v_syn, exact: NDArray[np.float64] = exact) -> float:
                    v = charge(times, weights, Circuit(v_syn=v_syn, diode_drop=drop))
                    return float(np.sqrt(np.mean((v - exact) ** 2)))

                best = minimize_scalar(error, bounds=(0, 0.99 * v_syn), method="bounded", options={"xatol": 1e-6})
                yield {
                    "what": "v(1) of a layer",
                    "diode": name,
                    "v_syn": v_syn,
                    "capacitance_fF": round(capacitance * 1e15),
                    "best_drop_V": round(SCALE.volts(float(best.x)), 4),
                    "rms_error_of_v_th": round(float(best.fun), 5),
                    "rms_error_without_drop": round(error(0.0), 5),
                }


def figure(rows: list[Row]) -> Figure:
    """The drop against the current, and the errors of a layer on 140 fF against its rails."""
    mpl.rcParams.update({"svg.hashsalt": "rcspike", "svg.fonttype": "none", "font.size": 9})
    drawn = Figure(figsize=(8, 3.2), layout="constrained")
    drop, errors = drawn.subplots(1, 2)
    currents = np.geomspace(0.1e-9, 1000e-9, 100)
    for name, (diode, colour) in DIODES.items():
        drop.semilogx(currents * 1e9, diode.drop(currents), color=colour, label=name)
        of = [row for row in rows if row["diode"] == name and row.get("capacitance_fF") == 140]
        for key, style in (("rms_error_of_v_th", "-"), ("rms_error_without_drop", ":")):
            errors.semilogy(
                [r["v_syn"] for r in of], [100 * r[key] for r in of], "o" + style, markersize=3, color=colour
            )
    for style, label in (("-", "best constant drop"), (":", "no drop")):
        errors.plot([], [], style, color="#2b2b2b", label=label)
    drop.set(xlabel="current / nA", ylabel="forward drop / V", ylim=(0, None))
    errors.set(
        xlabel=r"$V_\mathrm{syn}\,/\,V_\mathrm{th}$",
        ylabel=r"rms error of $v(1)$ / % of $V_\mathrm{th}$",
        ylim=(0.1, 30),
    )
    for axes in (drop, errors):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e4e4e4", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.legend(frameon=False)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    rows = [*over_ranges(), *of_a_layer()]
    for row in rows:
        print(row)
    if options.csv:
        write_table(options.csv, rows)
    if options.figure:
        figure(rows).savefig(options.figure, metadata={"Date": None})


if __name__ == "__main__":
    main()

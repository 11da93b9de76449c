"""What real transistors as current sources do to a conventional circuit: output resistance and mismatch.

    python bench/current_sources.py RUN ... [--data DIR] [--csv FILE]

RUN is a run of `rcspike train mnist --v-syn inf --hidden 100 --seed S`. A source whose current falls along a line from
the rail to the membrane, I = g (E - v), is a synapse of RC-Spike on rails at E, which ngspice finds for transistors of
SKY130: E = I/(dI/dV_DS), with the membrane at rest and over its range. Mismatch is that of the thresholds, whose
standard deviation is A/sqrt(W L), times g_m/I. Accuracies are those of each run on the test images, as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcspike import Circuit, Network, datasets, load_process
from rcspike.datasets import Split
from rcspike.experiments import Row, write_table
from rcspike.spice import Transistors, find_pdk
from rcspike.spice.ngspice import run_ngspice
from rcspike.spice.pdk import Fet

WIDTH = 0.42  # um, the least of SKY130
LENGTHS = (0.15, 0.5, 1.0, 4.0)  # um
CURRENTS = (1e-9, 1e-8, 1e-7)  # A; a weight of 0.01 to 0.1 is 9 to 90 nA on 1 pF in 1 us
DRAWS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    test = datasets.load("mnist", directory=options.data).test if options.runs else None
    networks = [Network.load(run / "model.safetensors") for run in options.runs]
    rows: list[Row] = []
    for length in LENGTHS:
        for current in CURRENTS:
            row = source(length, current)
            if test is not None:
                row |= accuracies(networks, test, float(row["rail"]), float(row["mismatch"]))
            rows.append(row)
            print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.csv:
        write_table(options.csv, rows)


def source(length: float, current: float) -> Row:
    """An nfet that sinks a current at rest: its rail in V_th, and its mismatch, as a fraction of the current."""
    design = Transistors(pdk=find_pdk())
    process = load_process("sky130")
    v_th, headroom = 0.872, process.headroom
    at_rest = v_th + headroom
    gate, rising = sweep(design, length, "g", 0.0, 1.2, at_rest)
    log = np.log(np.maximum(rising, 1e-16))
    bias = float(np.interp(np.log(current), log, gate))
    slope = float(np.interp(bias, gate, np.gradient(log, gate)))  # g_m/I in 1/V
    drain, falling = sweep(design, length, "d", 0.0, at_rest + v_th, bias)
    used = (drain >= headroom) & (drain <= at_rest + v_th / 2)
    straight = np.polyfit(drain[used] - at_rest, falling[used], 1)
    bend = falling[used] - np.polyval(straight, drain[used] - at_rest)
    mismatch = slope * transistor(design, length).mismatch
    return {
        "length_um": length,
        "current_nA": current * 1e9,
        "rail": round(float(straight[1] / straight[0]) / v_th, 2),
        "bend": round(float(np.abs(bend).max() / straight[1]), 4),
        "mismatch": round(float(mismatch), 4),
    }


def transistor(design: Transistors, length: float) -> Fet:
    return design.fet("nfet_01v8", WIDTH * 1e-6, length * 1e-6)


def sweep(
    design: Transistors, length: float, node: str, low: float, high: float, other: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voltages of gate or drain, and the current of the drain in A, with the other at a voltage."""
    fet, held = transistor(design, length), {"g": "d", "d": "g"}[node]
    lines = ["* a transistor as a current source", str(fet.card), fet.line("1", "d", "g", "0", "0")]
    lines += [f"V{held} {held} 0 {other:.9g}", f"V{node} {node} 0 pwl(0 {low:.9g} 1 {high:.9g})"]
    lines += [".options reltol=1e-6 abstol=1e-16", ".save i(Vd)", ".tran 2m 1", ".end", ""]
    found = run_ngspice("\n".join(lines))
    return low + (high - low) * found["time"], -found["i(vd)"]


def accuracies(networks: list[Network], test: Split, rail: float, mismatch: float) -> Row:
    """Mean over networks and draws in %: of the ideal circuit, on the rail, and with mismatch too."""
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {"ideal": [], "on_rail": [], "with_mismatch": []}
    for network in networks:
        real = Circuit(v_syn=rail)
        found["ideal"].append(accuracy(network, test))
        found["on_rail"].append(accuracy(Network(network.weights, real), test))
        for _ in range(DRAWS):
            drawn = [(w * np.exp(mismatch * rng.standard_normal(w.shape))).astype(w.dtype) for w in network.weights]
            found["with_mismatch"].append(accuracy(Network(drawn, real), test))
    return {name: round(100 * float(np.mean(values)), 2) for name, values in found.items()}


def accuracy(network: Network, test: Split) -> float:
    return float(np.mean(network.predict(test.times) == test.labels))


if __name__ == "__main__":
    main()

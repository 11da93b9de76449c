"""What wires with resistance do, how far the approximations are from the exact solution, and tiles of an array.

    python bench/wires.py [--csv FILE]

Trains 784-200-200-10 on MNIST briefly, for V_syn = 1 and as the conventional circuit. Shifts and errors are those of
v(1) in V_th. In every layer the largest weight is the device of the named conductance.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike import Circuit, Network, datasets, evaluate, train
from rcspike.chips import AxonResistance, ChipLayer, Devices, WireResistance, program
from rcspike.experiments import Row, write_table
from rcspike.functional import fire

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from references.wired_crossbar import charge_crossbar

OHMS = [0.01, 0.1, 0.35, 1.0, 2.5, 5.0]
SIZES = [784, 200, 200, 10]
# 19 % of MNIST's pixels spike; while one of two devices conducts, the other does for two thirds of the time if their
# spikes come at random.
ACTIVITY = 0.13
Array = NDArray[Any]


def trained(circuit: Circuit, data: datasets.Dataset) -> Network:
    network = Network.create(SIZES, circuit, seed=0)
    train(network, data, epochs=5, seed=0)
    return network


def per_ohm(layer: ChipLayer, siemens: float) -> float:
    """An ohm in T / C if the layer's largest device has so many siemens."""
    return siemens / max(float(g.max()) for g in layer.conductances())


def rms(x: Array) -> float:
    return float(f"{np.sqrt(np.mean(x**2)):.2g}")


def largest(x: Array) -> float:
    return float(f"{np.abs(x).max():.2g}")


def compare(layer: ChipLayer, times: Array, ohms: float, siemens: float, activity: float, wire: str) -> Row:
    """Shift by the wires of a layer, and errors of leaving them out and of fast mode."""
    r = ohms * per_ohm(layer, siemens)
    exact, *others = (
        effect.apply(layer, np.random.default_rng(0)).charge(times)
        for effect in (
            WireResistance(resistance=r, wire=wire),
            WireResistance(resistance=r, wire=wire, activity=activity),
            WireResistance(resistance=r, wire=wire, activity=1.0),
        )
    )
    ideal = layer.charge(times)
    row = {"wire": wire, "rows": layer.n_in, "uS": round(siemens * 1e6), "ohms": ohms}
    row["droop"] = float(f"{WireResistance(resistance=r, wire=wire).droop(layer):.2g}")
    row |= {"shift_rms": rms(exact - ideal), "shift_max": largest(exact - ideal)}
    row |= {"fast_rms": rms(others[0] - exact), "fast_max": largest(others[0] - exact)}
    return row | {"activity_1_rms": rms(others[1] - exact)}


def of_mnist(network: Network, data: datasets.Dataset) -> Iterator[Row]:
    times = data.test.times[:1000]
    layer = replace(program(network, seed=0).layers[0], dtype=np.dtype(np.float64))
    for wire in ("supply", "membrane"):
        for ohms in OHMS:
            row = compare(layer, times, ohms, 40e-6, ACTIVITY, wire)
            chip = program(network, seed=0)
            layers = tuple(replace(one, wire_resistance=ohms * per_ohm(one, 40e-6), wire=wire) for one in chip.layers)
            chip = replace(chip, layers=layers)
            accuracy = np.mean(chip.predict(data.test.times) == data.test.labels)
            yield {"what": "MNIST, first layer", **row, "accuracy": round(100 * float(accuracy), 2)}


def random_layer(n: int, n_out: int, circuit: Circuit) -> tuple[ChipLayer, Array]:
    """Weights that spread v(1) over its range; half of the inputs spike, at random times."""
    rng = np.random.default_rng(0)
    times = np.where(rng.random((100, n)) < 0.5, rng.random((100, n)), np.inf)
    return Devices().layer(rng.normal(0.5 / n, 2 / np.sqrt(n), (n, n_out)), circuit), times


def of_rram() -> Iterator[Row]:
    for n in (64, 128, 256):
        layer, times = random_layer(n, 64, Circuit(v_syn=1.0))
        for micro in (10, 40, 100):
            yield {"what": "RRAM", **compare(layer, times, 1.0, micro * 1e-6, 1 / 3, "supply")}


def of_lines() -> Iterator[Row]:
    """Axon lines and membranes of an array of 32 x 32, compared with the coupled circuit."""
    layer, times = random_layer(32, 32, Circuit(v_syn=1.0))
    times = times[:10]
    ideal = layer.charge(times)
    for micro in (10, 40, 100):
        for ohms in (0.35, 1.0, 2.5, 5.0):
            r = ohms * per_ohm(layer, micro * 1e-6)
            exact = charge_crossbar(times, *layer.conductances(), layer.circuit, row=r, column=r)
            rng = np.random.default_rng(0)
            lines = AxonResistance(resistance=r)
            found = WireResistance(resistance=r, wire="membrane").apply(lines.apply(layer, rng), rng).charge(times)
            row = {"what": "axon lines and membranes", "rows": 32, "uS": micro, "ohms": ohms}
            row |= {"droop": float(f"{lines.droop(layer):.2g}")}
            row |= {"shift_rms": rms(exact - ideal), "shift_max": largest(exact - ideal)}
            yield row | {"fast_rms": rms(found - exact), "fast_max": largest(found - exact)}


def in_tiles(weights: Array, times: Array, circuit: Circuit, size: int, ohms: float) -> Array:
    """v(1) of an array that is cut into tiles, in the limit of high rails: the voltages of the tiles add up."""
    rng = np.random.default_rng(0)
    devices = Devices(on_off=40.0, w_max=float(np.abs(weights).max()))
    v = np.zeros((len(times), weights.shape[1]))
    for first in range(0, len(weights), size):
        inputs = slice(first, first + size)
        for start in range(0, weights.shape[1], size):
            outputs = slice(start, start + size)
            layer = devices.layer(weights[inputs, outputs], circuit)
            r = ohms * 1e-3 * circuit.e_plus / layer.g_max  # devices of 1 to 40 kilohm
            for effect in (AxonResistance(resistance=r), WireResistance(resistance=r, wire="membrane")):
                layer = layer if effect.is_absent else effect.apply(layer, rng)
            v[:, outputs] += layer.charge(np.ascontiguousarray(times[:, inputs]))
    return v


def of_tiles(network: Network, data: datasets.Dataset) -> Iterator[Row]:
    circuit = Circuit(v_syn=1e4)
    for size in (16, 32, 64, 128):
        for ohms in (0.0, 2.0):
            times = data.test.times.astype(np.float64)
            for weights in network.weights:
                v = in_tiles(weights.astype(np.float64), times, circuit, size, ohms)
                times = fire(v, circuit)
            accuracy = np.mean(np.argmax(v, axis=1) == data.test.labels)
            yield {"what": "tiles", "rows": size, "ohms": ohms, "accuracy": round(100 * float(accuracy), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of approximations, whose errors are what is measured
    data = datasets.load("mnist")
    low, conventional = trained(Circuit(v_syn=1.0), data), trained(Circuit.conventional(), data)
    for network in (low, conventional):
        print(f"{network.circuit}: {100 * evaluate(network, data.test):.2f} %")
    rows = []
    for found in (of_mnist(low, data), of_rram(), of_lines(), of_tiles(conventional, data)):
        for row in found:
            print(row, flush=True)
            rows.append(row)
    if options.csv:
        write_table(options.csv, rows)


if __name__ == "__main__":
    main()

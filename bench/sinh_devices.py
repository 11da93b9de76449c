"""Networks behind devices of g V_0 sinh(V/V_0): with the weights of ohmic devices, and trained for them.

    python bench/sinh_devices.py [--ohmic RUN ...] [--trained RUN ...] [--v-0 V_0,...] [--data DIR] [--csv FILE]

Runs are those of `rcspike train mnist --hidden 100 --seed S`, and the same with `--v-0`; those of --ohmic and --trained
that stand at the same place have the same seed. Each pair adds to --csv the accuracy on the test images of the ohmic
network, of the same weights with each of the V_0, and of the one trained for its own V_0. `rms` is that of the change
of v(1) from the ohmic devices to the others, in V_th: of the hidden neurons, and of the outputs, whose inputs are the
spikes of their own hidden layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcspike import Network, datasets
from rcspike.datasets import Split
from rcspike.experiments import Row, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ohmic", type=Path, nargs="+", required=True)
    parser.add_argument("--trained", type=Path, nargs="+", required=True)
    parser.add_argument("--v-0", default="0.25,0.493,1,2,4")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    test = datasets.load("mnist", directory=options.data).test
    rows: list[Row] = []
    for pair, runs in enumerate(zip(options.ohmic, options.trained, strict=True)):
        ohmic, trained = (Network.load(run / "model.safetensors") for run in runs)
        for row in compared(ohmic, trained, test, [float(text) for text in options.v_0.split(",")]):
            rows.append({"pair": pair, **row})
            print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if options.csv:
        write_table(options.csv, rows)


def compared(ohmic: Network, trained: Network, test: Split, v_0: list[float]) -> Iterator[Row]:
    ideal = voltages(ohmic, test)
    yield {"weights": "ohmic", "v_0": ohmic.circuit.v_0, "accuracy": accuracy(ideal, test)}
    for value in v_0:
        real = voltages(Network(ohmic.weights, replace(ohmic.circuit, v_0=value)), test)
        rms = [round(float(np.sqrt(np.mean((a - b) ** 2))), 4) for a, b in zip(real, ideal, strict=True)]
        by_layer = {"rms_hidden": rms[0], "rms_outputs": rms[-1]}
        yield {"weights": "ohmic", "v_0": value, "accuracy": accuracy(real, test), **by_layer}
    yield {"weights": "trained", "v_0": trained.circuit.v_0, "accuracy": accuracy(voltages(trained, test), test)}


def voltages(network: Network, test: Split) -> list[NDArray[np.float64]]:
    """v(1) of each layer."""
    return [result.v.astype(np.float64) for result in network.walk(test.times)]


def accuracy(v: list[NDArray[np.float64]], test: Split) -> float:
    return round(float(np.mean(v[-1].argmax(axis=1) == test.labels)), 4)


if __name__ == "__main__":
    main()

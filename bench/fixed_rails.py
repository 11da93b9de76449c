"""Accuracy against energy at fixed rails, where a higher V_syn is a lower threshold, with offsets in volts.

python bench/fixed_rails.py mnist --csv docs/results/fixed-rails-mnist.csv --figure docs/figures/fixed-rails-mnist.svg
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rcspike import Circuit, Network, datasets, train
from rcspike.experiments import preset, write_table
from rcspike.hardware import activity, energy_parts, mean_energy, operating_point, program
from rcspike.nonideal import ComparatorOffset
from rcspike.plots import circuit_colour

MILLIVOLTS = (0.0, 1.0, 3.0, 10.0)


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each V_syn and offset, as mean and standard deviation over the seeds of the training."""
    dataset = datasets.load(options.dataset)
    times, labels = dataset.test.times, dataset.test.labels
    for v_syn in options.v_syn:
        point = operating_point(Circuit(v_syn=v_syn))
        joules, accuracy = [], {mv: [] for mv in MILLIVOLTS}
        for seed in range(options.seeds):
            network = trained(dataset, point.circuit, seed, options)
            joules.append(mean_energy(energy_parts(activity(network, times), point)))
            for mv in MILLIVOLTS:
                chips = options.chips if mv else 1
                offset = ComparatorOffset(sigma=point.thresholds(1e-3 * mv))
                noise = point.spike_time_noise(min(network.sizes[:-1]))
                found = [
                    np.mean(program(network, [offset], seed=chip).predict(times, noise=noise, seed=chip) == labels)
                    for chip in range(chips)
                ]
                accuracy[mv].append(100 * float(np.mean(found)))
        for mv, values in accuracy.items():
            yield {
                "v_syn": v_syn,
                "v_th": point.v_th,
                "offset_mv": mv,
                "seeds": options.seeds,
                "chips": options.chips if mv else 1,
                "test_mean": mean(values),
                "test_std": stdev(values) if len(values) > 1 else None,
                "energy_pj": 1e12 * mean(joules),
            }
            print(f"V_syn {v_syn:g}, {mv:g} mV: {mean(values):.2f} %, {1e12 * mean(joules):.0f} pJ", flush=True)


def trained(dataset: datasets.Dataset, circuit: Circuit, seed: int, options: argparse.Namespace) -> Network:
    """The network of this circuit and seed, trained at the circuit's noise floor, or read if it was."""
    file = options.runs / f"{options.dataset}-{circuit.label}-s{seed}-e{options.epochs}.safetensors"
    if not file.exists():
        settings = {**preset(options.dataset), "epochs": options.epochs}
        sizes = [dataset.train.times.shape[1], *settings.pop("hidden"), dataset.n_classes]
        network = Network.create(sizes, circuit, seed=seed)
        noise = operating_point(circuit).spike_time_noise(min(sizes[:-1]))
        train(network, dataset, **settings, noise=noise, seed=seed)
        options.runs.mkdir(parents=True, exist_ok=True)
        network.save(file)
    return Network.load(file)


def draw(table: list[dict[str, Any]], heading: str) -> Figure:
    """A line for each offset, a point for each V_syn in its colour."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for mv in MILLIVOLTS:
        of_offset = [row for row in table if row["offset_mv"] == mv]
        x, y = ([row[name] for row in of_offset] for name in ("energy_pj", "test_mean"))
        axes.plot(x, y, color="#8c8c8c", linewidth=0.8, zorder=1)
        axes.scatter(x, y, c=[circuit_colour(Circuit(v_syn=row["v_syn"])) for row in of_offset], zorder=2)
        axes.annotate(f"{mv:g} mV", (x[0], y[0]), (6, 0), textcoords="offset points", va="center", fontsize=8)
    for row in [row for row in table if row["offset_mv"] == 0]:
        place = (row["energy_pj"], row["test_mean"])
        axes.annotate(f"{row['v_syn']:g}", place, (0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xlabel("energy of an inference / pJ")
    axes.set_ylabel("test accuracy / %")
    axes.set_title(heading, loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["digits", "mnist", "fashion-mnist"])
    parser.add_argument("--v-syn", type=lambda text: [float(v) for v in text.split(",")], default=[1.0, 2.0, 4.0, 8.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--chips", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--runs", type=Path, default=Path("runs/fixed-rails"), help="folder for the networks")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    options = parser.parse_args()
    table = list(rows(options))
    write_table(options.csv, table)
    heading = f"{options.dataset}, rails of 0.872 V, V_syn above the points, offsets at the lines"
    draw(table, heading).savefig(options.figure, metadata={"Date": None})


if __name__ == "__main__":
    main()

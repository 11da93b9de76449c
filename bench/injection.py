"""Accuracy against the charge that switches inject, for plain networks and for networks that were trained for it.

python bench/injection.py mnist --csv docs/results/injection-mnist.csv --figure docs/figures/injection-mnist.svg

With --retraining N, networks are trained without injection first, and then N epochs more at --retraining-rate, with it
or without; by default they are trained for it from the start. With --membrane and --v-th, all membranes have this
capacitance, and the thresholds and V_syn are those given; otherwise they are those of the default process at its rails.
Every chip has charge that scatters by 5 % from switch to switch, capacitors as `CapacitorMismatch` has them, and
comparators with offsets and noise in volts. Networks and finished rows are kept: a run that was stopped resumes.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rcspike import Circuit, Network, datasets, train
from rcspike.chips import CapacitorMismatch, ChargeInjection, ComparatorOffset, Effect, program
from rcspike.energy import OperatingPoint, load_process, operating_point
from rcspike.experiments import preset, write_table
from rcspike.plots import circuit_colour

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from references.balanced_weights import balanced

INK = "#2b2b2b"  # as in rcspike.plots


def injections(point: OperatingPoint, sizes: list[int], charge: float) -> tuple[tuple[float, float], ...]:
    """In V_th, of each layer, for a charge of a switch to the positive rail; the other one's ratio is the process's."""
    ratio = point.process.switch_charge_minus / point.process.switch_charge_plus
    return tuple(point.injection(n, plus=charge, minus=ratio * charge) for n in sizes[:-1])


def trained(
    dataset: datasets.Dataset, circuit: Circuit, name: str, seed: int, noise: float, options: argparse.Namespace
) -> Network:
    """The network of this name and seed, trained at the circuit's noise floor, or read if it was."""
    if options.retraining == 0:
        start = Network.create(sizes_of(dataset), circuit, seed=seed)
        return stage(dataset, start, name, seed, noise, options.epochs, options)
    plain = f"v{circuit.e_plus:g}"
    start = Network.create(sizes_of(dataset), Circuit(v_syn=circuit.e_plus), seed=seed)
    first = stage(dataset, start, plain, seed, noise, options.epochs, options)
    again = balanced(first, circuit, dataset.train.times[:500]) if circuit.injects else first
    file = f"{name}-retrained-{options.retraining}"
    return stage(dataset, again, file, seed, noise, options.retraining, options, learning_rate=options.retraining_rate)


def stage(
    dataset: datasets.Dataset,
    network: Network,
    name: str,
    seed: int,
    noise: float,
    epochs: int,
    options: argparse.Namespace,
    **changes: float,
) -> Network:
    """The network after some epochs with the preset and changes of it; it is kept."""
    file = options.runs / f"{options.dataset}-{name}{at(options)}-s{seed}-e{options.epochs}.safetensors"
    if not file.exists():
        settings = {**preset(options.dataset), "epochs": epochs, **changes}
        settings.pop("hidden")
        options.runs.mkdir(parents=True, exist_ok=True)
        train(
            network,
            dataset,
            **settings,
            noise=noise,
            seed=seed,
            threads=options.threads,
            checkpoint_path=file.with_suffix(".checkpoint"),
        )
        network.save(file)
    return Network.load(file)


def at(options: argparse.Namespace) -> str:
    """The membrane and the threshold in the name of a file, if they are not those of the process."""
    return "" if options.membrane is None else f"-{options.membrane:g}pF-{options.v_th:g}V"


def point_of(v_syn: float, options: argparse.Namespace) -> OperatingPoint:
    """The default process at its rails, or with one capacitance for all membranes at a given threshold."""
    if options.membrane is None:
        return operating_point(Circuit(v_syn=v_syn))
    process = replace(
        load_process(),
        v_th=options.v_th,
        v_rail=v_syn * options.v_th,
        capacitance=1e-12 * options.membrane,
        capacitance_per_row=0.0,
        column_wire_capacitance=0.0,
        column_junction_capacitance=0.0,
    )
    return operating_point(Circuit(v_syn=v_syn), process)


def sizes_of(dataset: datasets.Dataset) -> list[int]:
    return [dataset.train.times.shape[1], *preset(dataset.name)["hidden"], dataset.n_classes]


def accuracies(
    network: Network, dataset: datasets.Dataset, effects: list[Effect], noise: float, options: argparse.Namespace
) -> list[float]:
    """Test accuracy of each chip in percent."""
    times, labels = dataset.test.times, dataset.test.labels
    return [
        100 * float(np.mean(chip.predict(times, noise=noise, seed=seed, threads=options.threads) == labels))
        for seed in range(options.chips)
        for chip in [program(network, effects, seed=seed)]
    ]


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each V_syn, charge and training, over the seeds of the training and the chips of each."""
    dataset = datasets.load(options.dataset)
    sizes = sizes_of(dataset)
    for v_syn in options.v_syn:
        point = point_of(v_syn, options)
        noise = point.spike_time_noise(min(sizes[:-1]))
        others = [CapacitorMismatch(), ComparatorOffset(sigma=point.thresholds(1e-3 * options.offset_mv))]
        for fc in options.charges:
            pairs = injections(point, sizes, 1e-15 * fc)
            plus, minus = (tuple(side) for side in zip(*pairs, strict=True))
            effects: list[Effect] = [ChargeInjection(plus=plus, minus=minus, scale=float(fc > 0)), *others]
            for training in ("plain", "for injection"):
                if fc == 0 and training != "plain":
                    continue
                epochs = f"e{options.epochs}-{options.retraining}"
                name = f"{v_syn:g}{at(options)}-{fc:g}-{training[:3]}"
                file = options.runs / f"row-{options.dataset}-{name}-{epochs}.json"
                if options.finished and not file.exists():
                    continue
                if not file.exists():
                    found = []
                    for seed in range(options.seeds):
                        circuit = point.circuit if training == "plain" else Circuit(v_syn=v_syn, injection=pairs)
                        name = f"v{v_syn:g}" if training == "plain" else f"v{v_syn:g}-{fc:g}fC"
                        network = trained(dataset, circuit, name, seed, noise, options)
                        found.append(accuracies(network, dataset, effects, noise, options))
                    file.write_text(json.dumps(found))
                found = json.loads(file.read_text())
                of_seeds = [mean(chips) for chips in found]
                yield {
                    "v_syn": v_syn,
                    "v_th": point.v_th,
                    "membrane_pf": 1e12 * point.scale(sizes[0]).capacitance,
                    "charge_fc": fc,
                    "training": training,
                    "first_layer_plus_v_th": pairs[0][0],
                    "second_layer_plus_v_th": pairs[1][0],
                    "seeds": options.seeds,
                    "chips": options.chips,
                    "test_mean": mean(of_seeds),
                    "test_std_seeds": stdev(of_seeds) if len(of_seeds) > 1 else None,
                    "test_std_chips": mean(stdev(chips) for chips in found),
                    "test_worst_chip": min(min(chips) for chips in found),
                }
                print(f"V_syn {v_syn:g}, {fc:g} fC, {training}: {mean(of_seeds):.2f} %", flush=True)


def with_recovery(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The table with what injection costs a plain network, and which part of it training for it recovers."""
    plain = {(row["v_syn"], row["charge_fc"]): row["test_mean"] for row in table if row["training"] == "plain"}
    for row in table:
        free, lossy = plain[row["v_syn"], 0.0], plain[row["v_syn"], row["charge_fc"]]
        row["loss_of_plain"] = free - lossy
        has_part = row["training"] != "plain" and free > lossy
        row["recovered"] = (row["test_mean"] - lossy) / (free - lossy) if has_part else None
    return table


def draw(table: list[dict[str, Any]], heading: str) -> Figure:
    """A line for each V_syn, threshold and training: dashed for plain networks, open marks for a lower threshold."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots()
    circuits = dict.fromkeys((row["v_syn"], row["v_th"]) for row in table)
    for v_syn, v_th in circuits:
        of = [row for row in table if (row["v_syn"], row["v_th"]) == (v_syn, v_th)]
        style = {"color": circuit_colour(Circuit(v_syn=v_syn)), "marker": "o", "markersize": 4.5}
        if any(v_th < other for v, other in circuits if v == v_syn):
            style["markerfacecolor"] = "white"
        for training, line in (("for injection", "-"), ("plain", "--")):
            # Without injection both are the same network.
            chosen = [row for row in of if row["training"] == training or row["charge_fc"] == 0]
            x, y, spread = ([row[name] for row in chosen] for name in ("charge_fc", "test_mean", "test_std_chips"))
            axes.errorbar(x, y, spread, linestyle=line, linewidth=1.3, capsize=2.5, **style)
            threshold = rf" = {v_th:.3g} V" if len(circuits) > 1 else ""
            label = rf"$V_\mathrm{{syn}} = {v_syn:g}\,V_\mathrm{{th}}${threshold}, trained "
            label += "for it" if training != "plain" else "without it"
            axes.plot([], [], line, linewidth=1.3, label=label, **style)
    axes.set_xlabel("charge of a switch to the positive rail / fC", fontsize=9)
    axes.set_ylabel("test accuracy / %", fontsize=9)
    axes.set_title(heading, loc="left", fontsize=10, color=INK, pad=12)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.02, 1), handlelength=3.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#8c8c8c")
    axes.tick_params(labelsize=8, colors=INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def stored(file: Path) -> list[dict[str, Any]]:
    """The table of a file that `write_table` wrote."""
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: text if name == "training" else float(text or "nan") for name, text in row.items()} for row in rows]


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["digits", "mnist", "fashion-mnist"])
    parser.add_argument("--v-syn", type=numbers, default=[1.0, 4.0])
    parser.add_argument("--charges", type=numbers, default=[0.0, 0.1, 0.2, 0.4, 0.8, 1.6], help="in fC, with 0")
    parser.add_argument("--offset-mv", type=float, default=3.0, help="standard deviation of the comparators' offsets")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--chips", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--retraining", type=int, default=0, help="epochs after these")
    parser.add_argument("--retraining-rate", type=float, default=3e-4, help="learning rate of these")
    parser.add_argument("--membrane", type=float, help="capacitance of all membranes, in pF")
    parser.add_argument("--v-th", type=float, default=0.872, help="threshold in V, with --membrane")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--redraw", action="store_true", help="only the figure, of the table in --csv")
    parser.add_argument("--finished", action="store_true", help="only the rows that are finished, without training")
    parser.add_argument("--runs", type=Path, default=Path("runs/injection"), help="folder for networks and rows")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    options = parser.parse_args()
    if options.redraw:
        table = stored(options.csv)
    else:
        table = sorted(rows(options), key=lambda row: (row["v_syn"], row["charge_fc"], row["training"] != "plain"))
        table = with_recovery(table)
        write_table(options.csv, table)
    where = "rails of 0.872 V" if options.membrane is None else f"{options.membrane:g} pF"
    heading = f"{options.dataset}, {where}, {options.chips} chips, {options.epochs} + {options.retraining} epochs"
    draw(table, heading).savefig(options.figure, metadata={"Date": None})


if __name__ == "__main__":
    main()

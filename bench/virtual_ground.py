"""How much bias a virtual ground needs for RC-Spike's accuracy, and the ratio of the energies there.

    python bench/virtual_ground.py RUNS --dataset mnist [--seeds 0,1,2] [--transconductances 2,4,8,16,59]
        [--process NAME] [--epochs 6] [--images 400] [--data DIR] [--results DIR] [--figure FILE]

RUNS/DATASET-SEED is a run of `rcspike train DATASET --hidden 100 --seed SEED`. From its weights, RC-Spike and the
virtual ground at each transconductance, in C/T, are trained for --epochs more, all in the same way; models that are
there already are not trained again. The capacitances and the read voltage are those of sky130, or of another --process,
for which RESULTS/virtual-ground-DATASET-PROCESS.csv has the accuracies. Writes one row for each
network to RESULTS/virtual-ground-DATASET.csv, with the images that it alone or RC-Spike of the same seed alone reads
correctly, the noise of its first layer, the share of the time in which op-amps give more than the current of a branch,
and its accuracy on --images as it is, if the ramp starts before they have settled, and if their pairs bend. Prints
the difference of accuracy at each transconductance, with its 95 % confidence interval. --figure draws the tables of all
data sets in RESULTS.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from rcspike import Circuit, Network, datasets, load_process, train
from rcspike.energy import operating_point
from rcspike.energy.operating_point_in_volts import column_capacitance, drawn_capacitance
from rcspike.experiments import Row, write_table

Array = npt.NDArray[np.float64]

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROWS = 784
BOLTZMANN = 1.380649e-23
EXCESS = 2 / 3  # noise of a transistor's channel in strong inversion; a pair and its mirror have 16 kT EXCESS / g_m
SETTLED = 6.77  # strength of op-amps that settle sky130's column of 784 rows in 0.01 T
DATASETS = {"mnist": ("MNIST", "#0072b2"), "fashion-mnist": ("Fashion-MNIST", "#d55e00")}


def amplifier(transconductance: float, name: str = "sky130") -> Circuit:
    """A column of a process; 0 is RC-Spike."""
    if transconductance == 0:
        return Circuit(v_syn=1.0)
    process = load_process(name)
    read_voltage = process.read_voltage / operating_point(Circuit(v_syn=1.0), process).v_th
    summing = column_capacitance(process, ROWS) / drawn_capacitance(process, ROWS)
    return Circuit.virtual_ground(read_voltage, transconductance=transconductance, summing_capacitance=summing)


def bent(drive: Array, conductance: Array, g: float, most: float) -> Array:
    """s at rest with a pair that gives g most tanh(s/most) instead of g s, by Newton's method."""
    s = drive / (conductance + g)
    for _ in range(8):
        current = np.tanh(s / most)
        s = s - (conductance * s + g * most * current - drive) / (conductance + g * (1 - current**2))
    return s


def phases(times: Array, w: Array, circuit: Circuit) -> tuple[Array, Array, Array, Array, Array]:
    """Of columns without an output load: charge, s at the end, noise, excess current, and what a pair's bend changes.

    Noise is the variance of the charge over kT/C; excess current the share of the time in which g_m s is above the
    current of a branch, half of what a pair can give at most. The bend is that of a pair in weak inversion, whose s is
    taken to be at rest. Each step is that of docs/virtual-ground.md.
    """
    c, g, e = circuit.summing_capacitance, circuit.transconductance, circuit.e_plus
    p = load_process("sky130")
    branch = 1 / p.opamp_efficiency / operating_point(Circuit(v_syn=1.0), p).v_th  # s at which g_m s is its current
    shape = (len(times), w.shape[1])
    charge, end, noise, excess, change = (np.zeros(shape) for _ in range(5))
    for sample, row in enumerate(times):
        order = np.argsort(row, kind="stable")
        order = order[row[order] < 1]
        lengths = np.diff(np.append(row[order], 1.0))
        drive, conductance = np.cumsum(w[order], axis=0), np.cumsum(np.abs(w[order]), axis=0) / e
        share = g / (conductance + g)
        moved = bent(drive, conductance, g, p.opamp_branches * branch) - drive / (conductance + g)
        change[sample] = -(conductance * moved * lengths[:, np.newaxis]).sum(axis=0)
        s = np.zeros(w.shape[1])
        for d, a, b, h in zip(lengths, drive, conductance, share, strict=True):
            rest = a / (b + g)
            then = rest + (s - rest) * np.exp(-(b + g) * d / c)
            charge[sample] += h * a * d + (1 - h) * c * (then - s)
            noise[sample] += (2 * b * h**2 + 8 * EXCESS / g * (b * h) ** 2) * d
            excess[sample] += d * (np.abs(then) > branch)
            s = then
        end[sample] = s
    return charge, end, noise + 1 + 4 * EXCESS * (1 + c) ** 2 / c, excess, change


def unsettled_times(charge: Array, s: Array, circuit: Circuit) -> Array:
    """Spikes of a ramp that starts as the switches open, while the amplifier still settles, up to 1.5 T."""
    after = np.linspace(0, 1.5, 601)
    rate = circuit.transconductance / circuit.summing_capacitance
    found = np.full(charge.shape, np.inf)
    for sample in range(len(charge)):
        left = np.exp(-rate * after)[:, np.newaxis] * (1 + circuit.summing_capacitance) * s[sample]
        above = charge[sample] - left - (1 - after[:, np.newaxis])
        first = np.argmax(above >= 0, axis=0)
        crossed = above[first, np.arange(above.shape[1])] >= 0
        before = np.maximum(first - 1, 0)
        low, high = (np.take_along_axis(above, i[np.newaxis], 0)[0] for i in (before, first))
        part = np.where(first > 0, -low / np.where(high > low, high - low, 1), 0.0)
        found[sample, crossed] = (after[before] + part * (after[1] - after[0]))[crossed]
    return found


def details(network: Network, times: Array, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    circuit = network.circuit
    if not circuit.has_amplifier or len(times) == 0:
        return dict.fromkeys(("noise", "excess", "settled", "unsettled", "bent"), float("nan"))
    charge, _, noise, excess, _ = phases(times, network.weights[0], circuit)
    np.testing.assert_allclose(charge, network.layers[0].charge(times), rtol=0, atol=1e-9)
    process = load_process("sky130")
    v_th = operating_point(Circuit(v_syn=1.0), process).v_th
    of_capacitor = BOLTZMANN * process.temperature / drawn_capacitance(process, ROWS) / v_th**2
    spikes = times
    for w in network.weights:
        charge, end, *_ = phases(spikes, w, circuit)
        spikes = unsettled_times(charge, end, circuit)
        spikes, read = np.where(spikes <= 1, spikes, np.inf), spikes
    read = np.where(np.isfinite(read), read, 2 - charge)
    spikes = times
    for w in network.weights:
        charge, *_, change = phases(spikes, w, circuit)
        v = charge + change
        spikes = np.where(v > 0, np.clip(1 - v, 0, 1), np.inf)
    return {
        "noise": float(np.sqrt(of_capacitor * noise.mean())),
        "excess": float(excess.mean()),
        "settled": float((network.forward(times).argmax(axis=1) == labels).mean()),
        "unsettled": float((read.argmin(axis=1) == labels).mean()),
        "bent": float((v.argmax(axis=1) == labels).mean()),
    }


def difference(right: list[npt.NDArray[np.bool_]], reference: list[npt.NDArray[np.bool_]]) -> tuple[float, float]:
    """Mean difference of accuracy over the seeds, in points, and half of its 95 % confidence interval.

    The images are a sample, and the seeds those that there are: the mean over the seeds of each image is one number.
    """
    d = np.mean([a.astype(float) - b for a, b in zip(right, reference, strict=True)], axis=0)
    return 100 * float(d.mean()), 196 * float(d.std() / np.sqrt(len(d)))


def read(table: Path) -> list[Row]:
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def figure(results: Path) -> Figure:
    """Accuracy and its difference to RC-Spike against the strength of the op-amps."""
    mpl.rcParams.update({"svg.hashsalt": "rcspike", "svg.fonttype": "none", "font.size": 9})
    drawn = Figure(figsize=(8, 3.4), layout="constrained")
    accuracy, apart = drawn.subplots(1, 2)
    for name, (label, colour) in DATASETS.items():
        rows = read(results / f"virtual-ground-{name}.csv")
        means = [row for row in read(results / "virtual-ground-differences.csv") if row["dataset"] == name]
        grounded = [row for row in rows if row["circuit"] == "virtual ground"]
        for row in rows:
            if row["circuit"] == "RC-Spike":
                accuracy.axhline(100 * float(row["accuracy"]), color=colour, linewidth=0.6, linestyle=":")
        accuracy.semilogx(
            [float(row["strength"]) for row in grounded],
            [100 * float(row["accuracy"]) for row in grounded],
            "o",
            markersize=3.5,
            color=colour,
            label=label,
        )
        strength, mean, half = (
            np.array([float(row[key]) for row in means]) for key in ("strength", "points", "half_interval")
        )
        apart.errorbar(strength, mean, half, fmt="o-", markersize=3.5, capsize=2, color=colour, label=label)
    accuracy.plot([], [], ":", color="#2b2b2b", linewidth=0.8, label="RC-Spike, each seed")
    apart.axhspan(-0.3, 0.3, color="#e4e4e4", zorder=0)
    apart.set(ylabel="difference to RC-Spike / points", xscale="log")
    accuracy.set(ylabel="test accuracy / %")
    for axes in (accuracy, apart):
        axes.axvline(SETTLED, color="#8c8c8c", linewidth=0.8, linestyle="--")
        axes.set(xlabel=r"largest current $g_m V_r$ of an op-amp / $C V_\mathrm{th} / T$")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["0.25", "0.5", "1", "2", "4", "8"])
        axes.minorticks_off()
        axes.legend(frameon=False, loc="center" if axes is accuracy else "lower right")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--dataset", choices=["mnist", "fashion-mnist"], default="mnist")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--transconductances", default="2,4,8,16,59")
    parser.add_argument("--process", choices=["sky130", "sky130-poly", "rram"], default="sky130")
    parser.add_argument("--images", type=int, default=400, help="images for what is computed step by step")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    data = datasets.load(options.dataset, directory=options.data)
    times, labels = data.test.times.astype(np.float64), data.test.labels
    is_first = options.process == "sky130"
    suffix = "" if is_first else f"-{options.process}"
    rows: list[Row] = []
    right: dict[float, list[npt.NDArray[np.bool_]]] = {}
    for seed in map(int, options.seeds.split(",")):
        start = options.runs / f"{options.dataset}-{seed}"
        for g in (0.0, *map(float, options.transconductances.split(","))):
            name = options.process if g else "sky130"  # RC-Spike is the same
            file = options.runs / f"{options.dataset}-{seed}-{name}-{g:g}.safetensors"
            if not file.exists():
                network = Network(Network.load(start / "model.safetensors").weights, amplifier(g, name))
                train(network, data, epochs=options.epochs, seed=seed + 100)
                network.save(file)
            network = Network.load(file)
            own = network.predict(data.test.times) == labels
            right.setdefault(g, []).append(own)
            reference = right[0.0][-1]
            exact = Network([w.astype(np.float64) for w in network.weights], network.circuit)
            rows.append(
                {
                    "circuit": "virtual ground" if g else "RC-Spike",
                    "seed": seed,
                    "transconductance": g,
                    "strength": g * network.circuit.e_plus if g else float("nan"),
                    "accuracy": float(own.mean()),
                    "only_this": int((own & ~reference).sum()),
                    "only_rc_spike": int((reference & ~own).sum()),
                    **(details(exact, times[: options.images], labels[: options.images]) if is_first else {}),
                }
            )
            print(rows[-1], flush=True)
            write_table(options.results / f"virtual-ground-{options.dataset}{suffix}.csv", rows)
    table = options.results / "virtual-ground-differences.csv"
    means = [row for row in read(table) if row["dataset"] != options.dataset]
    for g in sorted(right.keys() - {0.0}):
        points, half = difference(right[g], right[0.0])
        strength = g * amplifier(g, options.process).e_plus
        means.append({"dataset": options.dataset, "strength": strength, "points": points, "half_interval": half})
        print(
            f"strength {strength:.2f}: {points:+.2f} points to RC-Spike, {points - half:+.2f} to {points + half:+.2f}"
        )
    if is_first:
        write_table(table, means)
    if options.figure:
        figure(options.results).savefig(options.figure, metadata={"Date": None})


if __name__ == "__main__":
    main()

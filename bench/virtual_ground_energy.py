"""Energy of a virtual ground over that of RC-Spike where both classify equally well, on three kinds of devices.

    python bench/virtual_ground_energy.py RUNS --transconductance G [--dataset mnist] [--seeds 0,1,2] [--data DIR]
        [--results DIR]

RUNS has the models of `bench/virtual_ground.py`, and RUNS/mnist-SEED-poly a run of `rcspike train` for sky130-poly
(docs/synapse-devices.md); without it that process is left out. G in C/T is the bias at which the virtual ground is
accurate enough on sky130; the op-amps of each process have the same strength, g_m times the read voltage. Each network
has its own spikes and voltages; the charges of the virtual ground are those of summing nodes that do not move, a little
more than it takes. Adds its rows to RESULTS/virtual-ground-energy.csv, which also has the read voltage, up to 0.4 V,
that takes least, and the energy with a capacitor that is smaller by the read voltage over the threshold, so that the
virtual ground has the conductances of RC-Spike: otherwise it has the same charges, and larger ones.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rcspike import Circuit, Network, datasets, load_process
from rcspike.energy import (
    Activity,
    Process,
    activity,
    energy_parts,
    mean_energy,
    operating_point,
    ratio_range,
    virtual_ground_parts,
)
from rcspike.energy.activity_counts import columns_of
from rcspike.experiments import Row, write_table

Array = npt.NDArray[np.float64]
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
PROCESSES = {  # ideal resistors of any value in the first, and one device for each weight in all
    "sky130": load_process("sky130"),
    "sky130-poly": load_process("sky130-poly").with_values(device_min_conductance=3e-6),
    "rram": load_process("rram").with_values(device_min_conductance=0.0, device_max_conductance=1.0),
}
SMALLEST = 140e-15  # F, of sky130
READ_VOLTAGES = [round(0.05 * n, 2) for n in range(1, 9)]


def of_virtual_ground(network: Network, times: Array) -> Activity:
    """Activity of two-phase neurons on an ideal ramp, whose columns are at a virtual ground."""
    parts: dict[str, list[Array]] = {name: [] for name in ("q_plus", "q_minus", "q_net", "q_ramp", "spikes", "events")}
    for result in network.walk(times):
        w, v, on = result.layer.weights, result.v, np.isfinite(result.times) & (result.times <= 1)
        driven = np.where(on, 1 - np.minimum(result.times, 1), 0.0)
        spikes = on.sum(axis=1)
        of_layer = {
            "q_plus": (driven @ np.maximum(w, 0)).sum(axis=1),
            "q_minus": (driven @ np.minimum(w, 0)).sum(axis=1),
            "q_net": np.abs(v).sum(axis=1),
            "q_ramp": np.where(v > 0, np.maximum(1 - v, 0), 1).sum(axis=1),
            "spikes": spikes,
            "events": spikes * w.shape[1],
        }
        for name, values in of_layer.items():
            parts[name].append(values)
    ideal = Network(network.weights, Circuit.conventional())
    return Activity(
        **{name: np.stack(values, axis=1) for name, values in parts.items()},
        columns=tuple(map(columns_of, ideal.layers)),
    )


def settled(done: Activity, circuit: Circuit, process: Process) -> float:
    """Energy with op-amps that settle their columns, as the comparison had them."""
    return mean_energy(virtual_ground_parts(done.mean(), operating_point(circuit, process)))


def with_constants(done: Activity, circuit: Circuit, process: Process, strength: float, **constants: float) -> float:
    """Energy of a virtual ground with other constants of a process."""
    point = operating_point(circuit, process.with_values(**constants))
    return mean_energy(virtual_ground_parts(done.mean(), point, strength=strength))


def capacitors(process: Process, v_th: float) -> dict[str, float]:
    """Those of a virtual ground with the conductances that RC-Spike has, at a read voltage below its rails."""
    smaller = process.read_voltage / v_th
    return {
        "capacitance": max(SMALLEST, smaller * process.capacitance),
        "capacitance_per_row": smaller * process.capacitance_per_row,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--transconductance", type=float, required=True)
    parser.add_argument("--dataset", choices=["mnist", "fashion-mnist"], default="mnist")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    test = datasets.load(options.dataset, directory=options.data).test
    table = options.results / "virtual-ground-energy.csv"
    rows: list[Row] = []
    if table.exists():
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    for seed in options.seeds.split(","):
        file = options.runs / f"{options.dataset}-{seed}-sky130-{options.transconductance:g}.safetensors"
        grounded = Network.load(file)
        strength = options.transconductance * grounded.circuit.e_plus
        other = of_virtual_ground(grounded, test.times)
        for name, process in PROCESSES.items():
            poly = options.runs / f"{options.dataset}-{seed}-poly" / "model.safetensors"
            if name == "sky130-poly" and not poly.exists():
                continue
            network = Network.load(
                poly if name == "sky130-poly" else options.runs / f"{options.dataset}-{seed}-sky130-0.safetensors"
            )
            done, point = activity(network, test.times), operating_point(network.circuit, process)
            found = ratio_range(
                done, network.circuit, process, "virtual ground", strength=strength, baseline_activity=other
            )
            parts = virtual_ground_parts(other.mean(), point, strength=strength)
            low, high = found.one_at_a_time
            given = (other, network.circuit, process, strength)
            at = {volts: with_constants(*given, read_voltage=volts) for volts in READ_VOLTAGES}
            best = min(at, key=lambda volts: at[volts])
            same_devices = with_constants(*given, **capacitors(process, point.v_th))
            rows.append(
                {
                    "dataset": options.dataset,
                    "process": name,
                    "seed": int(seed),
                    "strength": strength,
                    "rc_spike_nJ": 1e9 * mean_energy(energy_parts(done.mean(), point)),
                    "virtual_ground_nJ": 1e9 * mean_energy(parts),
                    "opamps_nJ": 1e9 * float(parts["op-amps"].sum()),
                    "settled_nJ": 1e9 * settled(other, network.circuit, process),
                    "ratio": found.ratio,
                    "best_read_voltage": best,
                    "best_nJ": 1e9 * at[best],
                    "same_devices_nJ": 1e9 * same_devices,
                    "low_one": low,
                    "high_one": high,
                    "low_all": found.lowest,
                    "high_all": found.highest,
                    "moves_most": " ".join(one.name for one in found.sensitivities[:3]),
                }
            )
            print(rows[-1], flush=True)
    write_table(table, rows)


if __name__ == "__main__":
    main()

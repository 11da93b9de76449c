"""Energy, area and latency of convolutional networks with columns side by side and in turn (docs/convolution.md).

    python bench/columns_in_turn.py [--data DIR] [--runs DIR]

Area and latency do not depend on the weights. For the energy each network is trained shortly, on as many images as
CASES says, and not for the published accuracy; charges and spikes are means over 2,000 test images. The ends of a range
have all constants of the memory and of its converters at their low or high value. Networks in the folder of runs are
not trained again; the table is docs/results/columns-in-turn.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rcspike import Circuit, Network, datasets, evaluate, train
from rcspike.datasets import Split
from rcspike.energy import (
    activity,
    area_in_turn,
    array_area,
    column_turns,
    columns_of,
    efficiency,
    energy_parts,
    energy_parts_in_turn,
    latency_in_turn,
    load_process,
    mean_energy,
    memory_bits,
    operating_point,
)
from rcspike.experiments import Row, write_table

TABLE = Path(__file__).parents[1] / "docs" / "results" / "columns-in-turn.csv"
NOISE = 0.01
TESTED = 2000
MEMORY = ("spike_time_bits", "memory_bit_energy", "time_step_energy", "memory_bit_area", "time_converter_bit_area")
SMALL = "conv16-conv16-pool-conv32-conv32-pool-128"


@dataclass(frozen=True)
class Case:
    """A network of docs/results/convolution.md, and its short training."""

    data: str
    hidden: str
    v_syn: float
    images: int
    epochs: int
    learning_rate: float
    more: dict[str, Any] = field(default_factory=dict)


CASES = {
    "mnist": Case(
        "mnist", SMALL, 3.0, 60_000, 1, 0.004, {"weight_decay": 0.02, "temporal_penalty": 0.1, "max_shift": 1}
    ),
    "fashion-v3": Case("fashion-mnist", SMALL, 3.0, 12_000, 1, 0.004),
    "fashion-v1": Case("fashion-mnist", SMALL, 1.0, 12_000, 1, 0.004),
    "fashion-half-pool": Case(
        "fashion-mnist", "conv32-conv32-pool-conv64-conv64-pool-conv128-conv128-pool-256", 3.0, 6_000, 1, 0.002
    ),
    "fashion-half-first": Case(
        "fashion-mnist", "conv32-conv32-first-conv64-conv64-first-conv128-conv128-first-256", 3.0, 12_000, 2, 0.002
    ),
}


def first(split: Split, n: int) -> Split:
    return replace(split, images=split.images[:n], labels=split.labels[:n])


def trained(case: Case, data: datasets.Dataset, path: Path) -> Network:
    if not path.exists():
        network = Network.create(f"{case.hidden}-10", Circuit(v_syn=case.v_syn), input_shape=(28, 28, 1), seed=0)
        part = replace(data, train=first(data.train, case.images), test=first(data.test, 1000))
        settings = {"learning_rate": case.learning_rate, "noise": NOISE, "batch_size": 64, "seed": 0, **case.more}
        train(network, part, epochs=case.epochs, **settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        network.save(path)
    return Network.load(path)


def rows(name: str, case: Case, network: Network, test: Split) -> Iterator[Row]:
    sky130, layers = load_process("sky130"), network.layers
    done = activity(network, test.times).mean()
    ends = {one: sky130.constant(one) for one in MEMORY}
    low = sky130.with_values(**{one: found.low for one, found in ends.items()})
    high = sky130.with_values(**{one: found.high for one, found in ends.items()})
    known: Row = {
        "network": name,
        "process": sky130.name,
        "trained_images": case.images * case.epochs,
        "accuracy": evaluate(network, test, noise=NOISE),
    }
    side = energy_parts(done, operating_point(network.circuit, sky130))
    joules = mean_energy(side)
    yield {
        **known,
        "arrangement": "side by side",
        "mm2": 1e6 * array_area(sky130, map(columns_of, layers)),
        "us": 1e6 * efficiency(side, done, sky130).latency,
        "nJ": 1e9 * joules,
        "nJ_low": 1e9 * joules,
        "nJ_high": 1e9 * joules,
        "kbit": 0.0,
    }
    for capacitors in (1, 2):
        at = [
            mean_energy(energy_parts_in_turn(done, operating_point(network.circuit, p), layers, capacitors=capacitors))
            for p in (sky130, low, high)
        ]
        yield {
            **known,
            "arrangement": f"in turn, {capacitors} capacitor{'s' * (capacitors > 1)}",
            "mm2": 1e6 * area_in_turn(sky130, layers, capacitors=capacitors),
            "us": 1e6 * latency_in_turn(sky130, layers, capacitors=capacitors),
            **dict(zip(("nJ", "nJ_low", "nJ_high"), (1e9 * one for one in at), strict=True)),
            "kbit": 1e-3 * memory_bits(sky130, column_turns(layers)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs/columns-in-turn"))
    options = parser.parse_args()
    table: list[Row] = []
    for name, case in CASES.items():
        data = datasets.load(case.data, directory=options.data)
        network = trained(case, data, options.runs / f"{name}.safetensors")
        table += rows(name, case, network, first(data.test, TESTED))
        for row in table[-3:]:
            print(row, flush=True)
    write_table(TABLE, table)


if __name__ == "__main__":
    main()

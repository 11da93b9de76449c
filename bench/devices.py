"""What imperfect devices cost: MNIST, 784-200-200-10, as docs/devices.md has it.

    python bench/devices.py [--data DIR] [--runs DIR] [--chips 100] [--epochs 20] [--v-syn 1,4]

Goals: a network that was trained for it loses, on average over chips, at most 0.3 points at a log-normal variation of
20 %, and at most 0.6 at 10 % stuck devices and at 3 bits, from the accuracy of the plain network without any effect.

Networks and chips that are in the folder of runs already are not made again; the table is docs/results/devices.csv.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

from rcspike import Circuit, Network, datasets, evaluate, train
from rcspike.chip_study import Case, run_cases
from rcspike.device_training import injected
from rcspike.devices import Devices
from rcspike.nonideal import ComparatorOffset, Effect, Jitter, Levels, Stuck, Variation
from rcspike.tables import write_table

SIZES = (784, 200, 200, 10)
SEED = 0
TABLE = Path(__file__).parents[1] / "docs" / "results" / "devices.csv"

# A device that is stuck on weighs as much as g_max: where many are, g_max has to be small. Of seven ranges these were
# the best for 5 chips on 10,000 training images that were kept apart, after 8 epochs at V_syn = 1: the wider one where
# partners make up for stuck devices, and only their conductance is left.
SMALL, WIDER = Devices(w_max=(0.05, 0.05, 0.1)), Devices(w_max=(0.1, 0.1, 0.2))

# For each kind of effect the sizes to test, and what a network is trained for.
FAMILIES: dict[str, tuple[list[Effect], Effect, Devices]] = {
    "log-normal variation": ([Variation(sigma=s) for s in (0.05, 0.1, 0.2, 0.3)], Variation(sigma=0.2), Devices()),
    "stuck off": ([Stuck(share=s) for s in (0.01, 0.05, 0.1)], Stuck(share=0.1), Devices()),
    "stuck, half of them on": ([Stuck(share=s, on=0.5) for s in (0.01, 0.05, 0.1)], Stuck(share=0.1, on=0.5), SMALL),
    "stuck, half of them on, known": (
        [Stuck(share=s, on=0.5, known=True) for s in (0.01, 0.05, 0.1)],
        Stuck(share=0.1, on=0.5, known=True),
        WIDER,
    ),
    "bits": ([Levels(bits=b) for b in (2, 3, 4, 5, 6)], Levels(bits=3), Devices()),
    "comparator offset": (
        [ComparatorOffset(sigma=s) for s in (0.01, 0.02, 0.05)],
        ComparatorOffset(sigma=0.02),
        Devices(),
    ),
    "jitter": ([Jitter(sigma=s) for s in (0.005, 0.01, 0.02, 0.04)], Jitter(sigma=0.02), Devices()),
}


def trained(
    runs: Path,
    dataset: datasets.Dataset,
    v_syn: float,
    name: str,
    epochs: int,
    target: tuple[Effect, Devices] | None = None,
) -> Network:
    """From the folder of runs, or made now; `name` tells what it is trained for."""
    file = runs / f"{name.replace(', ', '-').replace(' ', '-')}-v{v_syn:g}-e{epochs}.safetensors"
    if file.exists():
        return Network.load(file)
    network = Network.create(SIZES, Circuit(v_syn=v_syn), seed=SEED)
    arguments: dict[str, Any] = {} if target is None else injected([target[0]], target[1]).arguments()
    history = train(network, dataset, epochs=epochs, seed=SEED, **arguments)
    seconds = sum(epoch.seconds for epoch in history)
    print(f"V_syn {v_syn:g}, trained for {name}: {100 * history.test_accuracy:.2f} % in {seconds:.0f} s", flush=True)
    network.save(file)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", help="folder with the data set's files")
    parser.add_argument("--runs", type=Path, default=Path("runs/devices"))
    parser.add_argument("--chips", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--v-syn", default="1,4")
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    dataset = datasets.load("mnist", directory=options.data)
    rows: list[dict[str, Any]] = []
    rails = [float(v_syn) for v_syn in options.v_syn.split(",")]
    plain = {v_syn: trained(options.runs, dataset, v_syn, "nothing", options.epochs) for v_syn in rails}
    for is_trained, v_syn, (family, (effects, reference, devices)) in itertools.product(
        (False, True), rails, FAMILIES.items()
    ):
        network, range_, purpose = plain[v_syn], Devices(), "nothing"
        if is_trained:
            network = trained(options.runs, dataset, v_syn, family, options.epochs, (reference, devices))
            range_, purpose = devices, f"{family} {getattr(reference, reference.size):g}"
        ideal = evaluate(plain[v_syn], dataset.test)
        cases = [Case(f"{family} {getattr(effect, effect.size):g}", (effect,), range_) for effect in effects]
        chips = 1 if isinstance(reference, Levels) else options.chips  # nothing random about levels
        arguments = {"chips": chips, "seed": SEED, "folder": options.runs, "data": options.data}
        for effect, sample in zip(effects, run_cases(network, "mnist", cases, **arguments), strict=True):
            row = {"v_syn": v_syn, "effect": family, "size": getattr(effect, effect.size), "trained_for": purpose}
            row |= {"chips": chips, "mean": 100 * sample.mean, "q05": 100 * sample.quantile(0.05)}
            rows.append(row | {"loss": 100 * (ideal - sample.mean)})
            print(*(f"{x:.4g}" if isinstance(x, float) else x for x in rows[-1].values()), sep=", ", flush=True)
        write_table(TABLE, sorted(rows, key=lambda row: (row["v_syn"], list(FAMILIES).index(row["effect"]))))


if __name__ == "__main__":
    main()

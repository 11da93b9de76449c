"""The cost of imperfect devices: MNIST, 784-200-200-10, as docs/devices.md has it.

    python bench/devices.py [--data DIR] [--runs DIR] [--chips 100] [--epochs 20] [--v-syn 1,4]

Goals: a network that was trained for it loses, on average over chips, at most 0.3 points at a log-normal variation of
20 %, and at most 0.6 at 10 % stuck devices and at 3 bits, from the accuracy of the plain network without any effect.

Networks and chips that are in the folder of runs already are not made again; the table is docs/results/devices.csv.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rcspike import Circuit, Network, datasets, evaluate, train
from rcspike.chips import ComparatorOffset, Devices, Effect, Jitter, Levels, Stuck, Variation, training_effects
from rcspike.experiments import Case, run_cases, write_table

SIZES = (784, 200, 200, 10)
SEED = 0
TABLE = Path(__file__).parents[1] / "docs" / "results" / "devices.csv"


@dataclass(frozen=True)
class Family:
    """Sizes of a kind of effect to test, the effect to train for, and the settings of that training."""

    effects: list[Effect]
    target: Effect
    devices: Devices = field(default_factory=Devices)
    settings: dict[str, Any] = field(default_factory=dict)


# A device that is stuck on weighs as much as g_max: where many are, g_max has to be small, and with it the temperature.
# Chosen by 10 chips on 10,000 training images that were kept apart (docs/devices.md).
FAMILIES = {
    "log-normal variation": Family([Variation(sigma=s) for s in (0.05, 0.1, 0.2, 0.3)], Variation(sigma=0.2)),
    "stuck off": Family([Stuck(share=s) for s in (0.01, 0.05, 0.1)], Stuck(share=0.1)),
    "stuck, half of them on": Family(
        [Stuck(share=s, on=0.5) for s in (0.01, 0.05, 0.1)],
        Stuck(share=0.1, on=0.5),
        Devices(w_max=(0.05, 0.05, 0.1)),
        {"epochs": 30, "temperature": 0.03},
    ),
    "stuck, half of them on, known": Family(
        [Stuck(share=s, on=0.5, known=True) for s in (0.01, 0.05, 0.1)],
        Stuck(share=0.1, on=0.5, known=True),
        Devices(w_max=(0.1, 0.1, 0.2)),
    ),
    "bits": Family([Levels(bits=b) for b in (2, 3, 4, 5, 6)], Levels(bits=3)),
    "comparator offset": Family([ComparatorOffset(sigma=s) for s in (0.01, 0.02, 0.05)], ComparatorOffset(sigma=0.02)),
    "jitter": Family([Jitter(sigma=s) for s in (0.005, 0.01, 0.02, 0.04)], Jitter(sigma=0.02)),
}


def trained(
    runs: Path, dataset: datasets.Dataset, v_syn: float, name: str, epochs: int, family: Family | None = None
) -> Network:
    """From the folder of runs, or trained now; `name` is that of the effect it is trained for."""
    arguments: dict[str, Any] = {"epochs": epochs}
    if family:
        arguments |= training_effects([family.target], family.devices).arguments() | family.settings
    file = runs / f"{name.replace(', ', '-').replace(' ', '-')}-v{v_syn:g}-e{arguments['epochs']}.safetensors"
    if file.exists():
        return Network.load(file)
    network = Network.create(SIZES, Circuit(v_syn=v_syn), seed=SEED)
    history = train(network, dataset, seed=SEED, **arguments)
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
    for is_trained, v_syn, (name, family) in itertools.product((False, True), rails, FAMILIES.items()):
        network, devices, purpose = plain[v_syn], Devices(), "nothing"
        if is_trained:
            network = trained(options.runs, dataset, v_syn, name, options.epochs, family)
            devices, purpose = family.devices, f"{name} {getattr(family.target, family.target.size):g}"
        ideal = evaluate(plain[v_syn], dataset.test)
        cases = [Case(f"{name} {getattr(effect, effect.size):g}", (effect,), devices) for effect in family.effects]
        chips = 1 if isinstance(family.target, Levels) else options.chips  # nothing random about levels
        arguments = {"chips": chips, "seed": SEED, "folder": options.runs, "data": options.data}
        for effect, sample in zip(family.effects, run_cases(network, "mnist", cases, **arguments), strict=True):
            row = {"v_syn": v_syn, "effect": name, "size": getattr(effect, effect.size), "trained_for": purpose}
            row |= {"chips": chips, "mean": 100 * sample.mean, "q05": 100 * sample.quantile(0.05)}
            rows.append(row | {"loss": 100 * (ideal - sample.mean)})
            print(*(f"{x:.4g}" if isinstance(x, float) else x for x in rows[-1].values()), sep=", ", flush=True)
        write_table(TABLE, sorted(rows, key=lambda row: (row["v_syn"], list(FAMILIES).index(row["effect"]))))


if __name__ == "__main__":
    main()

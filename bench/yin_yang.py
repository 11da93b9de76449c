"""Compares settings for Yin-Yang on its published validation points, which take no part in the reported results.

python bench/yin_yang.py --set hidden=30 --set v_syn=4,8 --set learning_rate=0.003,0.01 --out choice.csv

Every combination of the values is trained, with the settings of `rcspike train yin-yang` otherwise, from seeds that no
result has. Each combination adds a row to the table.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rcspike import Circuit, Network, datasets, train
from rcspike.datasets import Dataset, Split, yin_yang_points
from rcspike.experiments import preset
from rcspike.network.initialisation import mean_intensity

FIRST_SEED = 100
COLUMNS = (
    *("phases", "hidden", "v_syn", "epochs", "batch_size", "learning_rate", "temperature", "max_slope"),
    *("n", "mean", "std", "training"),
)


def with_validation_points() -> Dataset:
    """The training points, and the published validation points in place of the test points."""
    data, (points, labels) = datasets.load("yin-yang"), yin_yang_points(1000, seed=41)
    assert data.scaling is not None
    return Dataset(data.name, data.train, Split(data.scaling.apply(points), labels), data.classes)


def row_of(data: Dataset, chosen: dict[str, Any], n_seeds: int) -> dict[str, Any]:
    """Settings, and the validation and training accuracies after the last epoch in per cent."""
    phases = chosen.get("phases", "two")
    settings = {**preset("yin-yang", phases=phases), **chosen, "phases": phases}
    if isinstance(settings["hidden"], int):
        settings["hidden"] = (settings["hidden"],)
    own = {name: x for name, x in settings.items() if name not in ("hidden", "v_syn", "phases")}
    sizes, circuit = [4, *settings["hidden"], 3], Circuit(v_syn=settings["v_syn"])
    validation, training = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        intensity = mean_intensity(data.train.times)
        network = Network.create(sizes, circuit, seed=seed, phases=phases, intensity=intensity)
        last = train(network, data, seed=seed, threads=1, **own).epochs[-1]
        validation.append(100 * last.test_accuracy)
        training.append(100 * last.train_accuracy)
    found = {"n": n_seeds, "mean": round(mean(validation), 3), "training": round(mean(training), 3)}
    return settings | found | {"std": round(stdev(validation), 3)} if n_seeds > 1 else settings | found


def value(text: str) -> Any:
    """A whole number, another number, or a word."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", metavar="NAME=VALUES", dest="sets", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    values = {
        name: list(map(value, texts.split(","))) for name, _, texts in (text.partition("=") for text in given.sets)
    }
    data = with_validation_points()
    for combination in itertools.product(*values.values()):
        row = row_of(data, dict(zip(values, combination, strict=True)), given.seeds)
        row["hidden"] = "-".join(map(str, row["hidden"]))
        print({name: row[name] for name in (*values, "mean", "std", "training") if name in row}, flush=True)
        is_new = not given.out.exists()
        with given.out.open("a", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            if is_new:
                table.writeheader()
            table.writerow(row)


if __name__ == "__main__":
    main()

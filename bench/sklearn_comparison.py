"""Accuracy on tables of numbers, compared with scikit-learn's multilayer perceptron behind a StandardScaler.

    python bench/sklearn_comparison.py choose --out docs/results/tables-choice.csv    # every coding, validation splits
    python bench/sklearn_comparison.py epochs --seeds 3 --out docs/results/tables-epochs.csv    # validation splits
    python bench/sklearn_comparison.py test --out docs/results/tables.csv             # what was chosen, test splits

Goal: at V_syn = 1, within a point of the perceptron on tables for which nothing was chosen (`HELD_OUT`).
Every seed has its own split into training and test rows (a quarter); `choose` and `epochs` do not use the test rows.
"""

from __future__ import annotations

import argparse
import itertools
import math
import warnings
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets as tables
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from rcspike.experiments import write_table
from rcspike.sklearn import RCSpikeClassifier

Table = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def made(n: int, seed: int, **options: Any) -> Table:
    return tables.make_classification(n, random_state=seed, shuffle=True, **options)


def hastie() -> Table:
    x, y = tables.make_hastie_10_2(1500, random_state=3)
    return x, (y > 0).astype(int)


def swiss_roll() -> Table:
    """Four classes along the roll."""
    x, along = tables.make_swiss_roll(1000, noise=0.5, random_state=10)
    return x, np.digitize(along, np.quantile(along, [0.25, 0.5, 0.75]))


def friedman() -> Table:
    """Three classes of a regression table."""
    x, y = tables.make_friedman1(1000, n_features=10, noise=1.0, random_state=11)
    return x, np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))


CHOOSING = {
    "iris": lambda: tables.load_iris(return_X_y=True),
    "wine": lambda: tables.load_wine(return_X_y=True),
    "breast_cancer": lambda: tables.load_breast_cancer(return_X_y=True),
    "digits": lambda: tables.load_digits(return_X_y=True),
    "moons": lambda: tables.make_moons(600, noise=0.25, random_state=0),
    "classification-20": lambda: made(1000, 1, n_features=20, n_informative=8, n_classes=3),
    "circles": lambda: tables.make_circles(600, noise=0.1, factor=0.6, random_state=5),
    "quantiles": lambda: tables.make_gaussian_quantiles(n_samples=1000, n_features=6, n_classes=3, random_state=6),
    "hastie": hastie,
}
# The number of epochs was chosen on tables like those above on which a network of 100 epochs still learns.
EPOCHS = {
    name: CHOOSING[name] for name in ("classification-20", "quantiles", "hastie", "moons", "breast_cancer", "wine")
} | {
    "classification-8": lambda: made(800, 23, n_features=8, n_informative=5, n_classes=3),
    "classification-15": lambda: made(1000, 21, n_features=15, n_informative=6, n_classes=4),
    "classification-30": lambda: made(1500, 22, n_features=30, n_informative=10, n_classes=5, class_sep=1.5),
}
HELD_OUT = {
    "classification-10": lambda: made(1000, 7, n_features=10, n_informative=6, n_classes=4, n_clusters_per_class=2),
    "classification-40": lambda: made(2000, 8, n_features=40, n_informative=12, n_classes=5, class_sep=1.5),
    "blobs": lambda: tables.make_blobs(800, n_features=8, centers=6, cluster_std=4.0, random_state=9),
    "swiss-roll": swiss_roll,
    "friedman": friedman,
}
ALL = CHOOSING | EPOCHS | HELD_OUT


def rows_of(name: str, seed: int, *, validation: bool) -> tuple[Any, Any, Any, Any]:
    """Training and test rows, or with `validation` three quarters of the training rows and the rest of them."""
    x, y = ALL[name]()
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
    if validation:
        return tuple(train_test_split(train_x, train_y, test_size=0.25, random_state=seed, stratify=train_y))  # type: ignore[return-value]
    return train_x, test_x, train_y, test_y


def score(job: tuple[str, int, bool, dict[str, Any]]) -> float:
    """Accuracy in per cent of one model on one split."""
    name, seed, validation, parameters = job
    train_x, test_x, train_y, test_y = rows_of(name, seed, validation=validation)
    if parameters.get("model") == "perceptron":
        model: Any = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, max_iter=1000))
    else:
        model = RCSpikeClassifier(random_state=seed, **parameters)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return 100 * float(model.fit(train_x, train_y).score(test_x, test_y))


def measure(
    names: list[str], cases: list[dict[str, Any]], seeds: int, workers: int, *, validation: bool
) -> list[dict[str, Any]]:
    jobs = [(name, seed, validation, case) for name in names for case in cases for seed in range(seeds)]
    with ProcessPoolExecutor(workers) as pool:
        scores = np.array(list(pool.map(score, jobs, chunksize=4))).reshape(len(names), len(cases), seeds)
    return [
        {
            "table": name,
            "model": "rc-spike",
            **{key: str(value) for key, value in case.items()},
            "n": seeds,
            "accuracy_mean": round(float(scores[i, j].mean()), 3),
            "standard_error": round(float(scores[i, j].std(ddof=1)) / math.sqrt(seeds), 3),
        }
        for i, name in enumerate(names)
        for j, case in enumerate(cases)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["choose", "epochs", "test"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    if options.part == "choose":
        codings = itertools.product(("range", "standard", "quantile"), (False, True))
        # With the number of epochs that was the default when the coding was chosen.
        cases: list[dict[str, Any]] = [{"scaling": one, "complement": pair, "epochs": 100} for one, pair in codings]
        names = list(CHOOSING)
    elif options.part == "epochs":
        cases, names = [{"epochs": epochs} for epochs in (100, 200, 300, 400)], list(EPOCHS)
    else:
        cases, names = [{}], list(HELD_OUT)
    rows = measure(
        names, [{"model": "perceptron"}, *cases], options.seeds, options.workers, validation=options.part != "test"
    )
    write_table(options.out, rows)
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()

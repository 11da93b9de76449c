"""How good a front the search of `rcspike design` finds in a given time, against random designs and against a grid.

The hypervolume of energy and area, up to a reference that is worse than all designs that meet the requirements, by the
measurements of the search. Goal: above that of random designs with the same time, for each of three seeds.

    python bench/design_search.py digits --minutes 20 --out runs/bench-design
    python bench/design_search.py mnist --minutes 120 --seeds 1 --out runs/bench-design

Each search is kept in the folder, and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import optuna

from rcspike.experiments import Specification
from rcspike.experiments.design_front import hypervolume
from rcspike.experiments.design_search import open_study, search, stored_trials
from rcspike.experiments.design_specification import Range

ACCURACY = {"digits": 0.93, "mnist": 0.975}
FREE = {
    "v_syn": "0.7..1.5",
    "hidden": "20..120",
    "capacitance": "3e-12..10e-12",
    "window": "50e-9..150e-9",
    "min_conductance": "1e-6..4e-6",
    "comparator_size": "0.5..4",
}
STEPS = 3  # of a grid, in each free parameter


def sampler(kind: str, spec: Specification) -> Any:
    """What takes the place of the default sampler: `search` makes a new one for each trial."""
    if kind == "random":
        return lambda seed: optuna.samplers.RandomSampler(seed=seed)
    grid: dict[str, list[Any]] = {}
    for name, choice in spec.choices.items():
        assert isinstance(choice, Range)
        values = [choice.low * (choice.high / choice.low) ** (i / (STEPS - 1)) for i in range(STEPS)]
        grid[name] = [round(x) for x in values] if choice.whole else values
    one = optuna.samplers.GridSampler(grid, seed=spec.seed)
    return lambda seed: one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=[*ACCURACY])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    usual, fronts = optuna.samplers.TPESampler, {}
    for seed in range(options.seeds):
        spec = Specification(dataset=options.dataset, accuracy=ACCURACY[options.dataset], free=FREE, seed=seed)
        for kind in ("default", "random", "grid"):
            optuna.samplers.TPESampler = usual if kind == "default" else sampler(kind, spec)
            study = open_study(spec, options.out / f"{options.dataset}-{kind}-s{seed}")
            search(spec, study, minutes=options.minutes, workers=options.workers)
            tried = stored_trials(spec, study)
            points = [one.measured.objectives(spec) for one in tried if one.is_feasible and one.measured is not None]
            fronts[kind, seed] = len(tried), points
    every = [point for _, points in fronts.values() for point in points]
    reference = tuple(1.1 * max(values) for values in zip(*every, strict=True)) if every else (1.0, 1.0)
    rows = [
        {
            "search": kind,
            "seed": seed,
            "trials": n,
            "feasible": len(points),
            "hypervolume": hypervolume(points, reference),
        }
        for (kind, seed), (n, points) in fronts.items()
    ]
    for row in rows:
        print(json.dumps(row))
    (options.out / f"{options.dataset}.json").write_text(json.dumps({"reference": reference, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()

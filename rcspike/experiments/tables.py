"""The runs of a sweep as tables: one line a run, and one line for all seeds of the same experiment."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from rcspike._common.atomic import atomic_write
from rcspike._common.identity import canonical
from rcspike.experiments.sweep import Run

__all__ = ["Row", "run_rows", "summary_rows", "write_table"]

Row = Mapping[str, Any]

# In this order, the first of each line; any other parameter that was set or varied follows.
_COLUMNS = ("dataset", "model", "hidden", "v_syn")
_MEASURED = ("test", "validation", "energy_pj")


def run_rows(runs: Sequence[Run]) -> list[Row]:
    """One line for each finished run: its parameters, its accuracies in [0, 1], and all other measurements.

    Examples
    --------
    >>> from rcspike.experiments import Experiment
    >>> parameters = {"model": "relu", "dataset": "digits", "hidden": (20, 20), "epochs": 5, "seed": 0}
    >>> run_rows([Run(Experiment.of(parameters), {"test_accuracy": 0.975, "seconds": 1.5})])
    [{'dataset': 'digits', 'model': 'relu', 'hidden': '20-20', 'epochs': 5, 'seed': 0, 'test_accuracy': 0.975}]
    """
    rows: list[Row] = []
    for run in runs:
        if run.result is not None:
            measured = {name: value for name, value in run.result.items() if name != "seconds"}
            rows.append({**_described(run), "seed": run.experiment.settings.seed, **measured})
    return rows


def summary_rows(runs: Sequence[Run]) -> list[Row]:
    """One line for each experiment: its parameters but the seed, the number of seeds that have finished, and mean and
    standard deviation over them of the accuracies in per cent and the energy in pJ. With a single seed the deviation is
    missing.

    Examples
    --------
    >>> from rcspike.experiments import Experiment
    >>> common = {"model": "relu", "dataset": "digits", "hidden": (20,), "epochs": 5}
    >>> experiments = [Experiment.of({**common, "seed": seed}) for seed in (0, 1)]
    >>> results = [{"test_accuracy": accuracy, "seconds": 1.0} for accuracy in (0.96, 0.98)]
    >>> runs = [Run(experiment, result) for experiment, result in zip(experiments, results, strict=True)]
    >>> row = summary_rows(runs)[0]
    >>> row["n"], round(row["test_mean"], 2), round(row["test_std"], 2)
    (2, 97.0, 1.41)
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.result is not None:
            groups.setdefault(canonical(_described(run)), []).append(run)
    rows: list[Row] = []
    for group in groups.values():
        row = {**_described(group[0]), "n": len(group)}
        results = [_in_per_cent(run.result or {}) for run in group]
        for name in _MEASURED:
            if all(name in result for result in results):
                values = [result[name] for result in results]
                row |= {f"{name}_mean": mean(values), f"{name}_std": stdev(values) if len(values) > 1 else None}
        rows.append(row)
    return rows


def write_table(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Write rows as a CSV file, atomically: one column for each name in any row, empty where a row lacks the name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(f"{folder}/table.csv", [{"v_syn": 1.0, "test_mean": 98.25}])
    ...     print(Path(folder, "table.csv").read_text(), end="")
    v_syn,test_mean
    1.0,98.25
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    last = [name for name in names if name == "n" or name.endswith(("_mean", "_std"))]
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*(name for name in names if name not in last), *last], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


def _described(run: Run) -> dict[str, Any]:
    parameters = {**run.parameters, "hidden": "-".join(map(str, run.parameters["hidden"]))}
    rest = {name: value for name, value in parameters.items() if name not in (*_COLUMNS, "seed")}
    return {name: parameters[name] for name in _COLUMNS if name in parameters} | rest


def _in_per_cent(result: Mapping[str, float]) -> dict[str, float]:
    """Accuracies in per cent, all numbers under their names in a table."""
    return {
        name.removesuffix("_accuracy"): round(100 * value, 4) if name.endswith("_accuracy") else value
        for name, value in result.items()
    }


def _text(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value

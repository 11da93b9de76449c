"""The runs of a sweep as tables: one line a run, and one line for all seeds of the same experiment."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from rcspike._common.atomic_files import atomic_write
from rcspike._common.identity import canonical
from rcspike.experiments.hidden_layers import hidden_text
from rcspike.experiments.sweep import Run
from rcspike.experiments.sweep_in_volts import offset_name

__all__ = ["Row", "parameter_names", "run_rows", "summary_rows", "write_table"]

Row = Mapping[str, Any]

# In this order, the first of each line; any other parameter that was set or varied follows.
_COLUMNS = ("dataset", "model", "hidden", "v_syn")
_MEASURED = ("test", "balanced", "worst_class", "validation", "chip", "energy_pj")
# They follow from the other parameters: voltages of the operating point in V, spike-time noise in T.
_DERIVED = ("v_th", "v_plus", "v_minus", "sigma_t", "test_samples")


def run_rows(runs: Sequence[Run]) -> list[Row]:
    """One line for each finished run: its parameters, its accuracies in [0, 1], and all other measurements.

    A run that was tested with offsets of the comparators has a line for each, and one without.

    Examples
    --------
    >>> from rcspike.experiments import Experiment
    >>> parameters = {"model": "relu", "dataset": "digits", "hidden": (20, 20), "epochs": 5, "seed": 0}
    >>> run_rows([Run(Experiment.of(parameters), {"test_accuracy": 0.975, "seconds": 1.5})])
    [{'dataset': 'digits', 'model': 'relu', 'hidden': '20-20', 'epochs': 5, 'seed': 0, 'test_accuracy': 0.975}]
    """
    return [
        {**_described(run), **offset, "seed": run.experiment.settings.seed, **measured}
        for run in runs
        for offset, measured in _measurements(run)
    ]


def summary_rows(runs: Sequence[Run]) -> list[Row]:
    """One line for each experiment: its parameters but the seed, the number of seeds that have finished, and mean and
    standard deviation over them of the accuracies in per cent and the energy in pJ. With a single seed the deviation is
    missing. Offsets of the comparators have a line each, as in `run_rows`.

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
    groups: dict[str, list[tuple[dict[str, Any], dict[str, float]]]] = {}
    for run in runs:
        parameters = {name: value for name, value in run.parameters.items() if name != "seed"}
        for offset, measured in _measurements(run):
            line = {**_described(run), **offset}
            groups.setdefault(canonical([parameters, offset]), []).append((line, _in_per_cent(measured)))
    rows: list[Row] = []
    for group in groups.values():
        results = [measured for _, measured in group]
        row = {**group[0][0], "n": len(group)}
        row |= {name: results[0][name] for name in _DERIVED if name in results[0]}
        for name in _MEASURED:
            if all(name in result for result in results):
                values = [result[name] for result in results]
                row |= {f"{name}_mean": mean(values), f"{name}_std": stdev(values) if len(values) > 1 else None}
        rows.append(row)
    return rows


def parameter_names(rows: Sequence[Row]) -> list[str]:
    """Names of the columns that were set or varied, without those that were measured or follow from the others.

    Examples
    --------
    >>> parameter_names([{"v_syn": 2.0, "v_th": 0.436, "n": 3, "test_mean": 98.0, "test_std": 0.1}])
    ['v_syn']
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in ("n", *_DERIVED) and not name.endswith(("_mean", "_std"))]


def write_table(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Write rows as a CSV file, atomically: one column for each name in any row, empty where a row lacks the name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(f"{folder}/table.csv", [{"v_syn": 1.0, "capacitance": 2.82e-12, "test_mean": 98.25}])
    ...     print(Path(folder, "table.csv").read_text(), end="")
    v_syn,capacitance,test_mean
    1.0,2.82e-12,98.25
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    last = [name for name in names if name == "n" or name.endswith(("_mean", "_std"))]
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*(name for name in names if name not in last), *last], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


def _described(run: Run) -> dict[str, Any]:
    """The parameters but the seed, and the voltages that follow from them."""
    parameters = {**run.parameters, "hidden": hidden_text(run.experiment.hidden)}
    rest = {name: value for name, value in parameters.items() if name not in (*_COLUMNS, "seed", "volts")}
    described = {name: parameters[name] for name in _COLUMNS if name in parameters} | rest
    if (volts := run.experiment.volts) is None:
        return described
    point = volts.point(run.experiment.circuit)
    voltages = {"v_th": point.v_th, "v_plus": point.v_plus, "v_minus": point.v_minus}
    process = {"process": volts.process.name, "device": volts.process.device}
    return {**described, **process, "hold": volts.hold, **voltages}


def _measurements(run: Run) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Each offset in mV, if there are any, with its results, accuracies in [0, 1]; empty if the run is not done."""
    if run.result is None:
        return []
    volts = run.experiment.volts
    names = {mv: f"{offset_name(mv)}_accuracy" for mv in (volts.offset_mv if volts else ())}
    result = {name: x for name, x in run.result.items() if name not in ("seconds", *names.values())}
    if not names:
        return [({}, result)]
    alike = {name: result[name] for name in ("sigma_t", "energy_pj", "test_samples") if name in result}
    found = {mv: run.result[name] for mv, name in names.items() if name in run.result}
    with_offset = [({"offset_mv": mv}, {"test_accuracy": accuracy, **alike}) for mv, accuracy in found.items()]
    return [({"offset_mv": 0.0}, result), *with_offset]


def _in_per_cent(result: Mapping[str, float]) -> dict[str, float]:
    """Accuracies in per cent, all numbers under their names in a table."""
    return {
        name.removesuffix("_accuracy"): round(100 * value, 4) if name.endswith("_accuracy") else value
        for name, value in result.items()
    }


def _text(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 6) if abs(value) >= 1e-3 else float(f"{value:.6g}")  # farads and seconds are small

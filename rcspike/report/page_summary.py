"""The heading of a report, and its most important numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rcspike.report.page_parts import Table

__all__ = ["heading", "key_numbers"]

_Records = Mapping[str, Mapping[str, Any]]


def heading(records: _Records) -> str:
    """What the folder shows, in a line; empty if its records do not say it."""
    run = records.get("run.json", {})
    if "test_accuracy" in run and "dataset" in run:
        return f"{_name(run['dataset'])}: {_percent(run['test_accuracy'])} test accuracy"
    sweep = records.get("sweep.json", {}).get("settings")
    if isinstance(sweep, dict) and isinstance(sweep.get("datasets"), list):
        return f"Accuracy over a grid: {', '.join(map(_name, sweep['datasets']))}"
    return ""


def key_numbers(records: _Records, tables: Sequence[Table]) -> list[tuple[str, str]]:
    """Names and values of the results that a reader asks for first."""
    run, numbers = records.get("run.json", {}), []
    if "test_accuracy" in run:
        conditions = run.get("test_accuracy_conditions")
        numbers.append(("test accuracy", _percent(run["test_accuracy"]) + (f", {conditions}" if conditions else "")))
    if "architecture" in run:
        numbers.append(("network", f"{run['architecture']} (inputs, hidden neurons, outputs)"))
    if isinstance(circuit := run.get("circuit"), dict):
        numbers.append(("circuit", _circuit(circuit)))
    if "epochs_finished" in run:
        settings = run.get("settings")
        seed = f", seed {settings['seed']}" if isinstance(settings, dict) and "seed" in settings else ""
        numbers.append(("training", f"{run['epochs_finished']} epochs{seed}"))
    if isinstance(learned := run.get("learned"), dict) and isinstance(learned.get("warnings"), list):
        numbers += [("warning", str(line)) for line in learned["warnings"]]
    for name, record in records.items():
        settings = record.get("settings")
        n = settings.get("test_samples_trained_on") if isinstance(settings, dict) else None
        if n and name != "run.json":  # whose conditions say it
            numbers.append(
                (f"test samples of {name}", f"{n} were trained on, so that accuracies are not those of new ones")
            )
    for table in tables:
        if table.name == "energy.csv" and table.head[:1] == ["part / pJ"] and table.rows:
            sums = [f"{name} {total.shown} pJ" for name, total in zip(table.head[1:], table.rows[-1][1:], strict=True)]
            numbers.append(("energy of an inference", ", ".join(sums)))
        if table.name.startswith("chips-") and table.name.endswith("/table.csv"):
            numbers += _chips(table)
    return numbers


def _chips(table: Table) -> list[tuple[str, str]]:
    wanted = ("mean / %", "5 % quantile / %")
    if not table.rows or not all(name in table.head for name in wanted):
        return []
    mean, low = (table.rows[0][table.head.index(name)].shown for name in wanted)
    name = table.name.removeprefix("chips-").removesuffix("/table.csv")
    return [(f"accuracy on chips ({name})", f"{mean} % on average, at least {low} % on 95 % of the chips")]


def _circuit(circuit: Mapping[str, Any]) -> str:
    v_syn = str(circuit.get("v_syn", "")).removesuffix(".0")
    if v_syn == "inf":
        return "conventional: the current of a synapse does not depend on the membrane"
    if v_syn not in ("", "None"):
        words = [f"RC-Spike, V_syn = {v_syn} V_th"]
    else:
        words = [f"RC-Spike, rails at {circuit.get('e_plus')} and {circuit.get('e_minus')} V_th"]
    parts = {"diode_drop": "diode drop {} V_th", "ramp": "ramp coefficient {}", "v_0": "devices of V_0 = {} V_th"}
    for name, label in parts.items():
        value = str(circuit.get(name, "0.0"))
        words += [label.format(value)] if value not in ("0.0", "0", "inf") else []
    return ", ".join(words)


def _percent(accuracy: Any) -> str:
    return f"{100 * accuracy:.2f} %" if isinstance(accuracy, float) else str(accuracy)


def _name(dataset: Any) -> str:
    """The last part of a path, without the options that follow it."""
    return str(dataset).split(",")[0].rstrip("/").rsplit("/", 1)[-1]

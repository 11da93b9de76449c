"""Accuracy of each class and the confusion matrix, as files and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from rcspike import experiments, plots
from rcspike.cli.console import percent
from rcspike.cli.result_record import Caption, Record
from rcspike.cli.user_errors import user_errors
from rcspike.network import Network
from rcspike.training import ClassAccuracy

__all__ = [
    "CLASS_CAPTIONS",
    "CLASS_FILES",
    "class_facts",
    "class_summary",
    "class_table",
    "output_names",
    "write_classes",
]

CLASS_FILES = ("classes.csv", "confusion.svg", "confusion.png")
CLASS_CAPTIONS: dict[str, Caption] = {
    "confusion.svg": (
        "Result",
        "How the network read the samples of each class (row), and the accuracy of each class.",
    ),
    "classes.csv": ("Result", "Accuracy of each class, and the classes that its other samples were read as."),
}

Confusion = npt.NDArray[np.int64]


def class_facts(found: ClassAccuracy, names: Sequence[str]) -> dict[str, Any]:
    """Balanced accuracy and worst class, for a record."""
    worst = {"worst_class": names[found.worst], "worst_class_accuracy": float(found.by_class[found.worst])}
    return {"balanced_accuracy": found.balanced, **worst}


def class_summary(found: ClassAccuracy, names: Sequence[str]) -> str:
    """The same in words."""
    worst = found.worst
    accuracy, n = float(found.by_class[worst]), int(found.samples[worst])
    return f"balanced accuracy {percent(found.balanced)}, worst class {names[worst]}: {percent(accuracy)} of {n:,}"


def write_classes(
    folder: Path, matrix: Confusion, class_names: Sequence[str], heading: str, record: Record
) -> list[Path]:
    """Write the accuracy of each class and the confusion matrix as a table and as figures."""
    names = output_names(class_names, matrix)
    figure = plots.confusion_figure(matrix, names, heading=heading)
    with user_errors():
        experiments.write_table(folder / CLASS_FILES[0], _rows(matrix, names))
        plots.save_figure(figure, folder / "confusion", description=record.description)
    return [folder / name for name in CLASS_FILES]


def output_names(names: Sequence[str], of: Network | Confusion) -> list[str]:
    """A name for each output: a network may have more of them than the data have classes."""
    n = of.sizes[-1] if isinstance(of, Network) else len(of)
    return [*names, *map(str, range(len(names), n))][:n]


def _rows(matrix: Confusion, names: Sequence[str]) -> list[experiments.Row]:
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        n = int(matrix[i].sum())
        row: dict[str, Any] = {"class": name, "samples": n, "accuracy": 100 * int(matrix[i, i]) / n if n else None}
        rows.append(row | {f"read as {other}": int(matrix[i, j]) for j, other in enumerate(names)})
    return list(rows)


def class_table(matrix: Confusion, names: Sequence[str]) -> Table:
    """The accuracy of each class for the terminal, and the classes that it is read as."""
    table = Table("class", "samples", "accuracy", "read as other classes", box=None, pad_edge=False)
    for i, name in enumerate(names):
        n = int(matrix[i].sum())
        wrong = [j for j in np.argsort(-matrix[i], kind="stable") if j != i and matrix[i, j] > 0]
        others = ", ".join(f"{names[j]} {matrix[i, j]}" for j in wrong[:4])
        others += f", and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        table.add_row(name, f"{n:,}", percent(matrix[i, i] / n) if n else "", others)
    return table

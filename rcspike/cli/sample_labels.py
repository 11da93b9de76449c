"""Labels that new samples come with, so that `rcspike predict` can say how many of its answers are right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from rcspike._common.readers import read_rows
from rcspike.datasets import npz_files

__all__ = ["sample_labels"]

_TABLES = (".csv", ".tsv", ".txt")
_MAX_BYTES = 2**28


def sample_labels(file: Path, names: Sequence[str], classes: Collection[str], column: str) -> list[str] | None:
    """The label of each sample of a file; None if the file has none that the network knows.

    They are in a table's column of this name (or position, in a table without names), in the array y of an archive, or
    the folders of images.
    """
    labels: list[str] = []
    if file.is_dir():
        labels = [PurePosixPath(name).parent.name for name in names]
    elif file.suffix.lower() == ".npz":
        labels = [str(label) for label in npz_files.read_arrays(file, ("y",)).get("y", [])]
    elif file.suffix.lower() in _TABLES and column:
        rows = [[cell.strip() for cell in row] for _, row in read_rows(file, max_bytes=_MAX_BYTES)]
        at = rows[0].index(column) if column in rows[0] else int(column) if column.isdecimal() else len(rows[0])
        labels = [row[at] for row in rows[len(rows) - len(names) :] if at < len(row)]
    return labels if len(labels) == len(names) and not set(classes).isdisjoint(labels) else None

"""Tables in files of any kind, opened by their suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rcspike.datasets.csv_tables import open_csv
from rcspike.datasets.data_frames import open_parquet
from rcspike.datasets.table_cells import DecimalName, TableFile

TABLES = (".csv", ".tsv", ".txt", ".parquet")


def open_table(
    path: Path, *, label: str | None = None, words: Sequence[str] = (), decimal: DecimalName | None = None
) -> TableFile:
    """The columns of a table; options and errors as of `open_csv` and `open_parquet`."""
    if path.suffix.lower() == ".parquet":
        return open_parquet(path)
    return open_csv(path, label=label, words=words, decimal=decimal)

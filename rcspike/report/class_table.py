"""The table of results with a line for each class."""

from __future__ import annotations

from dataclasses import replace

from rcspike.report.page_parts import Cell, Table, percent


def classes_in_words(table: Table) -> Table | None:
    """A line for each class, with the wrong classes in words: a matrix of many columns would not fit the page.

    None for a table of anything else.
    """
    if table.head[:3] != ["class", "samples", "accuracy"] or any(len(row) != len(table.head) for row in table.rows):
        return None
    names = [name.removeprefix("read as ") for name in table.head[3:]]
    rows = []
    for label, samples, accuracy, *counts in table.rows:
        others = [
            (name, count.text)
            for name, count in zip(names, counts, strict=True)
            if name != label.text and count.text not in ("0", "")
        ]
        words = ", ".join(f"{name} ({count})" for name, count in others)
        rows.append([label, samples, percent(accuracy.text), Cell(words, words, False)])
    return replace(table, head=["class", "samples", "accuracy / %", "read as other classes (samples)"], rows=rows)

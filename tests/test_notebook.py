"""The notebook in examples/ runs from top to bottom, and each cell shows what it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.process
NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "notebook.ipynb"


def executed(notebook: Any, folder: Path) -> list[Any]:
    """The code cells after a run by a kernel of its own."""
    from nbclient import NotebookClient

    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_notebook_runs_without_a_warning_and_shows_tables_and_pictures(tmp_path: Path) -> None:
    for needed in ("nbclient", "ipykernel", "tqdm", "matplotlib", "sklearn"):
        pytest.importorskip(needed)
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    cells = executed(notebook, tmp_path)
    streams = {cell.source: [o.text for o in cell.outputs if o.output_type == "stream"] for cell in cells}
    assert not [text for texts in streams.values() for text in texts if re.search("warning", text, re.IGNORECASE)]
    (bar,) = ("".join(texts) for source, texts in streams.items() if "rcspike.train" in source)
    assert re.search(r"epoch 20/20.*100%.*test accuracy", bar.strip().split("\r")[-1])
    shown = [o.data for cell in cells for o in cell.outputs if o.output_type == "execute_result"]
    tables = "".join(data.get("text/html", "") for data in shown)
    for title in ("RC-Spike circuit", "Network 64-50-10", "History(20 epochs", "Chip 64-50-10"):
        assert title in tables
    assert sum("image/png" in data for data in shown) == len(re.findall(r"plots\.\w+_figure\(", "".join(streams)))


def test_figures_show_themselves_too_where_pyplot_has_configured_the_notebook(tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    import nbformat

    code = (
        "import matplotlib.pyplot, numpy, rcspike\nrcspike.plots.confusion_figure(numpy.eye(2, dtype=int), ['a', 'b'])"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    (cell,) = executed(notebook, tmp_path)
    assert [output.output_type for output in cell.outputs] == ["execute_result"]
    assert "image/png" in cell.outputs[0].data

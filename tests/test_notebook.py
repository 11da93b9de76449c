"""The notebook in examples/ runs from top to bottom, and each cell shows what it should."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.process
NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells after a run by a kernel of its own."""
    for needed in ("nbclient", "ipykernel", "tqdm", "matplotlib", "sklearn"):
        pytest.importorskip(needed)
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.write(notebook, folder / "executed.ipynb")
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def of(cells: list[Any], words: str) -> Any:
    (cell,) = [cell for cell in cells if words in cell.source]
    return cell


def value(cell: Any) -> dict[str, Any]:
    """What a cell shows as its last value, by media type."""
    (found,) = [output.data for output in cell.outputs if output.output_type == "execute_result"]
    data: dict[str, Any] = found
    return data


def test_nothing_warns(cells: list[Any]) -> None:
    said = [output.text for cell in cells for output in cell.outputs if output.output_type == "stream"]
    assert not [text for text in said if re.search("warning", text, re.IGNORECASE)]


def test_training_shows_a_bar_that_ends_full(cells: list[Any]) -> None:
    said = [output.text for output in of(cells, "rcspike.train").outputs if output.output_type == "stream"]
    last = "".join(said).strip().split("\r")[-1]
    assert "epoch 20/20" in last
    assert "100%" in last
    assert "test accuracy" in last


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("\ncircuit", "RC-Spike circuit"),
        ("\nnetwork", "Network 64-50-10"),
        ("rcspike.train", "History(20 epochs"),
        ("\nchip", "Chip 64-50-10"),
    ],
)
def test_objects_show_a_table(cells: list[Any], words: str, title: str) -> None:
    found = [cell for cell in cells if cell.source.endswith(words) or (words in cell.source and "train" in words)]
    shown = value(found[0])["text/html"]
    assert title in shown
    assert "<table>" in shown


@pytest.mark.parametrize("name", ["training_figure", "confusion_figure"])
def test_figures_show_themselves(cells: list[Any], name: str) -> None:
    picture = base64.b64decode(value(of(cells, name))["image/png"])
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 1728  # 9 inches, at twice 96 pixels an inch
    assert height > 800


def test_figures_show_themselves_too_where_pyplot_has_configured_the_notebook(tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    import nbformat
    from nbclient import NotebookClient

    code = (
        "import matplotlib.pyplot, numpy, rcspike\nrcspike.plots.confusion_figure(numpy.eye(2, dtype=int), ['a', 'b'])"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [output.output_type for output in notebook.cells[0].outputs] == ["execute_result"]
    assert "image/png" in value(notebook.cells[0])

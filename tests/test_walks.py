"""The walk of docs/your-own-data.md from a table to a circuit: the commands and the answers that the page prints."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

from cli_runs import empty_folder, rcspike_, said
from matplotlib.figure import Figure

PAGE = Path(__file__).resolve().parents[1] / "docs" / "your-own-data.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def plain(text: str) -> str:
    """Without what differs from run to run: the speed, and the spaces of a table."""
    return " ".join(re.sub(r"[\d,]+ samples/s", "samples/s", text).split())


@pytest.mark.process
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH")
def test_the_walk_from_a_table_gives_what_the_page_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_folder(tmp_path, monkeypatch)
    drawn: list[Figure] = []

    def savefig(figure: Figure, file: Path, **options: Any) -> None:  # drawing would take most of the time
        if "dpi" not in options:
            drawn.append(figure)
            file.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')

    monkeypatch.setattr(Figure, "savefig", savefig)
    tables, _, images = blocks("python")[0].partition("digits = load_digits()")
    assert "pngs" in images
    exec(tables, {})
    steps = [step.partition("\n") for step in re.split(r"^\$ rcspike ", blocks("console")[0], flags=re.MULTILINE)[1:]]
    assert [line.split()[0] for line, _, _ in steps] == ["train", "eval", "chips", "energy", "spice", "report"]
    for line, _, answer in steps:
        words = shlex.split(line)
        in_one_process = ["--workers", "1"] if words[0] == "chips" else []
        result = rcspike_(*words, *in_one_process)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        output = plain(said(result))
        for printed in map(plain, answer.splitlines()):
            if words[0] == "spice":  # the last digits are those of another program
                printed = printed.rstrip("0123456789. ")
            assert printed in output, line
    assert len(drawn) == 5  # learning and confusion, chips, energy and its constants
    report = Path("runs/wine/report.html").read_text(encoding="utf-8")
    for part in ("wine.csv: 9", "barolo", "current sources", "accuracy on chips (rram)", "rcspike chips"):
        assert part in report

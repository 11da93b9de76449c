"""The report with a page in which the network of the run is touched."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import numpy as np
import pytest
from needs import browser, playground

pytest.importorskip("typer")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from chromium import chromium
from cli_runs import rcspike_
from playground import PAGE

from rcspike import Circuit, Network, datasets
from rcspike.report import interactive_page, write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    trained = rcspike_("train", "digits", "--hidden", "12", "--epochs", "2", "--v-syn", "1.5", "--out", str(folder))
    assert trained.exit_code == 0, trained.output
    return folder


@pytest.mark.parametrize(("name", "message"), [("missing.html", "missing.html"), ("run.json", "Emscripten")])
def test_without_the_page_the_error_names_the_file(name: str, message: str, run: Path) -> None:
    result = rcspike_("report", str(run), "--interactive", str(run / name))
    assert result.exit_code == 2
    assert message in result.output
    assert not (run / "report.html").exists()


def test_a_network_that_the_page_cannot_read_is_rejected_before_any_work(run: Path, tmp_path: Path) -> None:
    Network.create([64, 10], Circuit(), seed=0, dtype="float64").save(tmp_path / "model.safetensors")
    result = rcspike_("report", str(tmp_path), "--interactive", str(tmp_path / "circuit.html"))
    assert (result.exit_code, "float64" in result.output) == (2, True)


@playground
@pytest.mark.long
def test_text_of_a_model_does_not_become_markup(run: Path, tmp_path: Path) -> None:
    title = "</script><script>alert(1)</script>"
    page = interactive_page(PAGE, run / "model.safetensors", np.zeros((1, 64)), [0], title=title)
    assert "alert(1)</script>" not in page.html
    report = write_report(run, tmp_path / "report.html", interactive=page).read_text(encoding="utf-8")
    assert "<script" not in report, "the page is text of an attribute"
    assert page.html in unescape(report)


@browser
@playground
@pytest.mark.long
def test_a_browser_shows_the_network_of_the_run_with_its_images(run: Path, tmp_path: Path) -> None:
    result = rcspike_("report", str(run), "--interactive", str(PAGE), "--out", str(tmp_path / "page.html"))
    assert result.exit_code == 0, result.output
    network, test = Network.load(run / "model.safetensors"), datasets.load("digits").test
    answers = network.predict(test.times[:8])
    with chromium(tmp_path) as tab:
        tab.open((tmp_path / "page.html").as_uri())
        tab.wait("document.readyState === 'complete'")
        tab.enter_frame()
        tab.wait("document.documentElement?.dataset.pictures")
        assert "1.5 V_th" in tab.run("document.getElementById('sliders').textContent")
        for image in range(9):
            label, answer = test.labels[image % 8], answers[image % 8]
            tab.wait(
                f"document.getElementById('answer').textContent.startsWith("
                f"'The image is a {label}: RC-Spike reads {answer},')"
            )
            tab.run("document.getElementById('next').click()")
        tab.run("document.querySelector('#stories a').click()")
        tab.wait("!document.getElementById('story').hidden")
        tab.run("document.getElementById('model').value = 'own'")
        tab.run("document.getElementById('model').dispatchEvent(new Event('change'))")
        tab.run("document.getElementById('train').click()")
        tab.wait("/After [1-9]/.test(document.getElementById('learning-said').textContent)")
        assert tab.run("document.getElementById('problem').hidden")
        assert tab.problems() == []

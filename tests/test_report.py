"""The report of a results folder: all that is in the folder, nothing from elsewhere, and a browser shows it."""

from __future__ import annotations

import base64
import csv
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from needs import browser
from rendering import shown

pytest.importorskip("jinja2")

from rcspike import build_config
from rcspike.report import write_report

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="80"><rect id="a" width="9" height="9"/></svg>'
HOSTILE = '<script>alert("1")</script> & <img src=x>'


class Page(HTMLParser):
    """Rows of each table, images and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def facts(self) -> dict[str, str]:
        return {row[0]: row[1] for table in self.tables for row in table if len(row) == 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As a sweep leaves it, with names and texts that would break a page if they were not escaped."""
    sweep = tmp_path / "sweep & 'co'"
    (sweep / "runs").mkdir(parents=True)
    record = {
        "command": f"rcspike sweep coupling --out '{HOSTILE}'",
        "experiments": ["coupling", "noise"],
        "settings": {"seed": 17, "v_syn": [0.5, 2.0], "data": {"name": HOSTILE}},
        "samples_per_second": 22172.427229122935,
        "build": build_config(),
    }
    (sweep / "sweep.json").write_text(json.dumps(record))
    (sweep / "other.json").write_text('{"no": "record"}')
    (sweep / "runs" / "1.json").write_text('{"command": "below"}')
    for name, width in (("coupling", 100), ("noise", 2000)):
        (sweep / f"{name}.svg").write_text(SVG.format(width))
    for name, n_rows in (("table", 3), ("runs", 40)):
        with (sweep / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["experiment", "v_syn", "mean", "note, with a comma"])
            writer.writerows([["coupling", k, 0.9305555555555556 + k, HOSTILE] for k in range(n_rows)])
    (sweep / "model.safetensors").write_bytes(b"\0")
    return sweep


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_every_figure_of_the_folder_is_in_the_page_unchanged(folder: Path) -> None:
    images = page_of(folder).all("img")
    assert [image["alt"] for image in images] == ["Figure coupling.svg", "Figure noise.svg"]
    for image, name in zip(images, ("coupling.svg", "noise.svg"), strict=True):
        kind, _, content = str(image["src"]).partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert base64.b64decode(content) == (folder / name).read_bytes()


def test_every_row_of_every_table_is_in_the_page_the_long_ones_folded(folder: Path) -> None:
    page = page_of(folder)
    short, long = page.tables[:2]
    assert (len(short), len(long)) == (4, 41)
    assert short[0] == ["experiment", "v_syn", "mean", "note, with a comma"]
    assert short[2] == ["coupling", "1", "1.93056", HOSTILE]
    assert {"class": "number", "data-name": "mean", "title": "1.9305555555555556"} in page.all("td")
    assert len(page.all("details")) == 1
    assert "40 rows" in page.text


def test_commands_seeds_settings_and_versions_are_in_the_page(folder: Path) -> None:
    page = page_of(folder)
    facts = page.facts()
    assert f"rcspike sweep coupling --out '{HOSTILE}'" in page.text
    assert facts["seed"] == "17"
    assert facts["v_syn"] == "0.5, 2.0"
    assert facts["experiments"] == "coupling, noise"
    assert facts["data.name"] == HOSTILE
    assert facts["samples_per_second"] == "22172.4"
    assert facts["version"] == build_config()["version"]
    assert "no" not in facts
    assert "below" not in page.text


def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup(folder: Path) -> None:
    page = page_of(folder)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "b"})
    for _, attributes in page.tags:
        for name in ("src", "href", "data", "srcset", "action"):
            assert str(attributes.get(name, "data:")).startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    style = re.sub(r"data:[^\"]*", "", (folder / "report.html").read_text())
    assert not re.search(r"url\(|@import|https?://", style)


def test_the_same_folder_gives_the_same_page_wherever_it_goes(folder: Path, tmp_path: Path) -> None:
    first = write_report(folder)
    assert first == folder / "report.html"
    before = first.read_bytes()
    assert write_report(folder, tmp_path / "elsewhere.html").read_bytes() == before
    assert write_report(folder).read_bytes() == before


@pytest.mark.parametrize("content", ["", "a,b\n", "a,b\n1\n1,2,3\n"], ids=["empty", "no rows", "ragged"])
def test_odd_tables_are_shown_as_they_are(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)
    rows = [row.split(",") for row in content.splitlines()]
    assert page_of(tmp_path).tables == [rows or [[]]]


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("run.json", b"{", "run.json is not a whole JSON file"),
        ("figure.svg", b"<svg", "figure.svg is not a whole SVG file"),
        ("table.csv", b"x" * 200_000, "table.csv, line 1, is not CSV: field larger than field limit"),
        ("figure.svg", b"<html/>", "figure.svg is not an SVG file"),
        ("table.csv", b"a\n\xff\n", "table.csv is not UTF-8"),
    ],
)
def test_damaged_files_are_named_and_no_report_is_written(folder: Path, name: str, content: bytes, hint: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=hint):
        write_report(folder)
    assert not (folder / "report.html").exists()


def test_hidden_files_are_not_reported(folder: Path) -> None:
    before = write_report(folder).read_bytes()
    for name in (".learning-0123.svg", ".table.csv", ".run.json"):
        (folder / name).write_bytes(b"<half")
    assert write_report(folder).read_bytes() == before


def test_a_folder_that_is_missing_or_has_nothing_to_report_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ValueError, match="no figure"):
        write_report(tmp_path)
    for path in (tmp_path / "missing", tmp_path / "list.json"):
        with pytest.raises(NotADirectoryError, match="is not a folder"):
            write_report(path)


def test_without_jinja_the_error_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'rcspike\[cli\]'"):
        write_report(folder)


def test_the_command_line_writes_it_for_the_folder_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed in ("typer", "matplotlib", "sklearn"):
        pytest.importorskip(needed)
    from cli_runs import rcspike_

    monkeypatch.chdir(tmp_path)
    words = ["train", "--hidden", "12", "--epochs", "2", "--seed", "5", "--out", "run"]
    assert rcspike_(*words).exit_code == 0
    result = rcspike_("report", "run", "--out", "page.html")
    assert (result.exit_code, result.output) == (0, "page.html\n")
    page = Page(Path("page.html").read_text(encoding="utf-8"))
    run = json.loads(Path("run/run.json").read_text())
    accuracy, warnings = run["test_accuracy"], run["learned"]["warnings"]
    assert f"digits: {100 * accuracy:.2f} % test accuracy" in page.text
    result, margins, learning = (str(image["alt"]) for image in page.all("img"))
    assert result.startswith("How the network read the samples of each class")
    assert margins.startswith("How far apart the two earliest outputs spike")
    assert learning.startswith("Above: error and loss after each epoch")
    assert page.text.index("Result") < page.text.index("Learning") < page.text.index("How it was made")
    classes, history = page.tables[:2]
    assert classes[0] == ["class", "samples", "accuracy / %", "read as other classes (samples)"]
    assert sum(int(row[1]) for row in classes[1:]) == 360
    assert len(history) == 3
    assert history[-1][history[0].index("test accuracy / %")] == f"{100 * accuracy:.2f}"
    assert "validation accuracy / %" not in history[0], "a column without values is not shown"
    assert page.facts()["test_accuracy"] == f"{100 * accuracy:.2f} %"
    assert page.facts()["seed"] == "5"
    assert warnings and all(line in page.text for line in warnings)  # after two epochs
    assert f"rcspike {' '.join(words)}" in page.text
    failed = rcspike_("report", "missing")
    assert failed.exit_code == 2
    assert "error: missing is not a folder" in failed.output


@browser
@pytest.mark.parametrize("width", [1100, 500])
def test_a_browser_shows_figures_and_tables_within_the_width_of_the_window(
    folder: Path, tmp_path: Path, width: int
) -> None:
    page = write_report(folder)
    seen = shown(page, tmp_path, width)
    (natural, first, first_height), (wide, second, second_height) = seen["images"]
    assert (natural, first, first_height, wide) == (100, 100, 80, 2000)
    assert 0 < second < width
    assert second_height == pytest.approx(80 * second / 2000, abs=1)  # whole pixels
    folded = 1 + 40
    assert seen["rows"] == len([row for table in page_of(folder).tables for row in table]) - folded
    assert seen["overflow"] == 0


def of_energy(folder: Path) -> None:
    """As `rcspike energy` leaves it, with one constant that was given."""
    from rcspike.energy import load_process

    constants = {one.name: one.value for one in load_process("sky130").constants} | {"v_rest": 0.87}
    settings = {"dataset": "digits", "constants": {"process": "sky130", "selector": "switch", **constants}}
    captions = {"energy.csv": ["Energy", "The energy of an inference by part, in pJ"]}
    record = {"command": "rcspike energy run digits", "settings": settings, "captions": captions}
    (folder / "energy.json").write_text(json.dumps(record))
    circuits = enumerate(("RC-Spike", "virtual ground"), start=1)
    lines = [f"{circuit},resistor,{layer},{part},{n}" for n, circuit in circuits
             for layer in (1, 2) for part in ("drivers", "ramp")]  # fmt: skip
    (folder / "energy.csv").write_text("\n".join(["circuit,device,layer,part,pJ", *lines, ""]))


def test_energy_has_a_row_for_each_part_its_sums_and_all_constants_with_units(tmp_path: Path) -> None:
    of_energy(tmp_path)
    page = page_of(tmp_path)
    energy, constants = page.tables[:2]
    assert energy == [
        ["part / pJ", "RC-Spike", "virtual ground"],
        ["drivers", "2.00", "4.00"],
        ["ramp", "2.00", "4.00"],
        ["all", "4.00", "8.00"],
    ]
    assert "RC-Spike 4.00 pJ, virtual ground 8.00 pJ" in page.text
    listed = {name: (value, unit, source) for name, value, unit, source in constants[1:]}
    assert listed["v supply"] == ("1.8", "V", "[1]")
    assert listed["capacitance"][:2] == ("1.4e-13", "F")
    assert listed["v rest"] == ("0.87", "V", "given with the command or in a user's file")
    assert not [name for name in page.facts() if name.startswith("constants.")], "they are in one place only"


def test_the_chips_of_a_run_are_in_its_report(tmp_path: Path) -> None:
    chips = tmp_path / "chips-typical"
    chips.mkdir()
    digest = "0" * 64
    record = {"command": "rcspike chips run digits", "files_sha256": {"table.csv": digest, "chips.svg": digest}}
    captions = {"table.csv": ["Devices", "Over the chips <of> each case"], "chips.svg": ["Elsewhere", "not shown"]}
    (chips / "chips.json").write_text(json.dumps(record | {"captions": captions}))
    (chips / "table.csv").write_text("case,chips,ideal,mean,std,q05\nall effects,20,98.333333,97.25,0.5,96.666667\n")
    (chips / "chips.svg").write_text(SVG.format(100))
    (tmp_path / "run.json").write_text('{"command": "rcspike train"}')
    page = page_of(tmp_path)
    assert page.tables[0] == [
        ["case", "chips", "without effects / %", "mean / %", "standard deviation", "5 % quantile / %"],
        ["all effects", "20", "98.33", "97.25", "0.50", "96.67"],
    ]
    assert "97.25 % on average, at least 96.67 % on 95 % of the chips" in page.text
    assert "Over the chips <of> each case" in page.text and "not shown" not in page.text
    assert page.text.index("Devices") < page.text.index("Further results") < page.text.index("chips-typical/chips.svg")
    assert "rcspike chips run digits" in page.text


def test_a_wide_table_leaves_out_columns_that_are_the_same_in_all_rows(tmp_path: Path) -> None:
    head = [
        "dataset",
        "model",
        "hidden",
        "v_syn",
        "epochs",
        "batch_size",
        "learning_rate",
        "n",
        "test_mean",
        "test_std",
    ]
    rows = [["digits", "rc-spike", "200", v, "5", "16", "0.002", "3", "97.1234", "0.3"] for v in ("1.0", "2.0")]
    (tmp_path / "sweep.json").write_text(
        json.dumps({"command": "rcspike sweep digits", "captions": {"table.csv": ["Result", "Over the seeds"]}})
    )
    (tmp_path / "table.csv").write_text("\n".join(map(",".join, [head, *rows])) + "\n")
    page = page_of(tmp_path)
    assert page.tables[0] == [["V_syn / V_th"], ["1"], ["2"]]
    assert "The same in all rows: dataset digits, model rc-spike, hidden 200" in page.text
    assert "test accuracy / % 97.12, standard deviation 0.30" in page.text


@browser
@pytest.mark.parametrize("width", [1400, 400])
def test_a_browser_shows_a_run_without_a_part_beyond_the_window(tmp_path: Path, width: int) -> None:
    of_energy(tmp_path)
    names = ["epoch", "learning_rate", "loss", "train_accuracy", "validation_accuracy", "test_accuracy", "seconds"]
    names += [f"{kind}_{layer}" for kind in ("silent", "saturated") for layer in (1, 2, 3)]
    lines = [",".join([str(k), *["0.123456789"] * (len(names) - 1)]) for k in range(1, 21)]
    (tmp_path / "history.csv").write_text("\n".join([",".join(names), *lines, ""]))
    (tmp_path / "learning.svg").write_text(SVG.format(900))
    captions = {name: ["Devices" if name == "chips.csv" else "Learning", ""] for name in ("history.csv", "chips.csv")}
    (tmp_path / "run.json").write_text(json.dumps({"command": "rcspike train", "captions": captions}))
    (tmp_path / "chips.csv").write_text("case,chip,seed,accuracy\nall effects,0,15793235383387715774,97.222\n")
    seen = shown(write_report(tmp_path), tmp_path, width)
    assert seen["overflow"] == 0
    assert seen["hidden"] == [], "tables that have to be scrolled"


@browser
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1400, 400])
def test_a_browser_shows_the_figures_in_a_size_that_can_be_read(tmp_path: Path, width: int, scheme: str) -> None:
    pytest.importorskip("matplotlib")
    from rcspike import Circuit, plots
    from rcspike.experiments import Case, Sample

    sample = Sample(Case("all effects"), (0.95, 0.96))
    plots.save_figure(plots.chips_figure([sample], ideal=0.97, circuit=Circuit()), tmp_path / "chips")
    parts = {"RC-Spike": {"ramp": np.ones((1, 2)), "comparators": np.ones((1, 2))}}
    plots.save_figure(plots.energy_figure(parts), tmp_path / "energy")
    (tmp_path / "run.json").write_text('{"command": "rcspike train"}')
    # Chromium: 0 is dark, 1 is light.
    option = f"--blink-settings=preferredColorScheme={('dark', 'light').index(scheme)}"
    seen = shown(write_report(tmp_path), tmp_path, width, option)
    assert seen["overflow"] == 0
    (narrow, narrow_width, _), (wide, wide_width, _) = seen["images"]
    assert narrow < wide
    # The smallest text has 8 points, 10.7 pixels at its natural size; on a phone, curves need no touch to be read.
    assert 10.7 * narrow_width / narrow > 7.5
    assert (wide_width == wide) == (width > wide)
    page, *figures = seen["colours"]
    assert figures == ["rgb(255, 255, 255)"] * 2, "figures have dark ink"
    assert (page == "rgb(255, 255, 255)") == (scheme == "light")

"""Records of results: every command's record, and figures and netlists that carry theirs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from cli_runs import rcspike_
from PIL import Image

from rcspike import Circuit, Network, PhysicalScale, __version__, datasets, functional, load_process, spice
from rcspike.report import write_report

ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not on PATH: apt-get install ngspice")
CIRCUIT = Circuit(e_plus=1.5, e_minus=-0.75, diode_drop=0.125)

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small model and a device file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("run").mkdir()
    Network.create([64, 8, 10], CIRCUIT, seed=1).save("run/model.safetensors")
    Path("chip.toml").write_text("[devices]\non_off = 50\n[variation]\nsigma = 0.3\n[jitter]\n")
    return tmp_path


def said(*words: str) -> str:
    result = rcspike_(*words)
    assert result.exit_code == 0, result.output
    return result.output


def record(path: str) -> dict[str, Any]:
    content = json.loads(Path(path).read_text())
    assert isinstance(content, dict)
    return content


def replaced(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("replaces")]


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def of_svg(path: Path) -> dict[str, Any]:
    """The metadata of an SVG file, by a reader of XML."""
    (found,) = ElementTree.parse(path).getroot().iter("{http://purl.org/dc/elements/1.1/}description")
    content = json.loads(found.text or "")
    assert isinstance(content, dict)
    return content


def of_png(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        content = json.loads(image.info["Description"])
    assert isinstance(content, dict)
    return content


COMMANDS = [
    ("run/energy.json", "energy run digits --constant v_logic=1.2"),
    ("run/trace.json", "trace run digits --image 3"),
    ("run/chips-chip/chips.json", "chips run digits --nonideal chip.toml --chips 2 --workers 1"),
    (
        "sweep/sweep.json",
        "sweep digits --v-syn 1,2 --seeds 1 --hidden 8 --vary epochs=1 --no-relu --workers 1 --out sweep",
    ),
    ("new/run.json", "train digits --e-plus 2.0 --hidden 8 --epochs 1 --out new"),
    pytest.param("out/spice.json", "spice verify run digits --neurons 2 --layer 2 --out out", marks=ngspice),
]


@pytest.mark.parametrize(("file", "command"), COMMANDS)
def test_every_command_leaves_a_record_that_fits_its_files_and_its_figures_carry_it(file: str, command: str) -> None:
    assert not replaced(said(*command.split()))
    found = record(file)
    without_place = re.sub(r" --(workers|out) \S+", "", f"rcspike {command}")
    assert re.sub(r" --(workers|out) \S+", "", found["command"]) == without_place
    assert found["build"]["version"] == __version__
    assert {"python", "numpy"} <= set(found)
    folder = Path(file).parent
    results = {path.name for path in folder.iterdir() if path.is_file()} - {Path(file).name, "checkpoint.safetensors"}
    if folder.name == "run":
        results -= {"model.safetensors"}
    assert set(found["files_sha256"]) == results
    for name, digest in found["files_sha256"].items():
        assert digest == sha256(folder / name)
    figures = [*folder.glob("*.svg"), *folder.glob("*.png")]
    assert figures
    for figure in figures:
        described = of_svg(figure) if figure.suffix == ".svg" else of_png(figure)
        assert described == {"command": without_place, "settings": found["settings"], "rcspike": __version__}


@pytest.mark.usefixtures("undrawn")
def test_the_record_of_an_energy_has_every_constant_the_model_and_the_seed() -> None:
    said("energy", "run", "digits", "--constant", "opamp_branches=0", "--constant", "v_th=0.5", "--noise", "0.01")
    settings = record("run/energy.json")["settings"]
    process = load_process().with_values(opamp_branches=0.0, v_th=0.5)
    values = {one.name: one.value for one in process.constants}
    assert settings["constants"] == {
        **{name: getattr(process, name) for name in ("selector", "device")},
        "process": "sky130",
        **values,
    }
    assert settings["hold"] == "rails"
    assert settings["model_sha256"] == sha256("run/model.safetensors")
    assert (settings["sizes"], settings["dataset"], settings["seed"], settings["noise"]) == (
        [64, 8, 10],
        "digits",
        0,
        0.01,
    )
    assert {name: float(x) for name, x in settings["circuit"].items()} == {
        "v_syn": 1.0,
        "e_plus": 1.5,
        "e_minus": -0.75,
        "diode_drop": 0.125,
        "ramp": 0.0,
    }


def test_a_report_says_which_constants_an_energy_is_of() -> None:
    said("energy", "run", "digits", "--constant", "comparator_current=2e-6")
    page = write_report("run").read_text()
    assert "rcspike energy run digits --constant comparator_current=2e-6" in page
    assert re.search(r"<td[^>]*>comparator current</td>\s*<td[^>]*>2e-06</td>\s*<td[^>]*>A</td>", page)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("command", "other", "name"),
    [
        ("energy run digits", "--constant opamp_branches=0", "constants.opamp_branches"),
        ("energy run digits", "--noise 0.01", "noise"),
        ("trace run digits", "--image 4", "image"),
        ("chips run digits --nonideal chip.toml --chips 2 --workers 1", "--seed 1", "seed"),
        (
            "sweep digits --v-syn 1 --seeds 1 --hidden 8 --vary epochs=1 --no-relu --workers 1 --out s",
            "--v-syn 2",
            "v_syn",
        ),
    ],
)
def test_other_settings_say_what_they_replace_and_the_same_ones_say_nothing(
    command: str, other: str, name: str
) -> None:
    words = command.split()
    assert replaced(said(*words)) == []
    assert replaced(said(*words)) == []
    (line,) = replaced(said(*words, *other.split()))
    typed = " ".join(["rcspike", *words]).replace(" --workers 1", "")
    assert line == f"replaces the results of: {typed}; settings that differ: {name}"


@pytest.mark.usefixtures("undrawn")
def test_another_model_under_the_same_name_is_another_setting() -> None:
    said("energy", "run", "digits")
    Network.create([64, 8, 10], CIRCUIT, seed=2).save("run/model.safetensors")
    (line,) = replaced(said("energy", "run", "digits"))
    assert line.endswith("; settings that differ: model_sha256")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "old", ["", '{"command": "rcspike energy run digits"}'], ids=["no record", "a record without settings"]
)
def test_results_whose_settings_are_not_recorded_are_named(old: str) -> None:
    Path("run/energy.csv").write_text("circuit,layer,part,pJ\n")
    if old:
        Path("run/energy.json").write_text(old)
    (line,) = replaced(said("energy", "run", "digits"))
    assert line == f"replaces {Path('run', 'energy.csv')}; their settings are not recorded"


def test_a_fitted_model_cannot_take_the_name_of_its_record() -> None:
    Path("spikes.csv").write_text("image,neuron,spike_time\n0,0,5e-7\n")
    result = rcspike_("spice", "fit", "spikes.csv", "run", "digits", "--out", "real.json")
    assert result.exit_code == 2
    assert "--out is the model" in result.output


@pytest.mark.parametrize("content", ['{"mine": 1}', "[1]", "{", "[" * 100_000, '{"command": "rcspike train digits"}'])
def test_a_file_that_is_not_a_record_of_the_command_is_left_alone(content: str) -> None:
    Path("one.json").write_text(content)
    result = rcspike_("trace", "run", "digits", "--out", "one.svg")
    assert result.exit_code == 2
    last = result.output.splitlines()[-1]
    assert last == "error: one.json is in the way: it is not a record of rcspike trace; move it away"
    assert Path("one.json").read_text() == content
    assert not Path("one.svg").exists()


def test_a_netlist_says_how_it_was_made_and_what_it_replaces() -> None:
    words = ["spice", "export", "run", "digits", "--layer", "2", "--out", "layer.cir"]
    assert not replaced(said(*words))
    lines = Path("layer.cir").read_text().splitlines()
    comment = [line[2:] for line in lines[1 : lines.index("* }") + 1]]
    found = json.loads("\n".join(comment))
    assert found["command"] == "rcspike spice export run digits --layer 2"
    assert found["rcspike"] == __version__
    assert found["settings"]["scale"] == asdict(PhysicalScale())
    assert (
        found["settings"] | {"image": 0, "layer": 2, "diode": "constant", "neurons": list(range(10))}
        == found["settings"]
    )
    assert not replaced(said(*words))
    (line,) = replaced(said(*words, "--image", "4"))
    assert line == "replaces the results of: rcspike spice export run digits --layer 2; settings that differ: image"


@ngspice
def test_ngspice_runs_a_netlist_with_its_record() -> None:
    said("spice", "export", "run", "digits", "--neurons", "0,1", "--out", "layer.cir")
    assert {"v(m0)", "v(m1)"} <= set(spice.run_ngspice(Path("layer.cir").read_text()))


def test_a_fitted_model_has_a_record_of_the_fit() -> None:
    network, scale = Network.load("run/model.safetensors"), PhysicalScale()
    times, w = datasets.load("digits").test.times[:12].astype(np.float64), network.weights[0].astype(np.float64)
    t = functional.fire(functional.charge(times, w, CIRCUIT), CIRCUIT)
    image, neuron = np.divmod(np.arange(t.size), 8)
    spice.write_csv(spice.Measurements(image, neuron, t.ravel() * scale.window), "spikes.csv")
    words = [
        "spice",
        "fit",
        "spikes.csv",
        "run",
        "digits",
        "--parameters",
        "e_plus,e_minus",
        "--out",
        "real.safetensors",
    ]
    said(*words)
    found = record("real.json")
    assert found["command"] == "rcspike " + " ".join(words)
    assert found["settings"]["parameters"] == ["e_plus", "e_minus"]
    assert found["settings"]["measurements_sha256"] == sha256("spikes.csv")
    assert found["values"] == pytest.approx([1.5, -0.75], rel=1e-5)
    assert found["files_sha256"] == {"real.safetensors": sha256("real.safetensors")}


@pytest.mark.usefixtures("undrawn")
def test_results_of_an_earlier_grid_do_not_stay_next_to_the_record_of_a_later_one() -> None:
    sweep = ("sweep", "digits", "--seeds", "1", "--hidden", "4", "--vary", "epochs=1", "--no-relu", "--out", "sweep")
    said(*sweep, "--v-syn", "1,2", "--hold", "rails", "--workers", "1")
    assert {"accuracy.svg", "accuracy.png", "pareto.svg"} <= set(record("sweep/sweep.json")["files_sha256"])
    Path("sweep/pareto.svg").write_text("<svg/>")  # the user's own by now
    said(*sweep, "--v-syn", "1", "--noise", "0.2", "--workers", "1")
    left = {path.name for path in Path("sweep").iterdir() if path.suffix in (".csv", ".svg", ".png")}
    assert left == {*record("sweep/sweep.json")["files_sha256"], "pareto.svg"}


def test_a_report_marks_files_that_are_not_as_their_command_wrote_them() -> None:
    said("energy", "run", "digits")
    page = write_report("run").read_text()
    assert "has been changed" not in page
    assert "No record" not in page
    Path("run/energy.csv").write_text(Path("run/energy.csv").read_text().replace("op-amps", "op amps"))
    Path("run/own.csv").write_text("a,b\n1,2\n")
    page = write_report("run").read_text()
    assert page.count("This file is not the one that its command wrote") == 1
    assert page.count("No record in this folder says how this file was made") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_is_not_read_in_search_of_a_record() -> None:
    result = rcspike_("spice", "export", "run", "digits", "--neurons", "0", "--out", "/dev/full")
    assert result.exit_code == 2
    assert "replaces" not in result.output
    assert "it is not a file but a device or a pipe" in result.output


def test_a_netlist_of_a_model_whose_folder_is_not_utf8() -> None:
    folder = Path(os.fsdecode(b"run\xff"))
    try:
        shutil.copytree("run", folder)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    said("spice", "export", str(folder), "digits", "--neurons", "0", "--out", "layer.cir")
    assert "run\\udcff" in Path("layer.cir").read_text(encoding="utf-8")


def test_a_constant_is_given_once() -> None:
    result = rcspike_("energy", "run", "digits", "--constant", "v_logic=1", "--constant", "v_logic=2")
    assert result.exit_code == 2
    assert "--constant v_logic is there twice, with 1 and 2: give it once" in result.output


def test_the_energy_of_a_network_on_other_images_names_both_sizes() -> None:
    Network.create([5, 4, 10], CIRCUIT, seed=1).save("other.safetensors")
    result = rcspike_("energy", "other.safetensors", "digits", "--out", "nowhere")
    assert result.exit_code == 2
    assert "the network has 5 inputs but the images have 64 pixels" in result.output
    assert not Path("nowhere").exists()

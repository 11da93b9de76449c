"""``rcspike trace``: which model, image and circuits are drawn, and where the files go."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from cli_runs import empty_folder, error_line, ran, rcspike_, record
from typer.testing import Result

from rcspike import Circuit, Network, datasets, plots

OWN = Circuit(v_syn=2.0, diode_drop=0.25, ramp=0.5)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the folder of a run."""
    empty_folder(tmp_path, monkeypatch)
    (tmp_path / "run").mkdir()
    Network.create([64, 12, 10], OWN, seed=0).save("run/model.safetensors")
    return tmp_path


def trace(*words: str) -> Result:
    return rcspike_("trace", *words)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("model", "out", "stem"),
    [
        ("run", None, "run/trace"),
        ("run/model.safetensors", None, "run/trace"),
        ("run", "run", "run/trace"),
        ("run", "figures/one.svg", "figures/one"),
    ],
)
def test_the_figure_goes_next_to_the_model_or_where_an_option_says(
    place: Path, model: str, out: str | None, stem: str
) -> None:
    before = files(place)
    result = ran("trace", model, "digits", "--image", "3", *(["--out", out] if out else []))
    assert files(place) - before == {f"{stem}.svg", f"{stem}.png", f"{stem}.json"}
    assert result.splitlines()[-1] == (
        f"test image 3 of digits, class {datasets.load('digits').test.labels[3]}: {stem}.svg, {stem}.png"
    )


def test_a_network_of_convolutions_has_a_figure_of_its_maps_too(place: Path) -> None:
    Network.create("conv2-pool-10", OWN, input_shape=(8, 8), seed=0).save("run/model.safetensors")
    before = files(place)
    ran("trace", "run", "digits", "--position", "4,2", "--v-syn", "2", "--out", "figures/v1.0")
    figures = {f"v1.0{end}" for end in (".svg", ".png", "-maps.svg", "-maps.png")}
    assert files(place) - before == {f"figures/{name}" for name in (*figures, "v1.0.json")}
    written = record("figures/v1.0.json")
    assert written["settings"]["position"] == [4, 2]
    assert set(written["files_sha256"]) == figures


def test_the_options_are_those_of_the_figure(place: Path) -> None:
    ran("trace", "run", "digits", "--image", "5", "--v-syn", "inf,2,0.5", "--neurons", "3,11")
    circuits = [Circuit(v_syn=v_syn, diode_drop=0.25, ramp=0.5) for v_syn in (math.inf, 2.0, 0.5)]
    network = Network.load(place / "run" / "model.safetensors")
    figure = plots.trace_figure(network, datasets.load("digits").test, sample=5, circuits=circuits, neurons=[3, 11])
    expected, _ = plots.save_figure(figure, place / "expected")
    drawn = re.sub(
        r" *<dc:description>.*?</dc:description>\n", "", (place / "run/trace.svg").read_text(), flags=re.DOTALL
    )
    assert drawn == expected.read_text()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--image", "360"], "no image 360"),
        (["--v-syn", "1,x"], "--v-syn takes numbers such as inf,1, got '1,x'"),
        (["--v-syn", "-1"], "v_syn must be above 0"),
        (["--v-syn", "0.2"], "diode_drop"),
        (["--v-syn", "1,2,3,4"], "1 to 3 circuits"),
        (["--neurons", "1.5"], "--neurons takes numbers such as 3,17, got '1.5'"),
        (["--neurons", "12"], "[0, 12)"),
        (["--position", "1"], "--position takes a pixel as Y,X, such as 14,10, got '1'"),
        (["--position", "1,2"], "a position needs a network of convolutions"),
        (["--out", "run/model.safetensors/below"], "cannot be written"),
    ],
)
def test_a_bad_option_is_one_line_and_leaves_no_file(place: Path, words: list[str], hint: str) -> None:
    before = files(place)
    assert hint in error_line(trace("run", "digits", *words))
    assert files(place) == before


def test_a_model_that_is_not_there_or_does_not_fit_is_rejected() -> None:
    assert "no model at missing" in trace("missing", "digits").output
    Network.create([49, 10], OWN, seed=0).save("small")
    assert "49 inputs but the images have 64 pixels" in trace("small", "digits").output

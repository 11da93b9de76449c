"""Build the interactive page as one HTML file that needs no server, and prints its size.

cmake --workflow --preset web && python docs/playground/build.py

The engine comes from build/web; everything else that the page computes with comes from rcspike, so that no constant is
written twice. The networks are trained here, which takes seconds and gives the same bits everywhere.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rcspike
from rcspike import Circuit, Network, datasets, train
from rcspike.energy import load_process
from rcspike.experiments.default_settings import preset
from rcspike.plots import energy_bars
from rcspike.plots.figure_style import circuit_colour
from rcspike.spice import library

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENGINE = ROOT / "build" / "web" / "src" / "cpp" / "web" / "rcspike.wasm"

TRAINER = ("engine.js", "trainer.js")
PAGE = (
    *("engine.js", "energy.js", "state.js", "stories.js", "drawing.js", "controls.js", "modelfile.js", "netlist.js"),
    *("panels.js", "page.js"),
)
SIZES, EPOCHS = [64, 50, 10], 20
CIRCUITS = {"two": Circuit(v_syn=1.0), "single": Circuit(v_syn=2.0), "conventional": Circuit.conventional()}


def joined(names: Sequence[str]) -> str:
    """Modules as one script: without the lines that import from each other, and without the word export."""
    texts = [(HERE / name).read_text(encoding="utf-8") for name in names]
    script = "\n".join(re.sub(r"^import .*?;$", "", text, flags=re.MULTILINE | re.DOTALL) for text in texts)
    return re.sub(r"^export ", "", script, flags=re.MULTILINE)


def zipped(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def file_of(network: Network) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        network.save(path)
        return base64.b64encode(path.read_bytes()).decode()


def training_settings(phases: Any) -> dict[str, Any]:
    """What the page trains digits with."""
    settings = preset("digits", phases=phases)
    return {
        "batchSize": settings["batch_size"],
        "rate": settings["learning_rate"],
        "silentPenalty": settings.get("silent_penalty", 0.0),
    }


def networks(digits: datasets.Dataset) -> list[dict[str, Any]]:
    """Trained networks, and untrained ones from which the page can start."""
    made = []
    for name, title, circuit, phases in (
        ("two-phase", "two phases, trained at V_syn = 1", CIRCUITS["two"], "two"),
        ("single-phase", "single phase, trained at V_syn = 2", CIRCUITS["single"], "single"),
        ("conventional", "two phases, trained in the conventional circuit", CIRCUITS["conventional"], "two"),
    ):
        network = Network.create(SIZES, circuit, seed=0, phases=phases)
        untrained = {"two-phase": "untrained", "single-phase": "untrained-single"}.get(name)
        if untrained:
            made.append(
                {"name": untrained, "title": f"{phases.replace('two', 'two phases')}, random", "file": file_of(network)}
            )
        settings = {key: value for key, value in preset("digits", phases=phases).items() if key != "hidden"}
        train(network, digits, **settings | {"epochs": EPOCHS}, seed=0)
        made.append({"name": name, "title": title, "file": file_of(network)})
    return made


def colours() -> list[tuple[float, str]]:
    """The colour of RC-Spike in all figures, up to each V_syn."""
    ends = [*np.geomspace(0.3, 100, 40).tolist(), 1e300]
    return [(v, circuit_colour(Circuit(v_syn=min(v, 1e6)))) for v in ends]


def page_data(engine: bytes) -> dict[str, Any]:
    digits, process = datasets.load("digits"), load_process()
    images = np.concatenate([digits.train.images, digits.test.images]).reshape(-1, 64)
    return {
        "version": rcspike.__version__,
        "engine": zipped(engine),
        "digits": zipped(np.rint(16 * images).astype(np.uint8).tobytes()),
        "labels": [*digits.train.labels.tolist(), *digits.test.labels.tolist()],
        "trained": len(digits.train.labels),
        "training": {phases: training_settings(phases) for phases in ("two", "single")},
        "models": networks(digits),
        "process": {constant.name: constant.value for constant in process.constants},
        "chargeRatio": process.switch_charge_minus / process.switch_charge_plus,
        "netlist": {diode: library(diode=diode) for diode in ("none", "constant")},
        "colours": colours(),
        "energyColours": energy_bars.COLOURS,
    }


def page(data: Mapping[str, Any]) -> str:
    parts = {
        "/* build: page.css */": (HERE / "page.css").read_text(encoding="utf-8"),
        "/* build: data */": json.dumps(data, separators=(",", ":")),
        "/* build: trainer */": joined(TRAINER),
        "/* build: page */": joined(PAGE),
    }
    text = (HERE / "index.html").read_text(encoding="utf-8")
    for mark, part in parts.items():
        if text.count(mark) != 1 or "</script" in part:
            raise ValueError(f"index.html must have {mark} once, and no part may end a script")
        text = text.replace(mark, part)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", type=Path, default=ENGINE, help="the compiled engine")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "playground" / "circuit.html", help="file to write"
    )
    arguments = parser.parse_args()
    if not arguments.engine.is_file():
        parser.error(f"no engine at {arguments.engine}: run cmake --workflow --preset web, which needs Emscripten")
    text = page(page_data(arguments.engine.read_bytes()))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    size, compressed = len(text.encode()), len(gzip.compress(text.encode(), 9))
    print(f"{arguments.out}: {size / 1e3:.0f} kB, {compressed / 1e3:.0f} kB compressed")


if __name__ == "__main__":
    main()

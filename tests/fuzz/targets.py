"""The readers of files that others may have made, and what each of them promises about any bytes."""

from __future__ import annotations

import hashlib
import io
import json
import re
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import mutate
import numpy as np
import typer
from netlist_lines import foreign_lines

from rcspike import Circuit, Network, chips, load_process, train
from rcspike.cli.commands.train import app
from rcspike.datasets import Dataset, Inputs, Split, TrainedSamples, idx, is_table, load
from rcspike.experiments import (
    experiment_identity,
    experiment_key,
    grid,
    run_rows,
    stored_runs,
    summary_rows,
    write_table,
)
from rcspike.network import read_nir, read_nir_events, write_nir, write_nir_events
from rcspike.report import write_report
from rcspike.spice import find_pdk, library, read_csv, write_csv
from rcspike.training import checkpoint

__all__ = ["CORPUS", "TARGETS", "Target", "accepts"]

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """A reader and the name of its file, in a folder that holds nothing else."""

    file: str
    read: Callable[[Path], object]
    mutate: mutate.Mutate


def accepts(target: Target, data: bytes, folder: Path) -> bool:
    """Whether the reader takes these bytes.

    If it does not, it must raise ValueError with the name of the file, or OSError; anything else comes through.
    """
    path = folder / target.file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    try:
        target.read(path)
    except OSError:
        return False
    except ValueError as error:
        assert path.name in str(error), f"the error does not name the file: {error!r}"
        return False
    return True


def _model(path: Path) -> None:
    network = Network.load(path)
    network.save(path.with_name("copy"))
    copy = Network.load(path.with_name("copy"))
    assert copy.circuit == network.circuit
    assert (copy.phases, [layer.wiring for layer in copy.layers]) == (
        network.phases,
        [layer.wiring for layer in network.layers],
    )
    assert [(w.dtype, w.shape, w.tobytes()) for w in copy.weights] == [
        (w.dtype, w.shape, w.tobytes()) for w in network.weights
    ]


_SPLIT = Split(np.linspace(0, 1, 48).reshape(12, 2, 2), np.arange(12) % 2)
_DATA = Dataset("tiny", _SPLIT, _SPLIT)


def train_or_resume(path: Path, *, double: bool = False) -> None:
    """The run whose checkpoints are the seeds."""
    network = Network.create([4, 3, 2], Circuit(), seed=0, dtype=np.float64 if double else np.float32)
    train(network, _DATA, epochs=2, batch_size=4, validation=0.25, seed=0, checkpoint_path=path, threads=1)


def _nir(path: Path) -> None:
    network = read_nir(path)
    write_nir(path.with_name("copy"), network)
    copy = read_nir(path.with_name("copy"))
    assert [layer.wiring for layer in copy.layers] == [layer.wiring for layer in network.layers]
    assert [w.tobytes() for w in copy.weights] == [w.tobytes() for w in network.weights]


def _nir_events(path: Path) -> None:
    times = read_nir_events(path, repeats="first")
    if sum(one.size for one in times.values()) > 2**20:  # a file may claim many neurons without spikes
        return
    write_nir_events(path.with_name("copy"), times)
    copy = read_nir_events(path.with_name("copy"))
    assert {name: one.tobytes() for name, one in copy.items()} == {name: one.tobytes() for name, one in times.items()}


def _checkpoint(path: Path) -> None:
    saved = checkpoint.load(path)
    saved.history.write_csv(path.with_name("history.csv"))
    for epoch in saved.history:
        for name, value in epoch.row().items():
            assert isinstance(value, int if name == "epoch" else int | float), f"{name} is {value!r}"
    errors = []
    for double in (False, True):
        try:
            train_or_resume(path, double=double)
        except FloatingPointError:  # of weights that are very large
            pass
        except ValueError as error:
            assert path.name in str(error), f"the error does not name the file: {error!r}"
            errors.append(error)
    if len(errors) == 2:
        raise errors[0]


def _idx(path: Path) -> None:
    """The real files are too large to mutate; this one is of shape (2, 2, 2)."""
    content = bytes((0, 0, 8, 3)) + 3 * (2).to_bytes(4, "big") + bytes(range(8))
    try:
        idx.decode_idx(path.read_bytes(), shape=(2, 2, 2), sha256=hashlib.sha256(content).hexdigest())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _own(path: Path) -> None:
    """Data of a user as a data set, and as new samples of the same kind."""
    source = f"{path if path.suffix in ('.npz', '.csv', '.ts') else path.parent},test=0.5"
    is_table(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dark images and row numbers, which are read
        data = load(source)
    assert data.train.times.shape[1] == data.test.times.shape[1]
    assert not set(data.test.labels.tolist()) - set(data.train.labels.tolist())
    if path.suffix in (".csv", ".ts"):
        Inputs.of(data).read(path)


def _own_idx(path: Path) -> None:
    labels = bytes((0, 0, 8, 1)) + (4).to_bytes(4, "big") + bytes((0, 1, 0, 1))
    path.with_name("labels").write_bytes(labels)
    _own(path)


def _own_image(path: Path) -> None:
    """An image, as the second one of a class."""
    try:
        Inputs((2, 3), ("a", "b")).read(path)
    finally:
        Inputs((2, 3, 3), ("a", "b")).read(path)


def _inputs(path: Path) -> None:
    inputs = Inputs.load(path)
    inputs.save(path.with_name("copy"))
    copy = Inputs.load(path.with_name("copy"))
    assert (copy.shape, copy.classes, copy.columns) == (inputs.shape, inputs.classes, inputs.columns)
    if inputs.scaling is not None:
        inputs.times(np.zeros((2, inputs.scaling.n_features)))


_TRAIN: Any = typer.main.get_command(app)
_TRAIN.get_help = lambda _: ""  # which takes longer than the file


def _options(path: Path) -> None:
    """Read as a file of options; with --help, nothing is trained."""
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            _TRAIN.make_context("train", ["--config", str(path), "--help"])
    except typer.Exit as end:
        if end.__cause__ is not None:
            raise end.__cause__ from None


def _trained(path: Path) -> None:
    trained = TrainedSamples.load(path)
    trained.save(path.with_name("copy"))
    copy = TrainedSamples.load(path.with_name("copy"))
    for one, other in ((trained.fingerprints, copy.fingerprints), (trained.earlier, copy.earlier)):
        assert (one is None) is (other is None)
        assert one is None or other is None or np.array_equal(one, other)
    trained.among(np.zeros((2, 3), dtype=np.float32))


def _measurements(path: Path) -> None:
    measurements = read_csv(path)
    write_csv(measurements, path.with_name("copy.csv"))
    read_csv(path.with_name("copy.csv"))


def _diode_card(path: Path) -> None:
    try:
        text = library(diode=path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    assert foreign_lines(text) == []


def _pdk(path: Path) -> None:
    path.with_name("sky130_fd_pr__nfet_01v8__tt.corner.spice").write_text("")
    card = find_pdk(root=path.parent).fet("nfet_01v8", 0.42e-6, 0.25e-6).card
    assert foreign_lines(str(card)) == []


class _Tags(HTMLParser):
    """Elements that the template has, and no attribute that runs or loads anything."""

    KNOWN = frozenset(re.findall("<([a-z0-9]+)", files("rcspike.report").joinpath("page.html").read_text("utf-8")))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.KNOWN, f"the report has an element {tag}"
        for name, value in attributes:
            assert not name.startswith("on"), f"the report has a handler {name}"
            if name in ("src", "href"):
                assert (value or "").startswith("data:image/svg+xml;base64,"), f"the report refers to {value}"


def _report(path: Path) -> None:
    path.with_name("other.json").write_text('{"command": "rcspike info"}')  # a file that is not a record is left out
    page = write_report(path.parent, path.with_name("report.html"))
    _Tags().feed(page.read_text(encoding="utf-8"))


_EXPERIMENTS = grid(["digits"], v_syn=[1.0], seeds=[0], relu=False)


def _sweep(path: Path) -> None:
    settings = json.dumps(experiment_identity(_EXPERIMENTS[0])).encode()  # which have the version in them
    path.write_bytes(path.read_bytes().replace(b'"SETTINGS"', settings))
    runs = stored_runs(_EXPERIMENTS, path.parent.parent)
    write_table(path.with_name("runs.csv"), run_rows(runs))
    write_table(path.with_name("summary.csv"), summary_rows(runs))


TARGETS = {
    "model": Target("model.safetensors", _model, mutate.safetensors),
    "checkpoint": Target("checkpoint.safetensors", _checkpoint, mutate.safetensors),
    "nir": Target("network.nir", _nir, mutate.words),
    "nir-events": Target("spikes.nir", _nir_events, mutate.words),
    "idx": Target("train-images-idx3-ubyte", _idx, mutate.gzipped),
    "own-npz": Target("own.npz", _own, mutate.zipped),
    "own-csv": Target("own.csv", _own, mutate.text),
    "own-ts": Target("own.ts", _own, mutate.text),
    "own-idx": Target("own/own", _own_idx, mutate.gzipped),
    "own-image": Target("own.png", _own_image, mutate.png),
    "inputs": Target("inputs.json", _inputs, mutate.text),
    "options": Target("options.toml", _options, mutate.text),
    "trained-samples": Target("trained-samples.npz", _trained, mutate.zipped),
    "devices": Target("devices.toml", chips.load, mutate.text),
    "process": Target("process.toml", load_process, mutate.text),
    "measured": Target("measured.csv", chips.Measured.from_csv, mutate.text),
    "measurements": Target("measurements.csv", _measurements, mutate.text),
    "diode-card": Target("card.txt", _diode_card, mutate.text),
    "pdk": Target("sky130_fd_pr__nfet_01v8__tt.pm3.spice", _pdk, mutate.text),
    "report-svg": Target("figure.svg", _report, mutate.text),
    "report-csv": Target("table.csv", _report, mutate.text),
    "report-json": Target("record.json", _report, mutate.text),
    "sweep": Target(f"runs/{experiment_key(_EXPERIMENTS[0])}.json", _sweep, mutate.text),
}

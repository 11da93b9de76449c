"""``rcspike eval`` and ``rcspike predict``: accuracy by class, and classes of new samples."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

from rcspike import plots
from rcspike._common.atomic import atomic_write
from rcspike.cli import _options
from rcspike.cli._folder import results_folder
from rcspike.cli._record import Record, load_network, model_settings
from rcspike.cli._report import console, percent, user_errors
from rcspike.cli._samples import inputs_of, load_samples
from rcspike.datasets import Inputs
from rcspike.experiments import Row, write_table
from rcspike.network import Network
from rcspike.training import confusion_matrix

__all__ = ["CLASS_FILES", "eval_command", "predict_command", "write_classes"]

CLASS_FILES = ("classes.csv", "confusion.svg", "confusion.png")
_MAX_LISTED = 40  # classes in a terminal

Confusion = npt.NDArray[np.int64]


def eval_command(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.", show_default=False)],
    dataset: Annotated[str, _options.dataset_argument("Data set to test the model on")],
    noise: _options.Noise = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the noise.", min=0, show_default="0")] = None,
    threads: _options.Threads = None,
    allow_seen: _options.AllowSeen = False,
    data: _options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a table and a figure of the classes, and a record.", show_default="none"),
    ] = None,
) -> None:
    """Print the accuracy of a trained model on the test samples of a data set, in total and by class."""
    with user_errors():
        if out is not None:
            plots.check_available()
        network = load_network(model)
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        loaded = samples.data
        n = len(loaded.test.times)  # encodes the images, which is not part of the measurement
        started = time.perf_counter()
        matrix = confusion_matrix(network, loaded.test, **_options.given(noise=noise, seed=seed, threads=threads))
        speed = n / (time.perf_counter() - started)
    accuracy = float(matrix.trace() / n)
    under = f" with spike-time noise of {noise:g} T" if noise else ""
    kind = "rows" if loaded.test.is_table else "images"
    typer.echo(f"test accuracy {percent(accuracy)} of {n:,} {kind}{under}{samples.mark}, {speed:,.0f} samples/s")
    names = _names(loaded.class_names, network)
    if len(names) <= _MAX_LISTED:
        console().print(_table(matrix, names))
    if out is None:
        return
    with results_folder(out):
        with user_errors():
            settings = {**samples.settings, **model_settings(model, network)}
            record = Record.of(ctx, out / "eval.json", settings | {"noise": noise or 0.0, "seed": seed or 0})
            record.say_replaced(*(out / name for name in CLASS_FILES))
        heading = f"{loaded.name}: test accuracy {percent(accuracy)}{under}{samples.mark}"
        files = write_classes(out, matrix, loaded.class_names, heading, record)
        with user_errors():
            record.write(files, test_accuracy=accuracy)
    typer.echo(f"files  {out}: {', '.join([*CLASS_FILES, 'eval.json'])}")


def predict_command(
    model: Annotated[Path, typer.Argument(help="The folder of a run, or the model file in it.", show_default=False)],
    file: Annotated[
        Path,
        typer.Argument(
            help="Samples to classify: a CSV file, an .npz file with x, an image, a folder of images, or an IDX file.",
            show_default=False,
        ),
    ],
    threads: _options.Threads = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.", show_default="standard output")] = None,
) -> None:
    """Classify new samples, and print a CSV table with the class of each.

    Samples are scaled as those of the training were, which the file inputs.json of the run describes.
    """
    with user_errors():
        network = load_network(model)
        described = inputs_of(model)
        if not described.is_file():
            raise FileNotFoundError(
                f"{described.parent} has no {described.name}, which describes the inputs of the model: train it again "
                "with this version of rcspike"
            )
        inputs = Inputs.load(described)
        if (inputs.n_inputs, len(inputs.classes)) != (network.sizes[0], network.sizes[-1]):
            raise ValueError(
                f"{described} is not of this model: it has {inputs.n_inputs} inputs, the model {network.sizes[0]}"
            )
        names, times = inputs.read(file)
        # A sample for which no output of a single phase spikes has no class.
        classes = ["" if i < 0 else inputs.classes[i] for i in network.predict(times, threads=threads)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["sample", "class"])
        writer.writerows(zip(names, classes, strict=True))
        if out is not None:
            with atomic_write(out) as temporary:
                temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
            typer.echo(f"{len(classes):,} samples: {out}")
    if out is None:
        typer.echo(text.getvalue(), nl=False)


def write_classes(
    folder: Path, matrix: Confusion, class_names: Sequence[str], heading: str, record: Record
) -> list[Path]:
    """Write the accuracy of each class and the confusion matrix as a table and as figures."""
    names = _names(class_names, matrix)
    figure = plots.confusion_figure(matrix, names, heading=heading)
    with user_errors():
        write_table(folder / CLASS_FILES[0], _rows(matrix, names))
        plots.save_figure(figure, folder / "confusion", description=record.description)
    return [folder / name for name in CLASS_FILES]


def _names(names: Sequence[str], of: Network | Confusion) -> list[str]:
    """A name for each output: a network may have more of them than the data have classes."""
    n = of.sizes[-1] if isinstance(of, Network) else len(of)
    return [*names, *map(str, range(len(names), n))][:n]


def _rows(matrix: Confusion, names: Sequence[str]) -> list[Row]:
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        n = int(matrix[i].sum())
        row: dict[str, Any] = {"class": name, "samples": n, "accuracy": 100 * int(matrix[i, i]) / n if n else None}
        rows.append(row | {f"read as {other}": int(matrix[i, j]) for j, other in enumerate(names)})
    return list(rows)


def _table(matrix: Confusion, names: Sequence[str]) -> Table:
    table = Table("class", "samples", "accuracy", "read as other classes", box=None, pad_edge=False)
    for i, name in enumerate(names):
        n = int(matrix[i].sum())
        wrong = [j for j in np.argsort(-matrix[i], kind="stable") if j != i and matrix[i, j] > 0]
        others = ", ".join(f"{names[j]} {matrix[i, j]}" for j in wrong[:4])
        others += f", and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        table.add_row(name, f"{n:,}", percent(matrix[i, i] / n) if n else "", others)
    return table

"""``rcspike predict``: classes of new samples."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from rcspike._common.atomic_files import atomic_write
from rcspike.cli import shared_options
from rcspike.cli.command_class import command
from rcspike.cli.model_samples import inputs_of
from rcspike.cli.result_record import load_network
from rcspike.cli.user_errors import user_errors
from rcspike.datasets import Inputs

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@command(app, "predict", example="rcspike predict runs/wine new-bottles.csv --out classes.csv")
def predict_command(
    model: Annotated[Path, typer.Argument(help="The folder of a run, or the model file in it.", show_default=False)],
    file: Annotated[
        Path,
        typer.Argument(
            help="Samples to classify: a CSV file, an .npz file with x, an image, a folder of images, or an IDX file.",
            show_default=False,
        ),
    ],
    threads: shared_options.Threads = None,
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
        # A sample for which no single-phase output spikes has no class.
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

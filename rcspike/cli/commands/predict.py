"""``rcspike predict``: classes of new samples, and how sure the network is of each."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from rcspike._common.arrays import Float64Array
from rcspike._common.atomic_files import atomic_write
from rcspike.cli import shared_options
from rcspike.cli.class_results import class_summary
from rcspike.cli.command_class import command
from rcspike.cli.console import percent
from rcspike.cli.model_samples import inputs_of, run_of
from rcspike.cli.result_record import load_network
from rcspike.cli.sample_labels import sample_labels
from rcspike.cli.user_errors import user_errors
from rcspike.datasets import Inputs
from rcspike.neurons import neuron_kind
from rcspike.training import ClassAccuracy

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

    Further columns have the time of the first output spike in T from the start of the inference, the margin by which it
    comes before the second one in T, and the score of each class: the voltage in V_th at the end of charging, or minus
    the spike time in T of single-phase outputs. Where the samples have labels, the accuracy is printed too.
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
        outputs = network.forward(times, threads=threads)
        # A sample for which no single-phase output spikes has no class.
        columns = {"sample": names, "class": ["" if i < 0 else inputs.classes[i] for i in outputs.answers]}
        run = run_of(model)
        labels = sample_labels(file, names, inputs.classes, str(run.reading.get("label") or "") if run else "")
        if labels is not None:
            columns["label"] = labels
        start = neuron_kind(network.phases).starts(len(network.layers))[-1]
        columns |= {"first_spike_T": _numbers(start + outputs.first_spikes), "margin_T": _numbers(outputs.margins)}
        columns |= {
            f"score {name}": _numbers(scores) for name, scores in zip(inputs.classes, outputs.scores.T, strict=True)
        }
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        if out is not None:
            with atomic_write(out) as temporary:
                temporary.write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
            typer.echo(f"{len(names):,} samples: {out}")
    if out is None:
        typer.echo(text.getvalue(), nl=False)
    if labels is not None:
        typer.echo(_accuracy(outputs.answers, labels, inputs.classes), err=out is None)


def _numbers(values: Float64Array) -> list[str]:
    """To six digits; empty where there is no spike."""
    return [f"{value:.6g}" if math.isfinite(value) else "" for value in values.tolist()]


def _accuracy(answers: npt.NDArray[np.int64], labels: Sequence[str], classes: Sequence[str]) -> str:
    """The accuracy of the samples whose labels the network knows."""
    known = np.array([label in classes for label in labels])
    places = {name: i for i, name in enumerate(classes)}
    found = ClassAccuracy.of(
        answers[known], np.array([places[label] for label in labels if label in places]), len(classes)
    )
    others = len(labels) - int(known.sum())
    without = f" ({others:,} more have labels that the network does not know)" if others else ""
    return (
        f"accuracy {percent(found.overall)} of {int(known.sum()):,} samples{without}, {class_summary(found, classes)}"
    )

"""``rcspike eval``: accuracy in total and by class."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from rcspike import plots
from rcspike.chips import chip_of_conductances, read_conductances
from rcspike.cli import process_options, shared_options
from rcspike.cli.class_results import (
    CLASS_CAPTIONS,
    CLASS_FILES,
    class_facts,
    class_summary,
    class_table,
    output_names,
    write_classes,
)
from rcspike.cli.command_class import command
from rcspike.cli.console import console, percent
from rcspike.cli.model_samples import load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import Record, file_digest, load_network, model_settings
from rcspike.cli.user_errors import user_errors
from rcspike.network import LayeredNetwork
from rcspike.training import ClassAccuracy, confusion_matrix

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MAX_LISTED = 40  # classes in a terminal


@command(app, "eval", example="rcspike eval runs/mnist mnist --noise 0.01 --out runs/mnist/noisy")
def eval_command(
    ctx: typer.Context,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    conductances: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with measured conductances, as `rcspike conductances` writes it: the chip that they make is "
            "tested.",
            show_default="the weights of the model",
        ),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(help="Process that the conductances are of, as of `rcspike conductances`.", show_default=False),
    ] = None,
    constant: process_options.Constants = None,
    noise: shared_options.Noise = None,
    seed: shared_options.NoiseSeed = None,
    threads: shared_options.Threads = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
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
        if conductances is None and (process is not None or constant):
            raise ValueError("--process and --constant are of measured conductances: add --conductances")
        if conductances is not None and process is None:
            raise ValueError(
                f"the weights that {conductances} makes depend on the process: add the --process with which "
                "rcspike conductances wrote it, such as --process sky130"
            )
        tested: LayeredNetwork = network
        chosen = process_options.chosen_process(process or "sky130", constant or [])
        if conductances is not None:
            tested = chip_of_conductances(network, read_conductances(conductances, network), chosen)
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        loaded = samples.data
        n = len(loaded.test.times)  # encodes the images, which is not part of the measurement
        started = time.perf_counter()
        matrix = confusion_matrix(tested, loaded.test, **shared_options.given(noise=noise, seed=seed, threads=threads))
        speed = n / (time.perf_counter() - started)
    accuracy = float(matrix.trace() / n)
    under = f" with spike-time noise of {noise:g} T" if noise else ""
    under += f" on the devices of {conductances}, process {chosen.name}" if conductances is not None else ""
    kind = "rows" if loaded.test.is_table else "images"
    typer.echo(f"test accuracy {percent(accuracy)} of {n:,} {kind}{under}{samples.mark}, {speed:,.0f} samples/s")
    names = output_names(loaded.class_names, network)
    by_class = ClassAccuracy.of_matrix(matrix, loaded.test.labels)
    typer.echo(class_summary(by_class, names))
    if len(names) <= _MAX_LISTED:
        console().print(class_table(matrix, names))
    if out is None:
        return
    with results_folder(out):
        with user_errors():
            settings = {**samples.settings, **model_settings(model, network)}
            if conductances is not None:
                settings |= {"conductances_sha256": file_digest(conductances)}
                settings |= {"constants": process_options.process_constants(chosen)}
            record = Record.of(ctx, out / "eval.json", settings | {"noise": noise or 0.0, "seed": seed or 0})
            record.say_replaced(*(out / name for name in CLASS_FILES))
        heading = f"{loaded.name}: test accuracy {percent(accuracy)}{under}{samples.mark}"
        files = write_classes(out, matrix, loaded.class_names, heading, record)
        with user_errors():
            record.write(files, CLASS_CAPTIONS, test_accuracy=accuracy, **class_facts(by_class, names))
    typer.echo(f"files  {out}: {', '.join([*CLASS_FILES, 'eval.json'])}")

"""``rcspike latency``: when networks answer, and how often correctly by then."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from rcspike import experiments, plots
from rcspike.cli import process_options, shared_options
from rcspike.cli.command_class import command
from rcspike.cli.console import console, percent
from rcspike.cli.model_samples import Samples, load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import MODEL, Record, load_network, model_settings
from rcspike.cli.user_errors import user_errors
from rcspike.datasets import data_name
from rcspike.network import Network
from rcspike.training import Latency, latency

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_FILES = ("latency.csv", "latency.svg", "latency.png")
_CAPTIONS = {
    "latency.csv": ("How it computes", "Accuracy of the answers that are taken at each time."),
    "latency.svg": ("How it computes", "When the network answers, and the accuracy of the answers by then."),
}
_STEPS = 100  # rows of the table for each network


@command(app, "latency", example="rcspike latency runs/single mnist --compare runs/two")
def latency_command(
    ctx: typer.Context,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    compare: Annotated[
        list[Path] | None,
        typer.Option(help="Other model to test on the same samples; repeatable.", show_default="none"),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(
            help="Process whose window T gives the times in seconds too.", metavar="NAME", show_default="none"
        ),
    ] = None,
    constant: process_options.Constants = None,
    noise: shared_options.Noise = None,
    seed: shared_options.NoiseSeed = None,
    threads: shared_options.Threads = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder for table, figure and record.", show_default="none")] = None,
) -> None:
    """Print when a network answers: median time, 95 % time, and spikes until the answer.

    A single-phase network answers with its first output spike, a two-phase network in its last firing phase.
    """
    with user_errors():
        if out is not None:
            plots.check_available()
        process_options.check_of_process(process, {"--constant": constant})
        window = None if process is None else process_options.chosen_process(process, constant or []).window
        paths = _names([model, *(compare or [])])
        networks = {name: load_network(path) for name, path in paths.items()}
        samples: dict[str, Samples] = {}
        text = dataset
        for name, path in paths.items():
            samples[name] = load_samples(path, text, data=data, allow_seen=allow_seen)
            text = samples[name].text  # all are tested on the split of the first
        options = shared_options.given(noise=noise, seed=seed, threads=threads)
        found = {name: latency(network, samples[name].data.test, **options) for name, network in networks.items()}
    marks = "".join(f"{one.mark} by {name}" for name, one in samples.items() if one.mark)
    console().print(_table(networks, found, window))
    if marks:
        typer.echo(marks[2:])
    if out is None:
        return
    with results_folder(out):
        with user_errors():
            first, *others = samples.values()
            models = [model_settings(path, networks[name]) for name, path in paths.items()]
            compared = [of_model | one.counted for of_model, one in zip(models[1:], others, strict=True)]
            settings: dict[str, Any] = {**first.settings, **models[0], "compare": compared}
            record = Record.of(ctx, out / "latency.json", settings | {"noise": noise or 0.0, "seed": seed or 0})
            record.say_replaced(*(out / name for name in _FILES))
        kinds = {name: (network.circuit, network.phases) for name, network in networks.items()}
        heading = f"{data_name(dataset)}: accuracy by the time at which the answer is taken{marks}"
        figure = plots.latency_figure(found, kinds, heading=heading)
        with user_errors():
            experiments.write_table(out / _FILES[0], _rows(found))
            plots.save_figure(figure, out / "latency", description=record.description)
            record.write([out / name for name in _FILES], _CAPTIONS)
    typer.echo(f"files  {out}: {', '.join([*_FILES, 'latency.json'])}")


def _names(paths: list[Path]) -> dict[str, Path]:
    """A name for each model: that of its folder, or of a file with another name than a run gives; else the path."""
    of_run = [path.parent if path.name == MODEL else path for path in paths]
    short = [path.stem if path.is_file() else path.resolve().name for path in of_run]
    names = dict(zip(short, paths, strict=True))
    return names if len(names) == len(paths) else {str(path): path for path in paths}


def _table(networks: dict[str, Network], found: dict[str, Latency], window: float | None) -> Table:
    table = Table("model", "phases", "accuracy", "median", "95 %", "spikes", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for name, one in found.items():
        median, late = (_time(one.quantile(share), window) for share in (0.5, 0.95))
        spikes = one.spikes.sum(axis=1).mean()
        table.add_row(name, networks[name].phases, percent(float(one.correct.mean())), median, late, f"{spikes:.0f}")
    return table


def _time(t: float, window: float | None) -> str:
    if not math.isfinite(t):
        return "never"
    return f"{t:.2f} T" if window is None else f"{t:.2f} T, {1e6 * window * t:.4g} µs"


def _rows(found: dict[str, Latency]) -> list[experiments.Row]:
    """Accuracy and fraction of answered samples at times until the last answer of all."""
    times = np.concatenate([one.times for one in found.values()])
    at = np.linspace(0, float(times[np.isfinite(times)].max(initial=1.0)), _STEPS + 1)
    return [
        {"model": name, "time_T": float(t), "answered": float((one.times <= t).mean()), "accuracy": float(accuracy)}
        for name, one in found.items()
        for t, accuracy in zip(at, one.accuracy(at), strict=True)
    ]

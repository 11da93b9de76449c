"""``rcspike report``: one HTML file for a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rcspike import report
from rcspike._common.readers import read_json
from rcspike.cli import shared_options
from rcspike.cli.command_class import command
from rcspike.cli.model_samples import load_samples
from rcspike.cli.result_record import MODEL, RUN, load_network
from rcspike.cli.user_errors import user_errors

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_IMAGES = 8  # in the interactive page


@command(app, "report", example="rcspike report runs/mnist")
def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder with the results of a command.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write.", show_default="report.html in the folder")
    ] = None,
    interactive: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE",
            help=f"Add this interactive page (docs/playground.md), with the network and {_IMAGES} test samples.",
            show_default=False,
        ),
    ] = None,
    data: shared_options.Data = None,
) -> None:
    """Write one HTML file with the figures, tables, commands, versions and seeds of a results folder."""
    with user_errors():
        typer.echo(
            report.write_report(folder, out, interactive=_page(interactive, folder, data) if interactive else None)
        )


def _page(page: Path, run: Path, data: Path | None) -> report.InteractivePage:
    """The interactive page of a run with the first samples of its test split."""
    network = load_network(run)
    if network.dtype != np.float32:
        raise ValueError(f"the interactive page computes in float32, and {run / MODEL} is in {network.dtype}")
    facts = read_json(run / RUN)
    if not isinstance(facts, dict) or not isinstance(facts.get("dataset"), str):
        raise ValueError(f"{run / RUN} does not name the data set whose samples the page shows")
    test = load_samples(run, facts["dataset"], data=data, allow_seen=True).data.test
    times, labels = test.times[:_IMAGES], test.labels[:_IMAGES]
    return report.interactive_page(page, run / MODEL, times, labels, title=run.resolve().name)

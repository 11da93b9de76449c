"""``rcspike report``: one HTML file for a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rcspike import report
from rcspike.cli.command_class import command
from rcspike.cli.user_errors import user_errors

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@command(app, "report", example="rcspike report runs/mnist")
def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder with the results of a command.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write.", show_default="report.html in the folder")
    ] = None,
) -> None:
    """Write one HTML file with the figures, tables, commands, versions and seeds of a results folder."""
    with user_errors():
        typer.echo(report.write_report(folder, out))

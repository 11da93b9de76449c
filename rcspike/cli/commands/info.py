"""``rcspike info``: versions and the machine, or the layers of a model."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rcspike._core import build_config
from rcspike.cli import process_options
from rcspike.cli.command_class import command
from rcspike.cli.layer_table import model_lines
from rcspike.cli.process_lines import process_lines
from rcspike.cli.result_record import load_network
from rcspike.cli.user_errors import user_errors
from rcspike.energy import operating_point

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@command(app, "info", example="RCSPIKE_ISA=scalar rcspike info")
def info_command(
    model: Annotated[Path | None, typer.Argument(help="Model file, or folder of a run.", show_default=False)] = None,
    process: Annotated[
        str | None,
        typer.Option(help="With a model: process in which its layers are also described.", metavar="NAME"),
    ] = None,
    hold: process_options.HoldOption = "rails",
    constant: process_options.Constants = None,
) -> None:
    """Print versions, compiler, instruction set and threads, for a bug report; or the layers of a model."""
    with user_errors():
        config = build_config()
        if model is not None:
            process_options.check_of_process(process, {"--constant": constant, "--hold threshold": hold != "rails"})
            network = load_network(model)
            lines = [*model_lines(network)]
            if process is not None:
                chosen = process_options.chosen_process(process, constant or [])
                point = operating_point(network.circuit, chosen, hold=hold)
                lines += "", *process_lines(network, point)
            for line in lines:
                typer.echo(line)
            return
    facts = {
        "rcspike": config["version"],
        "Python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": np.__version__,
        "compiler": config["compiler"],
        "instruction set": f"{config['isa']} (this machine has {', '.join(config['isas'])}; RCSPIKE_ISA forces one)",
        "threads": config["threads"],
    }
    for name, value in facts.items():
        typer.echo(f"{name:<15}  {value}")

"""The command line: a module for each command, the short ones here."""

from __future__ import annotations

import inspect
import platform
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rcspike import report
from rcspike._core import build_config
from rcspike.cli._chips import chips_command
from rcspike.cli._command import Command
from rcspike.cli._energy import energy_command
from rcspike.cli._eval import eval_command, predict_command
from rcspike.cli._info import model_lines
from rcspike.cli._latency import latency_command
from rcspike.cli._record import load_network
from rcspike.cli._report import user_errors
from rcspike.cli._spice import app as spice_app
from rcspike.cli._sweep import sweep_command
from rcspike.cli._trace import trace_command
from rcspike.cli._train import train_command

__all__ = ["app"]


def __dir__() -> list[str]:
    return __all__


app = typer.Typer(
    help="Train and simulate RC-Spike circuits, exactly within their model.",
    epilog="Example: rcspike train mnist --v-syn 1.0. For builds: --includes, --libs, --cmakedir, --pkgconfigdir.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", epilog="Example: rcspike train mnist --v-syn 1.0 --epochs 20 --out runs/mnist")(train_command)
app.command("sweep", epilog="Example: rcspike sweep mnist --v-syn 1,2,4,inf --seeds 3 --out runs/fig3")(sweep_command)
app.command("eval", epilog="Example: rcspike eval runs/mnist mnist --noise 0.01 --out runs/mnist/noisy")(eval_command)
app.command("predict", epilog="Example: rcspike predict runs/wine new-bottles.csv --out classes.csv")(predict_command)
app.command("chips", epilog="Example: rcspike chips runs/mnist mnist --nonideal typical --required-accuracy 0.97")(
    chips_command
)
app.command("energy", epilog="Example: rcspike energy runs/mnist mnist --constant v_logic=1.2")(energy_command)
app.command("latency", epilog="Example: rcspike latency runs/single mnist --compare runs/two")(latency_command)
app.command("trace", epilog="Example: rcspike trace runs/mnist mnist --image 8 --v-syn inf,4,1")(trace_command)

app.add_typer(spice_app, name="spice")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rcspike {build_config()['version']}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("report", epilog="Example: rcspike report runs/mnist")
def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder with the results of a command.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write.", show_default="report.html in the folder")
    ] = None,
) -> None:
    """Write one HTML file with the figures, tables, commands, versions and seeds of a results folder."""
    with user_errors():
        typer.echo(report.write_report(folder, out))


@app.command("info", epilog="Example: RCSPIKE_ISA=scalar rcspike info")
def info_command(
    model: Annotated[Path | None, typer.Argument(help="Model file, or folder of a run.", show_default=False)] = None,
) -> None:
    """Print versions, compiler, instruction set and threads, for a bug report; or the layers of a model."""
    with user_errors():
        config = build_config()
        if model is not None:
            for line in model_lines(load_network(model)):
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


def _without_line_breaks(text: str) -> str:
    """Paragraphs as one line each: typer would keep the line breaks of the source in all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


for _command in (*app.registered_commands, *spice_app.registered_commands):
    _command.cls = Command
    _command.help = _without_line_breaks((_command.callback and _command.callback.__doc__) or "")

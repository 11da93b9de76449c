"""The command line: its commands, each with its help."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from rcspike._core import build_config
from rcspike.cli.command_class import Command
from rcspike.cli.commands.chips import chips_command
from rcspike.cli.commands.energy import energy_command
from rcspike.cli.commands.eval import eval_command
from rcspike.cli.commands.info import info_command
from rcspike.cli.commands.latency import latency_command
from rcspike.cli.commands.predict import predict_command
from rcspike.cli.commands.report import report_command
from rcspike.cli.commands.spice import app as spice_app
from rcspike.cli.commands.sweep import sweep_command
from rcspike.cli.commands.trace import trace_command
from rcspike.cli.commands.train import train_command
from rcspike.cli.option_groups import ungrouped

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
app.command("report", epilog="Example: rcspike report runs/mnist")(report_command)
app.command("info", epilog="Example: RCSPIKE_ISA=scalar rcspike info")(info_command)

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


def _without_line_breaks(text: str) -> str:
    """Paragraphs as one line each: typer would keep the line breaks of the source in all but the first."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


for _command in (*app.registered_commands, *spice_app.registered_commands):
    assert _command.callback is not None
    _command.cls = Command
    _command.help = _without_line_breaks(_command.callback.__doc__ or "")
    _command.callback = ungrouped(_command.callback)

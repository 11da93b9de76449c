"""The command line: the list of its commands, each of which is a module in `commands/`."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

import rich  # noqa: F401  # commands and their help need it: without it, the program ends here and says so
import typer
from typer.core import TyperCommand
from typer.main import get_command

from rcspike._core import build_config

__all__ = ["app"]


def __dir__() -> list[str]:
    return __all__


class _Listed(TyperCommand):
    """A command in the list, of which only the name and a summary are known until it runs or shows its help."""

    @cached_property
    def loaded(self) -> Any:
        return get_command(import_module(f"rcspike.cli.commands.{self.name}").app)

    def make_context(self, *words: Any, **options: Any) -> Any:
        return self.loaded.make_context(*words, **options)


app = typer.Typer(
    help="Train and simulate RC-Spike circuits, exactly within their model.",
    epilog="Example: rcspike train mnist --v-syn 1.0. For builds: --includes, --libs, --cmakedir, --pkgconfigdir.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Each with the first paragraph of its help.
for _name, _summary in {
    "train": "Train a network on a data set.",
    "sweep": "Train over a grid of parameters, and compare the results.",
    "design": "Search the circuits that meet requirements at the least energy, area or errors, and measure the best of "
    "them.",
    "eval": "Print the accuracy of a trained model on the test samples of a data set, in total and by class.",
    "predict": "Classify new samples, and print a CSV table with the class of each.",
    "chips": "Make virtual chips of a trained model, and test each.",
    "conductances": "Write the conductances of all devices of a model in S, a line for each weight.",
    "energy": "Print the energy of an inference by part, for RC-Spike and for two conventional circuits.",
    "latency": "Print when a network answers: median time, 95 % time, and spikes until the answer.",
    "trace": "Draw the membrane voltages of one sample in the conventional circuit and in RC-Spike, "
    "with the same weights.",
    "report": "Write one HTML file with the figures, tables, commands, versions and seeds of a results folder.",
    "info": "Print versions, compiler, instruction set and threads, for a bug report; or the layers of a model.",
    "spice": "Write SPICE netlists of trained networks, and compare ngspice with the engine.",
}.items():
    app.command(_name, cls=_Listed, help=_summary)(lambda: None)


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

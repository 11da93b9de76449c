"""Options for the process of a circuit, shared by the commands that compute in volts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from rcspike._common.numbers import read_float
from rcspike.cli.console import console
from rcspike.cli.shared_options import given
from rcspike.cli.user_errors import user_errors
from rcspike.energy import Hold, Process, at_corner, load_process, process_names, process_text

__all__ = [
    "AsToml",
    "Celsius",
    "Clip",
    "Constants",
    "Corner",
    "HoldOption",
    "ProcessName",
    "ShowProcess",
    "at_chosen_corner",
    "check_of_process",
    "chosen_process",
    "process_constants",
]


def chosen_process(name: str, texts: Sequence[str]) -> Process:
    """The process of this name or file, with the constants that were given as NAME=VALUE."""
    process = load_process(name)
    values: dict[str, float] = {}
    for text in texts:
        constant, _, number = text.partition("=")
        process.constant(constant)
        if constant in values:
            raise ValueError(
                f"--constant {constant} is there twice, with {values[constant]:g} and {number}: give it once"
            )
        try:
            values[constant] = read_float(number)
        except ValueError:
            raise ValueError(f"--constant takes NAME=VALUE with a number in SI units, got {text!r}") from None
    return process.with_values(**values)


def check_of_process(process: str | None, options: Mapping[str, Any]) -> None:
    """Raise a ValueError if one of these options is given, and no process that it belongs to."""
    for option, value in options.items():
        if value and process is None:
            raise ValueError(f"{option} is of a process: add --process, such as --process sky130")


def at_chosen_corner(process: Process, corner: str | None, celsius: float | None) -> Process:
    """The process with the off current of its switches at another corner or temperature, if one is given."""
    if corner is None and celsius is None:
        return process
    return at_corner(process, **given(corner=corner, celsius=celsius))


def process_constants(process: Process) -> dict[str, Any]:
    """Name, selector and all values of a process, for a record."""
    values = {one.name: one.value for one in process.constants}
    return {"process": process.name, "selector": process.selector, "device": process.device, **values}


def _show(ctx: typer.Context, param: typer.CallbackParam, value: str | bool | None) -> None:
    """Print a process once both of the options that ask for it are known, in whatever order they were given."""
    options = ctx.meta.setdefault(__name__, {})
    options[param.name] = value
    if len(options) < 2 or options["show_process"] is None:
        return
    with user_errors():
        process = load_process(options["show_process"])
    if options["toml"]:
        typer.echo(process_text(process), nl=False)
        raise typer.Exit
    name = Column("constant", no_wrap=True, overflow="ignore")
    table = Table(name, "value", "low", "high", "unit", "inherited from", "source", box=None, pad_edge=False)
    for one in process.constants:
        ends = (f"{one.low:g}", f"{one.high:g}") if one.low < one.high else ("", "")
        table.add_row(one.name, f"{one.value:g}", *ends, one.unit, one.inherited_from, one.source)
    screen = console()
    screen.print(f"{process.name}: {process.description}")
    screen.print(f"synapses: {process.device}, with a {process.selector} in each cell")
    screen.print(table, markup=False)
    raise typer.Exit


ProcessName = Annotated[
    str, typer.Option(help=f"Process: {', '.join(process_names())}, or the path of a TOML file.", metavar="NAME")
]
ShowProcess = Annotated[
    str | None,
    typer.Option(
        "--show-process",
        callback=_show,
        is_eager=True,
        help="Print the constants of this process with their sources, and exit.",
        metavar="NAME",
        show_default=False,
    ),
]
AsToml = Annotated[
    bool,
    typer.Option(
        "--toml", callback=_show, is_eager=True, help="With --show-process, print it as a file that can be edited."
    ),
]
HoldOption = Annotated[
    Hold, typer.Option("--hold", help="Voltage that stays fixed while V_syn changes: the rails or the threshold.")
]
Corner = Annotated[
    str | None,
    typer.Option(
        help="Corner of the transistors, for the off current of the switches: tt, ss, ff, sf or fs.",
        show_default="the process'",
    ),
]
Celsius = Annotated[
    float | None,
    typer.Option(help="Temperature in degrees Celsius, for off current and noise.", show_default="the process'"),
]
Clip = Annotated[
    bool,
    typer.Option("--clip", help="Cut weights to those that the devices of the process can be made for."),
]
Constants = Annotated[
    list[str] | None,
    typer.Option(
        help="Constant of the process as NAME=VALUE, in SI units; --show-process lists them.", show_default=False
    ),
]

"""``rcspike conductances``: the devices of a trained model as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rcspike import plots
from rcspike.chips import network_conductances, write_conductances
from rcspike.cli import process_options, shared_options
from rcspike.cli.command_class import command
from rcspike.cli.process_lines import device_lines
from rcspike.cli.result_record import load_network
from rcspike.cli.user_errors import user_errors
from rcspike.energy import columns_of

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@command(app, "conductances", example="rcspike conductances runs/mnist --process sky130-poly --out g.csv")
def conductances_command(
    model: shared_options.Model,
    out: Annotated[Path, typer.Option(help="CSV file to write.", show_default=False)],
    process: process_options.ProcessName = "sky130",
    constant: process_options.Constants = None,
    levels: Annotated[
        int, typer.Option(help="Number of conductances that a device can have, evenly spaced; 0 is any.", min=0)
    ] = 0,
    figure: Annotated[
        Path | None,
        typer.Option(
            help="Figure of area and bodies of the resistors against C / T, without suffix.", show_default="none"
        ),
    ] = None,
    show_process: process_options.ShowProcess = None,
    toml: process_options.AsToml = False,
) -> None:
    """Write the conductances of all devices of a model in S, a line for each weight.

    Weights that the devices of the process cannot be made for have the nearest conductance, and are marked. Measured
    conductances in such a file become a chip: rcspike eval MODEL DATA --conductances FILE.
    """
    with user_errors():
        network = load_network(model)
        chosen = process_options.chosen_process(process, constant or [])
        layers = network_conductances(network, chosen, levels=levels)
        columns = [columns_of(layer) for layer in network.layers]
        drawn = None
        if figure is not None:
            plots.check_available()
            heading = f"{network.architecture}, {plots.circuit_name(network.circuit)}: {chosen.device}"
            drawn = plots.device_trade_figure(chosen, columns, heading=heading)
        write_conductances(layers, out)
        if drawn is not None and figure is not None:
            plots.save_figure(drawn, figure)
    typer.echo(f"synapses  {chosen.device}, process {chosen.name}")
    for line in device_lines(chosen, columns):
        typer.echo(line)
    n, n_clipped = sum(one.clipped.size for one in layers), sum(int(one.clipped.sum()) for one in layers)
    typer.echo(f"{n:,} weights, {n_clipped:,} clipped: {out}")

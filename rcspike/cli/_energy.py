"""``rcspike energy``: the energy of an inference, part by part, compared with a conventional circuit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

from rcspike import datasets, plots
from rcspike.circuit import Circuit
from rcspike.cli import _options
from rcspike.cli._folder import results_folder
from rcspike.cli._record import Record, load_network, model_settings
from rcspike.cli._report import console, user_errors
from rcspike.experiments import write_table
from rcspike.hardware import EnergyModel, PhysicalScale, activity, energy_parts, mean_energy, tops_per_watt
from rcspike.network import Network
from rcspike.training.evaluation import check_fit

__all__ = ["energy_command"]

_Parts = Mapping[str, npt.NDArray[np.float64]]


def energy_command(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model file, or the folder of a run.", show_default=False)],
    dataset: Annotated[_options.DatasetName, typer.Argument(help="Data set with the test images.", show_default=False)],
    constant: Annotated[
        list[str] | None,
        typer.Option(
            help="Constant of the circuit as NAME=VALUE, in SI units; see docs/energy.md.", show_default=False
        ),
    ] = None,
    noise: _options.Noise = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the noise.", min=0, show_default="0")] = None,
    threads: _options.Threads = None,
    data: _options.Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for table, figure and record.", show_default="the model's")
    ] = None,
) -> None:
    """Print the energy of an inference by part, for RC-Spike and for a conventional circuit.

    The parts are the synapses of each rail, axon lines, ramp, comparators and reset.

    The conventional circuit has the same spikes and charges, current sources instead of resistors, and op-amps, whose
    assumed current (opamp_current) is most of its energy.
    """
    screen = console()
    with user_errors():
        plots.check_available()
        constants = _constants(constant or [])
        network = load_network(model)
    folder = out or (model if model.is_dir() else model.parent)
    with results_folder(folder):
        with user_errors():
            settings: dict[str, Any] = {"dataset": dataset.value, **model_settings(model, network)}
            settings |= {"constants": constants, "noise": noise or 0.0, "seed": seed or 0}
            record = Record.of(ctx, folder / "energy.json", settings)
            files = [folder / f"energy.{suffix}" for suffix in ("csv", "svg", "png")]
            record.say_replaced(*files)
            split = datasets.load(dataset.value, directory=data).test
            check_fit(network, split)
            times = split.times
            done = activity(network, times, noise=noise or 0.0, seed=seed or 0, threads=threads)
        circuits = {"RC-Spike": energy_parts(done, network.circuit, constants)} if _has_rails(network.circuit) else {}
        circuits["conventional"] = energy_parts(done, Circuit.conventional(), constants)
        sizes = "-".join(map(str, network.sizes))
        heading = f"{sizes} on {dataset.value}, circuit {network.circuit.label}, mean of {len(times):,} images"
        figure = plots.energy_figure(circuits, heading=heading)
        with user_errors():
            write_table(folder / "energy.csv", _rows(circuits))
            plots.save_figure(figure, folder / "energy", description=record.description)
            record.write(files)
    screen.print(heading)
    screen.print(_table(circuits))
    for line in _summary(circuits, network, constants):
        screen.print(line)
    screen.print(f"files        {folder}: energy.csv, energy.svg, energy.png, energy.json")


def _constants(texts: Sequence[str]) -> EnergyModel:
    known = {f.name for f in fields(EnergyModel)} - {"scale"}
    of_scale = {f.name for f in fields(PhysicalScale)}
    values: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in known | of_scale:
            raise ValueError(f"no constant is called {name!r}: there are {', '.join(sorted(known | of_scale))}")
        if name in values:
            raise ValueError(f"--constant {name} is there twice, with {values[name]:g} and {number}: give it once")
        try:
            values[name] = float(number)
        except ValueError:
            raise ValueError(f"--constant takes NAME=VALUE with a number in SI units, got {text!r}") from None
    scale = PhysicalScale(**{name: values.pop(name) for name in of_scale & set(values)})
    return EnergyModel(scale=scale, **values)


def _has_rails(circuit: Circuit) -> bool:
    return math.isfinite(circuit.e_plus) or math.isfinite(circuit.e_minus)


def _mean(parts: _Parts) -> dict[str, npt.NDArray[np.float64]]:
    """Of the samples, in pJ: (n_layers,)."""
    return {part: 1e12 * joules.mean(axis=0) for part, joules in parts.items()}


def _rows(circuits: Mapping[str, _Parts]) -> list[dict[str, Any]]:
    return [
        {"circuit": circuit, "layer": layer, "part": part, "pJ": float(pj)}
        for circuit, parts in circuits.items()
        for part, layers in _mean(parts).items()
        for layer, pj in enumerate(layers, start=1)
    ]


def _table(circuits: Mapping[str, _Parts]) -> Table:
    """Layer by layer for the first circuit, and all layers of each."""
    means = [_mean(parts) for parts in circuits.values()]
    first = {part: [*layers, *(mean[part].sum() for mean in means)] for part, layers in means[0].items()}
    n_layers = len(next(iter(means[0].values())))
    table = Table("pJ", *(f"layer {layer}" for layer in range(1, n_layers + 1)), *circuits, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for part, numbers in (first | {"all": np.sum(list(first.values()), axis=0)}).items():
        table.add_row(part, *(f"{number:.2f}" for number in numbers))
    return table


def _summary(circuits: Mapping[str, _Parts], network: Network, constants: EnergyModel) -> Iterator[str]:
    joules = {name: mean_energy(parts) for name, parts in circuits.items()}

    def each(text: Callable[[float], str]) -> str:
        return ", ".join(f"{name} {text(value)}" for name, value in joules.items())

    yield f"energy       {each(lambda j: f'{1e12 * j:.1f} pJ')} an inference"
    yield f"power        {each(lambda j: f'{1e6 * j / constants.period:.1f} µW')}, at {1e-3 / constants.period:.1f} kHz"
    yield f"efficiency   {each(lambda j: f'{tops_per_watt(j, network.sizes):.0f} TOPS/W')}, at two operations a synapse"
    yield f"noise floor  sigma_t = {constants.spike_time_noise:.5f} T, of kT/C and comparator"

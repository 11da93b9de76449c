"""``rcspike chips``: accuracy over virtual chips."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Column, Table

from rcspike import plots
from rcspike._common.numbers import read_float
from rcspike.chips import (
    Devices,
    Effect,
    preset_names,
    preset_text,
)
from rcspike.chips import load as load_devices
from rcspike.cli import process_options, shared_options
from rcspike.cli.command_class import command
from rcspike.cli.console import bars, console, percent
from rcspike.cli.model_samples import load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.process_lines import load_lines
from rcspike.cli.result_record import PLACES, Record, command_words, load_network, model_settings
from rcspike.cli.user_errors import user_errors
from rcspike.energy import OperatingPoint, clipped, operating_point
from rcspike.experiments import Case, Sample, chip_seeds, run_cases, single_effect_cases, sweep_cases, write_table
from rcspike.experiments.process_networks import chips_of_process
from rcspike.network import Network
from rcspike.training import evaluate

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_CAPTIONS = {
    "chips.svg": ("Devices", "The accuracy of virtual chips, whose devices and neurons are drawn at random."),
    "table.csv": ("Devices", "Mean and quantiles over the chips of each case."),
    "chips.csv": ("Devices", "Each chip."),
}
_CURVES = "The accuracy of virtual chips against {}, with the other effects unchanged."


def _show(name: str | None) -> None:
    if name is None:
        return
    with user_errors():
        typer.echo(preset_text(name), nl=False)
    raise typer.Exit


@command(app, "chips", example="rcspike chips runs/mnist mnist --nonideal typical --required-accuracy 0.97")
def chips_command(
    ctx: typer.Context,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    nonideal_file: Annotated[Path, shared_options.nonideal_option("Devices and effects")],
    chips: Annotated[int, typer.Option(help="Number of chips for each case.", min=1)] = 100,
    required_accuracy: Annotated[
        float | None,
        typer.Option(
            help="Accuracy in [0, 1] that a chip needs to count in the yield.", min=0, max=1, show_default=False
        ),
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Also test each effect by itself, and rank the effects by their loss.")
    ] = False,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            help="Values of an effect to test: EFFECT=SIZE,SIZE or EFFECT.PARAMETER=VALUE,VALUE; repeatable.",
            show_default=False,
        ),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(
            help="Process whose devices the chips have: their range, unless the file has one, and their mismatch.",
            metavar="NAME",
            show_default="the devices of the file, on the capacitors of sky130",
        ),
    ] = None,
    hold: process_options.HoldOption = "rails",
    constant: process_options.Constants = None,
    clip: process_options.Clip = False,
    corner: process_options.Corner = None,
    celsius: process_options.Celsius = None,
    seed: Annotated[int, typer.Option(help="Seed of all chips.", min=0)] = 0,
    workers: shared_options.Workers = None,
    dask: shared_options.Dask = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    show: Annotated[
        str | None,
        typer.Option(
            "--show",
            callback=_show,
            is_eager=True,
            help=f"Print a device file with its sources, and exit: {', '.join(preset_names())}.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all results.", show_default="chips-<file> next to the model")
    ] = None,
) -> None:
    """Make virtual chips of a trained model, and test each.

    Every finished case is stored at once. After Ctrl-C or a crash, the same command resumes.
    """
    screen = console()
    folder = out or (model if model.is_dir() else model.parent) / f"chips-{nonideal_file.stem}"
    with user_errors():
        plots.check_available()
        network = load_network(model)
        effects, devices = load_devices(nonideal_file)
        if process is None and (corner or celsius is not None):
            raise ValueError("--corner and --celsius are of a process: add --process, such as --process sky130-poly")
        chosen = process_options.chosen_process(process or "sky130", constant or [])
        chosen = process_options.at_chosen_corner(chosen, corner, celsius)
        point = operating_point(network.circuit, chosen, hold=hold)
        ideal_network = network
        if clip:
            network = clipped(network, chosen)
        if process is not None:
            effects, devices = chips_of_process(point, network, effects, devices)
        single = single_effect_cases(effects, devices) if sensitivity else []
        sizes = [case for text in sweep or [] for case in _sweep_cases(text, effects, devices)]
        swept = {case.varied[0]: f"chips-{case.varied[0].replace(' ', '-')}" for case in sizes if case.varied}
        cases = [Case("all effects", effects, devices), *single, *sizes]
    with results_folder(folder, "cases"):
        with user_errors():
            samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
            settings: dict[str, Any] = {**samples.settings, **model_settings(model, network)}
            settings |= {"chips": chips, "seed": seed, "required_accuracy": required_accuracy}
            settings |= {"constants": process_options.process_constants(chosen), "hold": hold, "clip": clip}
            settings |= {"sensitivity": sensitivity, "sweep": sweep or [], "devices": devices}
            settings |= {"effects": [effect.name for effect in effects], **{e.name: e for e in effects}}
            record = Record.of(ctx, folder / "chips.json", settings, without=PLACES)
            files = [folder / name for name in ("table.csv", "chips.csv")]
            files += [folder / f"{stem}.{kind}" for stem in ("chips", *swept.values()) for kind in ("svg", "png")]
            record.say_replaced(*files)
            ideal = evaluate(ideal_network, samples.data.test)
            for line in _ranges(network, devices, point):
                screen.print(line)
            with bars(screen) as bar:
                task = bar.add_task("chips", total=len(cases) * chips)
                try:
                    studied = run_cases(
                        network,
                        samples.text,
                        cases,
                        chips=chips,
                        seed=seed,
                        folder=folder,
                        workers=workers,
                        dask=dask,
                        data=data,
                        inputs=None if samples.run is None else samples.run.inputs,
                        progress=lambda n: bar.advance(task, n),
                    )
                except KeyboardInterrupt:
                    again = shlex.join(command_words(ctx))
                    typer.echo(
                        f"stopped after {bar.tasks[0].completed:.0f} of {len(cases) * chips} chips; finished cases are "
                        f"kept, resume with: {again}",
                        err=True,
                    )
                    raise typer.Exit(130) from None
        ranked = sorted(studied[1 : 1 + len(single)], key=lambda sample: sample.mean)  # the most harmful effect first
        studied = [studied[0], *ranked, *studied[1 + len(single) :]]
        shown: dict[str, Any] = {"ideal": ideal, "circuit": network.circuit, "required": required_accuracy}
        shown |= {"note": samples.mark}
        figures = {"chips": plots.chips_figure(studied[: 1 + len(single)], **shown)}
        for name, stem in swept.items():
            of_name = [sample for sample in studied if sample.case.varied and sample.case.varied[0] == name]
            figures[stem] = plots.chip_curves_figure(of_name, **shown)
        with user_errors():
            write_table(folder / "table.csv", [_row(sample, ideal, required_accuracy) for sample in studied])
            write_table(folder / "chips.csv", _chip_rows(studied, chip_seeds(seed, chips)))
            for stem, figure in figures.items():
                plots.save_figure(figure, folder / stem, description=record.description)
            curves = {f"{stem}.svg": ("Devices", _CURVES.format(name)) for name, stem in swept.items()}
            record.write(files, _CAPTIONS | curves, ideal_accuracy=ideal)
    screen.print(f"without effects {percent(ideal)}{samples.mark}; {chips} chips of each case:")
    screen.print(_table(studied, ideal, required_accuracy))
    first = _row(studied[0], ideal, required_accuracy)
    screen.print(
        f"{studied[0].case.name}: balanced accuracy {first['balanced']:.2f} %, worst class of each chip "
        f"{first['worst_class']:.2f} %, in the mean"
    )
    if once := [sample.case.name for sample in studied if not sample.is_random]:
        screen.print(f"tested once, since nothing in them is random: {', '.join(once)}")
    screen.print(f"files  {folder}: {', '.join([*(file.name for file in files), 'chips.json'])}")


def _sweep_cases(text: str, effects: Sequence[Effect], devices: Devices) -> list[Case]:
    name, equals, values = text.partition("=")
    effect, _, parameter = name.partition(".")
    try:
        sizes = [read_float(value) for value in values.split(",")]
    except ValueError:
        sizes = []
    if not equals or not sizes:
        raise ValueError(f"--sweep takes EFFECT=SIZE,SIZE or EFFECT.PARAMETER=VALUE,VALUE, got {text!r}")
    return sweep_cases(effects, devices, effect, sizes, parameter=parameter or None)


def _ranges(network: Network, devices: Devices, point: OperatingPoint) -> list[str]:
    """The devices, and the range of conductances that those of each layer must cover, on its capacitors."""
    circuit, lines = network.circuit, [f"synapses {point.process.device}, process {point.process.name}"]
    for depth, ideal in enumerate(network.layers):
        layer = devices.program(ideal, depth=depth)
        n_rows, n_columns = layer.plus.shape
        scale, rail = point.scale(n_rows), min(circuit.e_plus, -circuit.e_minus)
        g_min, g_max = (1e9 * scale.siemens(g / rail) for g in (layer.g_min, layer.g_max))
        where = f"{1e12 * scale.capacitance:.3g} pF and {1e6 * scale.window:g} µs"
        lines.append(f"layer {depth + 1}  {n_rows} x {n_columns}: g from {g_min:.3g} to {g_max:.3g} nS at {where}")
    return [*(lines if np.isfinite(rail) else []), *load_lines(network, point)]


def _row(sample: Sample, ideal: float, required: float | None) -> dict[str, Any]:
    """A line of the table, in per cent."""
    row: dict[str, Any] = {"case": sample.case.name, "chips": len(sample.accuracies), "ideal": 100 * ideal}
    row |= {"mean": 100 * sample.mean, "std": 100 * sample.std}
    row |= {"balanced": 100 * float(np.mean(sample.balanced)), "worst_class": 100 * float(np.mean(sample.worst))}
    row |= {f"q{round(100 * q):02d}": 100 * sample.quantile(q) for q in (0.0, 0.05, 0.5, 0.95, 1.0)}
    return row | ({} if required is None else {"required": 100 * required, "yield": 100 * sample.share_above(required)})


def _chip_rows(samples: Sequence[Sample], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """A line for each chip, its accuracy in per cent."""
    return [
        {
            "case": sample.case.name,
            "chip": i,
            "seed": seed,
            "accuracy": 100 * accuracy,
            "balanced": 100 * balanced,
            "worst_class": 100 * worst,
        }
        for sample in samples
        for i, (seed, accuracy, balanced, worst) in enumerate(
            zip(seeds, sample.accuracies, sample.balanced, sample.worst, strict=True)
        )
    ]


def _table(samples: Sequence[Sample], ideal: float, required: float | None) -> Table:
    wanted = [] if required is None else [f"yield at {100 * required:g} %"]
    table = Table(
        Column(no_wrap=True), "mean / %", "loss", "std", "5 %", "median", "95 %", *wanted, box=None, pad_edge=False
    )
    for sample in samples:
        numbers = [sample.mean, ideal - sample.mean, sample.std, *(sample.quantile(q) for q in (0.05, 0.5, 0.95))]
        share = [] if required is None else [f"{100 * sample.share_above(required):.0f} %"]
        table.add_row(sample.case.name, *[f"{100 * number:.2f}" for number in numbers], *share)
    return table

"""``rcspike design``: from a requirement to a circuit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import field, make_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from rcspike import datasets, plots, report
from rcspike.cli import process_options, shared_options
from rcspike.cli.command_class import command
from rcspike.cli.console import bars, console, percent
from rcspike.cli.option_files import from_files
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import PLACES, Caption, Record, command_words
from rcspike.cli.user_errors import user_errors
from rcspike.datasets import data_name, data_names
from rcspike.energy import process_names
from rcspike.experiments import write_table
from rcspike.experiments.design_circuits import Designs, MeasuredDesign, check_architectures, design
from rcspike.experiments.design_files import COMMANDS, MODEL, SHEET, design_folder
from rcspike.experiments.design_margins import design_margins
from rcspike.experiments.design_search import Trial, trial_seconds
from rcspike.experiments.design_specification import OBJECTIVES, USUAL_OBJECTIVES, Range, Specification
from rcspike.experiments.designed_circuit import Design
from rcspike.network import Network

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_PROCESS, _MINUTES = "sky130-poly", 120.0
_CHIPS, _SEEDS = 100, 2
_NOT_RESULT = (*PLACES, "minutes", "trials")
_FREE = {
    "v_syn": "Rails in V_th.",
    "hidden": "Hidden layers: such as 50,100-50 for one or two, or 50..200 neurons in one.",
    "threshold": "Highest threshold in V from the resting voltage.",
    "rail": "Rails of the synapses in V from the resting voltage, with --hold rails.",
    "capacitance": "Capacitor of each neuron in F.",
    "window": "Duration of a phase in s.",
    "min_conductance": "Least conductance of a device in S.",
    "max_conductance": "Largest conductance of a device in S.",
    "bits": "Bits of a device's levels; 0 is any conductance.",
    "resistor_width": "Width of the resistors over that of the process: mismatch against area.",
    "comparator_size": "Size of the comparators over that of the process: offset against energy and area.",
    "energy_penalty": "Weight of a sample's synapse energy in the training, with ideal devices.",
}
_DEFAULTS = {"v_syn": "1", "hidden": shared_options.default_for("hidden"), "bits": "0",
             "resistor_width": "1", "comparator_size": "1", "energy_penalty": "0"}  # fmt: skip
_Free: Any = make_dataclass(
    "Free",
    [
        (
            name,
            Annotated[
                str | None,
                typer.Option(help=text, metavar="VALUES", show_default=_DEFAULTS.get(name, "the process'")),
            ],
            field(default=None),
        )
        for name, text in _FREE.items()
    ],
)
_CAPTIONS: dict[str, Caption] = {
    "front.svg": ("Result", "All designs that were tried, and the front as measured on fresh seeds."),
    "front.csv": ("Result", "The designs of the front, as measured."),
    "designs.csv": ("Result", "All designs that were tried."),
    "importance.csv": ("Result", "How much of the variation of each objective each free parameter explains."),
}


def _example(wanted: bool) -> None:
    if wanted:
        typer.echo(files("rcspike.experiments").joinpath("design_example.toml").read_text(encoding="utf-8"), nl=False)
        raise typer.Exit


@command(app, "design", example="rcspike design --example > spec.toml; rcspike design spec.toml --show")
def design_command(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="SPEC",
            callback=from_files,
            is_eager=True,
            help="TOML file with the options below by name, or the record of an earlier run (design.json).",
            show_default=False,
        ),
    ] = None,
    *,
    dataset: Annotated[
        str | None,
        typer.Option(
            help=f"Data set: {', '.join(data_names())}, or the path of your own data.",
            metavar="DATASET",
            show_default=False,
        ),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(help="Fraction of new samples that a chip must classify correctly.", show_default=False),
    ] = None,
    chip_yield: Annotated[
        float, typer.Option("--yield", help="Fraction of the chips that must have this accuracy.")
    ] = 0.95,
    confidence: Annotated[float, typer.Option(help="Probability with which a design that is accepted does so.")] = 0.95,
    area_mm2: Annotated[float | None, typer.Option(help="Largest area in mm2.", show_default="any")] = None,
    latency_us: Annotated[float | None, typer.Option(help="Longest inference in µs.", show_default="any")] = None,
    rate_khz: Annotated[
        float | None, typer.Option(help="Fewest inferences in a millisecond.", show_default="any")
    ] = None,
    supply_v: Annotated[float | None, typer.Option(help="Highest supply in V.", show_default="any")] = None,
    corner: Annotated[
        list[str] | None,
        typer.Option(
            help="Corner and temperature of chips, such as 'fs 85'; repeatable. The search has the first one only.",
            show_default="tt 27",
        ),
    ] = None,
    minimise: Annotated[
        list[str] | None,
        typer.Option(help=f"What is minimised: {', '.join(OBJECTIVES)}; repeatable.", show_default="energy and area"),
    ] = None,
    free: Annotated[Any, _Free],
    process: Annotated[
        str, typer.Option(help=f"Process: {', '.join(process_names())}, or the path of a TOML file.", metavar="NAME")
    ] = _PROCESS,
    constant: process_options.Constants = None,
    hold: process_options.HoldOption = "rails",
    epochs: Annotated[int | None, shared_options.learning("epochs", "Epochs of a full training.")] = None,
    chips: Annotated[int, typer.Option(help="Chips of each measured design.", min=2)] = _CHIPS,
    seeds: Annotated[int, typer.Option(help="Trainings of each measured design.", min=1)] = _SEEDS,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    minutes: Annotated[
        float, typer.Option(help="Time of the search; the measurement of its front comes on top of it.", min=0)
    ] = _MINUTES,
    trials: Annotated[int | None, typer.Option(help="Largest number of trials.", min=1, show_default="any")] = None,
    workers: shared_options.Workers = None,
    dask: shared_options.Dask = None,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all results.", show_default="runs/design-<dataset>")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Say what would be done and what a trial costs, and exit.")
    ] = False,
    sheet: Annotated[
        int | None,
        typer.Option(
            help="Write the data sheet of this measured design with its margins, and search no further.",
            metavar="DESIGN",
            show_default=False,
        ),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", callback=_example, is_eager=True, help="Print a commented SPEC, and exit.")
    ] = False,
) -> None:
    """Search the circuits that meet requirements at the least energy, area or errors, and measure the best of them.

    A free parameter takes a range, such as 0.8..2, or values, such as 1,2,4; what is not free has one value.

    The search trains designs for a short time first, and those that may do better than the others in full. The designs
    of its front are then trained again on fresh seeds and tested on the test samples: those that fail leave the front.

    Every trial is stored as it ends. Ctrl-C or a crash loses only the unfinished ones; the same command then resumes.
    """
    screen = console()
    with user_errors():
        plots.check_available()
        missing = [f"--{name}" for name, x in (("dataset", dataset), ("accuracy", accuracy)) if x is None]
        if missing or dataset is None or accuracy is None:
            raise ValueError(f"{' and '.join(missing)} missing: give a SPEC (rcspike design --example), or the options")
        limits = shared_options.given(area_mm2=area_mm2, latency_us=latency_us, rate_khz=rate_khz, supply_v=supply_v)
        chosen: Any = [part for text in minimise or USUAL_OBJECTIVES for part in text.split(",")]
        spec = Specification(
            dataset=dataset,
            accuracy=accuracy,
            chip_yield=chip_yield,
            confidence=confidence,
            process=process_options.chosen_process(process, constant or []),
            hold=hold,
            corners=tuple(corner or ("tt 27",)),
            minimise=tuple(chosen),
            free=shared_options.given(**vars(free)),
            epochs=epochs,
            chips=chips,
            seeds=seeds,
            seed=seed,
            **limits,
        )
        folder = out or Path("runs", f"design-{data_name(dataset)}")
        if show:
            check_architectures(spec, data)
            for line in _plan(spec, minutes, trials, workers, data):
                screen.print(line)
            return
        record = Record.of(ctx, folder / "design.json", spec.identity, without=_NOT_RESULT)
    with results_folder(folder):
        with user_errors():
            record.say_replaced(folder / "designs.csv", folder / "front.csv")
        for line in _requirements(spec):
            screen.print(line)
        stopped = False
        found: Designs | None = None
        try:
            with user_errors(), bars(screen) as bar:
                task = bar.add_task("designs", total=trials)

                def report(one: Trial | MeasuredDesign) -> None:
                    bar.advance(task, isinstance(one, Trial))
                    screen.print(_line(spec, one))

                if sheet is not None:
                    minutes = 0.0
                found = design(
                    spec, folder, minutes=minutes, trials=trials, workers=workers, dask=dask, data=data, progress=report
                )
        except KeyboardInterrupt:
            stopped = True
        if found is not None and sheet is not None:
            with user_errors():
                path = _write_sheet(folder, spec, _measured(found, sheet), data, with_margins=True)
            screen.print(f"sheet   {path}")
            return
        again = shlex.join(command_words(ctx))
        if stopped or found is None:
            typer.echo(f"stopped; all trials that have ended are kept, resume with: {again}", err=True)
            raise typer.Exit(130)
        _finish(record, found, data)


def _finish(record: Record, found: Designs, data: Path | None) -> None:
    """Write tables and figure, and print the front, or the nearest design."""
    folder, spec = record.path.parent, found.spec
    rows = found.table
    front = {one.number: one for one in found.front}
    of_front = [row for row in rows if row.get("front")]
    tables = {"designs.csv": rows, "front.csv": of_front, "importance.csv": found.importances}
    names = [name for name, lines in tables.items() if lines]
    with user_errors():
        for name in names:
            write_table(folder / name, tables[name])
        for one in found.front:
            _write_sheet(folder, spec, one, data)
        drawn = plots.save_figure(plots.design_front_figure(found), folder / "front", description=record.description)
        paths = [folder / name for name in names] + [*drawn]
        record.write(paths, _CAPTIONS, tried=len(found.trials), front=sorted(front), nearest=found.nearest)
    screen = console()
    if front:
        screen.print(_table(spec, found))
        for number in front:
            place = design_folder(folder, number)
            screen.print(f"design {number}  sheet {place / SHEET}; again, bit for bit: sh {place / COMMANDS}")
    screen.print(f"files   {folder}: {', '.join([*names, 'front.svg', 'design.json'])}")
    if not front:
        typer.echo(found.nearest, err=True)
        raise typer.Exit(1)


def _measured(found: Designs, number: int) -> MeasuredDesign:
    for one in (*found.front, *found.failed):
        if one.number == number:
            return one
    known = ", ".join(str(one.number) for one in (*found.front, *found.failed)) or "none"
    raise ValueError(f"design {number} was not measured: there are {known}")


def _write_sheet(
    folder: Path, spec: Specification, one: MeasuredDesign, data: Path | None, *, with_margins: bool = False
) -> Path:
    place = design_folder(folder, one.number)
    network, test = Network.load(place / MODEL), datasets.load(spec.dataset, directory=data).test
    margins = design_margins(spec, one.design, network, test) if with_margins else []
    return report.write_sheet(place / SHEET, spec, one, network, test.times, margins=margins)


def _requirements(spec: Specification) -> Iterator[str]:
    least = f"{100 * spec.accuracy:g} % accuracy on {100 * spec.chip_yield:g} % of the chips"
    yield f"required   {least}, with a confidence of {100 * spec.confidence:g} %, at {', '.join(spec.corners)} °C"
    units = {"area_mm2": "mm2", "latency_us": "µs", "supply_v": "V", "rate_khz": "kHz"}
    for name, unit in units.items():
        limit, word = getattr(spec, name), "at least" if name == "rate_khz" else "at most"
        if 0 < limit < float("inf"):
            yield f"           {name.rsplit('_', 1)[0]} {word} {limit:g} {unit}"
    yield f"minimised  {' and '.join(spec.minimise)}, process {spec.process.name}, {spec.process.device}"
    for name, choice in spec.choices.items():
        if isinstance(choice, Range):
            text, is_free = f"{choice.low:g} to {choice.high:g}", True
        else:
            text, is_free = " or ".join(map(str, choice)), len(choice) > 1
        yield f"{'free' if is_free else 'fixed':<10} {name.replace('_', ' ')} {text}"


def _plan(
    spec: Specification, minutes: float, trials: int | None, workers: int | None, data: Path | None
) -> Iterator[str]:
    """What a search does, and what a trial costs on this machine."""
    yield from _requirements(spec)
    usual = Design.__dataclass_fields__
    fixed = {name: getattr(spec.design({}), name) for name in usual if name not in spec.choices}
    values = ", ".join(f"{name.replace('_', ' ')} {x}" for name, x in fixed.items() if x is not None)
    yield f"as usual   {values}; what is not named is that of the process"
    short, full = trial_seconds(spec, data=data)
    yield f"a trial    {short:.0f} s on one core for a short training, {full:.0f} s more for a full one"
    yield f"measured   {spec.seeds} trainings of each design of the front, with {spec.chips} chips at each corner"
    n = f", and at most {trials} trials" if trials else ""
    low, high = (60 * minutes / seconds for seconds in (short + full, short))
    yield f"search     {minutes:g} min{n}: {low:.0f} to {high:.0f} trials for each core"


def _line(spec: Specification, one: Trial | MeasuredDesign) -> str:
    if isinstance(one, MeasuredDesign):
        worst, short = one.worst(spec), one.shortfalls(spec)
        state = "measured" if max(short.values()) <= 0 else "fails as measured"
        return f"{one.number:>5}  {state}: {_numbers(spec, worst)}"
    values = ", ".join(f"{name.replace('_', ' ')} {getattr(one.design, name)}" for name in spec.choices)
    if one.measured is None:
        return f"{one.number:>5}  left: {one.note}; {values}"
    state = f"left: {one.note}" if one.state == "pruned" else "meets all" if one.is_feasible else "misses"
    return f"{one.number:>5}  {state}; {_numbers(spec, one.measured)}; {values}"


def _numbers(spec: Specification, measured: Any) -> str:
    low, _ = measured.accuracy_limits(spec)
    return f"accuracy {percent(low)} at least, {measured.energy_pj:.4g} pJ, {measured.area_mm2:.3g} mm2"


def _table(spec: Specification, found: Designs) -> Table:
    names = [name for name, choice in spec.choices.items() if isinstance(choice, Range) or len(choice) > 1]
    heads = [
        "design",
        *(name.replace("_", " ") for name in names),
        "accuracy at least",
        "yield",
        "energy / pJ",
        "area / mm2",
    ]
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")  # all digits, in any width
    for one in found.front:
        worst = one.worst(spec)
        shares = [sum(a >= spec.accuracy for a in chips) / len(chips) for chips in worst.accuracies.values()]
        values = [str(getattr(one.design, name)) for name in names]
        table.add_row(
            str(one.number), *values, percent(worst.accuracy_limits(spec)[0]), f"{100 * min(shares):.0f} %",
            f"{worst.energy_pj:.4g}", f"{worst.area_mm2:.3g}",
        )  # fmt: skip
    return table

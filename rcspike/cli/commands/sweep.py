"""``rcspike sweep``: accuracy over a grid of circuits, networks and settings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from rcspike import plots
from rcspike._common.numbers import read_float, read_int
from rcspike.cli import shared_options, training_options
from rcspike.cli.command_class import command
from rcspike.cli.console import bars, console, percent
from rcspike.cli.option_files import Config
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import PLACES, Caption, Record, command_words
from rcspike.cli.shared_options import default_for, training_settings
from rcspike.cli.sweep_choice import choice_lines
from rcspike.cli.user_errors import user_errors
from rcspike.cli.volts_options import VoltsOptions, volts_settings
from rcspike.datasets import data_digests, data_name
from rcspike.experiments import (
    V_SYN,
    Row,
    Run,
    experiment_name,
    grid,
    parameter_names,
    preset,
    run_rows,
    run_sweep,
    stored_runs,
    summary_rows,
    train_defaults,
    write_table,
)
from rcspike.neurons import DEFAULT, unless_default

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["app"]

app = typer.Typer(add_completion=False)

_V_SYN = ",".join(f"{v:g}" for v in V_SYN)
_OPTIONS = {"dataset": "the argument", "v_syn": "--v-syn", "seed": "--seeds", "hidden": "--hidden", "noise": "--noise"}
_OPTIONS |= {"nonideal": "--nonideal", "architecture": "--architecture", "phases": "a sweep for each --phases"}

# Columns of the table in the terminal, if there are such results.
_MEASURED = {
    "test": "test accuracy / %",
    "balanced": "balanced / %",
    "worst_class": "worst class / %",
    "validation": "validation accuracy / %",
    "chip": "accuracy on chips / %",
    "energy_pj": "energy / pJ",
}


@command(app, "sweep", example="rcspike sweep mnist --v-syn 1,2,4,inf --seeds 3 --out runs/fig3")
def sweep_command(
    ctx: typer.Context,
    *,
    dataset: Annotated[list[str], shared_options.dataset_argument("Data sets to train on")],
    v_syn: Annotated[
        str | None,
        typer.Option(
            help="Voltages of both synapse rails in V_th; inf is the conventional circuit.",
            show_default=f"{_V_SYN}; those above 1 for single-phase neurons",
        ),
    ] = None,
    phases: shared_options.Phases = DEFAULT,
    seeds: Annotated[int, typer.Option(help="Number of seeds: 0, 1, 2 and so on.", min=1)] = 3,
    hidden: Annotated[
        list[str] | None,
        typer.Option(
            help="Sizes of the hidden layers; the option is repeated for each architecture.",
            show_default=default_for("hidden"),
        ),
    ] = None,
    architecture: Annotated[
        list[str] | None,
        typer.Option(
            help="Hidden layers of a convolutional network, as conv16-pool-128, in place of --hidden; repeatable.",
            show_default=False,
        ),
    ] = None,
    noise: Annotated[str | None, shared_options.NOISE] = None,
    several: Annotated[Any, training_options.SEVERAL],
    nonideal: Annotated[
        list[str] | None,
        typer.Option(
            help="Device file to train for and to test on: a path, the name of a preset, or none; repeatable.",
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Other parameter of the circuit or the training, as NAME=VALUE,VALUE; repeatable.", show_default=False
        ),
    ] = None,
    relu: Annotated[bool, typer.Option(help="Also train a ReLU network of the same size, if it is dense.")] = True,
    transfer: Annotated[
        bool, typer.Option("--transfer", help="Also run weights trained at V_syn 100 on each circuit, rescaled.")
    ] = False,
    volts_options: VoltsOptions,
    workers: shared_options.Workers = None,
    dask: shared_options.Dask = None,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all results.", show_default="runs/sweep-<datasets>")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run again the runs that failed.")] = False,
    config: Config = None,
) -> None:
    """Train over a grid of parameters, and compare the results.

    Options of the training and the circuit take one value, or several separated by commas, each of which is tried.

    Every finished run is stored at once. Ctrl-C or a crash loses only the unfinished runs; the same command then
    resumes and ends with the same table.
    """
    screen = console()
    folder = out or Path("runs", f"sweep-{'-'.join(map(data_name, dataset))}")
    with user_errors():
        plots.check_available()
        varied = shared_options.given(noise=noise, **vars(several))
        varied |= _pairs(vary or [], varied)
        volts = volts_options.volts()
        experiments = grid(
            dataset,
            v_syn=None if v_syn is None else _values("v_syn", v_syn),
            seeds=range(seeds),
            hidden=[*map(_sizes, hidden or []), *(architecture or [])] or None,
            vary={name: _values(name, text) for name, text in varied.items()}
            | ({"nonideal": nonideal} if nonideal else {}),
            relu=relu,
            transfer=transfer,
            volts=volts,
            phases=phases,
        )
        settings: dict[str, Any] = {
            "datasets": dataset,
            "v_syn": v_syn or _V_SYN,
            "seeds": seeds,
            "hidden": hidden,
            "vary": varied,
        }
        settings |= {} if architecture is None else {"architecture": architecture}
        if files := {one.case.name: one.case for one in experiments if one.case is not None}:
            settings["nonideal"] = files
        settings |= unless_default(phases)
        presets = {name: preset(name, phases=phases) for name in dataset}
        settings |= {"relu": relu, "transfer": transfer, "presets": presets}
        settings |= {"defaults": training_settings({}), **volts_settings(volts)}
        if own := {name: found["data_sha256"] for name in dataset if (found := data_digests(name))}:
            settings["data_sha256"] = own
        record = Record.of(ctx, folder / "sweep.json", settings, without=PLACES)
    with results_folder(folder, "runs"):
        with user_errors():
            record.say_replaced(folder / "table.csv", folder / "runs.csv")
            done = stored_runs(experiments, folder)
        n_left = sum(run.result is None and (run.error is None or retry) for run in done)
        stopped = False
        try:
            if volts is not None:
                screen.print(f"synapses {volts.process.device}, process {volts.process.name}")
            screen.print(f"{len(experiments)} runs, {n_left} of them to do: results in {folder}")
            layers = " and ".join([*(hidden or []), *(architecture or [])])
            typed = {**shared_options.given(hidden=layers or None), **varied}
            for name in dataset:
                screen.print(f"{data_name(name)}: {shared_options.in_force(name, presets[name], typed)}")
            with user_errors(), bars(screen) as bar:
                task = bar.add_task("runs", total=n_left)

                def show(run: Run) -> None:
                    bar.advance(task)
                    screen.print(f"{bar.tasks[0].completed:.0f}/{n_left}  {_line(run)}")

                run_sweep(experiments, folder, workers=workers, dask=dask, data=data, retry=retry, progress=show)
        except KeyboardInterrupt:
            stopped = True
        _finish(ctx, record, stored_runs(experiments, folder), stopped=stopped)


def _captions(figures: Iterable[str]) -> dict[str, Caption]:
    captions = {
        "table.csv": ("Result", "Mean and standard deviation over the seeds."),
        "runs.csv": ("Result", "Each run."),
    }
    known = {
        "accuracy": ("Result", "Test accuracy at each V_syn; infinity is the conventional circuit, off the curve."),
        "pareto": ("Energy", "Test accuracy against the energy of an inference, and the Pareto front."),
        "offsets": ("Devices", "Test accuracy against energy, with random offsets of the comparators."),
    }
    for stem in figures:
        words = stem.removeprefix("accuracy-").replace("_", " ")
        captions[f"{stem}.svg"] = known.get(stem, ("Result", f"Test accuracy against {words}."))
    return captions


def _line(run: Run) -> str:
    name = experiment_name(run.experiment)
    if run.result is None:
        return f"{name}  failed: {run.error}"
    return f"{name}  test {percent(run.result['test_accuracy'])}  {run.result['seconds']:.1f} s"


def _finish(ctx: typer.Context, record: Record, runs: Sequence[Run], *, stopped: bool) -> None:
    """Write tables and figures of the finished runs, and report how many runs are left."""
    folder = record.path.parent
    if rows := summary_rows(runs):
        figures, choice = _figures(rows), list(choice_lines(rows))
        with user_errors():
            write_table(folder / "table.csv", rows)
            write_table(folder / "runs.csv", run_rows(runs))
            files = [folder / "table.csv", folder / "runs.csv"]
            for stem, figure in figures.items():
                files += plots.save_figure(figure, folder / stem, description=record.description)
            n_finished = sum(run.result is not None for run in runs)
            record.write(files, _captions(figures), runs=len(runs), finished=n_finished, choice=choice)
        console().print(_table(rows))
        for line in choice:
            typer.echo(line)
        names = ["table.csv", "runs.csv", "sweep.json", *(f"{stem}.svg" for stem in figures)]
        typer.echo(f"files  {folder}: {', '.join(names)}")
    failed = [run for run in runs if run.error is not None]
    for run in failed:
        typer.echo(f"failed  {experiment_name(run.experiment)}: {run.error}", err=True)
    again = shlex.join(command_words(ctx, without=("retry",)))
    if failed:
        typer.echo(f"{len(failed)} of {len(runs)} runs failed; run them again with: {again} --retry", err=True)
    if stopped:
        left = sum(run.result is None and run.error is None for run in runs)
        typer.echo(f"stopped with {left} of {len(runs)} runs to do; resume with: {again}", err=True)
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _table(rows: Sequence[Row]) -> Table:
    """The same lines for the terminal, without the columns that are the same in all."""
    names = _varied(rows) + [name for name in ("v_th", "v_plus") if len({row.get(name) for row in rows}) > 1]
    measured = [name for name in _MEASURED if any(f"{name}_mean" in row for row in rows)]
    heads = [*(name.replace("_", " ") for name in names), *(_MEASURED[name] for name in measured), "seeds"]
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        shown = ["" if row.get(name) is None else _text(row[name]) for name in names]
        table.add_row(*shown, *(_mean_and_spread(row, name) for name in measured), str(row["n"]))
    return table


def _mean_and_spread(row: Row, name: str) -> str:
    if f"{name}_mean" not in row:
        return ""
    mean, spread = row[f"{name}_mean"], row[f"{name}_std"]
    digits = 1 if name == "energy_pj" else 2
    return f"{mean:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _varied(rows: Sequence[Row]) -> list[str]:
    """Names of the parameters that differ between the lines of a table."""
    return [name for name in parameter_names(rows) if len({row.get(name) for row in rows}) > 1]


def _figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Accuracy against each parameter that has several values, and against energy, by the stem of its file."""
    numbers = {name: {row[name] for row in rows if isinstance(row.get(name), int | float)} for name in _varied(rows)}
    figures = {
        "accuracy" if name == "v_syn" else f"accuracy-{name}": plots.sweep_figure(rows, x=name)
        for name, values in numbers.items()
        if len(values) > 1
    }
    if sum("energy_pj_mean" in row for row in rows) > 1:
        figures["pareto"] = plots.pareto_figure([row for row in rows if not row.get("offset_mv")])
    if any(row.get("offset_mv") for row in rows):
        figures["offsets"] = plots.offsets_figure(rows)
    return figures


def _sizes(text: str) -> list[int]:
    return shared_options.numbers("--hidden", text, read_int, "200,200")


def _pairs(texts: Sequence[str], options: Mapping[str, str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise ValueError(f"--vary takes NAME=VALUE,VALUE, got {text!r}")
        if name in _OPTIONS:
            raise ValueError(f"--vary {text}: {name} is varied with {_OPTIONS[name]}")
        if name in pairs or name in options:
            raise ValueError(f"--vary {name} is there twice: give all values at once, separated by commas")
        pairs[name] = values
    return pairs


def _values(name: str, text: str) -> list[Any]:
    """Numbers, or words for a parameter that takes words."""
    # A parameter for which train has no default belongs to the circuit.
    kind = type({"epochs": 0, **train_defaults()}.get(name, 0.0))
    reads: dict[type, Callable[[str], Any]] = {int: read_int, float: read_float, str: str}
    if kind not in reads:
        raise ValueError(f"{name} takes neither numbers nor words, so a sweep cannot vary it")
    try:
        return [reads[kind](part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{name} takes values of type {kind.__name__}, separated by commas, got {text!r}") from None

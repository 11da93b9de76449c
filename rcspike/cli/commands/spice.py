"""``rcspike spice``: netlists, comparison of ngspice with the engine, and fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, overload

import numpy as np
import typer

from rcspike import experiments, plots, spice
from rcspike._common.arrays import FloatArray
from rcspike._common.atomic_files import atomic_write
from rcspike._common.numbers import read_int
from rcspike._common.readers import read_text
from rcspike.chips import ChipLayer
from rcspike.cli import shared_options, spice_error_table, spice_fit, transistor_options
from rcspike.cli.command_class import command
from rcspike.cli.console import bars, console
from rcspike.cli.model_samples import Samples, load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import Record, file_digest, load_network, model_settings
from rcspike.cli.simulated_columns import DeviceOptions, simulated_columns
from rcspike.cli.transistor_options import ColumnOptions, TrimmedColumnOptions
from rcspike.cli.user_errors import fail, user_errors
from rcspike.datasets import data_name
from rcspike.functional.neuron_kinds import latest_input
from rcspike.network import Dense, Network, ResistiveLayer, layer_with
from rcspike.neurons import neuron_kind, single_phase, two_phase_only
from rcspike.spice import Comparison
from rcspike.spice.model_card import diode_card
from rcspike.training.evaluation import check_samples

__all__ = ["app"]

app = typer.Typer(
    help="Write SPICE netlists of trained networks, and compare ngspice with the engine.",
    no_args_is_help=True,
    add_completion=False,
)

_MAX_LISTED = 20  # neurons in a line of the terminal
Diode = Annotated[
    str | None,
    typer.Option(
        help="Diode in each synapse: none, ideal, constant, or a file with a card '.model NAME D(...)'.",
        show_default="constant if the model has a diode drop, otherwise none",
    ),
]
Workers = Annotated[
    int | None, typer.Option(help="Number of simulators that run at the same time.", min=1, show_default="one per core")
]


@command(app, "export", example="rcspike spice export runs/mnist mnist --image 3 --layer 1 --neurons 0,5,7")
def export_command(
    ctx: typer.Context,
    *,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    image: shared_options.Image = 0,
    layer: Annotated[int, typer.Option(help="Layer to export, counted from 1.", min=1)] = 1,
    neurons: Annotated[str | None, typer.Option(help="Indices of the neurons to export.", show_default="all")] = None,
    diode: Diode = None,
    until: Annotated[
        float | None,
        typer.Option(
            help="Single phase: time in T at which the simulation ends.", show_default=f"{single_phase.GIVEN_UP:g}"
        ),
    ] = None,
    devices: DeviceOptions,
    columns: ColumnOptions,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="standard output")] = None,
) -> None:
    """Write one sample in one layer as a netlist in SI units, with the subcircuits that it is made of."""
    with user_errors():
        network = load_network(model)
        _no_diode_file(diode, columns.pdk)
        simulated = simulated_columns(network, model, columns, devices)
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        times = spice.input_times(simulated.network, _times(network, samples, [image]), layer)[0]
        whole = simulated.network.layers[layer - 1]
        scale = simulated.scales[layer - 1]
        transistors = simulated.transistors[layer - 1]
        chosen = (
            list(range(whole.n_out))
            if neurons is None
            else shared_options.numbers("--neurons", neurons, read_int, "0,5,7")
        )
        if not chosen or len(set(chosen)) < len(chosen):
            raise ValueError(f"--neurons takes different numbers such as 0,5,7, got {neurons!r}")
        absent = [i for i in chosen if not 0 <= i < whole.n_out]
        if absent:
            raise ValueError(f"layer {layer} has neurons 0 to {whole.n_out - 1}, got {absent[0]}")
        end = neuron_kind(network.phases).end(until)
        chosen_diode = _diode(diode) or spice.modelled_diode(network.circuit)
        title = f"rcspike: layer {layer} of {model}, test image {image} of {data_name(dataset)}"
        part = layer_with(whole, "neurons", "SPICE").neurons(chosen)
        g = spice.layer_conductances(part, scale)
        membranes = g[0].shape[1] // len(chosen)
        if transistors is None:
            text = spice.layer_netlist(
                times, *g, whole.circuit, scale, diode=chosen_diode, names=chosen, title=title,
                phases=network.phases, until=until, membranes=membranes, body=simulated.body,
            )  # fmt: skip
        else:
            two_phase_only(network, "a netlist of transistors")
            text = spice.transistor_netlist(
                times, *g, transistors, names=chosen, layer=layer, title=title, membranes=membranes
            )
        settings: dict[str, Any] = {
            **samples.settings,
            **model_settings(model, simulated.weights),
            "image": image,
        }
        settings |= {"layer": layer, "neurons": chosen, "diode": chosen_diode, "transistors": transistors}
        settings |= shared_options.given(until=until) | simulated.settings
        record = Record.of(ctx, out or Path(), settings)
        first, rest = text.split("\n", 1)
        text = "\n".join([first, *(f"* {line}" for line in record.description.splitlines()), rest])
        if out is not None:
            record.say_replaced(out)
            with atomic_write(out) as temporary:
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # names need not be UTF-8
    for line in simulated.lines:
        typer.echo(line, err=out is None)
    if out is None:
        typer.echo(text, nl=False)
    else:
        n_spikes = np.count_nonzero(times < min(end, latest_input(network.phases)))
        typer.echo(f"{len(chosen)} neurons, {n_spikes} input spikes: run it with: ngspice -b {out}")
    if transistors is None:
        for line in _without_spikes(chosen, part, times, end):
            typer.echo(line, err=True)


def _without_spikes(
    numbers: Sequence[int], layer: ResistiveLayer | ChipLayer, times: FloatArray, end: float
) -> Iterator[str]:
    """Lines that name the neurons whose spike time ngspice will fail to measure."""
    exact = replace(layer, wiring=Dense()).astype(np.float64)
    neurons = neuron_kind(layer.phases)
    found = neurons.run(exact, times[np.newaxis], moved=None, read=np.asarray, threads=None)
    start = neurons.starts(1)[-1]
    t_out = start + found.t_out[0]
    for what, there in (("silent", t_out > end), ("saturated", t_out <= start)):
        if there.any():
            those = [str(number) for number, one in zip(numbers, there, strict=True) if one]
            more = f" and {len(those) - _MAX_LISTED} more" if len(those) > _MAX_LISTED else ""
            names = ", ".join(those[:_MAX_LISTED]) + more
            yield f"{what} in the engine: neurons {names}; ngspice says 'out of interval' and 'failed' for their t_out"


@command(app, "library", example="rcspike spice library > rcspike.lib")
def library_command(
    diode: Annotated[str, typer.Option(help="Diode in each synapse, as for export.")] = "none",
) -> None:
    """Print synapse and neuron as subcircuits, for use in another test bench."""
    with user_errors():
        typer.echo(spice.library(diode=_diode(diode)))


@command(app, "verilog-a", example="rcspike spice verilog-a > rcspike.va")
def verilog_a_command() -> None:
    """Print synapse and neuron as modules of Verilog-A, for other simulators."""
    typer.echo(spice.verilog_a(), nl=False)


@command(app, "verify", example="rcspike spice verify runs/mnist mnist --neurons 50")
def verify_command(
    ctx: typer.Context,
    *,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    neurons: Annotated[
        int | None, typer.Option(help="Number of neurons in each layer, equally spaced.", min=1, show_default="50")
    ] = None,
    image: shared_options.Image = 0,
    images: Annotated[int, typer.Option(help="Number of samples, starting with --image.", min=1)] = 1,
    layer: Annotated[
        int | None, typer.Option(help="Layer to simulate, counted from 1.", min=1, show_default="all")
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option(
            "--end-to-end", help="Simulate whole layers, each driven by the SPICE spikes of the previous one."
        ),
    ] = False,
    diode: Diode = None,
    devices: DeviceOptions,
    columns: TrimmedColumnOptions,
    workers: Workers = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for a figure and CSV files of each layer.", show_default="none")
    ] = None,
) -> None:
    """Simulate neurons with ngspice and compare membrane voltages and output spike times with the engine's."""
    with user_errors(), _simulator_errors():
        spice.find_ngspice()
        network = load_network(model)
        if end_to_end and (layer is not None or neurons is not None):
            raise ValueError("--end-to-end simulates every neuron of every layer: leave out --layer and --neurons")
        _no_diode_file(diode, columns.pdk)
        simulated = simulated_columns(network, model, columns, devices)
        designs = simulated.transistors
        options: dict[str, Any] = {"body": simulated.body, "diode": _diode(diode), "workers": workers}
        options |= {"scale": simulated.scales, "transistors": designs}
        lines = transistor_options.calibration(columns.fitted, network)
        options["junction"] = transistor_options.junction(columns.fitted)
        options["fitted"] = transistor_options.fitted_design(columns.fitted, designs[0])
        numbers = range(image, image + images)
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        times = _times(network, samples, numbers)
        if out is not None:
            plots.check_available()
        layers = range(1, len(network.layers) + 1) if layer is None else [layer]
        chosen = {} if end_to_end else {depth: _spread(network, depth, neurons or 50) for depth in layers}
    with nullcontext() if out is None else results_folder(out):
        with user_errors(), _simulator_errors():
            settings: dict[str, Any] = {
                **samples.settings,
                **model_settings(model, simulated.weights),
                "images": numbers,
            }
            settings |= {"end_to_end": end_to_end, "neurons": chosen or "all", **simulated.settings}
            # All layers have the parts and rails of the first, and the scale that the settings say.
            settings["transistors"] = designs[0]
            settings["diode"] = options["diode"] or spice.modelled_diode(network.circuit)
            record = Record.of(ctx, (out or Path()) / "spice.json", settings)
            if out is not None:
                record.say_replaced(out / "errors.csv")
            n_simulated = sum(network.sizes[1:]) if end_to_end else sum(map(len, chosen.values()))
            with bars(console()) as progress:
                task = progress.add_task("neurons", total=images * n_simulated)
                options["progress"] = partial(progress.advance, task)
                compared = [
                    spice.compare_network(simulated.network, sample, **options)
                    if end_to_end
                    else [
                        spice.compare_layer(simulated.network, sample, depth, neurons=chosen[depth], **options)
                        for depth in layers
                    ]
                    for sample in times
                ]
        found = [
            [transistor_options.with_lines(c, lines) for c in layer] for layer in zip(*compared, strict=True)
        ]  # by layer and image
        rows = [spice_error_table.errors(comparisons) for comparisons in found]
        if out is not None:
            _write(record, found, rows, numbers)
    for line in simulated.lines:
        typer.echo(line)
    console().print(spice_error_table.table(rows))
    if samples.seen:
        typer.echo(samples.mark.removeprefix(", "))
    if end_to_end:
        same = sum(_answer(c, c.v, c.t_out) == _answer(c, c.v_spice, c.t_out_spice) for c in found[-1])
        typer.echo(f"class  the same for {same} of {images} images")


def _answer(c: Comparison, v: FloatArray, t_out: FloatArray) -> int:
    """The output that answers, or -1."""
    return int(c.kind.answers(c.kind.read_by(v, t_out)[np.newaxis])[0])


def _write(
    record: Record, found: Sequence[Sequence[Comparison]], rows: Sequence[experiments.Row], images: Sequence[int]
) -> None:
    """Tables and figure of each layer, the errors of all, and the record."""
    figures = [plots.spice_figure(comparisons[0]) for comparisons in found]
    folder = record.path.parent
    files = [folder / "errors.csv"]
    captions = {"errors.csv": ("SPICE", "Differences between ngspice and the engine.")}
    with user_errors():
        for comparisons, figure in zip(found, figures, strict=True):
            stem = f"layer{comparisons[0].layer}"
            layer = f"layer {comparisons[0].layer}"
            captions |= {
                f"{stem}.svg": ("SPICE", f"Membranes of {layer} in ngspice and in the engine, and their difference."),
                f"spikes-{stem}.csv": ("SPICE", f"Spike times of {layer} in ngspice, in s."),
                f"waveforms-{stem}.csv": ("SPICE", f"Membrane voltages of {layer} in ngspice, in s and V."),
            }
            tables = [folder / f"spikes-{stem}.csv", folder / f"waveforms-{stem}.csv"]
            spice.write_csv(spice.spike_measurements(comparisons, images), tables[0])
            spice.write_csv(spice.waveform_measurements(comparisons, images), tables[1])
            files += [*tables, *plots.save_figure(figure, folder / stem, description=record.description)]
        experiments.write_table(files[0], rows)
        record.write(files, captions)


@command(app, "fit", example="rcspike spice fit spikes-layer1.csv runs/mnist mnist --layer 1")
def fit_command(
    ctx: typer.Context,
    *,
    csv: Annotated[
        Path,
        typer.Argument(
            help="CSV file with columns image, neuron and spike_time, or image, neuron, time and voltage, in SI units.",
            show_default=False,
        ),
    ],
    model: shared_options.Model,
    dataset: shared_options.TestData,
    layer: Annotated[int, typer.Option(help="Layer that was measured, counted from 1.", min=1)] = 1,
    parameters: Annotated[
        str | None,
        typer.Option(
            help="Parameters to fit, among e_plus, e_minus, diode_drop, ramp, capacitance, delay, injection_plus and "
            "injection_minus; none to calibrate neurons only.",
            show_default="e_plus,e_minus,capacitance; with --pdk also delay,injection_plus,injection_minus, and ramp "
            "with a mirror; with --synapse diode, diode_drop in place of e_plus",
        ),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Find offset and slope of the spike times of each neuron, too.")
    ] = False,
    junctions: Annotated[
        bool,
        typer.Option("--junctions", help="With --pdk: rows load the membrane only while they do not conduct."),
    ] = False,
    held_out: Annotated[
        int, typer.Option(help="Number of images, the last of the table, that are not fitted but reported.", min=0)
    ] = 0,
    confidence: Annotated[float, typer.Option(help="Confidence level of the limits.", min=0, max=1)] = 0.95,
    columns: TrimmedColumnOptions,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write the model to, calibrated to the fitted circuit.", show_default="nowhere"),
    ] = None,
) -> None:
    """Fit rails, switches, ramp or capacitance to spike times or waveforms of a real or simulated circuit."""
    with user_errors():
        if out is not None and out.suffix == ".json":
            raise ValueError(
                f"--out is the model, such as fitted.safetensors, and its record goes to a JSON file; got {out}"
            )
        network = load_network(model)
        two_phase_only(network, "a fit")
        transistors, designed = columns.design(network, model)
        if junctions and transistors is None:
            raise ValueError("--junctions needs --pdk, whose switches have them")
        measured = spice.read_csv(csv)
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        numbers, rows = np.unique(measured.image, return_inverse=True)
        names = spice_fit.parameters_of(parameters, transistors)
        found = spice_fit.find(
            network,
            spice.Measurements(rows, measured.neuron, measured.time, measured.voltage),
            spice.input_times(network, _times(network, samples, numbers.tolist()), layer),
            layer,
            designed,
            parameters=names,
            confidence=confidence,
            delay=None if transistors is None or columns.fitted is not None else transistors.guard,
            calibrate=calibrate,
            held_out=held_out,
            junction=transistors.loads
            if transistors is not None and junctions
            else transistor_options.junction(columns.fitted),
        )
        if out is not None:
            settings = {**samples.settings, **model_settings(model, network), "layer": layer}
            settings |= {"measurements_sha256": file_digest(csv), "parameters": names, "confidence": confidence}
            settings |= {"scale": designed, "calibrate": calibrate, "held_out": held_out, "transistors": transistors}
            record = Record.of(ctx, out.with_suffix(".json"), settings)
            record.say_replaced(out)
            found.network.save(out)
            files = [] if samples.run is None else samples.run.save_for(out)
            facts = {} if samples.run is None else samples.run.facts
            rails = [network.circuit.e_plus, network.circuit.e_minus]
            if transistors is not None:
                rails = [rail / transistors.scale.v_th for rail in transistors.rails]
            record.write(
                [out, *files],
                {},
                rails=rails,
                **facts,
                **transistor_options.fitted_circuit(found.network),
                **found.record(layer),
            )
    found.show()


def _times(network: Network, samples: Samples, images: Sequence[int]) -> FloatArray:
    """Spike times (n, n_in) of test images, after checking that they are there and fit the network."""
    split = samples.data.test
    check_samples(network, split)
    times = split.times
    for image in images:
        if not 0 <= image < len(times):
            raise ValueError(f"{samples.text} has test images 0 to {len(times) - 1}, got {image}")
    return times[list(images)]


def _spread(network: Network, layer: int, n: int) -> list[int]:
    """Up to n neurons at equal distances."""
    last = network.sizes[min(layer, len(network.layers))] - 1
    return [int(i) for i in np.unique(np.linspace(0, last, n).round())]


@contextmanager
def _simulator_errors() -> Iterator[None]:
    """Report errors of ngspice, such as a card with a mistake, as errors that the user can fix."""
    try:
        yield
    except RuntimeError as error:
        fail(error)


def _no_diode_file(diode: str | None, pdk: str | None) -> None:
    if diode is not None and pdk is not None:
        raise ValueError(f"--diode {diode} is of ideal parts: leave it out with --pdk, which has --synapse diode")


@overload
def _diode(text: str) -> str: ...
@overload
def _diode(text: None) -> None: ...
def _diode(text: str | None) -> str | None:
    """The card in the file if it exists, otherwise the argument itself."""
    if text is None or not Path(text).is_file():
        return text
    try:
        return str(diode_card(read_text(text)))
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from error

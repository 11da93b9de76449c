"""``rcspike energy``: the energy of an inference, part by part, compared with two conventional circuits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

from rcspike import experiments, plots
from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.cli import process_options, shared_options
from rcspike.cli.command_class import command
from rcspike.cli.console import console, percent
from rcspike.cli.model_samples import load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.process_lines import device_lines, load_lines, voltage_lines
from rcspike.cli.result_record import Record, load_network, model_settings
from rcspike.cli.user_errors import user_errors
from rcspike.datasets import data_name
from rcspike.energy import (
    Activity,
    Efficiency,
    OperatingPoint,
    Process,
    RatioRange,
    activity,
    area_in_turn,
    array_area,
    baseline_parts,
    clipped,
    column_turns,
    columns_of,
    crossing_jitter,
    efficiency,
    energy_parts,
    energy_parts_in_turn,
    latency_in_turn,
    layer_devices,
    mean_energy,
    memory_area,
    memory_bits,
    opamp_missing,
    operating_point,
    ratio_range,
    sources_fit,
    with_switches,
    zero_reasons,
)
from rcspike.experiments.process_networks import as_devices
from rcspike.network import Network, has_maps
from rcspike.neurons import neuron_kind
from rcspike.training import evaluate
from rcspike.training.evaluation import check_fit

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_Parts = Mapping[str, npt.NDArray[np.float64]]
_CAPTIONS = {
    "energy.svg": (
        "Energy",
        "The energy of an inference by part: of all layers, and of each layer, with a scale each.",
    ),
    "tornado.svg": (
        "Energy",
        "How far the ratio of the energies depends on each constant: a bar reaches from its low to its high value.",
    ),
    "energy.csv": ("Energy", "The energy of an inference by part, in pJ: the sum over all layers."),
}
_JITTERING, _LARGE_JITTER = 200, 0.02  # samples, and T
_NOT_COUNTED = "conversion of the rails from the supply, programming, clocks, readout, and spikes beyond the array"


@command(app, "energy", example="rcspike energy runs/mnist mnist --constant v_logic=1.2")
def energy_command(
    ctx: typer.Context,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    process: process_options.ProcessName = "sky130",
    hold: process_options.HoldOption = "rails",
    constant: process_options.Constants = None,
    switches: Annotated[
        bool,
        typer.Option(
            "--switches", help="Run the network with the charge of the process' switches, and count what it costs."
        ),
    ] = False,
    clip: process_options.Clip = False,
    corner: process_options.Corner = None,
    celsius: process_options.Celsius = None,
    until: Annotated[
        float | None,
        typer.Option(help="Single phase: time in T at which inferences end.", show_default="the first output spike"),
    ] = None,
    opamp_strength: Annotated[
        float | None,
        typer.Option(
            help="Largest current of each op-amp of the virtual ground, in C V_th / T, as a network needs it that was "
            "trained for it.",
            show_default="what settles its column",
        ),
    ] = None,
    noise: shared_options.Noise = None,
    seed: shared_options.NoiseSeed = None,
    threads: shared_options.Threads = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables, figures and record.", show_default="the model's")
    ] = None,
    show_process: process_options.ShowProcess = None,
    toml: process_options.AsToml = False,
) -> None:
    """Print the energy of an inference by part, for RC-Spike and for two conventional circuits.

    One conventional circuit has resistors at a small read voltage into an op-amp, which holds a virtual ground; the
    other has current sources with their headroom straight onto the capacitor. Both have the same spikes, charges and
    neurons. A process that cannot size an op-amp, because the load of a column is 0, is compared with the second only.
    Each part of a circuit that takes no energy is listed with its reason.

    A single-phase network is counted until its answer, and is not compared with these two-phase circuits.

    Where the devices of a process come in pairs that cannot be switched off, that of the other rail conducts too.

    The ratio of the energies is a range: each constant of the process has a low and a high value with its source.
    """
    screen = console()
    with user_errors():
        plots.check_available()
        chosen = process_options.chosen_process(process, constant or [])
        chosen = process_options.at_chosen_corner(chosen, corner, celsius)
        network = load_network(model)
        point = operating_point(network.circuit, chosen, hold=hold)
        wanted = network
        if clip:  # before the switches, on which weights that cannot be made may load more than a membrane
            network = clipped(network, chosen)
        if switches:
            network = with_switches(network, point)
            wanted = wanted if clip else network
        running = as_devices(network, chosen)
    folder = out or (model if model.is_dir() else model.parent)
    with results_folder(folder):
        with user_errors():
            samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
            settings: dict[str, Any] = {**samples.settings, **model_settings(model, network)}
            settings |= {"constants": process_options.process_constants(chosen), "hold": hold}
            settings |= {"switches": True} if switches else {}
            settings |= {"clip": True} if clip else {}
            settings |= shared_options.given(opamp_strength=opamp_strength)
            settings |= {"noise": noise or 0.0, "seed": seed or 0, **shared_options.given(until=until)}
            record = Record.of(ctx, folder / "energy.json", settings)
            neurons = neuron_kind(network.phases)
            no_opamp = opamp_missing(chosen) if "virtual ground" in neurons.baselines else ""
            left_out = {"virtual ground": no_opamp} if no_opamp else {}
            if running is not network:
                left_out["current sources"] = "they have no device that cannot be switched off, and so other charges"
            baselines = [name for name in neurons.baselines if name not in left_out]
            has_rails = _has_rails(network.circuit)
            if not has_rails and not baselines:
                raise ValueError(
                    f"the energy of neurons of {neurons.wording} needs rails: v_syn is infinite in this model"
                )
            if opamp_strength is not None and "virtual ground" not in baselines:
                raise ValueError(
                    "--opamp-strength is that of a virtual ground, and this network is compared with none: leave it out"
                )
            strengths: dict[str, float | None] = {"virtual ground": opamp_strength}
            stems = ("energy", "tornado") if has_rails and baselines else ("energy",)
            files = [folder / "energy.csv", *(folder / f"{s}.{kind}" for s in stems for kind in ("svg", "png"))]
            record.say_replaced(*files)
            split = samples.data.test
            check_fit(network, split)
            times = split.times
            done = activity(running, times, until=until, noise=noise or 0.0, seed=seed or 0, threads=threads)
            circuits = _circuits(done, point, baselines, strengths)
            ratios = _ratios(done, point, baselines, strengths)
        kind = "rows" if split.is_table else "images"
        where = f"{network.architecture} on {data_name(dataset)}"
        mean = f"mean of {len(times):,} {kind}{samples.mark}"
        drawn = f"{where}, {plots.circuit_name(network.circuit)}: {mean}"
        drawn += "".join(f"; no {name}: {why.partition(',')[0]}" for name, why in left_out.items())
        figures = {"energy": plots.energy_figure(circuits, heading=f"Energy of an inference, {drawn}")}
        if ratios:
            figures["tornado"] = plots.tornado_figure(ratios, heading=f"Energy over that of RC-Spike, {drawn}")
        with user_errors():
            experiments.write_table(folder / "energy.csv", _rows(circuits, chosen.device))
            for stem, figure in figures.items():
                plots.save_figure(figure, folder / stem, description=record.description)
            zeros = {name: zero_reasons(name, parts, chosen) for name, parts in circuits.items()}
            record.write(files, _CAPTIONS, zeros=zeros, **({"left_out": left_out} if left_out else {}))
    screen.print(f"synapses     {chosen.device}, process {chosen.name}")
    screen.print(f"{where}, circuit {network.circuit.label}, {mean}")
    screen.print(_table(circuits))
    for name, reasons in zeros.items():
        for part, why in reasons.items():
            screen.print(f"zero         {part} of {name}: {why}")
    measures = {name: efficiency(parts, done, chosen) for name, parts in circuits.items()}
    comparison = [*_comparison(ratios, point)] if baselines else []
    if "virtual ground" in baselines:
        comparison.append(f"op-amps      {_opamps(opamp_strength, chosen)}")
    comparison += [f"left out     {name}: {why}" for name, why in left_out.items()]
    devices = [] if done.columns[0].g_plus is None else [*device_lines(chosen, map(columns_of, wanted.layers))]
    if running is not wanted:
        ideal, real = (percent(evaluate(one, split)) for one in (wanted, running))
        devices.append(f"accuracy     {real} with these devices, {ideal} with ideal ones{samples.mark}")
    arrangements = _arrangements(network, point, done)
    for line in (*_voltages(network, point, times), *devices, *_summary(measures, done), *arrangements, *comparison):
        screen.print(line)
    screen.print(f"not counted  {_NOT_COUNTED}")
    screen.print(f"files        {folder}: {', '.join([*(file.name for file in files), 'energy.json'])}")


def _has_rails(circuit: Circuit) -> bool:
    return math.isfinite(circuit.e_plus) or math.isfinite(circuit.e_minus)


def _circuits(
    done: Activity, point: OperatingPoint, baselines: Sequence[str], strengths: Mapping[str, float | None]
) -> dict[str, _Parts]:
    own = {"RC-Spike": energy_parts(done, point)} if _has_rails(point.circuit) else {}
    others = {name: baseline_parts(name, done, point, strength=strengths.get(name)) for name in baselines}
    return {**own, **others}


def _ratios(
    done: Activity, point: OperatingPoint, baselines: Sequence[str], strengths: Mapping[str, float | None]
) -> dict[str, RatioRange]:
    if not _has_rails(point.circuit):
        return {}
    circuit, process = point.circuit, point.process
    return {
        name: ratio_range(done, circuit, process, name, hold=point.hold, strength=strengths.get(name))
        for name in baselines
    }


def _opamps(strength: float | None, process: Process) -> str:
    if strength is not None:
        return f"those of a virtual ground trained for a strength of {strength:g} C V_th/T"
    return (
        f"settle their columns with a time constant of {process.opamp_settling:g} T; a network trained for less takes "
        "less (--opamp-strength)"
    )


def _mean(parts: _Parts) -> dict[str, npt.NDArray[np.float64]]:
    """Of the samples, in pJ: (n_layers,)."""
    return {part: 1e12 * joules.mean(axis=0) for part, joules in parts.items()}


def _rows(circuits: Mapping[str, _Parts], device: str) -> list[dict[str, Any]]:
    return [
        {"circuit": circuit, "device": device, "layer": layer, "part": part, "pJ": float(pj)}
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
        table.add_row(part, *map(_picojoules, numbers))
    return table


def _picojoules(number: float) -> str:
    """Two decimals, or one digit where these would be zeros; 0 stands for nothing at all."""
    return f"{number:.2f}" if number >= 0.005 else f"{number:.1g}"


def _voltages(network: Network, point: OperatingPoint, times: FloatArray) -> Iterator[str]:
    p = point.process
    columns = [columns_of(layer) for layer in network.layers]
    yield from voltage_lines(point, columns)
    of_devices = sum(layer_devices(p, one).area for one in columns if one.g_plus is not None)
    resistors = f", {1e6 * of_devices:.3g} of them resistors" if of_devices else ""
    yield (f"area         {1e6 * array_area(p, columns):.3g} mm2 of cells, neurons and capacitors{resistors}")
    yield f"noise floor  {_noise_floor(network, point, times)}"
    yield from load_lines(network, point)
    offset = point.thresholds(p.comparator_offset)
    yield f"offset       {1e3 * p.comparator_offset:g} mV of a comparator are {offset:.4f} V_th"


def _noise_floor(network: Network, point: OperatingPoint, times: FloatArray) -> str:
    """In words. That of single-phase neurons depends on the slope of each spike, of which some samples have enough."""
    if network.phases == "two":
        noise = max(point.spike_time_noise(columns_of(layer).rows) for layer in network.layers)
        return f"sigma_t = {noise:.5f} T, of kT/C, ramp and comparator, at the end of a window"
    if has_maps(layer.wiring for layer in network.layers):
        return "of kT/C and comparator, over slopes at the crossing that are not known here for convolutions"
    jitter = crossing_jitter(network, times[:_JITTERING], point)
    if not len(jitter):
        return "there is no spike"
    large = percent(float(np.mean(jitter > _LARGE_JITTER)))
    return (
        f"sigma_t = {np.median(jitter):.5f} T (median), above {_LARGE_JITTER:g} T in {large} of the spikes: kT/C and "
        "comparator over the slope at the crossing"
    )


def _arrangements(network: Network, point: OperatingPoint, done: Activity) -> Iterator[str]:
    """What a network of convolutions needs with the columns of all positions side by side, and in turn.

    Latency and energy are there if the time that each layer takes is known in advance.
    """
    p, layers, counts = point.process, network.layers, {1: "one capacitor", 2: "two capacitors"}
    if not has_maps(layer.wiring for layer in layers):
        return
    areas = [array_area(p, map(columns_of, layers)), *(area_in_turn(p, layers, capacitors=n) for n in counts)]
    spent = ["" for _ in areas]
    if math.isfinite(neuron_kind(network.phases).last_answer(len(layers))):
        together = energy_parts(done, point)
        parts = [together, *(energy_parts_in_turn(done, point, layers, capacitors=n) for n in counts)]
        times = [efficiency(together, done, p).latency, *(latency_in_turn(p, layers, capacitors=n) for n in counts)]
        spent = [
            f", {1e6 * t:.4g} µs, {1e9 * mean_energy(of_one):.4g} nJ" for t, of_one in zip(times, parts, strict=True)
        ]
    texts = [f"{1e6 * area:.3g} mm2{text}" for area, text in zip(areas, spent, strict=True)]
    yield f"side by side {texts[0]}: columns for each position of a convolution"
    for text, capacitors in zip(texts[1:], counts.values(), strict=True):
        yield f"in turn      {text}: one set of columns, with {capacitors} for each membrane"
    turns = column_turns(layers)
    yield (
        f"memory       {memory_bits(p, turns) / 1e3:.4g} kbit of spike times for columns in turn, "
        f"{1e6 * memory_area(p, turns):.3g} mm2 with their converters"
    )


def _summary(measures: Mapping[str, Efficiency], done: Activity) -> Iterator[str]:
    first = next(iter(measures.values()))

    def each(text: Callable[[Efficiency], str]) -> str:
        return ", ".join(f"{name} {text(one)}" for name, one in measures.items())

    yield f"energy       {each(lambda e: f'{1e12 * e.joules:.1f} pJ')} an inference"
    neurons = neuron_kind(done.phases)
    yield f"power        {each(lambda e: f'{1e6 * e.watts:.1f} µW')}, at {first.rate / 1e3:.1f} kHz: {neurons.pace}"
    yield f"latency      {1e6 * first.latency:.4g} µs: {neurons.delay}"
    yield f"dense        {each(lambda e: f'{e.tops_per_watt:.1f} TOPS/W')}, two operations a synapse"
    yield f"by events    {each(lambda e: f'{e.tops_per_watt_events:.1f} TOPS/W')}, two operations a synaptic event"
    yield f"an event     {each(lambda e: f'{1e15 * e.joules_per_event:.2f} fJ')}"


def _comparison(ratios: Mapping[str, RatioRange], point: OperatingPoint) -> Iterator[str]:
    for name, found in ratios.items():
        low, high = found.one_at_a_time
        yield (
            f"ratio        {name} over RC-Spike: {found.ratio:.2f}; {low:.2f} to {high:.2f} with one constant at an "
            f"end of its range, {found.lowest:.2f} to {found.highest:.2f} with all"
        )
    if not sources_fit(point):
        p = point.process
        yield (
            f"note         the current sources need ±{point.source_supply:.4g} V around a rest of {p.v_rest:g} V, "
            f"which {p.name} does not have: for comparison only"
        )

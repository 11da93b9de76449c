"""The data sheet of a design: a page with its circuit, its figures as measured, and the commands that repeat them."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from rcspike import plots
from rcspike._common.arrays import FloatArray
from rcspike._common.atomic_files import atomic_write
from rcspike.energy import (
    BASELINES,
    Columns,
    OperatingPoint,
    Process,
    activity,
    columns_of,
    efficiency,
    energy_parts,
    layer_devices,
    map_to_arrays,
    opamp_missing,
    operating_point,
)
from rcspike.experiments import MeasuredDesign, Specification
from rcspike.experiments.confidence_limits import accuracy_limits, proportion_limits
from rcspike.experiments.design_margins import Margin
from rcspike.experiments.designed_circuit import designed_process
from rcspike.experiments.process_networks import as_devices
from rcspike.network import Network
from rcspike.neurons import neuron_kind
from rcspike.report.page_parts import Cell, Figure, Table, cell
from rcspike.report.rendered_page import rendered_page

__all__ = ["write_sheet"]

_NOTE = "Everything is simulated. Numbers are rounded; the commands above give all digits."
_FORMULAS = {
    "energy of an inference / pJ": "E, all parts and layers, mean over the samples",
    "dense / TOPS/W": "2 operations x synapses / E",
    "by events / TOPS/W": "2 operations x synaptic events / E; a spike is one event in each column that has its row",
    "an event / fJ": "E / synaptic events",
    "power / µW": "E x rate",
    "dense / TOPS/mm2": "2 operations x synapses x rate / area of the arrays",
}


@dataclass(frozen=True)
class _Section:
    heading: str
    figures: Sequence[Figure]
    tables: Sequence[Table]


@dataclass(frozen=True)
class _Record:
    name: str
    command: str
    groups: Sequence[tuple[str, Sequence[tuple[str, Cell]]]] = ()


def write_sheet(
    path: Path,
    spec: Specification,
    found: MeasuredDesign,
    network: Network,
    times: FloatArray,
    *,
    margins: Sequence[Margin] = (),
    rows: int = 256,
    columns: int = 64,
    threads: int | None = None,
) -> Path:
    """Write the data sheet of a measured design as one HTML file that refers to nothing outside itself.

    Parameters
    ----------
    path : Path
        File to write, atomically.
    network : Network
        Trained with the first seed of its measurements.
    times : (n, n_in)
        Spike times of the test samples in T, for energies.
    margins : sequence of Margin, optional
        As `design_margins` finds them.
    rows, columns : int
        Size of the arrays onto which the network is put.
    threads : int, optional

    Raises
    ------
    ImportError
        If Jinja2 or matplotlib is missing.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from rcspike import datasets
    >>> from rcspike.experiments import Design
    >>> from rcspike.experiments.design_measurement import Effort, measure
    >>> spec, one = Specification(dataset="digits", accuracy=0.5), Design(hidden="20")
    >>> measured, network = measure((spec, one, Effort(epochs=2, chips=2, seed=1, tested=True)))
    >>> found, times = MeasuredDesign(7, one, (measured,), ()), datasets.load("digits").test.times
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = write_sheet(Path(folder, "sheet.html"), spec, found, network, times).read_text()
    >>> "Design 7: digits on sky130-poly" in page
    True
    """
    process = designed_process(found.design, spec.process)
    point = operating_point(network.circuit, process)
    layers = [columns_of(layer) for layer in network.layers]
    done = activity(as_devices(network, process), times, seed=0, threads=threads)
    left_out = {"virtual ground"} if opamp_missing(process) else set()
    names = [name for name in neuron_kind(network.phases).baselines if name not in left_out]
    circuits = {"RC-Spike": energy_parts(done, point), **{name: BASELINES[name](done, point) for name in names}}
    measures = {name: efficiency(parts, done, process) for name, parts in circuits.items()}
    mapped = map_to_arrays(process, layers, rows=rows, columns=columns)
    area = 1e6 * sum(mapped.area.values())
    operations = 2 * sum(one.rows * one.columns for one in layers)
    efficiencies: dict[str, list[float]] = {name: [] for name in _FORMULAS}
    for one in measures.values():
        values = (1e12 * one.joules, one.tops_per_watt, one.tops_per_watt_events, 1e15 * one.joules_per_event,
                  1e6 * one.watts, 1e-12 * operations * one.rate / area)  # fmt: skip
        for name, value in zip(_FORMULAS, values, strict=True):
            efficiencies[name].append(value)
    own = efficiencies["dense / TOPS/W"][0], efficiencies["dense / TOPS/mm2"][0]
    worst = found.worst(spec)
    numbers = [
        ("accuracy", f"{100 * worst.accuracy_limits(spec)[0]:.2f} % or more on {100 * spec.chip_yield:g} % of chips, "
                     f"with a confidence of {100 * spec.confidence:g} %"),
        ("energy", f"{mean(one.energy_pj for one in found.measurements):.4g} pJ an inference"),
        ("area", f"{mean(one.area_mm2 for one in found.measurements):.3g} mm2"),
        ("latency", f"{worst.latency_us:.3g} µs, {worst.rate_khz:.4g} kHz"),
        ("network", f"{network.architecture}, {process.device}, process {process.name}"),
    ]  # fmt: skip
    heads = ["measure", *circuits, "formula"]
    formulas = [[cell(name), *map(_number, efficiencies[name]), cell(text)] for name, text in _FORMULAS.items()]
    means = {name: {part: 1e12 * x.sum(axis=1).mean() for part, x in parts.items()} for name, parts in circuits.items()}
    parts = [[cell(part), *(_number(of[part]) for of in means.values())] for part in means["RC-Spike"]]
    parts.append([cell("all"), *(_number(sum(of.values())) for of in means.values())])
    histogram = plots.conductance_figure(process, layers, heading="Conductances of the devices")
    sections = [
        _Section("Requirements", [], [_requirements(spec, found), _accuracies(spec, found)]),
        _Section("Circuit", [Figure("column", _schematic(point, layers), "A column of the first layer.", "")],
                 [_voltages(point), _layers(process, point, layers)]),
        _Section("Devices", [Figure("conductances", _svg(histogram), "Conductances of all devices.", "")], []),
        _Section("Energy", [], [
            Table("efficiency", heads, formulas, "With the spikes, charges and neurons of this circuit in all.", ""),
            Table("parts", ["part / pJ", *circuits], parts, "Energy of an inference by part, all layers.", ""),
        ]),
        _Section("Area and arrays", [], [_arrays(mapped.area, mapped.arrays, mapped.cuts, mapped.utilisation, rows,
                                                 columns, mapped.joining_time, mapped.joining_capacitance)]),
        *([_Section("Margins", [], [_margins(margins)])] if margins else []),
        _Section("In a table of the field", [], [_row(spec, found, process, layers, own, rows, columns)]),
        _Section("Constants", [], [_constants(process)]),
    ]  # fmt: skip
    page = rendered_page(
        title=f"Design {found.number}",
        heading=f"Design {found.number}: {spec.dataset} on {process.name}",
        numbers=numbers,
        sections=sections,
        records=[_Record("the same again, bit for bit", "\n".join(found.commands))],
        note=_NOTE,
    )
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _number(value: float) -> Cell:
    return Cell(repr(float(value)), f"{value:.4g}", True)


def _percent(share: float) -> Cell:
    return Cell(repr(float(share)), f"{100 * share:.2f}", True)


def _requirements(spec: Specification, found: MeasuredDesign) -> Table:
    worst = found.worst(spec)
    rows = [[cell("accuracy / %, lower limit"), cell(f"at least {100 * spec.accuracy:g}"),
             _percent(worst.accuracy_limits(spec)[0])]]  # fmt: skip
    words = {"area_mm2": "area / mm2", "latency_us": "latency / µs", "supply_v": "supply / V", "rate_khz": "rate / kHz"}
    for name, text in words.items():
        limit = getattr(spec, name)
        value = max if name != "rate_khz" else min
        measured = value(getattr(one, name) for one in found.measurements)
        is_asked = 0 < limit < math.inf
        bound = f"{'at least' if name == 'rate_khz' else 'at most'} {limit:g}" if is_asked else "any"
        rows.append([cell(text), cell(bound), _number(measured)])
    about = f"The accuracy is that of {100 * spec.chip_yield:g} % of the chips, with a confidence of " \
            f"{100 * spec.confidence:g} %; of several trainings, the one that does worst counts."  # fmt: skip
    return Table("requirements", ["requirement", "required", "measured"], rows, about, "")


def _accuracies(spec: Specification, found: MeasuredDesign) -> Table:
    rows = []
    options = {"chip_yield": spec.chip_yield, "confidence": spec.confidence}
    for k, one in enumerate(found.measurements):
        for corner, chips in one.accuracies.items():
            passed = sum(accuracy >= spec.accuracy for accuracy in chips)
            least = proportion_limits(passed, len(chips), confidence=spec.confidence)[0]
            rows.append(
                [cell(str(spec.seed + 1 + k)), cell(corner), _percent(mean(chips)), _percent(stdev(chips)),
                 _percent(accuracy_limits(chips, one.n_samples, **options)[0]), cell(f"{passed} of {len(chips)}"),
                 _percent(least)]
            )  # fmt: skip
    head = [
        "seed",
        "corner, °C",
        "mean / %",
        "deviation",
        "lower limit / %",
        "chips that have it",
        "yield, at least / %",
    ]
    about = f"Chips on {found.measurements[0].n_samples:,} test samples, which neither training nor search has seen."
    return Table("accuracies", head, rows, about, "")


def _voltages(point: OperatingPoint) -> Table:
    p = point.process
    values = {
        "V_syn / V_th": point.circuit.e_plus,
        "threshold / V": point.v_th,
        "upper supply of the synapses / V": p.v_rest + point.v_plus,
        "lower supply of the synapses / V": p.v_rest + point.v_minus,
        "rest / V": p.v_rest,
        "window T / ns": 1e9 * p.window,
        "offset of a comparator / mV": 1e3 * p.comparator_offset,
        "offset of a comparator / V_th": float(point.thresholds(p.comparator_offset)),
        "delay of a comparator / T": p.comparator_delay / p.window,
    }
    rows = [[cell(name), _number(value)] for name, value in values.items()]
    return Table("operating point", ["quantity", "value"], rows, "Voltages and times.", "")


def _layers(process: Process, point: OperatingPoint, layers: Iterable[Columns]) -> Table:
    rows = []
    for depth, one in enumerate(layers, start=1):
        found = layer_devices(process, one)
        values = (one.rows, one.columns, 1e12 * float(point.scale(one.rows).capacitance), found.drawn,
                  1e-3 / found.largest, 1e-3 / found.smallest, found.widest, 1e12 * found.body,
                  point.spike_time_noise(one.rows))  # fmt: skip
        rows.append([cell(str(depth)), *map(_number, values)])
    head = ["layer", "rows", "columns", "C / pF", "devices", "least resistance / kOhm", "largest / kOhm",
            "widest switch / narrowest", "bodies of a column / pF", "noise / T"]  # fmt: skip
    return Table("layers", head, rows, "Columns, capacitors and devices of each layer.", "")


def _arrays(
    area: Mapping[str, float], arrays: Sequence[int], cuts: Sequence[int], utilisation: float, rows: int, columns: int,
    joining_time: float, joining_capacitance: float,
) -> Table:  # fmt: skip
    lines = [
        [cell("arrays of each layer"), cell(", ".join(map(str, arrays)))],
        [cell("parts of each column"), cell(", ".join(map(str, cuts)))],
        [cell("cells that are synapses / %"), _percent(utilisation)],
        *([cell(f"{part} / mm2"), _number(1e6 * x)] for part, x in area.items()),
        [cell("all / mm2"), _number(1e6 * sum(area.values()))],
        [cell("wires that join the parts of a column / fF"), _number(1e15 * joining_capacitance)],
        [cell("time in which they even out / T"), _number(joining_time)],
    ]
    about = f"On arrays of {rows} rows and {columns} columns; cells that are not synapses have their area too."
    return Table("arrays", ["quantity", "value"], lines, about, "")


def _margins(margins: Sequence[Margin]) -> Table:
    rows = [
        [cell(one.name.replace("_", " ")), _number(one.size), cell(f"{one.factor:g}"), _percent(one.accuracy)]
        for one in margins
    ]
    head = ["imperfection", "size", "may grow by a factor of", "accuracy there, lower limit / %"]
    about = (
        "Largest of the factors 1, 2, 4, 8 and 16 at which the accuracy is still met, while the others stay; 0: none."
    )
    return Table("margins", head, rows, about, "")


def _row(
    spec: Specification, found: MeasuredDesign, process: Process, layers: Sequence[Columns], own: tuple[float, float],
    rows: int, columns: int,
) -> Table:  # fmt: skip
    chips = [accuracy for one in found.measurements for of in one.accuracies.values() for accuracy in of]
    bits = f"{found.design.bits} bit" if found.design.bits else "analog"
    values = {
        "process": cell(f"{process.name}, {process.v_supply:g} V"),
        "array": cell(f"{rows} x {columns}"),
        "synapses": cell(f"{sum(one.rows * one.columns for one in layers)}"),
        "inputs, weights, outputs": cell(f"spike times, {bits}, spike times"),
        "TOPS/W": _number(own[0]),
        "TOPS/mm2": _number(own[1]),
        "data set": cell(spec.dataset),
        "accuracy / %": _percent(mean(chips)),
        "status": cell("simulated"),
    }
    return Table("comparison", [*values], [[*values.values()]], "Two operations for each synapse.", "")


def _constants(process: Process) -> Table:
    rows = [
        [cell(one.name.replace("_", " ")), _number(one.value), cell("" if one.unit == "1" else one.unit),
         cell("follows from the design" if one.source == "given" else one.source)]
        for one in process.constants
    ]  # fmt: skip
    about = f"Constants of {process.name}; numbers in brackets are the sources at the head of its file."
    return Table("constants", ["constant", "value", "unit", "source"], rows, about, "")


def _svg(figure: object) -> str:
    with tempfile.TemporaryDirectory() as folder:
        svg, _ = plots.save_figure(figure, Path(folder, "figure"))  # type: ignore[arg-type]
        content = svg.read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"


def _schematic(point: OperatingPoint, layers: Sequence[Columns]) -> str:
    """Two synapses, the capacitor, the ramp and the comparator of a column, with their values."""
    p, first = point.process, layers[0]
    found = layer_devices(p, first)
    rest = p.v_rest
    labels = {
        (92, 34): f"{rest + point.v_plus:.3g} V",
        (92, 224): f"{rest + point.v_minus:.3g} V",
        (92, 84): f"{1e-3 / found.largest:.3g} to {1e-3 / found.smallest:.3g} kΩ",
        (212, 176): f"{1e12 * float(point.scale(first.rows).capacitance):.3g} pF",
        (310, 76): f"ramp {point.v_th / p.window * 1e-6:.3g} V/µs",
        (290, 184): f"threshold {rest + point.v_th:.3g} V",
        (290, 202): f"T = {1e9 * p.window:.3g} ns",
        (92, 66): f"{first.rows} rows",
    }
    texts = "".join(f'<text x="{x}" y="{y}">{text}</text>' for (x, y), text in labels.items())
    lines = (
        "M40 30h40 M60 30v12 m-8 0h16 M60 50l8-8 M60 50v10 M52 60h16v36h-16z M60 96v29"  # upper rail, switch, resistor
        "M40 220h40 M60 220v-12 m-8 0h16 M60 200l8 8 M60 200v-10 M52 154h16v36h-16z M60 154v-29"
        "M60 125H370 M200 125v30 M184 155h32 M184 163h32 M200 163v22 M190 185h20"
        "M290 125V84 M290 72m-12 0a12 12 0 1 0 24 0a12 12 0 1 0-24 0 M290 60v-18 M290 64v14m-4-5l4 6 4-6"
        "M370 105v60l56-30z M426 135h34 M350 152h20"
    )
    style = "text{font:12px sans-serif;fill:#2b2b2b}path{stroke:#2b2b2b;fill:none;stroke-width:1.4}"
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 520 245" width="520" height="245">'
        f'<style>{style}</style><path d="{lines}"/>{texts}</svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"

"""What `rcspike spice` simulates: the layers of a model in volts and farads, by a process or by options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rcspike.chips import Devices, program
from rcspike.cli import process_options
from rcspike.cli.process_lines import process_lines
from rcspike.cli.shared_options import given
from rcspike.cli.transistor_options import ColumnOptions, check_drop
from rcspike.energy import PhysicalScale, columns_of, operating_point, process_names
from rcspike.experiments.process_networks import as_devices, on_switches
from rcspike.network import LayeredNetwork, Network
from rcspike.spice import ResistorBody, Transistors, with_switch_resistance

__all__ = ["DeviceOptions", "SimulatedColumns", "simulated_columns"]

# Options in whose place a process has a constant.
_CONSTANTS = {
    "capacitance": "capacitance",
    "window": "window",
    "v_th": "v_th",
    "body": "device_capacitance_per_ohm",
    "position": "device_position",
    "on_off": "device_min_conductance",
}


@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """The process that the columns are made in, or the range of their devices."""

    process: Annotated[
        str | None,
        typer.Option(
            help="Process that says volts, farads, bodies of resistors, switches and device pairs: "
            f"{', '.join(process_names())}, or the path of a TOML file.",
            metavar="NAME",
            show_default="what the options say",
        ),
    ] = None
    hold: process_options.HoldOption = "rails"
    constant: process_options.Constants = None
    on_off: Annotated[
        float | None,
        typer.Option(
            help="Ratio of the largest to the least conductance of a device. Each synapse then has a device to either "
            "rail, and the one that its weight does not use has the least.",
            show_default="one device for each weight",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SimulatedColumns:
    """A model as `rcspike spice` simulates it."""

    weights: Network  # in the circuit that is simulated
    network: LayeredNetwork  # the same, or a chip with both devices of each weight
    scales: tuple[PhysicalScale, ...]  # of the resistors of each layer
    transistors: tuple[Transistors | None, ...]  # of each layer; None are ideal parts
    body: ResistorBody | None  # of the resistors, unless it is in the circuit
    settings: dict[str, Any]
    lines: tuple[str, ...] = ()  # for the terminal


def simulated_columns(
    network: Network, model: Path, columns: ColumnOptions, devices: DeviceOptions
) -> SimulatedColumns:
    """A model with the options of a command; a ValueError if they contradict each other, or the model."""
    _check(columns, devices)
    if devices.process is None:
        return _by_options(network, model, columns, devices.on_off)
    return _by_process(network, model, columns, devices, devices.process)


def _by_options(network: Network, model: Path, columns: ColumnOptions, on_off: float | None) -> SimulatedColumns:
    design, resistors = columns.design(network, model)
    check_drop(model, network, design, columns.fitted)
    if columns.body is not None and network.circuit.loads_membranes:
        raise ValueError(f"--body {columns.body:g}: {model} has the load of its rows in its circuit, leave it out")
    scales = (resistors,) * len(network.layers)
    body = columns.resistor_body
    return SimulatedColumns(
        weights=network,
        network=network if on_off is None else program(network, seed=0, devices=Devices(on_off=on_off)),
        scales=scales,
        transistors=tuple(design and replace(design, body=one) for one in _bodies(network, scales, body)),
        body=body,
        settings=given(on_off=on_off, body=body) | {"scale": columns.scale},
    )


def _by_process(
    network: Network, model: Path, columns: ColumnOptions, devices: DeviceOptions, name: str
) -> SimulatedColumns:
    process = process_options.chosen_process(name, devices.constant or [])
    point = operating_point(network.circuit, process, hold=devices.hold)
    network = on_switches(network, point)
    lines = tuple(process_lines(network, point))
    of_layers = [columns_of(layer) for layer in network.layers]
    scales = tuple(point.scale(one.rows) for one in of_layers)
    per_ohm, body = process.device_capacitance_per_ohm, None
    if per_ohm > 0 and not network.circuit.loads_membranes:
        body = ResistorBody(capacitance_per_ohm=per_ohm, position=process.device_position)
    design = columns.transistors(
        scale=scales[0], rails=(point.v_plus, point.v_minus), v_supply=process.v_supply, v_rest=process.v_rest
    )
    check_drop(model, network, design, None)
    if design is not None and network.circuit.loads_membranes:  # as wide as the engine's, and resistors without them
        ohms = process.switch_resistance_plus, process.switch_resistance_minus
        widths = process.switch_margin * ohms[0], process.switch_margin * ohms[1]
        design = with_switch_resistance(replace(design, width_per_siemens=widths))
    if design is not None:  # their ramps start after the guard time, and an ideal comparator has no delay
        delay = design.guard + (0.0 if design.comparator == "ideal" else network.circuit.delay)
        network = network.rescaled(replace(network.circuit, delay=delay), plus=1.0, minus=1.0)
    parts = zip(scales, _bodies(network, scales, body), strict=True)
    constants = {"constants": process_options.process_constants(process), "hold": devices.hold}
    return SimulatedColumns(
        weights=network,
        network=as_devices(network, process),
        scales=scales,
        transistors=tuple(design and replace(design, scale=scale, body=one) for scale, one in parts),
        body=body,
        settings=given(body=body) | {"scale": scales} | constants,
        lines=lines,
    )


def _bodies(
    network: Network, scales: Sequence[PhysicalScale], body: ResistorBody | None
) -> Iterator[ResistorBody | None]:
    """Of the resistors of each layer: those of its circuit, if it has a load."""
    for layer, scale in zip(network.layers, scales, strict=True):
        yield body or ResistorBody.of(layer.circuit.loads[0], scale)


def _check(columns: ColumnOptions, devices: DeviceOptions) -> None:
    """Raise a ValueError if options contradict each other."""
    if devices.process is None:
        of_process = {"--hold": devices.hold != "rails", "--constant": bool(devices.constant)}
        for option in (name for name, typed in of_process.items() if typed):
            raise ValueError(f"{option} is of a process: add --process, such as --process sky130-poly")
        if devices.on_off is not None and columns.fitted is not None:
            raise ValueError("--on-off: a fit is of one device for each weight, leave out --fitted or --on-off")
        return
    if columns.fitted is not None:
        raise ValueError("--fitted has the capacitance and the rails of a fit: leave out --process")
    for name, constant in _CONSTANTS.items():
        if getattr(devices if name == "on_off" else columns, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} is what the process says: leave it out, or give --constant "
                f"{constant}=VALUE"
            )

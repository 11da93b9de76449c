"""What the terminal says of a network in a process: voltages, capacitors, and the devices of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple

from rcspike.energy import Columns, OperatingPoint, Process, columns_of, layer_devices
from rcspike.network import LayeredNetwork

__all__ = ["device_lines", "load_lines", "process_lines", "voltage_lines"]


def process_lines(network: LayeredNetwork, point: OperatingPoint) -> Iterator[str]:
    """A network in a process: its devices, voltages, capacitors, and what each layer needs."""
    p, columns = point.process, [columns_of(layer) for layer in network.layers]
    yield f"synapses     {p.device}, process {p.name}"
    yield from voltage_lines(point, columns)
    if columns[0].g_plus is not None:
        yield from device_lines(p, columns)
    yield from load_lines(network, point)


def load_lines(network: LayeredNetwork, point: OperatingPoint) -> Iterator[str]:
    """A warning, if the model has the loads of another process than this."""
    if not network.circuit.loads_membranes:
        return
    own, here = network.circuit.loads, [point.load(columns_of(layer).rows) for layer in network.layers]
    pairs = zip(own * len(here) if len(own) == 1 else own, here, strict=True)
    numbers = ((a, b) for one, other in pairs for a, b in zip(astuple(one), astuple(other), strict=True))
    if all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-12) for a, b in numbers):
        return
    yield (
        f"warning      the model has other rows' loads than this {point.process.name} gives them, a body of "
        f"{own[0].body:.3g} instead of {here[0].body:.3g} C^2/T in layer 1: it was trained in another process, or with "
        f"other constants; rcspike train DATA --start RUN --process {point.process.name} trains it in this one"
    )


def voltage_lines(point: OperatingPoint, columns: Sequence[Columns]) -> Iterator[str]:
    """Threshold, rails, and the capacitor of a neuron of each layer."""
    p = point.process
    yield (
        f"voltages     {p.name} with fixed {point.hold}: V_th {point.v_th:.4g} V, supplies of the synapses "
        f"{point.v_plus:+.4g} and {point.v_minus:+.4g} V, around a rest of {p.v_rest:g} V"
    )
    capacitances = ", ".join(f"{1e12 * point.scale(one.rows).capacitance:.3g}" for one in columns)
    yield f"membranes    {capacitances} pF a neuron of each layer, {p.window * 1e6:g} µs a window"


def device_lines(process: Process, columns: Iterable[Columns]) -> Iterator[str]:
    """A line for each layer: its devices, and how many weights a device of the process cannot have."""
    for depth, one in enumerate(columns, start=1):
        found = layer_devices(process, one)
        body = f", {1e12 * found.body:.3g} pF of bodies in a column" if found.body else ""
        outside = [
            f"{n:,} weights {word} what the device can have"
            for n, word in ((found.below, "below"), (found.above, "above"))
            if n
        ]
        weights = f"weights of {_ohms(found.largest)} to {_ohms(found.smallest)}"
        yield (
            f"layer {depth}      {found.drawn:,} devices, {weights}, "
            f"switches up to {found.widest:.3g} times the narrowest{body}{''.join(f'; {text}' for text in outside)}"
        )


def _ohms(siemens: float) -> str:
    if siemens == 0:
        return "no resistor"
    ohms = 1 / siemens
    return f"{ohms / 1e6:.3g} MOhm" if ohms >= 999.5e3 else f"{ohms / 1e3:.3g} kOhm"

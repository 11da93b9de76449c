"""What the terminal says of a network in a process: voltages, capacitors, and the devices of its weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rcspike.energy import Columns, OperatingPoint, Process, layer_devices

__all__ = ["device_lines", "process_lines", "voltage_lines"]


def process_lines(point: OperatingPoint, columns: Sequence[Columns]) -> Iterator[str]:
    """A network in a process: its devices, voltages, capacitors, and what each layer needs."""
    p = point.process
    yield f"synapses     {p.device}, process {p.name}"
    yield from voltage_lines(point, columns)
    if columns[0].g_plus is not None:
        yield from device_lines(p, columns)


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
    return f"{ohms / 1e6:.3g} MOhm" if ohms >= 1e6 else f"{ohms / 1e3:.3g} kOhm"

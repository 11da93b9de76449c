"""What the terminal says of the devices that the weights of a network need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rcspike.energy import Columns, Process, layer_devices

__all__ = ["device_lines"]


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

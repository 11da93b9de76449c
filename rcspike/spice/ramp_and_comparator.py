"""Ramp and comparator of a neuron at transistor level, as subcircuits.

Both are sized for rails of 0.45 V around half of a supply of 1.8 V, and a threshold at the upper rail. References are
buffered ideally: six neurons that share one without a capacitor shift each other's spikes by 1 % of T.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from rcspike.spice.model_card import Card
from rcspike.spice.pdk import Fet

Sizes = Callable[[str, float, float], Fet]  # a transistor of a device, width and length in m
Draw = Callable[
    [float, int], npt.NDArray[np.float64]
]  # (n,) shifts of threshold voltages, of a standard deviation in V

_TAIL = 1e-6  # A, of the differential pair
# Name, device, W and L in um, and nodes (drain, gate, source) of each transistor. The output of the pair swings between
# the supply and the source of the pair, 0.7 V, so that the first inverter has a strong pfet and a weak nfet.
_OTA = (
    ("in", "nfet_01v8", 2.0, 0.5, "x", "m", "tail"),
    ("reference", "nfet_01v8", 2.0, 0.5, "out", "threshold", "tail"),
    ("tail", "nfet_01v8", 1.0, 1.0, "tail", "bias", "0"),
    ("diode", "pfet_01v8", 1.0, 0.5, "x", "x", "comparator"),
    ("copy", "pfet_01v8", 1.0, 0.5, "out", "x", "comparator"),
    ("p1", "pfet_01v8", 2.0, 0.15, "y", "out", "comparator"),
    ("n1", "nfet_01v8", 0.42, 1.0, "y", "out", "0"),
    ("p2", "pfet_01v8", 1.0, 0.15, "s", "y", "comparator"),
    ("n2", "nfet_01v8", 0.42, 0.15, "s", "y", "0"),
)
_BIAS = ("nfet_01v8", 1.0, 1.0)
_MIRROR = ("pfet_01v8", 1.0, 4.0)
_MIRROR_SWITCH = ("pfet_01v8", 0.42, 0.25)


def comparator_cards(fet: Sizes) -> list[Card]:
    """Cards of the transistors of a comparator, some of them several times."""
    return [_sized(fet, device, w, length).card for _, device, w, length, *_ in _OTA] + [_sized(fet, *_BIAS).card]


def comparator_common(fet: Sizes) -> Iterator[str]:
    """The bias of all comparators: each is a differential pair with a mirror, and two inverters."""
    yield "* Bias of the comparators"
    yield f"Ibias supply bias_reference {_TAIL:g}"
    yield _sized(fet, *_BIAS).line("bias", "bias_reference", "bias_reference", "0", "0")
    yield "Ebias bias 0 bias_reference 0 1"


def comparator_lines(neuron: int, fet: Sizes, draw: Draw) -> Iterator[str]:
    """Comparator of a neuron, from its membrane to its output node."""
    common = ("0", "threshold", "bias", "comparator")
    for name, device, w, length, *nodes in _OTA:
        one = _sized(fet, device, w, length)
        drain, gate, source = (node if node in common else f"{node}{neuron}" for node in nodes)
        bulk = "0" if device.startswith("n") else "comparator"
        shift = float(draw(one.mismatch, 1)[0])
        yield one.line(f"c{name}_{neuron}", drain, gate, source, bulk, shift=shift)


def mirror_cards(fet: Sizes) -> list[Card]:
    """Cards of the transistors of a ramp."""
    return [_sized(fet, *_MIRROR).card, _sized(fet, *_MIRROR_SWITCH).card]


def mirror_common(fet: Sizes, current: float, multiple: int = 1) -> Iterator[str]:
    """The reference of all ramps: a mirror of some transistors, whose outputs switches connect to the membranes."""
    yield "* Reference of the ramps"
    yield f"Ireference mirror_reference 0 {current:.9g}"
    reference = ("mirror_reference", "mirror_reference", "supply", "supply")
    yield _sized(fet, *_MIRROR).line("reference", *reference, multiple=multiple)
    yield "Emirror mirror 0 mirror_reference 0 1"


def mirror_lines(membrane: str, fet: Sizes, draw: Draw, multiple: int = 1) -> Iterator[str]:
    """Ramp of a membrane ``m...``, `multiple` transistors; the switch conducts while node ``fire`` is low."""
    number = membrane[1:]
    ends = (f"r{number}", "mirror", "ramp", "ramp"), (membrane, "fire", f"r{number}", "ramp")
    for name, sizes, nodes in zip(("mirror", "fire"), (_MIRROR, _MIRROR_SWITCH), ends, strict=True):
        one = _sized(fet, *sizes)
        shift = float(draw(one.mismatch / multiple**0.5, 1)[0])  # as the mismatch of thresholds goes with the area
        yield one.line(f"{name}_{number}", *nodes, multiple=multiple, shift=shift)


def _sized(fet: Sizes, device: str, width: float, length: float) -> Fet:
    return fet(device, width * 1e-6, length * 1e-6)

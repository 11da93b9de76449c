"""What the kind of neurons decides in the netlist of a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rcspike.energy import PhysicalScale
from rcspike.functional.neuron_kinds import Phases, supported
from rcspike.neurons import neuron_kind

# Rise time of a spike in T. A spike time is late by no more than that, a two-hundredth of 0.02 % of T.
EDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class NeuronNetlist:
    """The lines of a netlist that depend on the kind of neurons."""

    listens: float  # time in T from which on inputs do not count
    stop: float  # time in T at which the simulation ends
    ramps: str  # when the ramps run, as a comment
    fire: str  # value of the source that starts the ramps
    axons: str  # how long an axon is high, as a comment
    falls: str  # corners of the source of an axon after its spike
    after: str  # from when on a crossing of the threshold is measured
    fails: str  # neurons for which this measurement fails


def neuron_netlist(phases: Phases, until: float | None, scale: PhysicalScale) -> NeuronNetlist:
    """The part of the neurons in a netlist; a ValueError if `until` is out of range, or cannot be chosen."""
    return _NETLISTS(phases)(neuron_kind(phases).end(until), scale)


def _with_ramps(end: float, scale: PhysicalScale) -> NeuronNetlist:
    falls = edge(scale, scale.window)
    return NeuronNetlist(
        listens=1.0,
        stop=end + 0.001,
        ramps="the phases: inputs count from 0 to T, then the ramps run",
        fire="PWL(0 0 {} 0 {} 1)".format(*falls),
        axons="to the end of the phase",
        falls=" {} 1 {} 0".format(*falls),
        after=f" TD={si(scale.window)}",
        fails="one that is silent or saturated",
    )


def _without_ramps(end: float, scale: PhysicalScale) -> NeuronNetlist:
    return NeuronNetlist(
        listens=end,
        stop=end,
        ramps="ramps that never run",
        fire="0",
        axons="on",
        falls="",
        after="",
        fails="a silent one",
    )


_NETLISTS: Callable[[str], Callable[[float, PhysicalScale], NeuronNetlist]] = supported(
    "a netlist", two=_with_ramps, single=_without_ramps
)


def edge(scale: PhysicalScale, t: float) -> tuple[str, str]:
    """Start and end in s of an edge in the middle of which a source is at half of its step, at a time in s."""
    half = 0.5 * EDGE * scale.window
    return si(t - half), si(t + half)


def si(x: float) -> str:
    """A number as netlists have it."""
    return f"{x:.9g}"

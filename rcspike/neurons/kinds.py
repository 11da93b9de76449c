"""The kinds of neurons by name, and what a use asks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rcspike.functional.neuron_kinds import PHASES, Phases, by_kind
from rcspike.neurons import single_phase, two_phase
from rcspike.neurons.protocol import NeuronKind

__all__ = [
    "DEFAULT",
    "PHASES",
    "NeuronKind",
    "Phases",
    "check_taken",
    "neuron_kind",
    "single_phase_only",
    "taken",
    "two_phase_only",
    "unless_default",
]

DEFAULT: Phases = "two"

_kinds: Callable[[str], NeuronKind] = by_kind(two=two_phase, single=single_phase)


class _WithNeurons(Protocol):
    @property
    def phases(self) -> Phases:
        """Name of the kind of its neurons."""


def neuron_kind(phases: str) -> NeuronKind:
    """The part of a layer that its neurons are, by the name of their kind.

    Raises
    ------
    ValueError
        If there is no kind of this name.

    Examples
    --------
    >>> neuron_kind("single").unit
    'T'
    """
    return _kinds(phases)


def check_taken(phases: str, given: Mapping[str, Any], spell: Callable[[str], str] = str) -> None:
    """Raise a ValueError for the first setting or option that does not apply to a kind of neurons.

    Parameters
    ----------
    phases : {"two", "single"}
    given : mapping
        Values by name.
    spell : function
        Returns the name that a user knows.

    Examples
    --------
    >>> check_taken("two", {"max_slope": 5.0})
    Traceback (most recent call last):
    ...
    ValueError: max_slope 5.0 applies only to single-phase neurons: leave it out, or choose phases='single'
    """
    reasons = neuron_kind(phases).not_taken
    for name in given:
        if name in reasons:
            others = [repr(other) for other in PHASES if name not in neuron_kind(other).not_taken]
            raise ValueError(
                f"{spell(name)} {given[name]} {reasons[name]}: leave it out, or choose phases={' or '.join(others)}"
            )


def taken(phases: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some settings that apply to a kind of neurons.

    Examples
    --------
    >>> taken("two", {"silent_penalty": 1e-4})
    {}
    """
    return {name: value for name, value in values.items() if name not in neuron_kind(phases).not_taken}


def unless_default(phases: Phases) -> dict[str, Phases]:
    """The name of a kind of neurons as a record has it: not at all for the default kind.

    Examples
    --------
    >>> unless_default("two"), unless_default("single")
    ({}, {'phases': 'single'})
    """
    return {} if phases == DEFAULT else {"phases": phases}


def two_phase_only(layer: _WithNeurons, use: str) -> None:
    """Raise a ValueError that names the use if the neurons of a layer or network do not have two phases."""
    if layer.phases != two_phase.name:
        raise ValueError(f"{use} needs neurons of two phases, these spike while they charge (phases={layer.phases!r})")


def single_phase_only(layer: _WithNeurons, use: str) -> None:
    """Raise a ValueError that names the use if the neurons of a layer or network do not have a single phase."""
    if layer.phases != single_phase.name:
        raise ValueError(f"{use} needs neurons of a single phase, these have two (phases={layer.phases!r})")

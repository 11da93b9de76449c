"""The kinds of neurons: one file for each, their names, and the outputs of a network that know what they are."""

from rcspike.neurons.kinds import (
    DEFAULT,
    PHASES,
    NeuronKind,
    Phases,
    check_taken,
    neuron_kind,
    single_phase_only,
    taken,
    two_phase_only,
    unless_default,
)
from rcspike.neurons.outputs import Outputs

__all__ = [
    "DEFAULT",
    "PHASES",
    "NeuronKind",
    "Outputs",
    "Phases",
    "check_taken",
    "neuron_kind",
    "single_phase_only",
    "taken",
    "two_phase_only",
    "unless_default",
]


def __dir__() -> list[str]:
    return __all__

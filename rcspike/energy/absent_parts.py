"""Why a part of a circuit costs nothing, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rcspike.energy.inference_energy import Joules
from rcspike.energy.process import Process

# Parts that a circuit does not have, whatever the constants.
_LACKING: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("RC-Spike", "op-amps"): "nothing holds the membrane, whose voltage the currents may depend on",
        ("virtual ground", "selector drop"): "the selector is a switch, as the low read voltage demands",
        ("current sources", "selector drop"): "what a source drops is its headroom, a part of the synapses",
        ("current sources", "op-amps"): "the headroom of the sources takes the place of a held node",
    }
)
# Constants of which at least one must be above 0 for a part to cost anything.
_CONSTANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "axon lines": ("row_wire_capacitance", "switch_gate_capacitance", "row_junction_capacitance"),
        "drivers": ("driver_overhead", "level_shifter_energy"),
        "selector drop": ("diode_drop",),
        "references": ("reference_current",),
        "comparators": ("comparator_current", "comparator_time"),
        "reset": ("reset_capacitance",),
        "leakage": ("switch_off_current", "neuron_leakage"),
    }
)


def zero_reasons(circuit: str, parts: Mapping[str, Joules], process: Process) -> dict[str, str]:
    """The reason of each part of a circuit that takes no energy in any layer or sample, by the name of the part.

    Parameters
    ----------
    circuit : {"RC-Spike", "virtual ground", "current sources"}
    parts : mapping
        Energies as `energy_parts` or one of ``BASELINES`` returns them.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> parts = {"ramp": np.ones((1, 2)), "selector drop": np.zeros((1, 2))}
    >>> zero_reasons("RC-Spike", parts, load_process())
    {'selector drop': 'the selector is a switch, whose resistance is a part of the synapses'}
    """
    return {part: _reason(circuit, part, process) for part, joules in parts.items() if not joules.any()}


def _reason(circuit: str, part: str, process: Process) -> str:
    if (circuit, part) in _LACKING:
        return _LACKING[circuit, part]
    if part == "selector drop" and process.selector == "switch":
        return "the selector is a switch, whose resistance is a part of the synapses"
    if none := [name for name in _CONSTANTS.get(part, ()) if getattr(process, name) == 0]:
        return f"{process.name} has 0 for {' and '.join(none)}"
    if part == "ramp":
        return "no ramp runs: neurons spike while they charge, or are at the threshold when they have charged"
    return "no spike of these samples drives it"

"""A model in a process: on its switches, and with the devices of its weights."""

from __future__ import annotations

import math
from dataclasses import replace

from rcspike.chips import process_devices, program
from rcspike.energy import OperatingPoint, Process, with_switches
from rcspike.network import LayeredNetwork, Network, has_maps
from rcspike.neurons import DEFAULT
from rcspike.row_load import RowLoad

__all__ = ["as_devices", "on_switches", "without_loads"]


def on_switches(network: Network, point: OperatingPoint) -> Network:
    """The network on switches, bodies and comparators of a process, if it has switches and the circuit none yet."""
    has_own = network.circuit.injects or network.circuit.loads_membranes
    if point.process.selector != "switch" or network.phases != DEFAULT or has_own:
        return network
    return with_switches(network, point)


def without_loads(network: Network) -> Network:
    """The network on a circuit whose rows do not load the membranes, without what else a process gave it."""
    if not network.circuit.loads_membranes:
        return network
    circuit = replace(network.circuit, injection=(0.0, 0.0), load=RowLoad(), delay=0.0)
    return network.rescaled(circuit, plus=1.0, minus=1.0)


def as_devices(network: Network, process: Process) -> LayeredNetwork:
    """The network with the conductance of devices that cannot be switched off, if the process has such."""
    circuit = network.circuit
    has_rails = math.isfinite(circuit.e_plus) or math.isfinite(circuit.e_minus)
    if process.devices_per_synapse == 1 or process.device_min_conductance == 0 or not has_rails:
        return network
    if network.phases != DEFAULT or has_maps(layer.wiring for layer in network.layers):
        raise ValueError(
            f"the devices of {process.name} conduct {1e6 * process.device_min_conductance:g} uS at least, which is "
            "counted in dense two-phase networks only: --constant device_min_conductance=0 leaves it out"
        )
    return program(network, seed=0, devices=process_devices(process, network))

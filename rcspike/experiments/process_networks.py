"""A network in a process: on its switches, within the range of its devices, and as chips with their mismatch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rcspike.chips import (
    DeviceModel,
    Devices,
    Effect,
    ProcessCorner,
    SwitchLeakage,
    Variation,
    process_device_model,
    process_devices,
    program,
)
from rcspike.energy import OperatingPoint, Process, clipped, columns_of, operating_point, weight_range, with_switches
from rcspike.network import LayeredNetwork, Network, has_maps
from rcspike.neurons import DEFAULT
from rcspike.row_load import RowLoad

__all__ = ["as_devices", "chips_of_process", "in_process", "on_switches", "training_devices", "without_loads"]

_NOMINAL_KELVIN = 300.0  # at which resistors are as designed


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


def in_process(network: Network, process: Process) -> Network:
    """The network within the range of the devices, on the switches and bodies of the process.

    A ValueError if no weight of a layer can be made.
    """
    network = without_loads(network)  # a model of another process would keep those
    within = clipped(network, process)
    for depth, (layer, before) in enumerate(zip(within.layers, network.layers, strict=True), start=1):
        if before.weights.any() and not layer.weights.any():
            rows = columns_of(layer).rows
            least, most = weight_range(process, network.circuit, rows)
            farads = operating_point(network.circuit, process).scale(rows).capacitance
            raise ValueError(
                f"no weight of layer {depth} can be made: on its {1e12 * farads:.3g} pF the devices of {process.name} "
                f"are weights of {least:.3g} to {most:.3g}, and it has at most {np.abs(before.weights).max():.3g}; "
                "take another capacitance, window or process"
            )
    return on_switches(within, operating_point(network.circuit, process))


def training_devices(process: Process, network: Network, others: DeviceModel | None) -> DeviceModel:
    """The devices of a process, with the effects of others, whose range is not known."""
    own = process_device_model(process, network)
    if network.circuit.loads_membranes and own.off:  # with which the engine draws no pairs
        own = DeviceModel(w_max=own.w_max, w_min=own.w_min)
    if others is None:
        return own
    if others.off or others.w_max:
        raise ValueError("the file of devices has a range (on_off, w_max), and so has --process: leave one of them out")
    return replace(
        others,
        **{name: getattr(own, name) for name in ("off", "w_max", "w_min")},
        proportional=math.hypot(own.proportional, others.proportional),
    )


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


def chips_of_process(
    point: OperatingPoint, network: Network, effects: Sequence[Effect], devices: Devices
) -> tuple[tuple[Effect, ...], Devices]:
    """Effects and devices with what the process says: mismatch, temperature of the resistors, leakage of the switches.

    The off current is that of the layer with the smallest capacitor, in which it does most.
    """
    process = point.process
    mismatch = process_device_model(process, network).proportional
    own: list[Effect] = [Variation(sigma=mismatch, kind="gaussian")] if mismatch else []
    warmer = process.device_temperature_coefficient * (process.temperature - _NOMINAL_KELVIN)
    own += [ProcessCorner(resistance=warmer)] if warmer else []  # ramps keep their current
    leak = max(point.off_current(columns_of(layer).rows) for layer in network.layers)
    own += [SwitchLeakage(current=leak)] if leak and process.selector == "switch" else []
    return (*own, *effects), process_devices(process, network) if devices == Devices() else devices

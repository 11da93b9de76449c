"""Netlists of trained networks, ngspice beside the engine, and circuits fitted to measurements."""

from rcspike.spice.netlist import conductances, layer_netlist, library
from rcspike.spice.run import Measured, find_ngspice, run_ngspice, simulate_layer
from rcspike.spice.verify import Comparison, compare_layer, compare_network, input_times

__all__ = [
    "Comparison",
    "Measured",
    "compare_layer",
    "compare_network",
    "conductances",
    "find_ngspice",
    "input_times",
    "layer_netlist",
    "library",
    "run_ngspice",
    "simulate_layer",
]

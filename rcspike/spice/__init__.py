"""Netlists of trained networks, ngspice beside the engine, and circuits fitted to measurements."""

from rcspike.spice.netlist import conductances, layer_netlist, library
from rcspike.spice.run import Measured, find_ngspice, run_ngspice, simulate_layer

__all__ = ["Measured", "conductances", "find_ngspice", "layer_netlist", "library", "run_ngspice", "simulate_layer"]

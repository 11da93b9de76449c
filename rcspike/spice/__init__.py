"""Netlists of trained networks, comparison of ngspice with the engine, and circuits fitted to measurements."""

from rcspike.spice.engine_comparison import (
    Comparison,
    compare_layer,
    compare_network,
    input_times,
    modelled_diode,
    rail_energy,
    spike_time_errors,
)
from rcspike.spice.fitted_corner import in_corner
from rcspike.spice.fitting import Fit, calibrated, fit
from rcspike.spice.ideal_netlist import layer_conductances, layer_netlist, library, verilog_a
from rcspike.spice.layer_simulation import Measured, simulate_layer
from rcspike.spice.loaded_columns import column_voltages
from rcspike.spice.measurements import (
    Measurements,
    read_csv,
    spike_measurements,
    waveform_measurements,
    write_csv,
)
from rcspike.spice.model_card import Card
from rcspike.spice.neuron_calibration import NeuronCalibration, calibrate_neurons, ramp_times
from rcspike.spice.ngspice import find_ngspice, run_ngspice
from rcspike.spice.part_noise import ComparatorNoise, RampNoise, comparator_noise, ramp_noise
from rcspike.spice.pdk import CORNERS, Fet, JunctionDiode, Pdk, find_pdk
from rcspike.spice.resistor_bodies import ResistorBody
from rcspike.spice.switch_resistance import with_switch_resistance
from rcspike.spice.transistors import COMPARATORS, RAMPS, SYNAPSES, Transistors, transistor_netlist

__all__ = [
    "COMPARATORS",
    "CORNERS",
    "RAMPS",
    "SYNAPSES",
    "Card",
    "ComparatorNoise",
    "Comparison",
    "Fet",
    "Fit",
    "JunctionDiode",
    "Measured",
    "Measurements",
    "NeuronCalibration",
    "Pdk",
    "RampNoise",
    "ResistorBody",
    "Transistors",
    "calibrate_neurons",
    "calibrated",
    "column_voltages",
    "comparator_noise",
    "compare_layer",
    "compare_network",
    "find_ngspice",
    "find_pdk",
    "fit",
    "in_corner",
    "input_times",
    "layer_conductances",
    "layer_netlist",
    "library",
    "modelled_diode",
    "rail_energy",
    "ramp_noise",
    "ramp_times",
    "read_csv",
    "run_ngspice",
    "simulate_layer",
    "spike_measurements",
    "spike_time_errors",
    "transistor_netlist",
    "verilog_a",
    "waveform_measurements",
    "with_switch_resistance",
    "write_csv",
]


def __dir__() -> list[str]:
    return __all__

"""The public names of `rcspike.energy`, which are all imported when the first of them is used."""

from rcspike.energy.absent_parts import zero_reasons
from rcspike.energy.activity_counts import Activity, Columns, activity, columns_of
from rcspike.energy.area import area_in_turn, array_area, memory_area
from rcspike.energy.array_mapping import ArrayMapping, map_to_arrays
from rcspike.energy.baselines import (
    BASELINES,
    baseline_parts,
    current_source_parts,
    opamp_missing,
    sources_fit,
    virtual_ground_parts,
)
from rcspike.energy.energy_in_turn import energy_parts_in_turn
from rcspike.energy.energy_ratios import RatioRange, Sensitivity, ratio_range
from rcspike.energy.inference_energy import PARTS, Efficiency, efficiency, energy_parts, mean_energy, tops_per_watt
from rcspike.energy.noisy_crossings import crossing_jitter
from rcspike.energy.operating_point_in_volts import HOLDS, Hold, OperatingPoint, operating_point
from rcspike.energy.process import Constant, Process, load_process, process_names, process_text
from rcspike.energy.si_units import PhysicalScale
from rcspike.energy.switch_transistor import SwitchCharge, at_corner, off_current, switch_charge
from rcspike.energy.synapse_devices import (
    LayerDevices,
    clipped,
    device_conductances,
    layer_devices,
    weight_range,
    with_switches,
)
from rcspike.energy.turn_schedule import Turns, column_turns, latency_in_turn, memory_bits

__all__ = [
    "BASELINES",
    "HOLDS",
    "PARTS",
    "Activity",
    "ArrayMapping",
    "Columns",
    "Constant",
    "Efficiency",
    "Hold",
    "LayerDevices",
    "OperatingPoint",
    "PhysicalScale",
    "Process",
    "RatioRange",
    "Sensitivity",
    "SwitchCharge",
    "Turns",
    "activity",
    "area_in_turn",
    "array_area",
    "at_corner",
    "baseline_parts",
    "clipped",
    "column_turns",
    "columns_of",
    "crossing_jitter",
    "current_source_parts",
    "device_conductances",
    "efficiency",
    "energy_parts",
    "energy_parts_in_turn",
    "latency_in_turn",
    "layer_devices",
    "load_process",
    "map_to_arrays",
    "mean_energy",
    "memory_area",
    "memory_bits",
    "off_current",
    "opamp_missing",
    "operating_point",
    "process_names",
    "process_text",
    "ratio_range",
    "sources_fit",
    "switch_charge",
    "tops_per_watt",
    "virtual_ground_parts",
    "weight_range",
    "with_switches",
    "zero_reasons",
]

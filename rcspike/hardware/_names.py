"""The public names of `rcspike.hardware`, which are all imported when the first of them is used."""

from rcspike.hardware.area import area_in_turn, array_area, latency_in_turn
from rcspike.hardware.baselines import BASELINES, current_source_parts, opamp_missing, sources_fit, virtual_ground_parts
from rcspike.hardware.calibration import retrain_last_layer, trim_neurons
from rcspike.hardware.chips import Chip, program
from rcspike.hardware.counting import Activity, Columns, activity, columns_of
from rcspike.hardware.crossbar import charge_crossbar
from rcspike.hardware.device_model import DeviceModel, draw_devices
from rcspike.hardware.energy import PARTS, Efficiency, efficiency, energy_parts, mean_energy, tops_per_watt
from rcspike.hardware.injection import TrainingEffects, training_effects
from rcspike.hardware.physical import PhysicalScale
from rcspike.hardware.process import Constant, Process, load_process, process_names
from rcspike.hardware.ratios import RatioRange, Sensitivity, ratio_range
from rcspike.hardware.volts import HOLDS, Hold, OperatingPoint, operating_point

__all__ = [
    "BASELINES",
    "HOLDS",
    "PARTS",
    "Activity",
    "Chip",
    "Columns",
    "Constant",
    "DeviceModel",
    "Efficiency",
    "Hold",
    "OperatingPoint",
    "PhysicalScale",
    "Process",
    "RatioRange",
    "Sensitivity",
    "TrainingEffects",
    "activity",
    "area_in_turn",
    "array_area",
    "charge_crossbar",
    "columns_of",
    "current_source_parts",
    "draw_devices",
    "efficiency",
    "energy_parts",
    "latency_in_turn",
    "load_process",
    "mean_energy",
    "opamp_missing",
    "operating_point",
    "process_names",
    "program",
    "ratio_range",
    "retrain_last_layer",
    "sources_fit",
    "tops_per_watt",
    "training_effects",
    "trim_neurons",
    "virtual_ground_parts",
]

"""Hardware behind the weights: devices in training and as programmed, chips, calibration, energy and physical units."""

from rcspike.hardware.calibration import retrain_last_layer, trim_neurons
from rcspike.hardware.chips import Chip, program
from rcspike.hardware.crossbar import charge_crossbar
from rcspike.hardware.device_model import DeviceModel, draw_devices
from rcspike.hardware.energy import PARTS, EnergyModel, activity, energy_parts, mean_energy, tops_per_watt
from rcspike.hardware.injection import TrainingEffects, training_effects
from rcspike.hardware.physical import PhysicalScale

__all__ = [
    "PARTS",
    "Chip",
    "DeviceModel",
    "EnergyModel",
    "PhysicalScale",
    "TrainingEffects",
    "activity",
    "charge_crossbar",
    "draw_devices",
    "energy_parts",
    "mean_energy",
    "program",
    "retrain_last_layer",
    "tops_per_watt",
    "training_effects",
    "trim_neurons",
]

"""The public names of `rcspike.chips`, which are all imported when the first of them is used."""

from rcspike.chips.chip import Chip, program
from rcspike.chips.chip_calibration import retrain_last_layer, trim_neurons
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.device_model import DeviceModel, draw_devices
from rcspike.chips.device_pairs import Devices
from rcspike.chips.effects.base_classes import Effect, Fixed, Reading, Shift, TimeMap
from rcspike.chips.effects.charge_injection import ChargeInjection
from rcspike.chips.effects.conductance_drift import Drift
from rcspike.chips.effects.conductance_levels import Levels
from rcspike.chips.effects.conductance_variation import Variation
from rcspike.chips.effects.corner_supply_temperature import DiodeTemperature, ProcessCorner, SupplyDroop
from rcspike.chips.effects.diode_variation import DiodeVariation
from rcspike.chips.effects.leakage import MembraneLeak, OffLeakage, SwitchLeakage
from rcspike.chips.effects.neuron_mismatch import CapacitorMismatch, ComparatorOffset, Ramp, RampMismatch
from rcspike.chips.effects.programming_error import Measured, Programming
from rcspike.chips.effects.read_noise import FlickerNoise, ReadNoise
from rcspike.chips.effects.spike_timing import ComparatorNoise, Jitter, SpikeDelay, TimeQuantisation
from rcspike.chips.effects.stuck_devices import Stuck
from rcspike.chips.effects.wire_resistance import AxonResistance, WireResistance
from rcspike.chips.effects_file import load, preset_names, preset_text
from rcspike.chips.redrawn_effects import TrainingEffects, training_effects

__all__ = [
    "AxonResistance",
    "CapacitorMismatch",
    "ChargeInjection",
    "Chip",
    "ChipLayer",
    "ComparatorNoise",
    "ComparatorOffset",
    "DeviceModel",
    "Devices",
    "DiodeTemperature",
    "DiodeVariation",
    "Drift",
    "Effect",
    "Fixed",
    "FlickerNoise",
    "Jitter",
    "Levels",
    "Measured",
    "MembraneLeak",
    "OffLeakage",
    "ProcessCorner",
    "Programming",
    "Ramp",
    "RampMismatch",
    "ReadNoise",
    "Reading",
    "Shift",
    "SpikeDelay",
    "Stuck",
    "SupplyDroop",
    "SwitchLeakage",
    "TimeMap",
    "TimeQuantisation",
    "TrainingEffects",
    "Variation",
    "WireResistance",
    "draw_devices",
    "load",
    "preset_names",
    "preset_text",
    "program",
    "retrain_last_layer",
    "training_effects",
    "trim_neurons",
]

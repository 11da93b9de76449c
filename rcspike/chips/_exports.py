"""The public names of `rcspike.chips`, which are all imported when the first of them is used."""

from rcspike.chips.chip import Chip, program
from rcspike.chips.chip_calibration import retrain_last_layer, trim_neurons
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.conductance_files import (
    LayerConductances,
    chip_of_conductances,
    network_conductances,
    read_conductances,
    write_conductances,
)
from rcspike.chips.device_model import DeviceModel, draw_devices
from rcspike.chips.device_range import Devices, process_device_model, process_devices
from rcspike.chips.effects import registry
from rcspike.chips.effects.base_classes import Effect, Fixed, Reading, Shift, TimeMap
from rcspike.chips.effects.registry import *  # noqa: F403
from rcspike.chips.effects_file import load, preset_names, preset_text
from rcspike.chips.redrawn_effects import TrainingEffects, training_effects

__all__ = [
    "Chip",
    "ChipLayer",
    "DeviceModel",
    "Devices",
    "Effect",
    "Fixed",
    "LayerConductances",
    "Reading",
    "Shift",
    "TimeMap",
    "TrainingEffects",
    "chip_of_conductances",
    "draw_devices",
    "load",
    "network_conductances",
    "preset_names",
    "preset_text",
    "process_device_model",
    "process_devices",
    "program",
    "read_conductances",
    "retrain_last_layer",
    "training_effects",
    "trim_neurons",
    "write_conductances",
]
__all__ += registry.__all__

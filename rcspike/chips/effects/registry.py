"""All effects of the package: files, and the names of `rcspike.chips`, have them from here."""

from rcspike.chips.effects.base_classes import Effect
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

__all__ = [
    "AxonResistance",
    "CapacitorMismatch",
    "ChargeInjection",
    "ComparatorNoise",
    "ComparatorOffset",
    "DiodeTemperature",
    "DiodeVariation",
    "Drift",
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
    "SpikeDelay",
    "Stuck",
    "SupplyDroop",
    "SwitchLeakage",
    "TimeQuantisation",
    "Variation",
    "WireResistance",
]

EFFECTS: dict[str, type[Effect]] = {kind.name: kind for kind in map(globals().__getitem__, __all__)}

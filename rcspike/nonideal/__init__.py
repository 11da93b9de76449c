"""How real circuits differ from ideal ones: one frozen dataclass for each effect, to be listed in any combination."""

from rcspike.nonideal._file import load, preset_names, preset_text
from rcspike.nonideal._stages import Effect, Fixed, Reading, Shift, TimeMap
from rcspike.nonideal.chip_layer import ChipLayer
from rcspike.nonideal.corners import DiodeTemperature, ProcessCorner, SupplyDroop
from rcspike.nonideal.devices import Devices
from rcspike.nonideal.diode import DiodeVariation
from rcspike.nonideal.drift import Drift
from rcspike.nonideal.leakage import MembraneLeak, OffLeakage, SwitchLeakage
from rcspike.nonideal.levels import Levels
from rcspike.nonideal.neurons import CapacitorMismatch, ComparatorOffset, Ramp, RampMismatch
from rcspike.nonideal.programming import Measured, Programming
from rcspike.nonideal.reading import FlickerNoise, ReadNoise
from rcspike.nonideal.stuck import Stuck
from rcspike.nonideal.switches import ChargeInjection, SpikeDelay
from rcspike.nonideal.timing import ComparatorNoise, Jitter, TimeQuantisation
from rcspike.nonideal.variation import Variation
from rcspike.nonideal.wires import AxonResistance, WireResistance

__all__ = [
    "AxonResistance",
    "CapacitorMismatch",
    "ChargeInjection",
    "ChipLayer",
    "ComparatorNoise",
    "ComparatorOffset",
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
    "Variation",
    "WireResistance",
    "load",
    "preset_names",
    "preset_text",
]


def __dir__() -> list[str]:
    return __all__

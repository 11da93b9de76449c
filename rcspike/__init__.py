"""Exact simulation and training of RC-Spike circuits."""

from importlib.util import find_spec as _find_spec

if _find_spec("rcspike._core") is None:
    raise ImportError(
        f"{__path__[0]} is a source tree without the compiled engine and hides the installed package; start Python in "
        "another folder, or run pip install -e . here"
    )

from rcspike import _core, datasets, energy, functional
from rcspike._core import build_config
from rcspike._sdk import get_include, get_library
from rcspike.circuit import Circuit
from rcspike.device_model import DeviceModel, draw_devices
from rcspike.device_network import DeviceNetwork, DevicePairs
from rcspike.energy import EnergyModel
from rcspike.functional import encode
from rcspike.history import Epoch, History
from rcspike.network import Network
from rcspike.physical import PhysicalScale
from rcspike.training import evaluate, train

__all__ = [
    "Circuit",
    "DeviceModel",
    "DeviceNetwork",
    "DevicePairs",
    "EnergyModel",
    "Epoch",
    "History",
    "Network",
    "PhysicalScale",
    "build_config",
    "datasets",
    "draw_devices",
    "encode",
    "energy",
    "evaluate",
    "functional",
    "get_include",
    "get_library",
    "train",
]
__version__: str = _core.build_config()["version"]

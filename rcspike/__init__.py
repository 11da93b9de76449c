"""Exact simulation and training of RC-Spike circuits."""

from importlib.util import find_spec as _find_spec

if _find_spec("rcspike._core") is None:
    raise ImportError(
        f"{__path__[0]} is a source tree without the compiled engine and hides the installed package; start Python in "
        "another folder, or run pip install -e . here"
    )

from rcspike import _core, datasets, functional
from rcspike._common.sdk import get_include, get_library
from rcspike._core import build_config
from rcspike.circuit import Circuit
from rcspike.functional import encode
from rcspike.hardware import DeviceModel, PhysicalScale, Process, draw_devices, energy, load_process
from rcspike.network import DeviceNetwork, DevicePairs, Network
from rcspike.training import Epoch, History, confusion_matrix, evaluate, train

__all__ = [
    "Circuit",
    "DeviceModel",
    "DeviceNetwork",
    "DevicePairs",
    "Epoch",
    "History",
    "Network",
    "PhysicalScale",
    "Process",
    "build_config",
    "confusion_matrix",
    "datasets",
    "draw_devices",
    "encode",
    "energy",
    "evaluate",
    "functional",
    "get_include",
    "get_library",
    "load_process",
    "train",
]
__version__: str = _core.build_config()["version"]

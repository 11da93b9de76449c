"""Exact simulation and training of RC-Spike circuits."""

import typing as _typing
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec

if _find_spec("rcspike._core") is None:
    raise ImportError(
        f"{__path__[0]} is a source tree without the compiled engine and hides the installed package; start Python in "
        "another folder, or run pip install -e . here"
    )

from rcspike import _core
from rcspike._core import build_config

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
    "RowLoad",
    "build_config",
    "confusion_matrix",
    "datasets",
    "draw_devices",
    "encode",
    "evaluate",
    "functional",
    "get_include",
    "get_library",
    "load_process",
    "train",
]
__version__: str = _core.build_config()["version"]

# Modules that are imported when they are first used, as rcspike.plots for example; the package that each needs, or "".
_MODULES = {
    "chips": "",
    "datasets": "",
    "energy": "",
    "experiments": "",
    "functional": "",
    "network": "",
    "neurons": "",
    "plots": "",
    "report": "",
    "sklearn": "sklearn",
    "spice": "",
    "torch": "torch",
    "training": "",
}

# The module of each other name, which is imported with it.
_HOMES = {
    "Circuit": "circuit",
    "DeviceModel": "chips.device_model",
    "DeviceNetwork": "network",
    "DevicePairs": "network",
    "Epoch": "training",
    "History": "training",
    "Network": "network",
    "PhysicalScale": "energy.si_units",
    "Process": "energy.process",
    "RowLoad": "row_load",
    "confusion_matrix": "training",
    "draw_devices": "chips.device_model",
    "encode": "functional",
    "evaluate": "training",
    "get_include": "_common.cpp_sdk",
    "get_library": "_common.cpp_sdk",
    "load_process": "energy.process",
    "train": "training",
}

# Where to find the work of a command whose name is not a name of the package.
_COMMANDS = {
    "design": "rcspike.experiments.design",
    "eval": "rcspike.evaluate and rcspike.confusion_matrix",
    "conductances": "rcspike.chips.network_conductances",
    "latency": "rcspike.training.latency",
    "predict": "the method predict of a network, and rcspike.datasets.Inputs for files",
    "sweep": "rcspike.experiments.run_sweep",
    "trace": "rcspike.plots.trace_figure",
}

if _typing.TYPE_CHECKING:
    from rcspike import chips as chips
    from rcspike import datasets, functional
    from rcspike import energy as energy
    from rcspike import experiments as experiments
    from rcspike import network as network
    from rcspike import neurons as neurons
    from rcspike import plots as plots
    from rcspike import report as report
    from rcspike import sklearn as sklearn
    from rcspike import spice as spice
    from rcspike import torch as torch
    from rcspike import training as training
    from rcspike._common.cpp_sdk import get_include, get_library
    from rcspike.chips.device_model import DeviceModel, draw_devices
    from rcspike.circuit import Circuit
    from rcspike.energy.process import Process, load_process
    from rcspike.energy.si_units import PhysicalScale
    from rcspike.functional import encode
    from rcspike.network import DeviceNetwork, DevicePairs, Network
    from rcspike.row_load import RowLoad
    from rcspike.training import Epoch, History, confusion_matrix, evaluate, train
else:

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return _import_module(f"{__name__}.{name}")
        if name in _HOMES:
            found = globals()[name] = getattr(_import_module(f"{__name__}.{_HOMES[name]}"), name)
            return found
        hint = f": what `rcspike {name}` does is {_COMMANDS[name]}" if name in _COMMANDS else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    modules = [name for name, needed in _MODULES.items() if not needed or _find_spec(needed)]
    return sorted({*__all__, *modules, "__version__"})

"""Exact simulation and training of RC-Spike circuits."""

from rcspike import _core, datasets, functional
from rcspike._core import build_config
from rcspike._sdk import get_include, get_library
from rcspike.circuit import Circuit
from rcspike.functional import encode
from rcspike.history import Epoch, History
from rcspike.network import Network
from rcspike.training import evaluate, train

__all__ = [
    "Circuit",
    "Epoch",
    "History",
    "Network",
    "build_config",
    "datasets",
    "encode",
    "evaluate",
    "functional",
    "get_include",
    "get_library",
    "train",
]
__version__: str = _core.build_config()["version"]

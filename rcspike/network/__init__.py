"""Networks of ideal synapses or device pairs, their first weights, and the files that hold them."""

from rcspike.network.balance import balanced
from rcspike.network.device_layer import DeviceLayer, DevicePairs
from rcspike.network.device_network import DeviceNetwork
from rcspike.network.initialisation import initial_weights
from rcspike.network.layer import ResistiveLayer
from rcspike.network.network import Network
from rcspike.network.protocol import Layer, LayeredNetwork, LayerResult, layer_with, spike_time_noise
from rcspike.network.wiring import Dense, FirstSpike, Wiring, wiring_of

__all__ = [
    "Dense",
    "DeviceLayer",
    "DeviceNetwork",
    "DevicePairs",
    "FirstSpike",
    "Layer",
    "LayerResult",
    "LayeredNetwork",
    "Network",
    "ResistiveLayer",
    "Wiring",
    "balanced",
    "initial_weights",
    "layer_with",
    "spike_time_noise",
    "wiring_of",
]


def __dir__() -> list[str]:
    return __all__

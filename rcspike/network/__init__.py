"""Networks of ideal synapses or device pairs, their first weights, and the files that hold them."""

from rcspike.network.architecture import architecture_of, parse_architecture
from rcspike.network.device_layer import DeviceLayer
from rcspike.network.device_network import DeviceNetwork
from rcspike.network.device_pairs import DevicePairs
from rcspike.network.initialisation import initial_weights
from rcspike.network.layered_network import Layer, LayeredNetwork, LayerResult, layer_with, spike_time_noise
from rcspike.network.nir_events import read_nir_events, write_nir_events
from rcspike.network.nir_graph import from_nir, read_nir, to_nir, write_nir
from rcspike.network.resistive_layer import ResistiveLayer
from rcspike.network.resistive_network import Network
from rcspike.network.wiring import Conv2d, Dense, FirstSpike, FirstSpike2d, Wiring, has_maps, window_of, wiring_of

__all__ = [
    "Conv2d",
    "Dense",
    "DeviceLayer",
    "DeviceNetwork",
    "DevicePairs",
    "FirstSpike",
    "FirstSpike2d",
    "Layer",
    "LayerResult",
    "LayeredNetwork",
    "Network",
    "ResistiveLayer",
    "Wiring",
    "architecture_of",
    "from_nir",
    "has_maps",
    "initial_weights",
    "layer_with",
    "parse_architecture",
    "read_nir",
    "read_nir_events",
    "spike_time_noise",
    "to_nir",
    "window_of",
    "wiring_of",
    "write_nir",
    "write_nir_events",
]


def __dir__() -> list[str]:
    return __all__

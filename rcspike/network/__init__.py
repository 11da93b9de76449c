"""Networks of ideal synapses or device pairs, their first weights, and the files that hold them."""

from rcspike.network.device_network import DeviceNetwork, DevicePairs
from rcspike.network.initialisation import initial_weights
from rcspike.network.layer import Dense, LayerResult
from rcspike.network.network import Network, spike_time_noise

__all__ = [
    "Dense",
    "DeviceNetwork",
    "DevicePairs",
    "LayerResult",
    "Network",
    "initial_weights",
    "spike_time_noise",
]

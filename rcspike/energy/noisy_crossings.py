"""Noise of the spikes of single-phase neurons, which cross their threshold at slopes of their own."""

from __future__ import annotations

import numpy as np

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.energy.activity_counts import columns_of
from rcspike.energy.operating_point_in_volts import OperatingPoint
from rcspike.network import LayeredNetwork, layer_with


def crossing_jitter(network: LayeredNetwork, times: FloatArray, point: OperatingPoint) -> Float64Array:
    """Standard deviation sigma_t in T of each spike of a single-phase network: noise over the slope at the crossing.

    The noise is kT/C of the membrane and that of the comparator; there is no ramp. A membrane that only just reaches
    its threshold has any jitter, and misses its spike if the noise is larger than what it has to spare.

    Parameters
    ----------
    times : (batch, n_in)
    point : OperatingPoint
        Of the circuit that the network has.

    Returns
    -------
    (n_spikes,)
        Of all neurons, samples and layers.

    Raises
    ------
    TypeError
        If a layer is not one of resistive synapses, or is a convolution.
    ValueError
        If the neurons have two phases: `OperatingPoint.spike_time_noise` has their noise.

    Examples
    --------
    >>> from rcspike.energy import operating_point
    >>> network = Network([np.array([[2.0, 0.5]])], Circuit(v_syn=2.0), phases="single")
    >>> crossing_jitter(network, np.array([[0.5]]), operating_point(network.circuit)).round(4)  # of slopes 1 and 0.25
    array([0.0023, 0.0093])
    """
    of_layers = []
    for layer, found in zip(network.layers, network.walk(times), strict=True):
        slopes = layer_with(layer, "crossing_slope", "a jitter").crossing_slope(found.times)
        volts = point.spike_time_noise(columns_of(layer).rows, time=0.0)  # in V_th, as a ramp of 1 V_th / T shows it
        of_layers.append(volts / slopes[np.isfinite(slopes)])
    return np.concatenate(of_layers)

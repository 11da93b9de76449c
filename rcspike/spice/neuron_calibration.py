"""Calibration of single neurons, whose comparators and ramps differ: a line for the spike times of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, check_array, plain_array
from rcspike.circuit import Circuit
from rcspike.energy import PhysicalScale
from rcspike.spice.measurements import Measurements

# (Error of a spike time / scatter of the slopes)^2 = (0.001 T / 0.03)^2. The first is what a fitted circuit of
# transistors leaves; the second is an assumption, of mirrors with a mismatch of 3 mV and 10 A/V of each ampere.
_PRIOR = 1e-3


@dataclass(frozen=True, eq=False)
class NeuronCalibration:
    """Spike times of real neurons, as ``offset + slope t`` of the engine's t.

    In the terms of a chip (`rcspike.chips.ChipLayer`), the ramp current of a neuron is ``1 / slope``, and the offset
    of its threshold is ``offset / slope`` in V_th.

    Parameters
    ----------
    offset : (n_out,)
        In T.
    slope : (n_out,)
    n : (n_out,)
        Number of spikes that each is known from; a neuron without any has offset 0 and slope 1.
    """

    offset: Float64Array
    slope: Float64Array
    n: npt.NDArray[np.int64]

    def times(self, t: FloatArray, neurons: npt.NDArray[np.int64] | None = None) -> Float64Array:
        """Spike times of the real neurons.

        Parameters
        ----------
        t : (..., n)
            By the engine, in T, from `ramp_times`: a ramp that is faster than the typical one brings a spike into the
            phase that would come after its end.
        neurons : (n,), optional
            Numbers of the neurons; all by default.

        Returns
        -------
        (..., n)
            In T, 0 or above; ``inf`` where a neuron does not spike within the phase.

        Examples
        --------
        >>> one = NeuronCalibration(np.array([0.25]), np.array([0.5]), np.array([4]))
        >>> one.times(np.array([[0.5], [np.inf]]))
        array([[0.5],
               [inf]])
        """
        chosen = slice(None) if neurons is None else neurons
        real = np.maximum(self.offset[chosen] + self.slope[chosen] * t, 0.0)
        return np.where(real <= 1, real, np.inf)


def ramp_times(v: FloatArray, circuit: Circuit) -> Float64Array:
    """Times at which a ramp that does not end takes voltages to the threshold.

    A ValueError if a value is masked.

    Parameters
    ----------
    v : (...)
        Voltages at the end of charging, in V_th.
    circuit : Circuit
        Its `ramp` and `delay` are used.

    Returns
    -------
    (...)
        In T from the start of the firing phase. Up to 1 they are those of `rcspike.functional.fire`, which has ``inf``
        for the later ones.

    Examples
    --------
    >>> ramp_times(np.array([1.5, 0.25, -0.125]), Circuit())
    array([0.   , 0.75 , 1.125])
    """
    b, below = circuit.ramp, np.minimum(plain_array("v", v).astype(np.float64), 1.0)
    if b == 0:
        return np.asarray(1 - below + circuit.delay)
    with np.errstate(divide="ignore"):  # a ramp with b < 0 never reaches voltages of 1 / b and below
        left = np.log1p(np.maximum(-b * below, -1.0))
    return np.asarray(np.maximum(1 - left / np.log1p(-b), 0.0) + circuit.delay)


def calibrate_neurons(measurements: Measurements, t: FloatArray, scale: PhysicalScale) -> NeuronCalibration:
    """Find offset and slope of each neuron from its spikes.

    Both are a least-squares line. A slope is taken to be 1 with a standard deviation of 3 %, and a spike to be known to
    0.1 % of T, so that a neuron with one spike, or with several at almost the same time, gets an offset only. A
    ValueError if the measurements are voltages, or of an image or neuron that `t` does not have.

    Parameters
    ----------
    measurements : Measurements
        Spike times. Those at 0 and those that come after the phase say nothing.
    t : (batch, n_out)
        The same by the engine in T, for example with a fitted circuit, from `ramp_times`; ``measurements.image`` are
        rows of it.

    Examples
    --------
    Comparators that are late by 2 % of T:

    >>> t, scale = np.array([[0.25, 0.5], [0.75, np.inf]]), PhysicalScale()
    >>> measured = Measurements(np.array([0, 0, 1]), np.array([0, 1, 0]), scale.seconds(np.array([0.27, 0.52, 0.77])))
    >>> calibrate_neurons(measured, t, scale).offset.round(3)
    array([0.02, 0.02])
    """
    if measurements.voltage is not None:
        raise ValueError("neurons are calibrated by spike times, but the measurements are voltages")
    check_array("t", plain_array("t", t), 2)
    image, neuron, y = measurements.image, measurements.neuron, measurements.time / scale.window
    for name, index, n_there in (("image", image, len(t)), ("neuron", neuron, t.shape[1])):
        if np.any(index >= n_there):
            raise ValueError(f"{name} must be in [0, {n_there}), got {index[index >= n_there][0]}")
    x = t[image, neuron].astype(np.float64)
    within = (x > 0) & np.isfinite(x) & (y > 0) & (y < 1)
    neuron, x, y = neuron[within], x[within], y[within]

    def total(of: Float64Array) -> Float64Array:
        return np.bincount(neuron, of, minlength=t.shape[1]).astype(np.float64)

    n = np.bincount(neuron, minlength=t.shape[1])
    mean_x, mean_y = (total(one) / np.maximum(n, 1) for one in (x, y))
    apart_x, apart_y = x - mean_x[neuron], y - mean_y[neuron]
    slope = (total(apart_x * apart_y) + _PRIOR) / (total(apart_x**2) + _PRIOR)
    return NeuronCalibration(offset=mean_y - slope * mean_x, slope=slope, n=n.astype(np.int64))

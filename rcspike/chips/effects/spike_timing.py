"""Spike times that are not exact: noise and delay of the comparator, jitter of the line, the grid of a clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.effects.base_classes import Fixed, Shift, TimeMap
from rcspike.chips.effects.parameter_checks import NonNegative, Range, Share


@dataclass(frozen=True, kw_only=True)
class _GaussianShift(Shift):
    """Independent Gaussian noise of every spike: in T, or in V_th, which the ramp makes the same."""

    sigma: NonNegative
    size: ClassVar[str] = "sigma"

    def shifts(self, batch: int, n_out: int, rng: np.random.Generator) -> FloatArray:
        return rng.standard_normal((batch, n_out), dtype=np.float32) * np.float32(self.sigma)


@dataclass(frozen=True, kw_only=True)
class Jitter(_GaussianShift):
    """Gaussian jitter of every spike except input spikes.

    Parameters
    ----------
    sigma : float
        Standard deviation in T.

    Notes
    -----
    arXiv 2412.09010 v1, table 3, has 0.005 to 0.04.

    Examples
    --------
    >>> Jitter()
    Jitter(sigma=0.01)
    """

    sigma: NonNegative = 0.01
    name: ClassVar[str] = "jitter"


@dataclass(frozen=True, kw_only=True)
class ComparatorNoise(_GaussianShift):
    """Gaussian noise at the input of every comparator; the ramp, 1 V_th in T, converts it to spike-time noise.

    Parameters
    ----------
    sigma : float
        Standard deviation in V_th.

    Notes
    -----
    The default is 1 mV over a V_th of 0.872 V. The thermal noise of the membrane, sqrt(k T / C), is another 0.17 mV at
    140 fF.

    Examples
    --------
    >>> ComparatorNoise()
    ComparatorNoise(sigma=0.00115)
    """

    sigma: NonNegative = 0.00115
    name: ClassVar[str] = "comparator_noise"
    needs_phases: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class TimeQuantisation(TimeMap):
    """Every spike except input spikes moves to the nearest clock edge; among equal outputs the first is read.

    Parameters
    ----------
    step : float
        Period of the clock in T.

    Examples
    --------
    >>> TimeQuantisation(step=1 / 64).times(np.array([[0.3, 0.502, np.inf]]))
    array([[0.296875, 0.5     ,      inf]])
    """

    step: Share
    name: ClassVar[str] = "time_quantisation"
    size: ClassVar[str] = "step"

    def times(self, t: FloatArray) -> FloatArray:
        return np.asarray(np.rint(t / self.step) * self.step, dtype=t.dtype)


@dataclass(frozen=True, kw_only=True)
class SpikeDelay(Fixed):
    """Every spike comes later by the delay of the comparator and its line, in place of the circuit's own `delay`.

    A spike that comes after the end of the phase is lost. On the ideal ramp a spread of the delays from neuron to
    neuron is the same as one of the thresholds (`ComparatorOffset`).

    Parameters
    ----------
    delay : float
        In T, in [0, 1).

    Notes
    -----
    The default is a comparator of 5 ns, the assumption of the process files, in a window of 1 us.

    Examples
    --------
    >>> SpikeDelay()
    SpikeDelay(delay=0.005)
    """

    delay: Annotated[float, Range(0, math.nextafter(1.0, 0.0))] = 0.005
    name: ClassVar[str] = "spike_delay"
    size: ClassVar[str] = "delay"

    def apply(self, layer: ChipLayer, rng: np.random.Generator) -> ChipLayer:
        return replace(layer, circuit=replace(layer.circuit, delay=self.delay))

"""Which inputs of a layer drive which rows of its synapses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rcspike._common.arrays import FloatArray

__all__ = ["DENSE", "Dense", "FirstSpike", "Wiring", "wiring_of"]


@dataclass(frozen=True)
class Dense:
    """Each input drives a row of synapses of its own.

    Examples
    --------
    >>> Dense().rows(np.array([[0.5, 0.25]]))
    array([[0.5 , 0.25]])
    """

    window = 1
    core = 1  # as the engine takes it

    def rows(self, times: FloatArray) -> FloatArray:
        """Times (batch, n_rows) at which rows of synapses start to conduct, for spike times (batch, n_in); in T."""
        return times


@dataclass(frozen=True)
class FirstSpike:
    """Neighbouring inputs share a row of synapses, which conducts from the first of their spikes on.

    In a circuit the spike lines of a window are joined by an OR gate. Behind a layer of neurons this is a maxout
    network (Goodfellow et al., ICML 2013): of each window, the neuron with the highest voltage spikes first. Only the
    first spike has a gradient; of equal ones, that of the first input.

    Parameters
    ----------
    window : int
        Inputs that share a row, at least 2; it divides the number of inputs.

    Raises
    ------
    ValueError
        If the window is below 2; `Dense` joins no inputs.

    Examples
    --------
    >>> FirstSpike(2).rows(np.array([[0.5, 0.25, np.inf, 0.75]]))
    array([[0.25, 0.75]])
    """

    window: int

    def __post_init__(self) -> None:
        if isinstance(self.window, bool) or not isinstance(self.window, int | np.integer):
            raise TypeError(f"window must be an int, got {self.window!r}")
        if self.window < 2:
            raise ValueError(f"window must be at least 2, got {self.window}; without joined inputs, use Dense")
        object.__setattr__(self, "window", int(self.window))

    @property
    def core(self) -> int:
        """As the engine takes it."""
        return self.window

    def rows(self, times: FloatArray) -> FloatArray:
        """Times (batch, n_rows) at which rows of synapses start to conduct, for spike times (batch, n_in); in T."""
        first: FloatArray = times.reshape(len(times), times.shape[1] // self.window, self.window).min(axis=2)
        return first


Wiring: TypeAlias = Dense | FirstSpike

DENSE = Dense()


def wiring_of(window: int) -> Wiring:
    """The wiring that joins so many inputs: dense for 1.

    Examples
    --------
    >>> wiring_of(1), wiring_of(4)
    (Dense(), FirstSpike(window=4))
    """
    return DENSE if window == 1 else FirstSpike(window)

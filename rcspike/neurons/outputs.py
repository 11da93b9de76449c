"""The outputs of a network: an array that knows its unit, which class answers, and which outputs are silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.neurons.kinds import NeuronKind, Phases, neuron_kind

__all__ = ["Outputs"]


class Outputs(np.ndarray[Any, np.dtype[np.floating[Any]]]):
    """What the outputs of a network are read by, (batch, n_out): an array that also says what its numbers mean.

    Networks return it. All of NumPy works on it as on any array. What its numbers mean is known for the outputs
    themselves: parts of them, and results of computations with them, are plain numbers.

    Parameters
    ----------
    values : (batch, n_out)
        Voltages in V_th or spike times in T.
    phases : {"two", "single"}
        Kind of the neurons.
    circuit : Circuit
        Of the last layer.

    Examples
    --------
    >>> from rcspike.network import Network
    >>> weights = [np.array([[0.5, 2.0, -1.0]])]
    >>> outputs = Network(weights, Circuit.conventional()).forward(np.array([[0.0]]))
    >>> outputs.unit, outputs.answers, outputs.silent
    ('V_th', array([1]), array([[False, False,  True]]))
    >>> outputs = Network(weights, Circuit.conventional(), phases="single").forward(np.array([[0.0]]))
    >>> outputs.unit, outputs.answers, outputs.silent
    ('T', array([1]), array([[False, False,  True]]))
    >>> outputs.first_spikes, outputs.margins
    (array([0.5]), array([1.5]))
    """

    _meaning: tuple[Phases, Circuit] | None = None

    def __new__(cls, values: FloatArray, phases: Phases, circuit: Circuit) -> Outputs:
        outputs = np.asarray(values).view(cls)
        outputs._meaning = phases, circuit
        return outputs

    @property
    def unit(self) -> str:
        """ "V_th" of voltages at the end of charging, or "T" of spike times."""
        return self._kind.unit

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """Which output (batch,) has the highest voltage or the first spike; -1 where none spikes."""
        return self._kind.answers(np.asarray(self))

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which outputs (batch, n_out) do not spike."""
        return np.isinf(self._spikes)

    @property
    def scores(self) -> Float64Array:
        """Finite numbers (batch, n_out) that grow with the confidence in each output, in `unit`.

        They are voltages, or minus the spike times. As in training, an output that does not spike counts as one that
        spikes at 2 T, or with the last one of the others if that is later.
        """
        return self._kind.scores(np.asarray(self))

    @property
    def first_spikes(self) -> Float64Array:
        """Time (batch,) of the earliest output spike in T, as the last layer counts it; ``inf`` where none spikes."""
        return np.asarray(self._spikes.min(axis=1), dtype=np.float64)

    @property
    def margins(self) -> Float64Array:
        """Gap (batch,) in T between the two earliest outputs, which a jitter has to bridge to change the answer.

        Spikes of two-phase neurons count as the ramp alone would make them, also before and after its phase; a
        single-phase output that does not spike counts as in `scores`. ``inf`` if there is a single output.
        """
        times = self._kind.output_times(np.asarray(self), self._known[1])
        if times.shape[1] < 2:
            return np.full(len(times), np.inf)
        earliest = np.partition(times, 1, axis=1)
        return earliest[:, 1] - earliest[:, 0]

    @property
    def _spikes(self) -> FloatArray:
        return self._kind.spikes(np.asarray(self), self._known[1])

    @property
    def _kind(self) -> NeuronKind:
        return neuron_kind(self._known[0])

    @property
    def _known(self) -> tuple[Phases, Circuit]:
        if self._meaning is None:
            raise ValueError(
                "this array was made from the outputs of a network, and is not known to have one column for each "
                "class: ask the outputs themselves"
            )
        return self._meaning

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __reduce__(self) -> tuple[Any, ...]:
        return Outputs, (np.asarray(self), *self._known)

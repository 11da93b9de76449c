"""What every kind of neurons defines, and the words and types that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.functional.neuron_kinds import Phases

__all__ = ["LayerWithNeurons", "NeuronKind", "Span", "Spikes"]


class LayerWithNeurons(Protocol):
    """What neurons need of the layer that they stand in: one of the three, by their kind."""

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Voltages (batch, n_out) in V_th at the end of charging."""

    def fire(self, v: FloatArray) -> FloatArray:
        """Spike times (batch, n_out) in T for these voltages."""

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Spike times (batch, n_out) in T of neurons that spike while they charge."""


@dataclass(frozen=True, eq=False)
class Spikes:
    """How the neurons of a layer end in a forward pass.

    Parameters
    ----------
    charged : (batch, n_out), or None
        Voltages in V_th at the end of charging, without noise, of neurons that have them.
    t_out : (batch, n_out)
        Spike times in T, with noise if there is any.
    read : function
        What the neurons are read by if they are outputs.
    """

    charged: FloatArray | None
    t_out: FloatArray
    read: Callable[[], FloatArray]


@dataclass(frozen=True)
class Span:
    """A phase of a layer, in T from the start of its first one."""

    name: str
    start: float
    end: float


class NeuronKind(Protocol):
    """A kind of neurons. The modules `two_phase` and `single_phase` beside this one are two.

    Times of a layer count from the start of the window in which it charges, unless stated otherwise.
    """

    @property
    def name(self) -> Phases:
        """Its name on the command line and in files."""

    @property
    def wording(self) -> str:
        """What neurons "of ..." have."""

    @property
    def unit(self) -> str:
        """Outputs are read in this unit, "V_th" where the highest answers and "T" where the first one does."""

    @property
    def not_taken(self) -> Mapping[str, str]:
        """Settings and options that do not apply to it, by name, with the reason."""

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """For each data set the settings of a training run that differ from the common ones."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of a training run that differ from their defaults on any data."""

    @property
    def v_syn(self) -> float:
        """Rails in V_th of the circuit that stands for RC-Spike in a figure."""

    @property
    def baselines(self) -> Sequence[str]:
        """Conventional circuits of `rcspike.energy` that it is compared with."""

    @property
    def pace(self) -> str:
        """How often inferences follow each other, in words."""

    @property
    def delay(self) -> str:
        """The latency of an inference, in words."""

    def preset_note(self, dataset: str) -> str:
        """What to say about the settings for a data set; empty where there is nothing to say."""

    def can_spike(self, circuit: Circuit) -> bool:
        """Whether the rails of a circuit ever make a neuron spike."""

    def initial_weights(
        self,
        circuits: Sequence[Circuit],
        rows: Sequence[int],
        spreads: Sequence[float],
        *,
        drive: float,
        active: float,
        intensity: float,
    ) -> Iterator[tuple[float, float]]:
        """Mean and standard deviation of the first weights of each layer, in V_th / T.

        Parameters
        ----------
        circuits, rows : sequences
            Circuit and number of rows of each layer.
        spreads : sequence of float
            Standard deviations that put voltages at the end of charging in a useful range.
        drive : float
            Drive of a synapse of weight 1 into a membrane at rest: 1 without a diode.
        active : float
            Fraction of the inputs that spike.
        intensity : float
            Mean of 1 - t of the inputs, 0 for those that do not spike.
        """

    def run(
        self,
        layer: LayerWithNeurons,
        spikes: FloatArray | Schedule,
        *,
        moved: Callable[[FloatArray], FloatArray] | None,
        read: Callable[[FloatArray], FloatArray],
        threads: int | None,
    ) -> Spikes:
        """Run a layer on its input spikes; `moved` adds noise to spike times, and `read` to voltages that are read."""

    def read_by(self, v: FloatArray, t_out: FloatArray) -> FloatArray:
        """What outputs are read by, of their voltages at the end of charging and of their spike times."""

    def answers(self, read: FloatArray) -> npt.NDArray[np.int64]:
        """Output (batch,) that answers, by what they are read by, (batch, n_out); -1 where none does."""

    def silent(self, read: FloatArray, circuit: Circuit) -> npt.NDArray[np.bool_]:
        """Which outputs (batch, n_out) do not spike."""

    def scores(self, read: FloatArray) -> Float64Array:
        """Finite numbers (batch, n_out) that grow with the confidence in each output."""

    def steep(self, shares: Float64Array) -> tuple[float, ...]:
        """Fractions of spikes at the bound of the slope in each layer; empty where there is no bound."""

    def starts(self, n_layers: int) -> Sequence[int]:
        """When spikes of the input and of each layer start to count, in T from the start of an inference."""

    def last_answer(self, n_layers: int) -> float:
        """Time in T of an answer without any output spike, and the latest of all; inf where none is given."""

    def end(self, until: float | None) -> float:
        """When the run of a layer ends, in T, if its end is given or not.

        Raises
        ------
        ValueError
            If it is not above 0 and finite, or cannot be chosen.
        """

    def spans(self, end: float) -> Sequence[Span]:
        """The phases of a layer whose run ends at a time in T."""

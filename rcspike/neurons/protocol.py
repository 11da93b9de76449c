"""What every kind of neurons defines, and the words and types that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.functional.neuron_kinds import Phases

__all__ = ["LayerWithNeurons", "NeuronKind", "Span", "Spikes"]


class LayerWithNeurons(Protocol):
    """What neurons need of the layer that they stand in: one of the three, or `read`, by their kind."""

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Voltages (batch, n_out) in V_th at the end of charging."""

    def fire(self, v: FloatArray) -> FloatArray:
        """Spike times (batch, n_out) in T for these voltages."""

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Spike times (batch, n_out) in T of neurons that spike while they charge."""

    def read(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """What neurons (batch, n_out) are read by as outputs, of another kind."""


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


class Charged(Protocol):
    """What neurons need of the result of a layer that has run: a `rcspike.network.LayerResult`."""

    @property
    def charged(self) -> FloatArray | None:
        """As `Spikes.charged`."""

    @property
    def t_out(self) -> FloatArray:
        """As `Spikes.t_out`."""

    @property
    def times(self) -> FloatArray:
        """Input spike times (batch, n_in) in T."""


Result = TypeVar("Result", bound=Charged)


@dataclass(frozen=True, eq=False)
class Supply:
    """What the neurons of a layer take in an inference, (batch, n_out) each.

    Parameters
    ----------
    q_plus, q_minus : array
        Charge that the rails deliver through the synapses, in C V_th.
    q_net : array
        Size of the charge that is on the membrane at the end, in C V_th.
    q_ramp : array
        Charge that the ramp delivers, in C V_th.
    latest : float or (batch, 1)
        Latest input spike that drives synapses, in T.
    watching : array, optional
        Time in T during which the comparator watches the membrane, if it depends on the sample.
    """

    q_plus: FloatArray
    q_minus: FloatArray
    q_net: FloatArray
    q_ramp: FloatArray
    latest: float | Float64Array
    watching: FloatArray | None = None


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
    def reading(self) -> str:
        """What a figure of its membranes shows, and which class is read, in words."""

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

    def membranes(self, times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray) -> FloatArray:
        """As `rcspike.functional.trace` while membranes charge; NaN after they have spiked."""

    def answers(self, read: FloatArray) -> npt.NDArray[np.int64]:
        """Output (batch,) that answers, by what they are read by, (batch, n_out); -1 where none does."""

    def spikes(self, read: FloatArray, circuit: Circuit) -> FloatArray:
        """Spike times (batch, n_out) in T of outputs, as their layer counts them; inf where there is none."""

    def scores(self, read: FloatArray) -> Float64Array:
        """Finite numbers (batch, n_out) that grow with the confidence in each output."""

    def output_times(self, read: FloatArray, circuit: Circuit) -> Float64Array:
        """Finite times (batch, n_out) in T at which outputs would spike, by what they are read by."""

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

    def inferences(
        self, results: Iterable[Result], until: float | None
    ) -> tuple[Iterable[Result], Float64Array | None]:
        """The same results of all layers, and when each inference ends, (batch,) in T, if that depends on the sample.

        Errors as of `end`.
        """

    def supply(self, layer: Any, result: Charged, durations: Float64Array | None, *, threads: int | None) -> Supply:
        """Charges of a layer that has a `supply_charge`, in inferences that end as `inferences` says."""

    def timing(self, durations: Float64Array | None, n_layers: int) -> tuple[float, float | Float64Array]:
        """Mean latency of inferences, and the time from each to the next one, (batch, 1) or the same for all; in T."""

    def watching(self, supplied: Float64Array | None, of_ramps: Float64Array) -> Float64Array:
        """Time in T during which the comparators of each layer watch, summed over its neurons.

        It is the sum of what `supply` says, or that of a process whose comparators watch the ramps.
        """

    def shown_until(self, t_out: FloatArray, until: float | None) -> float:
        """When traces end, in T from the start of charging, by the output spikes; errors as of `end`."""

    def spans(self, end: float) -> Sequence[Span]:
        """The phases of a layer whose run ends at a time in T."""

"""The protocol of all networks: their layers, and one forward pass with the same arguments."""

from __future__ import annotations

import math
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike._common.html_tables import html_table
from rcspike.circuit import Circuit, joined_circuit
from rcspike.functional import readout_times, readout_voltages
from rcspike.functional.events import Schedule, check_threads, network_input
from rcspike.network.wiring import Wiring
from rcspike.neurons import Outputs, Phases, neuron_kind, two_phase_only

# Times are taken for intensities if in the first samples a quarter is 0, and every input spikes within the window: the
# background of encoded images does not spike. An assumption; small tables are left alone.
_LOOKED_AT, _BACKGROUND, _FEW_INPUTS = 16, 0.25, 16
_UNIFORM = 1 / math.sqrt(12)  # standard deviation in T of a spike that may come at any time of its window


class Layer(Protocol):
    """Interface of every layer: neurons that charge from their inputs, and then fire."""

    @property
    def n_in(self) -> int:
        """Number of inputs."""

    @property
    def n_out(self) -> int:
        """Number of neurons."""

    @property
    def circuit(self) -> Circuit:
        """The circuit it runs on."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64, in which it computes."""

    @property
    def wiring(self) -> Wiring:
        """Which inputs drive which rows of its synapses."""

    @property
    def phases(self) -> Phases:
        """Phases of its neurons, "two" with `charge` and `fire`, or "single" with `first_spike`."""

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Output spike times (batch, n_out) in T of single-phase neurons."""

    def read(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """What the neurons (batch, n_out) would be read by if they were outputs, in the unit of their kind."""

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Voltages (batch, n_out) in V_th at the end of the charging phase, for input spike times (batch, n_in) in T.

        They are on the scale of an ideal neuron, whose threshold is 1.
        """

    def fire(self, v: FloatArray) -> FloatArray:
        """Output spike times (batch, n_out) in T for these voltages, as `rcspike.functional.fire`."""


class Engine(Protocol):
    """A network of the compiled engine, which computes all layers in one call."""

    def forward(
        self, times: FloatArray | Schedule, shifts: Sequence[FloatArray], threads: int | None, /
    ) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class LayerResult:
    """One layer while a batch passes through a network: `LayeredNetwork.walk` yields them.

    Parameters
    ----------
    depth : int
        Position of the layer, counted from 0.
    spikes : (batch, n_in), or their `rcspike.functional.schedule`
        Input spike times in T.
    charged : (batch, n_out), or None
        Voltages in V_th at the end of the charging phase, without noise; single-phase neurons have none.
    t_out : (batch, n_out)
        Output spike times in T from the start of the firing phase, with noise if there is any: the input of the next
        layer. Single-phase neurons count from the start of the inference.
    read : function
        Computes the values of `outputs`.
    """

    layer: Layer
    depth: int
    spikes: FloatArray | Schedule
    charged: FloatArray | None
    t_out: FloatArray
    read: Callable[[], FloatArray]

    @property
    def v(self) -> FloatArray:
        """Voltages (batch, n_out) in V_th at the end of charging; a ValueError for single-phase neurons."""
        two_phase_only(self.layer, "the voltage at the end of charging")
        assert self.charged is not None
        return self.charged

    @property
    def times(self) -> FloatArray:
        """Input spike times in T, (batch, n_in); a TypeError if the network was given their schedule."""
        if isinstance(self.spikes, Schedule):
            raise TypeError("a schedule does not have the spike times themselves: pass the times to walk")
        return self.spikes

    @property
    def outputs(self) -> Outputs:
        """What the network would return if this were its last layer, (batch, n_out).

        They are `v`, or the voltages that correspond to noisy spike times; in a single phase the spike times.
        """
        return Outputs(self.read(), self.layer.phases, self.layer.circuit)


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """One forward pass after its random numbers have been drawn."""

    layers: Sequence[Layer]  # as they are in this pass
    shifts: Sequence[FloatArray] = ()  # of the spike times (batch, n_out) of each layer in T, or none
    maps: Sequence[Callable[[FloatArray], FloatArray]] = ()  # of spike times, in every layer after its shifts
    # Returns the engine's network of some of these layers. Without it, layers are computed one by one, and voltages are
    # read by spike times.
    engine: Callable[[Sequence[Any]], Engine] | None = None

    def run(self, spikes: FloatArray | Schedule, threads: int | None) -> FloatArray:
        """What the last layer is read by."""
        if self.engine is not None:
            return self.engine(self.layers).forward(spikes, list(self.shifts), threads)
        for result in self.walk(spikes, threads):
            last = result
        return last.read()

    def walk(self, spikes: FloatArray | Schedule, threads: int | None) -> Generator[LayerResult, Layer | None, None]:
        """Compute the layers one by one. The next one receives the spikes of a layer that is sent, if there is one."""
        for depth, layer in enumerate(self.layers):
            result = self._through(layer, depth, spikes, threads)
            other = yield result
            if other is not None:
                result = self._through(other, depth, spikes, threads)
            spikes = np.maximum(result.t_out, 0)  # the next layer hears earlier ones when it begins to listen

    def _through(self, layer: Layer, depth: int, spikes: FloatArray | Schedule, threads: int | None) -> LayerResult:
        moved = partial(self._moved, depth) if self.shifts or self.maps else None
        read = partial(self._read, layer, depth, spikes, threads)
        found = neuron_kind(layer.phases).run(layer, spikes, moved=moved, read=read, threads=threads)
        return LayerResult(layer, depth, spikes, found.charged, found.t_out, found.read)

    def _moved(self, depth: int, t: FloatArray) -> FloatArray:
        """Spike times of a layer, shifted and then mapped."""
        if self.shifts:
            t = t + self.shifts[depth]
        for one in self.maps:
            t = one(t)
        return t

    def _read(
        self, layer: Layer, depth: int, spikes: FloatArray | Schedule, threads: int | None, v: FloatArray
    ) -> FloatArray:
        """Voltages from which the ramp alone would make the spikes of a layer, with the bits of `run`.

        The spikes are not clipped to the phase, so that all neurons are ordered.
        """
        if self.engine is None:
            return readout_voltages(self._moved(depth, readout_times(v, layer.circuit)), layer.circuit)
        if not self.shifts:
            return v
        if layer.circuit.ramp == 0:
            return np.asarray(v - self.shifts[depth])
        return self.engine([layer]).forward(spikes, [self.shifts[depth]], threads)


class LayeredNetwork(ABC):
    """Layers in series: the firing phase of one is the charging phase of the next.

    The subclasses `rcspike.Network`, `rcspike.DeviceNetwork` and `rcspike.chips.Chip` have the same arguments.
    """

    if TYPE_CHECKING:  # a field in some kinds, and a property in others

        @property
        def layers(self) -> tuple[Layer, ...]:
            """Layers from the first to the last."""

    @abstractmethod
    def _draw(self, batch: int, noise: float, seed: int | None, threads: int | None) -> ForwardPass:
        """Check noise and seed, and draw the random numbers of a forward pass."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of neurons, from the inputs over the hidden layers to the outputs."""
        return (self.layers[0].n_in, *(layer.n_out for layer in self.layers))

    @property
    def circuit(self) -> Circuit:
        """The circuit it runs on."""
        return joined_circuit([layer.circuit for layer in self.layers])

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64, in which it computes."""
        return self.layers[0].dtype

    @property
    def phases(self) -> Phases:
        """Phases of its neurons, "two", or "single" if they spike while they charge."""
        return self.layers[0].phases

    def forward(
        self, times: FloatArray | Schedule, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> Outputs:
        """Voltages of the last layer at the end of its charging phase, or its spike times.

        Errors as in `rcspike.functional.charge`; also if the noise is negative or has no seed.

        Parameters
        ----------
        times : (batch, n_in)
            Input spike times in T; ``inf`` or above 1 means no spike. Or their `rcspike.functional.schedule`, which is
            faster if the same ones are used again.
        noise : float
            Standard deviation sigma_t of the Gaussian noise on the spike times of every layer but the input, in T. On a
            chip it is added to the temporal noise of the chip itself.
        seed : int, optional
            Seed of the noise, and of a chip's temporal noise; required if there is any.

        Returns
        -------
        Outputs, (batch, n_out)
            Voltages in V_th, in the network's dtype, on the scale of ideal neurons: if neurons have thresholds or ramps
            of their own, the voltages at which ideal ones would spike at the same times. With noise, the voltages that
            correspond to the noisy spike times. The highest one spikes first. In a single phase: spike times in T,
            ``inf`` where there is none. The array also says which class answers, and which outputs are silent.
        """
        spikes, drawn, threads = self._start(times, noise, seed, threads)
        last = self.layers[-1]
        return Outputs(drawn.run(spikes, threads), last.phases, last.circuit)

    def predict(
        self, times: FloatArray | Schedule, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Class of each sample, (batch,): the output that would spike first. Arguments and errors as in `forward`.

        A single-phase network gives no answer if no output spikes; the class is then -1.

        Examples
        --------
        >>> network = Network([np.eye(2)], Circuit.conventional())
        >>> network.predict(np.array([[0.2, 0.5], [np.inf, 0.5]]))
        array([0, 1])
        """
        return self.forward(times, noise=noise, seed=seed, threads=threads).answers

    def walk(
        self, times: FloatArray | Schedule, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> Generator[LayerResult, Layer | None, None]:
        """Yield the voltages and spikes of each layer during a forward pass, layer by layer.

        The caller may ``send`` another layer in place of the one that was just yielded; the next layer then receives
        the spikes of that one.

        Errors as in `forward`.

        Parameters
        ----------
        times, noise, seed, threads
            As in `forward`, with the same draws.

        Yields
        ------
        rcspike.network.LayerResult
            The `outputs` of the last one are the result of `forward`.

        Examples
        --------
        >>> network = Network([np.array([[0.5]]), np.array([[1.0]])], Circuit.conventional())
        >>> [(result.v.item(), result.t_out.item()) for result in network.walk(np.array([[0.0]]))]
        [(0.5, 0.5), (0.5, 0.5)]
        """
        spikes, drawn, threads = self._start(times, noise, seed, threads)
        return drawn.walk(spikes, threads)

    def _repr_html_(self) -> str:
        rows: list[list[int]] = []
        for depth, layer in enumerate(self.layers, start=1):
            n_rows, n_columns = layer.wiring.weight_shape(layer.n_in, layer.n_out)
            rows.append([depth, layer.n_in, layer.n_out, n_rows * n_columns])
        kind = f"{type(self).__name__} {'-'.join(map(str, self.sizes))}"
        head = ["layer", "inputs", "neurons", "synapses"]
        return html_table(kind, head, rows, f"{'; '.join(self._facts())}.")

    def _facts(self) -> list[str]:
        """What a notebook shows below the table of the layers."""
        return [
            str(self.circuit),
            f"neurons of {neuron_kind(self.phases).wording}",
            str(self.dtype),
        ]

    def _start(
        self, times: FloatArray | Schedule, noise: float, seed: int | None, threads: int | None
    ) -> tuple[FloatArray | Schedule, ForwardPass, int | None]:
        """Check the arguments of a forward pass, and draw its random numbers."""
        spikes = network_input(times, self.layers[0].n_in, self.dtype, self.phases)
        if not isinstance(spikes, Schedule):
            _warn_of_pixels(spikes[:_LOOKED_AT])
        batch = spikes.batch if isinstance(spikes, Schedule) else len(spikes)
        threads = check_threads(threads)
        return spikes, self._draw(batch, noise, seed, threads), threads

    def _noise(self, batch: int, noise: float, seed: int | None, threads: int | None) -> list[FloatArray]:
        """Shifts of the spike times of each layer by the noise that was asked for."""
        if noise == 0:
            return []
        if noise > 0 and seed is None:
            raise ValueError("noise needs a seed")
        warn_of_noise(noise)
        rng = np.random.default_rng(seed)
        return spike_time_noise(rng, batch, self.sizes[1:], noise, self.dtype, threads=threads)


def _warn_of_pixels(times: FloatArray) -> None:
    """Warn of times that are distributed as the intensities of images are: from 0 to 1, with a dark background."""
    zeros = np.count_nonzero(times == 0)
    if times.shape[1] < _FEW_INPUTS or not _BACKGROUND * times.size <= zeros < times.size or times.max() > 1:
        return
    warnings.warn(
        f"{zeros / times.size:.0%} of the times are 0 and none is above 1, as the intensities of images are: a time of "
        "0 is the earliest spike, not a dark pixel; make times of images with rcspike.encode",
        stacklevel=4,
    )


def warn_of_noise(noise: float) -> None:
    """Warn of spike-time noise in T that leaves little of a spike's time."""
    if _UNIFORM < noise <= sys.float_info.max:
        warnings.warn(
            f"noise {noise:g} is a standard deviation in T, the whole window in which neurons spike: more than "
            f"{_UNIFORM:.2f} leaves little of their times; 0.005 to 0.04 are usual (arXiv 2412.09010 v1, table 3)",
            stacklevel=2,
        )


def spike_time_noise(
    rng: np.random.Generator,
    batch: int,
    sizes: Sequence[int],
    sigma: float,
    dtype: np.dtype[Any],
    *,
    threads: int | None = None,
) -> list[FloatArray]:
    """Gaussian noise on the spike times of each layer, (batch, size) each, in T; nothing at all for sigma = 0."""
    if not 0 <= sigma <= sys.float_info.max:
        raise ValueError(f"spike-time noise must be finite and not negative, got {sigma}")
    if sigma == 0:
        return []
    layers: list[FloatArray] = [np.empty((batch, size), dtype) for size in sizes]
    for layer in layers:
        _core.draw_noise(int(rng.integers(2**64, dtype=np.uint64)), sigma, layer, threads)
    return layers


def layer_with(layer: Layer, method: str, use: str) -> Any:
    """The layer itself, if its kind has a method that not all kinds have; otherwise a TypeError that names the use."""
    if not hasattr(layer, method):
        raise TypeError(
            f"{use} needs layers with the method {method}, which {type(layer).__name__} does not have; use the ideal "
            "Network"
        )
    return layer

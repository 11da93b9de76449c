"""Layers in series: the firing phase of one is the charging phase of the next."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array, check_times
from rcspike.circuit import Circuit, circuit_core
from rcspike.functional.events import Schedule, check_threads, in_precision, network_input
from rcspike.network import files
from rcspike.network.initialisation import initial_weights
from rcspike.network.layer import Dense, LayerResult

__all__ = ["Network", "spike_time_noise"]


class Network:
    """A feed-forward RC-Spike network.

    Parameters
    ----------
    weights : sequence of (n_in, n_out) arrays
        Signed synaptic weights of each layer in V_th / T, all float32 or all float64. They are copied.
    circuit : Circuit

    Raises
    ------
    TypeError
        If the weights are not float32 or float64 arrays of one dtype.
    ValueError
        If a shape does not continue the previous layer, or a weight is masked or not finite.

    Examples
    --------
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> network
    Network(sizes=(64, 20, 10), circuit=Circuit(v_syn=1.0, e_plus=1.0, e_minus=-1.0, diode_drop=0.0, ramp=0.0))
    >>> network.forward(np.full((3, 64), 0.5, dtype=np.float32)).shape
    (3, 10)
    """

    def __init__(self, weights: Sequence[FloatArray], circuit: Circuit) -> None:
        self._circuit = circuit
        self.weights = weights

    @classmethod
    def create(cls, sizes: Iterable[int], circuit: Circuit, *, seed: int, dtype: npt.DTypeLike = np.float32) -> Network:
        """A network with random weights that put the voltages of every layer in a useful range, for any circuit.

        Parameters
        ----------
        sizes : iterable of int
            Numbers of neurons: inputs, hidden layers, outputs.
        circuit : Circuit
        seed : int
            The same seed gives the same weights.
        dtype : float32 or float64

        Raises
        ------
        ValueError
            If there are fewer than two sizes, or one is below 1.

        Examples
        --------
        >>> [w.shape for w in Network.create([64, 20, 10], Circuit(), seed=0).weights]
        [(64, 20), (20, 10)]
        """
        return cls(initial_weights(tuple(sizes), circuit, seed=seed, dtype=np.dtype(dtype)), circuit)

    @property
    def circuit(self) -> Circuit:
        """The circuit it runs on."""
        return self._circuit

    @property
    def weights(self) -> tuple[FloatArray, ...]:
        """Weights of each layer, read-only; assign a whole sequence to change them."""
        return self._weights

    @weights.setter
    def weights(self, weights: Sequence[FloatArray]) -> None:
        weights = tuple(weights)
        dtype = weights[0].dtype if weights and isinstance(weights[0], np.ndarray) else None
        checked = [check_array(f"weights[{i}]", w, 2, dtype if i > 0 else None) for i, w in enumerate(weights)]
        copies: list[Any] = [w.copy() for w in checked]
        self._core = _core.network(copies, circuit_core(self._circuit))
        for copy in copies:
            copy.setflags(write=False)
        self._weights = tuple(copies)

    @property
    def parameters(self) -> dict[str, FloatArray]:
        """All trained arrays by name, read-only, as `save` writes them; assign all of them to change them.

        Examples
        --------
        >>> network = Network([np.eye(2)], Circuit())
        >>> network.parameters = {name: 0.5 * values for name, values in network.parameters.items()}
        >>> network.weights[0]
        array([[0.5, 0. ],
               [0. , 0.5]])
        """
        return {f"weights.{depth}": w for depth, w in enumerate(self._weights)}

    @parameters.setter
    def parameters(self, parameters: Mapping[str, FloatArray]) -> None:
        if parameters.keys() != self.parameters.keys():
            raise ValueError(f"parameters must be {', '.join(self.parameters)}, got {', '.join(parameters)}")
        self.weights = [parameters[name] for name in self.parameters]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of neurons, from the inputs over the hidden layers to the outputs."""
        return (self._weights[0].shape[0], *(w.shape[1] for w in self._weights))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        dtype: np.dtype[Any] = self._weights[0].dtype
        return dtype

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self.weights, self.circuit)  # other processes create their own engine object

    def __repr__(self) -> str:
        return f"Network(sizes={self.sizes}, circuit={self.circuit})"

    def forward(
        self, times: FloatArray | Schedule, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> FloatArray:
        """Voltages of the last layer at the end of its charging phase.

        Parameters
        ----------
        times : (batch, n_in)
            Input spike times in T; ``inf`` or above 1 means no spike. Or their `rcspike.functional.schedule`, which is
            faster if the same ones are used again.
        noise : float
            Standard deviation sigma_t of the Gaussian noise on the spike times of every layer but the input, in T.
        seed : int, optional
            Seed of the noise; required if `noise` is not 0.
        threads : int, optional

        Returns
        -------
        (batch, n_out)
            Voltages in V_th, in the dtype of the weights. With noise, the voltages that correspond to the noisy
            spike times.

        Raises
        ------
        TypeError, ValueError
            As in `rcspike.functional.charge`; also if the noise is negative or has no seed.
        """
        spikes = network_input(times, self.sizes[0], self.dtype)
        if noise > 0 and seed is None:
            raise ValueError("noise needs a seed")
        batch = spikes.batch if isinstance(spikes, Schedule) else len(spikes)
        shifts = spike_time_noise(np.random.default_rng(seed), batch, self.sizes[1:], noise, self.dtype)
        return self._core.forward(spikes, shifts, check_threads(threads))

    @property
    def layers(self) -> tuple[Dense, ...]:
        """Layers from the first to the last; they share the network's weights."""
        return tuple(Dense(w, self._circuit) for w in self._weights)

    @classmethod
    def of_layers(cls, layers: Sequence[Dense]) -> Network:
        """A network of layers that are all on one circuit.

        Raises
        ------
        ValueError
            If there are no layers, or they are on different circuits; or as for a new `Network`.
        """
        circuits = {layer.circuit for layer in layers}
        if len(circuits) != 1:
            raise ValueError(f"a network needs layers on one circuit, got {len(circuits)} circuits")
        return cls([layer.weights for layer in layers], circuits.pop())

    def rescaled(self, circuit: Circuit, *, plus: float, minus: float) -> Network:
        """A network on another circuit, with positive weights times `plus` and negative ones times `minus`.

        Examples
        --------
        >>> network = Network([np.array([[1.0, -1.0]])], Circuit())
        >>> network.rescaled(Circuit(v_syn=2.0), plus=3.0, minus=0.5).weights[0]
        array([[ 3. , -0.5]])
        """
        return Network.of_layers([layer.rescaled(circuit, plus=plus, minus=minus) for layer in self.layers])

    def walk(
        self, times: FloatArray, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> Iterator[LayerResult]:
        """Yield the voltages and spikes of each layer during a forward pass, layer by layer.

        Parameters
        ----------
        times : (batch, n_in)
            Input spike times in T.
        noise, seed, threads
            As in `forward`, with the same draws.

        Yields
        ------
        rcspike.network.LayerResult

        Raises
        ------
        TypeError, ValueError
            As in `forward`.

        Examples
        --------
        >>> network = Network([np.array([[0.5]]), np.array([[1.0]])], Circuit.conventional())
        >>> [(result.v.item(), result.t_out.item()) for result in network.walk(np.array([[0.0]]))]
        [(0.5, 0.5), (0.5, 0.5)]
        """
        if noise > 0 and seed is None:
            raise ValueError("noise needs a seed")
        times = in_precision(check_times(times), self.dtype)
        shifts = spike_time_noise(np.random.default_rng(seed), len(times), self.sizes[1:], noise, self.dtype)
        for depth, layer in enumerate(self.layers):
            v = layer.charge(times, threads=threads)
            t_out = layer.fire(v)
            if shifts:
                t_out = np.maximum(t_out + shifts[depth], 0)
            yield LayerResult(layer, depth, times, v, t_out)
            times = t_out

    def predict(
        self, times: FloatArray | Schedule, *, noise: float = 0.0, seed: int | None = None, threads: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Class of each sample, (batch,): the output that would spike first. Arguments and errors as in `forward`.

        Examples
        --------
        >>> network = Network([np.eye(2)], Circuit.conventional())
        >>> network.predict(np.array([[0.2, 0.5], [np.inf, 0.5]]))
        array([0, 1])
        """
        first: npt.NDArray[np.int64] = np.argmax(self.forward(times, noise=noise, seed=seed, threads=threads), axis=1)
        return first

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a safetensors file, with circuit and sizes in its metadata, atomically.

        Raises
        ------
        ValueError
            If its header becomes longer than `load` accepts, which takes about 10,000 layers.
        OSError
            If the file cannot be written.
        """
        header = {"sizes": list(self.sizes), "circuit": files.circuit_to_header(self.circuit)}
        files.write(path, "model", self.parameters, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Read a model that `save` has written.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is truncated, damaged, not an rcspike model, from a newer format, or its weights are not as it
            says.
        """
        tensors, header = files.read(path, "model")
        try:
            files.check_parts("header", header, ("sizes", "circuit"))
            sizes = header["sizes"]
            if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
                raise ValueError("sizes in its header is not a list of sizes")
            for name in (f"weights.{layer}" for layer in range(len(tensors))):
                if name not in tensors:
                    raise ValueError(f"it has no {name}")
            weights = [tensors[f"weights.{layer}"] for layer in range(len(tensors))]
            network = cls(weights, files.circuit_from_header(header["circuit"]))
            if list(network.sizes) != sizes:
                raise ValueError(f"it says sizes {sizes} but holds weights of {list(network.sizes)}")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a whole rcspike model: {error}") from error
        return network


def spike_time_noise(
    rng: np.random.Generator, batch: int, sizes: Sequence[int], sigma: float, dtype: np.dtype[Any]
) -> list[FloatArray]:
    """Gaussian noise on the spike times of each layer, (batch, size) each, in T; nothing at all for sigma = 0."""
    if not 0 <= sigma <= sys.float_info.max:
        raise ValueError(f"spike-time noise must be finite and not negative, got {sigma}")
    if sigma == 0:
        return []
    return [rng.standard_normal((batch, size), dtype=dtype.type) * dtype.type(sigma) for size in sizes]

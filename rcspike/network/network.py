"""Networks of ideal synapses: their weights, and the files that hold them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array
from rcspike.circuit import Circuit, joined_circuit, layer_circuits
from rcspike.functional.events import Phases
from rcspike.network import files
from rcspike.network.initialisation import initial_weights
from rcspike.network.layer import ResistiveLayer
from rcspike.network.protocol import Engine, ForwardPass, LayeredNetwork
from rcspike.network.wiring import DENSE, Wiring, wiring_of

__all__ = ["Network"]


class Network(LayeredNetwork):
    """A feed-forward RC-Spike network.

    Parameters
    ----------
    weights : sequence of (n_rows, n_out) arrays
        Signed synaptic weights of each layer in V_th / T, all float32 or all float64. They are copied. There are as
        many rows as inputs, or one for each window of inputs that the wiring joins.
    circuit : Circuit
    wiring : sequence of rcspike.network.Dense or FirstSpike, optional
        Which inputs of each layer drive which rows of its weights; dense by default.
    phases : {"two", "single"}
        Whether neurons charge for one window and fire by a ramp in the next one, or spike at the moment at which they
        reach their threshold, while they charge. A network of a single phase has spike times for a result.

    Raises
    ------
    TypeError
        If the weights are not float32 or float64 arrays of one dtype.
    ValueError
        If a shape does not continue the previous layer, a weight is masked or not finite, or the wiring does not fit.

    Examples
    --------
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> network
    Network(64-20-10, circuit=Circuit(v_syn=1.0, e_plus=1.0, e_minus=-1.0, diode_drop=0.0, ramp=0.0))
    >>> network.forward(np.full((3, 64), 0.5, dtype=np.float32)).shape
    (3, 10)
    """

    def __init__(
        self,
        weights: Sequence[FloatArray],
        circuit: Circuit,
        wiring: Sequence[Wiring] | None = None,
        *,
        phases: Phases = "two",
    ) -> None:
        if phases not in ("two", "single"):
            raise ValueError(f"phases must be 'two' or 'single', got {phases!r}")
        self._circuit = circuit
        self._phases = phases
        if wiring is not None and len(wiring) != len(weights):
            raise ValueError(f"wiring must be given for all {len(weights)} layers, got {len(wiring)}")
        joins = wiring is not None and any(one != DENSE for one in wiring)
        self._wiring = tuple(wiring) if wiring is not None and joins else None
        self.weights = weights

    @classmethod
    def create(
        cls,
        sizes: Iterable[int],
        circuit: Circuit,
        *,
        seed: int,
        dtype: npt.DTypeLike = np.float32,
        wiring: Sequence[Wiring] | None = None,
        phases: Phases = "two",
    ) -> Network:
        """A network with random weights that put the voltages of every layer in a useful range, for any circuit.

        Parameters
        ----------
        sizes : iterable of int
            Numbers of neurons: inputs, hidden layers, outputs.
        circuit : Circuit
        seed : int
            The same seed gives the same weights.
        dtype : float32 or float64
        wiring : sequence of rcspike.network.Dense or FirstSpike, optional
            Of each layer; dense by default.
        phases : {"two", "single"}
            Of all neurons.

        Raises
        ------
        ValueError
            If there are fewer than two sizes, one is below 1, the wiring does not fit them, or the rails do not reach
            the threshold of neurons of a single phase.

        Examples
        --------
        >>> [w.shape for w in Network.create([64, 20, 10], Circuit(), seed=0).weights]
        [(64, 20), (20, 10)]
        """
        sizes = tuple(sizes)
        if wiring is not None and len(wiring) != len(sizes) - 1:
            raise ValueError(f"wiring must be given for all {len(sizes) - 1} layers, got {len(wiring)}")
        windows = [1] * (len(sizes) - 1) if wiring is None else [one.window for one in wiring]
        weights = initial_weights(sizes, circuit, seed=seed, dtype=np.dtype(dtype), windows=windows, phases=phases)
        return cls(weights, circuit, wiring, phases=phases)

    @property
    def architecture(self) -> str:
        """Numbers of neurons as papers write them; ``/`` stands before the number of neurons whose spikes are joined.

        Examples
        --------
        >>> from rcspike.network import FirstSpike
        >>> wiring = [DENSE, FirstSpike(4)]
        >>> Network.create([64, 40, 10], Circuit(), seed=0, wiring=wiring).architecture
        '64-40/4-10'
        """
        windows = [layer.wiring.window for layer in self.layers] + [1]
        parts = zip(self.sizes, windows, strict=True)
        return "-".join(str(size) if window == 1 else f"{size}/{window}" for size, window in parts)

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
        wiring = (DENSE,) * len(copies) if self._wiring is None else self._wiring
        circuits = layer_circuits(self._circuit, len(copies))
        cores = [circuit.core for circuit in circuits]
        self._core = _core.network(copies, cores, wiring=[one.core for one in wiring], phases=self._phases)
        for copy in copies:
            copy.setflags(write=False)
        self._weights = tuple(copies)
        parts = zip(copies, circuits, wiring, strict=True)
        self._layers = tuple(ResistiveLayer(*part, self._phases) for part in parts)

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
        return {f"weights.{depth}": w for depth, w in enumerate(self.weights)}

    @parameters.setter
    def parameters(self, parameters: Mapping[str, FloatArray]) -> None:
        if parameters.keys() != self.parameters.keys():
            raise ValueError(f"parameters must be {', '.join(self.parameters)}, got {', '.join(parameters)}")
        self.weights = [parameters[name] for name in self.parameters]

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes create their own engine object.
        return partial(Network, phases=self.phases), (self.weights, self.circuit, self._wiring)

    def __repr__(self) -> str:
        phases = "" if self.phases == "two" else f", phases={self.phases!r}"
        return f"Network({self.architecture}, circuit={self.circuit}{phases})"

    @property
    def layers(self) -> tuple[ResistiveLayer, ...]:
        """Layers from the first to the last; they share the network's weights."""
        return self._layers

    @classmethod
    def of_layers(cls, layers: Sequence[ResistiveLayer]) -> Network:
        """A network of layers that are all on one circuit, but for their injections.

        Raises
        ------
        ValueError
            If there are no layers, or they are on different circuits; or as for a new `Network`.
        """
        circuit = joined_circuit([layer.circuit for layer in layers])
        phases = {layer.phases for layer in layers}
        if len(phases) != 1:
            raise ValueError("a network needs neurons of one kind, got some of two phases and some of a single one")
        wiring = [layer.wiring for layer in layers]
        return cls([layer.weights for layer in layers], circuit, wiring, phases=phases.pop())

    def rescaled(self, circuit: Circuit, *, plus: float, minus: float) -> Network:
        """A network on another circuit, with positive weights times `plus` and negative ones times `minus`.

        Examples
        --------
        >>> network = Network([np.array([[1.0, -1.0]])], Circuit())
        >>> network.rescaled(Circuit(v_syn=2.0), plus=3.0, minus=0.5).weights[0]
        array([[ 3. , -0.5]])
        """
        circuits = layer_circuits(circuit, len(self.layers))
        layers = zip(self.layers, circuits, strict=True)
        return Network.of_layers([layer.rescaled(own, plus=plus, minus=minus) for layer, own in layers])

    def _draw(self, batch: int, noise: float, seed: int | None) -> ForwardPass:
        return ForwardPass(self.layers, self._noise(batch, noise, seed), engine=self._engine)

    def _engine(self, layers: Sequence[ResistiveLayer]) -> Engine:
        return self._core if layers is self._layers else Network.of_layers(layers)._core

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a safetensors file, with circuit and sizes in its metadata, atomically.

        Raises
        ------
        ValueError
            If its header becomes longer than `load` accepts, which takes about 10,000 layers.
        OSError
            If the file cannot be written.
        """
        circuit = files.circuit_to_header(self.circuit, switches=self.phases != "two")
        header: dict[str, Any] = {"sizes": list(self.sizes), "circuit": circuit}
        if self._wiring is not None or "injection" in circuit:
            header["windows"] = [layer.wiring.window for layer in self.layers]
        if self.phases != "two":
            header["phases"] = self.phases
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
            windows = header.pop("windows") if "windows" in header else [1] * len(tensors)
            phases: Any = header.pop("phases") if "phases" in header else "two"
            files.check_parts("header", header, ("sizes", "circuit"))
            sizes = header["sizes"]
            if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
                raise ValueError("sizes in its header is not a list of sizes")
            for name in (f"weights.{layer}" for layer in range(len(tensors))):
                if name not in tensors:
                    raise ValueError(f"it has no {name}")
            weights = [tensors[f"weights.{layer}"] for layer in range(len(tensors))]
            if not isinstance(windows, list) or not all(type(window) is int for window in windows):
                raise ValueError("windows in its header is not a list of sizes")
            wiring = [wiring_of(window) for window in windows]
            circuit = files.circuit_from_header(header["circuit"])
            if len(header["circuit"].get("injection", [[]])) not in (1, len(weights)):
                raise ValueError(f"injection must be one pair or one for each of {len(weights)} layers")
            network = cls(weights, circuit, wiring, phases=phases)
            if list(network.sizes) != sizes:
                raise ValueError(f"it says sizes {sizes} but holds weights of {list(network.sizes)}")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a whole rcspike model: {error}") from error
        return network

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
from rcspike._common.readers import naming
from rcspike.circuit import Circuit, joined_circuit, layer_circuits
from rcspike.network import model_files
from rcspike.network.architecture import architecture_of, parse_architecture
from rcspike.network.initialisation import INTENSITY, initial_weights
from rcspike.network.layered_network import Engine, ForwardPass, LayeredNetwork
from rcspike.network.resistive_layer import ResistiveLayer
from rcspike.network.wiring import DENSE, Wiring
from rcspike.neurons import Phases, neuron_kind, unless_default


class Network(LayeredNetwork):
    """A feed-forward RC-Spike network.

    Parameters
    ----------
    weights : sequence of (n_rows, n_columns) arrays
        Signed synaptic weights of each layer in V_th / T, all float32 or all float64. They are copied. Without another
        wiring there are as many rows as inputs, and as many columns as neurons.
    wiring : sequence of rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d, optional
        Which inputs of each layer drive which rows of its weights; dense by default.
    phases : {"two", "single"}
        Whether neurons charge for one window and fire by a ramp in the next one, or spike at the moment at which they
        reach their threshold, while they charge. A single-phase network has spike times for a result.

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
        self._circuit = circuit
        self._phases = neuron_kind(phases).name
        if wiring is not None and len(wiring) != len(weights):
            raise ValueError(f"wiring must be given for all {len(weights)} layers, got {len(wiring)}")
        joins = wiring is not None and any(one != DENSE for one in wiring)
        self._wiring = tuple(wiring) if wiring is not None and joins else None
        self.weights = weights

    @classmethod
    def create(
        cls,
        sizes: Iterable[int] | str,
        circuit: Circuit,
        *,
        seed: int,
        input_shape: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.float32,
        wiring: Sequence[Wiring] | None = None,
        phases: Phases = "two",
        intensity: float = INTENSITY,
    ) -> Network:
        """A network with random weights that put the voltages of every layer in a useful range, for any circuit.

        Parameters
        ----------
        sizes : iterable of int, or str
            Numbers of neurons: inputs, hidden layers, outputs. Or an architecture such as ``conv16-pool-128-10``, which
            `rcspike.network.parse_architecture` describes.
        seed : int
            The same seed gives the same weights.
        input_shape : (height, width) or (height, width, channels), optional
            Of the inputs, for an architecture that does not begin with them.
        dtype : float32 or float64
        wiring : sequence of rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d, optional
            Of each layer; dense by default. An architecture has its own.
        phases : {"two", "single"}
            Of all neurons.
        intensity : float
            Single phase: mean of 1 - t of the inputs, where those that do not spike count as 0. The weights of the
            first layer take its membranes to the threshold after about one T of such inputs.

        Raises
        ------
        ValueError
            If there are fewer than two sizes, one is below 1, the wiring does not fit them, the intensity is not in
            (0, 1], or the rails do not reach the threshold of single-phase neurons.

        Examples
        --------
        >>> [w.shape for w in Network.create([64, 20, 10], Circuit(), seed=0).weights]
        [(64, 20), (20, 10)]
        >>> network = Network.create("conv16-pool-10", Circuit(), seed=0, input_shape=(8, 8))
        >>> network.sizes, [w.shape for w in network.weights]
        ((64, 256, 10), [(9, 16), (256, 10)])
        """
        if isinstance(sizes, str):
            if wiring is not None:
                raise ValueError(f"the architecture {sizes!r} has a wiring of its own; leave wiring out")
            sizes, wiring = parse_architecture(sizes, input_shape)
        elif input_shape is not None:
            raise ValueError("input_shape belongs to an architecture such as 'conv16-pool-128-10'; leave it out")
        sizes = tuple(sizes)
        if wiring is not None and len(wiring) != len(sizes) - 1:
            raise ValueError(f"wiring must be given for all {len(sizes) - 1} layers, got {len(wiring)}")
        own = [DENSE] * (len(sizes) - 1) if wiring is None else wiring
        if not 0 < intensity <= 1:
            raise ValueError(f"intensity must be in (0, 1], the mean of 1 - t of the inputs, got {intensity}")
        of: dict[str, Any] = {"dtype": np.dtype(dtype), "phases": phases, "intensity": intensity}
        weights = initial_weights(sizes, circuit, seed=seed, wiring=own, **of)
        return cls(weights, circuit, wiring, phases=phases)

    @property
    def architecture(self) -> str:
        """The network as papers write it; ``/`` stands before the number of neurons whose spikes are joined.

        `create` makes a network of the same architecture of it.

        Examples
        --------
        >>> from rcspike.network import FirstSpike
        >>> wiring = [DENSE, FirstSpike(4)]
        >>> Network.create([64, 40, 10], Circuit(), seed=0, wiring=wiring).architecture
        '64-40/4-10'
        """
        return architecture_of(self.sizes, [layer.wiring for layer in self.layers])

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
        kind = "".join(f", {name}={value!r}" for name, value in unless_default(self.phases).items())
        return f"Network({self.architecture}, circuit={self.circuit}{kind})"

    @property
    def layers(self) -> tuple[ResistiveLayer, ...]:
        """Layers from the first to the last; they share the network's weights."""
        return self._layers

    @classmethod
    def of_layers(cls, layers: Sequence[ResistiveLayer]) -> Network:
        """A network of layers that are all on one circuit, but for their injections and loads.

        A ValueError if there are no layers, or they are on different circuits; or as for a new `Network`.
        """
        circuit = joined_circuit([layer.circuit for layer in layers])
        phases = {layer.phases for layer in layers}
        if len(phases) != 1:
            kinds = " and some of ".join(neuron_kind(name).wording for name in sorted(phases))
            raise ValueError(f"a network needs neurons of one kind, got some of {kinds}")
        wiring = [layer.wiring for layer in layers]
        return cls([layer.weights for layer in layers], circuit, wiring, phases=phases.pop())

    def rescaled(self, circuit: Circuit, *, plus: float, minus: float) -> Network:
        """A network whose layers are `rcspike.network.ResistiveLayer.rescaled`."""
        circuits = layer_circuits(circuit, len(self.layers))
        layers = zip(self.layers, circuits, strict=True)
        return Network.of_layers([layer.rescaled(own, plus=plus, minus=minus) for layer, own in layers])

    def _draw(self, batch: int, noise: float, seed: int | None, threads: int | None) -> ForwardPass:
        return ForwardPass(self.layers, self._noise(batch, noise, seed, threads), engine=self._engine)

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
        header: dict[str, Any] = {
            "sizes": list(self.sizes),
            "circuit": model_files.circuit_to_header(self.circuit),
            **model_files.wiring_to_header([layer.wiring for layer in self.layers]),
            **unless_default(self.phases),
        }
        model_files.write(path, "model", self.parameters, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Read a model that `save` has written: its file, or the folder of a run of ``rcspike train``.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If the file is truncated, damaged, not an rcspike model, of another format, or its weights are not as it
            says.
        """
        if os.path.isdir(path):
            path = os.path.join(path, model_files.MODEL)
        tensors, header = model_files.read(path, "model")
        with naming(f"{path} is not a whole rcspike model"):
            model_files.check_parts("header", header, ("sizes", "circuit"), ("wiring", "phases"))
            wiring = model_files.wiring_from_header(header["wiring"]) if "wiring" in header else None
            sizes = header["sizes"]
            if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
                raise ValueError("sizes in its header is not a list of sizes")
            for name in (f"weights.{layer}" for layer in range(len(tensors))):
                if name not in tensors:
                    raise ValueError(f"it has no {name}")
            weights = [tensors[f"weights.{layer}"] for layer in range(len(tensors))]
            circuit = model_files.circuit_from_header(header["circuit"])
            for name in ("injection", "load"):
                if len(header["circuit"].get(name, [[]])) not in (1, len(weights)):
                    raise ValueError(f"{name} must be given once or for each of {len(weights)} layers")
            network = cls(weights, circuit, wiring, phases=header.get("phases", "two"))
            if list(network.sizes) != sizes:
                raise ValueError(f"it says sizes {sizes} but holds weights of {list(network.sizes)}")
        return network

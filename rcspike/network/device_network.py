"""Networks of device pairs, as a programmed chip has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rcspike._common.arrays import check_array
from rcspike.circuit import Circuit, layer_circuits
from rcspike.functional.neuron_kinds import Phases
from rcspike.network.device_layer import DeviceLayer, device_engine
from rcspike.network.device_pairs import DevicePairs
from rcspike.network.layered_network import Engine, ForwardPass, LayeredNetwork
from rcspike.network.wiring import DENSE, Wiring


class DeviceNetwork(LayeredNetwork):
    """A feed-forward network of device pairs.

    With ideal pairs and no offsets it gives the same bits as `rcspike.Network`.

    Parameters
    ----------
    layers : sequence of DevicePairs
        All of one dtype. The arrays are copied into the engine and must not be changed afterwards.
    wiring : sequence of rcspike.network.Dense or FirstSpike, optional
        Which inputs of each layer drive which rows of its pairs; dense by default.
    phases : {"two", "single"}
        As for `rcspike.Network.create`.

    Raises
    ------
    TypeError
        If an array is not float32 or float64, or not of one dtype with the others.
    ValueError
        If a shape does not fit or does not continue the previous layer, a number is not finite, or a pair has a
        negative conductance.

    Examples
    --------
    >>> from rcspike.network.resistive_network import Network
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> chip = DeviceNetwork([DevicePairs.of_weights(w) for w in network.weights], network.circuit)
    >>> times = np.full((3, 64), 0.5, dtype=np.float32)
    >>> bool(np.all(chip.forward(times) == network.forward(times)))
    True
    """

    def __init__(
        self,
        layers: Sequence[DevicePairs],
        circuit: Circuit,
        wiring: Sequence[Wiring] | None = None,
        *,
        phases: Phases = "two",
    ) -> None:
        for layer, pairs in enumerate(layers):
            check_array(f"layers[{layer}].plus", pairs.plus, 2, layers[0].plus.dtype)
        wiring = [DENSE] * len(layers) if wiring is None else wiring
        if len(wiring) != len(layers):
            raise ValueError(f"wiring must be given for all {len(layers)} layers, got {len(wiring)}")
        parts = zip(layers, layer_circuits(circuit, len(layers)), wiring, strict=True)
        self._layers = tuple(DeviceLayer(*part, phases) for part in parts)
        self._core = device_engine(self._layers)

    @property
    def layers(self) -> tuple[DeviceLayer, ...]:
        """Layers from the first to the last."""
        return self._layers

    @property
    def core(self) -> Engine:
        """The engine's own object."""
        return self._core

    def __reduce__(self) -> tuple[Any, ...]:
        layers = self.layers
        arguments = ([one.pairs for one in layers], self.circuit, [one.wiring for one in layers])
        return partial(DeviceNetwork, phases=self.phases), arguments

    def __repr__(self) -> str:
        return f"DeviceNetwork(sizes={self.sizes}, circuit={self.circuit})"

    def _draw(self, batch: int, noise: float, seed: int | None, threads: int | None) -> ForwardPass:
        return ForwardPass(self.layers, self._noise(batch, noise, seed, threads), engine=self._engine)

    def _engine(self, layers: Sequence[DeviceLayer]) -> Engine:
        return self._core if layers is self._layers else device_engine(layers)

"""Virtual chips: a network programmed into one sample of imperfect devices and neurons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike._common.lazy import lazy
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.device_range import Devices
from rcspike.chips.effects.base_classes import Effect, Fixed, Reading, Shift, TimeMap
from rcspike.circuit import joined_circuit
from rcspike.network import DeviceNetwork, Network
from rcspike.network.layered_network import Engine, ForwardPass, LayeredNetwork
from rcspike.neurons import two_phase_only


def program(network: Network, effects: Sequence[Effect] = (), *, seed: int, devices: Devices | None = None) -> Chip:
    """Program a network into a virtual chip.

    Parameters
    ----------
    effects : sequence of Effect
        Applied in this order to each layer. The usual order is levels, errors of programming, drift, and stuck
        devices last.
    seed : int
        Seed of the chip: the same seed gives the same chip. Each effect draws from its own random stream, so that
        another effect, or another size of this one, changes none of its random numbers.
    devices : Devices, optional
        Range of the conductances; perfect devices that just reach the largest weight of each layer by default.

    Raises
    ------
    TypeError
        If something else is among the effects.
    ValueError
        If the seed is negative, an effect is too large for its model, or it is one of a ramp and the network has
        single-phase neurons.

    Examples
    --------
    >>> from rcspike.chips import Jitter, Variation
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> chip = program(network, [Variation(sigma=0.2), Jitter(sigma=0.01)], seed=3)
    >>> chip.forward(np.full((5, 64), 0.5, dtype=np.float32), seed=0).shape
    (5, 10)
    """
    if isinstance(effects, Effect):
        raise TypeError(f"effects must be a list, got one effect: pass [{effects!r}]")
    for effect in effects:
        if not isinstance(effect, Effect):
            raise TypeError(f"effects must be those of rcspike.chips, got {effect!r}")
        if effect.needs_phases and not effect.is_absent:
            two_phase_only(network, f"the effect {effect.name}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    seen: Counter[str] = Counter()
    drawn = []
    for effect in effects:
        drawn.append(_Drawn(effect, seen[effect.name]))
        seen[effect.name] += 1
    layers, is_drawn = [], False
    for depth, ideal in enumerate(network.layers):
        layer = (devices or Devices()).program(ideal, depth=depth)
        for part in drawn:
            if isinstance(part.effect, Fixed) and not part.effect.is_absent:
                rng = part.rng(seed, depth)
                before = rng.bit_generator.state
                layer = part.effect.apply(layer, rng)
                is_drawn = is_drawn or rng.bit_generator.state != before
        layers.append(layer)
    temporal = tuple(part for part in drawn if not isinstance(part.effect, Fixed) and not part.effect.is_absent)
    return Chip(layers=tuple(layers), seed=seed, _temporal=temporal, _effects=tuple(effects), _is_drawn=is_drawn)


@dataclass(frozen=True)
class _Drawn:
    """An effect, and which of those of its name it is."""

    effect: Effect
    occurrence: int

    def rng(self, seed: int, depth: int) -> np.random.Generator:
        key = (*self.effect.name.encode(), self.occurrence, depth)
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _read_only(layer: ChipLayer) -> ChipLayer:
    """The same layer with arrays that cannot fall out of step with what the engine has packed."""
    own = {name: a for name, a in vars(layer).items() if isinstance(a, np.ndarray)}
    arrays: dict[str, Any] = {name: a.view() for name, a in own.items() if a.flags.writeable}
    for array in arrays.values():
        array.setflags(write=False)
    return replace(layer, **arrays) if arrays else layer


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Chip(LayeredNetwork):
    """A chip made by `program`: its fixed pattern stays the same, its temporal noise is redrawn for every inference.

    Parameters
    ----------
    layers : tuple of rcspike.chips.ChipLayer
        Devices and neurons as they have become. Their arrays are read-only.
    seed : int
        It was made with.

    Examples
    --------
    >>> from rcspike.chips import Stuck
    >>> network = Network([np.eye(2)], Circuit(v_syn=4.0))
    >>> program(network, [Stuck(share=1.0)], seed=0).layers[0].plus
    array([[0., 0.],
           [0., 0.]])
    >>> program(network, [Stuck(share=1.0)], seed=0)
    Chip(2-2, seed=0, effects=['stuck'])
    """

    layers: tuple[ChipLayer, ...]
    seed: int
    _temporal: tuple[_Drawn, ...] = ()
    _effects: tuple[Effect, ...] = ()  # as they were passed to `program`
    _is_drawn: bool = False  # whether any random number was drawn to make it

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(_read_only(layer) for layer in self.layers))

    def __repr__(self) -> str:
        effects = f", effects={[effect.name for effect in self._effects]}" if self._effects else ""
        return f"Chip({'-'.join(map(str, self.sizes))}, seed={self.seed}{effects})"

    def _facts(self) -> list[str]:
        effects = ", ".join(f"{e.name} ({e.size} {getattr(e, e.size)})" for e in self._effects) or "none"
        return [f"seed {self.seed}", f"effects: {effects}", *super()._facts()]

    @property
    def is_noisy(self) -> bool:
        """Whether inferences differ from one another, and need a seed."""
        return any(not isinstance(part.effect, TimeMap) for part in self._temporal)

    @property
    def is_random(self) -> bool:
        """Whether chips of other seeds differ from this one, or its inferences from one another.

        Examples
        --------
        >>> from rcspike.chips import ProcessCorner, Variation
        >>> network = Network([np.eye(2)], Circuit())
        >>> effects = [ProcessCorner(resistance=0.1)], [Variation(sigma=0.1)]
        >>> [program(network, of_chip, seed=0).is_random for of_chip in effects]
        [False, True]
        """
        return self._is_drawn or self.is_noisy

    @lazy
    def engine(self) -> DeviceNetwork:
        """The chip as a network of the engine, without temporal noise, diodes that block, and wires with resistance."""
        return _network(self.layers)

    def _draw(self, batch: int, noise: float, seed: int | None, threads: int | None) -> ForwardPass:
        """Temporal noise of the chip, and the noise that was asked for. Devices are read once for the whole batch."""
        if self.is_noisy and seed is None:
            raise ValueError("temporal noise needs a seed")
        layers = self._read(seed)
        own, added = self._shifts(batch, seed), self._noise(batch, noise, seed, threads)
        shifts = [a + b for a, b in zip(own, added, strict=True)] if own and added else own or added
        maps = [part.effect.times for part in self._temporal if isinstance(part.effect, TimeMap)]
        if maps or not all(layer.has_equivalent for layer in layers):
            return ForwardPass(layers, shifts, maps)
        return ForwardPass(layers, shifts, engine=self._engine)

    def _engine(self, layers: Sequence[ChipLayer]) -> Engine:
        return (self.engine if layers is self.layers else _network(layers)).core

    def _read(self, seed: int | None) -> tuple[ChipLayer, ...]:
        if seed is None or not any(isinstance(part.effect, Reading) for part in self._temporal):
            return self.layers
        layers = list(self.layers)
        for depth in range(len(layers)):
            for part in self._temporal:
                if isinstance(part.effect, Reading):
                    layers[depth] = part.effect.apply(layers[depth], part.rng(seed, depth))
        return tuple(layers)

    def _shifts(self, batch: int, seed: int | None) -> list[FloatArray]:
        if seed is None or not any(isinstance(part.effect, Shift) for part in self._temporal):
            return []
        shifts = []
        for depth, n_out in enumerate(self.sizes[1:]):
            total: Any = 0
            for part in self._temporal:
                if isinstance(part.effect, Shift):
                    total = total + part.effect.shifts(batch, n_out, part.rng(seed, depth))
            shifts.append(total.astype(self.dtype, copy=False))
        return shifts


def _network(layers: Sequence[ChipLayer]) -> DeviceNetwork:
    pairs, wiring = [layer.equivalent_pairs() for layer in layers], [layer.wiring for layer in layers]
    circuit = joined_circuit([layer.circuit for layer in layers])
    return DeviceNetwork(pairs, circuit, wiring, phases=layers[0].phases)

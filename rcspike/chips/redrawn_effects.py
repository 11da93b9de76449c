"""Nonideal effects in training: those that are drawn again for every batch, and those that cannot be injected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rcspike.chips.device_model import DeviceModel
from rcspike.chips.device_range import Devices
from rcspike.chips.effects.base_classes import Effect
from rcspike.chips.effects.charge_injection import ChargeInjection
from rcspike.chips.effects.conductance_levels import Levels
from rcspike.chips.effects.conductance_variation import Variation
from rcspike.chips.effects.neuron_mismatch import ComparatorOffset
from rcspike.chips.effects.programming_error import Measured, Programming
from rcspike.chips.effects.read_noise import ReadNoise
from rcspike.chips.effects.spike_timing import ComparatorNoise, Jitter, SpikeDelay, TimeQuantisation
from rcspike.chips.effects.stuck_devices import Stuck
from rcspike.circuit import Circuit


@dataclass(frozen=True, kw_only=True)
class TrainingEffects:
    """Arguments of `rcspike.train` that represent effects, and the names of the effects that cannot be represented.

    Examples
    --------
    >>> TrainingEffects(devices=DeviceModel(), noise=0.01, offset=0.0, left_out=()).arguments()["noise"]
    0.01
    """

    devices: DeviceModel
    noise: float
    offset: float
    left_out: tuple[str, ...]
    of_circuit: dict[str, Any] = field(default_factory=dict)

    def circuit(self, circuit: Circuit) -> Circuit:
        """A circuit with those effects that are parameters of it: injection and delay.

        Examples
        --------
        >>> from rcspike.chips import ChargeInjection
        >>> training_effects([ChargeInjection(plus=1e-3, minus=-2e-3)]).circuit(Circuit()).injection
        (0.001, -0.002)
        """
        return replace(circuit, **self.of_circuit)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `rcspike.train`."""
        return {"devices": self.devices, "noise": self.noise, "offset": self.offset}


def training_effects(
    effects: Sequence[Effect], devices: Devices | None = None, *, n_layers: int = 1
) -> TrainingEffects:
    """Represent effects by arguments of `rcspike.train`.

    Variation, levels, stuck devices, read noise, jitter, comparator noise and offsets are injected as they are. The
    spread of published or measured programming errors is fitted by least squares with a constant part and a part
    proportional to the conductance; the grid of a clock becomes the noise of its rounding. Where the programmer
    compensates known stuck devices, the weight is lost in training: a device that is stuck off represents it. Charge
    injection without its scatter and the delay of spikes are parameters of the circuit: `TrainingEffects.circuit`
    returns it.

    Parameters
    ----------
    n_layers : int
        Number of layers of the network; used if w_max is one number.

    Examples
    --------
    >>> from rcspike.chips import MembraneLeak
    >>> found = training_effects([Variation(sigma=0.2), Jitter(sigma=0.01), MembraneLeak(conductance=0.1)])
    >>> found.devices.lognormal, found.noise, found.left_out
    (0.2, 0.01, ('membrane_leak',))
    """
    devices = devices or Devices()
    spread: dict[str, Any] = {
        "lognormal": 0.0,
        "proportional": 0.0,
        "absolute": 0.0,
        "noise": 0.0,
        "offset": 0.0,
    }  # variances
    levels, stuck_off, stuck_on = 0, 0.0, 0.0
    left_out, of_circuit = [], dict[str, Any]()
    for effect in effects:
        match effect:
            case _ if effect.is_absent:
                pass
            case Levels():
                levels = 2 ** int(effect.bits)
            case Variation():
                spread["proportional" if effect.kind == "gaussian" else effect.kind] += effect.sigma**2
            case ReadNoise():
                spread["proportional" if effect.proportional else "absolute"] += effect.sigma**2
            case Programming() | Measured():
                constant, proportional = _parts(effect)
                spread["absolute"] += constant
                spread["proportional"] += proportional
            case Stuck():
                stuck_off += effect.share * (1 if effect.known else 1 - effect.on)
                stuck_on += effect.share * (0 if effect.known else effect.on)
            case Jitter() | ComparatorNoise():
                spread["noise"] += effect.sigma**2
            case TimeQuantisation():
                spread["noise"] += effect.step**2 / 12
            case ComparatorOffset():
                spread["offset"] += effect.sigma**2
            case ChargeInjection():
                of_circuit["injection"] = _injections(effect, n_layers)
            case SpikeDelay():
                of_circuit["delay"] = effect.delay
            case _:
                left_out.append(effect.name)
    sigma: dict[str, Any] = {name: math.sqrt(variance) for name, variance in spread.items()}
    noise, offset = sigma.pop("noise"), sigma.pop("offset")
    model = DeviceModel(
        off=1 / devices.on_off,
        levels=levels,
        stuck_off=stuck_off,
        stuck_on=stuck_on,
        w_max=devices.w_max if isinstance(devices.w_max, tuple) else _repeated(devices.w_max, n_layers),
        **sigma,
    )
    return TrainingEffects(devices=model, noise=noise, offset=offset, left_out=tuple(left_out), of_circuit=of_circuit)


def _injections(effect: ChargeInjection, n_layers: int) -> tuple[tuple[float, float], ...]:
    sides = [side if isinstance(side, tuple) else (side,) * n_layers for side in (effect.plus, effect.minus)]
    return tuple((effect.scale * plus, effect.scale * minus) for plus, minus in zip(*sides, strict=True))


def _repeated(w_max: float | None, n_layers: int) -> tuple[float, ...]:
    return () if w_max is None else (w_max,) * n_layers


def _parts(effect: Programming | Measured) -> tuple[float, float]:
    """Variances a and b of the spread sqrt(a + b x^2) over x = g / g_max in [0, 1], in g_max^2."""
    x = np.linspace(0, 1, 101)
    variance = effect.deviation(x) ** 2
    columns = np.stack([np.ones_like(x), x**2], axis=1)
    constant, proportional = np.linalg.lstsq(columns, variance, rcond=None)[0]
    if proportional < 0:
        return float(variance.mean()), 0.0
    if constant < 0:
        return 0.0, float((variance * x**2).sum() / (x**4).sum())
    return float(constant), float(proportional)

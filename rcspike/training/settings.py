"""The settings of a training run: the one list of them, with their defaults and ranges."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from rcspike import _core
from rcspike.chips.device_model import DeviceModel
from rcspike.functional.learning_rate import Decay, decayed_rate
from rcspike.functional.loss import Loss
from rcspike.network import Network
from rcspike.neurons import check_taken

# Randomness of each purpose comes from a stream of its own of one seed, and each epoch has its own: a run that is
# resumed at an epoch, or evaluated more often, draws the same numbers.
SHUFFLE, NOISE, VALIDATION, EVALUATION, DEVICES, AUGMENTATION = range(6)

ClassWeight: TypeAlias = Literal["none", "balanced"]


@dataclass(frozen=True, kw_only=True)
class Settings(Loss):
    """All settings that decide the result of a run, which `train` describes; those of the loss come from ``Loss``.

    `train`, sweeps, commands and checkpoints take names, types and defaults from here. A checkpoint omits settings that
    have their default value: a new setting needs a default that changes nothing, and no default may change.

    Raises
    ------
    TypeError
        If a count or the seed is not an int, another number is not a number, or the devices are not a model.
    ValueError
        If a value is out of its range.

    Examples
    --------
    >>> Settings(epochs=5, seed=0).batch_size
    64
    """

    epochs: int
    seed: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    decay: Decay = "cosine"
    weight_decay: float = 0.0
    noise: float = 0.0
    devices: DeviceModel | None = None  # which becomes a model of ideal devices
    offset: float = 0.0
    validation: float = 0.0
    patience: int = field(default=0, metadata={"omit_default": True})
    # Where they have their defaults, they are not part of the identity of a run, as if they were not there.
    max_shift: int = field(default=0, metadata={"omit_default": True})
    mirror: float = field(default=0.0, metadata={"omit_default": True})
    warm_up: float = field(default=0.0, metadata={"omit_default": True})
    class_weight: ClassWeight = field(default="none", metadata={"omit_default": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.devices is None:
            object.__setattr__(self, "devices", DeviceModel())
        if not isinstance(self.devices, DeviceModel):
            raise TypeError(f"devices must be a DeviceModel, got {type(self.devices).__name__}")
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("max_shift", 0), ("patience", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if not 0 < self.learning_rate <= sys.float_info.max:
            raise ValueError(f"learning_rate must be above 0 and finite, got {self.learning_rate}")
        for name, words in (("decay", get_args(Decay)), ("class_weight", get_args(ClassWeight))):
            if getattr(self, name) not in words:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, words))}, got {getattr(self, name)!r}")
        for name in ("weight_decay", "noise", "offset"):
            if not 0 <= getattr(self, name) <= sys.float_info.max:
                raise ValueError(f"{name} must be finite and not negative, got {getattr(self, name)}")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must be a fraction in [0, 1), got {self.validation}")
        if self.patience and not self.validation:
            raise ValueError(
                f"patience {self.patience} waits for the validation accuracy: add validation, such as validation 0.2"
            )
        if not 0 <= self.warm_up <= self.epochs:
            raise ValueError(f"warm_up must lie in [0, {self.epochs}], the epochs of the run, got {self.warm_up}")
        if not 0 <= self.mirror <= 1:
            raise ValueError(f"mirror is a probability and must lie in [0, 1], got {self.mirror}")

    def arguments(self) -> dict[str, Any]:
        """These settings by name, as keyword arguments of `train`."""
        return {field.name: getattr(self, field.name) for field in fields(Settings)}

    def rng(self, purpose: int, epoch: int = 0) -> np.random.Generator:
        """Random numbers for one purpose, such as ``SHUFFLE``, in an epoch."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(purpose, epoch)))

    def n_trained(self, n: int) -> int:
        """Number of samples out of n that are trained on; the others are held out for validation."""
        return n - round(self.validation * n)

    def n_batches(self, n: int) -> int:
        """Steps in an epoch of n samples, some of which may be held out."""
        return math.ceil(self.n_trained(n) / self.batch_size)

    def rate(self, step: int, n_steps: int) -> float:
        """Learning rate of a step, counted from 0."""
        warm_up = self.warm_up * n_steps / self.epochs
        return decayed_rate(self.learning_rate, step, n_steps, self.decay, warm_up=warm_up)

    def trainer(self, network: Network) -> _core.Trainer32 | _core.Trainer64:
        """The engine's trainer at its first step, on a copy of the network's parameters.

        A ValueError if a setting differs from its default and does not apply to the kind of the network's neurons.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        check_taken(network.phases, {f.name: values[f.name] for f in fields(self) if values[f.name] != f.default})
        return _core.trainer(
            list(network.parameters.values()),
            [layer.circuit.core for layer in network.layers],
            devices=(self.devices or DeviceModel()).core,
            seed=int(self.rng(DEVICES).integers(2**64, dtype=np.uint64)),
            weight_decay=self.weight_decay,
            wiring=[layer.wiring.core for layer in network.layers],
            phases=network.phases,
            **self.loss,
        )

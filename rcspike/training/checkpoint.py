"""The state of a training run after an epoch: sufficient to resume bit for bit."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike._common.identity import digest, plain
from rcspike.circuit import Circuit
from rcspike.datasets import Dataset
from rcspike.network import Network, files
from rcspike.training.history import Epoch, History

__all__ = ["Checkpoint", "Identity", "load", "save"]

_KINDS = ("weights", "first_moments", "second_moments")


@dataclass(frozen=True)
class Checkpoint:
    """Weights, Adam's first and second moments of each layer, and the epochs so far."""

    weights: list[FloatArray]
    moments: tuple[list[FloatArray], list[FloatArray]]
    history: History

    def trainer(self, network: Network, settings: Any, steps: int) -> _core.Trainer32 | _core.Trainer64:
        """The trainer of that run after so many steps; ValueError if the checkpoint does not fit the run."""
        kinds, expected = ([(w.dtype, w.shape) for w in weights] for weights in (self.weights, network.weights))
        if kinds != expected:
            raise ValueError("its layers are not those of this run")
        if len(self.history) > settings.epochs:
            raise ValueError(f"it has {len(self.history)} epochs, this run {settings.epochs}")
        restored: _core.Trainer32 | _core.Trainer64 = settings.trainer(Network(self.weights, network.circuit))
        restored.restore(steps=steps, first=self.moments[0], second=self.moments[1])
        return restored


@dataclass(frozen=True, eq=False)
class Identity:
    """All that decides the result of a run: a dataclass of settings, the circuit, the first weights and the data."""

    settings: Any
    circuit: Circuit
    weights: Sequence[FloatArray]
    dataset: Dataset

    @cached_property
    def header(self) -> dict[str, Any]:
        """Header of a checkpoint, with the settings that differ from their defaults and a digest of everything else."""
        data = [(split.images, split.labels) for split in (self.dataset.train, self.dataset.test)]
        start = digest({"circuit": self.circuit, "weights": list(self.weights), "data": data})
        return {"settings": _without_defaults(self.settings), "start": start}

    def differences(self, header: dict[str, Any]) -> Iterator[str]:
        """Describe each difference between this run and the run of a header."""
        if "fingerprint" in header:  # of version 0.1, with all settings side by side
            stored = {name: value for name, value in header.items() if name != "fingerprint"}
            stored["devices"] = _devices_0_1(stored["devices"])
            same_start = header["fingerprint"] == self._fingerprint_0_1()
        else:
            stored, same_start = header["settings"], header["start"] == self.header["start"]
        saved = _with_defaults(self.settings, stored)
        for field in dataclasses.fields(self.settings):
            old, new = getattr(saved, field.name), getattr(self.settings, field.name)
            if old != new:
                yield f"its {field.name} is {old}, not {new}"
        if not same_start:
            yield "initial weights, circuit or data differ"

    def _fingerprint_0_1(self) -> str:
        c = self.circuit
        found = hashlib.sha256(repr((c.e_plus, c.e_minus, c.diode_drop, c.ramp)).encode())
        splits = (self.dataset.train, self.dataset.test)
        for array in (*self.weights, *(a for split in splits for a in (split.images, split.labels))):
            found.update(array.tobytes())
        return found.hexdigest()


def _without_defaults(settings: Any) -> dict[str, Any]:
    """Omit default values, so that a version with more settings reads the checkpoints of one with fewer."""
    kept = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.init and value != default:
            kept[field.name] = _without_defaults(value) if dataclasses.is_dataclass(value) else plain(value)
    return kept


def _with_defaults(like: Any, stored: dict[str, Any]) -> Any:
    """Settings of the same kind as some others, from the result of `_without_defaults`."""
    names = [field.name for field in dataclasses.fields(like) if field.init]
    if unknown := [name for name in stored if name not in names]:
        raise ValueError(f"this version of rcspike does not know its {', '.join(unknown)}")
    values = {name: stored[name] for name in names if name in stored}
    for name in values:
        if dataclasses.is_dataclass(getattr(like, name)):
            values[name] = _with_defaults(getattr(like, name), values[name])
    return type(like)(**values)


def _devices_0_1(text: str) -> dict[str, Any]:
    """Device model from a checkpoint of version 0.1: the text of its repr, with types for some NumPy numbers."""
    bare = re.sub(r"np\.(?:float|int)64\(([^()]*)\)", r"\1", text)
    # With \b, a long word is tried once, and not at each of its letters.
    values = dict(re.findall(r"\b(\w+)=(\([^()]*\)|[^,()]+)", bare))
    w_max = [float(part) for part in values.pop("w_max").strip("()").split(",") if part.strip()]
    return {"w_max": w_max, "levels": int(values.pop("levels"))} | {name: float(x) for name, x in values.items()}


def save(
    path: str | os.PathLike[str],
    identity: Identity,
    weights: Sequence[FloatArray],
    moments: tuple[Sequence[FloatArray], Sequence[FloatArray]],
    history: History,
) -> None:
    """Write a checkpoint atomically: a run that is killed while writing leaves the previous one."""
    tensors = {
        f"{kind}.{layer}": array
        for kind, arrays in zip(_KINDS, (weights, *moments), strict=True)
        for layer, array in enumerate(arrays)
    }
    files.write(
        path, "checkpoint", tensors, {"run": identity.header, "history": [dataclasses.asdict(e) for e in history]}
    )


def load(path: str | os.PathLike[str], identity: Identity | None = None) -> Checkpoint:
    """Read a checkpoint; if an identity is given, check that it belongs to this run.

    Raises
    ------
    ValueError
        If the file is broken, or of another run; the setting that differs is named.
    """
    tensors, header = files.read(path, "checkpoint")
    try:
        saved, run = _checkpoint(tensors, header["history"]), dict(header["run"])
        difference = None if identity is None else next(identity.differences(run), None)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole rcspike checkpoint: {error}") from error
    if difference is not None:
        raise ValueError(f"{path} is the checkpoint of another run: {difference}; choose another path or remove it")
    return saved


def _checkpoint(tensors: dict[str, FloatArray], history: list[dict[str, Any]]) -> Checkpoint:
    """The checkpoint of these tensors; raises one of several errors if `save` cannot have written them."""
    n_layers = len(tensors) // len(_KINDS)
    weights, first, second = ([tensors.pop(f"{kind}.{layer}") for layer in range(n_layers)] for kind in _KINDS)
    if tensors:
        raise ValueError(f"it has {', '.join(tensors)} in addition to {n_layers} layers")
    for layer, (w, *moments) in enumerate(zip(weights, first, second, strict=True)):
        for kind, m in zip(_KINDS[1:], moments, strict=True):
            if (m.dtype, m.shape) != (w.dtype, w.shape):
                raise ValueError(f"{kind}.{layer} is {m.dtype} {m.shape}, its weights are {w.dtype} {w.shape}")
    epochs = [Epoch(**e | {name: tuple(e[name]) for name in ("silent", "saturated")}) for e in history]
    if not epochs or [e.epoch for e in epochs] != list(range(1, len(epochs) + 1)):
        raise ValueError("its history is not of whole epochs from the first on")
    if any(type(number) not in (int, float) for e in epochs for number in e.row().values()):
        raise ValueError("its history has an entry that is not a number")
    if any(len(e.silent) != n_layers - 1 or len(e.saturated) != n_layers - 1 for e in epochs):
        raise ValueError(f"its history is not that of {n_layers - 1} hidden layers")
    return Checkpoint(weights, (first, second), History(epochs))

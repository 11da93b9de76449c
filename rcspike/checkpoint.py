"""The state of a training run after an epoch: enough to go on bit for bit."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcspike import _tensors
from rcspike.datasets import Dataset
from rcspike.functional import FloatArray
from rcspike.history import Epoch, History
from rcspike.network import Network

__all__ = ["Checkpoint", "fingerprint", "load", "save"]

_KINDS = ("weights", "first_moments", "second_moments")


@dataclass(frozen=True)
class Checkpoint:
    """Weights, Adam's first and second moments of each layer, and the epochs so far."""

    weights: list[FloatArray]
    moments: tuple[list[FloatArray], list[FloatArray]]
    history: History


def fingerprint(network: Network, dataset: Dataset) -> str:
    """Tells runs apart that start from other weights, on another circuit or on other data."""
    circuit = network.circuit
    digest = hashlib.sha256(repr((circuit.e_plus, circuit.e_minus, circuit.diode_drop, circuit.ramp)).encode())
    for w in network.weights:
        digest.update(w.tobytes())
    for split in (dataset.train, dataset.test):
        digest.update(split.images.tobytes())
        digest.update(split.labels.tobytes())
    return digest.hexdigest()


def save(
    path: str | os.PathLike[str],
    identity: dict[str, Any],
    weights: Sequence[FloatArray],
    moments: tuple[Sequence[FloatArray], Sequence[FloatArray]],
    history: History,
) -> None:
    """Write a checkpoint, whole or not at all: a run killed meanwhile leaves the previous one."""
    tensors = {
        f"{kind}.{layer}": array
        for kind, arrays in zip(_KINDS, (weights, *moments), strict=True)
        for layer, array in enumerate(arrays)
    }
    _tensors.write(path, "checkpoint", tensors, {"run": identity, "history": [dataclasses.asdict(e) for e in history]})


def load(path: str | os.PathLike[str], identity: dict[str, Any] | None = None) -> Checkpoint:
    """Read a checkpoint; if an identity is given, of the run that has it.

    Raises
    ------
    ValueError
        If the file is broken, or of another run; the setting that differs is named.
    """
    tensors, header = _tensors.read(path, "checkpoint")
    try:
        saved, run = _checkpoint(tensors, header["history"]), dict(header["run"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a whole rcspike checkpoint: {error}") from error
    for name, value in (identity or {}).items():
        if run.get(name) != value:
            what = (
                "initial weights, circuit or data differ"
                if name == "fingerprint"
                else (f"its {name} is {run.get(name)}, not {value}")
            )
            raise ValueError(f"{path} is the checkpoint of another run: {what}; choose another path or remove it")
    return saved


def _checkpoint(tensors: dict[str, FloatArray], history: list[dict[str, Any]]) -> Checkpoint:
    """Refuses, with any of several errors, what `save` cannot have written."""
    n_layers = len(tensors) // len(_KINDS)
    weights, first, second = ([tensors.pop(f"{kind}.{layer}") for layer in range(n_layers)] for kind in _KINDS)
    if tensors:
        raise ValueError(f"it has {', '.join(tensors)} besides {n_layers} layers")
    for layer, (w, *moments) in enumerate(zip(weights, first, second, strict=True)):
        for kind, m in zip(_KINDS[1:], moments, strict=True):
            if (m.dtype, m.shape) != (w.dtype, w.shape):
                raise ValueError(f"{kind}.{layer} is {m.dtype} {m.shape}, its weights are {w.dtype} {w.shape}")
    epochs = [Epoch(**e | {name: tuple(e[name]) for name in ("silent", "saturated")}) for e in history]
    if not epochs or [e.epoch for e in epochs] != list(range(1, len(epochs) + 1)):
        raise ValueError("its history is not of whole epochs from the first on")
    return Checkpoint(weights, (first, second), History(epochs))

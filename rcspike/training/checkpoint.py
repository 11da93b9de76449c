"""The state of a training run after an epoch: sufficient to resume bit for bit."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike._common.identity import digest, plain
from rcspike._common.lazy import lazy
from rcspike._common.readers import naming
from rcspike.circuit import Circuit
from rcspike.datasets import Dataset
from rcspike.network import Network, model_files
from rcspike.neurons import Phases, unless_default
from rcspike.training.history import Epoch, History
from rcspike.training.settings import Settings

__all__ = ["Checkpoint", "Identity", "load", "save"]

_MOMENTS = ("first_moments", "second_moments")
_KEPT = "kept"  # parameters of the epoch that the validation accuracy has chosen so far


@dataclass(frozen=True)
class Checkpoint:
    """A network's parameters by name, Adam's first and second moments of each, and the epochs so far.

    `kept` has the parameters of the epoch that the history keeps: without patience those of the last one. `extended`
    has the number of epochs after which the run was extended to more, each time that it was.
    """

    parameters: dict[str, FloatArray]
    moments: tuple[dict[str, FloatArray], dict[str, FloatArray]]
    kept: dict[str, FloatArray]
    history: History
    extended: tuple[int, ...] = ()

    def trainer(self, network: Network, settings: Settings, steps: int) -> _core.Trainer32 | _core.Trainer64:
        """The trainer of that run after `steps` steps; ValueError if the checkpoint does not fit the run."""
        found, expected = (
            {name: (array.dtype, array.shape) for name, array in parameters.items()}
            for parameters in (self.parameters, network.parameters)
        )
        if found != expected:
            raise ValueError("its layers are not those of this run")
        if len(self.history) > settings.epochs:
            raise ValueError(f"it has {len(self.history)} epochs, this run {settings.epochs}")
        resumed = Network.of_layers(network.layers)
        resumed.parameters = self.parameters
        restored = settings.trainer(resumed)
        first, second = ([moments[name] for name in resumed.parameters] for moments in self.moments)
        restored.restore(steps=steps, first=first, second=second)
        return restored


@dataclass(frozen=True, eq=False)
class Identity:
    """All that decides the result of a run: its settings, the circuit, the architecture, the initial parameters
    and the data."""

    settings: Settings
    circuit: Circuit
    parameters: Mapping[str, FloatArray]
    dataset: Dataset
    phases: Phases = "two"
    architecture: str = ""  # of a network of maps, whose weights do not show it

    @lazy
    def header(self) -> dict[str, Any]:
        """Header of a checkpoint, with the settings that differ from their defaults and a digest of everything else."""
        others: dict[str, str] = {**unless_default(self.phases)}
        others |= {"architecture": self.architecture} if self.architecture else {}
        data = [(split.images, split.labels) for split in (self.dataset.train, self.dataset.test)]
        start = digest({"circuit": self.circuit, "weights": list(self.parameters.values()), "data": data} | others)
        name = {"dataset": self.dataset.name} if self.dataset.name else {}
        return {"settings": _without_defaults(self.settings) | name, "start": start}

    def differences(self, header: dict[str, Any], *, extended: bool = False) -> Iterator[str]:
        """Describe each difference between this run and the run of a header, which may be shorter if it is extended."""
        stored = dict(header["settings"])
        name = stored.pop("dataset", "")
        saved = _with_defaults(self.settings, stored)
        if name != self.dataset.name:
            yield f"its dataset is {name}, not {self.dataset.name}"
        for field in dataclasses.fields(self.settings):
            old, new = getattr(saved, field.name), getattr(self.settings, field.name)
            if old != new and not (extended and field.name == "epochs"):
                yield f"its {field.name} is {old}, not {new}"
        if header["start"] != self.header["start"]:
            yield "initial weights, circuit or data differ"


def _without_defaults(settings: Any) -> dict[str, Any]:
    """Omit default values, so that a version with more settings reads the checkpoints of one with fewer."""
    fields = [field for field in dataclasses.fields(settings) if field.init]
    required = [field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING]
    default = type(settings)(**{name: getattr(settings, name) for name in required})
    kept = {}
    for name in [field.name for field in fields]:
        value = getattr(settings, name)
        if name in required or value != getattr(default, name):
            kept[name] = _without_defaults(value) if dataclasses.is_dataclass(value) else plain(value)
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


def save(
    path: str | os.PathLike[str],
    identity: Identity,
    parameters: Mapping[str, FloatArray],
    moments: tuple[Sequence[FloatArray], Sequence[FloatArray]],
    history: History,
    extended: Sequence[int] = (),
    kept: Mapping[str, FloatArray] | None = None,
) -> None:
    """Write a checkpoint atomically: a run that is killed while writing leaves the previous one.

    Moments are in the order of the parameters. `kept` are the parameters of the epoch that the history keeps, if it is
    not the last one.
    """
    tensors = dict(parameters)
    if history.patience:
        tensors |= {_moment(_KEPT, name): array for name, array in (kept or parameters).items()}
    for kind, arrays in zip(_MOMENTS, moments, strict=True):
        tensors |= {_moment(kind, name): array for name, array in zip(parameters, arrays, strict=True)}
    header: dict[str, Any] = {"run": identity.header, "history": [vars(epoch) for epoch in history]}
    model_files.write(path, "checkpoint", tensors, header | ({"extended": list(extended)} if extended else {}))


def load(path: str | os.PathLike[str], identity: Identity | None = None, *, extend: bool = False) -> Checkpoint:
    """Read a checkpoint; if an identity is given, check that it belongs to this run.

    With `extend`, it may also be of a run of fewer epochs; the checkpoint that is returned then has the number of
    finished epochs at the end of `extended`. A ValueError if the file is broken, or of another run; all settings that
    differ are named.
    """
    tensors, header = model_files.read(path, "checkpoint")
    with naming(f"{path} is not a whole rcspike checkpoint", AttributeError, KeyError, TypeError, ValueError):
        run = dict(header["run"])
        patience = run["settings"].get("patience", 0)
        saved = _checkpoint(tensors, header["history"], header.get("extended", []), patience)
        extended = identity is not None and extend and 0 < _planned(run) < identity.settings.epochs
        if extended:
            saved = dataclasses.replace(saved, extended=(*saved.extended, len(saved.history)))
        differences = [] if identity is None else list(identity.differences(run, extended=extended))
    if differences:
        raise ValueError(
            f"{path} is the checkpoint of another run: {'; '.join(differences)}; choose another path or remove it"
        )
    return saved


def _planned(run: dict[str, Any]) -> int:
    """Number of epochs of the run of a header; 0 if it is not a number."""
    epochs = run["settings"]["epochs"]
    return epochs if type(epochs) is int else 0


def _checkpoint(
    tensors: dict[str, FloatArray], history: list[dict[str, Any]], extended: list[int], patience: int
) -> Checkpoint:
    """The checkpoint of these tensors; raises one of several errors if `save` cannot have written them."""
    others = (*_MOMENTS, _KEPT)
    parameters = {name: array for name, array in tensors.items() if not name.startswith(others)}
    kinds = others if patience else _MOMENTS
    stored = {kind: {name: tensors[_moment(kind, name)] for name in parameters} for kind in kinds}
    if len(tensors) != (1 + len(kinds)) * len(parameters):
        raise ValueError(f"it has {len(tensors)} arrays for {len(parameters)} parameters, each with {', '.join(kinds)}")
    for name, p in parameters.items():
        for kind, arrays in stored.items():
            m = arrays[name]
            if (m.dtype, m.shape) != (p.dtype, p.shape):
                raise ValueError(f"{_moment(kind, name)} is {m.dtype} {m.shape}, {name} is {p.dtype} {p.shape}")
    n_layers = len({name.rpartition(".")[2] for name in parameters})
    epochs = [
        Epoch(**e | {name: tuple(e[name]) for name in ("silent", "saturated", "steep") if name in e}) for e in history
    ]
    if not epochs or [e.epoch for e in epochs] != list(range(1, len(epochs) + 1)):
        raise ValueError("its history is not of whole epochs from the first on")
    if any(type(number) not in (int, float) for e in epochs for number in e.row().values()):
        raise ValueError("its history has an entry that is not a number")
    if any(
        len(e.silent) != n_layers - 1 or len(e.saturated) != n_layers - 1 or len(e.steep) not in (0, n_layers)
        for e in epochs
    ):
        raise ValueError(f"its history is not that of {n_layers - 1} hidden layers")
    if not isinstance(extended, list) or any(type(n) is not int or not 0 < n <= len(epochs) for n in extended):
        raise ValueError("it was extended after epochs that it does not have")
    if type(patience) is not int or patience < 0:
        raise ValueError(f"its patience is {patience!r}, not a number of epochs")
    moments = stored["first_moments"], stored["second_moments"]
    kept = stored.get(_KEPT, parameters)
    return Checkpoint(parameters, moments, kept, History(epochs, patience), tuple(extended))


def _moment(kind: str, parameter: str) -> str:
    """The name of an array of a parameter: the moments of weights.0 are first_moments.0 and second_moments.0."""
    return f"{kind}.{parameter.removeprefix('weights.')}"

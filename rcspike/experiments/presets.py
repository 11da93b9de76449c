"""Default settings of a run: the defaults of `train`, and the settings for each data set."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from rcspike.functional.events import Phases
from rcspike.training import Settings

__all__ = ["preset", "train_defaults"]

# Chosen on a validation split: docs/results/recipes.md.
_PRESETS: dict[str, dict[str, Any]] = {
    "digits": {"hidden": (200,), "epochs": 40, "batch_size": 16, "learning_rate": 2e-3},
    "mnist": {"hidden": (200, 200), "epochs": 20},
    "fashion-mnist": {"hidden": (200, 200), "epochs": 20, "temporal_penalty": 0.5, "weight_decay": 0.2},
}

# Of neurons of a single phase.
_SINGLE: dict[str, dict[str, Any]] = {
    "digits": {"hidden": (200,), "epochs": 40, "batch_size": 16, "learning_rate": 2e-3, "silent_penalty": 1e-3},
    "mnist": {"hidden": (350,), "epochs": 20, "silent_penalty": 1e-3},
    "fashion-mnist": {"hidden": (400, 400), "epochs": 20, "silent_penalty": 1e-3},
}


def train_defaults() -> dict[str, Any]:
    """Settings of `rcspike.train` that have a default, by name.

    Examples
    --------
    >>> train_defaults()["batch_size"]
    64
    """
    return {field.name: field.default for field in fields(Settings) if field.default is not MISSING}


def preset(dataset: str, *, phases: Phases = "two") -> dict[str, Any]:
    """Sizes of the hidden layers, and the arguments of `train` that differ from its defaults, for a data set by name.

    Networks of a single phase have their own.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> preset("mnist")
    {'hidden': (200, 200), 'epochs': 20}
    """
    if dataset not in _PRESETS:
        raise ValueError(f"unknown data set {dataset!r}: known are {', '.join(_PRESETS)}")
    return dict((_PRESETS if phases == "two" else _SINGLE)[dataset])

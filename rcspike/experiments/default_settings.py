"""Default settings of a run: the defaults of `train`, and the settings for each data set."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from rcspike import datasets
from rcspike._common.arrays import FloatArray
from rcspike.datasets import Split
from rcspike.network.initialisation import INTENSITY, mean_intensity
from rcspike.neurons import Phases, neuron_kind
from rcspike.training import Settings
from rcspike.training.default_length import TABLES, default_batch, default_epochs, default_rate

__all__ = ["initial_intensity", "kind_of_data", "own_preset", "preset", "presets", "train_defaults"]

_TABLES, _IMAGES = "your own tables", "your own images"

# Chosen on validation splits: docs/results/recipes.md, and docs/results/published.md for Yin-Yang.
_PRESETS: dict[str, dict[str, Any]] = {
    "digits": {"hidden": (200,), "epochs": 40, "batch_size": 16, "learning_rate": 2e-3},
    "mnist": {"hidden": (200, 200), "epochs": 20},
    "fashion-mnist": {"hidden": (200, 200), "epochs": 20, "temporal_penalty": 0.5, "weight_decay": 0.2},
    # An assumption: what convolutions of Fashion-MNIST use, with shifts; no setting was chosen on this data.
    "cifar-10": {"hidden": (200, 200), "epochs": 40, "max_shift": 2, "mirror": 0.5, "weight_decay": 0.2},
    "yin-yang": {"hidden": (120,), "epochs": 300, "batch_size": 32, "learning_rate": 0.01, "temperature": 0.035},
    # Tables as `rcspike.sklearn` has them (docs/tabular-data.md), images as digits have them.
    _TABLES: {"hidden": (100,), **TABLES, "batch_size": 32},
    _IMAGES: {"hidden": (200,), "epochs": 40, "batch_size": 32, "learning_rate": 1e-3},
}


def train_defaults() -> dict[str, Any]:
    """Settings of `rcspike.train` that have a default, by name.

    Examples
    --------
    >>> train_defaults()["batch_size"]
    64
    """
    return {field.name: field.default for field in fields(Settings) if field.default is not MISSING}


def preset(
    dataset: str, *, phases: Phases = "two", train: Split | None = None, batch_size: int | None = None
) -> dict[str, Any]:
    """Sizes of the hidden layers, and the arguments of `train` that differ from its defaults, for a data set.

    A training on data of one's own has 4,000 to 75,000 steps, and a learning rate that the number of
    its inputs and their spike times allow.

    Parameters
    ----------
    dataset : str
        Name or path, as in `rcspike.datasets.load`. For a path, the settings are those for tables or for images.
    phases : {"two", "single"}
        Kind of the neurons. Settings for single-phase neurons were chosen on digits, MNIST, Fashion-MNIST and
        Yin-Yang; other data have those for two phases and a `silent_penalty`.
    train : Split, optional
        Training samples of a path, if they are loaded already.
    batch_size : int, optional
        That of the run, if it is chosen: the number of epochs of a path follows from it.

    Raises
    ------
    OSError, ValueError
        If the name is unknown, or the path leads nowhere or to a file that is damaged.

    Examples
    --------
    >>> preset("mnist")
    {'hidden': (200, 200), 'epochs': 20}
    >>> preset("mnist", phases="single")["weight_decay"]
    0.3
    """
    kind = kind_of_data(dataset)
    if kind in datasets.data_names():
        return presets(phases)[kind]
    return own_preset(datasets.load(dataset).train if train is None else train, phases=phases, batch_size=batch_size)


def own_preset(train: Split, *, phases: Phases = "two", batch_size: int | None = None) -> dict[str, Any]:
    """The `preset` of samples of one's own.

    Examples
    --------
    >>> own_preset(Split(np.full((64, 8, 8), 0.5), np.arange(64) % 2))["epochs"]
    1000
    """
    settings = presets(phases)[_TABLES if train.is_table else _IMAGES]
    n = len(train.labels)
    settings["batch_size"] = batch_size or default_batch(n)
    settings["epochs"] = default_epochs(settings["epochs"], n, settings["batch_size"])
    settings["learning_rate"] = default_rate(settings["learning_rate"], train.times)
    return settings


def kind_of_data(dataset: str) -> str:
    """The kind of data that a name or path belongs to: one of `presets`; errors as for `preset`.

    Examples
    --------
    >>> kind_of_data("mnist")
    'mnist'
    """
    if dataset in datasets.data_names():
        return dataset
    datasets.check_path(dataset)
    return _TABLES if datasets.is_table(dataset) else _IMAGES


def presets(phases: Phases = "two") -> dict[str, dict[str, Any]]:
    """The usual settings of each kind of data: data sets by their names, and a user's own tables and images.

    Examples
    --------
    >>> for kind, settings in presets().items():
    ...     print(f"{kind}: {settings['epochs']} epochs")
    digits: 40 epochs
    mnist: 20 epochs
    fashion-mnist: 20 epochs
    cifar-10: 40 epochs
    yin-yang: 300 epochs
    your own tables: 300 epochs
    your own images: 40 epochs
    """
    neurons = neuron_kind(phases)
    return {
        kind: {**settings, **neurons.presets.get(kind, {}), **neurons.settings} for kind, settings in _PRESETS.items()
    }


def initial_intensity(dataset: str, times: FloatArray) -> float:
    """The `intensity` of `rcspike.Network.create` for a data set: that of its training samples, (n, n_in) in T.

    The settings for digits and MNIST were chosen with the default.

    Examples
    --------
    >>> initial_intensity("own.csv", np.array([[0.5, np.inf], [0.0, 0.5]]))
    0.5
    """
    if dataset in ("digits", "mnist"):
        return INTENSITY
    return mean_intensity(times)

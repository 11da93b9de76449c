"""One run of a sweep: its parameters, which can be sent to other machines and identify the run, and its results."""

from __future__ import annotations

import functools
import inspect
import math
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from rcspike import datasets
from rcspike._common.identity import digest, plain
from rcspike._core import build_config
from rcspike.circuit import Circuit
from rcspike.datasets import Dataset
from rcspike.experiments.presets import train_defaults
from rcspike.experiments.relu import relu_accuracy
from rcspike.experiments.transfer import transfer
from rcspike.hardware import DeviceModel, activity, energy_parts, mean_energy
from rcspike.network import Network
from rcspike.training import Settings, train

__all__ = [
    "BUDGET",
    "MODELS",
    "Parameters",
    "check_parameters",
    "experiment_circuit",
    "experiment_identity",
    "experiment_key",
    "experiment_name",
    "run_experiment",
]

Parameters = Mapping[str, Any]

# A spiking network trained on the circuit it runs on; weights trained as if V_syn were high and run on the circuit with
# the best scale; an ordinary ReLU network.
MODELS = ("rc-spike", "transfer", "relu")

_ALWAYS = ("model", "dataset", "hidden", "epochs", "seed")
_OF_CIRCUIT = {name: parameter.default for name, parameter in inspect.signature(Circuit).parameters.items()}
_CIRCUIT = tuple(_OF_CIRCUIT)
_TRAINING = tuple(name for name in train_defaults() if name not in ("checkpoint_path", "threads", "progress"))
BUDGET = ("epochs", "batch_size", "learning_rate")  # of any training, a ReLU network's too
_TRANSFER_V_SYN = 100.0  # as in arXiv 2412.09010 v1: there practically an exact multiply-accumulate


def check_parameters(parameters: Parameters) -> None:
    """Raise an error if the parameters do not describe a run.

    Parameters
    ----------
    parameters : mapping
        ``model`` (``rc-spike``, ``transfer`` or ``relu``), ``dataset``, ``hidden`` (sizes of the hidden layers),
        ``epochs``, ``seed``, and those arguments of `rcspike.Circuit` and `rcspike.train` that differ from their
        defaults.

    Raises
    ------
    TypeError, ValueError
        If a name is missing or unknown, or a value is out of its range.

    Examples
    --------
    >>> check_parameters({"model": "relu", "dataset": "digits", "hidden": (20,), "epochs": 5, "seed": 0})
    >>> check_parameters({"model": "relu", "dataset": "digits"})
    Traceback (most recent call last):
    ...
    ValueError: an experiment needs hidden, epochs, seed
    """
    missing = [name for name in _ALWAYS if name not in parameters]
    if missing:
        raise ValueError(f"an experiment needs {', '.join(missing)}")
    model = parameters["model"]
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    known = dict.fromkeys((*_ALWAYS, *(BUDGET if model == "relu" else (*_CIRCUIT, *_TRAINING))))
    for name in parameters:
        if name not in known:
            raise ValueError(f"model {model} has no parameter {name!r}; it has {', '.join(known)}")
    hidden = parameters["hidden"]
    if not isinstance(hidden, tuple | list) or any(not isinstance(n, int | np.integer) or n < 1 for n in hidden):
        raise ValueError(f"hidden must be sizes of layers, each at least 1, got {hidden!r}")
    arguments = {name: train_defaults()[name] for name in _TRAINING} | _arguments(parameters, _TRAINING)
    settings = Settings(**arguments | {"devices": arguments["devices"] or DeviceModel()})
    if model != "relu":
        settings.trainer(Network.create([1, 1], experiment_circuit(parameters), seed=0))  # the engine checks the others


def experiment_name(parameters: Parameters) -> str:
    """Readable name of an experiment: the parameters that every experiment has, and the circuit.

    Examples
    --------
    >>> experiment_name({"model": "relu", "dataset": "digits", "hidden": (20,), "epochs": 5, "seed": 0})
    'relu-digits-20-s0'
    """
    hidden = "-".join(map(str, parameters["hidden"]))
    circuit = "" if parameters["model"] == "relu" else f"-{experiment_circuit(parameters).label}"
    return f"{parameters['model']}-{parameters['dataset']}-{hidden}{circuit}-s{parameters['seed']}"


def experiment_circuit(parameters: Parameters) -> Circuit:
    """Circuit of an experiment, or of a row of a sweep's table.

    Examples
    --------
    >>> experiment_circuit({"model": "rc-spike", "v_syn": 2.0, "e_minus": -0.5, "epochs": 5}).label
    'ep2-em-0.5'
    """
    return Circuit(**{name: value for name, value in parameters.items() if name in _CIRCUIT})


def experiment_key(parameters: Parameters) -> str:
    """A file name for all that decides the result."""
    return f"{experiment_name(parameters)}-{digest(experiment_identity(parameters))[:12]}"


def experiment_identity(parameters: Parameters) -> dict[str, Any]:
    """Everything that decides the result, as JSON types: parameters, defaults and the version of rcspike.

    It is the same for 1 and 1.0, for numbers of NumPy and for a list of sizes.

    Examples
    --------
    >>> parameters = {"model": "relu", "dataset": "digits", "hidden": [20], "epochs": 5, "seed": 0}
    >>> experiment_identity(parameters)["batch_size"]
    64
    """
    names = BUDGET if parameters["model"] == "relu" else (*_CIRCUIT, *_TRAINING)
    defaults = {name: value for name, value in (_OF_CIRCUIT | train_defaults()).items() if name in names}
    whole = {**defaults, **parameters, "version": build_config()["version"]}
    for name, value in whole.items():
        if isinstance(defaults.get(name), float) or (name in _CIRCUIT and value is not None):
            whole[name] = float(value)
    if "devices" in whole:
        whole["devices"] = whole["devices"] or DeviceModel()
    identity: dict[str, Any] = plain(whole)
    return identity


def run_experiment(
    parameters: Parameters, *, data: str | os.PathLike[str] | None = None, threads: int | None = None
) -> dict[str, float]:
    """Train, and return the accuracies after the last epoch, in [0, 1], and the seconds it took.

    Parameters
    ----------
    parameters : mapping
        As `check_parameters` says.
    data : path, optional
        Folder with the data set's files, as for `rcspike.datasets.load`.
    threads : int, optional
        Does not change the result.

    Returns
    -------
    dict
        ``test_accuracy`` and ``seconds``; of spiking networks also ``train_accuracy``, with a validation split
        ``validation_accuracy``, and ``energy_pj``, the mean energy of an inference on the test images in pJ by the
        constants of `rcspike.hardware.EnergyModel`; of transferred ones ``scale_plus`` and ``scale_minus``.

    Raises
    ------
    ValueError
        As `check_parameters`, or from loading or training.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> result = run_experiment({"model": "rc-spike", "dataset": "digits", "hidden": (20,), "epochs": 20, "seed": 0})
    >>> result["test_accuracy"] > 0.8
    True
    """
    check_parameters(parameters)
    started = time.perf_counter()
    run = {"rc-spike": _run_spiking, "transfer": _run_transfer, "relu": _run_relu}[parameters["model"]]
    result = run(parameters, _dataset(parameters["dataset"], None if data is None else os.fspath(data)), threads)
    return {**result, "seconds": time.perf_counter() - started}


# A worker gets the experiments of a data set one after the other.
@functools.lru_cache(maxsize=1)
def _dataset(name: str, directory: str | None) -> Dataset:
    return datasets.load(name, directory=directory)


def _arguments(parameters: Parameters, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name in ("epochs", "seed", *names)}


def _create(dataset: Dataset, hidden: tuple[int, ...], circuit: Circuit, seed: int) -> Network:
    return Network.create([dataset.train.times.shape[1], *hidden, dataset.n_classes], circuit, seed=seed)


# One network is run on many circuits.
@functools.lru_cache(maxsize=1)
def _without_physics(
    dataset: Dataset, hidden: tuple[int, ...], training: tuple[tuple[str, Any], ...], threads: int | None
) -> Network:
    settings = dict(training)
    network = _create(dataset, hidden, Circuit(v_syn=_TRANSFER_V_SYN), settings["seed"])
    train(network, dataset, **settings, threads=threads)
    return network


def _run_spiking(parameters: Parameters, dataset: Dataset, threads: int | None) -> dict[str, float]:
    network = _create(dataset, parameters["hidden"], experiment_circuit(parameters), parameters["seed"])
    last = train(network, dataset, **_arguments(parameters, _TRAINING), threads=threads).epochs[-1]
    parts = energy_parts(activity(network, dataset.test.times, threads=threads), network.circuit)
    result = {
        "test_accuracy": last.test_accuracy,
        "train_accuracy": last.train_accuracy,
        "energy_pj": 1e12 * mean_energy(parts),
    }
    if not math.isnan(last.validation_accuracy):
        result["validation_accuracy"] = last.validation_accuracy
    return result


def _run_transfer(parameters: Parameters, dataset: Dataset, threads: int | None) -> dict[str, float]:
    circuit = experiment_circuit(parameters)
    training = tuple(_arguments(parameters, _TRAINING).items())
    network = _without_physics(dataset, parameters["hidden"], training, threads)
    accuracy, scale_plus, scale_minus = transfer(
        network, circuit, dataset, noise=parameters.get("noise", 0.0), seed=parameters["seed"], threads=threads
    )
    return {"test_accuracy": accuracy, "scale_plus": scale_plus, "scale_minus": scale_minus}


def _run_relu(parameters: Parameters, dataset: Dataset, threads: int | None) -> dict[str, float]:
    accuracy = relu_accuracy(dataset, parameters["hidden"], **_arguments(parameters, BUDGET), threads=threads)
    return {"test_accuracy": accuracy}

"""One run of a sweep: its typed parameters, which identify it and can be sent to other machines, and its results."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from rcspike import datasets
from rcspike._common.identity import digest, plain
from rcspike._core import build_config
from rcspike.chips import load as load_devices
from rcspike.chips import training_effects
from rcspike.circuit import Circuit
from rcspike.datasets import Dataset
from rcspike.experiments.chip_study import Case, chip_accuracy, chip_seeds
from rcspike.experiments.default_settings import initial_intensity
from rcspike.experiments.hidden_layers import Hidden, check_hidden, count_hidden, fan_ins, hidden_text, whole_network
from rcspike.experiments.relu_network import relu_accuracy
from rcspike.experiments.sweep_in_volts import Volts, measure_in_volts
from rcspike.experiments.weight_transfer import transfer
from rcspike.network import Network
from rcspike.neurons import Phases, check_taken, unless_default
from rcspike.training import History, Settings, train
from rcspike.training.evaluation import accuracies, chunks
from rcspike.training.settings import EVALUATION

__all__ = [
    "BUDGET",
    "MODELS",
    "Experiment",
    "Parameters",
    "experiment_circuit",
    "experiment_identity",
    "experiment_key",
    "experiment_name",
    "run_experiment",
]

Parameters: TypeAlias = Mapping[str, Any]

# A spiking network trained on the circuit it runs on; weights trained as if V_syn were high and run on the circuit with
# the best scale; an ordinary ReLU network.
Model = Literal["rc-spike", "transfer", "relu"]
MODELS: tuple[Model, ...] = get_args(Model)

BUDGET = ("epochs", "batch_size", "learning_rate")  # of any training, a ReLU network's too
_ALWAYS = ("model", "dataset", "hidden", "epochs", "seed")
_CIRCUIT: dict[str, Any] = {field.name: field.default for field in fields(Circuit) if field.init}
# Parameters that earlier versions do not have; they count only where they differ from their defaults.
_LATER = {one.name: one.default for one in (*fields(Circuit), *fields(Settings)) if one.metadata.get("omit_default")}
_SETTINGS = tuple(field.name for field in fields(Settings))
_CHIPS = 10  # of a device file, for each run
_MAX_NAME = 200  # characters of a readable name in that of a file, which may have 255
_TRANSFER_V_SYN = 100.0  # as in arXiv 2412.09010 v1: there practically an exact multiply-accumulate


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One run of a sweep.

    Parameters
    ----------
    model : {"rc-spike", "transfer", "relu"}
    dataset : str
        Name of a data set or path of one's own, as in `rcspike.datasets.load`.
    hidden : tuple of int, or str
        Sizes of the hidden layers, or their architecture, such as ``conv16-pool-128``.
    circuit : Circuit
        The circuit on which the network runs; a ReLU network has none and ignores it.
    settings : rcspike.training.Settings
        Settings of the training; a ReLU network uses only epochs, batch size, learning rate and seed.
    case : Case, optional
        Devices and effects of a device file that the network is trained for and then tested on.
    given : tuple of str
        Names of the parameters that were set for this run, in the order of their columns in a table; all others have
        their defaults.
    volts : Volts, optional
        Process and operating point, from which the spike-time noise follows; without them the run is normalised. A ReLU
        network has none.
    phases : {"two", "single"}
        Of the neurons; single ones are not transferred, and have no `volts`.
    """

    model: Model
    dataset: str
    hidden: Hidden
    circuit: Circuit
    settings: Settings
    given: tuple[str, ...]
    volts: Volts | None = None
    case: Case | None = None
    phases: Phases = "two"

    @classmethod
    def of(cls, parameters: Experiment | Parameters) -> Experiment:
        """The experiment with these parameters; an experiment is returned as it is.

        Parameters
        ----------
        parameters : mapping
            ``model``, ``dataset``, ``hidden``, ``epochs``, ``seed``, those arguments of `rcspike.Circuit` and
            settings of `rcspike.train` that differ from their defaults, ``volts``, a `Volts`, and ``phases``.
            ``nonideal`` is a device file or the name of a preset, as for `rcspike.chips.load`, and "none" stands for
            ideal devices.

        Raises
        ------
        OSError
            If a device file cannot be read.
        TypeError, ValueError
            If a name is missing or unknown, a value is out of its range, or the process cannot give the voltages.

        Examples
        --------
        >>> one = Experiment.of({"model": "relu", "dataset": "digits", "hidden": [20], "epochs": 5, "seed": 0})
        >>> one.hidden, one.settings.batch_size
        ((20,), 64)
        >>> Experiment.of({"model": "relu", "dataset": "digits"})
        Traceback (most recent call last):
        ...
        ValueError: an experiment needs hidden, epochs, seed
        """
        if isinstance(parameters, Experiment):
            return parameters
        if missing := [name for name in _ALWAYS if name not in parameters]:
            raise ValueError(f"an experiment needs {', '.join(missing)}")
        model = parameters["model"]
        if model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
        more = BUDGET if model == "relu" else (*_CIRCUIT, *_SETTINGS, "volts", "nonideal")
        more = (*more, "phases") if model == "rc-spike" else more
        known = dict.fromkeys((*_ALWAYS, *more))
        for name in parameters:
            if name not in known:
                raise ValueError(f"model {model} has no parameter {name!r}; it has {', '.join(known)}")
        hidden = check_hidden(parameters["hidden"])
        if model == "relu" and isinstance(hidden, str):
            raise ValueError(f"a ReLU network has dense layers: hidden must be their sizes, got {hidden!r}")
        n_layers = count_hidden(hidden) + 1
        circuit = experiment_circuit(parameters)
        case = _case(parameters.get("nonideal"))
        devices: dict[str, Any] = {}
        if case is not None:
            found = training_effects(case.effects, case.devices, n_layers=n_layers)
            circuit, devices = found.circuit(circuit), found.arguments()
        settings = Settings(**devices | {name: value for name, value in parameters.items() if name in _SETTINGS})
        phases: Phases = parameters.get("phases") or "two"
        smallest = Network.create([1] * (n_layers + 1), circuit, seed=0, phases=phases)
        settings.trainer(smallest)  # the engine checks the rest
        check_taken(phases, {} if parameters.get("volts") is None else {"volts": "(--hold)"})
        return cls(
            model=model,
            dataset=parameters["dataset"],
            hidden=hidden,
            circuit=circuit,
            settings=settings,
            given=tuple(name for name, value in parameters.items() if value is not None),
            volts=_checked_volts(parameters, circuit),
            case=case,
            phases=phases,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that were given, by name, and those of a circuit that has replaced the given one.

        Examples
        --------
        >>> parameters = {"model": "relu", "dataset": "digits", "hidden": (20,), "epochs": 5, "seed": 0}
        >>> Experiment.of(parameters).parameters == parameters
        True
        """
        whole = {"model": self.model, "dataset": self.dataset, "hidden": self.hidden, **self.settings.arguments()}
        whole |= {"volts": self.volts, "phases": self.phases}
        whole |= {name: getattr(self.circuit, name) for name in _CIRCUIT}
        whole |= {"nonideal": "none" if self.case is None else self.case.name}
        given = {name: whole[name] for name in self.given}
        implied = Circuit(**{name: value for name, value in given.items() if name in _CIRCUIT})
        replaced = [name for name in _CIRCUIT if getattr(implied, name) != getattr(self.circuit, name)]
        return given | {name: whole[name] for name in replaced}


def experiment_name(experiment: Experiment | Parameters) -> str:
    """Readable name of an experiment: the parameters that every experiment has, and the circuit.

    Examples
    --------
    >>> experiment_name({"model": "relu", "dataset": "digits", "hidden": (20,), "epochs": 5, "seed": 0})
    'relu-digits-20-s0'
    """
    one = Experiment.of(experiment)
    hidden = hidden_text(one.hidden).replace("/", "_")
    circuit = "" if one.model == "relu" else f"-{one.circuit.label}"
    circuit += "".join(f"-{kind}" for kind in unless_default(one.phases).values())
    return f"{one.model}-{datasets.data_name(one.dataset)}-{hidden}{circuit}-s{one.settings.seed}"


def experiment_circuit(parameters: Parameters) -> Circuit:
    """Circuit of the parameters of an experiment, or of a row of a sweep's table.

    Examples
    --------
    >>> experiment_circuit({"model": "rc-spike", "v_syn": 2.0, "e_minus": -0.5, "epochs": 5}).label
    'ep2-em-0.5'
    """
    return Circuit(**{name: value for name, value in parameters.items() if name in _CIRCUIT})


def experiment_key(experiment: Experiment | Parameters) -> str:
    """A file name for all that decides the result."""
    return f"{experiment_name(experiment)[:_MAX_NAME]}-{digest(experiment_identity(experiment))[:12]}"


def experiment_identity(experiment: Experiment | Parameters) -> dict[str, Any]:
    """Everything that decides the result, as JSON types: parameters, defaults and the version of rcspike.

    It includes the digest of a user's files. It is the same for 1 and 1.0, for numbers of NumPy, and for a list or a
    tuple of sizes.

    Examples
    --------
    >>> parameters = {"model": "relu", "dataset": "digits", "hidden": [20], "epochs": 5, "seed": 0}
    >>> experiment_identity(parameters)["batch_size"]
    64
    """
    one = Experiment.of(experiment)
    whole: dict[str, Any] = {"model": one.model, "dataset": one.dataset, "hidden": one.hidden}
    whole["version"] = build_config()["version"]
    whole |= datasets.data_digests(one.dataset)
    if one.model == "relu":
        whole |= _budget(one.settings)
    else:
        whole |= {**_CIRCUIT, **one.settings.arguments(), **one.parameters}
        whole |= {} if one.volts is None else {"volts": one.volts.identity}
        for name, default in _LATER.items():
            if whole[name] == default:
                del whole[name]
        whole.pop("phases", None)
        whole |= unless_default(one.phases)
        whole.pop("nonideal", None)  # a name, in place of which its content counts
        if one.case is not None:
            whole |= {"nonideal": {"devices": one.case.devices, "effects": one.case.effects}}
    identity: dict[str, Any] = plain(whole)
    return identity


def run_experiment(
    experiment: Experiment | Parameters, *, data: str | os.PathLike[str] | None = None, threads: int | None = None
) -> dict[str, float]:
    """Train, and return the accuracies of the epoch that is kept, in [0, 1], and the seconds it took.

    Parameters
    ----------
    experiment : Experiment or mapping
        A mapping has the parameters of `Experiment.of`.
    data : path, optional
        Folder with the data set's files, as for `rcspike.datasets.load`.
    threads : int, optional
        Does not change the result.

    Returns
    -------
    dict
        ``test_accuracy``, ``test_samples`` and ``seconds``; of spiking networks also ``balanced_accuracy`` and
        ``worst_class_accuracy`` of the test samples, ``train_accuracy``, with a validation split
        ``validation_accuracy``, and with a device file ``chip_accuracy``, the mean over 10 chips; of transferred ones
        ``scale_plus`` and ``scale_minus``. If the experiment is in volts, also the results of `measure_in_volts`.

    Raises
    ------
    ValueError
        As `Experiment.of`, or from loading or training.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> result = run_experiment({"model": "rc-spike", "dataset": "digits", "hidden": (20,), "epochs": 20, "seed": 0})
    >>> result["test_accuracy"] > 0.8
    True
    """
    one = Experiment.of(experiment)
    started = time.perf_counter()
    run = {"rc-spike": _run_spiking, "transfer": _run_transfer, "relu": _run_relu}[one.model]
    dataset = _dataset(one.dataset, None if data is None else os.fspath(data))
    result = run(_with_noise(one, dataset), dataset, threads)
    n = len(dataset.test.labels)
    return {**result, "test_samples": n, "seconds": time.perf_counter() - started}


def _checked_volts(parameters: Parameters, circuit: Circuit) -> Volts | None:
    volts = parameters.get("volts")
    if volts is None:
        return None
    if not isinstance(volts, Volts):
        raise TypeError(f"volts must be a Volts, got {type(volts).__name__}")
    if parameters.get("noise") is not None:
        raise ValueError(
            f"noise {parameters['noise']:g} was given together with volts, whose process has its noise: leave noise "
            "out, or change comparator_noise of the process"
        )
    volts.point(circuit)
    return volts


def _with_noise(one: Experiment, dataset: Dataset) -> Experiment:
    """The experiment with the spike-time noise of its process, which depends on the synapses of a column."""
    if one.volts is None:
        return one
    noise = one.volts.noise(one.circuit, fan_ins(*whole_network(one.hidden, dataset)))
    return replace(one, settings=replace(one.settings, noise=noise))


def _measured(one: Experiment, network: Network, dataset: Dataset, threads: int | None) -> dict[str, float]:
    if one.volts is None:
        return {}
    noise, seed = one.settings.noise, one.settings.seed
    return measure_in_volts(network, dataset.test, one.volts, noise=noise, seed=seed, threads=threads)


# A worker gets the experiments of a data set one after the other.
@functools.lru_cache(maxsize=1)
def _dataset(name: str, directory: str | None) -> Dataset:
    return datasets.load(name, directory=directory)


def _case(nonideal: Any) -> Case | None:
    """Devices and effects of a device file, under its name."""
    if nonideal is None or nonideal == "none":
        return None
    effects, devices = load_devices(nonideal)
    return Case(os.fspath(nonideal), effects, devices)


def _budget(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("seed", *BUDGET)}


def _trained(
    dataset: Dataset, hidden: Hidden, circuit: Circuit, settings: Settings, threads: int | None, phases: Phases = "two"
) -> tuple[Network, History]:
    sizes, wiring = whole_network(hidden, dataset)
    intensity = initial_intensity(dataset.name, dataset.train.times)
    network = Network.create(sizes, circuit, seed=settings.seed, wiring=wiring, phases=phases, intensity=intensity)
    return network, train(network, dataset, **settings.arguments(), threads=threads)


# One network is run on many circuits.
@functools.lru_cache(maxsize=1)
def _without_physics(dataset: Dataset, hidden: Hidden, settings: Settings, threads: int | None) -> Network:
    return _trained(dataset, hidden, Circuit(v_syn=_TRANSFER_V_SYN), settings, threads)[0]


def _run_spiking(one: Experiment, dataset: Dataset, threads: int | None) -> dict[str, float]:
    network, history = _trained(dataset, one.hidden, one.circuit, one.settings, threads, one.phases)
    last = history.kept
    of_test, n = np.arange(len(dataset.test.labels)), len(dataset.train.labels)
    draws = one.settings.rng(EVALUATION, last.epoch - 1)  # those of the test accuracy, which come after validation's
    list(chunks(n - one.settings.n_trained(n), draws))
    classes = accuracies(network, dataset.test, of_test, one.settings.noise, draws, threads)
    result = {
        "test_accuracy": last.test_accuracy,
        "balanced_accuracy": classes.balanced,
        "worst_class_accuracy": float(classes.by_class[classes.worst]),
        "train_accuracy": last.train_accuracy,
    }
    if one.case is not None:
        seeds = chip_seeds(one.settings.seed, _CHIPS)
        test, case = dataset.test, one.case
        result["chip_accuracy"] = float(
            np.mean([chip_accuracy(network, case, test.times, test.labels, seed=s, threads=threads) for s in seeds])
        )
    if not math.isnan(last.validation_accuracy):
        result["validation_accuracy"] = last.validation_accuracy
    return result | _measured(one, network, dataset, threads)


def _run_transfer(one: Experiment, dataset: Dataset, threads: int | None) -> dict[str, float]:
    network = _without_physics(dataset, one.hidden, one.settings, threads)
    accuracy, scale_plus, scale_minus = transfer(
        network, one.circuit, dataset, noise=one.settings.noise, seed=one.settings.seed, threads=threads
    )
    result = {"test_accuracy": accuracy, "scale_plus": scale_plus, "scale_minus": scale_minus}
    rescaled = network.rescaled(one.circuit, plus=scale_plus, minus=scale_minus)
    return result | _measured(one, rescaled, dataset, threads)


def _run_relu(one: Experiment, dataset: Dataset, threads: int | None) -> dict[str, float]:
    assert not isinstance(one.hidden, str)
    return {"test_accuracy": relu_accuracy(dataset, one.hidden, **_budget(one.settings), threads=threads)}

"""One design, trained and measured: accuracy of its chips, energy, area, latency and rate."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rcspike import datasets
from rcspike.chips import training_effects
from rcspike.datasets import Dataset, Split
from rcspike.datasets.splits import seeded_split
from rcspike.energy import activity, array_area, at_corner, columns_of, efficiency, energy_parts, operating_point
from rcspike.experiments.chip_study import Case, chip_accuracy, chip_seeds
from rcspike.experiments.confidence_limits import accuracy_limits
from rcspike.experiments.default_settings import initial_intensity
from rcspike.experiments.design_specification import Specification, corner_of
from rcspike.experiments.designed_circuit import Design, design_effects, designed_circuit, designed_process
from rcspike.experiments.hidden_layers import fan_ins, whole_network
from rcspike.experiments.process_networks import as_devices, chips_of_process, in_process, training_devices
from rcspike.functional import schedule
from rcspike.network import Network
from rcspike.neurons import DEFAULT, neuron_kind
from rcspike.training import train

__all__ = ["Effort", "Measurement", "check_before_training", "measure", "settings_of", "train_design"]

_HELD_OUT = 1 / 6  # of the training samples: 10,000 of MNIST, as many as are tested
_ALMOST = 1e-9  # of a limit, for numbers that are computed in another order


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much a measurement takes.

    Parameters
    ----------
    epochs : int
        Of the first training; the one on the devices has half of them, one at least.
    chips : int
    seed : int
        Of training and chips.
    tested : bool
        Whether it trains on all training samples and counts on the test samples; in a search a part of the training
        samples is held out, on which it counts.
    corners : int
        Of how many of the corners there are chips.
    """

    epochs: int
    chips: int
    seed: int
    tested: bool = False
    corners: int = 1

    @property
    def epochs_on_devices(self) -> int:
        return max(1, self.epochs // 2)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured of a design.

    Parameters
    ----------
    accuracies : mapping
        Of the chips at each corner, in [0, 1].
    n_samples : int
        On which they were counted.
    area_mm2, latency_us, rate_khz, supply_v : float
        As `rcspike.energy` has them.
    energy_pj : float
        Of an inference, mean over the samples.
    training_seconds, seconds : float
        That the trainings took, and all of it.
    """

    accuracies: Mapping[str, tuple[float, ...]]
    n_samples: int
    energy_pj: float
    area_mm2: float
    latency_us: float
    rate_khz: float
    supply_v: float
    training_seconds: float
    seconds: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Measurement:
        """From the JSON of `record`."""
        accuracies = {corner: tuple(found) for corner, found in record["accuracies"].items()}
        return cls(**{**record, "accuracies": accuracies})

    @property
    def record(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    def accuracy_limits(self, spec: Specification) -> tuple[float, float]:
        """Confidence limits of the accuracy that enough chips have, at the corner at which it is lowest."""
        options = {"chip_yield": spec.chip_yield, "confidence": spec.confidence}
        limits = [accuracy_limits(found, self.n_samples, **options) for found in self.accuracies.values()]
        return min(low for low, _ in limits), min(high for _, high in limits)

    def objectives(self, spec: Specification) -> tuple[float, ...]:
        """What is minimised: energy in pJ, area in mm2, and the errors in [0, 1] that enough chips may have."""
        errors = 1 - self.accuracy_limits(spec)[0]
        values = {"energy": self.energy_pj, "area": self.area_mm2, "errors": errors}
        return tuple(values[name] for name in spec.minimise)

    def shortfalls(self, spec: Specification) -> dict[str, float]:
        """By how much each requirement is missed; 0 or less where it is met.

        That of the accuracy is its upper confidence limit, as a fraction of the errors that are allowed. The others are
        fractions of the requirement.
        """
        low, _ = self.accuracy_limits(spec)
        return {"accuracy": (spec.accuracy - low) / (1 - spec.accuracy), **_known_shortfalls(spec, asdict(self))}


def _known_shortfalls(spec: Specification, found: Mapping[str, Any]) -> dict[str, float]:
    """Of what needs no chips; only requirements that were made."""
    limits = {name: getattr(spec, name) for name in ("area_mm2", "latency_us", "supply_v")}
    short = {name: found[name] / limit - 1 for name, limit in limits.items() if name in found and limit < math.inf}
    if "rate_khz" in found and spec.rate_khz:
        short["rate_khz"] = 1 - found["rate_khz"] / spec.rate_khz
    return {name: x if abs(x) > _ALMOST else 0.0 for name, x in short.items()}


def check_before_training(spec: Specification, design: Design) -> dict[str, float]:
    """Shortfalls of a design that are known without a training: latency, rate and supply.

    Raises
    ------
    ValueError
        If the process cannot give its voltages or devices.

    Examples
    --------
    >>> spec = Specification(dataset="digits", accuracy=0.9, latency_us=0.2)
    >>> {name: round(x, 3) for name, x in check_before_training(spec, Design(hidden="20")).items()}
    {'latency_us': 0.5}
    """
    process = designed_process(design, spec.process)
    operating_point(designed_circuit(design), process)
    found: dict[str, float] = {"supply_v": process.v_supply}
    n_layers = 2 + design.hidden.count("-") if design.hidden else 1
    answer = neuron_kind(DEFAULT).last_answer(n_layers)
    found |= {"latency_us": 1e6 * process.window * answer, "rate_khz": 1e-3 / (process.window * 3)}
    return _known_shortfalls(spec, found)


def settings_of(spec: Specification, design: Design, effort: Effort) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of `rcspike.train` for the first training, and for the one on the devices of the process.

    The second one begins with half the learning rate, as for the design of docs/synapse-devices.md.
    """
    usual = {name: value for name, value in spec.usual.items() if name != "hidden"}
    usual |= {"energy_penalty": design.energy_penalty} if design.energy_penalty else {}
    first = {**usual, "epochs": effort.epochs, "seed": effort.seed}
    rate = usual.get("learning_rate", 1e-3) / 2
    return first, {**first, "epochs": effort.epochs_on_devices, "learning_rate": rate}


def train_design(
    spec: Specification, design: Design, dataset: Dataset, effort: Effort, *, threads: int | None = None
) -> Network:
    """Train a design, first as an ideal circuit and then on the switches and devices of its process.

    The same as the commands that `rcspike design` prints for it, bit for bit.

    Raises
    ------
    ValueError
        If the design cannot be made.
    FloatingPointError
        If training diverges.
    """
    process = designed_process(design, spec.process)
    first, second = settings_of(spec, design, effort)
    sizes, wiring = whole_network(design.hidden, dataset)
    point = operating_point(designed_circuit(design), process)
    intensity = initial_intensity(spec.dataset, dataset.train.times)
    network = Network.create(sizes, designed_circuit(design), seed=effort.seed, wiring=wiring, intensity=intensity)
    train(network, dataset, threads=threads, **first)
    network = in_process(network, process)
    effects = design_effects(design, point, fan_ins(sizes, wiring))
    found = training_effects(effects, n_layers=len(wiring))
    devices = training_devices(process, network, found.devices)
    train(network, dataset, threads=threads, **{**found.arguments(), **second, "devices": devices})
    return network


def measure(
    job: tuple[Specification, Design, Effort],
    *,
    data: str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> tuple[Measurement, Network]:
    """Train a design and measure it; the same on any machine.

    Parameters
    ----------
    job : tuple
        What is required, which design, and how much it takes.
    data : path, optional
        Folder with the data set's files.
    threads : int, optional
        Does not change the result.

    Returns
    -------
    Measurement
    Network
        Trained, on the switches and devices of its process.

    Raises
    ------
    ValueError
        If the design cannot be made.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> spec = Specification(dataset="digits", accuracy=0.9)
    >>> found, network = measure((spec, Design(hidden="20"), Effort(epochs=4, chips=2, seed=0)))
    >>> found.n_samples, len(found.accuracies["tt 27"]), round(found.latency_us, 3)
    (239, 2, 0.3)
    """
    began = time.perf_counter()
    spec, design, effort = job
    dataset = _data(spec.dataset, None if data is None else os.fspath(data), effort.tested, spec.seed)
    network = train_design(spec, design, dataset, effort, threads=threads)
    trained = time.perf_counter()
    process, test = designed_process(design, spec.process), dataset.test
    point = operating_point(network.circuit, process)
    rows = [columns_of(layer).rows for layer in network.layers]
    effects = design_effects(design, point, rows)
    joined = network.layers[0].wiring.joined
    events = test.times if joined else schedule(test.times, dtype=network.dtype, phases=network.phases)
    accuracies = {}
    for corner in spec.corners[: effort.corners]:
        name, celsius = corner_of(corner)
        there = operating_point(network.circuit, at_corner(process, corner=name, celsius=celsius))
        case = Case(corner, *chips_of_process(there, network, effects, Case("").devices))
        seeds = chip_seeds(effort.seed, effort.chips)
        found = [chip_accuracy(network, case, events, test.labels, seed=seed, threads=threads) for seed in seeds]
        accuracies[corner] = tuple(found)
    done = activity(as_devices(network, process), test.times, seed=0, threads=threads)
    measures = efficiency(energy_parts(done, point), done, process)
    measured = Measurement(
        accuracies=accuracies,
        n_samples=len(test.labels),
        energy_pj=1e12 * measures.joules,
        area_mm2=1e6 * array_area(process, map(columns_of, network.layers)),
        latency_us=1e6 * measures.latency,
        rate_khz=1e-3 * measures.rate,
        supply_v=process.v_supply,
        training_seconds=trained - began,
        seconds=time.perf_counter() - began,
    )
    return measured, network


# A worker gets many designs for the same samples.
@functools.lru_cache(maxsize=2)
def _data(name: str, folder: str | None, tested: bool, seed: int) -> Dataset:
    """The data set; in a search, a part of its training samples takes the place of the test samples."""
    whole = datasets.load(name, directory=folder)
    if tested:
        return whole
    kept, held = seeded_split(whole.train.labels, _HELD_OUT, seed)
    train, test = (Split(whole.train.images[at], whole.train.labels[at]) for at in (kept, held))
    return replace(whole, train=train, test=test)

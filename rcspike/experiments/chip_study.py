"""Accuracy over many virtual chips: its spread, the yield, and which effect reduces it most."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rcspike import datasets
from rcspike._common.arrays import FloatArray
from rcspike._common.atomic_files import atomic_write, check_writable
from rcspike._common.identity import canonical, digest, plain
from rcspike._common.readers import read_json
from rcspike._core import build_config
from rcspike.chips import Devices, Effect, program
from rcspike.datasets import Inputs
from rcspike.experiments.executors import run_jobs
from rcspike.functional import schedule
from rcspike.functional.events import Schedule
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Network
from rcspike.training.evaluation import ClassAccuracy, check_fit

__all__ = ["Case", "Sample", "chip_accuracy", "chip_seeds", "run_cases", "single_effect_cases", "sweep_cases"]

_MEASURED = ("accuracies", "balanced", "worst")  # in the file of a case
_OfChip: TypeAlias = tuple[float, float, float]  # the same of one chip
_CHIPS_A_JOB = 10  # enough to make a worker's start worth its while, few enough to share out


@dataclass(frozen=True)
class Case:
    """Devices and effects to make chips with, under a name.

    Examples
    --------
    >>> Case("ideal").effects
    ()
    """

    name: str
    effects: tuple[Effect, ...] = ()
    devices: Devices = field(default_factory=Devices)
    varied: tuple[str, float] | None = None  # name and value of the parameter that sweep_cases varies


@dataclass(frozen=True)
class Sample:
    """The accuracies, in [0, 1], of the chips of a case.

    Parameters
    ----------
    balanced, worst : tuple of float
        Of each chip, the balanced accuracy and that of its worst class (`rcspike.training.ClassAccuracy`).
    is_random : bool
        Whether the chips differ; otherwise one was tested for all.

    Examples
    --------
    >>> sample = Sample(Case("all"), (0.95, 0.96, 0.97, 0.98))
    >>> round(sample.mean, 4), round(sample.quantile(0.05), 4), sample.share_above(0.96)
    (0.965, 0.9515, 0.75)
    """

    case: Case
    accuracies: tuple[float, ...]
    balanced: tuple[float, ...] = ()
    worst: tuple[float, ...] = ()
    is_random: bool = True

    @property
    def mean(self) -> float:
        """Over the chips."""
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float:
        """Standard deviation over the chips; nan for a single one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else math.nan

    def quantile(self, q: float) -> float:
        """Accuracy that a share q of the chips stays below; between two chips by a straight line."""
        return float(np.quantile(self.accuracies, q))

    def share_above(self, required: float) -> float:
        """The yield: the fraction of chips that have a required accuracy or more."""
        return float(np.mean(np.asarray(self.accuracies) >= required))


def single_effect_cases(effects: Sequence[Effect], devices: Devices) -> list[Case]:
    """A case for each effect by itself, and one for the range of the devices if it is limited.

    Examples
    --------
    >>> from rcspike.chips import Jitter, Stuck
    >>> [case.name for case in single_effect_cases([Stuck(share=0.1), Jitter()], Devices(on_off=20.0))]
    ['devices alone', 'stuck alone', 'jitter alone']
    """
    limited = [] if devices == Devices() else [Case("devices alone", (), devices)]
    # An effect may be relative to the range, so that w_max stays; a finite on/off ratio counts as a separate effect.
    kept = replace(devices, on_off=math.inf)
    return limited + [Case(f"{effect.name} alone", (effect,), kept) for effect in effects]


def sweep_cases(
    effects: Sequence[Effect], devices: Devices, name: str, values: Sequence[float], *, parameter: str | None = None
) -> list[Case]:
    """Cases in which one effect takes each of several sizes, with the other effects unchanged.

    Parameters
    ----------
    effects : sequence of Effect
    devices : Devices
    name : str
        Name of the effect.
    values : sequence of float
    parameter : str, optional
        The parameter that is varied; by default the one that is the effect's size.

    Raises
    ------
    ValueError
        If none of the effects has the name, or it has no such parameter.

    Examples
    --------
    >>> from rcspike.chips import Jitter, Stuck
    >>> [case.name for case in sweep_cases([Stuck(share=0.1), Jitter()], Devices(), "jitter", [0.0, 0.02])]
    ['jitter sigma 0', 'jitter sigma 0.02']
    """
    names = [effect.name for effect in effects]
    if name not in names:
        raise ValueError(f"there is no effect {name!r} to sweep; there are {', '.join(names) or 'none'}")
    position = names.index(name)
    chosen = parameter or effects[position].size
    cases = []
    for value in values:
        try:
            changed: Any = replace(effects[position], **{chosen: value})  # type: ignore[type-var]
        except TypeError as error:
            raise ValueError(f"{name} has no parameter {chosen!r} that takes {value}: {error}") from error
        case = (*effects[:position], changed, *effects[position + 1 :])
        cases.append(Case(f"{name} {chosen} {value:g}", case, devices, (f"{name} {chosen}", value)))
    return cases


def chip_seeds(seed: int, n: int) -> list[int]:
    """Seeds of n chips; the first ones are the same for any n.

    Examples
    --------
    >>> chip_seeds(0, 100)[:5] == chip_seeds(0, 5)
    True
    """
    if n < 1:
        raise ValueError(f"there must be at least 1 chip, got {n}")
    state = np.random.SeedSequence(seed).generate_state(n, np.uint64)
    return [int(word) for word in state]


def chip_accuracy(
    network: Network,
    case: Case,
    times: FloatArray | Schedule,
    labels: npt.NDArray[np.int64],
    *,
    seed: int,
    threads: int | None = None,
) -> float:
    """Accuracy of one chip, in [0, 1]; it is read once for all samples, and its temporal noise has the chip's seed.

    Examples
    --------
    >>> from rcspike.chips import Stuck
    >>> network, times = Network([np.eye(2)], Circuit()), np.array([[0.0, np.inf], [np.inf, 0.0]])
    >>> chip_accuracy(network, Case("dead", (Stuck(share=1.0),)), times, np.array([0, 1]), seed=0)
    0.5
    """
    return _chip_classes(network, case, times, labels, seed=seed, threads=threads).overall


def _chip_classes(
    network: Network,
    case: Case,
    times: FloatArray | Schedule,
    labels: npt.NDArray[np.int64],
    *,
    seed: int,
    threads: int | None,
) -> ClassAccuracy:
    """`chip_accuracy` of each class."""
    chip = program(network, case.effects, seed=seed, devices=case.devices)
    return ClassAccuracy.of(chip.predict(times, seed=seed, threads=threads), labels, network.sizes[-1])


def run_cases(
    network: Network,
    dataset: str,
    cases: Sequence[Case],
    *,
    chips: int,
    seed: int,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    dask: str | None = None,
    data: str | os.PathLike[str] | None = None,
    inputs: Inputs | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Sample]:
    """Make chips of every case, and test them on the test images of a data set.

    Chip number n of every case has the same seed, and so the same random numbers in every effect that they share. Of a
    case without random draws, such as a process corner, one chip is tested for all.

    Parameters
    ----------
    network : Network
    dataset : str
        Name of a data set or path of one's own, as in `rcspike.datasets.load`.
    cases : sequence of Case
    chips : int
        Number of chips for each case.
    seed : int
        Seed of all random numbers.
    folder : path, optional
        Folder for finished cases: each is stored with everything that decides its result, and is not computed again.
        Effects must then be dataclasses of numbers, strings and arrays, as those of `rcspike.chips` are.
    workers, dask
        Where to run: see `rcspike.experiments.executor`. The result is the same anywhere.
    data : path, optional
        Folder with the data set's files, for every worker.
    inputs : Inputs, optional
        Of the network, as in `rcspike.datasets.load`.
    progress : callable, optional
        Called with the number of chips that have just been finished.

    Returns
    -------
    list of Sample
        One sample for each case, in the order of the cases.

    Raises
    ------
    OSError
        If the folder cannot be written, or as in `rcspike.experiments.executor`.
    TypeError
        If there is a folder, and an effect holds something that has no exact value.
    ValueError
        If the network does not fit the data, an effect is too large for its model, or a file in the folder is not of
        the case that it stands for.

    Examples
    --------
    >>> from rcspike.chips import Variation
    >>> network = Network.create([64, 10], Circuit(), seed=0)
    >>> run_cases(network, "digits", [Case("all", (Variation(sigma=0.2),))], chips=2, seed=0, workers=1)[0].mean < 0.5
    True
    """
    seeds = chip_seeds(seed, chips)
    text = None if inputs is None else inputs.text
    identities = [] if folder is None else [_identity(network, dataset, text, case, seeds) for case in cases]
    files = [Path(folder or "", "cases", f"{digest(identity)[:16]}.json") for identity in identities]
    found = [_read(*stored) for stored in zip(files, identities, strict=True)] or [None] * len(cases)
    check_fit(network, datasets.load(dataset, directory=data, inputs=inputs).test)
    if folder is not None:
        check_writable(Path(folder, "cases"))
    for chips_found in found:
        if progress is not None and chips_found is not None:
            progress(chips)
    is_random = [
        program(network, case.effects, seed=seeds[0], devices=case.devices).is_random if chips > 1 else True
        for case in cases
    ]
    starts = [range(0, chips if random else 1, _CHIPS_A_JOB) for random in is_random]
    jobs = [(i, start) for i, chips_found in enumerate(found) if chips_found is None for start in starts[i]]
    function = functools.partial(
        _run_job,
        network=network,
        dataset=dataset,
        data=data,
        inputs=text,
        cases=tuple(cases),
        seeds=[seeds if random else seeds[:1] for random in is_random],
    )
    parts: dict[int, dict[int, list[_OfChip]]] = {i: {} for i, _ in jobs}
    with closing(run_jobs(function, jobs, workers=workers, dask=dask)) as finished:
        for (i, start), outcome in finished:
            if isinstance(outcome, Exception):
                raise outcome
            parts[i][start] = outcome if is_random[i] else outcome * chips
            if progress is not None:
                progress(len(parts[i][start]))
            if len(parts[i]) == len(starts[i]):
                of_chips = [of_chip for first in starts[i] for of_chip in parts[i][first]]
                found[i] = of_chips
                if files:
                    columns = dict(zip(_MEASURED, zip(*of_chips, strict=True), strict=True))
                    with atomic_write(files[i]) as temporary:
                        temporary.write_text(json.dumps({"case": identities[i], **columns}) + "\n")
    samples = []
    for case, of_case, random in zip(cases, found, is_random, strict=True):
        accuracies, balanced, worst = zip(*(of_case or ()), strict=True)
        samples.append(Sample(case, accuracies, balanced, worst, is_random=random))
    return samples


def _run_job(
    job: tuple[int, int],
    *,
    network: Network,
    dataset: str,
    data: Any,
    inputs: str | None,
    cases: tuple[Case, ...],
    seeds: list[list[int]],
    threads: int,
) -> list[_OfChip]:
    joined = network.layers[0].wiring.joined  # whose rows some chips can only find from the times themselves
    folder = None if data is None else os.fspath(data)
    events, labels = _test(dataset, folder, inputs, network.dtype.name, network.phases, joined)
    i, start = job
    chosen = seeds[i][start : start + _CHIPS_A_JOB]
    chips = [_chip_classes(network, cases[i], events, labels, seed=seed, threads=threads) for seed in chosen]
    return [(of_chip.overall, of_chip.balanced, float(of_chip.by_class[of_chip.worst])) for of_chip in chips]


@functools.lru_cache(maxsize=1)
def _test(
    dataset: str, data: str | None, inputs: str | None, dtype: str, phases: Phases, joined: bool
) -> tuple[FloatArray | Schedule, npt.NDArray[np.int64]]:
    """The spikes of the test images, which all chips share: their events, or their times if inputs are joined."""
    test = datasets.load(dataset, directory=data, inputs=None if inputs is None else Inputs.of_text(inputs)).test
    return test.times if joined else schedule(test.times, dtype=np.dtype(dtype), phases=phases), test.labels


def _identity(network: Network, dataset: str, inputs: str | None, case: Case, seeds: list[int]) -> dict[str, Any]:
    """All that decides the accuracies of a case, and so not its name."""
    of_case: dict[str, Any] = plain(
        {
            "circuit": network.circuit,
            "weights": list(network.parameters.values()),
            "dataset": dataset,
            **datasets.data_digests(dataset),
            **({} if inputs is None else {"inputs": inputs}),
            "devices": case.devices,
            "effects": case.effects,
            "seeds": seeds,
            "version": build_config()["version"],
        }
    )
    return of_case


def _read(file: Path, identity: dict[str, Any]) -> list[_OfChip] | None:
    """What was measured of each chip; None if it was not yet, or by a version that did not look at classes."""
    if not file.exists():
        return None
    try:
        stored = read_json(file)
        if not isinstance(stored, dict) or canonical(stored.get("case")) != canonical(identity):
            raise ValueError("it is of another network, case or version")
        columns = [stored.get(name) for name in _MEASURED if name in stored or name == _MEASURED[0]]
        for found in columns:
            if not (isinstance(found, list) and all(type(x) in (int, float) and 0 <= x <= 1 for x in found)):
                raise ValueError("they are not numbers in [0, 1]")
            if len(found) != len(identity["seeds"]):
                raise ValueError(f"it has {len(found)} of {len(identity['seeds'])} chips")
    except ValueError as error:
        raise ValueError(
            f"{file} has no accuracies of this case: {error}; remove it to make these chips again"
        ) from error
    return list(zip(*columns, strict=True)) if len(columns) == len(_MEASURED) else None

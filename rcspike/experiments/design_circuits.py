"""From a requirement to circuits: the search, the measurement of its front, and what is left of it."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from rcspike import datasets
from rcspike._common.atomic_files import atomic_write, check_writable
from rcspike._common.identity import canonical, digest, plain
from rcspike._common.readers import read_json
from rcspike.energy import columns_of
from rcspike.experiments.confidence_limits import proportion_limits
from rcspike.experiments.design_files import MODEL, design_commands, design_folder, write_design
from rcspike.experiments.design_front import binding_in_words, nondominated
from rcspike.experiments.design_measurement import Effort, Measurement, measure
from rcspike.experiments.design_search import Trial, open_study, parameter_importances, search, stored_trials
from rcspike.experiments.design_specification import Range, Specification
from rcspike.experiments.designed_circuit import Design
from rcspike.experiments.executors import run_jobs
from rcspike.experiments.hidden_layers import whole_network
from rcspike.experiments.result_tables import Row

__all__ = ["Designs", "MeasuredDesign", "design", "design_rows", "final_effort"]

_ROUNDS = 3  # in which designs take the places of those that failed


@dataclass(frozen=True)
class MeasuredDesign:
    """A design of a front, trained in full on fresh seeds and tested on the test samples.

    Parameters
    ----------
    number : int
        Of its trial.
    design : Design
    measurements : tuple of Measurement
        One for each seed.
    commands : tuple of str
        That train and measure it again: the first seed, then the others.
    """

    number: int
    design: Design
    measurements: tuple[Measurement, ...]
    commands: tuple[str, ...]

    def shortfalls(self, spec: Specification) -> dict[str, float]:
        """By how much it misses each requirement with the seed with which it misses it most."""
        each = [one.shortfalls(spec) for one in self.measurements]
        return {name: max(short[name] for short in each) for name in each[0]}

    def objectives(self, spec: Specification) -> tuple[float, ...]:
        """What is minimised, mean over the seeds."""
        return tuple(map(mean, zip(*(one.objectives(spec) for one in self.measurements), strict=True)))

    def worst(self, spec: Specification) -> Measurement:
        """The measurement with the lowest accuracy."""
        return min(self.measurements, key=lambda one: one.accuracy_limits(spec)[0])


@dataclass(frozen=True)
class Designs:
    """Result of a search.

    Parameters
    ----------
    spec : Specification
    trials : tuple of Trial
        All that were tried.
    front : tuple of MeasuredDesign
        Those that meet every requirement, as measured, and that no other one beats; by their first objective.
    failed : tuple of MeasuredDesign
        Those of the search's front that do not, as measured.
    importances : tuple of Row
        How much of the variation of each objective each free parameter explains; empty after few trials.
    nearest : str
        If the front is empty, the nearest design and what binds it, in words.
    """

    spec: Specification
    trials: tuple[Trial, ...]
    front: tuple[MeasuredDesign, ...]
    failed: tuple[MeasuredDesign, ...]
    importances: tuple[Row, ...] = ()
    nearest: str = ""

    @property
    def table(self) -> list[Row]:
        """A line for each trial."""
        return design_rows(self)


def final_effort(spec: Specification, k: int) -> Effort:
    """What the k-th measurement of a design takes; its seed is not that of the search."""
    assert spec.epochs is not None
    return Effort(epochs=spec.epochs, chips=spec.chips, seed=spec.seed + 1 + k, tested=True, corners=len(spec.corners))


def design(
    spec: Specification,
    folder: str | os.PathLike[str],
    *,
    minutes: float = 120.0,
    trials: int | None = None,
    workers: int | None = None,
    dask: str | None = None,
    data: str | os.PathLike[str] | None = None,
    progress: Callable[[Trial | MeasuredDesign], None] | None = None,
) -> Designs:
    """Search circuits that meet requirements at the least energy, area or errors, and measure the best of them.

    All that has ended is kept in the folder: after Ctrl-C or a crash, the same call goes on.

    Parameters
    ----------
    spec : Specification
    folder : path
    minutes : float
        Time of the search, in which new trials begin. The measurement of the front comes on top of it.
    trials : int, optional
        Largest number of trials.
    workers, dask
        Where to run: see `rcspike.experiments.executor`. With one worker and a number of trials in place of a time, the
        result is the same each time, also after crashes.
    data : path, optional
        Folder with the data set's files, for every worker.
    progress : callable, optional
        Called with each trial that has ended, and with each design that was measured.

    Returns
    -------
    Designs

    Raises
    ------
    ImportError
        If Optuna is missing.
    OSError
        If the folder cannot be written, or as in `rcspike.experiments.executor`.
    ValueError
        If the data set is damaged, an architecture does not fit it, or a file in the folder is not of the search.

    Examples
    --------
    >>> import tempfile
    >>> free = {"v_syn": "0.8..2", "hidden": "20"}
    >>> spec = Specification(dataset="digits", accuracy=0.5, free=free, epochs=2, chips=2, seeds=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = design(spec, folder, trials=2, workers=1)
    >>> len(found.trials), len(found.front) > 0
    (2, True)
    """
    if dask is None:
        check_architectures(spec, data)
    study = open_study(spec, folder)
    options: dict[str, Any] = {"workers": workers, "dask": dask, "data": data}
    search(spec, study, minutes=minutes, trials=trials, progress=progress, **options)
    tried = stored_trials(spec, study)
    measured: dict[int, MeasuredDesign] = {}
    for _ in range(_ROUNDS):
        left = [one for one in tried if one.is_feasible and _may_be_good(spec, measured.get(one.number))]
        front = _front(spec, left)
        if not (new := [one for one in front if one.number not in measured]):
            break
        for one in _measure(spec, new, Path(folder), **options):
            measured[one.number] = one
            if progress is not None:
                progress(one)
    good = [one for one in measured.values() if _may_be_good(spec, one)]
    best = [good[i] for i in nondominated([one.objectives(spec) for one in good])]
    failed = [one for one in measured.values() if not _may_be_good(spec, one)]
    return Designs(
        spec=spec,
        trials=tuple(tried),
        front=tuple(sorted(best, key=lambda one: one.objectives(spec))),
        failed=tuple(failed),
        importances=tuple(parameter_importances(spec, study)),
        nearest="" if best else _nearest(spec, tried, failed),
    )


def check_architectures(spec: Specification, data: str | os.PathLike[str] | None) -> None:
    """Load the data set, so that missing files are reported now; a ValueError if hidden layers do not fit it."""
    loaded = datasets.load(spec.dataset, directory=data)
    hidden = spec.choices.get("hidden", (spec.design({}).hidden,) if "hidden" not in spec.choices else ())
    for one in () if isinstance(hidden, Range) else hidden:
        whole_network(str(one), loaded)


def design_rows(found: Designs) -> list[Row]:
    """A line for each trial: its free parameters, what was found in the search, and, where it was, as measured.

    Accuracies are in [0, 1]: the mean over the chips, and the lower confidence limit of what enough of them have.
    """
    spec = found.spec
    measured = {one.number: one for one in (*found.front, *found.failed)}
    on_front = {one.number for one in found.front}
    rows: list[Row] = []
    for one in found.trials:
        values = {name: getattr(one.design, name) for name in spec.choices}
        row: dict[str, Any] = {"design": one.number, "state": one.state, **values}
        row |= _numbers(spec, one.measured) if one.measured is not None else {}
        if (again := measured.get(one.number)) is not None:
            row |= {f"measured_{name}": x for name, x in _numbers(spec, again.worst(spec)).items()}
            row["front"] = int(one.number in on_front)
        rows.append(row | ({"note": one.note} if one.note else {}))
    return rows


def _numbers(spec: Specification, one: Measurement) -> dict[str, float]:
    chips = [accuracy for found in one.accuracies.values() for accuracy in found]
    passed = [sum(accuracy >= spec.accuracy for accuracy in found) for found in one.accuracies.values()]
    n = len(next(iter(one.accuracies.values())))
    return {
        "chip_accuracy": float(np.mean(chips)),
        "limit_accuracy": one.accuracy_limits(spec)[0],
        "yield": min(passed) / n,
        "yield_limit": proportion_limits(min(passed), n, confidence=spec.confidence)[0],
        "energy_pj": one.energy_pj,
        "area_mm2": one.area_mm2,
        "latency_us": one.latency_us,
        "rate_khz": one.rate_khz,
    }


def _may_be_good(spec: Specification, measured: MeasuredDesign | None) -> bool:
    return measured is None or max(measured.shortfalls(spec).values()) <= 0


def _front(spec: Specification, trials: Sequence[Trial]) -> list[Trial]:
    points = [one.measured.objectives(spec) for one in trials if one.measured is not None]
    return [trials[i] for i in nondominated(points)]


def _measure(
    spec: Specification, trials: Sequence[Trial], folder: Path, *, workers: int | None, dask: str | None, data: Any
) -> list[MeasuredDesign]:
    """Train designs in full on fresh seeds, and keep what was measured and the model of the first seed."""
    check_writable(folder / "measured")
    found: dict[tuple[int, int], Measurement] = {}
    jobs: list[tuple[int, int]] = []
    for one in trials:
        for k in range(spec.seeds):
            stored = _read(_file(folder, one, spec, k), _identity(spec, one.design, k))
            if stored is None:
                jobs.append((one.number, k))
            else:
                found[one.number, k] = stored
    designs = {one.number: one for one in trials}
    function = functools.partial(_measure_job, spec=spec, designs={n: t.design for n, t in designs.items()}, data=data)
    with closing(run_jobs(function, jobs, workers=workers, dask=dask)) as finished:
        for (number, k), outcome in finished:
            if isinstance(outcome, Exception):
                raise outcome
            measured, network = outcome
            one = designs[number]
            if k == 0:
                place = design_folder(folder, number)
                rows = [columns_of(layer).rows for layer in network.layers]
                write_design(place, spec, one.design, rows, [final_effort(spec, i) for i in range(spec.seeds)])
                network.save(place / MODEL)
            record = {"identity": _identity(spec, one.design, k), "measured": measured.record}
            with atomic_write(_file(folder, one, spec, k)) as temporary:
                temporary.write_text(json.dumps(record) + "\n")
            found[number, k] = measured
    result = []
    for one in trials:
        place, efforts = design_folder(folder, one.number), [final_effort(spec, k) for k in range(spec.seeds)]
        commands = [line for effort in efforts for line in design_commands(place, spec, one.design, effort)]
        measurements = tuple(found[one.number, k] for k in range(spec.seeds))
        result.append(MeasuredDesign(one.number, one.design, measurements, tuple(commands)))
    return result


def _measure_job(
    job: tuple[int, int], *, spec: Specification, designs: dict[int, Design], data: Any, threads: int
) -> Any:
    number, k = job
    return measure((spec, designs[number], final_effort(spec, k)), data=data, threads=threads)


def _identity(spec: Specification, one: Design, k: int) -> dict[str, Any]:
    identity: dict[str, Any] = plain(
        {"spec": spec.identity, "design": asdict(one), "effort": asdict(final_effort(spec, k))}
    )
    return identity


def _file(folder: Path, one: Trial, spec: Specification, k: int) -> Path:
    return folder / "measured" / f"{one.number}-s{k}-{digest(_identity(spec, one.design, k))[:12]}.json"


def _read(file: Path, identity: dict[str, Any]) -> Measurement | None:
    if not file.exists():
        return None
    record = read_json(file)
    if not isinstance(record, dict) or canonical(record.get("identity")) != canonical(identity):
        raise ValueError(f"{file} is not of this design: remove it to measure it again")
    try:
        return Measurement.of(record["measured"])
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is damaged: {error}; remove it to measure this design again") from error


def _nearest(spec: Specification, tried: Sequence[Trial], failed: Sequence[MeasuredDesign]) -> str:
    if failed:
        one = min(failed, key=lambda found: max(found.shortfalls(spec).values()))
        words = binding_in_words(spec, one.worst(spec), one.shortfalls(spec))
        return f"no design meets all requirements; the nearest of {len(tried)} is {one.number}, as measured: {words}"
    known = [trial for trial in tried if trial.measured is not None] or [*tried]
    if not known:
        return "no design was tried: give the search more time"
    trial = min(known, key=lambda found: max(found.shortfalls.values()))
    how = "in the search" if trial.state == "complete" else "after a short training"
    words = binding_in_words(spec, trial.measured, trial.shortfalls)
    return f"no design meets all requirements; the nearest of {len(tried)} is {trial.number}, {how}: {words}"

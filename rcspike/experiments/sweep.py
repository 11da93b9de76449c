"""Many runs over a grid of parameters: each is stored as soon as it has finished, and none is done twice."""

from __future__ import annotations

import functools
import itertools
import json
import math
import os
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcspike import datasets
from rcspike._common.atomic_files import atomic_write, check_writable
from rcspike._common.identity import canonical, plain
from rcspike._common.readers import read_json
from rcspike.circuit import Circuit
from rcspike.experiments.default_settings import preset
from rcspike.experiments.executors import run_jobs
from rcspike.experiments.experiment import (
    BUDGET,
    Experiment,
    Parameters,
    experiment_identity,
    experiment_key,
    experiment_name,
    run_experiment,
)
from rcspike.experiments.hidden_layers import whole_network
from rcspike.experiments.sweep_in_volts import Volts
from rcspike.neurons import Phases, check_taken, neuron_kind, unless_default

__all__ = ["V_SYN", "Run", "grid", "run_sweep", "stored_runs"]

V_SYN = (1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0, math.inf)


@dataclass(frozen=True)
class Run:
    """An experiment and its outcome: a result, an error, or neither if it has not been run yet."""

    experiment: Experiment
    result: Mapping[str, float] | None = None
    error: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the experiment that were given, by name."""
        return self.experiment.parameters


def grid(
    names: Iterable[str],
    *,
    v_syn: Sequence[float] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    hidden: Sequence[Sequence[int] | str] | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    relu: bool = True,
    transfer: bool = False,
    volts: Volts | None = None,
    phases: Phases = "two",
) -> list[Experiment]:
    """Every combination of data set, hidden layers, V_syn, seed and any other varied parameter.

    Parameters
    ----------
    names : iterable of str
        Data sets.
    v_syn : sequence of float
        Rails in V_th; ``math.inf`` is the conventional circuit. By default ``V_SYN``; single-phase neurons
        have only those above 1.
    seeds : sequence of int
    hidden : sequence of sequence of int or str, optional
        For each architecture the sizes of its hidden layers, or a text such as ``conv16-pool-128``, whose parts
        `rcspike.network.parse_architecture` describes; those of the data set's preset by default.
    vary : mapping, optional
        Values of other arguments of `rcspike.Circuit` and `rcspike.train`, and of ``nonideal``, the device files that
        networks are trained for and tested on; a single value sets it for all runs.
    relu : bool
        Add a ReLU network of the same size and training budget for each architecture given by sizes.
    transfer : bool
        Add weights trained at V_syn = 100 and run at each finite V_syn, with the best scales.
    volts : Volts, optional
        Process and operating point of all spiking networks, which decide noise and energy. Without it, the runs are
        normalised, and have no energy.
    phases : {"two", "single"}
        Kind of the neurons of all spiking networks; single-phase neurons have neither `transfer` nor `volts`.

    Returns
    -------
    list of Experiment
        Seed by seed, so that a sweep that is stopped early has something of everything.

    Raises
    ------
    TypeError, ValueError
        If a parameter is unknown or its value out of range, or two experiments are the same.

    Examples
    --------
    >>> [experiment_name(e) for e in grid(["digits"], v_syn=[1.0, math.inf], seeds=[0])]
    ['rc-spike-digits-200-v1-s0', 'rc-spike-digits-200-vinf-s0', 'relu-digits-200-s0']
    """
    vary = vary or {}
    ramps = [ramp for ramp in vary.get("ramp", ()) if ramp]
    check_taken(phases, ({"transfer": transfer} if transfer else {}) | ({"ramp": ramps[0]} if ramps else {}))
    if v_syn is None:
        v_syn = [v for v in V_SYN if neuron_kind(phases).can_spike(Circuit(v_syn=v))]
    settings = [dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())]
    budgets: list[dict[str, Any]] = []
    for more in settings:
        budget = {name: more[name] for name in BUDGET if name in more}
        budgets += [budget] if budget not in budgets else []
    runs: list[Parameters] = []
    presets = {name: preset(name, phases=phases) for name in names}
    for seed, (name, base) in itertools.product(seeds, presets.items()):
        for layers in hidden or [base["hidden"]]:
            shared = {
                "dataset": name,
                **base,
                "hidden": layers if isinstance(layers, str) else tuple(layers),
                "seed": seed,
            }
            shared |= {} if volts is None else {"volts": volts}
            kind = unless_default(phases)
            runs += [{"model": "rc-spike", **shared, "v_syn": v, **kind, **more} for more in settings for v in v_syn]
            if transfer:
                rails = [v for v in v_syn if v < math.inf]
                runs += [{"model": "transfer", **shared, "v_syn": v, **more} for more in settings for v in rails]
            if relu and not isinstance(layers, str):
                alike = {name: shared[name] for name in ("dataset", "hidden", "seed", *BUDGET) if name in shared}
                runs += [{"model": "relu", **alike, **budget} for budget in budgets]
    experiments = [Experiment.of(run) for run in runs]
    keys = set()
    for experiment in experiments:
        key = experiment_key(experiment)
        if key in keys:
            raise ValueError(f"{experiment_name(experiment)} is there twice: give each value once")
        keys.add(key)
    return experiments


def run_sweep(
    experiments: Sequence[Experiment | Parameters],
    folder: str | os.PathLike[str],
    *,
    workers: int | None = None,
    dask: str | None = None,
    data: str | os.PathLike[str] | None = None,
    retry: bool = False,
    progress: Callable[[Run], None] | None = None,
) -> list[Run]:
    """Run the experiments that have no result in the folder yet.

    Each leaves a JSON file in ``folder/runs`` the moment it has finished, with all its settings and the version of
    rcspike, so that a sweep that was killed resumes where it was and ends with the same results.

    Parameters
    ----------
    experiments : sequence of Experiment
        Experiments as `grid` returns them, or their parameters as for `Experiment.of`.
    folder : path
    workers, dask
        Where to run: see `rcspike.experiments.executor`.
    data : path, optional
        Folder with the data sets' files, for every worker.
    retry : bool
        Run those again that failed before.
    progress : callable, optional
        Called with each `Run` that has finished now.

    Returns
    -------
    list of Run
        Runs in the order of the experiments.

    Raises
    ------
    OSError
        If the folder cannot be written, or as in `rcspike.experiments.executor`.
    ValueError
        If a data set is damaged, an architecture does not fit its images, or a file in the folder was not written by a
        sweep.

    Examples
    --------
    >>> import tempfile
    >>> experiments = grid(["digits"], v_syn=[1.0], seeds=[0], vary={"epochs": [2]}, relu=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, again = (run_sweep(experiments, folder, workers=1) for _ in range(2))
    >>> first == again
    True
    """
    found = stored_runs(experiments, folder)
    left = [(i, run.experiment) for i, run in enumerate(found) if run.result is None and (run.error is None or retry)]
    if dask is None:
        for name in {experiment.dataset for _, experiment in left}:
            loaded = datasets.load(name, directory=data)  # so that missing files are reported now, and downloaded once
            for hidden in {experiment.hidden for _, experiment in left if experiment.dataset == name}:
                whole_network(hidden, loaded)
    check_writable(Path(folder, "runs"))
    function = functools.partial(_run_numbered, data=data)
    with closing(run_jobs(function, left, workers=workers, dask=dask)) as finished:
        for (i, experiment), outcome in finished:
            if isinstance(outcome, Exception):
                run = Run(experiment, error="".join(traceback.format_exception_only(outcome)).strip())
            else:
                run = Run(experiment, result=outcome)
            _write(_file(folder, experiment), run)
            found[i] = run
            if progress is not None:
                progress(run)
    return found


def stored_runs(experiments: Sequence[Experiment | Parameters], folder: str | os.PathLike[str]) -> list[Run]:
    """Runs of these experiments as stored in the folder of a sweep, in the order of the experiments.

    Raises
    ------
    ValueError
        If a file there was not written by a sweep.

    Examples
    --------
    >>> stored_runs(grid(["digits"], v_syn=[1.0], seeds=[0], relu=False), "no-such-folder")[0].result is None
    True
    """
    return [_read(_file(folder, one), one) for one in map(Experiment.of, experiments)]


def _run_numbered(job: tuple[int, Experiment], *, data: Any, threads: int) -> dict[str, float]:
    return run_experiment(job[1], data=data, threads=threads)


def _file(folder: str | os.PathLike[str], experiment: Experiment) -> Path:
    return Path(folder, "runs", f"{experiment_key(experiment)}.json")


def _write(file: Path, run: Run) -> None:
    settings = experiment_identity(run.experiment)
    parameters = {name: settings[name] for name in run.parameters if name in settings}
    record = {"parameters": parameters, "settings": settings, "result": run.result, "error": run.error}
    text = json.dumps(plain(record), indent=2)  # nan and inf as Python's JSON reads them
    with atomic_write(file) as temporary:
        temporary.write_text(text + "\n")


def _read(file: Path, experiment: Experiment) -> Run:
    if not file.exists():
        return Run(experiment)
    try:
        record = read_json(file)
        if not (isinstance(record, dict) and _is_result(record.get("result")) and _is_error(record.get("error"))):
            raise ValueError("a value is missing or not a number")
        if canonical(record.get("settings")) != canonical(experiment_identity(experiment)):
            raise ValueError("it has other settings")
    except ValueError as error:
        raise ValueError(f"{file} is not the result of a run: {error}; remove it to run it again") from error
    return Run(experiment, record.get("result"), record.get("error"))


def _is_result(value: Any) -> bool:
    """Whether the value is a result of `run_experiment`, or None."""
    if value is None:
        return True
    if not (isinstance(value, dict) and {"test_accuracy", "seconds"} <= set(value)):
        return False
    if not all(name.isidentifier() for name in value):  # they become columns of a table
        return False
    accuracies = [x for name, x in value.items() if name.endswith("_accuracy")]
    return all(type(x) in (int, float) for x in value.values()) and all(0 <= x <= 1 for x in accuracies)


def _is_error(value: Any) -> bool:
    return value is None or isinstance(value, str)

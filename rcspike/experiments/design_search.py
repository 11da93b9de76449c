"""The search for designs by Optuna, cheap before dear: what is asked, what is told, how it goes on after a crash."""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from rcspike._common.atomic_files import check_writable
from rcspike._common.extras import missing_extra
from rcspike._common.identity import digest
from rcspike._core import build_config
from rcspike.experiments.design_measurement import Effort, Measurement, check_before_training, measure
from rcspike.experiments.design_specification import Choice, Range, Specification
from rcspike.experiments.designed_circuit import Design
from rcspike.experiments.executors import executor
from rcspike.experiments.result_tables import Row

if TYPE_CHECKING:
    import optuna

__all__ = [
    "Trial",
    "full_effort",
    "open_study",
    "parameter_importances",
    "search",
    "short_effort",
    "stored_trials",
    "trial_seconds",
]

JOURNAL = "search.log"

# Assumptions, on which the time of a search depends: a short training has a fifth of the epochs and of the chips, a
# full one leaves no less than half of its errors, and energy and area then change by less than a tenth.
_SHORT, _LEFT, _CHANGE = 0.2, 0.5, 0.1
_CHIPS = 0.2  # of those of a measurement, for a full training in a search
_PATIENCE = (
    3  # s for which a lock of the journal counts; only one process writes to it, so that others are of dead ones
)
_FEWEST = 4  # chips, of which the spread is known to a factor of 2.3 with a confidence of 90 %
_ENOUGH = 4  # trials of a full training for shares of parameters
_LOSSES = 3  # how often the processes of a trial may die


@dataclass(frozen=True)
class Trial:
    """A design that was tried.

    Parameters
    ----------
    number : int
    design : Design
    state : {"complete", "pruned"}
        Of a full training; or left early, because a requirement is out of reach or another design is better.
    measured : Measurement or None
        Of its last training; None if it was left before, or cannot be made.
    shortfalls : dict
        By how much it misses each requirement that is known of it, as `Measurement.shortfalls`.
    note : str
        Why it was left.
    """

    number: int
    design: Design
    state: Literal["complete", "pruned"]
    measured: Measurement | None
    shortfalls: dict[str, float]
    note: str = ""

    @property
    def is_feasible(self) -> bool:
        """Whether it meets every requirement with the confidence that is asked for."""
        return self.state == "complete" and max(self.shortfalls.values()) <= 0


def open_study(spec: Specification, folder: str | os.PathLike[str]) -> optuna.Study:
    """The study of a specification in the journal of a folder, which is made if it is not there.

    Trials that were running as their process died are failed, and enqueued again with the same values.

    Raises
    ------
    ImportError
        If Optuna is missing.
    OSError
        If the folder cannot be written.
    """
    library = _optuna()
    path = str(check_writable(folder) / JOURNAL)
    lock = library.storages.journal.JournalFileOpenLock(path, grace_period=_PATIENCE)
    study: optuna.Study = library.create_study(
        study_name=digest(spec.identity)[:16],
        storage=library.storages.JournalStorage(library.storages.journal.JournalFileBackend(path, lock_obj=lock)),
        directions=["minimize"] * len(spec.minimise),
        load_if_exists=True,
    )
    for trial in study.get_trials(deepcopy=False, states=[library.trial.TrialState.RUNNING]):
        _fail_and_enqueue(study, trial)
    return study


def search(
    spec: Specification,
    study: optuna.Study,
    *,
    minutes: float,
    trials: int | None = None,
    workers: int | None = None,
    dask: str | None = None,
    data: str | os.PathLike[str] | None = None,
    progress: Callable[[Trial], None] | None = None,
) -> None:
    """Try designs until the time or the number of trials is over, those of earlier calls included.

    One process asks, tells and writes the journal; workers train and measure.

    Parameters
    ----------
    study : optuna.Study
        As `open_study` returns it.
    minutes : float
        Time in which new trials begin; those that have begun are finished.
    trials : int, optional
        Largest number of trials.
    workers, dask
        Where to run: see `rcspike.experiments.executor`.
    data : path, optional
        Folder with the data set's files, for every worker.
    progress : callable, optional
        Called with each `Trial` that has ended.

    Raises
    ------
    OSError
        As in `rcspike.experiments.executor`, or if the processes of a trial die again and again.
    """
    spent, began = float(study.user_attrs.get("seconds", 0.0)), time.monotonic()
    ended = len(stored_trials(spec, study))
    n = workers or build_config()["threads"]
    short, full = short_effort(spec), full_effort(spec)
    asked: dict[int, optuna.Trial] = {}

    def may_begin() -> bool:
        is_time = spent + time.monotonic() - began < 60 * minutes
        return is_time and (trials is None or ended + len(asked) < trials)

    def end(trial: optuna.Trial, verdict: _Verdict) -> None:
        nonlocal ended
        _tell(spec, study, trial, verdict)
        del asked[trial.number]
        ended += 1
        study.set_user_attr("seconds", spent + time.monotonic() - began)
        if progress is not None:
            progress(Trial(trial.number, spec.design(trial.params), *verdict))

    while may_begin():
        running: dict[Future[Any], tuple[optuna.Trial, Effort]] = {}
        with executor(n, workers=None if dask else n, dask=dask) as (pool, threads):
            places = n if dask is None else sum(pool._client.nthreads().values())  # type: ignore[attr-defined]
            function: Any = functools.partial(measure, data=data, threads=threads)
            try:
                while asked or may_begin():
                    while len(asked) < places and may_begin():
                        trial = _ask(spec, study)
                        asked[trial.number] = trial
                        if (verdict := _before_training(spec, spec.design(trial.params))) is None:
                            running[pool.submit(function, (spec, spec.design(trial.params), short))] = trial, short
                        else:
                            end(trial, verdict)
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        trial, effort = running[future]
                        verdict = _after_training(spec, study, future, is_short=effort != full)
                        del running[future]
                        if verdict is None:
                            running[pool.submit(function, (spec, spec.design(trial.params), full))] = trial, full
                        else:
                            end(trial, verdict)
            except BrokenProcessPool:  # a worker was killed, and with it ends the work of the others
                for number in [*asked]:
                    _fail_and_enqueue(study, asked.pop(number))


def stored_trials(spec: Specification, study: optuna.Study) -> list[Trial]:
    """All trials of a study that have ended, in the order in which they began."""
    states, found = _optuna().trial.TrialState, []
    for trial in study.get_trials(deepcopy=False, states=[states.COMPLETE, states.PRUNED]):
        attributes = trial.user_attrs
        measured = None if "measured" not in attributes else Measurement.of(attributes["measured"])
        state: Literal["complete", "pruned"] = "complete" if trial.state == states.COMPLETE else "pruned"
        design, short = spec.design(trial.params), dict(trial.constraints)
        found.append(Trial(trial.number, design, state, measured, short, attributes.get("note", "")))
    return found


def short_effort(spec: Specification) -> Effort:
    """What the first measurement of a trial takes."""
    return _effort(spec, _SHORT)


def full_effort(spec: Specification) -> Effort:
    """What the second measurement of a trial takes."""
    return _effort(spec, 1.0)


def _effort(spec: Specification, share: float) -> Effort:
    assert spec.epochs is not None
    chips = max(_FEWEST, round(share * _CHIPS * spec.chips))
    return Effort(epochs=max(1, round(share * spec.epochs)), chips=chips, seed=spec.seed)


def trial_seconds(spec: Specification, *, data: str | os.PathLike[str] | None = None) -> tuple[float, float]:
    """Seconds on one core that the short and the full training of a trial take, with the chips of each.

    From one epoch and two chips of the design with the usual values of the process.
    """
    tried = Effort(epochs=1, chips=2, seed=spec.seed)
    lowest = {
        name: choice[0] if not isinstance(choice, Range) else int(choice.low) if choice.whole else choice.low
        for name, choice in spec.choices.items()
    }
    design = spec.design({**lowest, **_usual(spec)})
    measured, _ = measure((spec, design, tried), data=data, threads=1)
    of_epoch = measured.training_seconds / (tried.epochs + tried.epochs_on_devices)
    of_chip = (measured.seconds - measured.training_seconds) / tried.chips

    def seconds(effort: Effort) -> float:
        return of_epoch * (effort.epochs + effort.epochs_on_devices) + of_chip * effort.chips

    return seconds(short_effort(spec)), seconds(full_effort(spec))


def parameter_importances(spec: Specification, study: optuna.Study) -> list[Row]:
    """How much of the variation of each objective each free parameter explains, by Optuna's default measure.

    A line for each parameter, the fractions of each objective; none if there are too few trials.
    """
    library = _optuna()
    complete = study.get_trials(deepcopy=False, states=[library.trial.TrialState.COMPLETE])
    if len(complete) < _ENOUGH:
        return []
    shares = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that small values are what is looked for, as they are
        for i, objective in enumerate(spec.minimise):
            target = functools.partial(_value, i=i)
            shares[objective] = library.importance.get_param_importances(study, target=target)
    names = dict.fromkeys(name for found in shares.values() for name in found)
    return [{"parameter": name, **{one: found.get(name, 0.0) for one, found in shares.items()}} for name in names]


def _value(trial: optuna.trial.FrozenTrial, i: int) -> float:
    return float(trial.values[i])


class _Verdict(NamedTuple):
    """What a trial is told, as the last fields of a `Trial`."""

    state: Literal["complete", "pruned"]
    measured: Measurement | None
    shortfalls: dict[str, float]
    note: str = ""


def _ask(spec: Specification, study: optuna.Study) -> optuna.Trial:
    """The next trial, with a value of each free parameter: first of all those of the process."""
    library = _optuna()
    before = study.get_trials(deepcopy=False)
    if not before:
        study.enqueue_trial(_usual(spec))
    # A seed for each trial: a sampler that begins anew after a crash does not repeat its first numbers.
    n = sum(trial.state != library.trial.TrialState.FAIL for trial in before)
    waits = any(trial.state == library.trial.TrialState.WAITING for trial in before)
    seed = np.random.SeedSequence([spec.seed, n - waits]).generate_state(1)
    study.sampler = library.samplers.TPESampler(seed=int(seed[0]))
    trial = study.ask()
    for name, choice in spec.choices.items():
        _suggest(trial, name, choice)
    return trial


def _suggest(trial: optuna.Trial, name: str, choice: Choice) -> None:
    if not isinstance(choice, Range):
        if len(choice) > 1:
            trial.suggest_categorical(name, choice)
    elif choice.whole:
        trial.suggest_int(name, int(choice.low), int(choice.high), log=True)
    else:
        trial.suggest_float(name, choice.low, choice.high, log=True)


def _usual(spec: Specification) -> dict[str, Any]:
    """The values of the process, of the free parameters that may have them."""
    p, plain = spec.process, spec.design({})
    constants = {"threshold": p.v_th, "rail": p.v_rail, "capacitance": p.capacitance, "window": p.window}
    constants |= {"min_conductance": p.device_min_conductance, "max_conductance": p.device_max_conductance}
    values = {}
    for name, choice in spec.choices.items():
        value = constants.get(name, getattr(plain, name))
        if isinstance(choice, Range):
            value = float(value) if not isinstance(value, str) or value.isdigit() else -1.0
            if choice.low <= value <= choice.high:
                values[name] = int(value) if choice.whole else value
        elif len(choice) > 1 and value in choice:
            values[name] = value
    return values


def _before_training(spec: Specification, design: Design) -> _Verdict | None:
    """Of a design that is out of the question whatever it learns."""
    try:
        short = check_before_training(spec, design)
    except ValueError as error:
        return _impossible(spec, error)
    if late := [name for name, x in short.items() if x > 0]:
        return _Verdict("pruned", None, short, f"{' and '.join(late)} out of reach whatever it learns")
    return None


def _after_training(
    spec: Specification, study: optuna.Study, future: Future[Any], *, is_short: bool
) -> _Verdict | None:
    """None if the design is worth a full training."""
    try:
        measured: Measurement = future.result()[0]
    except (ValueError, FloatingPointError) as error:
        return _impossible(spec, error)
    short = measured.shortfalls(spec)
    if not is_short:
        return _Verdict("complete", measured, short)
    note = _out_of_reach(spec, measured, short) or _beaten(spec, study, measured)
    return _Verdict("pruned", measured, short, note) if note else None


def _out_of_reach(spec: Specification, measured: Measurement, short: Mapping[str, float]) -> str:
    """Which requirements a full training will miss, even if it does as well as it may; empty if none."""
    _, high = measured.accuracy_limits(spec)
    missed = [name for name, x in short.items() if name != "accuracy" and x > _CHANGE]
    missed += ["accuracy"] if _LEFT * (1 - high) > 1 - spec.accuracy else []
    return f"{' and '.join(missed)} out of reach after a short training" if missed else ""


def _beaten(spec: Specification, study: optuna.Study, measured: Measurement) -> str:
    """Which design meets all requirements and is clearly better in all that is minimised; empty if none."""
    _, high = measured.accuracy_limits(spec)
    found = zip(spec.minimise, measured.objectives(spec), strict=True)
    bounds = [_LEFT * (1 - high) if name == "errors" else (1 - _CHANGE) * x for name, x in found]
    for one in stored_trials(spec, study):
        if one.is_feasible and one.measured is not None:
            values = one.measured.objectives(spec)
            if all(value <= bound for value, bound in zip(values, bounds, strict=True)):
                return f"design {one.number} is better"
    return ""


def _impossible(spec: Specification, error: Exception) -> _Verdict:
    """Of a design that cannot be made, which for the sampler is one that classifies nothing."""
    return _Verdict("pruned", None, {"accuracy": spec.accuracy / (1 - spec.accuracy)}, f"cannot be made: {error}")


def _tell(spec: Specification, study: optuna.Study, trial: optuna.Trial, verdict: _Verdict) -> None:
    """Pruning as Optuna offers it is for one objective: here the rule is our own, and only its verdict is told."""
    for name, x in verdict.shortfalls.items():
        trial.set_constraint(name, x)
    if verdict.measured is not None:
        trial.set_user_attr("measured", verdict.measured.record)
    if verdict.note:
        trial.set_user_attr("note", verdict.note)
    if verdict.state == "complete":
        assert verdict.measured is not None
        study.tell(trial, verdict.measured.objectives(spec))
    else:
        study.tell(trial, state=_optuna().trial.TrialState.PRUNED)


def _fail_and_enqueue(study: optuna.Study, trial: optuna.Trial | optuna.trial.FrozenTrial) -> None:
    """Fail a trial whose process died, and try its values again, each time once and three times at most.

    It is enqueued first: should this process die in between, the trial is found running, with its successor.
    """
    losses = trial.user_attrs.get("losses", 0) + 1
    successors = {one.user_attrs.get("again") for one in study.get_trials(deepcopy=False)}
    if losses < _LOSSES and trial.number not in successors:
        study.enqueue_trial(trial.params, user_attrs={"again": trial.number, "losses": losses})
    study.tell(trial.number, state=_optuna().trial.TrialState.FAIL)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise missing_extra("a search for designs needs Optuna", "design") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna

"""The samples that a command tests a model on, and which of them the model was trained on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from rcspike import datasets
from rcspike._common.readers import read_json
from rcspike.cli.result_record import INPUTS, MODEL, RUN, TRAINED, file_digest, model_file
from rcspike.datasets import Dataset, Inputs, TrainedSamples, data_digests, typed_options
from rcspike.datasets.path_options import OF_TRAINING

__all__ = ["Run", "Samples", "inputs_of", "load_new", "load_samples", "run_of"]

_MAX_NAMED = 10  # samples in an error
_FACTS = ("dataset", "data_sha256", "reading")


@dataclass(frozen=True)
class Run:
    """What is known of the training of a model."""

    facts: Mapping[str, Any]  # of its record: the data set, the digest of a user's files, and how they were read
    reading: Mapping[str, Any]  # how they were read; empty for a data set that is known by name
    inputs: Inputs
    trained: TrainedSamples

    def save_for(self, model: Path) -> list[Path]:
        """Write inputs and trained samples for a model that was made from that of the run; returns the files."""
        _, inputs, trained = _named_after(model)
        self.inputs.save(inputs)
        self.trained.save(trained)
        return [inputs, trained]


@dataclass(frozen=True)
class Samples:
    """A data set for a model."""

    text: str  # the data set, with the options in force where none was typed
    data: Dataset
    source: dict[str, Any]  # for the record: the data set as typed, the digest of its files and how they were read
    run: Run | None = None  # that trained the model, if it is known
    seen: tuple[int, ...] = ()  # positions of the test samples that the model was trained on, as far as this is known

    @property
    def counted(self) -> dict[str, int]:
        """The number of test samples that the model was trained on, for a record; empty if there are none."""
        return {"test_samples_trained_on": len(self.seen)} if self.seen else {}

    @property
    def settings(self) -> dict[str, Any]:
        """The data set and its test samples in a record."""
        return {**self.source, **self.counted}

    @property
    def mark(self) -> str:
        """To be added to a result: how many test samples the model was trained on, if there are any."""
        test = self.data.test
        kind = "rows" if test.is_table else "images"
        n, n_seen = len(test.labels), len(self.seen)
        return f", {n_seen:,} of {n:,} test {kind} were trained on" if n_seen else ""


def load_new(dataset: str, data: Path | None) -> Samples:
    """The data set of a network that was not trained on anything before, as far as this is known."""
    loaded = _load(dataset, directory=data)
    source = {"dataset": dataset, **data_digests(dataset), **_reading(loaded.reading)}
    return Samples(_completed(dataset, loaded.reading), loaded, source)


def load_samples(model: Path, dataset: str, *, data: Path | None, allow_seen: bool) -> Samples:
    """The data set to test a model on, or to train it further on.

    If its files are those of the model's run, options that were not typed are those of the run. Features are always
    scaled, and classes numbered, as for the run.

    With `allow_seen`, another split than the run's, and test samples that were trained on, are a note and not an error.
    """
    run, digests = run_of(model), data_digests(dataset)
    source: dict[str, Any] = {"dataset": dataset, **digests}
    if run is None:
        _note(f"it is unknown which samples {model} was trained on: the {RUN} and {TRAINED} of its run are not with it")
        return load_new(dataset, data)
    if run.trained.earlier is None:
        _note(f"it is unknown which samples the model from which {model} started was trained on")
    before = run.reading
    is_same = all(source.get(name) == run.facts.get(name) for name in (digests or ("dataset",)))
    loaded = _load(_completed(dataset, before) if is_same else dataset, directory=data, inputs=run.inputs)
    reading = {**before, **loaded.reading} if digests else {}
    differences = _differences(typed_options(dataset), reading, before, is_same=is_same)
    fixed = [name for name in differences if name not in ("test", "seed")]
    seen = run.trained.among(loaded.test.times).tolist()
    if seen and is_same and not differences:  # duplicates within the data of the run are allowed
        seen = sorted({*seen} - {*TrainedSamples.of(loaded.train.times).among(loaded.test.times).tolist()})
    text = _completed(dataset, loaded.reading)
    samples = Samples(text, loaded, {**source, **_reading(reading)}, run, tuple(seen))
    found = [f"{name} is {new}, but {model} was trained with {old}" for name, (new, old) in differences.items()]
    if seen:
        positions = ", ".join(map(str, seen[:_MAX_NAMED])) + (", ..." if len(seen) > _MAX_NAMED else "")
        found.append(f"{samples.mark[2:]}: positions {positions} of the test split")
    if fixed or (found and not allow_seen):
        way = f"leave out {' and '.join(fixed or differences)}" if differences else "test on samples that are new"
        raise ValueError(f"{dataset}: {'; '.join(found)}; {way}{'' if fixed else ', or add --allow-seen to continue'}")
    if found:
        _note(f"{dataset}: {'; '.join(found)}")
    return samples


def run_of(model: Path) -> Run | None:
    """What the files next to a model say about its training; None if they are missing or of another model."""
    record, inputs, trained = _files_of(model)
    if not all(file.exists() for file in (record, inputs, trained)):
        return None
    content, file = read_json(record), model_file(model)
    digests = content.get("files_sha256") if isinstance(content, dict) else None
    if not isinstance(digests, dict) or digests.get(file.name) != file_digest(file):
        return None
    for beside in (inputs, trained):
        if digests.get(beside.name) != file_digest(beside):
            raise ValueError(f"{beside} is not the file that {record} describes: restore it, or train again")
    reading = content.get("reading", {})  # none for a data set that is known by name
    kinds = {"label": str, "test": float, "seed": int}
    if not isinstance(reading, dict) or any(type(reading.get(name)) not in (kinds[name], type(None)) for name in kinds):
        raise ValueError(f"{record} does not say how the data of the run were read: reading is {reading!r}"[:500])
    facts = {name: content[name] for name in _FACTS if name in content}
    return Run(facts, reading, Inputs.load(inputs), TrainedSamples.load(trained))


def inputs_of(model: Path) -> Path:
    """Path of the description of a model's inputs, which also a copy of the model in the folder of a run has."""
    file = model_file(model)
    own = _named_after(file)[1]
    return own if own.is_file() else file.with_name(INPUTS)


def _files_of(model: Path) -> tuple[Path, Path, Path]:
    """Record, inputs and trained samples of a model."""
    file = model_file(model)
    own = _named_after(file)
    if file.name != MODEL or own[0].is_file():
        return own
    return file.with_name(RUN), file.with_name(INPUTS), file.with_name(TRAINED)


def _named_after(file: Path) -> tuple[Path, Path, Path]:
    """The same of a model that is not in the folder of a run."""
    inputs, trained = (file.with_name(f"{file.stem}-{name}") for name in (INPUTS, TRAINED))
    return file.with_suffix(".json"), inputs, trained


def _load(dataset: str, **options: Any) -> Dataset:
    """The data set; what it warns of is printed in the manner of errors."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            return datasets.load(dataset, **options)
        finally:
            for warning in found:
                typer.echo(f"warning: {warning.message}", err=True)


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)


def _reading(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {"reading": dict(reading)} if reading else {}


def _completed(text: str, reading: Mapping[str, Any]) -> str:
    """A path with the options with which a run read it, if they were not typed and can be."""
    typed = typed_options(text)
    more = {name: reading.get(name) for name in ("label", "test", "seed") if name not in typed}
    words = [f"{name}={value}" for name, value in more.items() if value not in (None, "") and "," not in str(value)]
    return ",".join([text, *words])


def _differences(
    typed: Mapping[str, Any], reading: Mapping[str, Any], before: Mapping[str, Any], *, is_same: bool
) -> dict[str, tuple[Any, Any]]:
    """Options of a path that are not those of a run, with both values.

    Of the same files these are all; of others those that a network is trained with, such as the scaling.
    """
    scaled = {name: typed[name] for name in OF_TRAINING if name in typed}
    now = {**(reading if is_same else {}), **scaled}
    return {name: (value, before.get(name)) for name, value in now.items() if value != before.get(name)}

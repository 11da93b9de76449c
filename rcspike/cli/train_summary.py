"""What a training has learned: the lines with which it ends, and warnings with what to type."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array
from rcspike.cli.class_results import class_facts, class_summary, output_names
from rcspike.cli.console import percent
from rcspike.datasets import Dataset
from rcspike.network import Network
from rcspike.training import ClassAccuracy, History, Settings, evaluate

__all__ = ["JITTER", "Learned", "learned", "summary", "warnings"]

JITTER = 0.01  # of spikes in T: what circuits have (docs/energy.md), and what the papers train with
_DRAWS = 5  # of the jitter

# Above or below these a training is said to be bad. Chosen on other data than those of docs/results/untuned.md.
_MAX_LOSS = 0.65  # of a network that knows only how frequent the classes are
_MIN_MARGIN = 0.03  # in T
_MAX_LOST = 0.03  # accuracy, by jitter
_MAX_GAP = 0.25  # accuracy, from the training samples to the test samples
_MIN_CLASS = 0.6  # accuracy of a class, in that of all samples


@dataclass(frozen=True)
class Learned:
    """How far a training has come. Accuracies are those of the test samples, in [0, 1].

    Parameters
    ----------
    steps : int
        Of the optimiser.
    loss : float
        Of the training samples in the epoch that is kept, in that of a network that knows only how frequent the classes
        are.
    train_accuracy : float
        Of the training samples in the epoch that is kept.
    margins : (n,)
        Gap in T between the two earliest outputs of each test sample.
    correct : (n,) bool
        Whether its class was read.
    jittered : float
        Accuracy with a jitter of `JITTER` on every spike.
    classes : ClassAccuracy
        Of the test samples.
    names : tuple of str
        Of the classes.
    """

    steps: int
    loss: float
    train_accuracy: float
    margins: Float64Array
    correct: npt.NDArray[np.bool_]
    jittered: float
    classes: ClassAccuracy
    names: tuple[str, ...]

    @property
    def margin(self) -> float:
        """Median of the margins, in T."""
        return float(np.median(self.margins))

    @property
    def accuracy(self) -> float:
        """Of all test samples."""
        return float(np.mean(self.correct))

    @property
    def record(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "steps": self.steps,
            "loss_of_chance": self.loss,
            "median_margin": self.margin,
            "accuracy_with_jitter": self.jittered,
            **class_facts(self.classes, self.names),
        }


def learned(
    network: Network, history: History, dataset: Dataset, *, settings: Settings, threads: int | None = None
) -> Learned:
    """How far the training of a network has come; samples are evaluated with the noise of the settings."""
    test, labels = dataset.test, dataset.test.labels
    outputs = network.forward(test.times, noise=settings.noise, seed=0, threads=threads)
    correct = outputs.answers == labels
    noise = math.hypot(settings.noise, JITTER)
    jittered = [evaluate(network, test, noise=noise, seed=seed, threads=threads) for seed in range(_DRAWS)]
    return Learned(
        steps=len(history) * settings.n_batches(len(dataset.train.labels)),
        loss=history.kept.loss / _chance(dataset.train.labels, settings),
        train_accuracy=history.kept.train_accuracy,
        margins=outputs.margins,
        correct=correct,
        jittered=float(np.mean(jittered)),
        classes=ClassAccuracy.of(outputs.answers, labels, network.sizes[-1]),
        names=tuple(output_names(dataset.class_names, network)),
    )


def _chance(labels: npt.NDArray[np.int64], settings: Settings) -> float:
    """Cross-entropy of the frequencies of the classes: log(n_classes) of equal ones, and of those weighed to be."""
    shares = np.bincount(labels)[np.unique(labels)] / len(labels)
    if settings.class_weight == "balanced":
        shares = np.full(len(shares), 1 / len(shares))
    return float(-np.sum(shares * np.log(shares))) or 1.0  # of a single class


def warnings(found: Learned, settings: Settings, v_syn: float) -> list[str]:
    """What is bad about a training, each with the option to try; empty if nothing is."""
    # A strongly coupled circuit is the harder one to train, and has the smaller voltages.
    cure = "--v-syn 4" if v_syn < 4 else f"--epochs {3 * settings.epochs}"
    lines = []
    if found.loss > _MAX_LOSS:
        lines.append(f"hardly learned: the loss is still {percent(found.loss)} of chance; try {cure}")
    elif found.margin < _MIN_MARGIN:
        lines.append(
            f"hardly told apart: in half of the samples the two earliest outputs are within {found.margin:.3f} T; "
            f"try {cure}"
        )
    elif found.train_accuracy - found.accuracy > _MAX_GAP:
        lines.append(
            f"learned by heart: {percent(found.train_accuracy)} of the training samples are read correctly; try "
            f"{'--v-syn 4' if v_syn < 4 else '--weight-decay 0.2'}, or more samples"
        )
    if found.accuracy - found.jittered > _MAX_LOST:
        lines.append(
            f"a jitter of {JITTER:g} T costs {percent(found.accuracy - found.jittered)}; try --noise {JITTER:g}"
        )
    worst = found.classes.worst
    if found.classes.by_class[worst] < _MIN_CLASS * found.accuracy:
        more = "more samples of it" if settings.class_weight == "balanced" else "--class-weight balanced"
        lines.append(
            f"class {found.names[worst]}: only {percent(found.classes.by_class[worst])} of its samples are read "
            f"correctly; try {more}"
        )
    return lines


def summary(
    history: History, dataset: Dataset, found: Learned, *, conditions: str, n_duplicates: int, speed: float
) -> Iterator[str]:
    """Lines on a run that has ended.

    Parameters
    ----------
    history : History
    dataset : Dataset
    found : Learned
    conditions : str
        How its accuracies were measured, such as "without noise".
    n_duplicates : int
        Number of test samples that equal a training sample.
    speed : float
        In samples/s.
    """
    last = history.kept
    chosen = f", the highest validation accuracy ({percent(last.validation_accuracy)})" if history.patience else ""
    yield f"test accuracy  {percent(last.test_accuracy)} after epoch {last.epoch}{chosen}, {conditions}"
    if history.stopped:
        yield f"stopped        after epoch {len(history)}: no higher validation accuracy for {history.patience} epochs"
    if n_duplicates:
        n, kind = len(dataset.test.labels), "rows" if dataset.test.is_table else "images"
        yield f"duplicates     {n_duplicates:,} of {n:,} test {kind} equal a training sample"
    yield f"classes        {class_summary(found.classes, found.names)}"
    yield f"learned        {found.steps:,} steps, to a loss of {percent(found.loss)} of chance"
    yield (
        f"margin         {found.margin:.3f} T between the two earliest outputs (median); with a jitter of {JITTER:g} T "
        f"{percent(found.jittered)}"
    )
    if last.silent:
        yield f"silent         {', '.join(map(percent, last.silent))} of the hidden neurons, layer by layer"
        if not last.steep:
            yield f"saturated      {', '.join(map(percent, last.saturated))}"
    if last.steep:
        yield f"at max_slope   {', '.join(map(percent, last.steep))} of the neurons, layer by layer"
    yield f"speed          {speed:,.0f} samples/s, evaluation included"

"""Results of a training run, epoch by epoch."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rcspike._common.atomic import atomic_write

__all__ = ["Epoch", "History", "Interrupted"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training samples.

    Accuracies are fractions in [0, 1]; `train_accuracy` is that of the samples as they were trained on,
    `validation_accuracy` is nan without a validation split. `silent` and `saturated` are the fractions of the
    (sample, neuron) pairs of each hidden layer with v <= 0 and v >= 1, where a spike time has no gradient. In a single
    phase, `silent` are those without a spike, and `steep` the fractions of the pairs of each layer, also the last one,
    whose gradient was bounded by max_slope.

    Examples
    --------
    >>> Epoch(1, 1e-3, 0.5, 0.8, 0.7, 0.75, silent=(0.4, 0.3), saturated=(0.0, 0.0), seconds=1.5).row()["silent_2"]
    0.3
    """

    epoch: int
    learning_rate: float
    loss: float
    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    silent: tuple[float, ...]
    saturated: tuple[float, ...]
    seconds: float
    steep: tuple[float, ...] = ()

    def row(self) -> dict[str, Any]:
        """Flat, as a line of a table: one column for each layer's fraction."""
        row = asdict(self)
        for name in ("silent", "saturated", "steep"):
            row |= {f"{name}_{layer}": share for layer, share in enumerate(row.pop(name), start=1)}
        return row


@dataclass(frozen=True)
class History:
    """The epochs of a run, in order.

    Examples
    --------
    >>> import math
    >>> epoch = Epoch(1, 1e-3, 0.5, 0.8, math.nan, 0.75, (0.4,), (0.0,), 1.5)
    >>> History([epoch]).test_accuracy
    0.75
    """

    epochs: list[Epoch] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    @property
    def test_accuracy(self) -> float:
        """Test accuracy of the last epoch; never the best one, which would be chosen on the test set."""
        return self.epochs[-1].test_accuracy

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file with one line per epoch, atomically. Raises ValueError if there is no epoch."""
        if not self.epochs:
            raise ValueError("there is no epoch to write")
        with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.epochs[0].row()))
            writer.writeheader()
            writer.writerows(epoch.row() for epoch in self.epochs)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `rcspike.train`, with the history of the finished epochs.

    Examples
    --------
    >>> try:
    ...     raise Interrupted(History())
    ... except KeyboardInterrupt as error:
    ...     len(error.history)
    0
    """

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history

    def __reduce__(self) -> tuple[object, ...]:
        return Interrupted, (self.history,)

"""Results of a training run, epoch by epoch."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.atomic_files import atomic_write
from rcspike._common.html_tables import html_table

_SHOWN = 12  # rows of a history in a notebook; of a longer one the first and the last


@dataclass(frozen=True)
class Epoch:
    """One pass over the training samples.

    `learning_rate` is that of the first step. Accuracies are fractions in [0, 1]; `train_accuracy` is that of the
    samples as they were trained on, `validation_accuracy` is nan without a validation split. `silent` and `saturated`
    are the fractions of the (sample, neuron) pairs of each hidden layer with v <= 0 and v >= 1, where a spike time has
    no gradient. In a single phase, `silent` are those without a spike, and `steep` the fractions of the pairs of each
    layer, also the last one, whose gradient was bounded by max_slope.

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


@dataclass(frozen=True, repr=False)
class History:
    """The epochs of a run, in order.

    Parameters
    ----------
    epochs : list of Epoch
    patience : int
        That of the run: 0, or the number of epochs without a higher validation accuracy after which it stops.

    Examples
    --------
    >>> import math
    >>> epoch = Epoch(1, 1e-3, 0.5, 0.8, math.nan, 0.75, (0.4,), (0.0,), 1.5)
    >>> History([epoch]).test_accuracy
    0.75
    >>> History([epoch])
    History(1 epoch, test accuracy 75.00 %)
    """

    epochs: list[Epoch] = field(default_factory=list)
    patience: int = 0

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    @property
    def test_accuracy(self) -> float:
        """Test accuracy of the epoch `kept`; never the best one, which would be chosen on the test set."""
        return self.kept.test_accuracy

    @property
    def kept(self) -> Epoch:
        """The epoch with whose weights the run ends, which is the last one.

        With `patience`, it is the one of the highest validation accuracy, of equal ones the last, which has learned
        for longest.

        Examples
        --------
        >>> accuracies = [0.7, 0.9, 0.9, 0.8]
        >>> epochs = [Epoch(k, 1e-3, 0.5, 0.8, a, 0.75, (), (), 1.5) for k, a in enumerate(accuracies, start=1)]
        >>> History(epochs).kept.epoch, History(epochs, patience=2).kept.epoch
        (4, 3)
        """
        if not self.patience:
            return self.epochs[-1]
        return max(self.epochs, key=lambda epoch: (epoch.validation_accuracy, epoch.epoch))

    @property
    def stopped(self) -> bool:
        """Whether the validation accuracy has not risen for as many epochs as `patience` says."""
        if not self.patience or not self.epochs:
            return False
        accuracies = [epoch.validation_accuracy for epoch in self.epochs]
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self.patience

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """One array for each column of `write_csv`, by its name: ``pandas.DataFrame(history.columns)`` is the table.

        Examples
        --------
        >>> epoch = Epoch(1, 1e-3, 0.5, 0.8, 0.7, 0.75, (0.4,), (0.0,), 1.5)
        >>> History([epoch]).columns["test_accuracy"]
        array([0.75])
        """
        rows = [epoch.row() for epoch in self.epochs]
        return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}

    def __repr__(self) -> str:
        n = len(self.epochs)
        last = f", test accuracy {_percent(self.test_accuracy)}" if n else ""
        return f"History({n} epoch{'s' if n != 1 else ''}{last})"

    def _repr_html_(self) -> str:
        has_validation = not all(math.isnan(e.validation_accuracy) for e in self.epochs)
        validation = ["validation"] if has_validation else []
        head = ["epoch", "loss", "training", *validation, "test", "silent", "saturated", "seconds"]
        rows: list[list[object]] = []
        for e in self.epochs:
            accuracies = [e.train_accuracy, *([e.validation_accuracy] if has_validation else []), e.test_accuracy]
            fractions = [", ".join(map(_percent, layers)) for layers in (e.silent, e.saturated)]
            rows.append([e.epoch, f"{e.loss:.4f}", *map(_percent, accuracies), *fractions, f"{e.seconds:.2f}"])
        if len(rows) > _SHOWN:
            rows[_SHOWN // 2 : -_SHOWN // 2] = [["…"] * len(head)]
        note = "Accuracies; fractions of silent and saturated neurons of each hidden layer." if rows else ""
        return html_table(repr(self), head, rows, note)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file with one line per epoch, atomically. Raises ValueError if there is no epoch."""
        if not self.epochs:
            raise ValueError("there is no epoch to write")
        with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.epochs[0].row()))
            writer.writeheader()
            writer.writerows(epoch.row() for epoch in self.epochs)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


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

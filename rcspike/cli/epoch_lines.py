"""The progress of a training: a bar, and a line for each epoch."""

from __future__ import annotations

import math
from types import TracebackType

from rich.console import Console
from rich.progress import TextColumn

from rcspike.cli.console import bars, percent
from rcspike.training import Epoch, History, Progress

__all__ = ["Reporter", "epoch_line"]

_FIRST, _LATER = 10, 100  # lines of a run of many short epochs: of its first ones, and spread over all


class Reporter:
    """Shows the progress of a run: a line per epoch, of many only some, and on a terminal a bar below them.

    Use it as a context manager, and as `train`'s `progress`.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._n_shown: int | None = None
        self._bars = bars(console, TextColumn("batches  {task.fields[last]}"))

    def __enter__(self) -> Reporter:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def started(self) -> bool:
        """Whether a batch has been trained on."""
        return self._n_shown is not None

    def __call__(self, progress: Progress) -> None:
        done = (progress.epoch - 1) * progress.n_batches + progress.batch
        if self._n_shown is None:
            self._n_shown = len(progress.history)
            self._bars.add_task("", total=progress.epochs * progress.n_batches, completed=done - 1, last="")
        self.show(progress.history, progress.epochs)
        last = progress.history.epochs[-1:]
        self._bars.update(
            self._bars.task_ids[0],
            completed=done,
            description=f"epoch {progress.epoch}/{progress.epochs}",
            last="".join(f"loss {e.loss:.4f}  test {percent(e.test_accuracy)}" for e in last),
        )

    def show(self, history: History, epochs: int) -> None:
        """Print the lines of the epochs that have finished since the last call."""
        if self._n_shown is not None:
            every = math.ceil(epochs / _LATER)
            for epoch in history.epochs[self._n_shown :]:
                if epoch.epoch <= _FIRST or epoch.epoch % every == 0 or epoch.epoch == epochs:
                    self._console.print(epoch_line(epoch, epochs))
            self._n_shown = len(history)


def epoch_line(epoch: Epoch, epochs: int) -> str:
    """One line with the results of an epoch."""
    parts = [
        f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}",
        f"loss {epoch.loss:.4f}",
        f"train {percent(epoch.train_accuracy)}",
        *([] if math.isnan(epoch.validation_accuracy) else [f"validation {percent(epoch.validation_accuracy)}"]),
        f"test {percent(epoch.test_accuracy)}",
        f"{epoch.seconds:.1f} s",
    ]
    return "  ".join(parts)

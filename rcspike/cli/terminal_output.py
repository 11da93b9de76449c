"""The output of commands: progress, summaries and errors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from rcspike._common.extras import is_missing_extra
from rcspike.training import Epoch, History, Progress

__all__ = ["Reporter", "bars", "console", "epoch_line", "fail", "percent", "user_errors"]


@contextmanager
def user_errors() -> Iterator[None]:
    """Report errors that a user can fix, with exit code 2; other errors keep their traceback."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads the output any more; typer exits silently
    except (ValueError, OSError, MemoryError) as error:
        fail(error)
    except ImportError as error:
        if not is_missing_extra(error):
            raise
        fail(error)


def fail(error: Exception) -> NoReturn:
    """Print the error and exit with code 2: in one line, or in several if the message has indented lines."""
    text = f"not enough memory: {error}" if isinstance(error, MemoryError) else str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    lines = [" ".join(line.split()) for line in re.split(r"\n(?=  )", text)]
    typer.echo(f"error: {chr(10).join(lines[:1] + ['  ' + line for line in lines[1:]])}", err=True)
    raise typer.Exit(2) from error


def console() -> Console:
    """Standard output that prints text unchanged: no markup, emoji codes, coloured numbers or added line breaks."""
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def bars(console: Console, *more: ProgressColumn) -> Bars:
    """Progress bars with a count, below the printed lines; shown only on a terminal."""
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        *more,
        TimeRemainingColumn(),
        console=console,
        expand=True,
        transient=True,
        disable=not console.file.isatty() or console.is_dumb_terminal,
    )


class Reporter:
    """Shows the progress of a run: one line per epoch, and on a terminal a bar below them.

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
            for epoch in history.epochs[self._n_shown :]:
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


def percent(share: float) -> str:
    """A share in per cent, to two digits."""
    return f"{100 * share:.2f} %"

"""What follows a run while it trains: a progress bar, and TensorBoard."""

from __future__ import annotations

import math
import os
import warnings
from types import TracebackType
from typing import Any

from rcspike._common.extras import missing_extra
from rcspike.training.history import Epoch


class ProgressBar:
    """A bar of tqdm over the batches of a run, in a notebook or on a terminal, with the results of the last epoch.

    An ImportError if tqdm is missing.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # without ipywidgets, tqdm warns, and draws the bar as text instead
                from tqdm.auto import tqdm
        except ImportError as error:
            raise missing_extra("the progress bar needs tqdm", "notebook") from error
        self._tqdm = tqdm
        self._bar: Any = None

    def after_batch(self, epoch: int, epochs: int, batch: int, n_batches: int) -> None:
        """Move the bar; epoch and batch are counted from 1. The first call draws it."""
        done = (epoch - 1) * n_batches + batch
        if self._bar is None:
            self._bar = self._tqdm(total=epochs * n_batches, initial=done - 1, unit="batch")
        if batch == 1:
            self._bar.set_description(f"epoch {epoch}/{epochs}", refresh=False)
        self._bar.update(done - self._bar.n)

    def after_epoch(self, epoch: Epoch) -> None:
        """Show the results of an epoch next to the bar."""
        self._bar.set_postfix_str(f"loss {epoch.loss:.4f}, test accuracy {100 * epoch.test_accuracy:.2f} %")

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class TensorBoard:
    """Writes each epoch of a run for TensorBoard: pass it to `rcspike.train` as `after_epoch`.

    The scalars have the names of the columns of a history, and the number of the epoch as their step. Each epoch is on
    the disk when training continues. A resumed run may use the same folder.

    Parameters
    ----------
    folder : path
        Gets a new file of events. ``tensorboard --logdir`` with this folder, or one above it, shows the curves.

    Raises
    ------
    ImportError
        If tensorboard is missing.
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from rcspike import Circuit, Network, datasets, train
    >>> digits = datasets.load("digits")
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> with tempfile.TemporaryDirectory() as folder, TensorBoard(folder) as board:
    ...     history = train(network, digits, epochs=2, seed=0, after_epoch=board)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise missing_extra("TensorBoard needs its own library", "tensorboard") from error
        os.makedirs(folder, exist_ok=True)
        self._writer = Writer(os.fspath(folder))

    def __call__(self, epoch: Epoch) -> None:
        """Write one epoch; a value that is not a number, such as the accuracy of no samples, is left out."""
        for name, value in epoch.row().items():
            if name != "epoch" and math.isfinite(value):
                self._writer.add_scalar(name, value, epoch.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

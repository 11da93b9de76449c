"""How long, and at which rate, to train on data for which nobody has chosen it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rcspike._common.arrays import FloatArray

__all__ = ["MAX_STEPS", "MIN_STEPS", "TABLES", "default_batch", "default_epochs", "default_rate"]

# For tables, chosen on validation splits: docs/tabular-data.md.
TABLES: dict[str, Any] = {"epochs": 300, "learning_rate": 3e-3}

# Chosen on other data than those of docs/results/untuned.md, which has the comparison. The most is what 300 epochs of
# 8,000 rows, or 40 of 60,000 images, take.
MIN_STEPS, MAX_STEPS = 4000, 75_000
_BATCH, _MIN_BATCHES = 32, 4  # samples in a step, and steps in an epoch, so that few samples need at most 1,000 epochs

# Adam moves each weight by up to the learning rate: if all move alike, the voltages of the first layer move by the rate
# times the sum of 1 - t over the inputs. This is most of what a step should move them, in V_th, down to a rate at which
# images of hundreds of inputs are trained.
_MOVE, _LEAST = 0.05, 8e-4


def default_batch(n_samples: int) -> int:
    """Samples in a step: 32, or a quarter of fewer than 128.

    Examples
    --------
    >>> default_batch(20), default_batch(1000)
    (5, 32)
    """
    return max(1, min(_BATCH, n_samples // _MIN_BATCHES))


def default_epochs(usual: int, n_samples: int, batch_size: int) -> int:
    """Number of epochs: the usual one, or as many as make 4,000 steps of few samples and 75,000 of many.

    There are at most 1,000 epochs, unless the usual number is higher.

    Parameters
    ----------
    usual : int
    n_samples : int
        Training samples.
    batch_size : int
        Of the run.

    Examples
    --------
    >>> [default_epochs(40, n, 32) for n in (640, 10_000, 600_000)]
    [200, 40, 4]
    """
    steps = math.ceil(n_samples / batch_size)
    least = min(math.ceil(MIN_STEPS / steps), MIN_STEPS // _MIN_BATCHES)
    return max(1, min(max(usual, least), MAX_STEPS // steps))


def default_rate(usual: float, times: FloatArray) -> float:
    """Learning rate: the usual one, or the highest at which a step moves no membrane by more than 0.05 V_th.

    It is rounded down to two digits, and at least 0.0008 unless the usual one is lower. With higher ones, many inputs
    drive the neurons of a strongly coupled circuit below rest, where they do not learn.

    Parameters
    ----------
    usual : float
    times : (n, n_in)
        Spike times of the training samples in T.

    Examples
    --------
    >>> [default_rate(3e-3, np.zeros((1, n_in))) for n_in in (10, 30, 784)]
    [0.003, 0.0016, 0.0008]
    """
    charge = float(np.clip(1 - times, 0, 1).sum(axis=1).mean(dtype=np.float64))
    if usual * charge <= _MOVE:
        return usual
    rate = _MOVE / charge
    digit = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return min(usual, max(_LEAST, float(f"{math.floor(rate / digit) * digit:.2g}")))

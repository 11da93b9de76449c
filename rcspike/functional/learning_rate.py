"""The schedule of the learning rate."""

from __future__ import annotations

import math
from typing import Literal

Decay = Literal["cosine", "linear", "constant"]


def decayed_rate(initial: float, step: int, n_steps: int, decay: Decay = "cosine", *, warm_up: float = 0.0) -> float:
    """Learning rate of one of `n_steps` steps, counted from 0.

    A ValueError if there is no such step or decay, or the rate or the warm-up is negative or not finite.

    Parameters
    ----------
    initial : float
        Learning rate of the first step, unless it warms up.
    decay : {"cosine", "linear", "constant"}
        "cosine" and "linear" reach zero after the last step.
    warm_up : float
        Number of steps in which the rate rises: step k has the part (k + 1) / warm_up of the rate it would have
        otherwise (Goyal et al. 2017, arXiv 1706.02677).

    Examples
    --------
    >>> [decayed_rate(0.1, step, 4, "linear") for step in range(4)]
    [0.1, 0.07500000000000001, 0.05, 0.025]
    >>> [decayed_rate(0.5, step, 4, "constant", warm_up=2) for step in range(4)]
    [0.25, 0.5, 0.5, 0.5]
    """
    if not 0 <= step < n_steps:
        raise ValueError(f"step must be from 0 to n_steps - 1 = {n_steps - 1}, got {step}")
    if not 0 <= initial < math.inf:
        raise ValueError(f"initial must be finite and not negative, got {initial}")
    if not 0 <= warm_up < math.inf:
        raise ValueError(f"warm_up must be finite and not negative, got {warm_up}")
    if step + 1 < warm_up:
        initial *= (step + 1) / warm_up
    if decay == "cosine":
        return initial * 0.5 * (1 + math.cos(math.pi * step / n_steps))
    if decay == "linear":
        return initial * (1 - step / n_steps)
    if decay == "constant":
        return initial
    raise ValueError(f"decay must be 'cosine', 'linear' or 'constant', got {decay!r}")

"""One step of the optimiser of training, Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray, check_array


def adam_step(
    values: FloatArray,
    gradient: FloatArray,
    first_moments: FloatArray,
    second_moments: FloatArray,
    *,
    step: int,
    learning_rate: float,
) -> None:
    """One step of Adam (Kingma and Ba 2015), as training makes it; changes the values and the moments in place.

    The constants are beta1 = 0.9, beta2 = 0.999 and epsilon = 1e-8.

    Parameters
    ----------
    values, gradient : arrays
        Of one shape and dtype, which the moments have too.
    first_moments, second_moments : arrays
        Moments of the gradient, which are 0 before the first step.
    step : int
        Number of this step, counted from 1.

    Raises
    ------
    TypeError, ValueError
        If an array is not C-contiguous, not of the same shape and dtype, or one that is changed is read-only; if there
        is no such step, or the learning rate is negative or not finite.

    Examples
    --------
    >>> values, first, second = np.array([1.0, -1.0]), np.zeros(2), np.zeros(2)
    >>> adam_step(values, np.array([0.5, 0.0]), first, second, step=1, learning_rate=0.25)
    >>> values.round(6), first
    (array([ 0.75, -1.  ]), array([0.05, 0.  ]))
    """
    plain: dict[str, Any] = {"values": check_array("values", values, np.ndim(values))}
    others = {"gradient": gradient, "first_moments": first_moments, "second_moments": second_moments}
    plain |= {name: check_array(name, array, values.ndim, values.dtype) for name, array in others.items()}
    for name, array in plain.items():
        if array.shape != values.shape:
            raise ValueError(f"{name} must have shape {values.shape} to match values, got {array.shape}")
        if name != "gradient" and not array.flags.writeable:
            raise ValueError(f"{name} is read-only, and a step changes it; use {name}.copy()")
    if step < 1:
        raise ValueError(f"step must be at least 1, got {step}")
    _core.adam_step(step=int(step), learning_rate=float(learning_rate), **plain)

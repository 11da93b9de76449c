"""Chosen neurons of a convolution, each with a column of its own over all inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.network.wiring import DENSE, Conv2d, FirstSpike2d, Wiring


def unrolled_wiring(wiring: Conv2d) -> Wiring:
    """The wiring of `unrolled_columns`: each input, or each window of joined ones, has a row."""
    return DENSE if wiring.first == 1 else FirstSpike2d(wiring.in_shape, wiring.first)


def unrolled_columns(weights: FloatArray, wiring: Conv2d, chosen: npt.NDArray[np.int64]) -> FloatArray:
    """Columns (n_inputs, len(chosen) pool^2) of the membranes that make up chosen neurons, one neuron after another.

    Weights that a membrane's window does not see are 0.

    Examples
    --------
    >>> wiring = Conv2d((1, 3, 1), (1, 2))
    >>> unrolled_columns(np.array([[1.0], [2.0]]), wiring, np.array([1]))
    array([[0.],
           [1.],
           [2.]])
    """
    height, width = (n // wiring.first for n in wiring.in_shape[:2])
    channels = wiring.in_shape[2]
    n_columns, pool = weights.shape[1], wiring.pool
    place, column = np.divmod(chosen, n_columns)
    across = wiring.out_shape(n_columns)[1]
    k_h, k_w = wiring.kernel
    kernel = weights.reshape(k_h, k_w, channels, n_columns)
    columns = np.zeros((height, width, channels, len(chosen), pool * pool), weights.dtype)
    for i, (at, c) in enumerate(zip(place.tolist(), column.tolist(), strict=True)):
        for k in range(pool * pool):
            top = (at // across * pool + k // pool) * wiring.stride - wiring.padding
            left = (at % across * pool + k % pool) * wiring.stride - wiring.padding
            rows, cols = slice(max(top, 0), min(top + k_h, height)), slice(max(left, 0), min(left + k_w, width))
            seen = kernel[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left, :, c]
            columns[rows, cols, :, i, k] = seen
    return columns.reshape(height * width * channels, -1)

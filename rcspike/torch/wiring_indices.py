"""Wirings as numbers, which operators take, and as tables of indices, for tensors on other devices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from rcspike.network import Conv2d, Dense, FirstSpike, FirstSpike2d, Wiring, window_of, wiring_of

_CONV2D, _FIRST_SPIKE_2D = 0, -1  # what stands before the numbers of one; windows of neighbouring inputs are above 0


def wiring_numbers(wirings: Iterable[Wiring]) -> tuple[int, ...]:
    """The wirings of layers as the numbers that an operator takes, those of one layer behind those of another.

    Examples
    --------
    >>> from rcspike.network import Dense, FirstSpike
    >>> wiring_numbers([Dense(), FirstSpike(4), FirstSpike2d((8, 8, 3), 2)])
    (1, 4, -1, 8, 8, 3, 2)
    """
    numbers: list[int] = []
    for one in wirings:
        if isinstance(one, Conv2d):
            numbers += [_CONV2D, *one.in_shape, *one.kernel, one.stride, one.padding, one.first, one.pool]
        elif isinstance(one, FirstSpike2d):
            numbers += [_FIRST_SPIKE_2D, *one.in_shape, one.window]
        elif isinstance(one, Dense | FirstSpike):
            numbers.append(one.window)
        else:
            raise TypeError(f"a wiring must be one of rcspike.network, such as Dense(), got {type(one).__name__}")
    return tuple(numbers)


@lru_cache(maxsize=256)
def wirings_of(numbers: tuple[int, ...]) -> tuple[Wiring, ...]:
    """The inverse of `wiring_numbers`."""
    left, wirings = list(numbers), list[Wiring]()
    while left:
        kind = left.pop(0)
        if kind == _CONV2D:
            height, width, channels, k_h, k_w, *more = left[:9]
            wirings.append(Conv2d((height, width, channels), (k_h, k_w), *more))
            left = left[9:]
        elif kind == _FIRST_SPIKE_2D:
            height, width, channels, window = left[:4]
            wirings.append(FirstSpike2d((height, width, channels), window))
            left = left[4:]
        else:
            wirings.append(wiring_of(kind))
    return tuple(wirings)


@lru_cache(maxsize=64)
def _tables(wiring: Wiring, n_rows: int) -> tuple[Tensor | None, Tensor | None]:
    """Inputs (n_joined, window) that are joined, and rows (n_positions, n_rows) of positions; None if trivial.

    In the second table the number n_joined stands for pixels around the maps, which never spike.
    """
    windows = patches = None
    if isinstance(wiring, Conv2d | FirstSpike2d):
        n = wiring.first if isinstance(wiring, Conv2d) else wiring.window
        height, width, channels = wiring.in_shape[0] // n, wiring.in_shape[1] // n, wiring.in_shape[2]
        inputs = np.arange(wiring.n_in(n_rows)).reshape(wiring.in_shape)[: height * n, : width * n]
        inputs = inputs.reshape(height, n, width, n, channels)
        windows = inputs.transpose(0, 2, 4, 1, 3).reshape(-1, n * n)
        if isinstance(wiring, Conv2d):
            seen, pad = np.arange(len(windows)).reshape(height, width, channels), wiring.padding
            seen = np.pad(seen, ((pad, pad), (pad, pad), (0, 0)), constant_values=len(windows))
            at = np.lib.stride_tricks.sliding_window_view(seen, wiring.kernel, axis=(0, 1))
            step, (down, across) = wiring.stride, wiring.positions()
            at = at[::step, ::step][:down, :across]  # the axes are: down, across, channel, and the pixels of a window
            patches = at.transpose(0, 1, 3, 4, 2).reshape(-1, n_rows)
    elif window_of(wiring) > 1:
        windows = np.arange(wiring.n_in(n_rows)).reshape(n_rows, -1)
    if windows is not None and windows.shape[1] == 1:
        windows = None
    as_tensor = [None if one is None else torch.from_numpy(np.array(one, order="C")) for one in (windows, patches)]
    return as_tensor[0], as_tensor[1]


@dataclass
class Rows:
    """Spike times of the rows of a layer at each of its positions, and the gradients of inputs from those of rows."""

    times: Tensor  # (batch n_positions, n_rows)
    n_in: int
    batch: int
    wiring: Wiring
    first: Tensor | None  # (batch, n_joined, 1): which of the joined inputs spikes first
    windows: Tensor | None
    patches: Tensor | None

    @classmethod
    def of(cls, times: Tensor, wiring: Wiring, n_rows: int) -> Rows:
        windows, patches = (None if one is None else one.to(times.device) for one in _tables(wiring, n_rows))
        rows, first = times, None
        if windows is not None:
            rows, first = times[:, windows].min(dim=2, keepdim=True)
            rows = rows[:, :, 0]
        if patches is not None:
            rows = torch.cat([rows, rows.new_full((len(rows), 1), math.inf)], dim=1)[:, patches].flatten(0, 1)
        return cls(rows, times.shape[1], len(times), wiring, first, windows, patches)

    def neurons(self, membranes: Tensor) -> Tensor:
        """From (batch n_positions, n_columns) to (batch, n_out): membranes that share their charge become one."""
        if self.patches is None:
            return membranes
        return self._maps(membranes).mean(dim=(2, 4)).flatten(1)

    def membranes(self, grad: Tensor) -> Tensor:
        """The gradients of the membranes from those of the neurons."""
        if not isinstance(self.wiring, Conv2d):
            return grad
        down, across = self.wiring.positions()
        n = self.wiring.pool
        n_columns = grad.shape[1] * n * n // (down * across)
        own = grad.reshape(self.batch, down // n, 1, across // n, 1, n_columns).expand(-1, -1, n, -1, n, -1)
        return own.reshape(self.batch * down * across, n_columns) / n**2

    def of_inputs(self, of_rows: Tensor) -> Tensor:
        """The gradients of the inputs, (batch, n_in), from those of the rows."""
        if self.patches is not None:
            n_joined = self.n_in if self.windows is None else len(self.windows)
            total, patches = of_rows.new_zeros((self.batch, n_joined + 1)), self.patches.flatten()
            of_rows = total.index_add(1, patches, of_rows.reshape(self.batch, len(patches)))[:, :-1]
        if self.first is None or self.windows is None:
            return of_rows
        spread = of_rows.new_zeros((*of_rows.shape, self.windows.shape[1])).scatter(2, self.first, of_rows[:, :, None])
        return of_rows.new_zeros((self.batch, self.n_in)).index_add(1, self.windows.flatten(), spread.flatten(1))

    def _maps(self, membranes: Tensor) -> Tensor:
        assert isinstance(self.wiring, Conv2d)
        down, across = self.wiring.positions()
        n = self.wiring.pool
        return membranes.reshape(self.batch, down // n, n, across // n, n, membranes.shape[1])

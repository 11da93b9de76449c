"""Which inputs of a layer drive which rows of its synapses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from rcspike import _core
from rcspike._common.arrays import FloatArray
from rcspike._common.numbers import check_count

Core: TypeAlias = _core.Dense | _core.FirstSpike | _core.FirstSpike2d | _core.Conv2d
Shape: TypeAlias = tuple[int, int, int]


class _Wiring(ABC):
    """Interface of every wiring."""

    joined: ClassVar[bool] = True  # whether several inputs drive a row

    @property
    @abstractmethod
    def core(self) -> Core:
        """As the engine takes it."""

    @abstractmethod
    def n_in(self, n_rows: int) -> int:
        """Number of inputs of a layer with n_rows rows of synapses; a wiring of maps has it, whatever the rows."""

    def n_out(self, n_columns: int) -> int:
        """Number of neurons of a layer with n_columns columns of synapses."""
        return n_columns

    @abstractmethod
    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        """Rows and columns of the weights between n_in inputs and n_out neurons; a ValueError if they do not fit."""

    @abstractmethod
    def rows(self, times: FloatArray) -> FloatArray:
        """Times (batch, n_rows) at which rows of synapses start to conduct, for spike times (batch, n_in); in T."""


@dataclass(frozen=True)
class Dense(_Wiring):
    """Each input drives a row of synapses of its own.

    Examples
    --------
    >>> Dense().rows(np.array([[0.5, 0.25]]))
    array([[0.5 , 0.25]])
    """

    window = 1
    core = _core.Dense()
    joined = False

    def n_in(self, n_rows: int) -> int:
        return n_rows

    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        return n_in, n_out

    def rows(self, times: FloatArray) -> FloatArray:
        return times


@dataclass(frozen=True)
class FirstSpike(_Wiring):
    """Neighbouring inputs share a row of synapses, which conducts from the first of their spikes on.

    In a circuit the spike lines of a window are joined by an OR gate. Behind a layer of neurons this is a maxout
    network (Goodfellow et al., ICML 2013): of each window, the neuron with the highest voltage spikes first. Only the
    first spike has a gradient; of equal ones, that of the first input. A ValueError if the window is below 2; `Dense`
    joins no inputs.

    Parameters
    ----------
    window : int
        Inputs that share a row, at least 2; it divides the number of inputs.

    Examples
    --------
    >>> FirstSpike(2).rows(np.array([[0.5, 0.25, np.inf, 0.75]]))
    array([[0.25, 0.75]])
    """

    window: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", check_count("window", self.window, 1))
        if self.window == 1:
            raise ValueError("window must be at least 2, got 1; without joined inputs, use Dense")

    @property
    def core(self) -> _core.FirstSpike:
        return _core.FirstSpike(window=self.window)

    def n_in(self, n_rows: int) -> int:
        return n_rows * self.window

    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        if n_in % self.window:
            raise ValueError(f"a window of {self.window} does not divide the {n_in} inputs of its layer")
        return n_in // self.window, n_out

    def rows(self, times: FloatArray) -> FloatArray:
        first: FloatArray = times.reshape(len(times), times.shape[1] // self.window, self.window).min(axis=2)
        return first


@dataclass(frozen=True)
class FirstSpike2d(_Wiring):
    """Pixels of a square window of maps share a row, channel by channel, which conducts from their first spike on.

    A ValueError if no window fits into the maps.

    Parameters
    ----------
    in_shape : (height, width, channels)
        Maps of inputs; input (y width + x) channels + c is channel c of the pixel (y, x).
    window : int
        Height and width of a window, at least 2. Pixels at the far edges that fill no window are left out.

    Examples
    --------
    >>> FirstSpike2d((2, 2, 1), 2).rows(np.array([[0.5, 0.25, np.inf, 0.75]]))
    array([[0.25]])
    """

    in_shape: Shape
    window: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_shape", _shape(self.in_shape))
        object.__setattr__(self, "window", check_count("window", self.window, 2))
        _pooled(self.in_shape, self.window, "a window of")

    @property
    def core(self) -> _core.FirstSpike2d:
        height, width, channels = self.in_shape
        return _core.FirstSpike2d(height=height, width=width, channels=channels, window=self.window)

    @property
    def out_shape(self) -> Shape:
        """Height, width and channels of the rows."""
        return _pooled(self.in_shape, self.window, "a window of")

    def n_in(self, n_rows: int) -> int:
        return math.prod(self.in_shape)

    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        _check_inputs(self.in_shape, n_in)
        return math.prod(self.out_shape), n_out

    def rows(self, times: FloatArray) -> FloatArray:
        (height, width, channels), n = self.out_shape, self.window
        maps = times.reshape(len(times), *self.in_shape)[:, : height * n, : width * n]
        windows = maps.reshape(len(times), height, n, width, n, channels)
        first: FloatArray = windows.min(axis=(2, 4)).reshape(len(times), -1)
        return first


@dataclass(frozen=True)
class Conv2d(_Wiring):
    """A convolution: neurons of all positions of a window share their columns of synapses.

    Row (ky k_w + kx) channels + c of the weights belongs to channel c of the pixel (ky, kx) of the window, and neuron
    (y width + x) n_columns + i to column i at the position (y, x). `ResistiveLayer` computes one layer.

    Parameters
    ----------
    in_shape : (height, width, channels)
        Maps of inputs, numbered as in `FirstSpike2d`.
    kernel : (k_h, k_w)
        Size of the window in pixels.
    stride : int
        Pixels between neighbouring positions.
    padding : int
        Pixels around the maps, which never spike; fewer than the window has.
    first : int
        If above 1, the window moves over the first spikes of first x first pixels, as `FirstSpike2d` joins them.
    pool : int
        If above 1, the membranes of pool x pool positions are connected at the end of charging and share their charge:
        one neuron has the mean of their voltages, and one ramp. Positions at the far edges that fill no pool are left
        out, as are the pixels that fill no `first`.

    Raises
    ------
    TypeError, ValueError
        If a number is not an int or too small, or the window, `first` or `pool` does not fit into the maps.

    Examples
    --------
    >>> Conv2d((28, 28, 1), padding=1, pool=2).out_shape(16)
    (14, 14, 16)
    """

    in_shape: Shape
    kernel: tuple[int, int] = (3, 3)
    stride: int = 1
    padding: int = 0
    first: int = 1
    pool: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_shape", _shape(self.in_shape))
        if len(self.kernel) != 2:
            raise ValueError(f"kernel must be (k_h, k_w), got {self.kernel}")
        object.__setattr__(self, "kernel", tuple(check_count("kernel", size, 1) for size in self.kernel))
        for name, at_least in (("stride", 1), ("padding", 0), ("first", 1), ("pool", 1)):
            object.__setattr__(self, name, check_count(name, getattr(self, name), at_least))
        if self.padding >= min(self.kernel):
            raise ValueError(f"padding must be smaller than the kernel of {self.kernel}, got {self.padding}")
        self.out_shape(1)

    @property
    def core(self) -> _core.Conv2d:
        height, width, channels = self.in_shape
        return _core.Conv2d(
            height=height,
            width=width,
            channels=channels,
            kernel_height=self.kernel[0],
            kernel_width=self.kernel[1],
            stride=self.stride,
            padding=self.padding,
            first=self.first,
            pool=self.pool,
        )

    @property
    def joined(self) -> bool:  # type: ignore[override]  # a convolution may join inputs or not
        return self.first > 1

    @property
    def n_rows(self) -> int:
        """Number of rows of the weights, one for each input of a window."""
        return self.kernel[0] * self.kernel[1] * self.in_shape[2]

    def positions(self) -> tuple[int, int]:
        """Positions of the window that belong to a neuron, down and across."""
        seen = self._seen()[:2]
        down, across = (n + 2 * self.padding - k for n, k in zip(seen, self.kernel, strict=True))
        if min(down, across) < 0:
            raise ValueError(f"a kernel of {self.kernel} does not fit into maps of {seen} with their padding")
        all_positions = down // self.stride + 1, across // self.stride + 1, 1
        height, width, _ = _pooled(all_positions, self.pool, "pool")
        return height * self.pool, width * self.pool

    def out_shape(self, n_columns: int) -> Shape:
        """Maps of the neurons: height, width and channels."""
        return _pooled((*self.positions(), n_columns), self.pool, "pool")

    def n_in(self, n_rows: int) -> int:
        return math.prod(self.in_shape)

    def n_out(self, n_columns: int) -> int:
        return math.prod(self.out_shape(n_columns))

    def weight_shape(self, n_in: int, n_out: int) -> tuple[int, int]:
        _check_inputs(self.in_shape, n_in)
        places = self.n_out(1)
        if n_out % places:
            raise ValueError(f"{n_out} neurons are not a multiple of the {places} positions of the convolution")
        return self.n_rows, n_out // places

    def rows(self, times: FloatArray) -> FloatArray:
        """Always a ValueError: each position has its own rows, which `windows` finds."""
        raise ValueError(f"every position of a convolution has its own rows: use windows(times), got {self}")

    def windows(self, times: FloatArray) -> FloatArray:
        """Times (batch, positions, n_rows) at which the rows of each position start to conduct; inf beyond the edge.

        Examples
        --------
        >>> Conv2d((1, 3, 1), (1, 2)).windows(np.array([[0.25, 0.5, 0.75]]))
        array([[[0.25, 0.5 ],
                [0.5 , 0.75]]])
        """
        batch, p = len(times), self.padding
        maps = times.reshape(batch, *self.in_shape)
        if self.first > 1:
            maps = FirstSpike2d(self.in_shape, self.first).rows(times).reshape(batch, *self._seen())
        padded = np.pad(maps, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=np.inf)
        seen = np.lib.stride_tricks.sliding_window_view(padded, self.kernel, axis=(1, 2))
        down, across = self.positions()
        seen = seen[:, :: self.stride, :: self.stride][:, :down, :across].transpose(0, 1, 2, 4, 5, 3)
        return np.ascontiguousarray(seen).reshape(batch, -1, self.n_rows)

    def _seen(self) -> Shape:
        """Maps that the window moves over."""
        return _pooled(self.in_shape, self.first, "first")


def _shape(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ValueError(f"in_shape must be (height, width, channels), got {shape}")
    height, width, channels = (check_count("in_shape", size, 1) for size in shape)
    return height, width, channels


def _pooled(shape: Shape, window: int, name: str) -> Shape:
    height, width, channels = shape
    if min(height, width) < window:
        raise ValueError(f"{name} {window} does not fit into maps of {height} x {width}")
    return height // window, width // window, channels


def _check_inputs(shape: Shape, n_in: int) -> None:
    if math.prod(shape) != n_in:
        raise ValueError(f"maps of {' x '.join(map(str, shape))} are {math.prod(shape)} inputs, got {n_in}")


Wiring: TypeAlias = Dense | FirstSpike | FirstSpike2d | Conv2d

DENSE = Dense()


def has_maps(wiring: Iterable[Wiring]) -> bool:
    """Whether inputs or neurons of any layer are maps.

    Examples
    --------
    >>> has_maps([DENSE, FirstSpike(4)])
    False
    """
    return any(isinstance(of_layer, Conv2d | FirstSpike2d) for of_layer in wiring)


def window_of(wiring: Wiring) -> int:
    """Number of neighbouring inputs that share a row, for uses that know no maps; ValueError for a wiring of maps.

    Examples
    --------
    >>> window_of(FirstSpike(4))
    4
    """
    if isinstance(wiring, Dense | FirstSpike):
        return wiring.window
    raise ValueError(f"maps have windows of two dimensions, got {wiring}")


def wiring_of(window: int) -> Wiring:
    """The wiring that joins `window` neighbouring inputs: dense for 1.

    Examples
    --------
    >>> wiring_of(1), wiring_of(4)
    (Dense(), FirstSpike(window=4))
    """
    return DENSE if window == 1 else FirstSpike(window)

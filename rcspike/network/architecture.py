"""Architectures in one line, as papers write them: 28x28x1-conv16-pool-128-10."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rcspike._common.readers import naming
from rcspike.network.wiring import DENSE, Conv2d, FirstSpike, FirstSpike2d, Shape, Wiring

_HELP = (
    "parts are a number of neurons (128, or 128/4 whose spikes are joined by fours), conv16 (16 columns; conv16k5s2p0 "
    "with a kernel of 5 x 5, or k3x5, stride 2 and padding 0, in this order), pool, pool3, first or first3"
)
_SHAPE = re.compile(r"(\d+)x(\d+)(?:x(\d+))?", re.ASCII)
_CONV = re.compile(r"conv(\d+)(?:k(\d+)(?:x(\d+))?)?(?:s(\d+))?(?:p(\d+))?", re.ASCII)
_POOL = re.compile(r"(pool|first)(\d*)", re.ASCII)
_DENSE = re.compile(r"(\d+)(?:/(\d+))?", re.ASCII)


def parse_architecture(text: str, input_shape: Sequence[int] | None = None) -> tuple[list[int], list[Wiring]]:
    """Numbers of neurons, from the inputs on, and the wiring of each layer.

    Kernels are 3 x 3 by default, with a stride of 1 and a padding of half their height, so that an odd square one keeps
    the size of the maps. ``pool`` connects the membranes of 2 x 2 neurons before their ramp; ``first`` passes the first
    spike of 2 x 2 neurons on. A ValueError if a part is not known or does not fit the maps before it.

    Parameters
    ----------
    input_shape : (height, width) or (height, width, channels), optional
        Required unless the text begins with it, or with a number of inputs.

    Examples
    --------
    >>> sizes, wiring = parse_architecture("conv4-pool-conv8k5s2-10", (8, 8))
    >>> sizes
    [64, 64, 32, 10]
    >>> wiring[0]
    Conv2d(in_shape=(8, 8, 1), kernel=(3, 3), stride=1, padding=1, first=1, pool=2)
    """
    if large := re.search(r"\d{10,}", text):
        raise ValueError(f"{large[0]} in {text!r} is too large: numbers of a network have at most nine digits")
    parts = text.replace(" ", "").split("-")
    maps: Shape | None = None
    n = 0
    if input_shape is None:
        found, part = _SHAPE.fullmatch(parts[0]), parts.pop(0)
        if found:
            maps = _shape([int(size) for size in found.groups(default="1")])
        elif part.isascii() and part.isdecimal() and int(part) > 0:
            n = int(part)
        else:
            raise ValueError(f"{text!r} must begin with the inputs, as 28x28x1 or 784, or have an input_shape")
    else:
        maps = _shape(input_shape)
        if _SHAPE.fullmatch(parts[0]):
            raise ValueError(f"leave {parts[0]} out of {text!r}: the inputs are {' x '.join(map(str, maps))}")
    sizes = [n if maps is None else maps[0] * maps[1] * maps[2]]
    wiring: list[Wiring] = []
    joined: FirstSpike | FirstSpike2d | None = None  # what the next layer sees
    for part in parts:
        if conv := _CONV.fullmatch(part):
            if maps is None:
                raise ValueError(f"{part} in {text!r} has no maps before it, only {sizes[-1]} neurons")
            columns, k_h, k_w, stride, padding = (None if size is None else int(size) for size in conv.groups())
            k_h = 3 if k_h is None else k_h
            size = joined.window if isinstance(joined, FirstSpike2d) else 1
            with naming(f"{part} in {text!r}"):
                own = Conv2d(
                    maps,
                    (k_h, k_h if k_w is None else k_w),
                    stride=1 if stride is None else stride,
                    padding=k_h // 2 if padding is None else padding,
                    first=size,
                )
            maps, joined = own.out_shape(columns or 0), None
            if not columns:
                raise ValueError(f"{part} in {text!r} has no columns")
            wiring.append(own)
            sizes.append(own.n_out(columns))
        elif pool := _POOL.fullmatch(part):
            size = int(pool[2] or 2)
            if maps is None or not wiring:
                raise ValueError(f"{part} in {text!r} must come behind a convolution")
            if joined is not None:
                raise ValueError(f"{part} in {text!r} cannot follow first: put a layer between them")
            if size < 2:
                raise ValueError(f"{part} in {text!r} joins nothing: leave it out, or take a window from 2 on")
            last = wiring[-1]
            assert isinstance(last, Conv2d)
            with naming(f"{part} in {text!r}"):
                if pool[1] == "first":
                    joined = FirstSpike2d(maps, size)
                    continue
                wiring[-1] = last = replace(last, pool=last.pool * size)
            maps = last.out_shape(maps[2])
            sizes[-1] = maps[0] * maps[1] * maps[2]
        elif dense := _DENSE.fullmatch(part):
            wiring.append(DENSE if joined is None else joined)
            with naming(f"{part} in {text!r}"):
                maps, joined = None, None if dense[2] is None else FirstSpike(int(dense[2]))
            sizes.append(int(dense[1]))
        else:
            raise _unknown(part, text)
    if joined is not None or len(sizes) < 2:
        raise ValueError(f"{text!r} needs a layer {'behind its last part' if wiring else 'behind its inputs'}")
    return sizes, wiring


def _unknown(part: str, text: str) -> ValueError:
    if not part:
        return ValueError(f"{text!r} has an empty part; {_HELP}")
    return ValueError(f"{part!r} in {text!r} is not known: {_HELP}")


def count_layers(text: str) -> int:
    """Number of layers of an architecture without its inputs; a ValueError if a part is not known."""
    parts = text.replace(" ", "").split("-")
    for part in parts:
        if not any(kind.fullmatch(part) for kind in (_CONV, _POOL, _DENSE)):
            raise _unknown(part, text)
    return sum(_POOL.fullmatch(part) is None for part in parts)


def architecture_of(sizes: Sequence[int], wiring: Sequence[Wiring]) -> str:
    """The text of an architecture, of which `parse_architecture` makes it again.

    Examples
    --------
    >>> architecture_of(*parse_architecture("conv4-pool-conv8k5s2-10", (8, 8)))
    '8x8x1-conv4-pool-conv8k5s2-10'
    """
    first = wiring[0]
    parts = ["x".join(map(str, first.in_shape)) if isinstance(first, Conv2d | FirstSpike2d) else str(sizes[0])]
    for size, own in zip(sizes[1:], wiring, strict=True):
        if isinstance(own, FirstSpike):
            parts[-1] += f"/{own.window}"
        before = own.first if isinstance(own, Conv2d) else own.window if isinstance(own, FirstSpike2d) else 1
        if before > 1:
            parts.append("first" if before == 2 else f"first{before}")
        parts.append(_conv(size, own) if isinstance(own, Conv2d) else str(size))
    return "-".join(parts)


def _conv(size: int, own: Conv2d) -> str:
    height, width = own.kernel
    text = f"conv{size // own.n_out(1)}"
    if own.kernel != (3, 3):
        text += f"k{height}" if height == width else f"k{height}x{width}"
    text += f"s{own.stride}" if own.stride != 1 else ""
    text += f"p{own.padding}" if own.padding != height // 2 else ""
    return text + ("" if own.pool == 1 else "-pool" if own.pool == 2 else f"-pool{own.pool}")


def _shape(shape: Sequence[int]) -> Shape:
    is_shape = isinstance(shape, tuple | list) and len(shape) in (2, 3)
    if not is_shape or not all(isinstance(size, int | np.integer) and size > 0 for size in shape):
        raise ValueError(f"input_shape must be (height, width) or (height, width, channels), got {shape!r}")
    height, width, *rest = (int(size) for size in shape)
    return height, width, rest[0] if rest else 1

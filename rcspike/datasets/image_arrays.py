"""Arrays of images of any integer type, with their channels first or last, as intensities."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

ChannelsName = Literal["first", "last"]
CHANNELS: tuple[ChannelsName, ...] = get_args(ChannelsName)

_FEW = 4  # channels of a pixel at most where an axis is taken for them: red, green, blue and transparency
_DARK = 64  # of images that are warned of, the maximum is below this, a quarter of 256: an assumption


def channels_last(x: NDArray[Any], channels: ChannelsName | None) -> NDArray[Any]:
    """Images (n, height, width, channels) of images that have their channels there or before the pixels.

    A ValueError if the shape looks like (n, channels, height, width) and nothing says so, or `channels` is given for
    images without such an axis.
    """
    if channels is None:
        if x.ndim == 4 and x.shape[1] <= _FEW < x.shape[3]:
            raise ValueError(
                f"images of shape {x.shape} seem to have their {x.shape[1]} channels before the pixels, as PyTorch has "
                "them: write channels=first to take them so, or channels=last if the last axis is that of the channels"
            )
        return x
    if x.ndim != 4:
        raise ValueError(f"channels={channels} is for images with 4 axes, one of them of channels, got {x.shape}")
    return x.transpose(0, 2, 3, 1) if channels == "first" else x


def as_intensities(x: NDArray[Any]) -> NDArray[Any]:
    """Images of other integers as uint8."""
    if x.dtype.kind in "iu" and x.dtype != np.uint8:
        if x.size and (x.min() < 0 or x.max() > 255):
            raise ValueError(
                f"images of integers must be from 0 to 255, got {x.min()} to {x.max()}: divide them by their full scale"
            )
        return x.astype(np.uint8)
    return x


def warn_if_dark(images: NDArray[Any]) -> None:
    """Warn of uint8 images whose maximum is far below 255."""
    if images.dtype == np.uint8 and 0 < (largest := int(images.max())) < _DARK:
        warnings.warn(
            f"the largest of all pixels is {largest}, far below the 255 of 8 bits, so that every spike is late (at "
            f"{1 - largest / 255:.2f} T or later): if {largest} is white, divide by it, as x / {largest}",
            stacklevel=3,
        )

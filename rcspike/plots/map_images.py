"""Spike times of one sample in a network of convolutions: each map as a small image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike._common.arrays import FloatArray
from rcspike.datasets import Split
from rcspike.network import Network
from rcspike.network.wiring import Conv2d, FirstSpike2d
from rcspike.neurons import Outputs
from rcspike.plots.figure_style import FAINT, HIGHLIGHT, INK, PAPER, TITLE, WIDTH, blank, circuit_name, place
from rcspike.plots.membrane_panels import check_sample, class_name, map_shape, place_in_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["check_position", "maps_figure"]

# In inches.
_MARGIN, _HEAD, _GAP, _END = 0.32, 0.22, 0.16, 0.1
_BAR_WIDTH, _BAR_HEIGHT = 2.2, 0.12
_COLOURS = "cividis"  # dark for early spikes; it is read alike with colour blindness, and has no white
_INPUT_COLUMNS, _COLUMNS, _MANY_COLUMNS = 8, 16, 32  # maps next to each other


@dataclass(frozen=True)
class _Maps:
    """Maps of the input or of a layer."""

    times: FloatArray  # (height, width, channels) in T
    heading: str
    columns: int

    @property
    def gap(self) -> int:
        """Pixels between two maps."""
        return max(1, round(0.07 * int(self.times.shape[1])))

    @property
    def pitch(self) -> tuple[int, int]:
        """Pixels from a map to the next one, downwards and across."""
        height, width, _ = self.times.shape
        return height + self.gap, width + self.gap

    @property
    def corners(self) -> list[tuple[int, int]]:
        """Upper left pixel (y, x) of each map in their picture."""
        down, across = self.pitch
        return [(down * (n // self.columns), across * (n % self.columns)) for n in range(self.times.shape[2])]

    @property
    def size(self) -> tuple[int, int]:
        """Pixels of their picture."""
        n, (down, across) = self.times.shape[2], self.pitch
        return down * -(-n // self.columns) - self.gap, across * min(n, self.columns) - self.gap

    @property
    def inches(self) -> tuple[float, float]:
        """Height and width of their picture."""
        scale = (WIDTH - 2 * _MARGIN) / (self.columns * self.pitch[1] - self.gap)
        return self.size[0] * scale, self.size[1] * scale


def maps_figure(
    network: Network,
    split: Split,
    *,
    sample: int = 0,
    position: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
) -> Figure:
    """Spike times of one image in a network of convolutions: a small image for each channel of each layer.

    Early spikes are dark. A neuron without a spike is left blank.

    Parameters
    ----------
    network : Network
    split : Split
        Where the image is taken from.
    sample : int
        Position of the image in `split`.
    position : (y, x), optional
        A pixel of the image. It is marked, and so is the place at the same part of height and width in each map, whose
        membranes `trace_figure` draws for the same position.
    classes : sequence of str, optional
        Names of the classes; their numbers by default.

    Raises
    ------
    ValueError
        If the network has no convolution or does not fit the images, or there is no such sample or position.

    Examples
    --------
    >>> from rcspike import Circuit, Network, datasets
    >>> network = Network.create("conv4-pool-conv8-10", Circuit(), input_shape=(8, 8), seed=0)
    >>> figure = maps_figure(network, datasets.load("digits").test, sample=3, position=(4, 4))
    >>> len(figure.axes)  # the image, two layers and the scale of the colours
    4
    """
    check_sample(network, split, sample)
    if not any(isinstance(layer.wiring, Conv2d) for layer in network.layers):
        raise ValueError("the network has no convolution, so that its neurons are not maps: use trace_figure")
    if position is not None:
        check_position(network, position)
    times = split.times[sample : sample + 1]
    shown = [_input(network, times[0])]
    for result in network.walk(times):
        shown += _maps(network, result.depth, result.t_out[0])
        outputs = result.outputs
    latest = max([1.0, *(float(maps.times[np.isfinite(maps.times)].max(initial=0)) for maps in shown)])

    heights = [_HEAD + maps.inches[0] + _GAP for maps in shown]
    label = int(split.labels[sample])
    read = class_name(_answer(outputs), classes)
    image_name = f"image {sample} of class {class_name(label, classes)}"
    figure = blank(sum(heights) + _END, _title(network, image_name, read))
    from matplotlib import colormaps

    style: dict[str, Any] = {"vmin": 0, "vmax": latest, "cmap": colormaps[_COLOURS].with_extremes(bad=PAPER)}
    top = TITLE
    for maps, height in zip(shown, heights, strict=True):
        image = _draw(figure, top, maps, style)
        if position is not None:
            _mark(image.axes, maps, place_in_map(position, shown[0].times.shape[:2], maps.times.shape[:2]))
        top += height
    _draw_scale(figure, image)
    return figure


def check_position(network: Network, position: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the network's input; ValueError if it has no maps or no such pixel."""
    wiring = network.layers[0].wiring
    if not isinstance(wiring, Conv2d | FirstSpike2d):
        raise ValueError("a position needs a network of convolutions: choose neurons by their indices")
    height, width, _ = wiring.in_shape
    is_pixel = isinstance(position, tuple | list) and len(position) == 2
    is_pixel = is_pixel and all(isinstance(one, int | np.integer) for one in position)
    if not is_pixel or not (0 <= position[0] < height and 0 <= position[1] < width):
        raise ValueError(f"position must be a pixel (y, x) of the {height} x {width} image, got {position}")
    return height, width


def _input(network: Network, times: FloatArray) -> _Maps:
    wiring = network.layers[0].wiring
    shape = wiring.in_shape if isinstance(wiring, Conv2d | FirstSpike2d) else (1, len(times), 1)
    return _Maps(times.reshape(shape), f"input: {_spikes(times, 'inputs')}", max(_INPUT_COLUMNS, shape[2]))


def _maps(network: Network, depth: int, t_out: FloatArray) -> list[_Maps]:
    """Those of a layer, if its neurons are maps."""
    shape = map_shape(network.layers[depth])
    if shape is None:
        return []
    height, width, n = shape
    name = f"hidden layer {depth + 1}" if depth + 1 < len(network.layers) else "outputs"
    heading = f"{name}: {n} map{'s' if n > 1 else ''} of {height} × {width}, {_spikes(t_out, 'neurons')}"
    return [_Maps(t_out.reshape(shape), heading, _COLUMNS if n <= 2 * _COLUMNS else _MANY_COLUMNS)]


def _spikes(times: FloatArray, noun: str) -> str:
    return f"{np.count_nonzero(np.isfinite(times)):,} of {len(times):,} {noun} spike"


def _answer(outputs: Outputs) -> int | str:
    (answer,) = outputs.answers
    return "none" if answer < 0 else int(answer)


def _draw(figure: Figure, top: float, maps: _Maps, style: dict[str, Any]) -> AxesImage:
    from matplotlib.collections import LineCollection

    height, width, n = maps.times.shape
    picture = np.full(maps.size, math.inf, dtype=np.float32)
    frames = []
    for channel, (y, x) in enumerate(maps.corners):
        picture[y : y + height, x : x + width] = maps.times[..., channel]
        frames.append(_frame(x, y, width, height))
    tall, wide = maps.inches
    axes = place(figure, top + _HEAD, tall, left=_MARGIN, right=_MARGIN + wide)
    image = axes.imshow(np.ma.masked_invalid(picture), aspect="auto", interpolation="none", **style)
    axes.add_collection(LineCollection(frames, colors=FAINT, linewidths=0.5, clip_on=False))
    axes.set_axis_off()
    near: dict[str, Any] = {"textcoords": "offset points", "color": INK}
    axes.annotate(maps.heading, (0, 1), (0, 4), xycoords="axes fraction", va="bottom", fontsize=9, **near)
    for channel in range(0, n, maps.columns) if n > maps.columns else ():  # the number of the first map of a line
        middle = maps.corners[channel][0] + (height - 1) / 2
        axes.annotate(str(channel), (-0.5, middle), (-4, 0), ha="right", va="center", fontsize=7, **near)
    return image


def _frame(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """The border of some pixels, whose centres have whole numbers."""
    left, right, upper, lower = x - 0.5, x + width - 0.5, y - 0.5, y + height - 0.5
    return [(left, upper), (right, upper), (right, lower), (left, lower), (left, upper)]


def _mark(axes: Axes, maps: _Maps, at: tuple[int, int]) -> None:
    """Mark a place in each map."""
    from matplotlib.collections import LineCollection

    frames = [_frame(x + at[1], y + at[0], 1, 1) for y, x in maps.corners]
    axes.add_collection(LineCollection(frames, colors=HIGHLIGHT, linewidths=0.9, clip_on=False))


def _draw_scale(figure: Figure, image: AxesImage) -> None:
    left = WIDTH - _MARGIN - _BAR_WIDTH
    axes = place(figure, TITLE + _HEAD + 0.25, _BAR_HEIGHT, left=left, right=left + _BAR_WIDTH)
    bar = figure.colorbar(image, cax=axes, orientation="horizontal")
    bar.outline.set(edgecolor=FAINT, linewidth=0.5)
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_title(r"spike time $t\,/\,T$; blank: no spike", fontsize=9, color=INK, loc="left")


def _title(network: Network, image: str, answer: str) -> str:
    architecture = network.architecture.replace("-", "–")
    return f"{architecture}, {circuit_name(network.circuit)}: spike times of {image}, read as {answer}"

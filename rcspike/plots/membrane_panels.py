"""Membrane voltages of one sample in the layers of a network: computed and drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.datasets import Split
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import LayeredNetwork, Network, layer_with
from rcspike.network.layered_network import Layer
from rcspike.network.wiring import Conv2d, Shape
from rcspike.neurons import NeuronKind, neuron_kind
from rcspike.neurons.protocol import Span
from rcspike.plots.figure_style import (
    FAINT,
    HIGHLIGHT,
    INK,
    LEFT,
    PAPER,
    RIGHT,
    WIDTH,
    circuit_colour,
    literal,
    place,
    tidy,
)
from rcspike.training.evaluation import check_fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "LayerTraces",
    "check_sample",
    "class_name",
    "draw_path",
    "head",
    "input_size",
    "layer_traces",
    "map_shape",
    "place_in_map",
    "ramp_voltages",
    "shown_inputs",
    "spread",
    "voltage_limits",
]

_CHARGING = "#eef2f6"
_SHADES = {"charging": _CHARGING, "firing (ramp)": "#fdf3e3"}
_MAX_POINTS = 1000  # of a trace
_MAX_NAME = 14  # characters of the name of a class
_MAX_INPUT_NAME, _MAX_NAMED_INPUTS = 20, 24  # characters; more inputs have numbers
_INPUT_LINE, _INPUT_LETTER, _INPUT_TICK = 0.115, 0.06, 0.14  # inches


@dataclass(frozen=True)
class LayerTraces:
    """Some neurons of a layer while one sample passes through: charging from t = 0 to 1, firing from 1 to 2.

    Times count from the start of the layer's charging phase, in T; voltages are in V_th. `layer_traces` makes them.
    Times of single-phase neurons count from the start of the inference; their voltages are NaN once they have reached
    the threshold.

    Examples
    --------
    >>> network = Network([np.array([[2.0]])], Circuit.conventional())
    >>> layer = layer_traces(network, np.array([[0.75]]))[0]
    >>> layer.ramp(np.array([0.0, 0.25]))
    array([[0.5 , 0.75]])
    """

    neurons: npt.NDArray[
        np.int64
    ]  # (n,) indices in the layer; in firing order, silent ones last, unless they were given
    t: FloatArray  # (n_at,) in [0, 1]; of single-phase neurons up to the last time of interest
    v: FloatArray  # (n, n_at) during the charging phase
    t_out: FloatArray  # (n,) spike times in [1, 2], of single-phase neurons from 0 on; inf for silent neurons
    layer_t_out: FloatArray  # (n_layer,) the same for the whole layer
    v_end: FloatArray  # (n,) where the ramps start: at the end of charging, after the switches have opened; else NaN
    circuit: Circuit
    phases: Phases = "two"
    shape: Shape | None = None  # (height, width, channels) of the whole layer, if its neurons are maps

    @property
    def position(self) -> tuple[int, int] | None:
        """The place (y, x) that the neurons have in common, if they are those of maps."""
        if self.shape is None:
            return None
        places = {divmod(neuron // self.shape[2], self.shape[1]) for neuron in self.neurons.tolist()}
        return places.pop() if len(places) == 1 else None

    def name(self, neuron: int) -> str:
        """Number of a neuron; in maps its channel if all have one place, otherwise y, x and channel."""
        if self.shape is None:
            return str(neuron)
        at, channel = divmod(neuron, self.shape[2])
        y, x = divmod(at, self.shape[1])
        return str(channel) if self.position else f"{y},{x},{channel}"

    @property
    def answer(self) -> str:
        """Class that is read if this is the last layer, the output that spikes first or has the highest voltage."""
        answer = self.kind.answers(self.kind.read_by(self.v_end, self.t_out)[np.newaxis])[0]
        return "none" if answer < 0 else str(self.neurons[answer])

    @property
    def kind(self) -> NeuronKind:
        """The kind of the neurons."""
        return neuron_kind(self.phases)

    @property
    def spans(self) -> Sequence[Span]:
        """The phases that are shown."""
        return self.kind.spans(float(self.t[-1]))

    @property
    def end(self) -> float:
        """When what is shown ends, in T from the start of charging."""
        return self.spans[-1].end

    def start(self, depth: int) -> int:
        """When the layer starts to charge if it is the `depth`-th, counted from 1, in T from the start of the input."""
        return self.kind.starts(depth)[depth - 1]

    def ramp(self, at: FloatArray) -> FloatArray:
        """Voltages (n, n_at) along the firing ramp (no threshold), at times from 0 to 1 after the charging phase."""
        return ramp_voltages(self.circuit, self.v_end[:, np.newaxis], at)


def ramp_voltages(circuit: Circuit, v: FloatArray, at: FloatArray) -> FloatArray:
    """Voltages in V_th along the firing ramp from `v`, at times in T after its start; the shapes broadcast."""
    b = circuit.ramp
    return np.asarray(v + at if b == 0 else (1 - (1 - b * v) * (1 - b) ** at) / b)


def layer_traces(
    network: LayeredNetwork,
    times: FloatArray,
    *,
    n_neurons: int = 12,
    neurons: Sequence[npt.NDArray[np.int64]] | None = None,
    until: float | None = None,
) -> list[LayerTraces]:
    """Membrane traces of one sample through a network, layer after layer.

    Parameters
    ----------
    network : Network
        Or another network whose layers have a `trace`.
    times : (1, n_in)
        Input spike times in T.
    n_neurons : int
        How many neurons of each hidden layer to follow: spread over the firing order, at most a quarter of them
        silent as long as enough others spike. All neurons of the last layer are followed.
    neurons : sequence of (n,) arrays, optional
        Indices of the neurons to follow in each layer instead.
    until : float, optional
        Single phase: time in T at which traces end; by default half as late again as the first output spike, at least
        2, or 10 if no output spikes.

    Returns
    -------
    list of LayerTraces, one for each layer

    Raises
    ------
    TypeError, ValueError
        As in `rcspike.functional.charge`; also if the layers cannot compute traces.

    Examples
    --------
    >>> network = Network([np.array([[2.0]])], Circuit.conventional())
    >>> layer = layer_traces(network, np.array([[0.75]]))[0]
    >>> layer.v[0, -1], layer.t_out[0]
    (np.float64(0.5), np.float64(1.5))
    """
    kind = neuron_kind(network.phases)
    results = list(network.walk(times))
    end = kind.shown_until(results[-1].t_out, until)
    layers = []
    for result in results:
        layer, last = layer_with(result.layer, "trace", "a trace figure"), result.depth + 1 == len(network.layers)
        t_out = kind.starts(1)[-1] + result.t_out[0]
        v_end = np.full_like(t_out, math.nan) if result.charged is None else result.charged[0]
        lateness = -kind.scores(kind.read_by(v_end, t_out)[np.newaxis])[0]
        n = len(t_out) if last else n_neurons
        shown = spread(lateness, np.isfinite(t_out), n) if neurons is None else neurons[result.depth]
        # Spikes are among the times: each kink is where it belongs, and each trace ends at the threshold.
        inputs, own = result.times[0].astype(np.float64), (t_out[shown] - layer.circuit.delay).astype(np.float64)
        at = np.union1d(np.linspace(0, end, 201), inputs[inputs <= end])
        if len(at) > _MAX_POINTS:  # closer than a printed line is wide
            at = np.linspace(0, end, _MAX_POINTS)
        at = np.union1d(at, own[(own >= 0) & (own <= end)])
        v = layer.neurons(shown).trace(result.times, at)[0]
        maps = map_shape(layer)
        layers.append(LayerTraces(shown, at, v, t_out[shown], t_out, v_end[shown], layer.circuit, kind.name, maps))
    return layers


def spread(lateness: FloatArray, spiking: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.int64]:
    """Up to n neurons in firing order, evenly spread over those that spike and over the silent ones."""
    order = np.argsort(lateness, kind="stable")
    n_spiking = int(np.count_nonzero(spiking))
    n_silent = min(len(order) - n_spiking, max(n // 4, n - n_spiking))
    return np.concatenate([_evenly(order[:n_spiking], n - n_silent), _evenly(order[n_spiking:], n_silent)])


def map_shape(layer: Layer) -> Shape | None:
    """(height, width, channels) of the neurons of a convolution."""
    if not isinstance(layer.wiring, Conv2d):
        return None
    return layer.wiring.out_shape(layer.wiring.weight_shape(layer.n_in, layer.n_out)[1])


def place_in_map(position: tuple[int, int], image: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, int]:
    """The place (y, x) in a map at the same part of height and width as a pixel of an image."""
    y, x = (at * size // whole for at, size, whole in zip(position, shape[:2], image, strict=True))
    return y, x


def _evenly(items: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    if len(items) <= n:
        return items
    return items[np.linspace(0, len(items) - 1, n).round().astype(np.int64)]


def check_sample(network: Network, split: Split, sample: int) -> None:
    """Raise an error if the image does not exist, or the network's inputs do not fit the images."""
    check_fit(network, split)
    if not 0 <= sample < len(split.labels):
        raise ValueError(f"there is no image {sample}: sample must be in [0, {len(split.labels)})")


def class_name(index: int | str, classes: Sequence[str] | None) -> str:
    """Name of the class of an output, to draw; its index without names, or "none" as `LayerTraces.answer` has it."""
    name = str(index)
    if classes is not None and name.isdecimal() and int(name) < len(classes):
        name = classes[int(name)]
    return _shortened(name, _MAX_NAME)


def _shortened(name: str, length: int) -> str:
    return literal(name if len(name) <= length else f"{name[: length - 1]}…")


def shown_inputs(names: Sequence[str] | None) -> list[str]:
    """The names of the inputs as the panel of the input has them; none if there are too many for it."""
    return [_shortened(name, _MAX_INPUT_NAME) for name in names] if names and len(names) <= _MAX_NAMED_INPUTS else []


def input_size(least_height: float, names: Sequence[str]) -> tuple[float, float]:
    """Height of the panel of the input, at least so high with a line for each name, and the margin to its left."""
    longest = max(map(len, names), default=0)
    return max(least_height, _INPUT_LINE * len(names)), max(LEFT, _INPUT_TICK + _INPUT_LETTER * longest)


def draw_path(
    figure: Figure,
    layers: Sequence[LayerTraces],
    split: Split,
    sample: int,
    classes: Sequence[str] | None,
    *,
    top: float,
    heights: tuple[float, float, float],
    left: float = LEFT,
    right: float = WIDTH - RIGHT,
    span: float,
    ticks_at: float | None = None,
    inputs: Sequence[str] = (),
) -> list[Axes]:
    """A sample on its way through a network: the panel of the input, then one for each layer.

    Parameters
    ----------
    top, left, right : float
        Place in the figure, in inches.
    heights : (float, float, float)
        Heights of the input, of a layer, and of the gaps, in inches.
    span : float
        Length of the time axis of the input, in T.
    ticks_at : float, optional
        Drawn hidden neurons have numbers, and ticks for all spikes of their layer begin at this voltage in V_th, above
        the numbers. By default there are only the ticks.
    inputs : sequence of str, optional
        Names of `shown_inputs`; by default the inputs have numbers.
    """
    input_height, height, gap = heights
    raster = place(figure, top, input_height, left, right)
    first = top + input_height + gap
    panels = [place(figure, first + k * (height + gap), height, left, right) for k in range(len(layers))]
    label, colour = int(split.labels[sample]), circuit_colour(layers[0].circuit)
    caption = f"class {class_name(label, classes)}\nread as {class_name(layers[-1].answer, classes)}"
    draw_input(raster, split.images[sample], split.times[sample], caption, span)
    *hidden, last = zip(panels, layers, range(1, len(layers) + 1), strict=True)
    for panel in hidden:
        draw_layer(*panel, colour)
        if ticks_at is not None:
            label_spikes(*panel, colour)
        mark_spikes(*panel, colour, height=ticks_at or 1.1)
    draw_layer(*last, colour, highlight=label)
    label_spikes(*last, colour, highlight=label, classes=classes)
    name_phases(panels[0], layers[0])
    panels[-1].set_xlabel(r"time $t\,/\,T$")
    for axes in (raster, *panels):
        tidy(axes)
    if inputs:
        raster.set_ylabel("")
        raster.set_yticks(range(len(inputs)), inputs, fontsize=7)
    return [raster, *panels]


def draw_input(axes: Axes, image: npt.NDArray[Any], times: FloatArray, caption: str, span: float) -> None:
    """Spikes of an image or a row, on a time axis with a length of `span` T, and to their right image and caption."""
    spiking = np.flatnonzero(times <= 1)
    axes.axvspan(0, 1, color=_CHARGING, linewidth=0, zorder=-1)
    axes.scatter(times[spiking], spiking, s=8, marker="|", color=INK, linewidths=0.8)
    axes.set_ylim(len(times), -1)
    axes.set_ylabel("pixel" if image.ndim > 1 else "input")
    head(axes, 0, f"input: {len(spiking)} of {len(times)} {'pixels' if image.ndim == 2 else 'inputs'} spike")
    style: dict[str, Any] = {"va": "center", "fontsize": 9, "color": INK, "linespacing": 1.5}
    if image.ndim == 1:  # a row of a table: its spikes say all
        axes.text(1.12, 0.5, caption, transform=axes.get_xaxis_transform(), **style)
        return
    picture = axes.inset_axes((1.12 / span, 0.04, 0.8 / span, 0.96), anchor="W")
    is_colour = image.shape[2:] in ((3,), (4,))
    picture.imshow(image if is_colour or image.ndim == 2 else image[..., 0], cmap="gray_r")
    picture.set_xticks([])
    picture.set_yticks([])
    for spine in picture.spines.values():
        spine.set_color(FAINT)
    picture.text(1.095, 0.5, caption, transform=picture.transAxes, **style)


def draw_layer(axes: Axes, layer: LayerTraces, depth: int, colour: str, *, highlight: int | None = None) -> None:
    """One panel: traces, ramps and the spikes they end in; those of the neuron `highlight` stand out."""
    start = layer.start(depth)
    end = start + layer.end
    for span in layer.spans:
        axes.axvspan(start + span.start, start + span.end, color=_SHADES[span.name], linewidth=0, zorder=-1)
    axes.plot([start, end], [1, 1], color=INK, linestyle="--", linewidth=0.8)
    axes.annotate(r"$V_\mathrm{th}$", (end, 1), (5, 0), textcoords="offset points", va="center", fontsize=8, color=INK)

    for k, (neuron, t_out) in enumerate(zip(layer.neurons, layer.t_out, strict=True)):
        chosen = neuron == highlight
        style: dict[str, Any] = {
            "color": HIGHLIGHT if chosen else colour,
            "linewidth": 1.8 if chosen else 0.9,
            "alpha": 1.0 if np.isfinite(t_out) or chosen else 0.35,
            "zorder": 4 if chosen else 3,
        }
        for t, v in _paths(layer, k):
            axes.plot(start + t, v, **style)
        if t_out <= layer.end:
            axes.plot(
                start + t_out,
                1,
                "o",
                markersize=5 if chosen else 3.8,
                markeredgecolor=PAPER,
                markeredgewidth=0.6,
                **style,
            )
    axes.set_ylim(voltage_limits([layer]))
    axes.set_ylabel(r"$v\,/\,V_\mathrm{th}$")


def _paths(layer: LayerTraces, k: int) -> list[tuple[FloatArray, FloatArray]]:
    """Times from the start of charging and voltages of the k-th neuron: while it charges, and on the ramp if it has."""
    charging = layer.t, layer.v[k]
    if math.isnan(layer.v_end[k]):
        return [charging]
    start, n_at = layer.t[-1], 41 if layer.circuit.ramp else 2
    at = np.linspace(0, min(layer.t_out[k] - start, 1.0), n_at, dtype=layer.v.dtype)
    return [charging, (start + at, layer.ramp(at)[k])]


def voltage_limits(layers: Sequence[LayerTraces]) -> tuple[float, float]:
    """Limits of the voltage axis: all of the traces, except where they go far beyond rest and threshold."""
    lowest = min(float(np.nanmin(layer.v)) for layer in layers)
    highest = max(float(np.nanmax(layer.v)) for layer in layers)
    return max(min(lowest * 1.25, -0.25), -1.3), min(max(highest * 1.05, 1.38), 2.0)


def mark_spikes(axes: Axes, layer: LayerTraces, depth: int, colour: str, *, height: float) -> None:
    """Draw a tick for each spike of the whole layer, at `height` and a little above."""
    spikes = layer.layer_t_out[layer.layer_t_out <= layer.end]
    if len(spikes) > _MAX_POINTS:  # closer than a printed line is wide
        spikes = np.unique(spikes.round(3))
    spikes = layer.start(depth) + spikes
    axes.vlines(spikes, height, height + 0.12, color=colour, linewidth=0.6, alpha=0.7)


def label_spikes(
    axes: Axes,
    layer: LayerTraces,
    depth: int,
    colour: str,
    *,
    highlight: int | None = None,
    classes: Sequence[str] | None = None,
) -> None:
    """Draw index or class of each drawn neuron above its spike, where labels do not overlap; `highlight` always."""
    names = {n: layer.name(n) if classes is None else class_name(n, classes) for n in layer.neurons.tolist()}
    width = 0.05 * max(map(len, names.values()))
    lines: list[list[float]] = [[]] if highlight is None else [[], []]
    seen = layer.t_out <= layer.end
    spikes = zip(layer.neurons[seen], layer.t_out[seen], strict=True)
    for neuron, t_out in sorted(spikes, key=lambda pair: pair[0] != highlight):
        free = [k for k, taken in enumerate(lines) if all(abs(t_out - t) > width for t in taken)]
        if free:
            lines[free[0]].append(float(t_out))
            chosen = neuron == highlight
            # The trace of a saturated neuron comes from below and continues: its label stands to the right of it.
            saturated = t_out <= layer.spans[-1].start
            late = t_out + 0.025 * len(names[int(neuron)]) > layer.end  # it would run into what follows the panel
            axes.annotate(
                names[int(neuron)],
                (layer.start(depth) + t_out, 1),
                xytext=(4 if saturated else 0, 5 + 12 * free[0]),
                textcoords="offset points",
                ha="left" if saturated else "right" if late else "center",
                fontsize=10 if chosen else 8,
                fontweight="bold" if chosen else "normal",
                color=HIGHLIGHT if chosen else colour,
            )


def name_phases(axes: Axes, layer: LayerTraces) -> None:
    """Name the phases, if there are two, at the lower border of the first layer's panel.

    It moves below the traces if possible.
    """
    first, *later = layer.spans
    if not later:
        return
    lower, upper = axes.get_ylim()
    drawn = float(np.maximum(layer.v, lower).min())
    if drawn > lower:
        axes.set_ylim(min(lower, drawn - 0.16 * (upper - drawn)), upper)
    style: dict[str, Any] = {"fontsize": 8, "style": "italic", "color": INK, "transform": axes.get_xaxis_transform()}
    style |= {"zorder": 5}
    for x, name, align in ((first.start + 0.02, first.name, "left"), (later[-1].end - 0.02, later[-1].name, "right")):
        box = {"facecolor": _SHADES[name], "edgecolor": "none", "pad": 1.0}
        axes.text(x, 0.04, name, ha=align, bbox=box, **style)


def head(axes: Axes, start: int, text: str) -> None:
    """Write a heading above a panel, where its first phase begins."""
    axes.text(start, 1.02, text, transform=axes.get_xaxis_transform(), va="bottom", fontsize=9, color=INK)

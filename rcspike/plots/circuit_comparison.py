"""The same weights in several circuits: membranes side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.datasets import Split
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Network
from rcspike.neurons import neuron_kind
from rcspike.plots.figure_style import (
    BOTTOM,
    INK,
    RIGHT,
    TITLE,
    WIDTH,
    blank,
    circuit_colour,
    circuit_name,
    is_conventional,
)
from rcspike.plots.map_images import check_position
from rcspike.plots.membrane_panels import (
    LayerTraces,
    check_sample,
    class_name,
    draw_path,
    head,
    input_size,
    layer_traces,
    place_in_map,
    shown_inputs,
    spread,
    voltage_limits,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["trace_figure"]

# In inches.
_HEADING, _HEADING_LINE, _INPUT_HEIGHT, _LAYER_HEIGHT = 0.4, 0.2, 0.7, 1.7
_PANEL_GAP, _COLUMN_GAP, _CAPTION = 0.45, 0.3, 0.92
_MAX_CIRCUITS = 3
_TICKS = 1.32  # in V_th: above the numbers of the neurons
_N_FOLLOWED = 6  # of each hidden layer: their numbers stand next to their spikes


def trace_figure(
    network: Network,
    split: Split,
    *,
    sample: int = 0,
    circuits: Iterable[Circuit] | None = None,
    neurons: Sequence[int] | None = None,
    position: tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
) -> Figure:
    """One image through the same weights in several circuits side by side, as in Fig. 2 of the RC-Spike paper.

    A column for each circuit: the spikes of the image, then the membrane voltages of each layer through its charging
    phase and along the ramp of its firing phase; single-phase neurons until they reach the threshold. They are
    piecewise linear in the conventional circuit, and relax exponentially towards the rails in RC-Spike.

    Parameters
    ----------
    network : Network
    split : Split
        Where the image is taken from.
    sample : int
        Position of the image in `split`.
    circuits : iterable of Circuit, optional
        From 1 to 3; by default the conventional one and the network's own, or V_syn = 1 (2 for single-phase neurons)
        and the conventional one if the network has that one.
    neurons : sequence of int, optional
        Indices of the neurons to draw in each hidden layer; by default 6 are spread over the firing order in the
        network's own circuit. All neurons of the last layer are drawn.
    position : (y, x), optional
        In place of `neurons`: a pixel of the image. Up to 6 channels of each convolution are drawn, at the place with
        the same part of height and width in its maps. `maps_figure` marks these places.
    classes : sequence of str, optional
        Names of the classes; their numbers by default.
    inputs : sequence of str, optional
        Names of the inputs, as from `input_names`; their numbers by default, or if there are more than 24.

    Raises
    ------
    ValueError
        If there is no such sample, neuron, position or circuit, or the network does not fit the images.

    Notes
    -----
    RC-Spike, ISCAS 2022, DOI 10.1109/ISCAS48785.2022.9937662. Each circuit computes all of its layers, so that from the
    second on their input spikes differ as well.

    Examples
    --------
    >>> from rcspike import datasets
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> figure = trace_figure(network, datasets.load("digits").test, sample=3, neurons=[2, 5])
    >>> len(figure.axes)  # input and two layers, in two circuits
    6
    """
    check_sample(network, split, sample)
    circuits = _default_circuits(network) if circuits is None else list(circuits)
    if not 1 <= len(circuits) <= _MAX_CIRCUITS:
        raise ValueError(f"a figure shows 1 to {_MAX_CIRCUITS} circuits side by side, got {len(circuits)}")
    times = split.times[sample : sample + 1]
    followed = _followed(network, times, neurons, position)
    others = [network.rescaled(circuit, plus=1, minus=1) for circuit in circuits]
    columns = [layer_traces(other, times, neurons=followed) for other in others]
    ends = {column[0].end for column in columns}
    if len(ends) > 1:  # all columns until the same time
        columns = [layer_traces(other, times, neurons=followed, until=max(ends)) for other in others]

    heading = _HEADING + _HEADING_LINE * max(_heading(circuit).count("\n") for circuit in circuits)
    names = shown_inputs(inputs)
    input_height, margin = input_size(_INPUT_HEIGHT, names)
    path_height = heading + input_height + len(followed) * (_PANEL_GAP + _LAYER_HEIGHT)
    noun = "row" if split.is_table else "image"
    label, architecture = int(split.labels[sample]), network.architecture.replace("-", "–")
    shown = f"{noun} {sample} of class {class_name(label, classes)}"
    title = f"{architecture}, {shown}: the same weights, circuit by circuit"
    figure = blank(path_height + BOTTOM + _CAPTION, title)
    heights = (input_height, _LAYER_HEIGHT, _PANEL_GAP)
    width = (WIDTH - margin - RIGHT - (len(columns) - 1) * _COLUMN_GAP) / len(columns)
    for n, layers in enumerate(columns):
        left = margin + n * (width + _COLUMN_GAP)
        place: dict[str, Any] = {"top": TITLE + heading, "heights": heights, "left": left, "right": left + width}
        raster, *panels = _draw_column(figure, place, layers, split, sample, classes, names)
        for depth, axes in enumerate(panels):
            lowest, highest = voltage_limits([column[depth] for column in columns])
            axes.set_ylim(lowest, max(highest, _TICKS + 0.18))
        for axes in (raster, *panels) if n else ():
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
    caption_top = (_CAPTION - 0.05) / figure.get_figheight()
    figure.text(
        margin / WIDTH,
        caption_top,
        _caption(network.circuit, noun, network.phases),
        va="top",
        fontsize=8,
        color=INK,
        linespacing=1.4,
    )
    return figure


def _heading(circuit: Circuit) -> str:
    return circuit_name(circuit, separator="\n")


def _default_circuits(network: Network) -> list[Circuit]:
    own = network.circuit
    if is_conventional(own):
        return [own, Circuit(v_syn=neuron_kind(network.phases).v_syn, ramp=own.ramp)]
    return [Circuit(v_syn=math.inf, ramp=own.ramp), own]


def _followed(
    network: Network, times: FloatArray, neurons: Sequence[int] | None, position: tuple[int, int] | None
) -> list[npt.NDArray[np.int64]]:
    """The neurons to draw of each layer, the same ones in each circuit."""
    if position is not None:
        if neurons is not None:
            raise ValueError(f"position {position} already chooses the neurons: leave out either it or neurons")
        image = check_position(network, position)
    layers = layer_traces(network, times, n_neurons=_N_FOLLOWED)
    followed = [layer.neurons for layer in layers]
    if position is not None:
        return [layer.neurons if layer.shape is None else _at(layer, position, image) for layer in layers]
    if neurons is None:
        return followed
    hidden = network.sizes[1:-1]
    if not hidden:
        raise ValueError("neurons chooses among hidden ones, and the network has no hidden layer")
    if not neurons or len(set(neurons)) < len(neurons) or not all(0 <= neuron < min(hidden) for neuron in neurons):
        raise ValueError(f"neurons must be different indices in [0, {min(hidden)}) of the hidden layers, got {neurons}")
    return [np.array(neurons, dtype=np.int64)] * len(hidden) + followed[-1:]


def _at(layer: LayerTraces, position: tuple[int, int], image: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Neurons of a convolution at one place of its maps, spread over the firing order."""
    assert layer.shape is not None
    y, x = place_in_map(position, image, layer.shape)
    there = (y * layer.shape[1] + x) * layer.shape[2] + np.arange(layer.shape[2])
    t_out = layer.layer_t_out[there]
    return there[spread(t_out, np.isfinite(t_out), _N_FOLLOWED)]


def _draw_column(
    figure: Figure,
    place: Mapping[str, Any],
    layers: list[LayerTraces],
    split: Split,
    sample: int,
    classes: Sequence[str] | None,
    inputs: Sequence[str],
) -> list[Axes]:
    """One circuit: the panel of the input, then one for each layer."""
    end = layers[0].end
    style: dict[str, Any] = {"span": end + 0.16, "ticks_at": _TICKS, "inputs": inputs}
    raster, *panels = draw_path(figure, layers, split, sample, classes, **place, **style)
    circuit = layers[0].circuit
    heading: dict[str, Any] = {"loc": "left", "fontsize": 10, "pad": 20, "linespacing": 1.4}
    raster.set_title(_heading(circuit), color=circuit_colour(circuit), **heading)
    starts = [layer.start(depth) for depth, layer in enumerate(layers, start=1)]
    for depth, (axes, layer) in enumerate(zip(panels, layers, strict=True), start=1):
        name = "outputs" if depth == len(layers) else f"hidden layer {depth}"
        n_spikes, n_neurons = int(np.isfinite(layer.layer_t_out).sum()), len(layer.layer_t_out)
        head(axes, starts[depth - 1], f"{name}: {n_spikes} of {n_neurons} spike{_drawn(layer)}")
    for axes, start in zip((raster, *panels), (0, *starts), strict=True):
        axes.set_xlim(start - 0.02, start + end + 0.2)
        axes.set_xticks(range(start, start + int(end) + 1, max(1, int(end) // 4)))
    return [raster, *panels]


def _drawn(layer: LayerTraces) -> str:
    """The place of the neurons that are drawn, if they are channels of maps at one."""
    return f"; channels at {layer.position}" if layer.position else ""


def _caption(own: Circuit, noun: str, phases: Phases) -> str:
    reading = neuron_kind(phases).reading
    return (
        f"The same {noun}, weights and neurons throughout; the model's own circuit: {circuit_name(own)}. Another\n"
        "circuit shows what exchanging the circuit does to these weights, not what a network trained for it can do.\n"
        f"Dots: spikes of the neurons drawn, with their numbers; ticks: spikes of the whole layer. {reading}\n"
        "Voltages far below rest lie outside the panels."
    )

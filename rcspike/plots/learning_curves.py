"""Learning curves of a run, and one image in the layers of the network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike.circuit import Circuit
from rcspike.datasets import Split
from rcspike.network import Network
from rcspike.plots.figure_style import (
    BOTTOM,
    FAINT,
    LEFT,
    RIGHT,
    TITLE,
    WIDTH,
    blank,
    circuit_colour,
    circuit_name,
    legend_above,
    place,
    tidy,
)
from rcspike.plots.membrane_panels import (
    LayerTraces,
    check_sample,
    draw_path,
    head,
    input_size,
    layer_traces,
    shown_inputs,
)
from rcspike.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["training_figure"]

# In inches.
_CURVES_HEIGHT, _CURVES_GAP, _LOSS_WIDTH = 1.6, 0.85, 2.3
_INPUT_HEIGHT, _LAYER_HEIGHT, _PANEL_GAP = 0.85, 1.2, 0.4


def training_figure(
    network: Network,
    history: History,
    split: Split,
    *,
    sample: int = 0,
    noise: float = 0.0,
    classes: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
) -> Figure:
    """Learning curves of a run, and one image in the layers of the trained network.

    Above, the errors and the loss of every epoch on logarithmic scales; an error of zero is marked below the scale.
    Below, on one time axis, the spikes of the image and the membrane voltages of each layer: through its charging
    phase, and along the ramp of its firing phase to the threshold. Single-phase neurons are drawn until they reach the
    threshold.

    Parameters
    ----------
    network : Network
    history : History
    split : Split
        Where the image is taken from.
    sample : int
        Position of the image in `split`.
    noise : float
        Standard deviation of the spike-time noise in T that the accuracies of the history were measured with; the
        title names it.
    classes : sequence of str, optional
        Names of the classes; their numbers by default.
    inputs : sequence of str, optional
        Names of the inputs, as from `input_names`; their numbers by default, or if there are more than 24.

    Raises
    ------
    TypeError
        If the history or the split is something else, such as a whole data set.
    ValueError
        If the history is empty, there is no such sample, or the network does not fit the images.

    Examples
    --------
    >>> from rcspike import datasets
    >>> from rcspike.training import train
    >>> digits = datasets.load("digits")
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> figure = training_figure(network, train(network, digits, epochs=1, seed=0), digits.test)
    >>> [axes.get_ylabel() for axes in figure.axes][:2]
    ['error / %', 'loss']
    """
    if not isinstance(history, History):
        raise TypeError(f"history must be the History that train returns, got {type(history).__name__}")
    if not len(history):
        raise ValueError("there is no epoch to draw")
    check_sample(network, split, sample)

    path_top = TITLE + _CURVES_HEIGHT + _CURVES_GAP
    names = shown_inputs(inputs)
    height, left = input_size(_INPUT_HEIGHT, names)
    heights = (height, _LAYER_HEIGHT, _PANEL_GAP)
    path_height = heights[0] + len(network.layers) * (_PANEL_GAP + _LAYER_HEIGHT)
    figure = blank(path_top - TITLE + path_height + BOTTOM, _title(network, history, noise))
    _draw_learning(figure, history, network.circuit, left)
    layers = layer_traces(network, split.times[sample : sample + 1])
    end = max(layer.start(depth) + layer.end for depth, layer in enumerate(layers, start=1))
    where: dict[str, Any] = {"top": path_top, "heights": heights, "span": end + 0.16, "left": left}
    _head_path(draw_path(figure, layers, split, sample, classes, **where, inputs=names), layers, end)
    return figure


def _draw_learning(figure: Figure, history: History, circuit: Circuit, left: float) -> None:
    from matplotlib.ticker import MaxNLocator

    loss_left = WIDTH - RIGHT - _LOSS_WIDTH
    errors = place(figure, TITLE, _CURVES_HEIGHT, left=left, right=loss_left - LEFT - 0.1)
    loss = place(figure, TITLE, _CURVES_HEIGHT, left=loss_left, right=WIDTH - RIGHT - 0.1)  # half of a tick's number
    epochs = [e.epoch for e in history]
    colour = circuit_colour(circuit)
    marker: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(history) <= 30 else {}
    curves: dict[str, tuple[list[float], dict[str, Any]]] = {
        "training": ([e.train_accuracy for e in history], {"linestyle": "--", "linewidth": 1.0}),
        "validation": (
            [e.validation_accuracy for e in history if not math.isnan(e.validation_accuracy)],
            {"linestyle": ":", "linewidth": 1.4},
        ),
        "test": ([e.test_accuracy for e in history], {"linewidth": 1.8}),
    }
    percent = {name: (100 * (1 - np.array(shares)), style) for name, (shares, style) in curves.items() if shares}
    for name, (values, style) in percent.items():
        errors.plot(
            epochs,
            np.where(values > 0, values, math.nan) if values.any() else values,
            color=colour,
            label=name,
            **marker,
            **style,
        )
    zero = _scale(errors, np.concatenate([values for values, _ in percent.values()]))
    for name, (values, _) in percent.items():
        if zero is not None and not values.all():
            # Zero is not on a logarithmic axis: it is drawn on a line below it.
            at = [epoch for epoch, value in zip(epochs, values, strict=True) if value == 0]
            errors.plot(
                at, [zero] * len(at), "o" if name == "test" else "x", color=colour, markersize=3.5, label=f"_{name}"
            )
    errors.set_ylabel("error / %")
    legend_above(errors)

    losses = np.array([e.loss for e in history])
    loss.plot(epochs, losses, color=colour, linewidth=1.2, linestyle="--", **marker)
    loss.set_ylabel("loss")
    _scale(loss, losses)
    for axes in (errors, loss):
        tidy(axes, grid="both")
        axes.set_xlim(0.5, epochs[-1] + 0.5)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _scale(axes: Axes, values: npt.NDArray[np.float64]) -> float | None:
    """Make the axis logarithmic, with ticks such as 2, 5, 10; the place below them where values of zero are drawn."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    positive = values[values > 0]
    if len(positive) == 0:
        axes.set_ylim(-0.05, 1)
        return None
    lowest, highest = positive.min() / 1.3, positive.max() * 1.3
    axes.set_yscale("log", nonpositive="mask")
    ticks = LogLocator(subs=(1.0, 2.0, 5.0) if highest < 300 * lowest else (1.0,)).tick_values(lowest, highest)
    ticks = [tick for tick in ticks if lowest <= tick <= highest]
    zero = None
    if len(positive) < len(values):
        step = (highest / lowest) ** 0.14
        zero = float(lowest / step)
        axes.axhline(lowest, color=FAINT, linewidth=0.8, linestyle=(0, (1, 3)))
        ticks, lowest = [zero, *ticks], zero / step**0.6
    axes.set_ylim(lowest, highest)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == zero else f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    return zero


def _head_path(path: Sequence[Axes], layers: Sequence[LayerTraces], end: float) -> None:
    """Headings of the panels, and one time axis for all of them."""
    raster, *panels = path
    for depth, (axes, layer) in enumerate(zip(panels, layers, strict=True), start=1):
        last = depth == len(layers)
        n_neurons, n_spikes = len(layer.layer_t_out), int(np.isfinite(layer.layer_t_out).sum())
        name, followed = ("outputs", "") if last else (f"hidden layer {depth}", f"; {len(layer.neurons)} drawn")
        head(axes, layer.start(depth), f"{name}: {n_spikes} of {n_neurons} neurons spike{followed}")
    ticks = range(0, int(end) + 1, max(1, int(end) // 8))
    for axes in (raster, *panels):
        axes.set_xlim(-0.02, end + 0.14)
        axes.set_xticks(ticks, None if axes is panels[-1] else [])
        for t in ticks:
            axes.axvline(t, color="#d6d6d6", linewidth=0.6, zorder=0)


def _title(network: Network, history: History, noise: float) -> str:
    sizes, last = network.architecture.replace("-", "–"), history.kept
    error = 100 * (1 - last.test_accuracy)
    under = rf", spike-time noise $\sigma_t = {noise:g}\,T$" if noise else ""
    return f"{sizes}, {circuit_name(network.circuit)}: test error {error:.2f} % after epoch {last.epoch}{under}"

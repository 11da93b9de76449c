"""Figures: how a run learned, and how its network computes.

matplotlib is imported inside the functions, so that the package does without it; none of its global state is used.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rcspike import functional
from rcspike._files import written_whole
from rcspike.circuit import Circuit
from rcspike.datasets import Split
from rcspike.functional import FloatArray
from rcspike.history import History
from rcspike.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LayerTraces", "check_available", "circuit_colour", "layer_traces", "save_figure", "training_figure"]

# Dark grey on white, not black on nothing: a transparent figure cannot be read on a dark page.
_INK, _PAPER, _FAINT = "#2b2b2b", "white", "#8c8c8c"
_CHARGING, _FIRING = "#eef2f6", "#fdf3e3"
_CONVENTIONAL = "#7f7f7f"
_HIGHLIGHT = "#d55e00"  # vermilion of Okabe and Ito, apart from every colour of a circuit for any kind of eye

# All in inches. Everything has its fixed place: what matplotlib's own layouts find depends on memory addresses in the
# last bits, and changes with every drawing.
_WIDTH, _LEFT, _RIGHT, _TITLE, _BOTTOM = 9.0, 0.68, 0.12, 0.46, 0.5
_CURVES_HEIGHT, _CURVES_GAP, _LOSS_WIDTH = 1.6, 0.85, 2.9
_INPUT_HEIGHT, _LAYER_HEIGHT, _PANEL_GAP = 0.85, 1.2, 0.4


def check_available() -> None:
    """Raise ImportError, naming the way out, if matplotlib is missing.

    Examples
    --------
    >>> check_available()
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install 'rcspike[cli]'") from error


def circuit_colour(circuit: Circuit) -> str:
    """The colour of a circuit in every figure: grey if conventional, else from dark to light with its lower rail.

    Examples
    --------
    >>> circuit_colour(Circuit.conventional())
    '#7f7f7f'
    """
    check_available()
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    rail = min(circuit.e_plus, -circuit.e_minus)
    if math.isinf(rail):
        return _CONVENTIONAL
    lowest, highest = 0.5, 100.0  # in V_th; viridis above 0.8 is too light for thin lines on paper
    position = math.log(rail / lowest) / math.log(highest / lowest)
    return to_hex(colormaps["viridis"](0.1 + 0.7 * min(max(position, 0.0), 1.0)))


@dataclass(frozen=True)
class LayerTraces:
    """Some neurons of a layer while one sample passes through: charging from t = 0 to 1, firing from 1 to 2.

    Times count from the start of the layer's charging phase, in T; voltages are in V_th. `layer_traces` makes them.

    Examples
    --------
    >>> network = Network([np.array([[2.0]])], Circuit.conventional())
    >>> layer = layer_traces(network, np.array([[0.75]]))[0]
    >>> layer.ramp(np.array([0.0, 0.25]))
    array([[0.5 , 0.75]])
    """

    neurons: npt.NDArray[np.int64]  # (n,) indices in the layer, in firing order, silent ones last
    t: FloatArray  # (n_at,) in [0, 1]
    v: FloatArray  # (n, n_at) during the charging phase
    t_out: FloatArray  # (n,) spike times in [1, 2], inf for silent neurons
    layer_t_out: FloatArray  # (n_layer,) the same for the whole layer
    circuit: Circuit

    def ramp(self, at: FloatArray) -> FloatArray:
        """Voltages (n, n_at) that the firing ramp alone leads to, at times from 0 to 1 after the charging phase."""
        b, v = self.circuit.ramp, self.v[:, -1:]
        if b == 0:
            return np.asarray(v + at)
        return np.asarray((1 - (1 - b * v) * (1 - b) ** at) / b)


def layer_traces(network: Network, times: FloatArray, *, n_neurons: int = 12) -> list[LayerTraces]:
    """Membrane traces of one sample through a network, layer after layer.

    Parameters
    ----------
    network : Network
    times : (1, n_in)
        Input spike times in T.
    n_neurons : int
        How many neurons of each hidden layer to follow: spread over the firing order, at most a quarter of them
        silent as long as enough others spike. Of the last layer all are followed.

    Returns
    -------
    list of LayerTraces, one for each layer

    Raises
    ------
    TypeError, ValueError
        As in `rcspike.functional.charge`.

    Examples
    --------
    >>> network = Network([np.array([[2.0]])], Circuit.conventional())
    >>> layer = layer_traces(network, np.array([[0.75]]))[0]
    >>> layer.v[0, -1], layer.t_out[0]
    (np.float64(0.5), np.float64(1.5))
    """
    layers = []
    for depth, w in enumerate(network.weights, start=1):
        v = functional.charge(times, w, network.circuit)
        t_out = functional.fire(v, network.circuit)
        shown = _spread(v[0], len(v[0]) if depth == len(network.weights) else n_neurons)
        # The spikes themselves are among the times, so that every kink is where it belongs.
        at = np.union1d(np.linspace(0, 1, 101), times[times <= 1].astype(np.float64))
        columns: Any = np.ascontiguousarray(w[:, shown])
        traces = functional.trace(times, columns, network.circuit, at)[0]
        layers.append(LayerTraces(shown, at, traces, 1 + t_out[0, shown], 1 + t_out[0], network.circuit))
        times = t_out
    return layers


def training_figure(network: Network, history: History, split: Split, *, sample: int = 0) -> Figure:
    """How a run learned, and one image on its way through the trained network.

    Above, the errors and the loss of every epoch. Below, on one time axis, the spikes of the image and the membrane
    voltages of each layer: through its charging phase, and along the ramp of its firing phase to the threshold.

    Parameters
    ----------
    network : Network
    history : History
    split : Split
        Where the image is taken from.
    sample : int
        Position of the image in `split`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If the history is empty, there is no such sample, or the network does not fit the images.

    Examples
    --------
    >>> from rcspike import datasets, train
    >>> digits = datasets.load("digits")
    >>> network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
    >>> figure = training_figure(network, train(network, digits, epochs=1, seed=0), digits.test)
    >>> [axes.get_ylabel() for axes in figure.axes][:2]
    ['error / %', 'loss']
    """
    check_available()
    from matplotlib.figure import Figure

    if not len(history):
        raise ValueError("there is no epoch to draw")
    if not 0 <= sample < len(split.labels):
        raise ValueError(f"sample must be in [0, {len(split.labels)}), got {sample}")

    path_top = _TITLE + _CURVES_HEIGHT + _CURVES_GAP
    path_height = _INPUT_HEIGHT + len(network.weights) * (_PANEL_GAP + _LAYER_HEIGHT)
    figure = Figure(figsize=(_WIDTH, path_top + path_height + _BOTTOM), facecolor=_PAPER)
    figure.text(0.012, 1 - 0.1 / figure.get_figheight(), _title(network, history), va="top", fontsize=10, color=_INK)
    _draw_learning(figure, history, network.circuit)
    _draw_path(figure, path_top, network, split, sample)
    return figure


def save_figure(figure: Figure, stem: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write a figure as SVG and as PNG, each whole or not at all; the same figure gives the same SVG, byte for byte.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : path
        Without the suffix; ``.svg`` and ``.png`` are appended.

    Returns
    -------
    svg, png : Path

    Raises
    ------
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_figure(Figure(), f"{folder}/empty")]
    ['empty.svg', 'empty.png']
    """
    from matplotlib import rc_context

    svg, png = Path(f"{os.fspath(stem)}.svg"), Path(f"{os.fspath(stem)}.png")
    with rc_context({"svg.hashsalt": "rcspike"}), written_whole(svg) as temporary:
        figure.savefig(temporary, metadata={"Date": None})
    with written_whole(png) as temporary:
        figure.savefig(temporary, dpi=160)
    return svg, png


def _spread(v: FloatArray, n: int) -> npt.NDArray[np.int64]:
    """Up to n neurons in firing order, evenly spread over those that spike and over the silent ones."""
    order = np.argsort(-v, kind="stable")
    n_spiking = int(np.count_nonzero(v > 0))
    n_silent = min(len(v) - n_spiking, max(n // 4, n - n_spiking))
    return np.concatenate([_evenly(order[:n_spiking], n - n_silent), _evenly(order[n_spiking:], n_silent)])


def _evenly(items: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    if len(items) <= n:
        return items
    return items[np.linspace(0, len(items) - 1, n).round().astype(np.int64)]


def _place(figure: Figure, top: float, height: float, left: float = _LEFT, right: float = _WIDTH - _RIGHT) -> Axes:
    """Axes from `left` to `right`, and from `top` down."""
    total = figure.get_figheight()
    return figure.add_axes((left / _WIDTH, 1 - (top + height) / total, (right - left) / _WIDTH, height / total))


def _draw_learning(figure: Figure, history: History, circuit: Circuit) -> None:
    from matplotlib.ticker import MaxNLocator

    loss_left = _WIDTH - _RIGHT - _LOSS_WIDTH
    errors = _place(figure, _TITLE, _CURVES_HEIGHT, right=loss_left - _LEFT)
    loss = _place(figure, _TITLE, _CURVES_HEIGHT, left=loss_left)
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
        errors.plot(epochs, values, color=colour, label=name, **marker, **style)
    _scale(errors, np.concatenate([values for values, _ in percent.values()]))
    errors.set_ylabel("error / %")
    errors.legend(frameon=False, fontsize=8, labelcolor=_INK, ncols=3, loc="upper right")

    losses = np.array([e.loss for e in history])
    loss.plot(epochs, losses, color=colour, linewidth=1.2, linestyle="--", **marker)
    loss.set_ylabel("loss")
    _scale(loss, losses)
    for axes in (errors, loss):
        _tidy(axes)
        axes.set_xlim(0.5, epochs[-1] + 0.5)
        axes.set_xlabel("epoch", fontsize=9, color=_INK)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
        axes.grid(color="#e4e4e4", linewidth=0.6)


def _scale(axes: Axes, values: npt.NDArray[np.float64]) -> None:
    """Logarithmic, with ticks such as 2, 5, 10; a value of zero lies on the lower border."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    positive = values[values > 0]
    if len(positive) == 0:
        return
    lowest, highest = positive.min() / 1.3, positive.max() * 1.6
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(lowest, highest)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if highest < 300 * lowest else (1.0,)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_path(figure: Figure, top: float, network: Network, split: Split, sample: int) -> None:
    times = split.times[sample : sample + 1]
    layers = layer_traces(network, times)
    label, read = int(split.labels[sample]), int(network.predict(times)[0])
    n = len(layers)
    raster = _place(figure, top, _INPUT_HEIGHT)
    first, pitch = top + _INPUT_HEIGHT + _PANEL_GAP, _LAYER_HEIGHT + _PANEL_GAP
    panels = [_place(figure, first + depth * pitch, _LAYER_HEIGHT) for depth in range(n)]
    colour = circuit_colour(network.circuit)

    _draw_input(raster, split.images[sample], times[0], f"class {label}\nread as {read}", n)
    for depth, (axes, layer) in enumerate(zip(panels, layers, strict=True), start=1):
        last = depth == n
        _draw_layer(axes, layer, depth, colour, highlight=label if last else None)
        n_neurons, n_spikes = len(layer.layer_t_out), int(np.isfinite(layer.layer_t_out).sum())
        name, followed = ("outputs", "") if last else (f"hidden layer {depth}", f"; {len(layer.neurons)} drawn")
        _head(axes, depth - 1, f"{name}: {n_spikes} of {n_neurons} neurons spike{followed}")
    _name_phases(panels[0])
    for axes in (raster, *panels):
        _tidy(axes)
        axes.set_xlim(-0.02, n + 1.14)
        axes.set_xticks(range(n + 2), None if axes is panels[-1] else [])
        for t in range(n + 2):
            axes.axvline(t, color="#d6d6d6", linewidth=0.6, zorder=0)
    panels[-1].set_xlabel(r"time $t\,/\,T$", fontsize=9, color=_INK)


def _draw_input(axes: Axes, image: npt.NDArray[Any], times: FloatArray, caption: str, n: int) -> None:
    spiking = np.flatnonzero(times <= 1)
    axes.axvspan(0, 1, color=_CHARGING, linewidth=0, zorder=-1)
    axes.scatter(times[spiking], spiking, s=8, marker="|", color=_INK, linewidths=0.8)
    axes.set_ylim(len(times), -1)
    axes.set_ylabel("pixel")
    _head(axes, 0, f"input: {len(spiking)} of {len(times)} pixels spike, the bright ones early")
    span = n + 1.16  # of the time axis
    picture = axes.inset_axes((1.12 / span, 0.04, 0.8 / span, 0.96), anchor="W")
    picture.imshow(image, cmap="gray_r")
    picture.set_xticks([])
    picture.set_yticks([])
    for spine in picture.spines.values():
        spine.set_color(_FAINT)
    picture.text(1.08, 0.5, caption, transform=picture.transAxes, va="center", fontsize=9, color=_INK, linespacing=1.5)


def _draw_layer(axes: Axes, layer: LayerTraces, depth: int, colour: str, *, highlight: int | None) -> None:
    """One panel: traces, ramps and spikes; `highlight` is the class of the sample if this is the last layer."""
    start, middle, end = depth - 1, depth, depth + 1
    axes.axvspan(start, middle, color=_CHARGING, linewidth=0, zorder=-1)
    axes.axvspan(middle, end, color=_FIRING, linewidth=0, zorder=-1)
    axes.plot([start, end], [1, 1], color=_INK, linestyle="--", linewidth=0.8)
    axes.text(end + 0.02, 1, r"$V_\mathrm{th}$", va="center", fontsize=8, color=_INK)

    for neuron, v, t_out in zip(layer.neurons, layer.v, layer.t_out, strict=True):
        chosen = neuron == highlight
        style: dict[str, Any] = {
            "color": _HIGHLIGHT if chosen else colour,
            "linewidth": 1.8 if chosen else 0.9,
            "alpha": 1.0 if np.isfinite(t_out) or chosen else 0.35,
            "zorder": 4 if chosen else 3,
        }
        axes.plot(start + layer.t, v, **style)
        ramp_t = np.linspace(0, min(t_out - 1, 1.0), 41, dtype=v.dtype)
        axes.plot(middle + ramp_t, layer.ramp(ramp_t)[layer.neurons == neuron][0], **style)
        if np.isfinite(t_out):
            axes.plot(
                start + t_out,
                1,
                "o",
                markersize=5 if chosen else 3.8,
                markeredgecolor=_PAPER,
                markeredgewidth=0.6,
                **style,
            )
    if highlight is None:
        spikes = start + layer.layer_t_out[np.isfinite(layer.layer_t_out)]
        axes.vlines(spikes, 1.1, 1.22, color=colour, linewidth=0.6, alpha=0.7)
    else:
        _label_spikes(axes, layer, start, colour, highlight)
    axes.set_ylim(max(min(layer.v.min() * 1.25, -0.25), -1.3), min(max(layer.v.max() * 1.05, 1.38), 2.0))
    axes.set_ylabel(r"$v\,/\,V_\mathrm{th}$")


def _label_spikes(axes: Axes, layer: LayerTraces, start: int, colour: str, highlight: int) -> None:
    """The class of each output above its spike, wherever there is room; the true one in any case."""
    taken: list[float] = []
    for neuron, t_out in sorted(zip(layer.neurons, layer.t_out, strict=True), key=lambda pair: pair[0] != highlight):
        if np.isfinite(t_out) and all(abs(t_out - t) > 0.05 for t in taken):
            taken.append(float(t_out))
            chosen = neuron == highlight
            axes.annotate(
                str(neuron),
                (start + t_out, 1),
                xytext=(0 if t_out > 1 else 5, 5),  # a saturated output's trace comes from below and goes on
                textcoords="offset points",
                ha="center",
                fontsize=10 if chosen else 8,
                fontweight="bold" if chosen else "normal",
                color=_HIGHLIGHT if chosen else colour,
            )


def _name_phases(axes: Axes) -> None:
    """In the panel of the first layer, where its traces leave room."""
    style: dict[str, Any] = {"fontsize": 8, "style": "italic", "color": _INK, "transform": axes.get_xaxis_transform()}
    axes.text(0.02, 0.04, "charging", **style)
    axes.text(1.98, 0.04, "firing (ramp)", ha="right", **style)


def _head(axes: Axes, start: int, text: str) -> None:
    """Above a panel, where its first phase begins."""
    axes.text(start, 1.02, text, transform=axes.get_xaxis_transform(), va="bottom", fontsize=9, color=_INK)


def _title(network: Network, history: History) -> str:
    circuit = network.circuit
    if math.isinf(circuit.e_plus) and math.isinf(circuit.e_minus):
        rails = "conventional circuit"
    elif circuit.e_plus == -circuit.e_minus:
        rails = rf"RC-Spike, $V_\mathrm{{syn}} = {circuit.e_plus:g}\,V_\mathrm{{th}}$"
    else:
        rails = rf"RC-Spike, $E_+ = {circuit.e_plus:g}$, $E_- = {circuit.e_minus:g}\,V_\mathrm{{th}}$"
    sizes, last = "–".join(map(str, network.sizes)), history.epochs[-1]
    return f"{sizes}, {rails}: test error {100 * (1 - last.test_accuracy):.2f} % after epoch {last.epoch}"


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=8, colors=_INK, which="both")
    axes.yaxis.label.set(fontsize=9, color=_INK)
    axes.yaxis.set_label_coords(-0.46 / (axes.get_position().width * _WIDTH), 0.5)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_FAINT)

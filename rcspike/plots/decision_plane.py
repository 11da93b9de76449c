"""Which class a network answers at each point of the plane of two features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike.datasets import Dataset, Inputs
from rcspike.network import LayeredNetwork
from rcspike.plots.figure_style import (
    BOTTOM,
    HIGHLIGHT,
    INK,
    LEFT,
    NARROW,
    PALETTE,
    TITLE,
    blank,
    circuit_name,
    legend,
    literal,
    place,
    tidy,
)
from rcspike.training.evaluation import check_fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plane_figure"]

_SIDE = 4.1  # of the plane, in inches
_POINTS = 410  # along a side at which the network answers: 100 an inch
_COLOURS = (PALETTE[0], HIGHLIGHT, *PALETTE[1:-1])  # of the classes in their order; with more, they begin again
_GROUND = 0.25  # of the colour of a class in its region, the rest of which is white


def plane_figure(network: LayeredNetwork, dataset: Dataset) -> Figure:
    """The region of each class in the plane of two features, and the test samples.

    A region has a pale shade of the colour of the class that the network answers there, and is white where a
    single-phase network gives no answer. A test sample has the colour of its own class, and a black edge if the network
    answers another one.

    Parameters
    ----------
    network : LayeredNetwork
        A network that was trained on the data set, or a chip of it.
    dataset : Dataset
        A table of two features, such as ``yin-yang`` or one of a user.

    Raises
    ------
    ValueError
        If the data set is not a table of two features, or does not fit the network.

    Examples
    --------
    >>> from rcspike import Circuit, Network, datasets
    >>> network = Network.create([4, 8, 3], Circuit(v_syn=8.0), seed=0)
    >>> figure = plane_figure(network, datasets.load("yin-yang"))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('x', 'y')
    """
    scaling, test = dataset.scaling, dataset.test
    if scaling is None or scaling.n_features != 2:
        kind = "no table" if scaling is None else f"a table of {scaling.n_features}"
        raise ValueError(f"{dataset.name} must be a table of two features to be drawn as a plane, but it is {kind}")
    check_fit(network, test)
    ends = np.stack([scaling.knots[0], scaling.knots[-1]], axis=1)
    sides = [low + (high - low) * (np.arange(_POINTS) + 0.5) / _POINTS for low, high in ends]
    grid = np.stack([side.ravel() for side in np.meshgrid(*sides)], axis=1)
    answers = network.predict(Inputs.of(dataset).times(grid)).reshape(_POINTS, _POINTS)
    wrong = network.predict(test.times) != test.labels

    sizes = "–".join(map(str, network.sizes))
    heading = f"{literal(dataset.name)}: {sizes}, {circuit_name(network.circuit)}"
    figure = blank(_SIDE + BOTTOM, f"{heading}: {wrong.sum():,} of {len(wrong):,} test samples wrong", width=NARROW)
    axes = place(figure, TITLE, _SIDE, right=LEFT + _SIDE)
    axes.imshow(_ground(answers), extent=tuple(ends.ravel()), origin="lower", aspect="auto", interpolation="nearest")
    steps = np.linspace(0, 1, len(scaling.knots))
    x, y = (np.interp(test.images[:, i], steps, scaling.knots[:, i]) for i in range(2))  # within the plane
    style: dict[str, Any] = {"linewidths": 1.0, "clip_on": False}
    shown = {}
    for label, name in enumerate(dataset.class_names):
        of_class = test.labels == label
        right, missed = of_class & ~wrong, of_class & wrong
        colour = _colour(label)
        shown[literal(name)] = axes.scatter(x[right], y[right], s=7, color=colour, **style | {"linewidths": 0})
        axes.scatter(x[missed], y[missed], s=22, color=colour, edgecolors=INK, zorder=3, **style)
    shown["answered wrongly"] = axes.scatter([], [], s=22, color="none", edgecolors=INK, **style)
    tidy(axes)
    names = dataset.columns or ("feature 0", "feature 1")
    axes.set_xlabel(literal(names[0]))
    axes.set_ylabel(literal(names[1]))
    legend(axes, shown)
    return figure


def _colour(label: int) -> str:
    return _COLOURS[label % len(_COLOURS)]


def _ground(answers: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Colours (height, width, 3) of the regions, from the class at each point; -1 is white."""
    from matplotlib.colors import to_rgb

    picture = np.ones((*answers.shape, 3))
    for label in np.unique(answers[answers >= 0]).tolist():
        picture[answers == label] = 1 - _GROUND * (1 - np.array(to_rgb(_colour(label))))
    return picture

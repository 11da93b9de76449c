"""Accuracy and yield of virtual chips against the size of an effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rcspike.circuit import Circuit
from rcspike.experiments import Sample
from rcspike.plots.accuracy_limits import limits_of_most
from rcspike.plots.chip_accuracy import chips_heading, draw_wanted, mean_and_error
from rcspike.plots.figure_style import BOTTOM, NARROW, TITLE, blank, circuit_colour, legend, literal, place, tidy
from rcspike.plots.parameter_axis import draw_parameter_axis

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["chip_curves_figure"]

_HEIGHT, _YIELD_HEIGHT, _GAP = 2.0, 1.0, 0.25


def chip_curves_figure(
    samples: Sequence[Sample], *, ideal: float, circuit: Circuit, required: float | None = None, note: str = ""
) -> Figure:
    """Accuracy over chips against the parameter of an effect, and below it the yield if an accuracy is required.

    The mean has its standard error over the chips as a bar, the yield that of a share; the band is from the 5 % to the
    95 % quantile. The axis is logarithmic if the values of the parameter are.

    Parameters
    ----------
    samples : sequence of Sample
        Of the cases of one call of `rcspike.experiments.sweep_cases`.
    ideal : float
        Accuracy of the network without any effect, in [0, 1].
    circuit : Circuit
        That of the network.
    required : float, optional
        Accuracy that a chip has to have, in [0, 1].
    note : str
        Added to the title.

    Raises
    ------
    ValueError
        If the samples are not of one parameter.

    Examples
    --------
    >>> from rcspike.chips import Devices, Jitter
    >>> from rcspike.experiments import sweep_cases
    >>> cases = sweep_cases([Jitter()], Devices(), "jitter", [0.01, 0.02, 0.04])
    >>> samples = [Sample(case, (0.97, 0.96)) for case in cases]
    >>> chip_curves_figure(samples, ideal=0.98, circuit=Circuit()).axes[0].get_xlabel()
    'jitter sigma'
    """
    varied = [sample.case.varied for sample in samples]
    names = {name for name, _ in filter(None, varied)}
    if len(names) != 1 or None in varied:
        raise ValueError(
            f"the samples must be of the cases of one parameter, got those of {', '.join(names) or 'none'}"
        )
    by_value = {found[1]: sample for found, sample in zip(varied, samples, strict=True) if found}
    values = sorted(by_value)
    sorted_samples = [by_value[value] for value in values]
    (name,) = names

    below = 0.0 if required is None else _GAP + _YIELD_HEIGHT
    figure = blank(_HEIGHT + below + BOTTOM, chips_heading(samples, circuit, note), width=NARROW)
    axes = place(figure, TITLE, _HEIGHT)
    at = list(map(draw_parameter_axis(axes, values).__getitem__, values))
    colour = circuit_colour(circuit)
    style: dict[str, Any] = {"color": colour, "markersize": 4, "linewidth": 1.3, "capsize": 2.5}
    low, high = ([100 * sample.quantile(q) for sample in sorted_samples] for q in (0.05, 0.95))
    # Nothing lies between a value that stands apart and its neighbour: curves and band begin after it.
    joined = np.array([place == value for place, value in zip(at, values, strict=True)])
    band = axes.fill_between(at, low, high, where=joined, color=colour, alpha=0.16, linewidth=0)
    ends = (np.compress(~joined, part) for part in (at, low, high))
    for place_apart, first, last in zip(*ends, strict=True):
        axes.plot([place_apart] * 2, [first, last], color=colour, alpha=0.16, linewidth=8, solid_capstyle="butt")
    means, errors = zip(*map(mean_and_error, sorted_samples), strict=True)
    curve = axes.errorbar(at, means, yerr=None if None in errors else errors, fmt="o", **style)
    axes.plot(np.compress(joined, at), np.compress(joined, means), color=colour, linewidth=1.3)
    named: dict[str, Artist] = {"mean and standard error": curve, "5 % to 95 % of the chips": band}  # type: ignore[dict-item]
    wanted = [] if required is None else [100 * required]
    axes.set_ylim(limits_of_most([*high, 100 * ideal, *wanted], always=low))
    named |= draw_wanted(axes.axhline, ideal, required, axes.get_ylim()[0])
    axes.set_ylabel("test accuracy / %")
    panels = [axes]
    if required is not None:
        n = np.array([len(sample.accuracies) for sample in sorted_samples])
        share = np.array([sample.share_above(required) for sample in sorted_samples])
        yields = place(figure, TITLE + _HEIGHT + _GAP, _YIELD_HEIGHT)
        draw_parameter_axis(yields, values)
        # The standard error of a share of n independent chips.
        yields.errorbar(at, 100 * share, yerr=100 * np.sqrt(share * (1 - share) / n), fmt="s", **style)
        yields.plot(np.compress(joined, at), np.compress(joined, 100 * share), color=colour, linewidth=1.3)
        yields.set_ylim(-6, 106)
        yields.set_ylabel("yield / %")
        axes.tick_params(labelbottom=False)
        panels.append(yields)
    panels[-1].set_xlabel(literal(name))
    for shown in panels:
        tidy(shown, grid="y")
    legend(panels[-1], named)
    return figure

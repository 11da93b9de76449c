"""Figures as an author uses them: axes that fit, legends and titles that leave room, bars that mean the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from rcspike import Circuit, Network, plots
from rcspike.chips import Devices, Variation
from rcspike.datasets import Dataset
from rcspike.energy import PARTS
from rcspike.experiments import Case, Sample, sweep_cases

ROW: dict[str, Any] = {"dataset": "mnist", "model": "rc-spike", "hidden": "200-200", "n": 4}
PUBLISHED = [0.5, 1.0, 2.0, 4.0, 8.0, math.inf]


def sweep(accuracies: dict[float, float], deviation: float | None = 0.2, **more: Any) -> list[dict[str, Any]]:
    deviations = {"test_std": deviation, "energy_pj_std": deviation}
    return [{**ROW, **deviations, **more, "v_syn": v, "test_mean": mean, "energy_pj_mean": 100 * (1 + i)}
            for i, (v, mean) in enumerate(accuracies.items())]  # fmt: skip


def swept_chips(values: list[float]) -> list[Sample]:
    cases = sweep_cases([Variation(sigma=0.1)], Devices(), "variation", values)
    return [Sample(case, (0.95 - 0.01 * i, 0.96, 0.97)) for i, case in enumerate(cases)]


def boxes(figure: Figure) -> tuple[list[Any], list[Any], Any]:
    """Extents in pixels of the panels with their labels, of the legends, and of the whole figure."""
    figure.canvas.draw()
    legends = [legend for axes in figure.axes if (legend := axes.get_legend())]
    panels = []
    for axes in figure.axes:
        texts = [*axes.get_xticklabels(), axes.xaxis.label]
        panels += [axes.get_window_extent(), *(text.get_window_extent() for text in texts if text.get_text())]
    return panels, [legend.get_window_extent() for legend in legends], figure.bbox


DRAWN = {
    "sweep": lambda: plots.sweep_figure(
        [row for e in range(5) for row in sweep(dict.fromkeys(PUBLISHED, 97.0 + e / 9), epochs=e)]
    ),
    "pareto": lambda: plots.pareto_figure(sweep(dict(zip(PUBLISHED, (97, 98, 99, 99.1, 99.2, 99.3), strict=True)))),
    "chips": lambda: plots.chips_figure(
        [Sample(Case(name), (0.9, 0.92)) for name in "abc"], ideal=0.95, circuit=Circuit(), required=0.8
    ),
    "chip curves": lambda: plots.chip_curves_figure(
        swept_chips([0.0, 0.05, 0.1, 0.2]), ideal=0.98, circuit=Circuit(), required=0.96
    ),
    "energy": lambda: plots.energy_figure(
        {"one": {part: np.full((1, 2), 1e-12) for part in PARTS}}, heading="x " * 150
    ),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_legend_leaves_the_panels_free_and_the_figure_to_them(kind: str) -> None:
    panels, legends, whole = boxes(DRAWN[kind]())
    (legend,) = legends
    assert not any(legend.overlaps(panel) for panel in panels)
    assert legend.width * legend.height < 0.25 * whole.width * whole.height
    assert legend.x0 >= 0 and legend.y0 >= 0 and legend.x1 <= whole.x1


@pytest.mark.parametrize("n_words", [1, 30, 120])
def test_a_title_wraps_and_stays_above_the_panels(n_words: int) -> None:
    rows = sweep({1.0: 98.0, 2.0: 98.5}, dataset="word " * n_words)
    panels, _, whole = boxes(figure := plots.sweep_figure(rows))
    title = figure.texts[0].get_window_extent()
    assert title.x1 <= whole.x1
    assert title.y1 <= whole.y1
    assert not any(title.overlaps(panel) for panel in panels)


def test_all_bars_are_standard_errors() -> None:
    rows = sweep({1.0: 98.0, 2.0: 98.5})
    for figure in (plots.sweep_figure(rows), plots.pareto_figure(rows)):
        for container in figure.axes[0].containers:
            for segment in container.lines[2][-1].get_segments():  # the vertical bars
                assert np.ptp(segment[:, 1]) == pytest.approx(2 * 0.2 / math.sqrt(4))
        assert "standard error" in figure.texts[0].get_text()
    accuracies = (0.90, 0.92, 0.97)
    (axes,) = plots.chips_figure([Sample(Case("all"), accuracies)], ideal=0.99, circuit=Circuit()).axes
    (segment,) = axes.containers[0].lines[2][0].get_segments()
    assert np.ptp(segment[:, 0]) == pytest.approx(2 * 100 * np.std(accuracies, ddof=1) / math.sqrt(3))


def test_the_axis_of_a_parameter_is_logarithmic_where_its_values_are() -> None:
    for values, scale in (([1.0, 2.0, 4.0, 8.0], "log"), ([1.0, 2.0, 3.0, 4.0], "linear"), ([0.0, 0.01, 0.1], "log")):
        (axes,) = plots.chip_curves_figure(swept_chips(values), ideal=0.98, circuit=Circuit()).axes
        assert axes.get_xscale() == scale
        assert [text.get_text() for text in axes.get_xticklabels()] == [f"{value:g}" for value in values]
        low, high = axes.get_xlim()
        at = axes.get_xticks()
        assert low < min(at) and max(at) < high and list(at) == sorted(at)
        assert [place for place, value in zip(at, values, strict=True) if value > 0] == [v for v in values if v > 0]


def test_chips_against_an_effect_have_their_means_and_their_yield() -> None:
    values = [0.4, 0.1, 0.2]
    samples = swept_chips(values)
    above, below = plots.chip_curves_figure(samples, ideal=0.98, circuit=Circuit(), required=0.945).axes
    order = np.argsort(values)
    drawn = above.containers[0].lines[0]
    assert list(drawn.get_xdata()) == sorted(values)
    np.testing.assert_allclose(np.asarray(drawn.get_ydata(), float), [100 * samples[i].mean for i in order])
    yields = np.asarray(below.containers[0].lines[0].get_ydata(), float)
    np.testing.assert_allclose(yields, [100 * np.mean(np.array(samples[i].accuracies) >= 0.945) for i in order])
    assert (above.get_ylabel(), below.get_ylabel()) == ("test accuracy / %", "yield / %")
    low, high = above.get_ylim()
    assert low < 100 * min(sample.quantile(0.05) for sample in samples) and high > 98
    with pytest.raises(ValueError, match="one parameter"):
        plots.chip_curves_figure([Sample(Case("all"), (0.9,))], ideal=0.9, circuit=Circuit())


@given(st.floats(1, 80))
def test_one_bad_case_does_not_squeeze_the_others_and_has_its_number(bad: float) -> None:
    good = [97.0, 97.5, 98.0]
    samples = [Sample(Case(f"case {x}"), (x / 100,)) for x in (*good, bad)]
    (axes,) = plots.chips_figure(samples, ideal=0.98, circuit=Circuit()).axes
    low, high = axes.get_xlim()
    assert bad < low < min(good) and max(good) < high < 99
    assert f"{bad:.1f} %" in [text.get_text() for text in axes.texts]
    (axes,) = plots.sweep_figure(sweep(dict(zip((0.5, 1.0, 2.0, 4.0), (bad, *good), strict=True)))).axes
    low, high = axes.get_ylim()
    assert bad < low < min(good) and max(good) < high < 99
    assert f"{bad:.1f} %" in [text.get_text() for text in axes.texts]


@given(st.lists(st.floats(90, 99), min_size=2, max_size=8))
def test_the_axis_covers_accuracies_that_are_near_one_another(accuracies: list[float]) -> None:
    close = [98 + (accuracy - 98) / 30 for accuracy in accuracies]
    (axes,) = plots.sweep_figure(sweep(dict(zip(range(1, 9), close, strict=False)))).axes
    low, high = axes.get_ylim()
    assert low <= min(close) - 0.1 and max(close) + 0.1 <= high
    assert not axes.texts


def test_a_front_of_one_circuit_is_no_line() -> None:
    (axes,) = plots.pareto_figure(sweep({1.0: 99.0, 2.0: 98.0, 4.0: 97.0})).axes
    legend = axes.get_legend()
    assert legend is not None
    assert not any("front" in text.get_text() for text in legend.get_texts())


def test_small_parts_have_a_panel_without_the_largest() -> None:
    parts = {part: np.full((1, 1), 1e-12) for part in PARTS}
    parts["comparators"] = np.full((1, 1), 1e-9)
    whole, rest = plots.energy_figure({"one": parts}).axes
    assert rest.get_title(loc="left") == "all layers, without comparators"
    assert whole.get_xlim()[1] > 1000 and rest.get_xlim()[1] == pytest.approx(len(PARTS) - 1)


def test_tables_have_the_names_of_their_inputs() -> None:
    x = np.random.default_rng(0).random((40, 2))
    data = Dataset.from_arrays(x, np.arange(40) % 2, columns=["petal length", "a name longer than its place"])
    names = plots.input_names(data)
    assert names == [*data.columns, *(f"1 − {name}" for name in data.columns), "always on"]
    network = Network.create([5, 4, 2], Circuit(), seed=0)
    figure = plots.trace_figure(network, data.test, inputs=names)
    figure.canvas.draw()
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels][:2] == ["petal length", "a name longer than …"]
    assert all(label.get_window_extent().x0 >= 0 for label in labels)

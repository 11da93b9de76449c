"""The figures: that they show what the engine computed, and leave nothing half-written or changed behind."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from rcspike import Circuit, Epoch, History, Network, functional, plots
from rcspike.datasets import Dataset, Inputs, Scaling, Split
from rcspike.energy import PARTS, RatioRange, columns_of, layer_devices, load_process
from rcspike.experiments import Case, Sample
from rcspike.training import Latency

CIRCUITS = [
    Circuit(v_syn=1.0),
    Circuit.conventional(),
    Circuit(v_syn=2.0, e_minus=-0.7, diode_drop=0.1, ramp=0.5),
    Circuit(v_syn=3.0, ramp=-1.0),
]

# Voltages are a few units and add up some 40 terms, each good to an ulp of 2.2e-16 of double precision.
ROUNDING = 1e-13


def made_up_split(n: int = 3) -> Split:
    rng = np.random.default_rng(5)
    images = rng.random((n, 6, 7)) * (rng.random((n, 6, 7)) < 0.6)
    return Split(images, np.arange(n) % 4)


def network_on(circuit: Circuit) -> Network:
    rng = np.random.default_rng(6)
    sizes = (42, 30, 20, 4)
    weights = [rng.normal(0.1, 1.5 / math.sqrt(n_in), (n_in, n_out)) for n_in, n_out in pairwise(sizes)]
    return Network(weights, circuit)


def made_up_history(n: int = 4, *, validation: float = math.nan, error: float = 0.1) -> History:
    epochs = [
        Epoch(k, 1e-3, 1 / k, 1 - error / k, validation, 1 - 2 * error / k, (0.4,), (0.0,), 1.0)
        for k in range(1, n + 1)
    ]
    return History(epochs)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return plots.training_figure(network_on(CIRCUITS[0]), made_up_history(validation=0.8), made_up_split(), sample=1)


def panels(figure: Figure) -> dict[str, list[Axes]]:
    named: dict[str, list[Axes]] = {}
    for axes in figure.axes:
        named.setdefault(axes.get_ylabel(), []).append(axes)
    return named


def voltages_and_times(network: Network, times: Any) -> list[tuple[Any, Any]]:
    layers = []
    for w in network.weights:
        v = functional.charge(times, w, network.circuit)
        times = functional.fire(v, network.circuit)
        layers.append((v[0], times[0]))
    return layers


def test_the_figure_has_curves_the_input_and_a_panel_for_each_layer(figure: Figure) -> None:
    named = panels(figure)
    assert {name: len(axes) for name, axes in named.items()} == {
        "error / %": 1,
        "loss": 1,
        "pixel": 1,
        r"$v\,/\,V_\mathrm{th}$": 3,
    }
    for name in ("error / %", "loss"):
        assert named[name][0].get_xlabel() == "epoch"
    assert "T$" in figure.axes[-1].get_xlabel()


def test_the_curves_are_those_of_the_history(figure: Figure) -> None:
    lines = {line.get_label(): line.get_ydata() for line in panels(figure)["error / %"][0].lines}
    history = made_up_history(validation=0.8)
    assert lines.keys() == {"training", "validation", "test"}
    np.testing.assert_allclose(lines["test"], [100 * (1 - e.test_accuracy) for e in history])
    np.testing.assert_allclose(lines["training"], [100 * (1 - e.train_accuracy) for e in history])
    np.testing.assert_allclose(lines["validation"], 20)


def test_epochs_without_an_error_are_marked_below_the_scale() -> None:
    epochs = [
        Epoch(k, 1e-3, 1 / k, train, math.nan, 0.9, (0.4,), (0.0,), 1.0)
        for k, train in enumerate((0.8, 0.99, 1.0, 1.0), start=1)
    ]
    figure = plots.training_figure(network_on(CIRCUITS[0]), History(epochs), made_up_split())
    axes = panels(figure)["error / %"][0]
    (marked,) = [line for line in axes.lines if line.get_label() == "_training"]
    assert list(marked.get_xdata()) == [3, 4]
    (height,) = set(marked.get_ydata())
    assert axes.get_ylim()[0] < height < 1, "the marks are on the panel, below the lowest error above zero"
    labels = dict(zip(axes.get_yticks(), (text.get_text() for text in axes.get_yticklabels()), strict=True))
    assert labels[height] == "0"


def test_each_drawn_trace_ends_its_charging_phase_at_the_voltage_of_the_engine(figure: Figure) -> None:
    layers = voltages_and_times(network_on(CIRCUITS[0]), made_up_split().times[1:2])
    for depth, (axes, (v, _)) in enumerate(zip(panels(figure)[r"$v\,/\,V_\mathrm{th}$"], layers, strict=True), start=1):
        ends = [
            line.get_ydata()[-1]
            for line in axes.lines
            if len(line.get_xdata()) > 2 and line.get_xdata()[0] == depth - 1 and line.get_xdata()[-1] == depth
        ]
        assert len(ends) == min(len(v), 12)
        for end in ends:
            assert np.abs(v - end).min() <= ROUNDING


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_traces_begin_at_rest_and_end_where_charge_says(circuit: Circuit) -> None:
    network, times = network_on(circuit), made_up_split().times[:1]
    layers = plots.layer_traces(network, times)
    for layer, (v, t_out) in zip(layers, voltages_and_times(network, times), strict=True):
        assert layer.t[0] == 0
        assert layer.t[-1] == 1
        assert not layer.v[:, 0].any()
        np.testing.assert_allclose(layer.v[:, -1], v[layer.neurons], rtol=0, atol=ROUNDING)
        np.testing.assert_array_equal(layer.t_out, 1 + t_out[layer.neurons])
        np.testing.assert_array_equal(layer.layer_t_out, 1 + t_out)


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_each_ramp_meets_the_threshold_at_the_spike(circuit: Circuit) -> None:
    n_checked = 0
    for layer in plots.layer_traces(network_on(circuit), made_up_split().times[:1]):
        v = layer.v[:, -1]
        np.testing.assert_allclose(layer.ramp(np.zeros(1))[:, 0], v, rtol=0, atol=ROUNDING)
        for neuron in np.flatnonzero((v > 0) & (v < 1)):
            n_checked += 1
            assert layer.ramp(layer.t_out[neuron : neuron + 1] - 1)[neuron, 0] == pytest.approx(1, abs=ROUNDING)
    assert n_checked > 3


def test_traces_have_a_kink_where_their_input_spikes() -> None:
    network = Network([np.array([[2.0], [-3.0]])], Circuit.conventional())
    (layer,) = plots.layer_traces(network, np.array([[0.2345, 0.6789]]))
    assert {0.2345, 0.6789} <= set(layer.t.tolist())
    exact = 2 * np.maximum(layer.t - 0.2345, 0) - 3 * np.maximum(layer.t - 0.6789, 0)
    np.testing.assert_allclose(layer.v[0], exact, rtol=0, atol=ROUNDING)


# The engine takes numbers below the normal range as 0.
VOLTAGES = st.floats(-2, 2, allow_subnormal=False)


@given(v=arrays(np.float64, st.integers(1, 60), elements=VOLTAGES), n=st.integers(4, 14))
def test_the_neurons_shown_spread_over_the_firing_order(v: Any, n: int) -> None:
    # From the start of the phase, the conventional circuit charges its hidden neurons to their weights.
    network = Network([v[None, :], np.ones((len(v), 1))], Circuit.conventional())
    hidden, _ = plots.layer_traces(network, np.array([[0.0]]), n_neurons=n)
    shown = hidden.neurons
    assert len(set(shown.tolist())) == len(shown) == min(n, len(v))
    assert (np.diff(v[shown]) <= 0).all()
    n_silent = np.count_nonzero(v[shown] <= 0)
    if (v > 0).sum() >= n:
        assert n_silent <= n // 4
    if (v > 0).any():
        assert v[shown[0]] == v.max()
    if (v <= 0).any():
        assert n_silent > 0
    if n_silent > 1:
        assert v[shown[-1]] == v.min()


def test_the_conventional_circuit_is_grey_and_rc_spike_goes_from_dark_to_light() -> None:
    red, green, blue = to_rgb(plots.circuit_colour(Circuit.conventional()))
    assert red == green == blue
    lightness = [
        np.dot((0.2126, 0.7152, 0.0722), to_rgb(plots.circuit_colour(Circuit(v_syn=v))))
        for v in (0.5, 1, 2, 4, 10, 100)
    ]
    assert (np.diff(lightness) > 0).all()
    assert plots.circuit_colour(Circuit(v_syn=1000)) == plots.circuit_colour(Circuit(v_syn=100))


@pytest.mark.parametrize(
    ("history", "sizes"),
    [
        (made_up_history(1), (42, 4)),
        (made_up_history(40, error=0.0), (42, 3, 4)),
        (made_up_history(2, error=0.5), (42, 4)),
    ],
    ids=["one epoch and no hidden layer", "no error at all", "chance"],
)
def test_unusual_runs_can_be_drawn(history: History, sizes: tuple[int, ...], tmp_path: Path) -> None:
    network = Network.create(sizes, Circuit.conventional(), seed=0)
    figure = plots.training_figure(network, history, made_up_split())
    figure.canvas.draw()


def test_a_black_image_can_be_drawn() -> None:
    split = Split(np.zeros((1, 6, 7)), np.array([0]))
    plots.training_figure(network_on(CIRCUITS[0]), made_up_history(1), split).canvas.draw()


def test_an_empty_history_and_a_sample_that_is_not_there_are_rejected() -> None:
    network, split = network_on(CIRCUITS[0]), made_up_split()
    with pytest.raises(ValueError, match="no epoch"):
        plots.training_figure(network, History(), split)
    for sample in (-1, 3):
        with pytest.raises(ValueError, match=rf"no image {sample}: sample must be in \[0, 3\)"):
            plots.training_figure(network, made_up_history(), split, sample=sample)


def test_the_same_run_gives_the_same_svg_and_no_setting_of_matplotlib_changes(figure: Figure, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    again = plots.training_figure(network_on(CIRCUITS[0]), made_up_history(validation=0.8), made_up_split(), sample=1)
    svg, png = plots.save_figure(figure, tmp_path / "run.v1")
    other, _ = plots.save_figure(again, tmp_path / "other")
    assert (svg.name, png.name) == ("run.v1.svg", "run.v1.png")
    assert svg.read_bytes() == other.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before


def test_a_figure_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "learning.svg").write_text("the old one")

    class Breaking(Figure):
        def savefig(self, fname: Any, **_: Any) -> None:
            Path(fname).write_text("half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        plots.save_figure(Breaking(), tmp_path / "learning")
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("learning.svg", "the old one")]


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'rcspike\[cli\]'"):
        plots.training_figure(network_on(CIRCUITS[0]), made_up_history(), made_up_split())


def test_matplotlib_is_loaded_only_for_a_figure_and_pyplot_never() -> None:
    script = (
        "import sys, rcspike.plots as p; assert 'matplotlib' not in sys.modules;"
        "from rcspike import Circuit; p.circuit_colour(Circuit()); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent)


@pytest.mark.parametrize("draw", ["training", "trace"])
def test_figures_of_a_table_have_the_names_of_its_classes_and_no_picture(draw: str) -> None:
    split = Split(np.random.default_rng(0).random((4, 5)), np.array([1, 0, 1, 0]))
    network, names = Network.create([5, 4, 2], Circuit(), seed=0), ["setosa", "a name that is long"]
    if draw == "training":
        figure = plots.training_figure(network, made_up_history(2), split, classes=names)
    else:
        figure = plots.trace_figure(network, split, classes=names)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    read = names[int(network.predict(split.times[:1])[0])][:5]
    assert any(text.startswith(f"class a name that i…\nread as {read}") for text in texts)
    assert not any(axes.images or axes.child_axes for axes in figure.axes)


# Texts of users


NAMES = ["$0_to_$10", "$0 to $10", "_hidden", "a\\$b", "x^2 \\alpha"]


def drawn(figure: Figure) -> list[str]:
    """Each text as a viewer of the SVG file shows it."""
    stream = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(stream, format="svg")
    texts = ElementTree.fromstring(stream.getvalue()).iter("{http://www.w3.org/2000/svg}text")
    # matplotlib writes a text that has a formula letter by letter, with spaces that do not break.
    return ["".join(part.strip(" \n") for part in text.itertext()).replace("\xa0", " ") for text in texts]


def rows_of(name: str, **more: Any) -> list[dict[str, Any]]:
    row = {"dataset": name, "hidden": "8", "model": "rc-spike", "n": 1, "test_std": None, "energy_pj_std": None, **more}
    return [{**row, "v_syn": v, "test_mean": 97 + v, "energy_pj_mean": 300 * v} for v in (1.0, 1.2)]


def two_features(**options: Any) -> Dataset:
    x = np.random.default_rng(3).normal([10.0, -3.0], [2.0, 0.1], (40, 2))
    return Dataset.from_arrays(x, options.pop("y"), test_fraction=0.5, **options)


FIGURES: dict[str, Callable[[str], Figure]] = {
    "confusion": lambda name: plots.confusion_figure(np.eye(2, dtype=np.int64), [name, "b"]),
    "training": lambda name: plots.training_figure(
        network_on(CIRCUITS[0]), made_up_history(), made_up_split(), sample=1, classes=["a", name, "c", "d"]
    ),
    "trace": lambda name: plots.trace_figure(
        network_on(CIRCUITS[0]), made_up_split(), sample=1, classes=["a", name, "c", "d"]
    ),
    "maps": lambda name: plots.maps_figure(
        Network.create("conv2-4", Circuit(), input_shape=(6, 7), seed=0), made_up_split(), sample=1, classes=["a", name]
    ),
    "plane": lambda name: plots.plane_figure(
        Network.create([5, 4, 2], Circuit(), seed=0), two_features(columns=[name, "b"], y=["a", "b"] * 20)
    ),
    "chips": lambda name: plots.chips_figure(
        [Sample(Case(name.replace("_", " ")), (0.5,))], ideal=0.6, circuit=Circuit(diode_drop=0.1)
    ),
    "latency": lambda name: plots.latency_figure(
        {name: Latency(np.array([1.0, 2.0]), np.array([True, False]), np.ones((2, 2), int))},
        {name: (Circuit(), "single")},
        heading="",
    ),
    "energy": lambda name: plots.energy_figure({name: {part: np.full((1, 2), 1e-12) for part in PARTS}}),
    "tornado": lambda name: plots.tornado_figure(
        {name: RatioRange(ratio=1.2, lowest=1.1, highest=1.4, sensitivities=())}
    ),
    "sweep": lambda name: plots.sweep_figure(rows_of(name)),
    "sweep of two": lambda name: plots.sweep_figure([*rows_of(name), *rows_of("b")]),
    "pareto": lambda name: plots.pareto_figure([*rows_of(name), *rows_of("b")]),
    "offsets": lambda name: plots.offsets_figure(
        [
            {**row, "offset_mv": 0.0, "process": name, "device": name, "hold": "rails", "v_plus": 1.0}
            for row in rows_of("b")
        ]
    ),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_a_text_of_a_user_is_drawn_as_it_is(kind: str) -> None:
    for name in {"confusion": NAMES, "latency": ["$0_to_$10", "_hidden"]}.get(kind, NAMES[:1]):
        texts = drawn(FIGURES[kind](name))
        shown = name.replace("_", " ") if kind == "chips" else name
        assert any(shown in text for text in texts), texts
        assert not any("mathrm" in text or "\\$" in text for text in texts if shown not in text), texts


def test_what_no_svg_file_can_hold_is_drawn_as_an_unknown_character() -> None:
    assert "a\ufffdb" in drawn(plots.confusion_figure(np.eye(2, dtype=np.int64), ["a\x01b", "b"]))


@pytest.mark.parametrize("scaling", ["range", "standard", "quantile"])
def test_a_plane_has_the_answer_at_each_point_and_the_test_samples_where_they_are(scaling: Any) -> None:
    labels = ["a", "b", "c", "d"] * 10
    data = two_features(y=labels, scaling=scaling)
    network = Network.create([5, 6, 4], Circuit(v_syn=4.0), seed=1)
    figure = plots.plane_figure(network, data)
    (axes,) = figure.axes
    picture = np.asarray(axes.images[0].get_array())
    left, right, bottom, top = axes.images[0].get_extent()
    height, width, _ = picture.shape
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(height, size=50), rng.integers(width, size=50)
    at = np.stack(
        [left + (right - left) * (columns + 0.5) / width, bottom + (top - bottom) * (rows + 0.5) / height], axis=1
    )
    answers = network.predict(Inputs.of(data).times(at))
    colours = picture[rows, columns]
    for i, j in pairwise(range(50)):
        assert (colours[i] == colours[j]).all() == (answers[i] == answers[j])

    drawn_at = np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections])
    wrong = network.predict(data.test.times) != data.test.labels
    assert len(drawn_at) == len(data.test.labels)
    # Where values are within the knots, the samples are drawn at their features.
    assert data.scaling is not None
    again = np.stack(sorted(map(tuple, data.scaling.apply(drawn_at)[:, :2].tolist())))
    np.testing.assert_allclose(again, sorted(map(tuple, data.test.images[:, :2].tolist())), rtol=0, atol=1e-6)
    assert f"{wrong.sum()} of 20 test samples wrong" in " ".join(figure.texts[0].get_text().split())


def test_a_plane_is_of_two_features() -> None:
    three = Dataset.from_arrays(np.random.default_rng(0).random((20, 3)), ["a", "b"] * 10)
    with pytest.raises(ValueError, match=r"two features .* a table of 3"):
        plots.plane_figure(Network.create([7, 2], Circuit(), seed=0), three)
    images = Dataset("pictures", made_up_split(4), made_up_split(4))
    with pytest.raises(ValueError, match=r"pictures must be a table of two features .* no table"):
        plots.plane_figure(network_on(CIRCUITS[0]), images)


def test_where_no_output_spikes_a_plane_is_white() -> None:
    scaling = Scaling(np.array([[0.0, 0.0], [1.0, 1.0]]))
    rows = Split(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1]))
    data = Dataset("rows", rows, rows, scaling=scaling)
    network = Network([np.array([[4.0, 0.0], [0.0, 0.0]])], Circuit(v_syn=2.0), phases="single")
    picture = np.asarray(plots.plane_figure(network, data).axes[0].images[0].get_array())
    # A spike ever, if at all; x = 0 never spikes, and no pixel is there.
    assert (picture != 1).any(axis=2).all()
    silent = Network([np.array([[-4.0, -1.0], [0.0, 0.0]])], Circuit(v_syn=2.0), phases="single")
    assert (np.asarray(plots.plane_figure(silent, data).axes[0].images[0].get_array()) == 1).all()


def test_a_histogram_of_margins_has_every_sample_in_a_bar_of_its_gap() -> None:
    margins = np.array([0.0, 0.004, 0.5, 0.5, 1.0, np.inf])
    correct = np.array([False, True, True, True, True, True])
    figure = plots.margins_figure(margins, correct, circuit=Circuit(), jitter=0.01)
    right, wrong = (np.array([bar.get_height() for bar in bars]) for bars in figure.axes[0].containers)
    assert (right.sum(), wrong.sum()) == (5, 1)
    assert wrong[0] == 1 and right[0] == 1 and right[-1] >= 1
    with pytest.raises(ValueError, match=r"an answer for each margin, got \(6,\) for \(5,\)"):
        plots.margins_figure(margins[1:], correct, circuit=Circuit(), jitter=0.01)


def test_the_area_of_resistors_falls_with_the_capacitor_and_their_bodies_are_shown_for_several() -> None:
    poly = load_process("sky130-poly")
    columns = [columns_of(layer) for layer in Network.create([64, 12, 10], Circuit(v_syn=1.0), seed=0).layers]
    above, below = plots.device_trade_figure(poly, columns).axes
    x, y = map(np.asarray, above.lines[0].get_data())
    here = np.argmin(np.abs(np.log(x) - np.log(np.asarray(above.lines[2].get_xdata())[0])))
    assert y[here] == pytest.approx(1e6 * sum(layer_devices(poly, one).area for one in columns), rel=1e-6)
    assert np.all(np.diff(y) < 0)
    assert np.all(np.asarray(above.lines[1].get_ydata()) <= y * (1 + 1e-12))
    ratios = [np.asarray(line.get_ydata())[here] for line in below.lines[:3]]
    assert ratios[0] == pytest.approx(4 * ratios[1]) and ratios[0] == pytest.approx(10 * ratios[2])
    with pytest.raises(ValueError, match="neither area nor body"):
        plots.device_trade_figure(load_process("sky130"), columns)

"""The same weights in several circuits: that what is drawn is what each circuit computes, and of the same neurons."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import oracle
import pytest

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcspike import Circuit, Network, plots
from rcspike.datasets import Split

OWN = Circuit(v_syn=2.0, e_minus=-0.7, diode_drop=0.1, ramp=0.5)
THREE = [Circuit.conventional(), Circuit(v_syn=4.0, ramp=-1.0), OWN]
NEURONS = [7, 0, 19]
LABEL = 2

# Voltages are a few units and add up some 40 terms, each good to an ulp of 2.2e-16 of double precision.
ROUNDING = 1e-13


def made_up_split() -> Split:
    rng = np.random.default_rng(5)
    return Split(rng.random((3, 6, 7)) * (rng.random((3, 6, 7)) < 0.6), np.array([0, 1, LABEL]))


def network_on(circuit: Circuit, sizes: tuple[int, ...] = (42, 30, 20, 4)) -> Network:
    rng = np.random.default_rng(6)
    return Network([rng.normal(0.1, 1.5 / math.sqrt(n), (n, m)) for n, m in pairwise(sizes)], circuit)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return plots.trace_figure(network_on(OWN), made_up_split(), sample=2, circuits=THREE, neurons=NEURONS)


def columns(figure: Figure, n: int) -> list[list[Axes]]:
    """The panels of each circuit: the input, then the layers."""
    height = len(figure.axes) // n
    return [figure.axes[k * height : (k + 1) * height] for k in range(n)]


def membranes(axes: Axes, depth: int) -> list[tuple[Any, Any]]:
    """(t, v) of the charging phases drawn in the panel of layer `depth`, counted from 1."""
    drawn = [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in axes.lines]
    return [(t, v) for t, v in drawn if len(t) > 2 and (t[0], t[-1]) == (depth - 1, depth)]


def spikes(axes: Axes) -> list[float]:
    return [float(np.asarray(line.get_xdata()).item()) for line in axes.lines if line.get_marker() == "o"]


def test_each_membrane_drawn_is_that_of_the_oracle_in_each_circuit(figure: Figure) -> None:
    network = network_on(OWN)
    for circuit, (_, *panels) in zip(THREE, columns(figure, 3), strict=True):
        times = made_up_split().times[2:3].astype(np.float64)
        for depth, (axes, w) in enumerate(zip(panels, network.weights, strict=True), start=1):
            D, G = oracle.affine(w, circuit.e_plus, circuit.e_minus, circuit.diode_drop)
            drawn = membranes(axes, depth)
            at = np.linspace(0, 1, 101)[::10]
            exact = oracle.voltage_at(times, D, G, at)[0]
            v_end = exact[:, -1]
            followed = NEURONS if depth < 3 else np.argsort(-oracle_order(network), kind="stable")
            assert len(drawn) == len(followed)
            for neuron, (t, v) in zip(followed, drawn, strict=True):
                here = np.searchsorted(t, depth - 1 + at - 1e-9)
                np.testing.assert_allclose(v[here], exact[neuron], rtol=0, atol=ROUNDING)
            t_out = oracle.fire(v_end[None], circuit.ramp)
            expected = [depth + t for t in t_out[0, followed] if np.isfinite(t)]
            np.testing.assert_allclose(spikes(axes), expected, rtol=0, atol=ROUNDING)
            times = t_out


def oracle_order(network: Network) -> Any:
    """Voltages of the last layer in the network's own circuit, by which its neurons are ordered in all."""
    times = made_up_split().times[2:3].astype(np.float64)
    for w in network.weights:
        v = oracle.charge(times, *oracle.affine(w, OWN.e_plus, OWN.e_minus, OWN.diode_drop))
        times = oracle.fire(v, OWN.ramp)
    return v[0]


def test_the_neurons_chosen_by_default_are_the_same_in_each_circuit() -> None:
    network, split = network_on(OWN), made_up_split()
    conventional, own = columns(plots.trace_figure(network, split), 2)
    labels = []
    for circuit, column in ((THREE[0], conventional), (OWN, own)):
        v = oracle.charge(
            split.times[:1].astype(np.float64),
            *oracle.affine(network.weights[0], circuit.e_plus, circuit.e_minus, circuit.diode_drop),
        )[0]
        labels.append([int(np.argmin(np.abs(v - drawn[-1]))) for _, drawn in membranes(column[1], 1)])
    assert labels[0] == labels[1]
    assert len(set(labels[0])) == 6


def test_a_row_has_one_scale_of_voltages_and_a_column_one_circuit(figure: Figure) -> None:
    grid = columns(figure, 3)
    for row in zip(*grid, strict=True):
        assert len({axes.get_ylim() for axes in row}) == 1
    names = [column[0].get_title(loc="left") for column in grid]
    assert names == [
        "conventional circuit",
        "RC-Spike, $V_\\mathrm{syn} = 4\\,V_\\mathrm{th}$\n$b = -1$",
        "RC-Spike, $E_+ = 2$, $E_- = -0.7\\,V_\\mathrm{th}$\n$V_D = 0.1\\,V_\\mathrm{th}$, $b = 0.5$",
    ]


def test_by_default_the_conventional_circuit_stands_next_to_the_network_s_own_with_the_same_ramp() -> None:
    def names(own: Circuit) -> list[str]:
        figure = plots.trace_figure(network_on(own), made_up_split())
        return [column[0].get_title(loc="left") for column in columns(figure, 2)]

    assert names(Circuit(v_syn=3.0)) == ["conventional circuit", r"RC-Spike, $V_\mathrm{syn} = 3\,V_\mathrm{th}$"]
    assert names(Circuit.conventional()) == ["conventional circuit", r"RC-Spike, $V_\mathrm{syn} = 1\,V_\mathrm{th}$"]
    default = plots.trace_figure(network_on(OWN), made_up_split())
    given = plots.trace_figure(network_on(OWN), made_up_split(), circuits=[Circuit(v_syn=math.inf, ramp=0.5), OWN])
    for axes, same in zip(default.axes, given.axes, strict=True):
        assert spikes(axes) == spikes(same)


def test_the_spikes_of_hidden_neurons_have_their_numbers_and_those_of_outputs_their_class(figure: Figure) -> None:
    texts = {text.get_text() for axes in figure.axes[1:3] for text in axes.texts}
    assert texts & {"7", "0", "19"}
    for _, *panels in columns(figure, 3):
        label = [text for text in panels[-1].texts if text.get_text() == str(LABEL)]
        assert [text.get_weight() for text in label] == ["bold"] * len(label)


@pytest.mark.parametrize(
    "sizes", [(42, 4), (42, 5, 5, 5, 5, 5, 4), (42, 8, 300)], ids=["no hidden layer", "five", "300 classes"]
)
def test_unusual_networks_can_be_drawn(sizes: tuple[int, ...]) -> None:
    figure = plots.trace_figure(network_on(OWN, sizes), made_up_split(), circuits=[OWN])
    figure.canvas.draw()
    assert len(figure.axes) == len(sizes)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_an_image_of_any_number_of_channels_can_be_drawn(channels: int) -> None:
    split = Split(np.full((1, 3, 7, channels), 0.5), np.array([0]))
    figure = plots.trace_figure(network_on(OWN, (21 * channels, 4)), split, circuits=[OWN])
    figure.canvas.draw()
    (picture,) = (shown for axes in figure.axes for part in axes.child_axes for shown in part.images)
    assert picture.get_array().shape == ((3, 7, channels) if channels in (3, 4) else (3, 7))


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"sample": 3}, r"no image 3: sample must be in \[0, 3\)"),
        ({"sample": -1}, "no image -1"),
        ({"circuits": []}, "1 to 3 circuits side by side, got 0"),
        ({"circuits": [OWN] * 4}, "1 to 3 circuits side by side, got 4"),
        ({"neurons": []}, r"in \[0, 20\) of the hidden layers, got \[\]"),
        ({"neurons": [3, 20]}, r"in \[0, 20\) of the hidden layers, got \[3, 20\]"),
        ({"neurons": [3, -1]}, r"got \[3, -1\]"),
        ({"neurons": [3, 3]}, r"different indices .* got \[3, 3\]"),
    ],
)
def test_images_and_neurons_that_do_not_exist_are_rejected(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        plots.trace_figure(network_on(OWN), made_up_split(), **options)


def test_a_network_without_hidden_layers_has_no_neurons_to_choose() -> None:
    with pytest.raises(ValueError, match="no hidden layer"):
        plots.trace_figure(network_on(OWN, (42, 4)), made_up_split(), neurons=[1])


def test_images_of_another_size_are_rejected() -> None:
    with pytest.raises(ValueError, match="7 inputs but the images have 42 pixels"):
        plots.trace_figure(network_on(OWN, (7, 4)), made_up_split())


@cache
def convolutions() -> tuple[Network, Split, Any]:
    """A network of maps in double precision, an image, and the voltages of its first layer by the oracle."""
    rng = np.random.default_rng(8)
    network = Network.create("conv18-pool2-3", OWN, input_shape=(4, 6), seed=0, dtype=np.float64)
    split = Split(rng.random((1, 4, 6)) * (rng.random((1, 4, 6)) < 0.7), np.array([1]))
    padded = np.pad(split.times[0].astype(np.float64).reshape(4, 6), 1, constant_values=np.inf)
    windows = np.array([padded[y : y + 3, x : x + 3].ravel() for y in range(4) for x in range(6)])
    v = oracle.charge(windows, *oracle.affine(network.weights[0], OWN.e_plus, OWN.e_minus, OWN.diode_drop))
    pooled = v.reshape(2, 2, 3, 2, 18).mean(axis=(1, 3))  # charge that windows of 2 x 2 share
    return network, split, pooled


def marked(axes: Axes) -> list[tuple[float, float]]:
    """Pixels (y, x) with a frame of their own."""
    boxes = [path.get_extents() for path in axes.collections[1].get_paths()]
    return [(box.ymin + 0.5, box.xmin + 0.5) for box in boxes]


def test_each_map_has_the_spike_times_of_its_channel_and_blanks_without_a_spike() -> None:
    network, split, v = convolutions()
    figure = plots.maps_figure(network, split, position=(1, 4), classes=["a", "b", "c"])
    assert "4x6x1–conv18–pool–3" in figure.texts[0].get_text()
    assert "image 0 of class b" in figure.texts[0].get_text().replace("\n", " ")
    image, maps, _ = figure.axes
    np.testing.assert_array_equal(image.images[0].get_array().filled(np.inf), split.times[0].reshape(4, 6))
    picture = maps.images[0].get_array().filled(np.inf)  # sixteen maps of 2 x 3 and two, a pixel apart
    assert picture.shape == (5, 16 * 3 + 15)
    t_out = oracle.fire(v.reshape(1, -1), OWN.ramp).reshape(2, 3, 18)
    for channel in range(18):
        row, column = divmod(channel, 16)
        drawn = picture[3 * row : 3 * row + 2, 4 * column : 4 * column + 3]
        # Colours are in single precision.
        np.testing.assert_allclose(drawn, t_out[..., channel], rtol=0, atol=2**-24)
    assert marked(image) == [(1, 4)]
    assert marked(maps)[:2] == [(0, 2), (0, 2 + 4)]


def test_membranes_at_a_position_are_those_of_its_channels() -> None:
    network, split, v = convolutions()
    figure = plots.trace_figure(network, split, circuits=[OWN], position=(1, 4))
    panel = figure.axes[1]
    assert any("channels at (0, 2)" in text.get_text() for text in panel.texts)
    ends = [drawn[-1] for _, drawn in membranes(panel, 1)]
    assert len(ends) == 6
    channels = [int(np.argmin(np.abs(v[0, 2] - end))) for end in ends]
    np.testing.assert_allclose(ends, v[0, 2, channels], rtol=0, atol=ROUNDING)
    labels = {text.get_text() for text in panel.texts}
    assert str(channels[0]) in labels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"position": (4, 0)}, r"position.*got \(4, 0\)"),
        ({"position": (0, 0), "neurons": [1]}, "leave out either it or neurons"),
    ],
)
def test_a_position_is_a_pixel(arguments: dict[str, Any], message: str) -> None:
    network, split, _ = convolutions()
    with pytest.raises(ValueError, match=message):
        plots.trace_figure(network, split, **arguments)


def test_dense_networks_have_no_maps() -> None:
    with pytest.raises(ValueError, match="the network has no convolution"):
        plots.maps_figure(network_on(OWN), made_up_split())
    with pytest.raises(ValueError, match="a position needs a network of convolutions"):
        plots.trace_figure(network_on(OWN), made_up_split(), position=(0, 0))

"""What a notebook shows of objects: HTML of circuits, networks, chips and histories, and pictures of figures."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from small_runs import made_up, small_network, undisturbed

from rcspike import Circuit, DeviceNetwork, DevicePairs, History, Network, evaluate
from rcspike.chips import Jitter, Variation, program
from rcspike.network import Dense, FirstSpike


class Table(HTMLParser):
    """The cells of a table row by row, and the text around it; every tag must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.around = ""
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        else:
            self.around += data + "\n"


def shown(thing: Any) -> Table:
    """What a notebook shows of it, by IPython's name for the method."""
    return Table(getattr(thing, "_repr_html_")())  # noqa: B009


def test_a_circuit_shows_its_parameters_with_units() -> None:
    table = shown(Circuit(v_syn=2.0, e_minus=-1.5, diode_drop=0.25, injection=(1e-3, -2e-3), delay=0.125))
    values = {row[1]: row[2] for row in table.rows[1:]}
    assert values["e_plus"] == "2 V_th"
    assert values["e_minus"] == "-1.5 V_th"
    assert values["diode_drop"] == "0.25 V_th"
    assert values["injection"] == "0.001, -0.002 V_th"
    assert values["delay"] == "0.125 T"
    assert "Conventional circuit" in shown(Circuit.conventional()).around


def test_a_network_shows_its_layers() -> None:
    wiring = [Dense(), FirstSpike(4)]
    table = shown(Network.create([64, 40, 10], Circuit(), seed=0, wiring=wiring))
    assert table.rows == [
        ["layer", "inputs", "neurons", "synapses"],
        ["1", "64", "40", "2560"],
        ["2", "40", "10", "100"],
    ]
    assert "Network 64-40-10" in table.around
    assert "neurons of two phases; float32" in table.around
    single = Network.create([4, 3], Circuit(v_syn=2.0), seed=0, phases="single")
    assert "a single phase" in shown(single).around
    pairs = DeviceNetwork([DevicePairs.of_weights(np.eye(3))], Circuit())
    assert shown(pairs).rows[1] == ["1", "3", "3", "9"]


def test_a_chip_shows_its_seed_and_effects_and_is_short_in_print() -> None:
    network = Network.create([6, 3], Circuit(), seed=0)
    chip = program(network, [Variation(sigma=0.2), Jitter(sigma=0.01)], seed=7)
    around = shown(chip).around
    assert "Chip 6-3" in around
    assert "seed 7; effects: variation (sigma 0.2), jitter (sigma 0.01)" in around
    assert repr(chip) == "Chip(6-3, seed=7, effects=['variation', 'jitter'])"
    assert "effects: none" in shown(program(network, seed=0)).around


def test_a_history_shows_every_epoch_or_the_first_and_last_of_many() -> None:
    _, history = undisturbed()
    table = shown(history)
    assert [row[0] for row in table.rows] == ["epoch", "1", "2", "3", "4"]
    assert table.rows[0] == ["epoch", "loss", "training", "test", "silent", "saturated", "seconds"]
    assert [row[3] for row in table.rows[1:]] == [f"{100 * e.test_accuracy:.2f} %" for e in history]
    _, validated = undisturbed(validation=0.2)
    assert [row[3] for row in shown(validated).rows] == [
        "validation",
        *(f"{100 * e.validation_accuracy:.2f} %" for e in validated),
    ]
    long = shown(History(list(history) * 5))
    assert len(long.rows) == 14
    assert long.rows[7] == ["…"] * 7
    assert shown(History()).around == "History(0 epochs)\n"


def test_a_figure_shows_itself_as_a_picture_of_twice_the_pixels_of_the_page() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from rcspike.plots import confusion_figure

    figure = confusion_figure(np.array([[9, 1], [0, 5]]), ["cat", "dog"])
    assert isinstance(figure, Figure)
    picture, size = getattr(figure, "_repr_png_")()  # noqa: B009
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert width == 2 * size["width"] == 2 * 96 * 7.5
    assert abs(height - 2 * size["height"]) <= 2


def test_evaluate_says_what_it_takes() -> None:
    network, data = small_network(), made_up()
    wrong = (data.test.images, data.test.labels)
    with pytest.raises(TypeError, match=r"got a Dataset: pass its part dataset\.test"):
        evaluate(network, data)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got tuple: pass dataset\.test, or rcspike\.datasets\.Split\(x, y\)"):
        evaluate(network, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"got Split; the network comes first"):
        evaluate(data.test, network)  # type: ignore[arg-type]

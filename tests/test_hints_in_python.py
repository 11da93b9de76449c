"""What Python says to calls that are hardly meant as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rcspike import Circuit, Network, datasets
from rcspike.chips import Variation, program
from rcspike.functional import encode


def test_a_network_called_with_pixels_says_so() -> None:
    data = datasets.load("digits")
    network = Network.create([64, 10], Circuit(), seed=0)
    intensities = data.test.images.reshape(len(data.test.labels), 64).astype(np.float32)
    intensities /= intensities.max()
    with pytest.warns(UserWarning, match=r"times are 0 .*rcspike\.encode"):
        network.predict(intensities)
    network.predict(encode(intensities))  # which warns of nothing
    with pytest.raises(TypeError, match=r"times must be floats.*rcspike\.encode"):
        network.predict((255 * intensities).astype(np.uint8))  # type: ignore[arg-type]


def test_noise_beyond_the_window_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"noise 5 is a standard deviation in T"):
        Network([np.eye(2)], Circuit()).forward(np.array([[0.25, 0.5]]), noise=5, seed=0)


def test_the_folder_of_a_run_is_loaded_as_its_model(tmp_path: Path) -> None:
    network = Network.create([4, 3], Circuit(), seed=0)
    network.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(Network.load(tmp_path).weights[0], network.weights[0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        Network.load(tmp_path / "empty")


@pytest.mark.parametrize("words", ["info", "latency"])
def test_an_option_of_a_process_without_one_is_answered_with_it(words: str, tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from cli_runs import error_line, rcspike_

    Network.create([64, 10], Circuit(), seed=0).save(tmp_path / "model.safetensors")
    more = ["digits"] if words == "latency" else []
    line = error_line(rcspike_(words, tmp_path / "model.safetensors", *more, "--constant", "window=2e-6"))
    assert "--constant is of a process: add --process" in line


def test_one_effect_without_a_list_is_answered_with_the_list() -> None:
    with pytest.raises(TypeError, match=r"effects must be a list.*\[Variation\(sigma=0\.2"):
        program(Network([np.eye(2)], Circuit()), Variation(sigma=0.2), seed=0)  # type: ignore[arg-type]

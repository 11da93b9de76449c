"""Device files that come with rcspike: found by name, complete, and with a source for each number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rcspike import Circuit, Network, chips
from rcspike.chips import load, preset_names, preset_text, program, training_effects


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_the_file_that_is_printed(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(preset_text(name))
    effects, devices = load(name)
    assert load(tmp_path / "own.toml") == (effects, devices)
    assert effects and devices.on_off < float("inf")


@pytest.mark.parametrize("name", preset_names())
def test_each_number_of_a_preset_says_where_it_is_from(name: str) -> None:
    numbers = [line for line in preset_text(name).splitlines() if re.match(r"\w+ = [\d.]+", line)]
    for line in numbers:
        if not line.startswith(("scale = 1.0", "t0 = 20.0")):  # which change nothing
            assert re.search(r"#.*(\[\d\]|assumption|source)", line), line


@pytest.mark.parametrize("name", preset_names())
def test_chips_can_be_made_of_a_preset_and_networks_trained_for_it(name: str) -> None:
    effects, devices = load(name)
    network = Network.create([6, 5, 3], Circuit(v_syn=1.0), seed=0)
    chip = program(network, effects, seed=1, devices=devices)
    assert (chip.layers[0].plus != network.weights[0].clip(0)).any()
    assert training_effects(effects, devices, n_layers=2).devices.off == 1 / devices.on_off


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no device file flash: .* one of pcm, rram, typical"):
        load("flash")
    with pytest.raises(ValueError, match=r"no device file is called 'flash': there are pcm, rram, typical$"):
        preset_text("flash")
    with pytest.raises(FileNotFoundError, match=r"no device file tipical: .*did you mean 'typical'\?"):
        load("tipical")
    assert chips.preset_names() == ["pcm", "rram", "typical"]


def test_the_command_prints_a_preset_and_needs_nothing_else() -> None:
    from cli_runs import error_line, ran, rcspike_

    assert ran("chips", "--show", "rram") == preset_text("rram")
    assert "there are pcm, rram, typical" in error_line(rcspike_("chips", "--show", "flash"))

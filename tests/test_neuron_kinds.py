"""Kinds of neurons: tables that have a part for each, and settings that apply to some of them."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from rcspike import Circuit, Network, datasets, train
from rcspike.energy import BASELINES
from rcspike.experiments import grid
from rcspike.functional.neuron_kinds import PHASES, by_kind, supported
from rcspike.neurons import check_taken, neuron_kind


def test_a_table_that_lacks_a_kind_is_an_error_that_names_it() -> None:
    for missing in PHASES:
        parts = {phases: 1 for phases in PHASES if phases != missing}
        with pytest.raises(TypeError, match=f"'{missing}'"):
            by_kind(**parts)
    with pytest.raises(TypeError, match="'third'"):
        by_kind(**dict.fromkeys([*PHASES, "third"], 1))


def test_a_use_that_a_kind_lacks_is_an_error_that_names_both() -> None:
    uses = supported("a netlist", two=1)
    assert uses("two") == 1
    with pytest.raises(ValueError, match=r"a netlist .*'single'"):
        uses("single")
    with pytest.raises(ValueError, match="'third'"):
        uses("third")


def test_a_kind_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="'third'"):
        neuron_kind("third")


@pytest.mark.parametrize("phases", PHASES)
def test_what_a_kind_names_exists(phases: str) -> None:
    kind = neuron_kind(phases)
    assert kind.name == phases
    assert set(kind.baselines) <= set(BASELINES)
    assert set(kind.presets) <= set(datasets.data_names())
    known = {*signature(train).parameters, *signature(Circuit).parameters, *signature(grid).parameters}
    of_presets = {name for settings in kind.presets.values() for name in settings} - {"hidden"}
    assert {*kind.not_taken, *kind.settings, *of_presets} <= known
    assert not set(kind.not_taken) & {*kind.settings, *of_presets}


@pytest.mark.parametrize("phases", PHASES)
def test_a_setting_that_does_not_apply_is_an_error_with_its_name_and_value(phases: str) -> None:
    for name in neuron_kind(phases).not_taken:
        with pytest.raises(ValueError, match=rf"{name} 0\.75 .*phases="):
            check_taken(phases, {"epochs": 3, name: 0.75})
    check_taken(phases, {"epochs": 3, "noise": 0.1})


@pytest.mark.parametrize("phases", PHASES)
def test_the_usual_rails_of_a_kind_make_its_neurons_spike(phases: Any) -> None:
    kind = neuron_kind(phases)
    assert kind.can_spike(Circuit(v_syn=kind.v_syn))
    network = Network.create([64, 12, 10], Circuit(v_syn=kind.v_syn), seed=0, phases=phases)
    assert not network.forward(datasets.load("digits").test.times[:50]).silent.all()

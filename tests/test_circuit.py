"""The parameters of a circuit."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import CIRCUITS, circuits

from rcspike import Circuit
from rcspike.functional import charge


def fields(circuit: Circuit) -> tuple[float, ...]:
    return circuit.v_syn, circuit.e_plus, circuit.e_minus, circuit.diode_drop, circuit.ramp


def test_the_default_circuit_is_strongly_coupled_and_ideal() -> None:
    assert fields(Circuit()) == (1.0, 1.0, -1.0, 0.0, 0.0)


def test_v_syn_sets_both_rails_unless_they_are_given() -> None:
    assert fields(Circuit(v_syn=2.5)) == (2.5, 2.5, -2.5, 0.0, 0.0)
    assert fields(Circuit(v_syn=2.5, e_minus=-1.0))[1:3] == (2.5, -1.0)
    assert fields(Circuit(v_syn=2.5, e_plus=0.5))[1:3] == (0.5, -2.5)
    assert fields(Circuit(e_plus=2.8, e_minus=-1.53))[1:3] == (2.8, -1.53)


def test_the_conventional_circuit_has_infinite_rails() -> None:
    assert Circuit.conventional() == Circuit(v_syn=math.inf) == Circuit(e_plus=math.inf, e_minus=-math.inf)
    assert fields(Circuit.conventional()) == (math.inf, math.inf, -math.inf, 0.0, 0.0)


def test_circuits_are_equal_if_their_physics_is() -> None:
    assert Circuit(v_syn=2.0) == Circuit(e_plus=2.0, e_minus=-2.0)
    assert hash(Circuit(v_syn=2.0)) == hash(Circuit(e_plus=2.0, e_minus=-2.0))
    for change in ({"e_plus": 3.0}, {"e_minus": -3.0}, {"diode_drop": 0.1}, {"ramp": 0.1}):
        assert Circuit(**{"v_syn": 2.0} | change) != Circuit(v_syn=2.0)


def test_numbers_may_be_integers() -> None:
    circuit = Circuit(v_syn=2)
    assert (circuit.e_plus, circuit.e_minus) == (2.0, -2.0)
    assert isinstance(circuit.e_plus, float)
    assert Circuit(e_plus=np.float64(0.5)).e_plus == 0.5


def test_a_circuit_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Circuit().ramp = 0.5  # type: ignore[misc]


def test_parameters_have_names_and_no_places() -> None:
    with pytest.raises(TypeError, match="positional"):
        Circuit(1.0)  # type: ignore[call-arg]


@given(circuits, st.sampled_from([0.0, 0.3]))
def test_a_circuit_survives_pickling_and_copying(circuit: Circuit, ramp: float) -> None:
    circuit = dataclasses.replace(circuit, ramp=ramp)
    times, weights = np.array([[0.0, 0.5]]), np.array([[1.0], [-2.0]])
    for twin in (pickle.loads(pickle.dumps(circuit)), copy.copy(circuit), copy.deepcopy(circuit)):
        assert fields(twin) == fields(circuit)
        assert twin == circuit
        np.testing.assert_array_equal(charge(times, weights, twin), charge(times, weights, circuit))


@pytest.mark.parametrize("name", CIRCUITS)
def test_the_repr_makes_the_circuit_again(name: str) -> None:
    inf = math.inf
    assert eval(repr(CIRCUITS[name]), {"Circuit": Circuit, "inf": inf}) == CIRCUITS[name]


def test_a_diode_on_an_infinite_rail_takes_nothing() -> None:
    times, weights = np.array([[0.25]]), np.array([[2.0]])
    assert charge(times, weights, Circuit(v_syn=math.inf, diode_drop=0.5)) == 1.5


@pytest.mark.parametrize("name", ["v_syn", "e_plus", "e_minus", "diode_drop", "ramp"])
def test_nan_and_text_are_rejected_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*got nan"):
        Circuit(**{name: math.nan})
    with pytest.raises(TypeError, match=name):
        Circuit(**{name: "much"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"v_syn": 0.0}, r"v_syn.*got 0"),
        ({"v_syn": -1.5}, r"v_syn.*got -1\.5; math\.inf is the conventional circuit"),
        ({"e_plus": 0.0}, r"e_plus.*got 0; the rails must straddle 0"),
        ({"e_plus": -2.5}, r"e_plus.*got -2\.5"),
        ({"e_minus": 0.0}, r"e_minus.*got 0; the rails must straddle 0"),
        ({"e_minus": 1.5}, r"e_minus.*got 1\.5"),
        ({"diode_drop": -0.25}, r"diode_drop.*got -0\.25"),
        ({"diode_drop": math.inf, "v_syn": math.inf}, r"diode_drop.*got inf"),
        ({"diode_drop": 1.0}, r"diode_drop 1 leaves no drive at e_plus = 1, e_minus = -1"),
        ({"diode_drop": 0.8, "e_minus": -0.75}, r"diode_drop 0\.8 leaves no drive at e_plus = 1, e_minus = -0\.75"),
        ({"ramp": 1.0}, r"ramp.*got 1; 0 is the ideal ramp"),
        ({"ramp": 1.5}, r"ramp.*got 1\.5"),
        ({"ramp": -math.inf}, r"ramp.*got -inf"),
    ],
)
def test_values_that_are_not_physical_are_rejected_with_the_value(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Circuit(**arguments)


@pytest.mark.parametrize(
    ("circuit", "label"),
    [
        (Circuit(), "v1"),
        (Circuit(v_syn=2.5), "v2.5"),
        (Circuit.conventional(), "vinf"),
        (Circuit(v_syn=1.0, e_plus=2.0, e_minus=-0.5), "ep2-em-0.5"),
        (Circuit(v_syn=1.0, e_plus=2.0), "ep2-em-1"),
        (Circuit(v_syn=math.inf, e_minus=-1.0), "epinf-em-1"),
        (Circuit(v_syn=2.0, diode_drop=0.25, ramp=-0.5), "v2-vd0.25-b-0.5"),
    ],
)
def test_a_label_names_the_rails_and_all_else_that_is_not_zero(circuit: Circuit, label: str) -> None:
    assert circuit.label == label


@given(circuits, circuits)
@example(Circuit(v_syn=1.0, e_plus=3.0, e_minus=-3.0), Circuit(v_syn=3.0))
@example(Circuit(v_syn=1.0), Circuit(v_syn=1.0 + 2.0**-52))
def test_circuits_share_a_label_only_if_they_are_equal(one: Circuit, other: Circuit) -> None:
    assert (one.label == other.label) == (one == other)

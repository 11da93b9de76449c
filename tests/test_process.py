"""Processes: their files, the voltages that they permit, and what loads a membrane."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from references.shockley_diode import SKY130_N, SKY130_P

from rcspike import Circuit, Process, load_process
from rcspike.energy import operating_point, process_names, process_text
from rcspike.energy.process import UNITS


@pytest.mark.parametrize("name", process_names())
def test_every_value_of_a_process_has_a_unit_and_a_source(name: str) -> None:
    process = load_process(name)
    assert len(process.constants) > 40
    for one in process.constants:
        assert one.source.startswith("assumption") or len(one.source) >= 3, one
        assert one.low <= one.value <= one.high, one
        assert getattr(process, one.name) == one.value


def test_a_process_can_be_sent_to_another_process() -> None:
    process = load_process("rram")
    assert pickle.loads(pickle.dumps(process)) == process
    assert len({process, load_process("rram"), load_process("sky130")}) == 2


ENTRY = 'v_logic = { value = 1.8, unit = "V", source = "x" }'


def write(folder: Path, text: str) -> Path:
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_process_of_ones_own_differs_from_another_where_it_says(tmp_path: Path) -> None:
    text = """
        based_on = "sky130"
        name = "own"
        [any.name]
    """.replace("[any.name]", '[area]\ncell_area = { value = 4e-12, high = 5e-12, unit = "m2", source = "layout" }')
    process = load_process(write(tmp_path, text))
    assert (process.name, process.cell_area, process.selector) == ("own", 4e-12, "switch")
    found = process.constant("cell_area")
    assert (found.low, found.high, found.source) == (4e-12, 5e-12, "layout")
    assert process.v_logic == load_process("sky130").v_logic


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("v_logic = 1.8", 'v_logic must be { value = ..., unit = "V", source = "..." }, got 1.8'),
        ('v_logic = { value = 1.8, unit = "mV", source = "x" }', "v_logic is in V, got the unit 'mV'"),
        ('v_logic = { value = 1.8, unit = "V", source = " " }', "v_logic has no source"),
        ('v_logic = { value = "1.8", unit = "V", source = "x" }', "value of v_logic must be a number, got '1.8'"),
        ('v_logic = { value = 1.8, low = 1.9, unit = "V", source = "x" }', "v_logic must have low <= value <= high"),
        ('v_logic = { value = 1.8, lowest = 1.7, unit = "V", source = "x" }', "v_logic has the unknown key 'lowest'"),
        ('v_logik = { value = 1.8, unit = "V", source = "x" }', "no constant is called 'v_logik'"),
        (f"{ENTRY}\n[b]\n{ENTRY}", "v_logic is there twice"),
    ],
)  # fmt: skip
def test_a_damaged_process_is_an_error_that_names_the_file(tmp_path: Path, line: str, why: str) -> None:
    file = write(tmp_path, f'based_on = "sky130"\n[a]\n{line}\n')
    with pytest.raises(ValueError, match=re.escape(f"{file}: {why}")):
        load_process(file)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('name = "own"\n', "constants are missing: description, selector, device, v_supply"),
        (
            'based_on = "sky90"\n',
            "based_on must be one of rram, sky130, sky130-diode, sky130-poly, sky130-simulated, got 'sky90'",
        ),
        ('based_on = "sky130"\nselector = "wire"\n', "selector must be one of switch, diode, got 'wire'"),
        ('based_on = "sky130"\nv_logic = 1.8\n', "v_logic must be a table of constants"),
    ],
)
def test_a_process_without_its_parts_is_an_error(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        load_process(write(tmp_path, text))


def test_an_unknown_process_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no process is called 'sky90', and it is not a file: there are rram, sky130"):
        load_process("sky90")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"v_rest": 1.3}, "rails of ±0.872 V around a rest of 1.3 V reach 2.172 V, beyond the highest rail of 1.8 V"),
        ({"v_rest": 0.5}, "rails of ±0.872 V around a rest of 0.5 V reach -0.372 V, beyond the lowest rail of 0 V"),
        ({"v_supply": 1.2}, "rails from 0 to 1.8 V are beyond a supply of 1.2 V"),
        ({"v_rest": 2.0}, "a rest of 2 V does not lie between the rails of 0 and 1.8 V"),
        ({"v_th": 1.0}, "a threshold of 1 V above a rest of 0.9 V is a swing to 1.9 V"),
        ({"window": 0.0}, "window must be above 0, in s, got 0"),
        ({"headroom": -0.1}, "headroom must be finite and not negative, in SI units, got -0.1"),
    ],
)
def test_voltages_that_cannot_be_are_an_error_with_the_reason(values: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        load_process().with_values(**values)


def test_a_diode_needs_a_rail_above_its_drop() -> None:
    with pytest.raises(ValueError, match=re.escape("diode_drop 0.45 V leaves no drive on rails of ±0.4 V")):
        load_process("sky130-diode").with_values(v_rail=0.4)


@pytest.mark.parametrize("value", ["1 V", None, True])
def test_a_value_that_is_not_a_number_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="v_logic must be a number"):
        load_process().with_values(v_logic=value)


@pytest.mark.parametrize("name", process_names())
def test_a_process_that_is_printed_as_a_file_is_read_as_the_same_one(name: str, tmp_path: Path) -> None:
    process, again = load_process(name), load_process(write(tmp_path, process_text(load_process(name))))
    assert [getattr(again, one) for one in (*UNITS, "name", "device", "selector")] == [
        getattr(process, one) for one in (*UNITS, "name", "device", "selector")
    ]
    assert [one.source for one in again.constants] == [one.source for one in process.constants]
    assert {one.inherited_from for one in again.constants} == {""}


def test_constants_say_from_which_process_they_are_inherited() -> None:
    rram = load_process("rram")
    assert rram.constant("capacitance").inherited_from == ""
    assert rram.constant("v_supply").inherited_from == "sky130"
    assert rram.with_values(v_supply=1.9).constant("v_supply").inherited_from == ""


# Volts


@pytest.mark.parametrize("v_syn", [1.0, 2.0, 8.0])
def test_at_fixed_rails_the_threshold_falls_with_v_syn(v_syn: float) -> None:
    point = operating_point(Circuit(v_syn=v_syn))
    assert (point.v_plus, point.v_minus) == pytest.approx((0.872, -0.872), rel=1e-12)
    assert point.v_th == pytest.approx(0.872 / v_syn, rel=1e-12)
    for millivolts in (1, 3, 10):
        assert point.thresholds(1e-3 * millivolts) == pytest.approx(1e-3 * millivolts * v_syn / 0.872, rel=1e-12)


@pytest.mark.parametrize("v_syn", [1.0, 2.0, 4.0])
def test_at_a_fixed_threshold_the_rails_rise_with_v_syn(v_syn: float) -> None:
    point = operating_point(Circuit(v_syn=v_syn), load_process().with_values(v_th=0.2), hold="threshold")
    assert point.v_th == 0.2
    assert (point.v_plus, point.v_minus) == pytest.approx((0.2 * v_syn, -0.2 * v_syn), rel=1e-12)
    np.testing.assert_allclose(point.thresholds(np.array([0.001, 0.01])), [0.005, 0.05], rtol=1e-12)


def test_the_threshold_is_never_above_that_of_the_process() -> None:
    point = operating_point(Circuit(v_syn=0.5))
    assert (point.v_th, point.v_plus) == pytest.approx((0.872, 0.436), rel=1e-12)


def test_rails_beyond_the_supply_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"needs rails of \+1.744 and -1.744 V.*, or lower v_th to 0.45 V"):
        operating_point(Circuit(v_syn=2.0), hold="threshold")
    with pytest.raises(ValueError, match=r"hold.*got 'both'"):
        operating_point(Circuit(), hold="both")  # type: ignore[arg-type]


def test_a_diode_takes_its_drop_of_the_rail() -> None:
    point = operating_point(Circuit(v_syn=2.0), load_process("sky130-diode"))
    assert point.v_th == pytest.approx((0.9 - 0.45) / 2, rel=1e-12)
    assert point.v_plus == pytest.approx(0.9, rel=1e-12)


def test_a_drop_of_the_circuit_is_replaced_by_that_of_the_process() -> None:
    point = operating_point(Circuit(v_syn=2.0, diode_drop=0.5), load_process("sky130-diode"))
    assert point.v_th == pytest.approx((0.9 - 0.45) / 1.5, rel=1e-12)
    assert point.v_plus == pytest.approx(0.9, rel=1e-12)


# Capacitance


def test_a_column_of_784_rows_is_loaded_as_its_sources_say() -> None:
    """183 fF of wire, up to 2.4 pF of junctions, and the capacitor of 1 pF that transistors needed at 784 rows."""
    point = operating_point(Circuit())
    wire, junctions = 784 * 0.233e-15, 784 * 2 * 0.26e-15
    assert wire == pytest.approx(183e-15, rel=5e-3, abs=0)
    assert point.scale(784).capacitance == pytest.approx(1e-12 + wire + junctions, rel=1e-3, abs=0)
    assert point.scale(5).capacitance == pytest.approx(140e-15 + 5 * (0.233e-15 + 0.52e-15), rel=1e-12, abs=0)
    highest = load_process().constant("column_junction_capacitance").high
    assert 784 * 2 * highest == pytest.approx(2.4e-12, rel=1e-2, abs=0)


def test_noise_is_that_of_the_whole_membrane_and_of_the_comparator() -> None:
    """kT/C of 1.591 pF at 300 K is 51 µV."""
    quiet = operating_point(Circuit(), load_process().with_values(comparator_noise=0.0, ramp_noise=0.0))
    assert quiet.spike_time_noise(784) * 0.872 == pytest.approx(51.0e-6, rel=2e-3)
    loud = operating_point(Circuit(v_syn=2.0))
    assert loud.spike_time_noise(784, time=0.0) == pytest.approx(1e-3 / 0.436, rel=2e-3)


@pytest.mark.parametrize("time", [0.2, 1.0])
def test_noise_of_a_ramp_is_that_of_a_capacitor_that_integrates_the_current(time: float) -> None:
    """A random walk of 4,000 ramps, whose steps have the variance of a white current: S / 2 times each step."""
    process = load_process("sky130-simulated").with_values(comparator_noise=0.0)
    point = operating_point(Circuit(), process)
    c, window, kt = 1e-12, 1e-6, 1.380649e-23 * 300
    current = c * 0.45 / window
    density = 4 * kt * process.ramp_noise * current  # 4 kT gamma g_m of all transistors
    rng, n = np.random.default_rng(11), 200
    step = time * window / n
    steps = rng.normal(0, np.sqrt(density / 2 * step), (4000, n))
    volts = rng.normal(0, np.sqrt(kt / c), 4000) + steps.sum(axis=1) / c
    assert point.spike_time_noise(784, time=time) * 0.45 == pytest.approx(volts.std(), rel=0.04, abs=0)


def test_the_drop_of_a_process_is_that_of_its_card() -> None:
    process: Process = load_process("sky130-diode")
    drop = process.constant("diode_drop")
    assert SKY130_P.drop(np.array([1e-9]))[0] == pytest.approx(drop.value, abs=5e-3)
    assert SKY130_N.drop(np.array([1e-9]))[0] == pytest.approx(drop.low, abs=5e-3)
    assert SKY130_P.drop(np.array([1e-7]))[0] == pytest.approx(drop.high, abs=5e-3)
    assert (process.diode_saturation_current, process.diode_ideality) == (
        SKY130_P.saturation_current,
        SKY130_P.ideality,
    )


def test_a_decision_of_the_comparator_costs_what_the_transistors_drew() -> None:
    process = load_process()
    joules = process.comparator_current * process.v_logic * process.comparator_time * process.window
    assert joules == pytest.approx(4.9e-12, rel=1e-3, abs=0)

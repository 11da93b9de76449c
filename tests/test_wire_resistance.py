"""Wires with resistance: against nodal analysis, and properties of ladders."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import ladders
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references.wired_crossbar import charge_crossbar

from rcspike import Circuit, Network
from rcspike.chips import (
    AxonResistance,
    CapacitorMismatch,
    Chip,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    Effect,
    Variation,
    WireResistance,
    load,
    program,
)
from rcspike.functional import charge, charge_affine, charge_wired, schedule

Array = npt.NDArray[np.float64]
DTYPES = [np.float32, np.float64]


def random_column(seed: int, n_in: int, n_out: int = 3, batch: int = 2) -> tuple[Array, Array, Array]:
    """Times with ties and silent inputs, and devices at both rails, some of conductance 0."""
    rng = np.random.default_rng(seed)
    times = np.round(8 * rng.random((batch, n_in))) / 8 if rng.random() < 0.5 else rng.random((batch, n_in))
    times[rng.random(times.shape) < 0.2] = np.inf
    g_plus, g_minus = (6 / n_in * rng.random((n_in, n_out)) * (rng.random((n_in, n_out)) < 0.7) for _ in range(2))
    return times, g_plus, g_minus


def supplied(times: Array, g_plus: Array, g_minus: Array, r: float, rails: tuple[float, float] = (1, -1)) -> Array:
    """Voltages with a supply wire for each rail."""
    return np.asarray(charge_wired(times, [(g_plus * rails[0], g_plus), (g_minus * rails[1], g_minus)], r))


# Against nodal analysis. It cancels the conductance of segments, 1 / r, against that of devices, of order 1 / n: with
# r >= 1e-4 and n <= 40 its own error is 40 * 1e4 * 1e-16 at most.


@pytest.mark.parametrize("n_in", [1, 2, 3, 17, 40])
@pytest.mark.parametrize("r", [1e-4, 0.02, 1.0])
def test_supply_wires_agree_with_nodal_analysis(n_in: int, r: float) -> None:
    times, g_plus, g_minus = random_column(n_in, n_in)
    v = supplied(times, g_plus, g_minus, r, (1.5, -0.8))
    for s, i in np.ndindex(v.shape):
        exact = ladders.supply_column(times[s], g_plus[:, i], g_minus[:, i], (1.5, -0.8), r)
        assert v[s, i] == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("r", [1e-4, 0.02, 1.0])
def test_wires_of_membranes_agree_with_nodal_analysis(r: float) -> None:
    times, g_plus, g_minus = random_column(1, 12)
    v = charge_wired(times, [(1.5 * g_plus - 0.8 * g_minus, g_plus + g_minus)], r)
    circuit = Circuit(e_plus=1.5, e_minus=-0.8)
    for s in range(len(times)):
        # Lines of next to no resistance, 1e-5 of the others': their error is of that order, times droops of 1e-5.
        exact = ladders.crossbar(times[s], g_plus, g_minus, (1.5, -0.8), row=1e-8, column=r)
        np.testing.assert_allclose(v[s], exact, rtol=0, atol=1e-6)
    np.testing.assert_allclose(v, charge_crossbar(times, g_plus, g_minus, circuit, column=r), rtol=0, atol=1e-10)


def by_recursion(
    times: Array, wires: list[tuple[Array, Array]], r: Array, off: float, drive0: Array, conductance0: Array
) -> Array:
    """v(1) of one sample: at every spike, each wire from its far end. An open switch conducts `off`, a power of 2."""
    v, r = np.zeros(len(r)), r.astype(float)
    for start, end in pairwise(np.unique([0.0, 1.0, *times[times < 1]])):
        D, G = drive0.astype(float), conductance0.astype(float)
        for drive, conductance in wires:
            J, Y = np.zeros((2, len(r)))
            for j in reversed(range(len(times))):
                part = 1.0 if times[j] <= start else off
                J, Y = J + part * drive[j], Y + part * conductance[j]
                J, Y = J / (1 + r * Y), Y / (1 + r * Y)
            D, G = D + J, G + Y
        v = D / G + (v - D / G) * np.exp(-G * (end - start))
    return v


@pytest.mark.parametrize("n_in", [1, 7, 40])
@pytest.mark.parametrize("r", [0.02, 3.0])
@pytest.mark.parametrize("off", [0.0, 0.125])
def test_wires_with_open_switches_and_a_bias_act_as_the_recursion_from_their_far_ends(
    off: float, r: float, n_in: int
) -> None:
    rng = np.random.default_rng(n_in)
    times, g_plus, g_minus = (x.astype(np.float32) for x in random_column(n_in, n_in, 5))
    times[1] = np.inf  # a sample without a spike
    ranges = ((0.5 * r, 1.5 * r), (-0.3, 0.3), (0.01, 0.3))
    rows = [rng.uniform(low, high, 5).astype(np.float32) for low, high in ranges]
    for wires in ([(g_plus, g_plus)], [(g_plus, g_plus), (-g_minus, g_minus)]):
        exact = [by_recursion(t.astype(float), wires, rows[0], off, *rows[1:]) for t in times]
        for dtype in DTYPES:
            r_, drive0, conductance0 = (row.astype(dtype) for row in rows)
            own = [(drive.astype(dtype), conductance.astype(dtype)) for drive, conductance in wires]
            v = charge_wired(times.astype(dtype), own, r_, off=off, drive0=drive0, conductance0=conductance0)
            # Currents of order 1 / n, a few roundings on each level of the tree.
            np.testing.assert_allclose(v, exact, rtol=0, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("row", "column", "driver"), [(0.05, 0.05, 0.0), (1e-3, 0.5, 0.2), (1.0, 1e-3, 0.0)])
def test_the_coupled_array_agrees_with_dense_nodal_analysis(row: float, column: float, driver: float) -> None:
    times, g_plus, g_minus = random_column(2, 9, 6)
    circuit = Circuit(e_plus=2.2, e_minus=-1.1, diode_drop=0.2)
    v = charge_crossbar(times, g_plus, g_minus, circuit, row=row, column=column, driver=driver)
    for s in range(len(times)):
        exact = ladders.crossbar(times[s], g_plus, g_minus, (2.0, -0.9), row=row, column=column, driver=driver)
        np.testing.assert_allclose(v[s], exact, rtol=0, atol=1e-10)


def test_an_array_without_resistance_is_a_layer() -> None:
    times, g_plus, g_minus = random_column(3, 9, 6)
    v = charge_crossbar(times, g_plus, g_minus, Circuit(v_syn=1.0))
    np.testing.assert_allclose(v, charge_affine(times, g_plus - g_minus, g_plus + g_minus), rtol=0, atol=1e-13)


# Properties of ladders

columns = st.builds(random_column, st.integers(0, 10**6), st.integers(1, 60))


@given(columns, st.sampled_from(DTYPES))
def test_a_wire_without_resistance_is_plain_charging(
    column: tuple[Array, Array, Array], dtype: type[np.floating[npt.NBitBase]]
) -> None:
    times, g_plus, g_minus = (x.astype(dtype) for x in column)
    D, G = g_plus - g_minus, g_plus + g_minus
    plain = charge_affine(times, D, G)
    # Up to 60 currents of 6 / 60 each, added in another order, over up to 60 steps.
    tolerance = 60 * np.finfo(dtype).eps
    np.testing.assert_allclose(charge_wired(times, [(D, G)], 0.0), plain, rtol=0, atol=tolerance)
    np.testing.assert_allclose(supplied(times, g_plus, g_minus, 0.0), plain, rtol=0, atol=tolerance)


@given(columns, st.floats(0, 10), st.floats(1, 100))
def test_more_resistance_never_charges_faster(
    column: tuple[Array, Array, Array], r: float, times_as_much: float
) -> None:
    times, g, _ = column
    low, high = (charge_wired(times, [(g, g)], one) for one in (r, r * times_as_much))
    assert np.all(high <= low + 1e-14)
    assert np.all(high >= 0)


@given(columns, st.floats(1e-3, 10))
def test_a_supply_wire_and_a_membrane_wire_are_mirror_images(column: tuple[Array, Array, Array], r: float) -> None:
    times, g, _ = column
    none = np.zeros_like(g)
    np.testing.assert_allclose(charge_wired(times, [(g, g)], r), supplied(times, g, none, r), rtol=0, atol=1e-14)


@given(st.integers(2, 40), st.floats(1e-3, 10))
def test_a_device_further_from_the_supply_charges_less(n: int, r: float) -> None:
    # Column i has one device, at row i.
    v = charge_wired(np.zeros((1, n)), [(np.eye(n), np.eye(n))], r)[0]
    assert np.all(np.diff(v) < 0)
    np.testing.assert_allclose(v, -np.expm1(-1 / (1 + r * np.arange(1, n + 1))), rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_resistance_leaves_nothing(dtype: npt.DTypeLike) -> None:
    times, g_plus, g_minus = (x.astype(dtype) for x in random_column(4, 50))
    v = charge_wired(times, [(g_plus, g_plus), (-g_minus, g_minus)], 1e30)
    np.testing.assert_allclose(v, 0, atol=1e-25)
    with pytest.raises(ValueError, match=r"resistance\[0\] is .*, too large for"):
        charge_wired(times, [(g_plus, g_plus)], float(np.finfo(dtype).max / 4))


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_of_wires_depend_neither_on_threads_nor_on_neighbours(dtype: npt.DTypeLike) -> None:
    times, g_plus, g_minus = (x.astype(dtype) for x in random_column(5, 60, 45, 40))
    wires = [(g_plus, g_plus), (-g_minus, g_minus)]
    v = charge_wired(times, wires, 0.1, off=0.1, threads=1)
    np.testing.assert_array_equal(charge_wired(schedule(times), wires, 0.1, off=0.1, threads=3), v)
    one = [tuple(np.ascontiguousarray(x[:, 17:18]) for x in wire) for wire in wires]
    np.testing.assert_array_equal(charge_wired(times[5:6].copy(), one, 0.1, off=0.1), v[5:6, 17:18])  # type: ignore[arg-type]


def test_wires_that_do_not_fit_are_rejected() -> None:
    one, times = np.ones((2, 3)), np.zeros((1, 2))
    with pytest.raises(ValueError, match=r"wires.*got 3"):
        charge_wired(times, [(one, one)] * 3, 0.1)
    with pytest.raises(ValueError, match=r"conductance.*got \(2, 2\)"):
        charge_wired(times, [(one, np.ones((2, 2)))], 0.1)
    with pytest.raises(ValueError, match=r"resistance.*got \(2,\)"):
        charge_wired(times, [(one, one)], np.ones(2))
    with pytest.raises(ValueError, match=r"resistance\[0\].*got -1"):
        charge_wired(times, [(one, one)], -1.0)
    with pytest.raises(ValueError, match=r"off.*got 1.5"):
        charge_wired(times, [(one, one)], 0.1, off=1.5)


# Chips


def network_of(circuit: Circuit, n_in: int = 30) -> Network:
    return Network([np.random.default_rng(7).normal(0.02, 0.3, (n_in, 12))], circuit)


def chip_of(network: Network, *effects: Effect, devices: Devices | None = None) -> Chip:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program(network, effects, seed=3, devices=devices)


@pytest.mark.parametrize("wire", ["supply", "membrane"])
def test_a_wired_chip_with_other_effects_agrees_with_nodal_analysis(wire: str) -> None:
    circuit = Circuit(e_plus=1.9, e_minus=-1.2, diode_drop=0.1)
    effects = [CapacitorMismatch(sigma=0.2), ComparatorOffset(sigma=0.1), Variation(sigma=0.2)]
    chip = chip_of(network_of(circuit), *effects, WireResistance(resistance=0.01, wire=wire))
    times = random_column(8, 30)[0]
    layer = chip.layers[0]
    g_plus, g_minus = layer.conductances()
    rest, unit = layer.ideal_scale()
    v = chip.forward(times)
    for s, i in np.ndindex(v.shape):
        c = layer.capacitance[i]
        devices = g_plus[:, i] / c, g_minus[:, i] / c
        if wire == "supply":
            u = ladders.supply_column(times[s], *devices, (1.8, -1.1), 0.01 * c)
        else:
            pair = [g[:, None].copy() for g in devices]
            u = charge_crossbar(times[s : s + 1], pair[0], pair[1], circuit, column=0.01 * c)[0, 0]
        assert v[s, i] == pytest.approx(rest[i] + unit[i] * u, abs=1e-9)
    assert np.abs(v - chip_of(network_of(circuit), *effects).forward(times)).max() > 0.01


def test_wires_change_nothing_for_current_sources() -> None:
    network = network_of(Circuit.conventional())
    times = random_column(9, 30)[0]
    chip = chip_of(network, WireResistance(resistance=1.0), AxonResistance(resistance=1.0))
    np.testing.assert_allclose(chip.forward(times), network.forward(times), rtol=0, atol=1e-14)


def test_a_chip_that_loses_nothing_is_not_rejected() -> None:
    """2.5 ohm a cell on 784 rows, with the devices of 140 fF and 1 us."""
    network = Network([np.full((784, 1), 0.05)], Circuit(v_syn=1.0))
    r = 2.5 * 1.4e-7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chip = program(network, [WireResistance(resistance=r)], seed=0)
    times = np.full((1, 784), 0.9)
    assert chip.forward(times) == pytest.approx(network.forward(times), abs=4e-3)
    assert 0 < WireResistance(resistance=r).droop(chip.layers[0]) < 0.006


@pytest.mark.parametrize("wire", ["supply", "membrane"])
def test_fast_mode_is_exact_for_devices_that_always_conduct(wire: str) -> None:
    network, times = network_of(Circuit(v_syn=1.0)), np.zeros((1, 30))
    devices = Devices(on_off=20.0)
    exact, fast = (
        chip_of(network, WireResistance(resistance=0.01, wire=wire, activity=one), devices=devices).forward(times)
        for one in (None, 1.0)
    )
    np.testing.assert_allclose(fast, exact, rtol=0, atol=1e-13)


def test_fast_mode_is_exact_for_one_device_at_a_time() -> None:
    network, times = network_of(Circuit(v_syn=1.0)), np.full((30, 30), np.inf)
    np.fill_diagonal(times, 0.25)
    exact, fast = (chip_of(network, WireResistance(resistance=0.1, activity=one)).forward(times) for one in (None, 0.0))
    np.testing.assert_allclose(fast, exact, rtol=0, atol=1e-13)


def test_fast_mode_has_a_fraction_of_the_error_of_leaving_wires_out() -> None:
    network = network_of(Circuit(v_syn=1.0), 200)
    rng = np.random.default_rng(10)
    times = rng.random((50, 200))
    exact, fast = (
        chip_of(network, WireResistance(resistance=1e-5, activity=one)).forward(times) for one in (None, 2 / 3)
    )
    shift = np.abs(network.forward(times) - exact).mean()
    assert np.abs(fast - exact).mean() < 0.5 * shift


def test_drivers_of_equal_neurons_are_exact() -> None:
    # Without a line's own resistance, equal neurons have equal voltages, and no current flows between them.
    network = Network([np.full((5, 4), 0.5)], Circuit(v_syn=1.0))
    times = random_column(11, 5)[0]
    chip = chip_of(network, AxonResistance(resistance=0.0, driver=0.3))
    exact = charge_crossbar(times, np.full((5, 4), 0.5), np.zeros((5, 4)), Circuit(v_syn=1.0), driver=0.3)
    np.testing.assert_allclose(chip.forward(times), exact, rtol=0, atol=1e-13)


def test_lines_are_exact_in_the_limit_of_high_rails() -> None:
    circuit = Circuit(v_syn=1e4)
    network = network_of(circuit)
    times = random_column(12, 30)[0]
    r = 1e4 * 2e-3
    chip = chip_of(network, AxonResistance(resistance=r, driver=5 * r))
    pairs = program(network, seed=0).layers[0].conductances()
    exact = charge_crossbar(times, *pairs, circuit, row=r, driver=5 * r)
    assert np.abs(exact - network.forward(times)).max() > 0.01
    # Membranes differ by about 1 V_th, 1e-4 of the rails.
    np.testing.assert_allclose(chip.forward(times), exact, rtol=0, atol=1e-4)


def test_approximations_warn_where_they_matter() -> None:
    network = Network([np.full((200, 3), 0.1)], Circuit(v_syn=1.0))
    with pytest.warns(UserWarning, match=r"wire_resistance: voltages droop by up to .*: leave activity out"):
        program(network, [WireResistance(resistance=1e-4, activity=0.5)], seed=0)
    with pytest.warns(UserWarning, match=r"axon_resistance: voltages droop by up to .*"):
        program(network, [AxonResistance(resistance=0.1)], seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program(network, [WireResistance(resistance=1e-6, activity=0.5), AxonResistance(resistance=1e-3)], seed=0)


def test_the_droop_is_that_of_the_nodal_solution() -> None:
    layer = Devices().layer(np.full((3, 1), 0.5), Circuit(v_syn=1.0))
    edges = [(0, 1, 10.0), (1, 2, 10.0)]
    matrix, source = ladders.stamped(3, edges, [(0, 10.0, 1.0), *((j, 0.5, 0.0) for j in range(3))])
    droop = 1 - np.linalg.solve(matrix, source)[2]
    assert WireResistance(resistance=0.1).droop(layer) == pytest.approx(droop, rel=1e-13)
    assert AxonResistance(resistance=0.1).droop(replace(layer, plus=layer.plus.T, minus=layer.minus.T)) == (
        pytest.approx(droop, rel=1e-13)
    )


def test_impossible_wires_of_chips_are_rejected() -> None:
    network, times = network_of(Circuit(v_syn=1.0)), np.zeros((1, 30))
    chip = program(network, [WireResistance(resistance=0.1), DiodeVariation(sigma=0.1)], seed=0)
    with pytest.raises(ValueError, match="give wire_resistance an activity, or leave diode_variation out"):
        chip.forward(times)
    with pytest.raises(ValueError, match="wire_resistance is given twice"):
        program(network, [WireResistance(resistance=0.1), WireResistance(resistance=0.1, wire="membrane")], seed=0)
    with pytest.raises(ValueError, match=r"wire_resistance: wire.*got 'column'"):
        WireResistance(resistance=0.1, wire="column")
    with pytest.raises(ValueError, match="wire_resistance: activity must be at most 1"):
        WireResistance(resistance=0.1, activity=2.0)


def test_blocking_diodes_run_in_fast_mode() -> None:
    network, times = network_of(Circuit(v_syn=1.0)), random_column(13, 30)[0]
    effects = [WireResistance(resistance=1e-3, activity=0.5), DiodeVariation(sigma=0.01)]
    v = chip_of(network, *effects).forward(times)
    assert not np.array_equal(v, chip_of(network, *effects[1:]).forward(times))


def test_wires_in_files(tmp_path: Path) -> None:
    (tmp_path / "wires.toml").write_text(
        "[wire_resistance]\nresistance = 1e-6\nwire = 'membrane'\n[axon_resistance]\nresistance = 1e-6\ndriver = 1e-4\n"
    )
    effects, _ = load(tmp_path / "wires.toml")
    assert effects == (
        WireResistance(resistance=1e-6, wire="membrane"),
        AxonResistance(resistance=1e-6, driver=1e-4),
    )


def test_noise_and_walks_of_wired_chips_agree() -> None:
    chip = chip_of(network_of(Circuit(v_syn=1.0)), WireResistance(resistance=0.01))
    times = random_column(14, 30)[0]
    results = list(chip.walk(times, noise=0.01, seed=2))
    np.testing.assert_array_equal(results[-1].outputs, chip.forward(times, noise=0.01, seed=2))
    plain = charge(times, network_of(Circuit(v_syn=1.0)).weights[0], Circuit(v_syn=1.0))
    assert np.abs(chip.forward(times) - plain).max() > 1e-3

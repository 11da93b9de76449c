"""What all devices of a chip share, and leakage of its switches: against circuits written down independently."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest

from rcspike import Circuit, Network
from rcspike.chips import (
    CapacitorMismatch,
    Devices,
    DiodeTemperature,
    DiodeVariation,
    ProcessCorner,
    SupplyDroop,
    SwitchLeakage,
    WireResistance,
    program,
)

Array = npt.NDArray[Any]


def some(seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    times = np.where(rng.random((6, 10)) < 0.7, rng.random((6, 10)), np.inf)
    return times, rng.normal(0.05, 0.3, (10, 5))


def first_spikes(weights: Array, times: Array, *effects: Any, circuit: Circuit | None = None) -> Array:
    """Spike times of a layer of a chip."""
    network = Network([weights, np.eye(weights.shape[1])], circuit or Circuit(v_syn=1.5))
    return next(program(network, effects, seed=0).walk(times)).t_out


@pytest.mark.parametrize("tracks", [False, True])
def test_a_corner_scales_resistors_capacitors_and_ramps(tracks: bool) -> None:
    times, weights = some()
    r, c, i = 1.2, 0.9, 1.05
    corner = ProcessCorner(resistance=r - 1, capacitance=c - 1, ramp=i - 1, tracks=tracks)
    drive, conductance = oracle.affine(weights, 1.5, -1.5)
    v = oracle.charge(times, drive / (r * c), conductance / (r * c))
    slope = i / c / (r if tracks else 1)
    t = (1 - v) / slope  # whoever reaches the threshold within the phase spikes
    t = np.where(t >= 1, np.inf, np.maximum(t, 0))
    np.testing.assert_allclose(first_spikes(weights, times, corner), t, rtol=0, atol=1e-13)


def test_lower_supplies_are_lower_rails() -> None:
    """The same resistors behind rails that are 4 % lower."""
    times, weights = some()
    g, side = np.abs(weights) / 1.5, np.sign(weights)
    exact = oracle.charge(times, g * side * 1.5 * 0.96, g)
    found = program(Network([weights], Circuit(v_syn=1.5)), [SupplyDroop(share=0.04)], seed=0).forward(times)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-13)
    conventional = Network([weights], Circuit.conventional())
    np.testing.assert_array_equal(
        program(conventional, [SupplyDroop(share=0.04)], seed=0).forward(times), conventional.forward(times)
    )


@pytest.mark.parametrize(
    "others",
    [[], [CapacitorMismatch(sigma=0.0)], [DiodeVariation(sigma=1e-9)], [WireResistance(resistance=1e-12)]],
    ids=lambda effects: "-".join(effect.name for effect in effects) or "none",
)
def test_an_open_switch_leaks_until_it_closes(others: list[Any]) -> None:
    times, weights = some()
    current = 0.002
    drive, conductance = oracle.affine(weights, 1.5, -1.5)
    side = np.sign(weights)
    exact = oracle.charge(times, drive - current * side, conductance, current * side.sum(axis=0), np.zeros(5))
    effects = [*others, SwitchLeakage(current=current)]
    found = program(Network([weights], Circuit(v_syn=1.5)), effects, seed=0).forward(times)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-7 if others else 1e-13)


def test_leakage_of_both_devices_of_a_pair_cancels() -> None:
    times, weights = some()
    network, devices = Network([weights], Circuit(v_syn=1.5)), Devices(on_off=100.0)
    np.testing.assert_allclose(
        program(network, [SwitchLeakage(current=0.01)], seed=0, devices=devices).forward(times),
        program(network, [], seed=0, devices=devices).forward(times),
        rtol=0,
        atol=1e-13,
    )


@pytest.mark.parametrize("celsius", [-40.0, 85.0])
def test_drops_follow_the_saturation_current_with_temperature(celsius: float) -> None:
    """I_s(T) written out as SPICE has it, for two idealities: the drop at a constant current is the same for both."""
    k_over_q, v_th, drop = 8.617333262e-5, 0.872, 0.5
    cold, hot = 300.15, 273.15 + celsius
    layer = Devices().layer(np.ones((1, 1)), Circuit(v_syn=2.0, diode_drop=drop))
    found = DiodeTemperature(celsius=celsius).apply(layer, np.random.default_rng(0)).drop_plus
    for n in (1.0, 1.36):
        saturation = 1e-15
        current = saturation * math.exp(drop * v_th / (n * k_over_q * cold))
        change = (hot / cold) ** (3 / n) * math.exp(1.11 / (n * k_over_q) * (1 / cold - 1 / hot))
        expected = n * k_over_q * hot * math.log(current / (saturation * change))
        assert math.isclose(float(found) * v_th, expected, abs_tol=1e-12)


def test_a_circuit_without_diodes_has_no_drop_at_any_temperature() -> None:
    layer = Devices().layer(np.ones((1, 1)), Circuit())
    assert DiodeTemperature(celsius=85.0).apply(layer, np.random.default_rng(0)) is layer

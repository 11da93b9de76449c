"""A programmed chip: its devices, when they are drawn, and its neurons."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import oracle
import pytest
import scipy.integrate

from rcspike import Circuit, Network
from rcspike.chips import (
    AxonResistance,
    CapacitorMismatch,
    ChargeInjection,
    Chip,
    ComparatorNoise,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    Drift,
    Effect,
    FlickerNoise,
    Jitter,
    Levels,
    Measured,
    MembraneLeak,
    OffLeakage,
    ProcessCorner,
    Programming,
    Ramp,
    RampMismatch,
    ReadNoise,
    SpikeDelay,
    Stuck,
    SupplyDroop,
    SwitchLeakage,
    TimeQuantisation,
    Variation,
    WireResistance,
    program,
)
from rcspike.functional import readout_times

CIRCUITS = [
    Circuit(v_syn=1.0),
    Circuit(v_syn=4.0, diode_drop=0.3),
    Circuit(e_plus=2.8, e_minus=-1.53, ramp=0.155),
    Circuit.conventional(),
]
# Each effect at size zero and at a size that shows.
EFFECTS: list[tuple[Effect, Effect]] = [
    (Variation(sigma=0.0), Variation(sigma=0.2)),
    (Variation(sigma=0.0, kind="absolute"), Variation(sigma=0.02, kind="absolute")),
    (Programming(scale=0.0), Programming(device="rram")),
    (
        Measured(target=(0, 1), mean=(0, 1), std=(1, 1), scale=0.0),
        Measured(target=(0, 1), mean=(0, 0.9), std=(0.1, 0.1)),
    ),
    (Levels(bits=math.inf), Levels(bits=3)),
    (Stuck(share=0.0, on=0.5), Stuck(share=0.1, on=0.5)),
    (Drift(time=0.0), Drift(time=1e5)),
    (ReadNoise(sigma=0.0), ReadNoise(sigma=0.02)),
    (FlickerNoise(time=0.0), FlickerNoise(time=1e3)),
    (DiodeVariation(sigma=0.0), DiodeVariation(sigma=0.05)),
    (OffLeakage(share=0.0), OffLeakage(share=1e-2)),
    (MembraneLeak(conductance=0.0), MembraneLeak(conductance=0.1)),
    (CapacitorMismatch(sigma=0.0), CapacitorMismatch(sigma=0.05)),
    (ComparatorOffset(sigma=0.0), ComparatorOffset(sigma=0.02)),
    (RampMismatch(sigma=0.0), RampMismatch(sigma=0.05)),
    (Ramp(bend=0.0), Ramp(bend=0.3)),
    (ChargeInjection(scale=0.0), ChargeInjection(plus=0.01, minus=-0.02)),
    (SwitchLeakage(current=0.0), SwitchLeakage(current=1e-3)),
    (ProcessCorner(), ProcessCorner(resistance=0.1, capacitance=-0.1, ramp=0.05)),
    (SupplyDroop(share=0.0), SupplyDroop(share=0.05)),
    (SpikeDelay(delay=0.0), SpikeDelay(delay=0.02)),
    (Jitter(sigma=0.0), Jitter(sigma=0.02)),
    (ComparatorNoise(sigma=0.0), ComparatorNoise(sigma=0.02)),
    (TimeQuantisation(step=0.0), TimeQuantisation(step=0.1)),
    (WireResistance(resistance=0.0), WireResistance(resistance=1e-4)),
    (AxonResistance(resistance=0.0), AxonResistance(resistance=1e-4, driver=1e-4)),
]
NAMES = [f"{present.name}-{i}" for i, (_, present) in enumerate(EFFECTS)]
Array = npt.NDArray[Any]


def network_of(circuit: Circuit = CIRCUITS[0], dtype: npt.DTypeLike = np.float32) -> Network:
    return Network.create([30, 20, 10], circuit, seed=1, dtype=dtype)


def times_of(dtype: npt.DTypeLike = np.float32, batch: int = 40) -> Array:
    t = np.random.default_rng(2).random((batch, 30))
    return np.where(t < 0.8, t, np.inf).astype(dtype)


# Perfect chips


@pytest.mark.parametrize("circuit", CIRCUITS, ids=["symmetric", "diode", "asymmetric", "conventional"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_effects_of_size_zero_give_the_bits_of_the_network(circuit: Circuit, dtype: npt.DTypeLike) -> None:
    network, times = network_of(circuit, dtype), times_of(dtype)
    ideal = network.forward(times)
    np.testing.assert_array_equal(program(network, seed=0).forward(times), ideal)
    absent = [effect for effect, _ in EFFECTS if effect.name != "ramp"]
    np.testing.assert_array_equal(program(network, absent, seed=0).forward(times), ideal)


@pytest.mark.parametrize(("absent", "present"), EFFECTS, ids=NAMES)
def test_an_effect_is_absent_at_size_zero_and_seen_at_another(absent: Effect, present: Effect) -> None:
    network, times = network_of(), times_of()
    ideal = network.forward(times)
    np.testing.assert_array_equal(program(network, [absent], seed=0).forward(times), ideal)
    assert not np.array_equal(program(network, [present], seed=0).forward(times, seed=0), ideal)


def test_a_jitter_of_a_chip_is_the_spike_time_noise_of_a_network() -> None:
    network, times = network_of(), times_of()
    chip = program(network, [Jitter(sigma=0.02)], seed=0)
    seeds = range(200)
    of_chip, of_network = (
        np.array([run(seed) for seed in seeds])
        for run in (
            lambda seed: chip.forward(times, seed=seed),
            lambda seed: network.forward(times, noise=0.02, seed=seed),
        )
    )
    # Two samples of 200 of the same law: means differ by 5 standard errors, spreads by 5 of theirs, in 1e-6 of cases.
    spread = of_network.std(axis=0)
    assert np.abs(of_chip.mean(axis=0) - of_network.mean(axis=0)).max() < 5 * math.sqrt(2 / 200) * spread.max()
    np.testing.assert_allclose(of_chip.std(axis=0), spread, rtol=5 * math.sqrt(2 / 400))


# The layers passed to the engine


@pytest.mark.parametrize("circuit", CIRCUITS[:3], ids=["symmetric", "diode", "asymmetric"])
def test_drive_and_conductance_of_a_chip_are_those_of_its_devices(circuit: Circuit) -> None:
    """By the formulas of a pair, D = g+ (E+ - V_D) + g- (E- + V_D) and G = g+ + g-, device by device."""
    network = network_of(circuit, np.float64)
    effects = [Levels(bits=5), Variation(sigma=0.2), Stuck(share=0.05, on=0.5), DiodeVariation(sigma=0.02)]
    chip = program(network, [*effects, OffLeakage(share=0.01)], seed=5, devices=Devices(on_off=50.0))
    for layer, made in zip(chip.layers, chip.engine.layers, strict=True):
        passed = made.pairs
        # Drive and conductance of a pair, by the engine's documentation
        over_plus, over_minus = 1 / circuit.e_plus, -1 / circuit.e_minus
        D = passed.plus * (1 - circuit.diode_drop * over_plus) - passed.minus * (1 - circuit.diode_drop * over_minus)
        G = passed.plus * over_plus + passed.minus * over_minus
        assert isinstance(layer.drop_plus, np.ndarray)
        assert isinstance(layer.drop_minus, np.ndarray)
        assert passed.drive0 is not None
        assert passed.conductance0 is not None
        for i in range(D.shape[1]):
            drive0 = conductance0 = 0.0
            for j in range(D.shape[0]):
                g_plus, g_minus = layer.plus[j, i] / circuit.e_plus, layer.minus[j, i] / -circuit.e_minus
                drive = g_plus * (circuit.e_plus - layer.drop_plus[j, i])
                drive += g_minus * (circuit.e_minus + layer.drop_minus[j, i])
                assert abs(D[j, i] - 0.99 * drive) < 1e-12
                assert abs(G[j, i] - 0.99 * (g_plus + g_minus)) < 1e-12
                drive0 += 0.01 * drive
                conductance0 += 0.01 * (g_plus + g_minus)
            assert abs(passed.drive0[i] - drive0) < 1e-12
            assert abs(passed.conductance0[i] - conductance0) < 1e-12


@pytest.mark.parametrize("bend", [0.0, 0.3, -0.5])
def test_a_neuron_fires_when_its_own_ramp_reaches_its_own_threshold(bend: float) -> None:
    """Its membrane by the oracle, with its own capacitance; its ramp by numerical integration."""
    network = Network([np.random.default_rng(0).normal(0.1, 0.2, size=(30, 25))], Circuit(v_syn=2.0))
    effects: list[Effect] = [ComparatorOffset(sigma=0.03), Ramp(bend=bend), MembraneLeak(conductance=0.1)]
    if bend == 0:
        effects += [CapacitorMismatch(sigma=0.1), RampMismatch(sigma=0.1)]
    chip = program(network, effects, seed=3)
    (layer,) = chip.layers
    times = times_of(np.float64, batch=3)
    D, G = layer.affine()
    v = oracle.charge(times, D / layer.capacitance, G / layer.capacitance, None, layer.leak / layer.capacitance)
    # The ideal ramp of this coefficient, dv/dt = a (1 - b v), takes a neuron from 0 to 1 within 1.
    b = mpmath.mpf(bend)
    a = mpmath.mpf(1) if bend == 0 else -mpmath.log(1 - b) / b
    found = chip.forward(times)
    for i in range(25):
        current = layer.ramp_current[i] / layer.capacitance[i]
        for s in range(3):
            if not 0 < v[s, i] < 1:
                continue
            until = 1 + layer.offset[i]
            t = mpmath.quad(lambda u: 1 / (a * (1 - b * u)), [v[s, i], until]) / current
            # The engine reads the last layer by the voltage of an ideal neuron that would fire then.
            ideal = 1 - t if bend == 0 else (1 - (1 - b) * mpmath.exp(a * b * t)) / b
            assert abs(found[s, i] - float(ideal)) < 1e-12


def test_a_nonlinear_ramp_of_another_current_is_as_close_as_documented() -> None:
    """By the remainder of a straight line between v = 0 and 1: an eighth of the curvature b / (1 - b) s, here with the
    factors that are 1 for small s."""
    network = Network([np.full((1, 50), 0.5)], Circuit(v_syn=2.0, ramp=0.3))
    chip = program(network, [RampMismatch(sigma=0.05)], seed=3)
    (layer,) = chip.layers
    v = network.forward(np.array([[0.0]]))[0, 0]
    t = (math.log1p(-0.3 * 1) - np.log1p(-0.3 * v)) / math.log1p(-0.3) / layer.ramp_current
    ideal = (1 - (1 - 0.3) * np.exp(-math.log1p(-0.3) * t)) / 0.3
    error = np.abs(chip.forward(np.array([[0.0]]))[0] - ideal)
    bound = 0.3 / 0.7 / 8 * np.abs(layer.ramp_current - 1) / layer.ramp_current**2
    assert (error <= bound + 1e-12).all()
    assert error.max() > 0.5 * bound.max()


def test_a_device_whose_rail_the_membrane_has_passed_conducts_nothing() -> None:
    """A stiff numerical solution of the membrane's own equation, with all that the chip says of its parts."""
    network = Network([np.random.default_rng(0).normal(0.5, 0.5, size=(12, 6))], Circuit(v_syn=1.0, diode_drop=0.1))
    effects: list[Effect] = [DiodeVariation(sigma=0.3), OffLeakage(share=0.05), MembraneLeak(conductance=0.1)]
    effects += [CapacitorMismatch(sigma=0.1), RampMismatch(sigma=0.1), ComparatorOffset(sigma=0.1)]
    chip = program(network, effects, seed=2)
    (layer,) = chip.layers
    times = times_of(np.float64, batch=3)[:, :12].copy()
    found = chip.forward(times)
    (g_plus, g_minus), (D, G) = layer.conductances(), layer.affine()
    assert isinstance(layer.drop_plus, np.ndarray)
    assert isinstance(layer.drop_minus, np.ndarray)
    up, down = 1 - layer.drop_plus, -1 + layer.drop_minus
    passed = False
    for s, row in enumerate(times):
        v = np.zeros(6)
        for start, end in pairwise(np.unique([0.0, *row[row < 1], 1.0])):
            on = (row <= start)[:, None]

            def slope(_: float, u: Array, on: Array = on) -> Array:
                devices = g_plus * np.maximum(up - u, 0) - g_minus * np.maximum(u - down, 0)
                current = (0.95 * on * devices).sum(axis=0) + 0.05 * (D - G * u).sum(axis=0) - 0.1 * u
                return np.asarray(current / layer.capacitance)

            v = scipy.integrate.solve_ivp(slope, (start, end), v, method="RK45", rtol=1e-9, atol=1e-11).y[:, -1]
        passed |= bool((v > up.min(axis=0)).any())
        t = (1 + layer.offset - v) * layer.capacitance / layer.ramp_current
        np.testing.assert_allclose(found[s], 1 - t, rtol=0, atol=1e-6)  # what solve_ivp leaves at kinks
    assert passed


def test_an_unreachable_threshold_is_rejected() -> None:
    chip = program(Network([np.ones((1, 50))], Circuit(ramp=0.98)), [ComparatorOffset(sigma=0.1)], seed=0)
    with pytest.raises(ValueError, match=r"the nonlinear ramp \(0\.98\) never reaches a threshold of 1\.\d+ V_th"):
        chip.forward(np.array([[0.5]]))


def test_quantised_times_go_through_the_layers_one_by_one() -> None:
    network, times = network_of(dtype=np.float64), times_of(np.float64)
    fine, coarse = (program(network, [TimeQuantisation(step=step)], seed=0).forward(times) for step in (1e-12, 0.125))
    # A step of s moves each of 20 spikes by half of it, and this voltage by its weights.
    np.testing.assert_allclose(fine, network.forward(times), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(coarse * 8, np.rint(coarse * 8))


def test_quantised_output_times_are_those_of_the_circuits_own_ramp() -> None:
    circuit = Circuit(e_plus=2.8, e_minus=-1.53, ramp=0.4)
    network = Network([np.random.default_rng(5).normal(0.1, 0.6, (30, 6))], circuit)
    v = program(network, [TimeQuantisation(step=0.125)], seed=0).forward(times_of(np.float64))
    steps = readout_times(v, circuit) * 8
    np.testing.assert_allclose(steps, np.rint(steps), rtol=0, atol=1e-12)  # a few ulp there and back
    assert len(np.unique(steps.round())) > 3


# Random numbers


@pytest.mark.parametrize(("_", "present"), EFFECTS, ids=NAMES)
def test_the_same_seed_gives_the_same_chip_and_another_one_another(_: Effect, present: Effect) -> None:
    network, times = network_of(), times_of()
    v = program(network, [present], seed=7).forward(times, seed=1)
    np.testing.assert_array_equal(program(network, [present], seed=7).forward(times, seed=1), v)
    certain = Levels | OffLeakage | MembraneLeak | Ramp | TimeQuantisation | WireResistance | AxonResistance
    certain |= SwitchLeakage | ProcessCorner | SupplyDroop | SpikeDelay
    chance = not isinstance(present, certain)
    others = [program(network, [present], seed=8).forward(times, seed=1)]
    others.append(program(network, [present], seed=7).forward(times, seed=2))
    assert any(not np.array_equal(other, v) for other in others) == chance


def test_one_more_effect_changes_no_draw_of_the_others() -> None:
    network = network_of()
    chosen = [Variation(sigma=0.2), ComparatorOffset(sigma=0.02), CapacitorMismatch(sigma=0.01)]
    few = program(network, chosen, seed=4)
    many = program(network, [DiodeVariation(sigma=0.1), *chosen, RampMismatch(sigma=0.1)], seed=4)
    for a, b in zip(few.layers, many.layers, strict=True):
        np.testing.assert_array_equal(a.plus, b.plus)
        np.testing.assert_array_equal(a.offset, b.offset)
        np.testing.assert_array_equal(a.capacitance, b.capacitance)


def test_two_effects_of_one_name_draw_apart() -> None:
    network = network_of()
    one = program(network, [ComparatorOffset(sigma=0.1)], seed=4).layers[0].offset
    two = program(network, [ComparatorOffset(sigma=0.1)] * 2, seed=4).layers[0].offset
    assert not np.allclose(two, 2 * one)


def test_layers_draw_apart() -> None:
    layers = program(network_of(), [ComparatorOffset(sigma=0.1)], seed=4).layers
    assert not np.allclose(layers[0].offset[:10], layers[1].offset)


@pytest.mark.parametrize("effect", [Jitter(), ComparatorNoise(), ReadNoise(), FlickerNoise(time=1.0)])
def test_temporal_noise_is_redrawn_and_needs_a_seed(effect: Effect) -> None:
    chip, times = program(network_of(), [effect], seed=0), times_of()
    a, b, again = (chip.forward(times, seed=seed) for seed in (0, 1, 0))
    np.testing.assert_array_equal(a, again)
    assert not np.array_equal(a, b)
    with pytest.raises(ValueError, match="temporal noise needs a seed"):
        chip.forward(times)


# Use


def test_a_chip_survives_pickling() -> None:
    chip, times = program(network_of(), [present for _, present in EFFECTS[:3]], seed=0), times_of()
    copy = pickle.loads(pickle.dumps(chip))
    assert isinstance(copy, Chip)
    np.testing.assert_array_equal(copy.forward(times), chip.forward(times))


def test_something_that_is_not_an_effect_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"effects.*got 0\.2"):
        program(network_of(), [0.2], seed=0)  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"seed.*got -1"):
        program(network_of(), seed=-1)

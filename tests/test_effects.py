"""Each effect does to devices and neurons what its definition says. Statistics are judged at five standard errors, a
chance of 1e-6 in a normal law; the seeds are fixed, so that no run is unlucky."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, DeviceModel, PhysicalScale, chips
from rcspike.chips import (
    CapacitorMismatch,
    ChipLayer,
    ComparatorNoise,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    Drift,
    Fixed,
    FlickerNoise,
    Jitter,
    Levels,
    Measured,
    Programming,
    Ramp,
    RampMismatch,
    Reading,
    ReadNoise,
    Stuck,
    TimeQuantisation,
    Variation,
    WireResistance,
)

N = 100_000
Array = npt.NDArray[np.float64]


def layer_of(weights: Any, *, v_syn: float = 2.0, on_off: float = math.inf) -> ChipLayer:
    return Devices(on_off=on_off).layer(np.asarray(weights, dtype=np.float64), Circuit(v_syn=v_syn))


def spread(effect: Fixed | Reading, g: float) -> Array:
    """N devices of conductance g, of a maximum of 1, after an effect."""
    weights = np.full((N, 2), g)
    weights[:, 1] = -1.0
    return effect.apply(layer_of(weights), np.random.default_rng(1)).plus[:, 0]


def assert_normal(x: Array, mean: float, std: float) -> None:
    assert abs(x.mean() - mean) < 5 * std / math.sqrt(len(x))
    assert abs(x.std() - std) < 5 * std / math.sqrt(2 * len(x))
    assert scipy.stats.kstest(x, scipy.stats.norm(mean, std).cdf).pvalue > 1e-6


# Weights and devices


@given(
    w=st.lists(st.floats(-3, 3).map(lambda w: round(w, 6)), min_size=1, max_size=8),
    on_off=st.floats(1.5, 1e6),
    v_syn=st.floats(0.5, 50),
)
def test_a_pair_differs_by_its_weight_and_lies_in_the_range(w: list[float], on_off: float, v_syn: float) -> None:
    layer = layer_of([w], on_off=on_off, v_syn=v_syn)
    for device in (layer.plus, layer.minus):
        assert (device >= layer.g_min).all()
        assert (device <= layer.g_max * (1 + 4e-16)).all()  # the largest weight and the smallest device are rounded
    assert layer.g_max / layer.g_min == pytest.approx(on_off, rel=1e-12)
    D, G = layer.affine()
    # Rounding of two sums of at most on_off / (on_off - 1) < 3 times the largest weight, and of their difference.
    tolerance = 2e-15 * layer.g_max
    np.testing.assert_allclose(D, [w], rtol=0, atol=tolerance)
    np.testing.assert_allclose(G * v_syn, np.abs([w]) + 2 * layer.g_min, rtol=0, atol=2 * tolerance)


def test_conductances_are_those_of_the_physical_scale() -> None:
    g_plus, g_minus = layer_of([[1.0, -0.5]], v_syn=2.0).conductances()
    # R = T E / (C w): 1 us / 140 fF times 2 for a weight of 1, and 4 for one of 0.5
    scale = PhysicalScale(capacitance=140e-15, window=1e-6)
    np.testing.assert_allclose(scale.siemens(g_plus), [[140e-9 / 2, 0]], rtol=1e-15)
    np.testing.assert_allclose(scale.siemens(g_minus), [[0, 140e-9 / 4]], rtol=1e-15)


def test_weights_beyond_the_range_are_programmed_to_its_end() -> None:
    layer = Devices(w_max=0.5, on_off=6.0).layer(np.array([[2.0, -2.0, 0.1]]), Circuit())
    np.testing.assert_allclose(layer.affine()[0], [[0.5, -0.5, 0.1]], rtol=1e-14)
    np.testing.assert_allclose([layer.g_max, layer.g_min], [0.6, 0.1], rtol=1e-14)


def test_each_layer_can_have_a_range_of_its_own() -> None:
    devices = Devices(w_max=(0.5, 0.25))
    w = np.array([[2.0, -2.0, 0.1]])
    for depth in (0, 1):
        assert devices.layer(w, Circuit(), depth=depth).g_max == (0.5, 0.25)[depth]
    with pytest.raises(ValueError, match="w_max is given for 2 layers, but there is a layer 3"):
        devices.layer(w, Circuit(), depth=2)


def test_a_layer_without_weights_can_be_programmed() -> None:
    layer = layer_of(np.zeros((2, 2)), on_off=10.0)
    np.testing.assert_array_equal(layer.affine()[0], 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_off": 1.0}, r"on_off.*got 1\.0"),
        ({"on_off": math.nan}, "on_off.*got nan"),
        ({"w_max": 0.0}, r"w_max.*got 0\.0"),
        ({"w_max": (0.1, -1.0)}, r"w_max.*got \(0\.1, -1\.0\)"),
        ({"w_max": math.inf}, "w_max.*got inf"),
    ],
)
def test_impossible_devices_are_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Devices(**arguments)


# Statistics of devices


def test_lognormal_variation_keeps_the_median_and_scatters_the_logarithm() -> None:
    assert_normal(np.log(spread(Variation(sigma=0.3), 0.5)), math.log(0.5), 0.3)


@pytest.mark.parametrize(("kind", "std"), [("gaussian", 0.1 * 0.5), ("absolute", 0.1)])
def test_gaussian_variation_is_a_fraction_of_the_conductance_or_of_the_largest(kind: Any, std: float) -> None:
    assert_normal(spread(Variation(sigma=0.1, kind=kind), 0.5), 0.5, std)


def test_no_conductance_is_negative() -> None:
    noisy = (Variation(sigma=1.0, kind="gaussian"), Variation(sigma=1.0, kind="absolute"), ReadNoise(sigma=1.0))
    for effect in noisy:
        assert spread(effect, 0.2).min() == 0
    assert spread(Programming(device="rram", scale=10.0), 0.2).min() == 0


# By hand from the published polynomials in uS, at half and at the whole of g_max
@pytest.mark.parametrize(
    ("device", "half", "whole"),
    [
        ("pcm", (0.26348 + 1.9650 / 2 - 1.1731 / 4) / 25, (0.26348 + 1.9650 - 1.1731) / 25),
        ("hermes", (0.166 + 4.718 / 2 - 8.481 / 4 + 4.690 / 8) / 20.7, (0.166 + 4.718 - 8.481 + 4.690) / 20.7),
        (
            "rram",
            (0.348 + 16.030 / 2 - 43.853 / 4 + 45.393 / 8 - 16.815 / 16) / 40,
            (0.348 + 16.030 - 43.853 + 45.393 - 16.815) / 40,
        ),
        ("cmo-hfox-2", 0.01129 / 2 + 0.011 / 90, 0.01129 + 0.011 / 90),
        ("cmo-hfox-0.2", 0.00107 / 2 + 0.0008 / 90, 0.00107 + 0.0008 / 90),
    ],
)
def test_programming_errors_are_the_published_ones(device: str, half: float, whole: float) -> None:
    assert_normal(spread(Programming(device=device), 0.5), 0.5, half)
    assert_normal(spread(Programming(device=device), 1.0), 1.0, whole)
    assert_normal(spread(Programming(device=device, scale=2.0), 1.0), 1.0, 2 * whole)


def test_measured_devices_have_the_mean_and_spread_of_the_table(tmp_path: Path) -> None:
    table = tmp_path / "devices.csv"
    table.write_text("target,mean,std\n10,12,2\n50,48,3\n100,90,5\n")
    effect = Measured.from_csv(table)
    assert_normal(spread(effect, 0.5), 0.48, 0.03)
    assert_normal(spread(effect, 0.75), 0.75 - 0.06, 0.04)  # halfway between two lines of the table
    assert_normal(spread(Measured.from_csv(table, scale=0.5), 1.0), 0.95, 0.025)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("target,mean\n1,1\n2,2\n", "must have columns target,mean,std, got target,mean"),
        ("target,mean,std\n1,1,x\n2,2,0\n", "could not convert string to float: 'x'"),
        ("target,mean,std\n1,1,0\n", "at least 2"),
        ("target,mean,std\n2,2,0\n1,1,0\n", "targets must rise"),
        ("target,mean,std\n1,1,0\n2,2,-1\n", r"std.*got -1\.0"),
    ],
)
def test_a_broken_table_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        Measured.from_csv(tmp_path / "devices.csv")


@pytest.mark.parametrize("bits", [1, 2, 5])
@pytest.mark.parametrize("on_off", [math.inf, 20.0])
def test_levels_are_equally_spaced_and_the_nearest_is_taken(bits: int, on_off: float) -> None:
    ideal = layer_of(np.random.default_rng(0).normal(size=(300, 20)), on_off=on_off)
    layer = Levels(bits=bits).apply(ideal, np.random.default_rng(0))
    levels = np.linspace(ideal.g_min, ideal.g_max, 2**bits)
    for exact, device in ((ideal.plus, layer.plus), (ideal.minus, layer.minus)):
        nearest = levels[np.abs(exact[..., None] - levels).argmin(axis=-1)]
        np.testing.assert_allclose(device, nearest, rtol=0, atol=1e-14 * ideal.g_max)
    assert len(np.unique(np.round(layer.plus - layer.minus, 12))) <= 2 ** (bits + 1) - 1


def test_the_fractions_of_stuck_devices_are_the_given_ones() -> None:
    ideal = layer_of(np.random.default_rng(0).uniform(0.1, 0.9, size=(N, 2)), on_off=100.0)
    layer = Stuck(share=0.1, on=0.3).apply(ideal, np.random.default_rng(1))
    for exact, device in ((ideal.plus, layer.plus), (ideal.minus, layer.minus)):
        on, off = device == ideal.g_max, (device == ideal.g_min) & (exact != ideal.g_min)
        assert abs(on.mean() - 0.03) < 5 * math.sqrt(0.03 * 0.97 / device.size)
        if exact is ideal.plus:  # the others are off in any case
            assert abs(off.mean() - 0.07) < 5 * math.sqrt(0.07 * 0.93 / device.size)
        np.testing.assert_array_equal(device[~on & ~off], exact[~on & ~off])


def test_known_stuck_devices_are_made_up_for_by_their_partners() -> None:
    ideal = layer_of(np.random.default_rng(0).uniform(-0.9, 0.9, size=(300, 30)), on_off=100.0)
    w = ideal.plus - ideal.minus
    for on in (0.0, 1.0):
        blind, known = (
            Stuck(share=0.1, on=on, known=known).apply(ideal, np.random.default_rng(1)) for known in (False, True)
        )
        moved = (blind.plus != ideal.plus) | (blind.minus != ideal.minus)
        both = (blind.plus != ideal.plus) & (blind.minus != ideal.minus)
        error = np.abs(known.plus - known.minus - w)
        np.testing.assert_array_equal(error[~moved], 0)
        if on == 1.0:  # if one is always on, the other can take any difference of this sign, and 0 for the other one
            reachable = moved & ~both & ((blind.plus == ideal.g_max) == (w > 0))
            assert error[reachable].max() < 1e-15
        assert error.mean() < (0.7 if on == 1.0 else 1.0) * np.abs(blind.plus - blind.minus - w).mean() + 1e-15
        assert known.plus.min() >= ideal.g_min
        assert known.plus.max() <= ideal.g_max


def test_drift_is_a_power_of_time_with_an_exponent_for_each_device() -> None:
    exponents = -np.log(spread(Drift(time=2e3, t0=20.0, nu=0.06, nu_std=0.01), 0.5) / 0.5) / math.log(100)
    assert_normal(exponents, 0.06, 0.01)
    published = -np.log(spread(Drift(time=2e4), 0.1) / 0.1) / math.log(1000)
    # x = 0.1: both within their clips
    assert_normal(published, -0.0155 * math.log(0.1) + 0.0244, -0.0125 * math.log(0.1) - 0.0059)
    assert Drift(time=20.0).is_absent


def test_read_noise_is_a_fraction_of_the_largest_conductance_or_of_its_own() -> None:
    assert_normal(spread(ReadNoise(sigma=0.02), 0.5), 0.5, 0.02)
    assert_normal(spread(ReadNoise(sigma=0.02, proportional=True), 0.5), 0.5, 0.01)


def test_flicker_noise_grows_with_the_logarithm_of_time() -> None:
    for time in (1.0, 1e6):
        sigma = 0.0088 / 0.5**0.65 * math.sqrt(math.log((time + 250e-9) / 500e-9))
        assert_normal(spread(FlickerNoise(time=time), 0.5) / 0.5, 1.0, sigma)


def test_diodes_scatter_about_the_drop_of_the_circuit() -> None:
    ideal = Devices().layer(np.ones((N, 1)), Circuit(v_syn=2.0, diode_drop=0.4))
    layer = DiodeVariation(sigma=0.05).apply(ideal, np.random.default_rng(1))
    for drop in (layer.drop_plus, layer.drop_minus):
        assert isinstance(drop, np.ndarray)
        assert_normal(drop[:, 0], 0.4, 0.05)
    np.testing.assert_allclose(layer.affine()[0], 1 - layer.drop_plus / 2, rtol=1e-15)


# Statistics of neurons and spikes


@pytest.mark.parametrize(
    ("effect", "field", "mean"),
    [
        (CapacitorMismatch(sigma=0.05), "capacitance", 1.0),
        (ComparatorOffset(sigma=0.05), "offset", 0.0),
        (RampMismatch(sigma=0.05), "ramp_current", 1.0),
    ],
)
def test_neurons_scatter_independently(effect: Fixed, field: str, mean: float) -> None:
    layer = effect.apply(layer_of(np.ones((1, N))), np.random.default_rng(1))
    assert_normal(getattr(layer, field), mean, 0.05)


@pytest.mark.parametrize("effect", [Jitter(sigma=0.03), ComparatorNoise(sigma=0.03)])
def test_every_spike_of_every_sample_has_a_shift_of_its_own(effect: Jitter | ComparatorNoise) -> None:
    shifts = effect.shifts(N // 10, 10, np.random.default_rng(1))
    assert_normal(shifts.ravel().astype(np.float64), 0.0, 0.03)


@given(t=st.lists(st.floats(0, 1), min_size=1), step=st.floats(1e-3, 1))
def test_quantised_times_are_on_the_grid_and_the_nearest(t: list[float], step: float) -> None:
    times = np.array([t])
    quantised = TimeQuantisation(step=step).times(times)
    np.testing.assert_allclose(quantised / step, np.rint(quantised / step), rtol=0, atol=1e-12 / step)
    assert np.abs(quantised - times).max() <= step / 2 * (1 + 1e-12)
    assert TimeQuantisation(step=step).times(np.array([[np.inf]])) == np.inf


# Without chance


# Parameters


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Variation(sigma=-0.1), r"variation: sigma.*got -0\.1"),
        (lambda: Variation(sigma=math.nan), "variation: sigma.*got nan"),
        (lambda: Variation(sigma=0.1, kind="uniform"), "variation: kind.*got 'uniform'"),  # type: ignore[arg-type]
        (lambda: Levels(bits=2.5), r"levels: bits.*got 2\.5"),
        (lambda: Levels(bits=0), "levels: bits must be"),
        (lambda: Stuck(share=1.5), r"stuck: share.*got 1\.5"),
        (lambda: Programming(device="flash"), "programming: device.*got 'flash'"),
        (lambda: Drift(time=1.0, t0=0.0), "drift: t0 must be above 0"),
        (lambda: Ramp(bend=1.0), r"ramp: bend must be at most 0\.99"),
        (lambda: TimeQuantisation(step=2.0), r"time_quantisation: step.*got 2\.0"),
        (lambda: Jitter(sigma="1 %"), r"jitter: sigma.*got '1 %'"),  # type: ignore[arg-type]
        (lambda: Variation(sigma=10**400), "variation: sigma must be a number below 1.8e308"),
        (lambda: Levels(bits="4"), "levels: bits.*got '4'"),  # type: ignore[arg-type]
        (lambda: Devices(on_off=True), "on_off.*got True"),
        (lambda: DeviceModel(lognormal="a"), "lognormal.*got 'a'"),  # type: ignore[arg-type]
        (lambda: DeviceModel(levels=2.0), r"levels.*got 2\.0"),  # type: ignore[arg-type]
        (lambda: DeviceModel(w_max=1.0), r"w_max.*got 1\.0"),  # type: ignore[arg-type]
        (
            lambda: Measured(target="01", mean="01", std="01"),
            "measured: target.*got '01'",
        ),  # type: ignore[arg-type]
        (lambda: Measured(target=np.eye(2), mean=(0, 1), std=(0, 1)), "measured: target must be a sequence of numbers"),  # type: ignore[arg-type]
    ],
)
def test_parameters_out_of_range_and_other_types_are_rejected_by_name(make: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize("kind", [float, int, np.float32, np.float64, np.int64, Fraction])
def test_effects_hold_plain_numbers(kind: Any) -> None:
    unit = kind(1)
    kinds = [getattr(chips, name) for name in chips.__all__ if hasattr(getattr(chips, name), "size")]
    effects: list[Any] = [
        *(effect(**{effect.size: kind(effect is Levels)}) for effect in kinds if effect is not Measured),
        Drift(time=unit, t0=unit, nu=unit, nu_std=unit),
        Measured(target=[0, unit], mean=np.array([0, 1]), std=(0, unit), scale=unit),  # type: ignore[arg-type]
        Stuck(share=unit, on=unit, known=np.bool_(True)),  # type: ignore[arg-type]
        WireResistance(resistance=unit, activity=unit),
        Devices(on_off=kind(2), w_max=unit),
        Devices(w_max=[unit, unit]),  # type: ignore[arg-type]
        DeviceModel(lognormal=unit, w_max=np.array([unit], dtype=float)),  # type: ignore[arg-type]
        PhysicalScale(window=unit),
        PhysicalScale(v_th=unit),
        Circuit(v_syn=unit, e_plus=unit, e_minus=-unit, diode_drop=kind(0), ramp=kind(0)),
    ]
    for effect in effects:
        for field in fields(effect):
            value = getattr(effect, field.name)
            if field.name not in ("core", "scale", "load"):
                expected = int if field.name == "levels" else (float, bool, str, type(None))
                for one in value if isinstance(value, tuple) else (value,):
                    assert isinstance(one, expected), effect
                    assert not isinstance(one, np.generic), effect
    assert Measured(target=np.array([0, 2]), mean=[0, 1], std=(0, 1)) == Measured(  # type: ignore[arg-type]
        target=(0.0, 2.0), mean=(0.0, 1.0), std=(0.0, 1.0)
    )

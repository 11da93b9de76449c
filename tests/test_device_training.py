"""Training draws the same devices that chips are made of, and says what it leaves out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from rcspike import Circuit, DeviceModel, Network, draw_devices, evaluate, train
from rcspike.datasets import Dataset
from rcspike.experiments import Case, chip_accuracy, chip_seeds
from rcspike.hardware import training_effects
from rcspike.nonideal import (
    CapacitorMismatch,
    ComparatorNoise,
    ComparatorOffset,
    Devices,
    Effect,
    Jitter,
    Levels,
    Measured,
    MembraneLeak,
    Programming,
    ReadNoise,
    Stuck,
    TimeQuantisation,
    Variation,
)
from rcspike.training import Settings
from rcspike.training.epochs import spike_shifts

pytest.importorskip("sklearn")

N = 20_000


@pytest.mark.parametrize(
    "effects",
    [
        [Variation(sigma=0.3)],
        [Variation(sigma=0.3, kind="gaussian")],
        [Variation(sigma=0.2, kind="absolute")],
        [Levels(bits=2)],
        [Levels(bits=3), Variation(sigma=0.2)],
        [Stuck(share=0.2, on=0.3)],
        [Levels(bits=4), Variation(sigma=0.1), Stuck(share=0.1, on=0.5)],
    ],
    ids=lambda effects: "+".join(effect.name for effect in effects),
)
@pytest.mark.parametrize("on_off", [math.inf, 20.0])
def test_training_and_chips_draw_devices_of_the_same_law(effects: list[Effect], on_off: float) -> None:
    """Two implementations, one definition: samples of the same law are told apart once in 1e6 cases."""
    devices = Devices(on_off=on_off)
    for w in (0.45, -0.2, 0.0):
        weights = np.full((N, 2), w)
        weights[:, 1] = 1.0  # so that the range is that of 1
        layer = devices.layer(weights, Circuit())
        for effect in effects:
            layer = effect.apply(layer, np.random.default_rng(1))  # type: ignore[attr-defined]
        drawn = draw_devices(weights, training_effects(effects, devices).devices, seed=1)
        for of_chip, of_training in ((layer.plus, drawn.plus), (layer.minus, drawn.minus)):
            # Rounded, since the levels of the two may differ in the last bit.
            a, b = (np.round(x[:, 0], 9) + 0.0 for x in (of_chip, of_training))
            assert scipy.stats.ks_2samp(a, b).pvalue > 1e-6


def test_spreads_add_up_as_variances() -> None:
    effects: list[Effect] = [Variation(sigma=0.3, kind="absolute"), ReadNoise(sigma=0.4), Jitter(sigma=0.03)]
    effects += [ComparatorNoise(sigma=0.04), TimeQuantisation(step=0.12 * math.sqrt(12)), ComparatorOffset(sigma=0.02)]
    found = training_effects([*effects, Variation(sigma=0.0)])
    assert found.devices == DeviceModel(absolute=found.devices.absolute)
    assert found.devices.absolute == pytest.approx(0.5, rel=1e-15)
    assert found.noise == pytest.approx(0.13, rel=1e-15)
    assert (found.offset, found.left_out) == (0.02, ())


def test_the_range_of_the_devices_is_that_of_training() -> None:
    model = training_effects([], Devices(on_off=20.0, w_max=0.5), n_layers=3).devices
    assert model == DeviceModel(off=0.05, w_max=(0.5, 0.5, 0.5))


def test_stuck_devices_that_are_made_up_for_are_lost_weights() -> None:
    assert training_effects([Stuck(share=0.25, on=0.5)]).devices == DeviceModel(stuck_off=0.125, stuck_on=0.125)
    assert training_effects([Stuck(share=0.1, on=0.25, known=True)]).devices == DeviceModel(stuck_off=0.1)


def test_measured_spreads_are_split_in_a_constant_and_a_proportional_part() -> None:
    x = np.linspace(0, 1, 201)
    exact = Measured(target=tuple(x), mean=tuple(x), std=tuple(np.sqrt(0.03**2 + (0.1 * x) ** 2)))
    model = training_effects([exact]).devices
    assert model.absolute == pytest.approx(0.03, rel=1e-3)  # the table is read along straight lines
    assert model.proportional == pytest.approx(0.1, rel=1e-3)
    for device in ("rram", "pcm", "hermes", "cmo-hfox-2"):
        model, effect = training_effects([Programming(device=device)]).devices, Programming(device=device)
        fitted = np.sqrt(model.absolute**2 + (model.proportional * x) ** 2)
        assert np.sqrt(np.mean(fitted**2)) == pytest.approx(np.sqrt(np.mean(effect.deviation(x) ** 2)), rel=0.15)


def test_what_cannot_be_injected_is_named() -> None:
    assert training_effects([CapacitorMismatch(), MembraneLeak(conductance=0.0), Jitter()]).left_out == (
        "capacitor_mismatch",
    )


def test_a_network_that_was_trained_for_its_devices_does_better_on_them(digits: Dataset) -> None:
    effects = (Stuck(share=0.1, on=0.2),)
    means = []
    for arguments in ({}, training_effects(effects).arguments()):
        network = Network.create([64, 50, 10], Circuit(v_syn=1.0), seed=0)
        train(network, digits, epochs=15, batch_size=16, learning_rate=2e-3, seed=0, **arguments)
        assert evaluate(network, digits.test) > 0.5
        case, times, labels = Case("stuck", effects), digits.test.times, digits.test.labels
        means.append(np.mean([chip_accuracy(network, case, times, labels, seed=seed) for seed in chip_seeds(0, 20)]))
    assert means[1] > means[0] + 0.05


def test_offsets_are_the_same_for_a_batch_and_others_for_the_next() -> None:
    for noise in (0.0, 0.02):
        network = Network.create([64, 30, 10], Circuit(v_syn=1.0), seed=0)
        settings = Settings(epochs=1, seed=0, noise=noise, offset=0.1)
        rng = np.random.default_rng(0)
        first, second = (spike_shifts(rng, 500, network, settings) for _ in range(2))
        assert [shift.shape for shift in first] == [(500, 30), (500, 10)]
        for shift, other in zip(first, second, strict=True):
            spread = np.sqrt(shift.var(axis=0).mean())
            assert spread == pytest.approx(noise, abs=5 * noise / math.sqrt(2 * shift.size) + 1e-6)  # sums in float32
            offsets, others = shift.mean(axis=0), other.mean(axis=0)
            assert not np.allclose(offsets, others, atol=0.01)
        offsets = np.concatenate([s.mean(axis=0) for s in (*first, *second)])
        assert abs(offsets.std() - 0.1) < 5 * 0.1 / math.sqrt(2 * len(offsets))


def test_training_without_effects_is_plain_training(digits: Dataset) -> None:
    weights = []
    for arguments in ({}, training_effects([Variation(sigma=0.0), Stuck(share=0.0)]).arguments()):
        network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
        train(network, digits, epochs=1, seed=0, **arguments)
        weights.append(network.weights)
    for plain, injected_ in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, injected_)


@pytest.mark.parametrize("offset", [-0.1, math.nan, math.inf])
def test_an_impossible_offset_is_refused(digits: Dataset, offset: float) -> None:
    network = Network.create([64, 10], Circuit(), seed=0)
    with pytest.raises(ValueError, match=f"offset must be finite and not negative, got {offset}"):
        train(network, digits, epochs=1, seed=0, offset=offset)

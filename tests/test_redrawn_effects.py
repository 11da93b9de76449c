"""Training draws the same devices that chips are made of, and says what it leaves out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from rcspike import Circuit, DeviceModel, Network, draw_devices, evaluate, train
from rcspike.chips import (
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
    training_effects,
)
from rcspike.datasets import Dataset, Split
from rcspike.experiments import Case, chip_accuracy, chip_seeds
from rcspike.network import Conv2d, Dense

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
    """Two implementations, one definition: samples of the same law are distinguished once in 1e6 cases."""
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


def test_effects_that_training_leaves_out_are_named() -> None:
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


def alike(n: int) -> Dataset:
    """One pixel in n images of two classes that a network cannot distinguish."""
    split = Split(np.full((n, 1, 1), 0.5), np.zeros(n, dtype=np.int64))
    return Dataset("alike", split, Split(split.images[:2], split.labels[:2]), classes=("one", "two"))


@pytest.mark.parametrize(("offset", "noise"), [(0.02, 0.0), (0.0, 0.02), (0.02, 0.02)])
def test_offsets_are_the_same_for_a_batch_and_others_for_the_next(offset: float, noise: float) -> None:
    """A batch of equal images loses log 2 plus what its mean shift puts the wrong class ahead by, over twice tau.

    The hidden spikes come at 1 - v = 0.7, and the two outputs are at v = 0.6, with a slope of 2 against the hidden
    spikes: the lead has a variance of 2 (2^2 + 1) that of a shift. The mean of a batch has the whole variance of an
    offset, and that of the noise divided by the size of the batch. A step so small changes no weight.
    """
    n, epochs, temperature = 4, 300, 1e3
    network = Network([np.array([[0.6, 0.6]]), 2 * np.eye(2)], Circuit.conventional())
    settings: dict[str, Any] = {"learning_rate": 1e-300, "decay": "constant", "temperature": temperature}
    history = train(network, alike(n), epochs=epochs, seed=0, batch_size=n, offset=offset, noise=noise, **settings)
    lead = np.array([2 * temperature * (epoch.loss - math.log(2)) for epoch in history])
    expected = 2 * (2**2 + 1) * (offset**2 + noise**2 / n)
    assert abs(lead.mean()) < 5 * math.sqrt(expected / epochs)
    assert abs(lead.var() / expected - 1) < 5 * math.sqrt(2 / epochs)
    right = {epoch.train_accuracy for epoch in history}
    # Under offsets alone, all of a batch are right or all are wrong.
    assert right == ({0.0, 1.0} if noise == 0 else {0.0, 0.25, 0.5, 0.75, 1.0})
    assert len(set(lead.tolist())) == epochs


def test_offsets_are_the_same_at_all_positions_of_a_convolution() -> None:
    """The classes compare two positions of one column, which its offset moves alike: only those of outputs are left."""
    n, epochs, offset, temperature = 4, 300, 0.02, 1e3
    network = Network([np.array([[0.6]]), 2 * np.eye(2)], Circuit.conventional(), [Conv2d((1, 2, 1), (1, 1)), Dense()])
    split = Split(np.full((n, 1, 2), 0.5), np.zeros(n, dtype=np.int64))
    data = Dataset("alike", split, Split(split.images[:2], split.labels[:2]), classes=("one", "two"))
    settings: dict[str, Any] = {"learning_rate": 1e-300, "decay": "constant", "temperature": temperature}
    history = train(network, data, epochs=epochs, seed=0, batch_size=n, offset=offset, **settings)
    lead = np.array([2 * temperature * (epoch.loss - math.log(2)) for epoch in history])
    assert abs(lead.var() / (2 * offset**2) - 1) < 5 * math.sqrt(2 / epochs)


def test_training_without_effects_is_plain_training(digits: Dataset) -> None:
    weights = []
    for arguments in ({}, training_effects([Variation(sigma=0.0), Stuck(share=0.0)]).arguments()):
        network = Network.create([64, 20, 10], Circuit(v_syn=1.0), seed=0)
        train(network, digits, epochs=1, seed=0, **arguments)
        weights.append(network.weights)
    for plain, trained_for in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, trained_for)


@pytest.mark.parametrize("offset", [-0.1, math.nan, math.inf])
def test_an_impossible_offset_is_rejected(digits: Dataset, offset: float) -> None:
    network = Network.create([64, 10], Circuit(), seed=0)
    with pytest.raises(ValueError, match=f"offset.*got {offset}"):
        train(network, digits, epochs=1, seed=0, offset=offset)

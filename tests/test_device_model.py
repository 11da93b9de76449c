"""Devices drawn at random: their statistics, and training through them."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from scipy import stats
from strategies import CIRCUITS, Array

from rcspike import Circuit, DeviceModel, DeviceNetwork, Network, datasets, draw_devices, train
from rcspike.functional import schedule
from rcspike.training import Settings

DTYPES = [np.float32, np.float64]
Words = npt.NDArray[np.uint32]

# A check of n numbers fails by chance once in a million draws; the draws are fixed, so it never does so twice.
CONFIDENCE = 1e-6
SIGMAS = float(stats.norm.isf(CONFIDENCE / 2))


# The generator


def threefry(key: tuple[int, int], x0: Words, x1: Words) -> tuple[Words, Words]:
    """Threefry-2x32-20 as in Salmon et al., SC 2011."""
    keys = np.array([*key, 0x1BD11BDA ^ key[0] ^ key[1]], np.uint32)
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for r in range(20):
        rotation = np.uint32((13, 15, 26, 6, 17, 29, 16, 24)[r % 8])
        x0 = x0 + x1
        x1 = (x1 << rotation | x1 >> (np.uint32(32) - rotation)) ^ x0
        if r % 4 == 3:
            s = r // 4 + 1
            x0, x1 = x0 + keys[s % 3], x1 + keys[(s + 1) % 3] + np.uint32(s)
    return x0, x1


def words(seed: int, step: int, layer: int, effect: int, n: int) -> tuple[Words, Words]:
    """The first n synapses of a layer after an effect."""
    key = threefry(
        (seed & 0xFFFFFFFF, seed >> 32), np.array([step], np.uint32), np.array([layer << 3 | effect], np.uint32)
    )
    return threefry((int(key[0][0]), int(key[1][0])), np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32))


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_reference_has_the_published_answers(
    key: tuple[int, int], counter: tuple[int, int], expected: tuple[int, int]
) -> None:
    x0, x1 = threefry(key, *(np.array([c], np.uint32) for c in counter))
    assert (x0[0], x1[0]) == expected


def test_random_numbers_are_those_of_the_reference() -> None:
    seed, step, layer = 0x123456789ABCDEF0, 17, 2
    w = np.ones((25, 16), np.float32)  # one tile: synapses are numbered row by row
    stuck = draw_devices(w, DeviceModel(stuck_off=0.3), seed=seed, step=step, layer=layer)
    x0, x1 = words(seed, step, layer, 3, 400)
    np.testing.assert_array_equal(stuck.plus.ravel() == 0, (x0 >> np.uint32(8)) * 2.0**-24 < np.float32(0.3))

    drawn = draw_devices(w, DeviceModel(absolute=0.01, off=0.5), seed=seed, step=step, layer=layer)
    x0, x1 = words(seed, step, layer, 2, 400)
    radius = np.sqrt(-2 * np.log(((x0 >> np.uint32(8)) + 1) * 2.0**-24))
    r = ((x1 >> np.uint32(8)) * 2.0**-24 - 0.5) * (math.pi / 2)
    swapped = x1 & np.uint32(1) == 0
    n0 = radius * np.where(swapped, np.sin(r), np.cos(r)) * np.where(x1 & np.uint32(2), -1, 1)
    n1 = radius * np.where(swapped, np.cos(r), np.sin(r)) * np.where(x1 & np.uint32(4), -1, 1)
    # g_max is 2, so an error of 0.01 is 0.02; numbers up to 2 are rounded by 1e-7, normal ones by 1e-6 of their size.
    np.testing.assert_allclose(drawn.plus.ravel(), 2 + 0.02 * n0, rtol=0, atol=4e-7)
    np.testing.assert_allclose(drawn.minus.ravel(), 1 + 0.02 * n1, rtol=0, atol=4e-7)


def normal_numbers(model: DeviceModel, **which: int) -> Array:
    """The plus and the minus devices' 300,000 normal numbers each, got back from devices of conductance 1."""
    pairs = draw_devices(np.ones((1000, 300)), model, seed=3, **which)
    both = np.stack([pairs.plus, draw_devices(-np.ones((1000, 300)), model, seed=3, **which).minus])
    return np.log(both) / model.lognormal if model.lognormal else (both - 1) / (model.proportional or model.absolute)


@pytest.mark.parametrize("effect", ["lognormal", "proportional", "absolute"])
def test_variations_are_normal(effect: str) -> None:
    z = normal_numbers(DeviceModel(**{effect: 0.01}))
    assert stats.kstest(z.ravel(), "norm").pvalue > CONFIDENCE
    n = z.size
    # Standard errors of the sample's mean, variance, skewness and kurtosis.
    for value, error in [
        (z.mean(), 1),
        (z.var() - 1, math.sqrt(2)),
        (stats.skew(z, axis=None), math.sqrt(6)),
        (stats.kurtosis(z, axis=None), math.sqrt(24)),
    ]:
        assert abs(value) < SIGMAS * error / math.sqrt(n)


def test_devices_steps_layers_and_effects_are_drawn_independently() -> None:
    of_one = DeviceModel(lognormal=0.01)
    draws = [
        *normal_numbers(of_one),
        *normal_numbers(of_one, step=1),
        *normal_numbers(of_one, layer=1),
        *normal_numbers(DeviceModel(proportional=0.01)),
        *normal_numbers(DeviceModel(absolute=0.01)),
        np.roll(normal_numbers(of_one)[0], 1),
    ]
    correlations = np.corrcoef([z.ravel() for z in draws]) - np.eye(len(draws))
    assert np.abs(correlations).max() < SIGMAS / math.sqrt(draws[0].size)


def test_an_effect_does_not_change_what_another_draws() -> None:
    w = np.random.default_rng(70).normal(size=(40, 30))
    plain = draw_devices(w, DeviceModel(lognormal=0.2), seed=5)
    stuck = draw_devices(w, DeviceModel(lognormal=0.2, stuck_off=0.2), seed=5)
    for a, b in ((plain.plus, stuck.plus), (plain.minus, stuck.minus)):
        assert 0.6 < np.mean(a == b) < 1
        np.testing.assert_array_equal(b[a != b], 0)


# The effects


def test_each_effect_does_what_it_says() -> None:
    w = np.array([[1.0, -0.26, 0.0, 0.74, -2.0]])
    unchanged = draw_devices(w, DeviceModel(w_max=(5.0,)), seed=0)
    np.testing.assert_array_equal(unchanged.plus, np.maximum(w, 0))
    np.testing.assert_array_equal(unchanged.minus, np.maximum(-w, 0))
    # A fifth of g_max = 2.5 flows anyway.
    off = draw_devices(w, DeviceModel(off=0.2), seed=0)
    np.testing.assert_allclose(off.plus, [[1.5, 0.5, 0.5, 1.24, 0.5]], rtol=1e-15)
    np.testing.assert_allclose(off.minus, [[0.5, 0.76, 0.5, 0.5, 2.5]], rtol=1e-15)
    # Levels of 0, 0.5, ... 2, and of 0, 0.25, ... 1.
    levels = draw_devices(w, DeviceModel(levels=5), seed=0)
    np.testing.assert_array_equal(levels.plus - levels.minus, [[1, -0.5, 0, 0.5, -2]])
    cut = draw_devices(w, DeviceModel(levels=5, w_max=(1.0,)), seed=0)
    np.testing.assert_array_equal(cut.plus - cut.minus, [[1, -0.25, 0, 0.75, -1]])


def test_the_fraction_of_stuck_devices_is_the_given_one() -> None:
    # w_max 1 and off 0.5: stuck devices are at 1 or 2, others at 1.5 or 1.
    model = DeviceModel(off=0.5, stuck_off=0.1, stuck_on=0.03, w_max=(1.0,))
    pairs = draw_devices(np.full((1000, 300), 0.5), model, seed=1)
    for share, found in [(0.1, pairs.plus == 1), (0.03, pairs.plus == 2), (0.03, pairs.minus == 2)]:
        assert abs(found.mean() - share) < SIGMAS * math.sqrt(share * (1 - share) / found.size)


def test_no_device_conducts_less_than_nothing() -> None:
    w = np.random.default_rng(71).normal(size=(50, 50))
    for model in (DeviceModel(proportional=2.0), DeviceModel(absolute=0.5)):
        pairs = draw_devices(w, model, seed=0)
        assert min(pairs.plus.min(), pairs.minus.min()) == 0


# Training

EVERYTHING = DeviceModel(off=0.05, lognormal=0.2, proportional=0.1, absolute=0.03, stuck_off=0.1, stuck_on=0.05)
SIZES = (12, 19, 11, 4)


def trainer_of(network: Network, model: DeviceModel) -> tuple[Any, int]:
    """A trainer and the seed of its devices."""
    settings = Settings(epochs=1, batch_size=8, decay="constant", temperature=0.3, noise=0.0, seed=4, devices=model)
    return settings.trainer(network), int(settings.rng(4).integers(2**64, dtype=np.uint64))


def batch_of(dtype: npt.DTypeLike) -> tuple[Array, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(72)
    times = np.where(rng.random((8, SIZES[0])) < 0.7, rng.random((8, SIZES[0])), np.inf)
    return times.astype(dtype), np.arange(8) % SIZES[-1]


def loss_on_devices(
    weights: list[Array], circuit: Circuit, model: DeviceModel, seed: int, times: Array, labels: Array, step: int = 0
) -> float:
    """Sum of the cross-entropies on the chip that a training draws for a step."""
    layers = [draw_devices(w, model, seed=seed, step=step, layer=layer) for layer, w in enumerate(weights)]
    logits = -oracle.readout_times(DeviceNetwork(layers, circuit).forward(times), circuit.ramp) / 0.3
    return float(np.sum(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(logits)), labels]))


@pytest.mark.parametrize(
    ("circuit", "model"),
    [
        *(
            (CIRCUITS[name], EVERYTHING)
            for name in ("strongly coupled", "asymmetric rails and a diode", "conventional")
        ),
        (Circuit(injection=(0.01, -0.02)), DeviceModel(off=0.05, lognormal=0.2)),  # both switches of a pair inject
    ],
    ids=str,
)
def test_a_step_runs_on_the_devices_drawn_for_it(circuit: Circuit, model: DeviceModel) -> None:
    network = Network.create(SIZES, circuit, seed=0, dtype=np.float64)
    trainer, seed = trainer_of(network, model)
    all_times, labels = batch_of(np.float64)
    for step, silent in enumerate(([0, 3, 4], [1], [])):  # what is not in use now may be so in the next step
        times = all_times.copy()
        times[:, silent] = np.inf
        report = trainer.step(schedule(times), np.arange(8), labels, [], learning_rate=0.0)
        expected = loss_on_devices(list(network.weights), circuit, model, seed, times, labels, step)
        # The engine's own exp and log are good to a few ulp.
        assert report.loss == pytest.approx(expected, rel=1e-13)
        assert all(np.isfinite(moment).all() for moment in trainer.moments(0))
        assert not trainer.moments(0)[0][silent].any() or step > 0
    for a, b in zip(trainer.weights(), network.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "circuit",
    [
        Circuit(v_syn=1.0),
        Circuit(v_syn=2.0, diode_drop=0.5, ramp=0.3),
        Circuit(e_plus=2.8, e_minus=-1.53, diode_drop=0.3),
        Circuit.conventional(),
    ],
)
def test_the_gradient_through_the_devices_agrees_with_central_differences(circuit: Circuit) -> None:
    network = Network.create(SIZES, circuit, seed=0, dtype=np.float64)
    # The largest weight moves nothing else if what devices reach is given.
    model = replace(EVERYTHING, w_max=tuple(1.1 * float(np.abs(w).max()) for w in network.weights))
    trainer, seed = trainer_of(network, model)
    times, labels = batch_of(np.float64)
    trainer.step(schedule(times), np.arange(8), labels, [], learning_rate=0.0)
    rng, step = np.random.default_rng(73), 1e-6
    n_moved = 0
    for layer, moment in enumerate(trainer.moments(0)):
        gradient = 8 * moment / (1 - 0.9)  # the first moment is a tenth of the mean gradient
        for _ in range(40):
            i = tuple(int(rng.integers(n)) for n in moment.shape)
            sides = []
            for change in (step, -step):
                weights = [w.copy() for w in network.weights]
                weights[layer][i] += change
                sides.append(loss_on_devices(weights, network.circuit, model, seed, times, labels))
            numeric = (sides[0] - sides[1]) / (2 * step)
            # Rounding of the loss, some 1e-15 of 20, over the step; and the next term of the series, step^2.
            assert gradient[i] == pytest.approx(numeric, rel=1e-7, abs=5e-8)
            n_moved += abs(numeric) > 1e-3
    assert n_moved > 30


def test_training_keeps_weights_within_reach_of_the_devices() -> None:
    network = Network.create(SIZES, Circuit(), seed=0, dtype=np.float64)
    times, labels = batch_of(np.float64)
    w_max = tuple(1.02 * float(np.abs(w).max()) for w in network.weights)
    # Devices that reach further give the same gradient: at first no weight is out of reach of either.
    stepped = []
    for reach in (w_max, tuple(100 * w for w in w_max)):
        trainer, _ = trainer_of(network, DeviceModel(lognormal=0.2, w_max=reach))
        trainer.step(schedule(times), np.arange(8), labels, [], learning_rate=1.0)
        stepped.append(trainer.weights())
    for kept, free, w in zip(*stepped, w_max, strict=True):
        np.testing.assert_array_equal(kept, np.clip(free, -w, w))
        assert 0 < (np.abs(free) > w).mean() < 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_weight_without_a_device_stays_out_and_no_other_one_becomes_too_small(dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(3)
    drawn = Network.create(SIZES, Circuit(), seed=0, dtype=dtype).weights
    network = Network([w * (rng.random(w.shape) < 0.7) for w in drawn], Circuit())
    times, labels = batch_of(dtype)
    floor = (0.05, 0.2, 0.1)
    steps = []
    for model in (DeviceModel(w_min=floor), DeviceModel()):
        trainer, _ = trainer_of(network, model)
        trainer.step(schedule(times), np.arange(8), labels, [], learning_rate=0.02)
        steps.append(trainer.weights())
    for kept, free, before, least in zip(*steps, network.weights, floor, strict=True):
        expected = np.where(before == 0, 0, np.copysign(np.maximum(np.abs(free), np.array(least, dtype)), free))
        np.testing.assert_array_equal(kept, expected)
        assert np.any(np.abs(free[before != 0]) < least) and np.any(free[before == 0] != 0)


def test_rounding_to_levels_is_the_identity_in_the_gradient() -> None:
    network = Network.create(SIZES, Circuit(), seed=0, dtype=np.float64)
    times, labels = batch_of(np.float64)
    w_max = tuple(float(np.abs(w).max()) for w in network.weights)
    on_levels = Network(
        [np.round(w / (m / 20)) * (m / 20) for w, m in zip(network.weights, w_max, strict=True)], Circuit()
    )
    # From weights that are on levels and from such that are not, but round to the same.
    moments = []
    for start, levels in ((on_levels, 0), (network, 21)):
        trainer, _ = trainer_of(start, DeviceModel(lognormal=0.2, levels=levels, w_max=w_max))
        trainer.step(schedule(times), np.arange(8), labels, [], learning_rate=0.0)
        moments.append(trainer.moments(0))
    for a, b, w in zip(*moments, on_levels.weights, strict=True):
        # At 0 a weight's sign, which levels take away, still decides which device it moves.
        np.testing.assert_allclose(a[w != 0], b[w != 0], rtol=0, atol=1e-14)
        assert np.count_nonzero(b[w == 0]) > 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_ideal_devices_change_nothing(dtype: npt.DTypeLike) -> None:
    digits = datasets.load("digits")
    trained = []
    for devices in (None, DeviceModel()):
        network = Network.create([64, 12, 10], Circuit(), seed=0, dtype=dtype)
        train(network, digits, epochs=1, seed=0, devices=devices)
        trained.append(network.weights)
    for a, b in zip(*trained, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pickled_model_is_the_same_model() -> None:
    assert pickle.loads(pickle.dumps(EVERYTHING)) == EVERYTHING


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"off": 1.0}, r"off is g_min / g_max and.*got 1"),
        ({"levels": 1}, "levels must be at least 2, or 0"),
        ({"lognormal": -0.1}, "lognormal.*got -0.1"),
        ({"proportional": math.inf}, "proportional.*got inf"),
        ({"absolute": math.nan}, "absolute.*got nan"),
        ({"stuck_off": 0.6, "stuck_on": 0.5}, "must not exceed 1 together, got 0.6 and 0.5"),
        ({"w_max": (1.0, 0.0)}, "w_max.*got 0"),
        ({"w_min": (0.1, -1.0)}, "w_min.*got -1"),
        ({"w_min": (0.1, 2.0), "w_max": (1.0, 2.0)}, "w_min must be below w_max, got 2 and 2"),
        ({"w_min": (0.1,), "w_max": (1.0, 2.0)}, "w_min must be given for all 2 layers"),
    ],
)
def test_an_impossible_model_is_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeviceModel(**parameters)


def test_the_energy_of_devices_is_not_trained_for() -> None:
    network = Network.create([64, 12, 10], Circuit(), seed=0)
    with pytest.raises(ValueError, match=r"energy_penalty 0.1 counts the energy of ideal devices"):
        train(network, datasets.load("digits"), epochs=1, seed=0, energy_penalty=0.1, devices=DeviceModel(levels=8))


def test_a_model_of_other_layers_is_rejected() -> None:
    network = Network.create([64, 12, 10], Circuit(), seed=0)
    with pytest.raises(ValueError, match=r"w_max.*got 1"):
        train(network, datasets.load("digits"), epochs=1, seed=0, devices=DeviceModel(w_max=(1.0,)))
    with pytest.raises(ValueError, match="w_max is given for 1 layers, but layer 1 was asked for"):
        draw_devices(network.weights[1], DeviceModel(w_max=(1.0,)), seed=0, layer=1)

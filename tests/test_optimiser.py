"""The optimiser and the schedule of its learning rate, alone and as training uses them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from small_runs import run, small_network, undisturbed

from rcspike import Circuit, Network, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import adam_step, charge_vjp, decayed_rate, encode, output_loss
from rcspike.functional import charge as charge_of
from rcspike.training import Settings

EPS = {np.float32: 2.0**-24, np.float64: 2.0**-53}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (257,), (19, 31), (2, 30, 20), (0, 3)])
def test_steps_are_those_of_adam_as_its_authors_write_it(shape: tuple[int, ...], dtype: Any) -> None:
    """In float64, from the constants as the dtype holds them; a step makes about ten roundings of numbers below 2."""
    rng = np.random.default_rng(0)
    values: npt.NDArray[Any] = rng.uniform(-1, 1, shape).astype(dtype)
    first, second = np.zeros_like(values), np.zeros_like(values)
    w, m1, m2 = (a.astype(np.float64) for a in (values, first, second))
    gain1, gain2 = (float(dtype(1) - dtype(beta)) for beta in (0.9, 0.999))
    for step in range(1, 6):
        gradient = (rng.uniform(0.5, 1, shape) * rng.choice([-1, 1], shape)).astype(dtype)
        untouched = gradient.copy()
        adam_step(values, gradient, first, second, step=step, learning_rate=0.02 / step)
        m1 += gain1 * (gradient - m1)
        m2 += gain2 * (gradient.astype(np.float64) ** 2 - m2)
        mean, square = m1 / (1 - 0.9**step), m2 / (1 - 0.999**step)
        w -= 0.02 / step * mean / (np.sqrt(square) + 1e-8)
        np.testing.assert_allclose(values, w, rtol=0, atol=10 * step * 2 * EPS[dtype])
        np.testing.assert_array_equal(gradient, untouched)
    np.testing.assert_allclose(first, m1, rtol=0, atol=20 * EPS[dtype])
    np.testing.assert_allclose(second, m2, rtol=0, atol=20 * EPS[dtype])


def test_it_is_the_optimiser_of_training_to_the_bit() -> None:
    """One layer, two equal samples: its gradients come from the functions of a layer, in another order of additions.

    A batch of a single sample is summed by none, so that they have the same bits. The rate falls from batch to batch.
    """
    images = np.random.default_rng(1).random((1, 4, 5)).astype(np.float32)
    split = Split(np.repeat(images, 2, axis=0), np.array([2, 2]))
    network = Network.create([20, 37], Circuit(v_syn=1.0), seed=0)
    weights = network.weights[0].copy()
    train(network, Dataset("two", split, split), epochs=2, seed=0, learning_rate=0.05, batch_size=1)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    times = encode(images)
    for step in range(4):
        v = charge_of(times, weights, network.circuit)
        _, grad_v = output_loss(v, split.labels[:1], network.circuit)
        _, gradient = charge_vjp(times, weights, network.circuit, grad_v)
        adam_step(weights, gradient, first, second, step=step + 1, learning_rate=decayed_rate(0.05, step, 4))
    np.testing.assert_array_equal(weights, network.weights[0])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"step": 0}, ValueError, "step.*got 0"),
        ({"learning_rate": -0.1}, ValueError, r"learning_rate.*got -0\.1"),
        ({"learning_rate": math.inf}, ValueError, "learning_rate.*got inf"),
        ({"values": [1.0]}, TypeError, "values.*got list"),
        ({"gradient": np.zeros(3, np.float32)}, TypeError, "gradient.*got float32"),
        ({"gradient": np.zeros(4)}, ValueError, r"gradient.*got \(4,\)"),
        ({"first_moments": np.zeros((3, 1))}, ValueError, r"first_moments.*got shape \(3, 1\)"),
        ({"second_moments": np.zeros(6)[::2]}, ValueError, "second_moments must be C-contiguous"),
        ({"values": np.broadcast_to(np.zeros(3), (3,))}, ValueError, "values is read-only, and a step changes it"),
    ],
)
def test_wrong_arguments_are_named_and_change_nothing(
    wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    arrays: dict[str, Any] = {name: np.zeros(3) for name in ("values", "gradient", "first_moments", "second_moments")}
    arrays["gradient"] += 1
    with pytest.raises(error, match=message):
        adam_step(**{**arrays, "step": 1, "learning_rate": 0.1, **wrong})
    assert not any(arrays[name].any() for name in ("values", "first_moments", "second_moments"))


def test_a_learning_rate_falls_as_its_schedule_says() -> None:
    steps = np.arange(7)
    expected = {"cosine": np.cos(np.pi * steps / 14) ** 2, "linear": (7 - steps) / 7, "constant": np.ones(7)}
    for decay, falling in expected.items():
        rates = [decayed_rate(0.3, step, 7, decay) for step in range(7)]  # type: ignore[arg-type]
        np.testing.assert_allclose(rates, 0.3 * falling, rtol=1e-14)
        history = undisturbed(epochs=7, learning_rate=0.3, decay=decay)[1]
        assert [epoch.learning_rate for epoch in history] == rates
    with pytest.raises(ValueError, match=r"decay.*got 'sudden'"):
        decayed_rate(0.3, 0, 7, "sudden")  # type: ignore[arg-type]
    for step in (-1, 7):
        with pytest.raises(ValueError, match=f"step.*got {step}"):
            decayed_rate(0.3, step, 7)
    with pytest.raises(ValueError, match=r"initial.*got nan"):
        decayed_rate(math.nan, 0, 7)
    with pytest.raises(ValueError, match=r"warm_up.*got -1"):
        decayed_rate(0.3, 0, 7, warm_up=-1)


def test_a_warm_up_raises_the_rate_of_its_schedule_step_by_step() -> None:
    rising = np.array([0.4, 0.8, 1.0, 1.0])  # of 2.5 steps
    for decay, falling in {"linear": (4 - np.arange(4)) / 4, "constant": np.ones(4)}.items():
        rates = [decayed_rate(0.3, step, 4, decay, warm_up=2.5) for step in range(4)]  # type: ignore[arg-type]
        np.testing.assert_allclose(rates, 0.3 * rising * falling, rtol=1e-14)
    # 60 samples in batches of 30 are two steps an epoch, so that 1.25 epochs are those 2.5 steps.
    history = undisturbed(epochs=2, batch_size=30, learning_rate=0.3, decay="constant", warm_up=1.25)[1]
    np.testing.assert_allclose([epoch.learning_rate for epoch in history], [0.12, 0.3], rtol=1e-14)
    # Adam's first step is proportional to its rate. Weights below 4 are rounded to 2^-22 twice.
    start = small_network().weights[0]
    whole, _ = undisturbed(epochs=1, batch_size=60, decay="constant")
    first: list[npt.NDArray[np.float32]] = []
    network = small_network()
    run(
        network,
        epochs=2,
        batch_size=60,
        decay="constant",
        warm_up=2,
        after_epoch=lambda _: first.append(network.weights[0]),
    )
    np.testing.assert_allclose(first[0] - start, 0.5 * (whole.weights[0] - start), rtol=0, atol=2 * 2**-22)
    for wrong in (-0.5, 2.5, math.nan):
        with pytest.raises(ValueError, match=r"warm_up must lie in \[0, 2\]"):
            Settings(epochs=2, seed=0, warm_up=wrong)


def test_a_step_takes_numbers_of_numpy() -> None:
    values, first, second = np.ones(2), np.zeros(2), np.zeros(2)
    adam_step(values, np.ones(2), first, second, step=np.int64(1), learning_rate=np.float32(0.5))  # type: ignore[arg-type]
    np.testing.assert_allclose(values, 0.5, rtol=1e-7)

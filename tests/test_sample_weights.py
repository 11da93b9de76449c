"""Weights of samples and of classes in the loss of training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import assert_same_weights, made_up, run, small_network

from rcspike import Circuit, Network, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import output_loss, schedule
from rcspike.neurons import PHASES, Phases
from rcspike.training import Settings
from rcspike.training.class_weights import balanced_weights

class_weight = pytest.importorskip("sklearn.utils.class_weight")

SIZES, N = [6, 5, 3], 8
TIMES = np.random.default_rng(1).random((N, SIZES[0]))
LABELS = np.arange(N) % 3
WEIGHTS = np.array([0.0, 2.0, 1.0, 3.0, 1.0, 0.0, 4.0, 1.0])


def network_of(phases: Phases) -> Network:
    return Network.create(SIZES, Circuit(v_syn=2.0), seed=0, dtype=np.float64, phases=phases)


def step(
    phases: Phases, samples: npt.NDArray[np.int64], weights: npt.NDArray[np.float64] | None
) -> tuple[float, list[npt.NDArray[np.float64]]]:
    """Loss, and 0.1 times the gradient, which is what the first moments of Adam are after a first step."""
    trainer = Settings(epochs=1, seed=0).trainer(network_of(phases))
    events = schedule(TIMES, phases=phases)
    report = trainer.step(events, samples, LABELS[samples], [], learning_rate=0.0, sample_weights=weights)
    return report.loss, trainer.moments(0)


@pytest.mark.parametrize("phases", PHASES)
def test_a_whole_weight_is_the_same_as_so_many_copies_of_the_sample(phases: Phases) -> None:
    samples, total = np.arange(N), WEIGHTS.sum()
    loss, gradient = step(phases, samples, WEIGHTS)
    repeated_loss, repeated = step(phases, np.repeat(samples, WEIGHTS.astype(int)), None)
    assert loss == pytest.approx(repeated_loss, rel=1e-13)
    for of_weights, of_copies in zip(gradient, repeated, strict=True):  # means over N and over all copies
        np.testing.assert_allclose(N * of_weights, total * of_copies, rtol=1e-11, atol=1e-14)


def test_the_gradient_is_that_of_the_weighted_mean() -> None:
    network, h = network_of("two"), 1e-6

    def mean_loss() -> float:
        losses, _ = output_loss(np.asarray(network.forward(TIMES)), LABELS, network.circuit)
        return float((WEIGHTS * losses).sum() / N)

    loss, gradient = step("two", np.arange(N), WEIGHTS)
    assert loss == pytest.approx(N * mean_loss(), rel=1e-13)
    start = [w.copy() for w in network.weights]
    for layer, place in ((0, (2, 3)), (0, (5, 0)), (1, (4, 1)), (1, (0, 2))):
        losses = []
        for side in (h, -h):
            moved = [w.copy() for w in start]
            moved[layer][place] += side
            network.weights = moved
            losses.append(mean_loss())
        # The error of a central difference is a few h^2, and rounding of the loss over h, 1e-10.
        assert 10 * gradient[layer][place] == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("phases", PHASES)
def test_weights_of_one_change_no_bit(phases: Phases) -> None:
    with_ones, without = step(phases, np.arange(N), np.ones(N)), step(phases, np.arange(N), None)
    assert with_ones[0] == without[0]
    for a, b in zip(with_ones[1], without[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("bad", "message"), [(-1.0, "got -1"), (np.nan, "got nan"), (np.inf, "got inf")])
def test_a_weight_that_is_none_is_named(bad: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"sample_weights.*{message}"):
        step("two", np.arange(N), np.where(WEIGHTS == 4, bad, WEIGHTS))
    with pytest.raises(ValueError, match=r"sample_weights.*\(8,\), got \(7,\)"):
        step("two", np.arange(N), WEIGHTS[1:])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_balanced_weights_are_those_of_scikit_learn(labels: list[int]) -> None:
    found = balanced_weights(np.array(labels))
    np.testing.assert_allclose(found, class_weight.compute_sample_weight("balanced", labels))
    assert found.mean() == pytest.approx(1)


def test_balanced_training_is_training_on_as_many_copies_of_each_class() -> None:
    x, rng = np.random.default_rng(5).random((30, 3, 3)), np.arange(30)
    labels = np.where(rng < 20, 0, 1)  # twenty of one class and ten of the other
    test = Split(x, labels)
    twice = np.concatenate([rng, rng[20:]])
    rare = Dataset("rare", Split(x, labels), test)
    copied = Dataset("copied", Split(x[twice], labels[twice]), test)
    networks = [Network.create([9, 5, 2], Circuit(), seed=1, dtype=np.float64) for _ in range(2)]
    of_weights = train(networks[0], rare, epochs=20, seed=0, batch_size=99, class_weight="balanced")
    of_copies = train(networks[1], copied, epochs=20, seed=0, batch_size=99)
    assert of_weights.epochs[-1].loss == pytest.approx(of_copies.epochs[-1].loss, rel=1e-9)
    for one, other in zip(networks[0].weights, networks[1].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_classes_are_counted_among_the_samples_that_are_trained_on() -> None:
    # The classes of these data are equal in number, so that only those of the validation split leave a difference.
    equal, plain, split = small_network(), small_network(), small_network()
    run(equal, class_weight="balanced")
    run(plain)
    assert_same_weights(equal, plain)
    run(split, class_weight="balanced", validation=0.3)
    other = small_network()
    run(other, validation=0.3)
    assert any((a != b).any() for a, b in zip(split.weights, other.weights, strict=True))


def test_another_word_is_rejected() -> None:
    with pytest.raises(ValueError, match="class_weight must be one of 'none', 'balanced', got 'even'"):
        run(small_network(), data=made_up(), class_weight="even")

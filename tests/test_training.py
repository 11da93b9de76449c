"""Training: against the loss and Adam written down again, and that neither threads nor watching change its bits."""

from __future__ import annotations

import csv
import math
import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from small_runs import EPOCHS, assert_same_weights, made_up, rows, run, small_network, undisturbed
from strategies import Array

from rcspike import Circuit, History, Network, evaluate, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import charge, fire, supply_charge
from rcspike.network import spike_time_noise
from rcspike.training import Progress, checkpoint

# Values


def plain_loss(
    weights: list[Array], circuit: Circuit, times: Array, labels: Array, shifts: list[Array], settings: dict[str, float]
) -> float:
    """Mean over the samples of cross-entropy over -t_out/tau, gamma sum (t_out - t_ref)^2 and the penalty on energy."""
    energy = 0.0
    for layer, w in enumerate(weights):
        if settings["energy_penalty"] > 0:
            q_plus, q_minus = supply_charge(times, w, circuit)
            e_plus, e_minus = (1 if math.isinf(e) else e for e in (circuit.e_plus, -circuit.e_minus))
            energy += float((e_plus * q_plus - e_minus * q_minus).sum()) / len(labels)
        v = charge(times, w, circuit)
        if layer < len(weights) - 1:
            times = np.maximum(fire(v, circuit) + shifts[layer], 0)
    t = oracle.readout_times(v, circuit.ramp) + shifts[-1]
    logits = -t / settings["temperature"]
    cross_entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    late = (t - settings["t_ref"]) ** 2
    plain = float(np.mean(cross_entropy + settings["temporal_penalty"] * late.sum(axis=1)))
    return plain + settings["energy_penalty"] * energy


def drawn_noise(network: Network, n: int, sigma: float, *, seed: int, epoch: int) -> list[Array]:
    """The noise of an epoch that is one batch of n samples, in the order of the samples.

    A seed has a stream of its own for each purpose, the order of the samples (0) and the noise (1), and each epoch.
    """
    order, noise = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(use, epoch))) for use in (0, 1))
    shuffled = order.permutation(n)
    shifts = [np.zeros((n, size)) for size in network.sizes[1:]]
    drawn = spike_time_noise(noise, n, network.sizes[1:], sigma, network.dtype)
    for shift, of_layer in zip(shifts, drawn or shifts, strict=True):
        shift[shuffled] = of_layer.copy()
    return shifts


def slopes(loss: Callable[[], float], weights: list[Array]) -> list[Array]:
    h = 1e-5
    gradients = [np.empty_like(w) for w in weights]
    for w, g in zip(weights, gradients, strict=True):
        for i in np.ndindex(w.shape):
            here = w[i]
            w[i] = here + h
            there = loss()
            w[i] = here - h
            g[i] = (there - loss()) / (2 * h)
            w[i] = here
    return gradients


@pytest.mark.filterwarnings("ignore:noise 0")
@pytest.mark.parametrize("noisy", [False, True], ids=["without noise", "with noise"])
@pytest.mark.parametrize(
    "circuit",
    [Circuit(v_syn=1.5), Circuit.conventional(), Circuit(e_plus=2.0, e_minus=-1.2, diode_drop=0.2, ramp=0.4)],
    ids=["RC", "conventional", "everything"],
)
def test_training_is_adam_on_the_slopes_of_the_loss(circuit: Circuit, noisy: bool, tmp_path: Path) -> None:
    data = made_up(9)
    times, labels = data.train.times.astype(np.float64), data.train.labels
    rng = np.random.default_rng(41)
    network = Network([rng.normal(0.15, 1.0, size) for size in ((9, 4), (4, 3))], circuit)
    weights = [w.copy() for w in network.weights]
    settings: dict[str, Any] = {"temperature": 0.25, "temporal_penalty": 0.3, "t_ref": 0.8}
    settings["energy_penalty"] = 0.0 if circuit == Circuit(v_syn=1.5) else 0.2
    sigma = 0.4 if noisy else 0.0

    rate, epochs, path, weight_decay = 0.05, 3, tmp_path / "checkpoint", 0.7 if noisy else 0.0
    history = train(
        network,
        data,
        epochs=epochs,
        seed=0,
        batch_size=99,
        learning_rate=rate,
        weight_decay=weight_decay,
        noise=sigma,
        checkpoint_path=path,
        **settings,
    )

    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(epochs):
        shifts = drawn_noise(network, len(labels), sigma, seed=0, epoch=step)
        loss_now = partial(plain_loss, weights, circuit, times, labels, shifts, settings)
        # A few dozen roundings of voltages of order 1, divided by the temperature; later the weights differ, see below.
        assert history.epochs[step].loss == pytest.approx(loss_now(), abs=1e-13 if step == 0 else 1e-8)
        gradients = slopes(loss_now, weights)
        assert all(np.abs(g).max() > 0.05 for g in gradients)  # or else nothing is tested
        # Noise pushes some spikes to the start of the phase, which cuts them off from their voltage.
        assert (fire(charge(times, weights[0], circuit), circuit) + shifts[0] < 0).any() == noisy
        slow = rate * 0.5 * (1 + math.cos(math.pi * step / epochs))
        for w, g, m1, m2 in zip(weights, gradients, first, second, strict=True):
            m1 += 0.1 * (g - m1)
            m2 += 0.001 * (g**2 - m2)
            w *= 1 - slow * weight_decay
            w -= slow * (m1 / (1 - 0.9 ** (step + 1))) / (np.sqrt(m2 / (1 - 0.999 ** (step + 1))) + 1e-8)
    saved = checkpoint.load(path)
    # Differences are off by h^2/6 times a third derivative, of order 1/tau^3: 1e-9. Where a slope itself is that small,
    # its quotient in Adam's step is anything below 1, so these weights are left out.
    for mine, theirs in zip((*first, *second), [m for moments in saved.moments for m in moments.values()], strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=0, atol=5e-9)
    for mine, theirs, m2 in zip(weights, network.weights, second, strict=True):
        steep = m2 > 1e-3 * 1e-4**2
        np.testing.assert_allclose(theirs[steep], mine[steep], rtol=0, atol=1e-4 * rate)
        assert steep.mean() > 0.4


def test_silent_and_saturated_neurons_are_counted() -> None:
    data, rng = made_up(), np.random.default_rng(42)
    network = Network(
        [rng.normal(0.1, 2, size).astype(np.float32) for size in ((9, 8), (8, 6), (6, 3))], Circuit(v_syn=3.0)
    )
    weights, t = network.weights, data.train.times
    silent, saturated = [], []
    for w in weights[:-1]:
        v = charge(t, w, network.circuit)
        silent.append(float(np.mean(v <= 0)))
        saturated.append(float(np.mean(v >= 1)))
        t = fire(v, network.circuit)
    epoch = train(network, data, epochs=1, seed=0, batch_size=999).epochs[0]
    # Of one batch, before it has changed a weight. Counts, so only the quotient is rounded.
    assert epoch.silent == pytest.approx(silent, rel=1e-12)
    assert epoch.saturated == pytest.approx(saturated, rel=1e-12)
    assert all(0 < share < 1 for share in (*silent, *saturated))
    predicted = charge(t, weights[-1], network.circuit).argmax(axis=1)
    assert epoch.train_accuracy == pytest.approx(np.mean(predicted == data.train.labels), rel=1e-12)


@pytest.mark.parametrize(("v_syn", "noise"), [(1.0, 0.0), (math.inf, 0.0), (1.0, 0.02)])
def test_digits_are_learnt(digits: Dataset, v_syn: float, noise: float) -> None:
    network = Network.create([64, 40, 10], Circuit(v_syn=v_syn), seed=0)
    before = evaluate(network, digits.test)
    history = train(network, digits, epochs=15, seed=0, learning_rate=0.01, noise=noise)
    assert before < 0.3
    assert history.test_accuracy > 0.9
    assert noise or history.test_accuracy == evaluate(network, digits.test)
    assert history.epochs[-1].loss < 0.3 * history.epochs[0].loss


# Reproducibility


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_seed_gives_the_same_bits(dtype: npt.DTypeLike) -> None:
    one, other = small_network(dtype), small_network(dtype)
    assert rows(run(one)) == rows(run(other))
    assert one.dtype == dtype
    assert_same_weights(one, other)


def test_another_seed_gives_another_run() -> None:
    assert not np.array_equal(undisturbed()[0].weights[0], undisturbed(seed=4)[0].weights[0])


def test_the_global_random_state_plays_no_part() -> None:
    np.random.seed(0)  # noqa: NPY002 - that is the point
    state = pickle.dumps(np.random.get_state())  # noqa: NPY002
    one = undisturbed()[0]
    assert pickle.dumps(np.random.get_state()) == state  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert_same_weights(one, undisturbed()[0])


def test_watching_a_run_does_not_change_it() -> None:
    watched = small_network()
    seen: list[Progress] = []
    run(watched, progress=seen.append)
    assert_same_weights(watched, undisturbed()[0])
    n_batches = math.ceil(60 / 16)
    assert [(p.epoch, p.epochs, p.batch, p.n_batches) for p in seen] == [
        (epoch, EPOCHS, batch, n_batches) for epoch in range(1, EPOCHS + 1) for batch in range(1, n_batches + 1)
    ]


def test_noise_changes_the_run_and_what_it_reports() -> None:
    (quiet, quiet_history), (noisy, noisy_history) = undisturbed(noise=0.0), undisturbed(noise=0.1)
    assert not np.array_equal(quiet.weights[0], noisy.weights[0])
    assert quiet_history.epochs[0].loss != noisy_history.epochs[0].loss


# Data and reports


STANDING = {"learning_rate": 1e-300, "decay": "constant", "noise": 0.0}  # so low that no weight changes


def with_labels(data: Dataset, labels: Array) -> Dataset:
    return Dataset(data.name, Split(data.train.images, labels), data.test)


def test_validation_samples_are_kept_apart_from_training() -> None:
    data, network = made_up(), small_network(np.float64)
    right = network.predict(data.train.times)
    held = []
    for i in range(60):
        labels = right.copy()
        labels[i] = (labels[i] + 1) % 3
        (epoch,) = run(network, data=with_labels(data, labels), validation=0.25, epochs=1, **STANDING)
        # Each counts once, either here or there.
        counts = round(45 * epoch.train_accuracy), round(15 * epoch.validation_accuracy)
        assert counts in ((44, 15), (45, 14))
        held += [i] if counts == (45, 14) else []
    assert_same_weights(network, small_network(np.float64))
    assert len(held) == 15

    def trained_on(labels: Array) -> Network:
        network = small_network(np.float64)
        run(network, data=with_labels(data, labels), validation=0.25, epochs=2)
        return network

    labels = data.train.labels
    other = np.where(np.isin(np.arange(60), held), (labels + 1) % 3, labels)
    assert_same_weights(trained_on(other), trained_on(labels))
    active = (fire(charge(data.train.times, small_network().weights[0], Circuit()), Circuit()) < 1).any(axis=1)
    trained = set(np.flatnonzero(active).tolist()) - set(held)
    assert len(trained) > 30
    for i in trained:  # others have no slope
        other = np.where(np.arange(60) == i, (labels + 1) % 3, labels)
        assert not np.array_equal(trained_on(other).weights[-1], trained_on(labels).weights[-1])


def test_every_epoch_has_another_order(tmp_path: Path) -> None:
    """Adam's first moments weigh the gradients of an epoch by their order, and those of the one before by 0.9^60."""
    moments = []
    for epochs in (1, 2):
        path = tmp_path / str(epochs)
        run(small_network(np.float64), epochs=epochs, batch_size=1, checkpoint_path=path, **STANDING)
        moments.append(checkpoint.load(path).moments[0]["weights.1"])
    first, second = moments[0], moments[1] - 0.9**60 * moments[0]
    assert np.abs(second - first).max() > 0.1 * np.abs(first).max()


def test_a_validation_accuracy_is_reported_if_there_is_a_validation_split() -> None:
    assert all(math.isnan(epoch.validation_accuracy) for epoch in undisturbed()[1])
    for epoch in undisturbed(validation=0.25)[1]:
        # A fraction of 15 samples.
        assert round(15 * epoch.validation_accuracy) == pytest.approx(15 * epoch.validation_accuracy)


def test_a_history_holds_every_epoch_in_order(tmp_path: Path) -> None:
    history = undisturbed()[1]
    assert len(history) == EPOCHS
    assert [epoch.epoch for epoch in history] == list(range(1, EPOCHS + 1))
    assert history.test_accuracy == history.epochs[-1].test_accuracy
    history.write_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == [epoch.loss for epoch in history]
    assert [float(row["silent_1"]) for row in rows] == [epoch.silent[0] for epoch in history]


def test_an_empty_history_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no epoch"):
        History().write_csv(tmp_path / "history.csv")
    assert not os.listdir(tmp_path)


def test_accuracy_is_the_fraction_of_labels_that_are_predicted() -> None:
    data, network = made_up(), undisturbed()[0]
    expected = np.mean(network.predict(data.test.times) == data.test.labels)
    assert evaluate(network, data.test) == pytest.approx(expected, rel=1e-12)
    loud = [evaluate(network, data.test, noise=0.25, seed=s) for s in (0, 0, 1, 2, 3)]
    assert loud[0] == loud[1]
    assert len(set(loud)) > 1

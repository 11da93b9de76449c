"""A run with patience stops when the validation accuracy no longer rises, and keeps the weights of its best epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import assert_same_weights, made_up, rows, run, small_network, stopping_at

from rcspike import Network
from rcspike.experiments import run_experiment
from rcspike.training import History, Settings

PATIENT: dict[str, Any] = {"epochs": 40, "validation": 0.4, "patience": 3, "learning_rate": 0.02}


def patient(network: Network, **settings: Any) -> History:
    return run(network, data=made_up(180), **(PATIENT | settings))


def test_a_run_stops_and_keeps_the_weights_of_the_best_epoch() -> None:
    weights: list[Network] = []
    watched, network = small_network(), small_network()
    whole = patient(watched, patience=0, after_epoch=lambda _: weights.append(Network.of_layers(watched.layers)))
    history = patient(network)
    n = len(history)
    assert 3 < n < 40 == len(whole)
    assert rows(history) == rows(whole)[:n]
    accuracies = [epoch.validation_accuracy for epoch in whole]
    assert max(accuracies[: n - 3]) == max(accuracies[:n]) > max(accuracies[: n - 4], default=0) or n == 40
    best = max(range(n), key=lambda k: (accuracies[k], k))
    assert history.kept.epoch == best + 1
    assert history.test_accuracy == whole.epochs[best].test_accuracy
    assert_same_weights(network, weights[best])
    assert history.stopped and not whole.stopped


@pytest.mark.parametrize("before_end", [1, 2])
def test_an_interrupted_run_resumes_to_the_same_weights(tmp_path: Path, before_end: int) -> None:
    expected, resumed = small_network(), small_network()
    history = patient(expected)
    stop = stopping_at(len(history) + 1 - before_end, 1, EOFError)
    with pytest.raises(EOFError):
        patient(small_network(), checkpoint_path=tmp_path / "run", progress=stop)
    again = patient(resumed, checkpoint_path=tmp_path / "run")
    assert rows(again) == rows(history) and again.kept == again.epochs[history.kept.epoch - 1]
    assert_same_weights(resumed, expected)
    seen: list[Any] = []
    read_back = small_network()
    patient(read_back, checkpoint_path=tmp_path / "run", progress=seen.append)
    assert not seen
    assert_same_weights(read_back, expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EOFError])
def test_a_run_that_ends_early_has_the_weights_of_its_best_epoch_so_far(error: type[BaseException]) -> None:
    whole = patient(small_network())
    assert whole.kept.epoch < len(whole)
    network, expected = small_network(), small_network()
    with pytest.raises(error) as stopped:
        patient(network, progress=stopping_at(len(whole), 1, error))
    patient(expected)
    history = stopped.value.history  # type: ignore[attr-defined]
    assert history.kept.epoch == whole.kept.epoch
    assert_same_weights(network, expected)


@pytest.mark.parametrize("patience", [0, 2])
def test_a_sweep_counts_the_classes_of_the_epoch_that_is_kept(patience: int, tmp_path: Path) -> None:
    data = made_up(180)
    train, test = data.train, data.test
    np.savez(tmp_path / "own.npz", x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    settings = {"epochs": 12, "batch_size": 16, "learning_rate": 0.02, "noise": 0.1, "validation": 0.4}
    one = {"model": "rc-spike", "dataset": str(tmp_path / "own.npz"), "hidden": (7,), "seed": 3, "patience": patience}
    result = run_experiment(one | settings)
    assert np.ptp(np.bincount(test.labels)) == 0  # so that both accuracies are the same
    assert result["balanced_accuracy"] == pytest.approx(result["test_accuracy"])


def test_a_checkpoint_of_another_patience_is_rejected(tmp_path: Path) -> None:
    patient(small_network(), checkpoint_path=tmp_path / "run")
    for other in (0, 5):
        with pytest.raises(ValueError, match=f"its patience is 3, not {other}"):
            patient(small_network(), checkpoint_path=tmp_path / "run", patience=other)


def test_patience_needs_a_validation_split() -> None:
    with pytest.raises(ValueError, match=r"patience 3 .*validation"):
        Settings(epochs=5, seed=0, patience=3)
    with pytest.raises(ValueError, match="patience must be at least 0"):
        Settings(epochs=5, seed=0, patience=-1)

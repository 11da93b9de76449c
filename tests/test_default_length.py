"""How long and how fast a training is on data for which nobody has chosen it, and what its summary warns of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, functional
from rcspike.experiments import preset
from rcspike.training import ClassAccuracy
from rcspike.training.default_length import MAX_STEPS, MIN_STEPS, default_batch, default_epochs, default_rate


@given(st.integers(1, 10**7), st.sampled_from([40, 300]))
def test_a_training_has_a_least_and_a_greatest_number_of_steps(n: int, usual: int) -> None:
    batch = default_batch(n)
    per_epoch = math.ceil(n / batch)
    epochs = default_epochs(usual, n, batch)
    steps = epochs * per_epoch
    assert 1 <= batch <= 32 and 1 <= epochs <= 1000
    if n >= 4:
        assert steps >= min(MIN_STEPS, MAX_STEPS - per_epoch)
    assert steps <= MAX_STEPS or epochs == 1
    if MIN_STEPS <= usual * per_epoch <= MAX_STEPS:
        assert epochs == usual


@given(st.integers(0, 2**32 - 1), st.integers(1, 900), st.floats(1e-4, 0.1))
def test_a_step_moves_no_membrane_far(seed: int, n_in: int, usual: float) -> None:
    times = np.random.default_rng(seed).uniform(0, 1.5, (20, n_in))
    rate = default_rate(usual, times)
    assert rate <= usual
    # The largest step of Adam (Kingma and Ba 2015) is the rate, on every weight alike; without coupling it moves most.
    moved = functional.charge(np.where(times > 1, np.inf, times), np.full((n_in, 1), rate), Circuit.conventional())
    assert moved.mean() <= 0.05 * (1 + 1e-6) or rate <= 8e-4
    assert rate == usual or moved.mean() > 0.045  # rounded down to two digits


def test_own_data_are_trained_for_longer_if_they_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for n in (80, 4000):
        np.savez(f"images{n}.npz", x=rng.random((n, 6, 6)), y=np.arange(n) % 2)
    few, many = preset("images80.npz"), preset("images4000.npz")
    assert (few["epochs"], few["batch_size"], many["epochs"], many["batch_size"]) == (1000, 16, 40, 32)
    assert preset("images80.npz", batch_size=4)["epochs"] == 250
    assert preset("digits")["epochs"] == 40


def found(**changes: Any) -> Any:
    from rcspike.cli.train_summary import Learned

    margins, correct = np.linspace(0, 1, 101), np.arange(101) % 10 > 0
    values: dict[str, Any] = {
        "steps": 4000,
        "loss": 0.1,
        "train_accuracy": 0.95,
        "margins": margins,
        "correct": correct,
    }
    classes = ClassAccuracy(np.array([50, 40]), np.array([51, 50]))
    return Learned(**values | {"jittered": 0.89, "classes": classes, "names": ("a", "b")} | changes)


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"loss": 0.7}, "--v-syn 4"),
        ({"margins": np.full(101, 0.01)}, "--v-syn 4"),
        ({"train_accuracy": 1.0, "correct": np.arange(101) % 2 > 0, "jittered": 0.5}, "--v-syn 4, or more samples"),
        ({"jittered": 0.6}, "--noise 0.01"),
        ({"classes": ClassAccuracy(np.array([85, 1]), np.array([91, 10]))}, "--class-weight balanced"),
    ],
)
def test_a_bad_training_is_warned_of_with_what_to_type(changes: dict[str, Any], cure: str) -> None:
    pytest.importorskip("typer")
    from rcspike.cli.train_summary import warnings
    from rcspike.training import Settings

    settings = Settings(epochs=300, seed=0)
    assert warnings(found(), settings, 1.0) == []
    (line,) = warnings(found(**changes), settings, 1.0)
    assert line.endswith(f"try {cure}")
    assert warnings(found(loss=0.7), settings, 4.0)[0].endswith("try --epochs 900")

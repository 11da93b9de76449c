"""The choice that a sweep ends with: the rule, and its words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike.experiments import binomial_error, economic_choice

pytest.importorskip("typer")
from rcspike.cli.sweep_choice import choice_lines


def row(v_syn: float, mean: float, energy: float | None = None, **values: Any) -> dict[str, Any]:
    line = {"dataset": "digits", "model": "rc-spike", "v_syn": v_syn, "n": 4, "test_mean": mean, "test_std": 0.2}
    line |= {} if energy is None else {"energy_pj_mean": energy}
    return {**line, "test_samples": 360, **values}


ROWS = [row(1.0, 97.5, 10.0), row(2.0, 98.12, 14.0), row(4.0, 98.2, 22.0), row(math.inf, 98.19, 60.0)]
RELU = {"dataset": "digits", "model": "relu", "n": 4, "test_mean": 99.0, "test_std": 0.1, "test_samples": 360}

LINES = st.lists(st.tuples(st.floats(50, 100), st.floats(1, 100)), min_size=2, max_size=8)


@given(LINES, st.floats(0, 2), st.integers(2, 9))
def test_no_network_that_cannot_be_told_from_the_best_takes_less(
    lines: list[tuple[float, float]], spread: float, n: int
) -> None:
    rows = [row(float(i + 1), mean, energy, test_std=spread, n=n) for i, (mean, energy) in enumerate(lines)]
    choice = economic_choice(rows)
    assert choice is not None and choice.chosen is not None
    means, energies = np.array(lines).T
    alike = means >= means.max() - spread / math.sqrt(n)
    assert choice.chosen["energy_pj_mean"] == energies[alike].min()
    assert choice.best["test_mean"] == means.max()


def test_the_choice_is_said_in_words_with_both_errors() -> None:
    first, second = choice_lines([*ROWS, RELU])
    assert first == (
        "digits: lowest energy within one standard error: V_syn = 2, 98.12 %, 14.0 pJ (best: V_syn = 4 with 98.20 %, "
        "22.0 pJ)"
    )
    p = 0.982
    assert binomial_error(ROWS[2]) == pytest.approx(100 * math.sqrt(p * (1 - p) / 360))
    assert "0.10 % over 4 seeds and 0.70 % for another 360 test samples (binomial)" in second
    assert "test accuracy; --validation spares the test samples" in second


def test_a_validation_split_decides_in_place_of_the_test_samples() -> None:
    rows = [{**line, "validation_mean": 90 + line["v_syn"], "validation_std": 0.01} for line in ROWS[:3]]
    choice = economic_choice(rows)
    assert choice is not None and choice.chosen is not None
    assert (choice.measure, choice.chosen["v_syn"]) == ("validation", 4.0)


def test_without_energies_the_alike_are_listed_and_of_one_network_there_is_no_choice() -> None:
    first, _ = choice_lines([row(line["v_syn"], line["test_mean"]) for line in ROWS])
    assert "best V_syn = 4 with 98.20 %; within one standard error V_syn = 2; V_syn = inf" in first
    assert list(choice_lines([ROWS[0], RELU])) == []
    assert list(choice_lines([ROWS[0], {**ROWS[1], "offset_mv": 10.0}])) == []


def test_a_single_seed_has_the_error_of_its_test_samples() -> None:
    choice = economic_choice([row(v, mean, 1.0 / v, test_std=None, n=1) for v, mean in ((1.0, 97.0), (2.0, 97.5))])
    assert choice is not None and choice.error == binomial_error(choice.best)
    assert len(choice.alike) == 2

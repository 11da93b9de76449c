"""Some samples of a schedule, compared with the schedule of these samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike import Circuit, Network
from rcspike.functional import schedule

NETWORK = Network([np.random.default_rng(0).normal(size=(7, 4))], Circuit(v_syn=1.0))


@given(seed=st.integers(0, 2**32), samples=st.lists(st.integers(0, 4), max_size=8))
def test_chosen_samples_are_those_of_their_times(seed: int, samples: list[int]) -> None:
    rng = np.random.default_rng(seed)
    times = rng.integers(0, 14, (5, 7)) / 8  # with ties, and times beyond the window
    chosen = np.array(samples, dtype=np.int64)
    events = schedule(times)[chosen]
    assert (len(events), events.n_in, events.phases) == (len(samples), 7, "two")
    np.testing.assert_array_equal(NETWORK.forward(events), NETWORK.forward(times[chosen]))


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([0, 5], IndexError, "5"),
        ([-1], IndexError, "-1"),
        ([0.0], TypeError, "float64"),
        ([True, False], TypeError, "bool"),
        (3, ValueError, "dimension"),
    ],
)
def test_samples_that_do_not_exist_are_named(samples: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        schedule(np.zeros((5, 7)))[np.asarray(samples)]

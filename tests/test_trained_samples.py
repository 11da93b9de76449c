"""Fingerprints of training samples show whether a network has seen a sample, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcspike.datasets import Split, TrainedSamples

Floats = npt.NDArray[np.float32]
# Few values, so that equal samples occur.
IMAGES = st.lists(st.tuples(*3 * [st.sampled_from([0.0, 0.25, 1 / 3, 1.0])]), min_size=1, max_size=12)


def times(images: list[tuple[float, ...]]) -> Floats:
    return Split(np.array(images)[:, np.newaxis], np.zeros(len(images), dtype=int)).times


@given(IMAGES, IMAGES)
def test_a_sample_is_found_exactly_if_its_inputs_are_those_of_a_training_sample(
    trained: list[tuple[float, ...]], tested: list[tuple[float, ...]]
) -> None:
    found = TrainedSamples.of(times(trained)).among(times(tested))
    assert found.tolist() == [i for i, image in enumerate(tested) if image in trained]


@given(IMAGES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(images: list[tuple[float, ...]], random: object) -> None:
    other = sorted(images, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, two = TrainedSamples.of(times(images)), TrainedSamples.of(times(other))
    assert one.fingerprints.tolist() == two.fingerprints.tolist()


@given(IMAGES, IMAGES, IMAGES)
def test_rows_of_earlier_trainings_are_kept_through_all_that_follow(
    first: list[tuple[float, ...]], second: list[tuple[float, ...]], third: list[tuple[float, ...]]
) -> None:
    known = TrainedSamples.of(times(first))
    known = TrainedSamples.of(times(third), TrainedSamples.of(times(second), known))
    tested = [*first, *second, *third, (0.25, 0.5, 0.75)]
    assert known.among(times(tested)).tolist() == list(range(len(tested) - 1))


@pytest.mark.parametrize(("n_inputs", "spread"), [(4, 0.3), (30, 0.3), (784, 0.05), (784, 1.0)])
def test_a_copy_of_another_precision_is_found_and_a_visible_change_is_another_sample(
    n_inputs: int, spread: float
) -> None:
    rng = np.random.default_rng(0)
    rows = np.clip(0.5 + spread * rng.standard_normal((300, n_inputs)), 0, 1)
    known, everywhere = TrainedSamples.of(1 - rows), list(range(len(rows)))
    for dtype in (np.float32, np.float16):
        assert known.among(1 - rows.astype(dtype).astype(np.float64)).tolist() == everywhere
    noise = rng.standard_normal(rows.shape)
    assert known.among(1 - rows - 1e-5 * noise).tolist() == everywhere
    assert known.among(1 - rows - 0.02 * noise).tolist() == []


def test_an_input_that_does_not_spike_is_one_that_spikes_at_the_end() -> None:
    known = TrainedSamples.of(np.array([[0.5, np.inf]]))
    assert known.among(np.array([[0.5, 1.0], [0.5, 0.9], [np.inf, 0.5]])).tolist() == [0]


@pytest.mark.parametrize("earlier", ["none", "some", "unknown"])
def test_a_file_has_the_same_rows_and_the_same_bytes_again(tmp_path: Path, earlier: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 20, 4), dtype=np.float32)
    known = TrainedSamples.of(a)
    if earlier == "some":
        known = TrainedSamples.of(a, TrainedSamples.of(b))
    if earlier == "unknown":
        known = TrainedSamples(known.fingerprints, None)
    known.save(tmp_path / "one.npz")
    read = TrainedSamples.load(tmp_path / "one.npz")
    assert read.fingerprints.tolist() == known.fingerprints.tolist()
    assert (read.earlier is None) is (earlier == "unknown")
    assert read.earlier is None or known.earlier is None or read.earlier.tolist() == known.earlier.tolist()
    read.save(tmp_path / "two.npz")
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()


def test_what_starts_from_unknown_rows_has_unknown_rows() -> None:
    start = TrainedSamples(np.zeros((1, 6), dtype=np.float32), None)
    assert TrainedSamples.of(np.zeros((2, 3), dtype=np.float32), start).earlier is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"earlier": np.zeros((1, 6), dtype=np.float32)},
        {"fingerprints": np.zeros((1, 5), dtype=np.float32)},
        {"fingerprints": np.zeros(6, dtype=np.float32)},
        {"fingerprints": np.zeros((1, 6))},
        {"fingerprints": np.full((1, 6), np.nan, dtype=np.float32)},
        {"fingerprints": np.zeros((1, 6), dtype=np.float32), "earlier": np.array([0.5])},
    ],
)
def test_a_file_with_other_arrays_is_an_error_that_names_it(
    tmp_path: Path, arrays: dict[str, npt.NDArray[np.generic]]
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"bad\.npz"):
        TrainedSamples.load(tmp_path / "bad.npz")

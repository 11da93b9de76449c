"""Accuracy of each class, against the metrics of scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import made_up, undisturbed

from rcspike import confusion_matrix, evaluate
from rcspike.training import ClassAccuracy, class_accuracy

metrics = pytest.importorskip("sklearn.metrics")

SAMPLES = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=40)


@given(SAMPLES)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
def test_it_is_the_recall_of_scikit_learn(samples: list[tuple[int, int]]) -> None:
    labels, answers = np.array(samples).T
    found, there = ClassAccuracy.of(answers, labels, 4), np.unique(labels)
    recall = metrics.recall_score(labels, answers, labels=there, average=None, zero_division=0)
    np.testing.assert_allclose(found.by_class[there], recall)
    assert np.isnan(np.delete(found.by_class, there)).all()
    assert found.overall == metrics.accuracy_score(labels, answers)
    assert found.balanced == pytest.approx(metrics.balanced_accuracy_score(labels, answers))
    assert found.by_class[found.worst] == pytest.approx(recall.min())


def test_without_samples_there_is_no_accuracy() -> None:
    nothing = ClassAccuracy.of(np.array([], dtype=np.int64), np.array([], dtype=np.int64), 2)
    assert math.isnan(nothing.overall) and math.isnan(nothing.balanced)


def test_a_network_has_the_same_draws_as_in_evaluate_and_the_confusion_matrix() -> None:
    network, _ = undisturbed()
    test = made_up().test
    found = class_accuracy(network, test, noise=0.1, seed=3)
    assert found.overall == evaluate(network, test, noise=0.1, seed=3)
    of_matrix = ClassAccuracy.of_matrix(confusion_matrix(network, test, noise=0.1, seed=3), test.labels)
    np.testing.assert_array_equal(of_matrix.by_class, found.by_class)

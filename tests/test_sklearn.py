"""The classifier for scikit-learn: its checks, and encoding and readout written down independently."""

from __future__ import annotations

import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
import pytest
from sklearn import datasets
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

from rcspike import Circuit, Network, train
from rcspike.datasets import Dataset, Split
from rcspike.functional import charge, encode, fire
from rcspike.sklearn import RCSpikeClassifier

TESTS = Path(__file__).parent  # where subprocesses start: in the checkout's root the sources would hide the package
EXAMPLE = TESTS.parent / "examples" / "sklearn_pipeline.py"

IRIS, SPECIES = datasets.load_iris(return_X_y=True)  # fifty of each species, one after the other
NAMES = datasets.load_iris().target_names[SPECIES]


def quick(**parameters: Any) -> RCSpikeClassifier:
    """Learns little, but that fast and always the same."""
    return RCSpikeClassifier(**({"hidden_layer_sizes": (12,), "epochs": 5, "random_state": 0} | parameters))


def accuracy(model: RCSpikeClassifier, table: str, n_folds: int) -> float:
    """In cross-validation."""
    x, y = getattr(datasets, f"load_{table}")(return_X_y=True)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    return float(cross_val_score(model, x, y, cv=folds).mean())


def assert_same(one: RCSpikeClassifier, other: RCSpikeClassifier) -> None:
    np.testing.assert_array_equal(one.classes_, other.classes_)
    for a, b in zip(one.network_.weights, other.network_.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.decision_function(IRIS), other.decision_function(IRIS))


# The checks of scikit-learn


# Skipped is what scikit-learn itself leaves out unless SCIPY_ARRAY_API is set before SciPy is imported.
@parametrize_with_checks(
    [RCSpikeClassifier(epochs=100), quick(epochs=40, learning_rate=0.03, v_syn=math.inf, noise=0.01)]
)
def test_the_classifier_passes_the_checks_of_scikit_learn(estimator: RCSpikeClassifier, check: Any) -> None:
    try:
        check(estimator)
    except SkipTest as skipped:  # RCSpikeClassifier takes arrays of NumPy only
        if "SCIPY_ARRAY_API" not in str(skipped):
            raise


@pytest.mark.long
@parametrize_with_checks([quick(epochs=40, learning_rate=0.03, v_syn=2.0, phases="single")])
def test_a_single_phase_passes_the_checks_of_scikit_learn(estimator: RCSpikeClassifier, check: Any) -> None:
    test_the_classifier_passes_the_checks_of_scikit_learn(estimator, check)


@pytest.mark.parametrize("v_syn", [1.0, math.inf])
@pytest.mark.parametrize(("table", "least"), [("iris", 0.92), ("wine", 0.96), ("breast_cancer", 0.96)])
def test_small_tables_are_learnt_in_a_third_of_the_epochs_of_the_default(
    table: str, least: float, v_syn: float
) -> None:
    # The multilayer perceptron of scikit-learn reaches 0.92, 0.98 and 0.97 on features scaled to [0, 1].
    assert accuracy(RCSpikeClassifier(v_syn=v_syn, epochs=100, random_state=0), table, n_folds=5) > least


def test_digits_are_learnt_in_a_few_epochs() -> None:
    assert accuracy(RCSpikeClassifier(epochs=20, scaling="range", random_state=0), "digits", n_folds=3) > 0.95


def test_a_pipeline_and_a_grid_search_take_labels_of_text() -> None:
    model = make_pipeline(StandardScaler(), quick(epochs=30, learning_rate=0.03))
    grid = {"rcspikeclassifier__v_syn": [1.0, math.inf], "rcspikeclassifier__hidden_layer_sizes": [(), 8, (8, 8)]}
    search = GridSearchCV(model, grid, cv=3).fit(IRIS, NAMES)
    assert search.best_score_ > 0.9
    assert set(search.predict(IRIS)) == {"setosa", "versicolor", "virginica"}


@pytest.mark.process
def test_dask_processes_search_as_this_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dask.distributed import Client, LocalCluster

    def process_id(*_: Any) -> int:  # in here, so that it travels by value: the workers cannot import this module
        return os.getpid()

    monkeypatch.chdir(TESTS)
    search = GridSearchCV(quick(), {"v_syn": [1.0, math.inf], "noise": [0.0, 0.01]}, cv=2)
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=str(tmp_path)
    )
    with cluster, Client(cluster), joblib.parallel_config(backend="dask"):
        search.fit(IRIS, NAMES)
        folds = cross_validate(quick(), IRIS, NAMES, cv=3, scoring=process_id, return_estimator=True)
    assert os.getpid() not in folds["test_score"]
    here = cross_validate(quick(), IRIS, NAMES, cv=3, return_estimator=True)
    for a, b in zip(folds["estimator"], here["estimator"], strict=True):
        assert_same(a, b)
    scores = clone(search).fit(IRIS, NAMES).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], scores)


# Encoding


@pytest.mark.parametrize("complement", [False, True])
def test_features_spike_early_if_they_are_high_their_complements_late_and_one_more_input_at_once(
    complement: bool,
) -> None:
    model = quick(scaling="range", complement=complement).fit(IRIS, NAMES)
    low, high = IRIS.min(axis=0), IRIS.max(axis=0)
    x = np.array([low, high, (low + high) / 2])
    times = np.repeat([[np.inf, 0, 0], [0, np.inf, 0], [0.5, 0.5, 0]], [4, 4 * complement, 1], axis=1)
    circuit = Circuit(v_syn=1.0)
    hidden, output = (w.astype(np.float64) for w in model.network_.weights)
    expected = charge(fire(charge(times, hidden, circuit), circuit), output, circuit)
    np.testing.assert_allclose(model.decision_function(x), expected, atol=2e-5)  # what float32 is allowed


def test_values_beyond_the_range_of_training_count_as_its_ends() -> None:
    model = quick(scaling="range").fit(IRIS, NAMES)
    ends = np.array([IRIS.min(axis=0), IRIS.max(axis=0)])
    beyond = np.array([ends[0] - [0.1, 1, 10, 1e30], ends[1] + [0.1, 1, 10, 1e30]])
    np.testing.assert_array_equal(model.decision_function(beyond), model.decision_function(ends))


def test_a_constant_feature_says_nothing_even_when_it_changes() -> None:
    constant = np.full(len(IRIS), 7.0)
    model = quick().fit(np.column_stack([IRIS, constant]), NAMES)
    there, gone = (model.decision_function(np.column_stack([IRIS, c])) for c in (constant, constant + 3))
    np.testing.assert_array_equal(there, gone)


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    # Powers of two, so that the rounding is the same too.
    x = np.round(10 * IRIS)
    moved = 1024 * x - 4096
    here, there = (quick(scaling="range").fit(features, NAMES).decision_function(features) for features in (x, moved))
    np.testing.assert_array_equal(here, there)


# Readout


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_voltages_and_labels_say_the_same(n_classes: int) -> None:
    x, y = IRIS[: 50 * n_classes], NAMES[: 50 * n_classes]
    model = quick(temperature=0.1).fit(x, y)
    v, p = model.decision_function(x), model.predict_proba(x)
    if n_classes == 2:
        np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-v / 0.1)), rtol=1e-12)
        chosen = (v > 0).astype(int)
    else:
        np.testing.assert_allclose(p, np.exp(v / 0.1) / np.exp(v / 0.1).sum(axis=1, keepdims=True), rtol=1e-12)
        chosen = v.argmax(axis=1)
    np.testing.assert_array_equal(model.predict(x), model.classes_[chosen])
    assert model.score(x, y) == np.mean(model.predict(x) == y)


def test_a_single_phase_learns_a_table_and_is_read_by_its_first_spikes() -> None:
    model = quick(epochs=100, learning_rate=0.01, v_syn=2.0, phases="single")
    assert cross_val_score(model, IRIS, NAMES, cv=3).mean() > 0.92
    model.fit(IRIS, NAMES)
    spikes = model.network_.forward(encode(model.scaling_.apply(IRIS)))
    spiking = np.isfinite(spikes)
    answered = spiking.any(axis=1)
    assert answered.mean() > 0.9
    np.testing.assert_array_equal(model.predict(IRIS)[answered], model.classes_[spikes.argmin(axis=1)[answered]])
    scores = model.decision_function(IRIS)
    np.testing.assert_array_equal(scores[spiking], -spikes[spiking].astype(np.float64))
    latest = np.where(spiking, spikes, 2.0).max(axis=1, keepdims=True)
    np.testing.assert_array_equal(scores[~spiking], -np.broadcast_to(np.maximum(latest, 2.0), spikes.shape)[~spiking])
    odds = np.exp((scores - scores.max(axis=1, keepdims=True)) / model.temperature)
    np.testing.assert_allclose(model.predict_proba(IRIS), odds / odds.sum(axis=1, keepdims=True), rtol=1e-12)
    assert_same(model, pickle.loads(pickle.dumps(model)))
    with pytest.raises(ValueError, match="no neuron of a single phase would spike"):
        quick(phases="single").fit(IRIS, NAMES)


def test_the_first_weights_of_a_single_phase_fit_the_intensity_of_the_samples() -> None:
    model = quick(epochs=1, learning_rate=1e-12, v_syn=2.0, phases="single").fit(IRIS, NAMES)
    x = model.scaling_.apply(IRIS)  # of the inputs, 1 - t or 0 without a spike
    seed = np.random.RandomState(0).randint(2**31 - 1)
    start = Network.create([x.shape[1], 12, 3], Circuit(v_syn=2.0), seed=seed, phases="single", intensity=x.mean())
    for found, expected in zip(model.network_.weights, start.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


# Randomness, threads, copies


@pytest.mark.usefixtures("all_processors")
def test_the_same_seed_gives_the_same_network_on_any_number_of_threads() -> None:
    model = quick(noise=0.02).fit(IRIS, NAMES)
    assert_same(model, clone(model).fit(IRIS, NAMES))
    assert_same(model, quick(noise=0.02, threads=3).fit(IRIS, NAMES))
    other = quick(noise=0.02, random_state=1).fit(IRIS, NAMES)
    assert (other.network_.weights[0] != model.network_.weights[0]).all()


def test_a_generator_as_random_state_continues_from_fit_to_fit() -> None:
    rng = np.random.RandomState(5)  # scikit-learn knows no other kind
    one, other = (quick(random_state=rng).fit(IRIS, NAMES) for _ in range(2))
    assert (one.network_.weights[0] != other.network_.weights[0]).all()


def test_a_pickled_model_is_the_same_and_continues_to_learn_as_it_would_have() -> None:
    model = quick(noise=0.02).fit(IRIS, NAMES)
    twin = pickle.loads(pickle.dumps(model))
    assert_same(model, twin)
    assert_same(model.partial_fit(IRIS, NAMES), twin.partial_fit(IRIS, NAMES))


def test_the_network_can_be_saved_and_runs_without_scikit_learn(tmp_path: Path) -> None:
    model = quick().fit(IRIS, NAMES)
    model.network_.save(tmp_path / "iris.safetensors")
    network = Network.load(tmp_path / "iris.safetensors")
    assert network.sizes == (9, 12, 3)
    assert network.circuit == Circuit(v_syn=1.0)


# Learning in pieces


def test_learning_in_pieces_gets_as_far() -> None:
    rng = np.random.default_rng(50)
    model = quick(hidden_layer_sizes=(100,))
    for _ in range(60):
        for part in np.array_split(rng.permutation(len(IRIS)), 3):
            model.partial_fit(IRIS[part], NAMES[part], classes=np.unique(NAMES))
    assert model.score(IRIS, NAMES) > 0.9
    assert len(model.loss_curve_) == 180
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_learning_in_pieces_is_training_at_a_constant_rate() -> None:
    # Of whole batches, so that their order does not matter, and with the state of Adam kept from piece to piece. What
    # it does matter for, the order of additions, moves a weight by a small part of a step of Adam, 3e-3 here.
    pieces = quick(batch_size=150, scaling="range", complement=False)
    initial = clone(pieces).set_params(learning_rate=1e-30).fit(IRIS, SPECIES).network_.weights
    x = (IRIS - IRIS.min(axis=0)) / (IRIS.max(axis=0) - IRIS.min(axis=0))
    split = Split(np.column_stack([x, np.ones(150)])[:, np.newaxis, :], SPECIES)
    whole = Network(initial, Circuit(v_syn=1.0))
    train(whole, Dataset("iris", split, split), epochs=4, seed=1, batch_size=150, learning_rate=3e-3, decay="constant")
    for _ in range(4):
        pieces.partial_fit(IRIS, SPECIES, classes=[0, 1, 2])
    for start, one, other in zip(initial, whole.weights, pieces.network_.weights, strict=True):
        assert np.abs(one - start).max() > 1e-2
        np.testing.assert_allclose(one, other, atol=3e-5)


def test_ranges_grow_with_the_samples_and_classes_may_come_later() -> None:
    model = quick(scaling="range")
    for x, y in zip(np.split(IRIS, 3), np.split(NAMES, 3), strict=True):
        model.partial_fit(x, y, classes=np.unique(NAMES))
    np.testing.assert_array_equal(model.data_min_, IRIS.min(axis=0))
    np.testing.assert_array_equal(model.data_max_, IRIS.max(axis=0))
    np.testing.assert_array_equal(model.scaling_.knots, [IRIS.min(axis=0), IRIS.max(axis=0)])


def test_other_scalings_stay_those_of_the_first_samples() -> None:
    model = quick(scaling="quantile").partial_fit(IRIS[::2], NAMES[::2], classes=np.unique(NAMES))
    knots = model.scaling_.knots
    np.testing.assert_array_equal(model.partial_fit(100 + IRIS, NAMES).scaling_.knots, knots)


def test_fit_forgets_everything_learnt_before() -> None:
    assert_same(quick().partial_fit(IRIS, NAMES, classes=np.unique(NAMES)).fit(IRIS, NAMES), quick().fit(IRIS, NAMES))


# Weights


def with_copies(n: int = 60) -> tuple[Any, Any, Any]:
    """Some flowers, and how often each is there, in another order."""
    rng = np.random.default_rng(7)
    chosen = rng.permutation(len(IRIS))[:n]
    return IRIS[chosen], NAMES[chosen], rng.integers(0, 4, n)


def assert_same_scores(one: RCSpikeClassifier, other: RCSpikeClassifier) -> None:
    np.testing.assert_array_equal(one.decision_function(IRIS), other.decision_function(IRIS))


@pytest.mark.parametrize("phases", ["two", "single"])
def test_a_whole_weight_is_the_same_as_so_many_copies_also_in_batches_and_with_noise(phases: Any) -> None:
    x, y, weights = with_copies()
    model = quick(phases=phases, v_syn=2.0, noise=0.01)
    copies = np.random.default_rng(8).permutation(np.repeat(np.arange(len(x)), weights))
    assert_same_scores(model.fit(x, y, sample_weight=weights), clone(model).fit(x[copies], y[copies]))


def test_whole_weights_continue_as_copies_do() -> None:
    x, y, weights = with_copies()
    copies = np.repeat(np.arange(len(x)), weights)
    weighted = quick(scaling="range").partial_fit(x, y, classes=np.unique(NAMES), sample_weight=weights)
    copied = quick(scaling="range").partial_fit(x[copies], y[copies], classes=np.unique(NAMES))
    assert_same_scores(weighted.partial_fit(IRIS, NAMES), copied.partial_fit(IRIS, NAMES))


def test_the_order_of_the_samples_does_not_matter() -> None:
    order = np.random.default_rng(9).permutation(len(IRIS))
    assert_same(quick().fit(IRIS, NAMES), quick().fit(IRIS[order], NAMES[order]))


def test_other_weights_multiply_the_losses_relative_to_their_mean() -> None:
    x, y, _ = with_copies()
    weights = np.random.default_rng(10).random(len(x))
    weights[:5] = 0.0
    model = quick(batch_size=99)  # whole batches, so that both do the same steps
    found = clone(model).fit(x, y, sample_weight=weights)
    assert_same_scores(found, clone(model).fit(x[5:], y[5:], sample_weight=8 * weights[5:]))
    # One half more than the others is twice and three times: the loss is the mean over the copies.
    halves = np.where(np.arange(len(x)) % 2, 1.0, 1.5)
    of_copies = clone(model).set_params(batch_size=999, scaling="range").fit(x, y, sample_weight=2 * halves)
    of_halves = clone(model).set_params(batch_size=999, scaling="range").fit(x, y, sample_weight=halves)
    np.testing.assert_allclose(of_halves.loss_curve_, of_copies.loss_curve_, rtol=1e-5)  # float32, 5 steps


def test_weights_of_classes_multiply_those_of_samples() -> None:
    x, y, _ = with_copies()
    of_class = {"setosa": 0.5, "virginica": 3.25}
    each = np.array([of_class.get(label, 1.0) for label in y])
    weights = np.random.default_rng(11).random(len(x))
    assert_same_scores(
        quick(class_weight=of_class).fit(x, y, sample_weight=weights), quick().fit(x, y, sample_weight=weights * each)
    )
    balanced = compute_sample_weight("balanced", y)
    assert_same_scores(quick(class_weight="balanced").fit(x, y), quick().fit(x, y, sample_weight=balanced))
    assert_same(quick(class_weight="balanced").fit(IRIS, NAMES), quick().fit(IRIS, NAMES))  # fifty of each


def test_balanced_weights_find_a_rare_class() -> None:
    rng = np.random.default_rng(12)
    y = (np.arange(1000) >= 960).astype(int)  # 4 %
    x = rng.standard_normal((1000, 4)) + 1.5 * y[:, np.newaxis]
    found = {
        words: balanced_accuracy_score(
            y[1::2], quick(epochs=30, class_weight=words).fit(x[::2], y[::2]).predict(x[1::2])
        )
        for words in (None, "balanced")
    }
    # The best that can be done is Phi(1.5): halfway between means that are 3 standard deviations apart.
    assert found["balanced"] > max(found[None] + 0.05, 0.85)


@pytest.mark.parametrize(
    ("parameters", "weights", "message"),
    [
        ({}, np.full(150, -1.0), r"sample_weight.*-1"),
        ({}, np.zeros(150), "(?i)weights? must.*zero"),
        ({}, np.ones(149), "sample_weight"),
        ({}, np.repeat([1.0, 0.0], [50, 100]), "two classes or more, got 1 class"),
        ({"class_weight": "even"}, None, "class_weight.*even"),
        ({"class_weight": {"setosa": -2.0}}, None, r"class_weight.*-2\.0"),
        ({"class_weight": {"rosa": 2.0}}, None, "are not in class_weight"),
    ],
)
def test_weights_that_are_none_are_named(parameters: dict[str, Any], weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(IRIS, NAMES, sample_weight=weights)


def test_pieces_cannot_be_balanced() -> None:
    with pytest.raises(ValueError, match="class_weight 'balanced' needs all samples at once"):
        quick(class_weight="balanced").partial_fit(IRIS, NAMES, classes=np.unique(NAMES))


# Errors


def test_classes_are_needed_first_and_cannot_change() -> None:
    model = quick()
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        model.partial_fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=re.escape("labels [2] are not among the classes [0 1]")):
        model.partial_fit(IRIS, SPECIES, classes=[0, 1])
    model.partial_fit(IRIS, SPECIES, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=re.escape("must stay those of the first call, [0 1 2], got ['a' 'b']")):
        model.partial_fit(IRIS, SPECIES, classes=["a", "b"])


def test_a_single_class_is_rejected() -> None:
    with pytest.raises(ValueError, match="two classes or more, got 1 class"):
        quick().fit(IRIS[:20], NAMES[:20])


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"v_syn": 0.0}, ValueError),
        ({"epochs": 0}, ValueError),
        ({"epochs": 1.5}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"learning_rate": -1.0}, ValueError),
        ({"temperature": 0}, ValueError),
        ({"noise": -0.1}, ValueError),
        ({"scaling": "log"}, ValueError),
        ({"threads": 0}, ValueError),
        ({"random_state": "seven"}, ValueError),
        ({"hidden_layer_sizes": (5, 0)}, ValueError),
    ],
)
def test_a_parameter_out_of_range_is_named_and_leaves_the_old_model(
    parameters: dict[str, Any], error: type[Exception]
) -> None:
    model = quick().fit(IRIS, NAMES)
    before = model.network_
    name, value = next(iter(parameters.items()))
    with pytest.raises(error, match="seed|sizes" if name in ("random_state", "hidden_layer_sizes") else name) as caught:
        model.set_params(**parameters).fit(IRIS, SPECIES)
    assert str(value).strip("()") in str(caught.value)
    assert model.network_ is before
    np.testing.assert_array_equal(model.classes_, np.unique(NAMES))


# Company


def test_without_scikit_learn_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rcspike.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'rcspike[sklearn]'")):
        import rcspike.sklearn  # noqa: F401


@pytest.mark.process
def test_the_example_runs() -> None:
    ran = subprocess.run([sys.executable, EXAMPLE], cwd=TESTS, capture_output=True, text=True, check=True)
    found = [float(share) for share in re.findall(r"([\d.]+)%", ran.stdout)]
    assert len(found) == 4
    assert min(found) > 90

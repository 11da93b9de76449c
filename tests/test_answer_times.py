"""When networks answer: times, accuracies by then, spikes until then; the command and its figure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rcspike import Circuit, Network, plots
from rcspike.chips import Jitter, program
from rcspike.datasets import Split
from rcspike.functional import charge, fire, first_spike
from rcspike.training import Latency, confusion_matrix, evaluate, latency

CIRCUIT = Circuit(v_syn=3.0)


def split(n: int = 40) -> Split:
    rng = np.random.default_rng(3)
    return Split(rng.random((n, 4, 5)) * (rng.random((n, 4, 5)) < 0.6), rng.integers(0, 3, n))


def test_a_single_phase_answers_with_its_first_output_spike() -> None:
    network, data = Network.create([20, 12, 3], CIRCUIT, phases="single", seed=1), split()
    hidden = first_spike(data.times, network.weights[0], CIRCUIT)
    out = first_spike(hidden, network.weights[1], CIRCUIT)
    found = latency(network, data)
    np.testing.assert_array_equal(found.times, out.min(axis=1))
    np.testing.assert_array_equal(found.correct, out.argmin(axis=1) == data.labels)
    for s, t in enumerate(found.times):
        counts = [sum(spike <= t for spike in line[s]) for line in (data.times, hidden, out)]
        assert found.spikes[s].tolist() == counts


def test_two_phases_answer_in_the_firing_phase_of_the_last_layer() -> None:
    network, data = Network.create([20, 12, 3], CIRCUIT, seed=1), split()
    hidden = fire(charge(data.times, network.weights[0], CIRCUIT), CIRCUIT)
    v = charge(hidden, network.weights[1], CIRCUIT)
    found = latency(network, data)
    silent = v.max(axis=1) <= 0
    assert silent.any()
    assert not silent.all()
    np.testing.assert_allclose(found.times[~silent], 2 + np.clip(1 - v.max(axis=1), 0, 1)[~silent], rtol=1e-6)
    np.testing.assert_array_equal(found.times[silent], 3)
    assert found.correct.mean() == evaluate(network, data)
    np.testing.assert_array_equal(found.spikes[:, 0], np.isfinite(data.times).sum(axis=1))
    np.testing.assert_array_equal(found.spikes[:, 1], np.isfinite(hidden).sum(axis=1))
    np.testing.assert_array_equal(found.spikes[~silent, 2], 1)
    np.testing.assert_array_equal(found.spikes[silent, 2], 0)


def test_samples_without_an_answer_are_never_correct() -> None:
    network = Network([np.eye(2) / 4], Circuit(v_syn=1.1), phases="single")
    data = Split(np.array([[[0.0, 0.0]], [[1.0, 0.0]]]), np.array([0, 0]))
    found = latency(network, data)
    assert found.times[0] == math.inf
    assert found.times[1] == pytest.approx(-4 * 1.1 * math.log(1 - 1 / 1.1))
    assert found.correct.tolist() == [False, True]
    assert (found.quantile(0.5), found.quantile(0.51)) == (found.times[1], math.inf)
    assert found.accuracy([5.0, 20.0]).tolist() == [0.0, 0.5]


def test_the_accuracy_of_all_answers_is_that_of_the_network_with_the_same_noise() -> None:
    network, data = Network.create([20, 12, 3], CIRCUIT, phases="single", seed=1), split()
    found = latency(network, data, noise=0.05, seed=2)
    matrix = confusion_matrix(network, data, noise=0.05, seed=2)
    assert found.correct.sum() == matrix.trace()
    assert found.accuracy(np.inf) == matrix.trace() / 40
    assert (found.times != latency(network, data).times).any()
    assert (latency(program(network, [Jitter(sigma=0.05)], seed=0), data).times != found.times).any()


def test_a_fraction_is_checked() -> None:
    found = Latency(np.ones(2), np.ones(2, bool), np.ones((2, 2), np.int64))
    for wrong in (0.0, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\]"):
            found.quantile(wrong)


@pytest.mark.long
@pytest.mark.usefixtures("place")
def test_the_command_writes_table_figure_and_record() -> None:
    from cli_runs import ran, record, table

    for phases in ("single", "two"):
        network = Network.create([64, 8, 10], Circuit(v_syn=2.0), phases=phases, seed=0)  # type: ignore[arg-type]
        network.save(f"{phases}.safetensors")
    assert "median" in ran("latency", "single.safetensors", "digits", "--compare", "two.safetensors", "--out", ".")
    rows = table("latency.csv")
    assert {row["model"] for row in rows} == {"single", "two"}
    assert float(rows[0]["accuracy"]) == 0
    written = record("latency.json")
    assert set(written["files_sha256"]) == {"latency.csv", "latency.svg", "latency.png"}
    assert len(written["settings"]["compare"]) == 1


def test_the_figure_has_a_line_for_each_network() -> None:
    pytest.importorskip("matplotlib")
    found = {"a": Latency(np.array([1.0, 2.0]), np.array([True, False]), np.ones((2, 2), np.int64))}
    (axes,) = plots.latency_figure(found, {"a": (CIRCUIT, "single")}, heading="h").axes
    line, marks = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), np.where(np.asarray(line.get_xdata()) < 1, 0, 50))
    assert marks.get_xdata().tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="no network"):
        plots.latency_figure({}, {}, heading="h")

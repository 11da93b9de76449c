"""The outputs of networks: arrays that know their unit, which class answers, and which outputs are silent."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from rcspike import Circuit, Network, datasets
from rcspike.functional import fire, first_spike
from rcspike.neurons import PHASES, Outputs, Phases, neuron_kind

IDEAL = Circuit.conventional()
WEIGHTS = np.array([[0.5, 2.0, -1.0], [0.25, 0.5, -0.5]])
TIMES = np.array([[0.2, 0.5], [np.inf, 0.25], [np.inf, np.inf]])


def network(phases: Phases) -> Network:
    return Network([WEIGHTS], IDEAL, phases=phases)


@pytest.mark.parametrize("phases", PHASES)
def test_the_answer_is_the_output_that_spikes_first(phases: Phases) -> None:
    outputs = network(phases).forward(TIMES)
    spikes = first_spike(TIMES, WEIGHTS, IDEAL) if phases == "single" else fire(np.asarray(outputs), IDEAL)
    np.testing.assert_array_equal(outputs.silent, np.isinf(spikes))
    np.testing.assert_array_equal(outputs.answers[:2], np.argmin(spikes[:2], axis=1))
    np.testing.assert_array_equal(network(phases).predict(TIMES), outputs.answers)
    np.testing.assert_array_equal(outputs.scores.argmax(axis=1)[:2], outputs.answers[:2])
    assert np.isfinite(outputs.scores).all()


@pytest.mark.parametrize("phases", PHASES)
def test_the_margin_is_the_delay_of_the_first_spike_at_which_another_output_answers(phases: Phases) -> None:
    outputs = network(phases).forward(TIMES)
    spikes = first_spike(TIMES, WEIGHTS, IDEAL) if phases == "single" else fire(np.asarray(outputs), IDEAL)
    np.testing.assert_array_equal(outputs.first_spikes, spikes.min(axis=1))
    sample, first = 0, int(outputs.answers[0])
    for factor, changes in ((0.999, False), (1.001, True)):
        late = np.asarray(outputs).copy()
        late[sample, first] += (1 if phases == "single" else -1) * factor * outputs.margins[sample]
        assert bool(Outputs(late, phases, IDEAL).answers[sample] != first) is changes


def test_a_single_output_has_no_other_to_be_confused_with() -> None:
    assert Network([WEIGHTS[:, :1].copy()], IDEAL).forward(TIMES).margins.tolist() == [np.inf] * 3


def test_only_single_phase_neurons_give_no_answer() -> None:
    assert {phases: network(phases).forward(TIMES).answers[2] for phases in PHASES} == {"two": 0, "single": -1}


def test_the_outputs_of_a_walk_are_those_of_the_network() -> None:
    times = datasets.load("digits").test.times[:20]
    for phases in PHASES:
        net = Network.create([64, 12, 10], Circuit(v_syn=2.0), seed=0, phases=phases)
        *_, last = net.walk(times, noise=0.05, seed=1)
        np.testing.assert_array_equal(last.outputs, net.forward(times, noise=0.05, seed=1))
        np.testing.assert_array_equal(last.outputs.answers, net.predict(times, noise=0.05, seed=1))
        assert last.outputs.unit == neuron_kind(phases).unit


def test_outputs_are_an_array_and_what_is_made_of_them_are_plain_numbers() -> None:
    outputs = network("two").forward(TIMES)
    values = np.asarray(outputs)
    assert isinstance(outputs, np.ndarray)
    assert (outputs.shape, outputs.dtype) == ((3, 3), np.float64)
    for made in (outputs[0], outputs[:, 1], 2 * outputs, np.exp(outputs), outputs > 0, outputs.max(axis=1)):
        assert type(made) is np.ndarray
    assert float(outputs[0, 1]) == values[0, 1]
    assert float(outputs.sum()) == values.sum()
    assert np.array_equal(outputs.astype(np.float32), values.astype(np.float32))
    for made in (outputs.T, outputs.reshape(9), outputs.copy()):
        with pytest.raises(ValueError, match="ask the outputs themselves"):
            _ = made.answers


def test_outputs_can_be_sent_to_another_process() -> None:
    outputs = network("single").forward(TIMES)
    again = pickle.loads(pickle.dumps(outputs))
    assert isinstance(again, Outputs)
    np.testing.assert_array_equal(again, outputs)
    assert again.unit == "T"

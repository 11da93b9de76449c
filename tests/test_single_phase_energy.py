"""Charges and energy of neurons of a single phase: until their spikes, until the answer, or until a given time."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import oracle
import pytest
from strategies import CIRCUITS, Layer

from rcspike import Circuit, Network, datasets, load_process
from rcspike.energy import (
    activity,
    current_source_parts,
    efficiency,
    energy_parts,
    mean_energy,
    operating_point,
    virtual_ground_parts,
)
from rcspike.functional import first_spike, supply_charge, trace

DTYPES = [np.float32, np.float64]
CIRCUIT = Circuit(v_syn=2.0)


def late_layer(circuit: Circuit, dtype: npt.DTypeLike, scale: float) -> tuple[Layer, np.ndarray]:
    """Times up to 3 T, and until when each neuron charges: at a spike, between, before all, and long after."""
    rng = np.random.default_rng(12)
    times = np.where(rng.random((2, 8)) < 0.8, 3 * rng.random((2, 8)), math.inf).astype(dtype)
    until = (5 * rng.random((2, 3))).astype(dtype)
    until[0, 0], until[1, 1] = times[0, np.isfinite(times[0])][2], 0.0
    return Layer(times, (scale * rng.normal(0.1, 0.5, (8, 3))).astype(dtype), circuit), until


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", CIRCUITS)
def test_charges_until_a_time_agree_with_the_oracle(name: str, scale: float, dtype: npt.DTypeLike) -> None:
    layer, until = late_layer(CIRCUITS[name], dtype, scale)
    drive, conductance = layer.affine()
    found = supply_charge(*layer, until=until)
    for s, i in np.ndindex(until.shape):
        span = float(until[s, i])
        w = layer.weights[:, [i]]
        for q, chosen in zip(found, (w >= 0, w < 0), strict=True):
            assert q.dtype == dtype
            exact = 0.0
            if span > 0:  # as a window of this length, with times and currents to match
                part = np.where(layer.times[[s]] < span, layer.times[[s]].astype(np.float64) / span, math.inf)
                synapses = span * drive[:, [i]], span * conductance[:, [i]]
                exact = oracle.supply_charge(part, *synapses, chosen)[0, 0]
            # Computed in double, and rounded to the precision of the weights; what a rail carries is the scale of it.
            carried = span * np.abs(w).sum() * (1 + 1 / min(layer.circuit.e_plus, -layer.circuit.e_minus))
            assert abs(q[s, i] - exact) <= np.finfo(dtype).eps * abs(exact) + 1e-13 * (1 + carried) ** 2


@pytest.mark.usefixtures("all_processors")
@pytest.mark.parametrize("dtype", DTYPES)
def test_both_charges_take_a_membrane_to_its_voltage(dtype: npt.DTypeLike) -> None:
    layer, _ = late_layer(Circuit(v_syn=3.0, diode_drop=0.2), dtype, 1.0)
    spikes = first_spike(*layer)
    ends = np.minimum(spikes, dtype(4.0))  # type: ignore[operator]
    q_plus, q_minus = supply_charge(*layer, until=ends)
    at_spike = np.isfinite(spikes) & (spikes < 4)
    assert at_spike.any()
    assert not at_spike.all()
    np.testing.assert_allclose((q_plus + q_minus)[at_spike], 1, rtol=0, atol=100 * np.finfo(dtype).eps)
    end = trace(*layer, np.array([4.0], dtype), phases="single")[:, :, 0]
    np.testing.assert_allclose((q_plus + q_minus)[~at_spike], end[~at_spike], rtol=0, atol=100 * np.finfo(dtype).eps)
    for threads in (1, 3):
        for one, other in zip(supply_charge(*layer, until=ends, threads=threads), (q_plus, q_minus), strict=True):
            np.testing.assert_array_equal(one, other)


def test_times_until_which_charges_are_counted_are_checked() -> None:
    layer, until = late_layer(CIRCUIT, np.float64, 1.0)
    for wrong in (-1.0, math.inf, math.nan):
        until[0, 0] = wrong
        with pytest.raises(ValueError, match="until"):
            supply_charge(*layer, until=until)
    with pytest.raises(ValueError, match="until must have shape"):
        supply_charge(*layer, until=np.ones((2, 2)))


def network() -> tuple[Network, npt.NDArray[np.float32]]:
    times = np.random.default_rng(1).random((30, 20), dtype=np.float32)
    times[times > 0.8] = np.inf
    return Network.create([20, 12, 5], CIRCUIT, phases="single", seed=0), times


def test_an_inference_ends_with_its_answer_and_counts_what_comes_before() -> None:
    net, times = network()
    done = activity(net, times)
    hidden = first_spike(times, net.weights[0], CIRCUIT)
    out = first_spike(hidden, net.weights[1], CIRCUIT)
    answers = out.min(axis=1)
    assert np.isfinite(answers).all()
    np.testing.assert_array_equal(done.durations, answers)
    for depth, (incoming, spikes) in enumerate(((times, hidden), (hidden, out))):
        ends = np.minimum(spikes, answers[:, np.newaxis])
        q_plus, q_minus = supply_charge(incoming, net.weights[depth], CIRCUIT, until=ends)
        np.testing.assert_allclose(done.q_plus[:, depth], q_plus.sum(axis=1), rtol=1e-6)
        np.testing.assert_allclose(done.q_minus[:, depth], q_minus.sum(axis=1), rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(done.spikes[:, depth], (incoming <= answers[:, np.newaxis]).sum(axis=1))
        assert done.charging is not None
        np.testing.assert_allclose(done.charging[:, depth], ends.sum(axis=1), rtol=1e-6)
    assert not done.q_ramp.any()
    later = activity(net, times, until=3.0)
    assert (later.durations == 3).all()
    assert (later.q_plus >= done.q_plus).all()
    mean = done.mean()
    assert mean.durations is not None
    assert mean.durations[0] == pytest.approx(answers.mean(), rel=1e-6)


def test_an_inference_without_an_answer_is_given_up() -> None:
    silent = Network([-np.eye(2)], CIRCUIT, phases="single")
    done = activity(silent, np.array([[0.5, 0.0]]))
    assert done.durations is not None
    assert done.durations.tolist() == [10.0]


def test_energy_follows_from_charges_spikes_and_durations() -> None:
    net, times = network()
    done, process = activity(net, times), load_process()
    point = operating_point(CIRCUIT, process)
    parts = energy_parts(done, point)
    assert done.durations is not None
    assert done.charging is not None
    period = (done.durations[:, np.newaxis] + 1) * process.window
    np.testing.assert_allclose(parts["references"], period * process.reference_current * process.v_logic * np.ones(2))
    watching = done.charging * process.window * process.comparator_current * process.v_logic
    np.testing.assert_allclose(parts["comparators"], watching)
    assert not parts["ramp"].any()
    unit = np.array([point.scale(n).capacitance for n in (20, 12)]) * point.v_th
    np.testing.assert_allclose(parts["positive synapses"], done.q_plus * unit * point.v_plus)
    measures = efficiency(parts, done, process)
    assert measures.latency == pytest.approx(done.durations.mean() * process.window)
    assert measures.rate == pytest.approx(1 / (measures.latency + process.window))
    assert measures.watts == pytest.approx(mean_energy(parts) * measures.rate)
    assert mean_energy(energy_parts(done.mean(), point)) == pytest.approx(mean_energy(parts), rel=1e-6, abs=0)


def test_uses_of_another_kind_are_errors() -> None:
    net, times = network()
    done, point = activity(net, times), operating_point(CIRCUIT)
    for baseline in (virtual_ground_parts, current_source_parts):
        with pytest.raises(ValueError, match="a conventional circuit needs neurons of two phases"):
            baseline(done, point)
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="until must be above 0 and finite"):
            activity(net, times, until=wrong)
    with pytest.raises(ValueError, match=r"until 1\.0 applies only to single-phase neurons"):
        activity(Network(net.weights, CIRCUIT), times, until=1.0)
    two = Network(net.weights, CIRCUIT).layers[0]
    with pytest.raises(ValueError, match=r"until .* 1 T.* 1\.5"):
        two.supply_charge(times, until=np.full((30, 12), 1.5, np.float32))


@pytest.mark.long  # as are other runs of commands that draw
def test_the_command_prints_the_energy_until_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from cli_runs import rcspike_

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    net = Network.create([64, 8, 10], CIRCUIT, phases="single", seed=0)
    net.save("model.safetensors")
    result = rcspike_("energy", "model.safetensors", "digits")
    assert result.exit_code == 0, result.output
    done = activity(net, datasets.load("digits").test.times)
    joules = mean_energy(energy_parts(done, operating_point(CIRCUIT)))
    assert f"{1e12 * joules:.1f} pJ an inference" in result.output
    assert "mean until the inference ends" in result.output
    assert set(json.loads(Path("energy.json").read_text())["files_sha256"]) == {
        "energy.csv",
        "energy.svg",
        "energy.png",
    }
    Network.create([64, 8, 10], Circuit.conventional(), phases="single", seed=0).save("model.safetensors")
    failed = rcspike_("energy", "model.safetensors", "digits")
    assert "needs rails" in failed.output

"""Membranes of neurons of a single phase until they reach their threshold, and the figures that draw them."""

from __future__ import annotations

import math

import crossing_oracle
import numpy as np
import numpy.typing as npt
import oracle
import pytest
from strategies import Layer

pytest.importorskip("matplotlib")


from rcspike import Circuit, Network, plots
from rcspike.datasets import Split
from rcspike.functional import first_spike, trace
from rcspike.network import FirstSpike

SPAN = 5.0  # of the times below; not a power of two, which would be the engine's own choice

UNEVEN = Circuit(v_syn=2.5, e_minus=-0.7, diode_drop=0.1)


def late_layer(circuit: Circuit, dtype: npt.DTypeLike = np.float64) -> Layer:
    rng = np.random.default_rng(4)
    times = np.where(rng.random((3, 20)) < 0.8, 4 * rng.random((3, 20)), math.inf).astype(dtype)
    return Layer(times, rng.normal(0.12, 0.5, (20, 6)).astype(dtype), circuit)


@pytest.mark.parametrize("circuit", [Circuit.conventional(), Circuit(v_syn=3.0), UNEVEN])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_membrane_charges_until_its_spike(circuit: Circuit, dtype: npt.DTypeLike) -> None:
    layer = late_layer(circuit, dtype)
    at = np.linspace(0, SPAN, 17).astype(dtype)
    v = trace(*layer, at, phases="single")
    assert v.dtype == dtype
    drive, conductance = layer.affine()
    spikes, _ = crossing_oracle.first_spike(layer.times, drive, conductance)
    charging = at <= spikes[:, :, np.newaxis]
    assert charging.any()
    assert not charging.all()
    np.testing.assert_array_equal(np.isnan(v), ~charging)
    exact = oracle.voltage_at(layer.times / SPAN, SPAN * drive, SPAN * conductance, at / SPAN)
    # As many roundings as in a phase of the length SPAN with currents as large; at and times are rounded with it.
    slack = np.broadcast_to(4 * SPAN * layer.rounding()[:, np.newaxis], v.shape)
    assert (np.abs(v - exact)[charging] <= slack[charging]).all()


def test_a_membrane_is_at_the_threshold_when_it_spikes() -> None:
    layer = late_layer(Circuit(v_syn=3.0, delay=0.3))
    spikes = first_spike(*layer)[0]
    crossings = spikes[np.isfinite(spikes)] - 0.3
    v = trace(layer.times[:1], layer.weights, layer.circuit, crossings - 1e-9, phases="single")[0][np.isfinite(spikes)]
    # Slopes are below 10 V_th / T here.
    np.testing.assert_allclose(np.diagonal(v), 1, rtol=0, atol=1e-8)


def test_times_of_a_trace_are_checked() -> None:
    layer = late_layer(Circuit(v_syn=3.0))
    for wrong in (-0.5, math.inf, math.nan):
        with pytest.raises(ValueError, match=r"at\[1\] must be a finite time from 0 on"):
            trace(*layer, np.array([0.5, wrong]), phases="single")
    assert trace(*layer, np.array([]), phases="single").shape == (3, 6, 0)


def network() -> Network:
    return Network.create([42, 20, 4], Circuit(v_syn=3.0), phases="single", seed=0)


def split() -> Split:
    rng = np.random.default_rng(5)
    return Split(rng.random((2, 6, 7)) * (rng.random((2, 6, 7)) < 0.6), np.array([1, 3]))


def test_the_traces_of_a_network_end_at_its_spikes() -> None:
    times = split().times[:1]
    for layer, result in zip(plots.layer_traces(network(), times), network().walk(times), strict=True):
        np.testing.assert_array_equal(layer.layer_t_out, result.t_out[0])
        np.testing.assert_array_equal(layer.t_out, result.t_out[0, layer.neurons])
        assert layer.t[-1] >= 2
        for v, spike in zip(layer.v, layer.t_out, strict=True):
            charging = ~np.isnan(v)
            assert layer.t[charging].max() == min(np.float64(spike), layer.t[-1])
            if spike < layer.t[-1]:
                assert v[charging][-1] == pytest.approx(1, abs=1e-5)
    answer = plots.layer_traces(network(), times)[-1].answer
    assert answer == str(network().predict(times)[0])
    joined = Network.create([42, 4], Circuit(v_syn=3.0), phases="single", seed=0, wiring=[FirstSpike(2)])
    assert plots.layer_traces(joined, times)[0].v.shape[0] == 4


def test_a_figure_of_membranes_ends_lines_at_the_threshold() -> None:
    figure = plots.trace_figure(network(), split(), sample=1)
    assert len(figure.axes) == 6
    *_, outputs = figure.axes
    lines = [line for line in outputs.lines if len(line.get_xdata()) > 2]
    assert len(lines) == 4
    for line in lines:
        assert np.nanmax(line.get_ydata()) <= 1 + 1e-5
    assert "spikes first" in figure.texts[-1].get_text()


def test_a_network_without_an_answer_is_drawn() -> None:
    silent = Network([np.full((42, 2), -1e-3)], Circuit(v_syn=3.0), phases="single")
    layer = plots.layer_traces(silent, split().times[:1])[0]
    assert layer.answer == "none"
    assert not np.isnan(layer.v).any()

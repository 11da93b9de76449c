"""What is put right on a chip after programming."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rcspike import Circuit, Network
from rcspike.hardware import Chip, program
from rcspike.hardware.calibration import _gradient, retrain_last_layer, trim_neurons
from rcspike.nonideal import (
    CapacitorMismatch,
    ChipLayer,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    MembraneLeak,
    OffLeakage,
    RampMismatch,
    Stuck,
    Variation,
)


def network_of(seed: int = 0, circuit: Circuit | None = None) -> Network:
    return Network.create([30, 20, 5], circuit or Circuit(v_syn=2.0), seed=seed, dtype=np.float64)


def times_of(batch: int = 300) -> npt.NDArray[np.float64]:
    t = np.random.default_rng(2).random((batch, 30))
    return np.where(t < 0.8, t, np.inf)


def lively() -> Network:
    """All of whose neurons spike for most inputs."""
    rng = np.random.default_rng(0)
    return Network([rng.normal(0.06, 0.06, size=(30, 20)), rng.normal(0.1, 0.2, size=(20, 5))], Circuit(v_syn=2.0))


def test_trims_undo_all_that_is_an_offset_or_a_gain() -> None:
    """Rounding: two offsets and a gain, from sums over 300 samples."""
    network, times = lively(), times_of()
    chip = program(network, [ComparatorOffset(sigma=0.05), RampMismatch(sigma=0.1)], seed=1)
    ideal = network.forward(times)
    assert np.abs(chip.forward(times) - ideal).max() > 0.1
    np.testing.assert_allclose(trim_neurons(chip, network, times).forward(times), ideal, atol=1e-11)


def test_trims_help_against_other_capacitors() -> None:
    network, times = lively(), times_of()
    chip = program(network, [CapacitorMismatch(sigma=0.1)], seed=1)
    before, after = (
        np.abs(c.forward(times) - network.forward(times)).mean() for c in (chip, trim_neurons(chip, network, times))
    )
    assert after < before / 5


def test_neurons_that_never_spike_keep_their_trims() -> None:
    network = Network([np.array([[-1.0, 1.0]])], Circuit())
    chip = program(network, [RampMismatch(sigma=0.1)], seed=1)
    trimmed = trim_neurons(chip, network, np.linspace(0, 0.9, 50)[:, None])
    assert trimmed.layers[0].ramp_current[0] == chip.layers[0].ramp_current[0]
    assert trimmed.layers[0].ramp_current[1] == pytest.approx(1.0, abs=1e-12)


def loss(layer: ChipLayer, times: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], temperature: float) -> float:
    """Cross-entropy over the voltages that a chip of this layer alone is read by."""
    v = Chip(layers=(layer,), seed=0).forward(times) / temperature
    return float(np.mean(np.log(np.exp(v).sum(axis=1)) - v[np.arange(len(labels)), labels]))


def test_the_gradient_of_the_last_layer_agrees_with_central_differences() -> None:
    """Truncation of the third order, h^2 = 1e-10, over a temperature of 0.3 cubed, and rounding, 1e-16 / h = 1e-11."""
    network = Network.create([8, 4], Circuit(v_syn=2.0, diode_drop=0.2), seed=0, dtype=np.float64)
    effects: list[Any] = [Variation(sigma=0.2), DiodeVariation(sigma=0.05), OffLeakage(share=0.1)]
    effects += [MembraneLeak(conductance=0.2), CapacitorMismatch(sigma=0.1), RampMismatch(sigma=0.1)]
    (layer,) = program(network, [*effects, ComparatorOffset(sigma=0.1)], seed=0, devices=Devices(on_off=20.0)).layers
    times, labels = times_of(6)[:, :8].copy(), np.arange(6) % 4
    grad, h = _gradient(layer, times, labels, 0.3), 1e-5
    for which, name in enumerate(("plus", "minus")):
        for j, i in np.ndindex(layer.plus.shape):
            moved = []
            for step in (h, -h):
                devices = getattr(layer, name).copy()
                devices[j, i] += step
                moved.append(loss(replace(layer, **{name: devices}), times, labels, 0.3))
            assert grad[which, j, i] == pytest.approx((moved[0] - moved[1]) / (2 * h), abs=1e-8)


def test_the_last_layer_learns_to_live_with_a_broken_chip() -> None:
    network, times = network_of(), times_of()
    labels = network.predict(times)
    devices = Devices(on_off=100.0)
    chip = program(network, [Stuck(share=0.2, on=0.1)], seed=1, devices=devices)
    taught = retrain_last_layer(chip, times, labels, seed=0, epochs=20, batch_size=20, learning_rate=0.02)
    before, after = (np.mean(c.predict(times) == labels) for c in (chip, taught))
    assert after > before + 0.2
    for device in (taught.layers[-1].plus, taught.layers[-1].minus):
        assert chip.layers[-1].g_min <= device.min()
        assert device.max() <= chip.layers[-1].g_max
    assert taught.layers[0] is chip.layers[0]
    again = retrain_last_layer(chip, times, labels, seed=0, epochs=20, batch_size=20, learning_rate=0.02)
    np.testing.assert_array_equal(again.forward(times), taught.forward(times))


def test_labels_that_do_not_fit_are_refused() -> None:
    chip, times = program(network_of(), seed=0), times_of(4)
    with pytest.raises(ValueError, match=r"labels must have shape \(4,\) to match times, got \(3,\)"):
        retrain_last_layer(chip, times, np.zeros(3, dtype=np.int64), seed=0)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 5\), got 0 to 7"):
        retrain_last_layer(chip, times, np.array([0, 1, 2, 7]), seed=0)

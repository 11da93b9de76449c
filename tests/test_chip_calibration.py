"""Corrections of a chip after programming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rcspike import Circuit, Network
from rcspike.chips import (
    CapacitorMismatch,
    Chip,
    ChipLayer,
    ComparatorOffset,
    Devices,
    DiodeVariation,
    MembraneLeak,
    OffLeakage,
    RampMismatch,
    Stuck,
    Variation,
    program,
    retrain_last_layer,
    trim_neurons,
)

Float = npt.NDArray[np.float64]


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


@pytest.mark.parametrize("text", ["conv3-pool-4", "conv3-first-4", "conv1k1p0-4", "conv4k2p0-pool-conv4k2p0"])
def test_trims_of_a_convolution_are_those_of_its_columns(text: str) -> None:
    """Rounding as above, from sums over the positions as well."""
    network = Network.create(text, Circuit(v_syn=2.0), seed=0, input_shape=(5, 6), dtype=np.float64)
    network.weights = [np.abs(w) for w in network.weights]  # so that all neurons spike
    chip = program(network, [ComparatorOffset(sigma=0.02), RampMismatch(sigma=0.1)], seed=1)
    times = times_of()
    ideal = network.forward(times)
    assert np.abs(chip.forward(times) - ideal).max() > 0.02
    trimmed = trim_neurons(chip, network, times)
    assert [one.offset.shape for one in trimmed.layers] == [one.offset.shape for one in chip.layers]
    np.testing.assert_allclose(trimmed.forward(times), ideal, atol=1e-11)


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


def test_the_last_layer_cannot_be_retrained_if_it_is_a_convolution() -> None:
    network = Network.create("conv5k5s5p2", Circuit(v_syn=2.0), seed=0, input_shape=(5, 6), dtype=np.float64)
    labels = np.zeros(300, dtype=np.int64)
    with pytest.raises(ValueError, match="retraining the last layer is for dense layers, and that of this chip is a"):
        retrain_last_layer(program(network, seed=0), times_of(), labels, seed=0)


def imperfect_layer() -> ChipLayer:
    """One of whose errors each appears in the gradient, far from the ends of the range of its devices."""
    network = Network.create([8, 4], Circuit(v_syn=2.0, diode_drop=0.2), seed=0, dtype=np.float64)
    effects: list[Any] = [Variation(sigma=0.2), DiodeVariation(sigma=0.05), OffLeakage(share=0.1)]
    effects += [MembraneLeak(conductance=0.2), CapacitorMismatch(sigma=0.1), RampMismatch(sigma=0.1)]
    (layer,) = program(network, [*effects, ComparatorOffset(sigma=0.1)], seed=0, devices=Devices(on_off=20.0)).layers
    return replace(layer, plus=(layer.g_min + layer.g_max + layer.plus) / 3, minus=(layer.g_max + layer.minus) / 3)


def chip_of(layer: ChipLayer) -> Chip:
    return Chip(layers=(layer,), seed=0)


def slopes(layer: ChipLayer, loss: Callable[[Float], float], times: Float, h: float = 1e-5) -> Float:
    """Central differences of a loss over a chip's voltages, for each device of each pair (2, n_in, n_out)."""
    found = np.empty((2, *layer.plus.shape))
    for which, name in enumerate(("plus", "minus")):
        for j, i in np.ndindex(layer.plus.shape):
            moved = []
            for step in (h, -h):
                devices = getattr(layer, name).copy()
                devices[j, i] += step
                moved.append(loss(chip_of(replace(layer, **{name: devices})).forward(times)))
            found[which, j, i] = (moved[0] - moved[1]) / (2 * h)
    return found


def test_the_first_step_has_the_size_of_the_slopes() -> None:
    """At a temperature so high that Adam's epsilon, 1e-8, counts: g / (|g| + eps) of the learning rate.

    There the loss is linear in the voltages, the mean over the classes minus that of the label, over the temperature.
    """
    layer, times, labels, tau = imperfect_layer(), times_of(6)[:, :8].copy(), np.arange(6) % 4, 1e7
    g = slopes(layer, lambda v: float(np.mean(v.mean(axis=1) - v[np.arange(6), labels])), times) / tau
    assert np.median(np.abs(g)) > 1e-10
    rate = 1e-3
    (after,) = retrain_last_layer(
        chip_of(layer), times, labels, seed=0, epochs=1, batch_size=6, learning_rate=rate, temperature=tau
    ).layers
    moved = (np.stack([layer.plus, layer.minus]) - np.stack([after.plus, after.minus])) / (rate * layer.g_max)
    # Differences of voltages of order 1 are off by their rounding, 1e-16 / h = 1e-11, over tau; softmax by 1 / tau.
    np.testing.assert_allclose(moved, g / (np.abs(g) + 1e-8), rtol=0, atol=1e-6)


def test_the_last_layer_is_retrained_by_adam_on_the_slopes_of_the_loss() -> None:
    layer, times, labels, tau = imperfect_layer(), times_of(6)[:, :8].copy(), np.arange(6) % 4, 0.3

    def loss(v: Float) -> float:
        return float(np.mean(np.log(np.exp(v / tau).sum(axis=1)) - v[np.arange(6), labels] / tau))

    epochs, rate = 5, 0.02
    (after,) = retrain_last_layer(
        chip_of(layer), times, labels, seed=0, epochs=epochs, batch_size=6, learning_rate=rate, temperature=tau
    ).layers
    devices, expected = np.stack([layer.plus, layer.minus]), layer
    first, second, least = np.zeros_like(devices), np.zeros_like(devices), np.full_like(devices, np.inf)
    for step in range(epochs):
        g = slopes(expected, loss, times)
        first, second, least = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2, np.minimum(least, np.abs(g))
        direction = first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)
        devices = np.clip(devices - rate * layer.g_max * (1 - step / epochs) * direction, layer.g_min, layer.g_max)
        expected = replace(layer, plus=devices[0], minus=devices[1])
    # Truncation of the third order, h^2 = 1e-10, over the temperature cubed: 1e-8 of a slope, which matters in its
    # quotient where the slope itself is small.
    steep = least > 1e-3
    assert steep.mean() > 0.5
    np.testing.assert_allclose(np.stack([after.plus, after.minus])[steep], devices[steep], rtol=0, atol=1e-4 * rate)


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


def test_labels_that_do_not_fit_are_rejected() -> None:
    chip, times = program(network_of(), seed=0), times_of(4)
    with pytest.raises(ValueError, match=r"labels.*got \(3,\)"):
        retrain_last_layer(chip, times, np.zeros(3, dtype=np.int64), seed=0)
    with pytest.raises(ValueError, match=r"labels.*got 0 to 7"):
        retrain_last_layer(chip, times, np.array([0, 1, 2, 7]), seed=0)

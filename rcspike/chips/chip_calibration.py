"""Calibration of a chip after programming: trims of its neurons, and fine-tuning of its last layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray, plain_array
from rcspike.chips.chip import Chip
from rcspike.chips.chip_layer import ChipLayer
from rcspike.functional import adam_step, charge_affine, charge_affine_vjp, decayed_rate, output_loss
from rcspike.functional.rail_coupling import rail_couplings
from rcspike.network import Conv2d, Network
from rcspike.neurons import two_phase_only

_MIN_SAMPLES = 20  # in which a neuron has to spike for its trim to be fitted


def trim_neurons(chip: Chip, network: Network, times: FloatArray, *, seed: int | None = None) -> Chip:
    """Trim ramp current and threshold of each neuron until it fires, on average, when it should.

    Layer after layer, each neuron's two trims are fitted by least squares to the voltages that the ideal network has
    for the same images, over those in which the neuron spikes. Neurons that hardly ever spike keep their trims. On a
    nonlinear ramp the fit assumes a linear one. In a convolution, a neuron has one pair of trims for all positions.

    Parameters
    ----------
    network : Network
        That the chip was programmed with.
    times : (batch, n_in)
        Spike times in T of some hundred images that nothing is tested on.
    seed : int, optional
        Seed of the temporal noise; required if the chip has temporal noise.

    Returns
    -------
    Chip
        The same devices behind trimmed neurons.

    Examples
    --------
    >>> from rcspike.chips.chip import program
    >>> from rcspike.chips import RampMismatch
    >>> network = Network([np.array([[0.9]])], Circuit())
    >>> times = np.linspace(0, 0.9, 100)[:, None]
    >>> chip = program(network, [RampMismatch(sigma=0.1)], seed=0)
    >>> trimmed = trim_neurons(chip, network, times)
    >>> bool(np.abs(trimmed.forward(times) - network.forward(times)).max() < 1e-12)
    True
    """
    layers: list[ChipLayer] = []
    trimmed: ChipLayer | None = None
    walk = chip.walk(times, seed=seed)
    for ideal in network.walk(times):
        result = walk.send(trimmed)  # of the layer before, whose spikes are this one's input
        assert isinstance(result.layer, ChipLayer)
        n_columns = result.layer.plus.shape[1]  # each with a neuron, which all positions of a convolution share
        gain, shift = _fit(*(v.reshape(-1, n_columns).astype(np.float64) for v in (result.outputs, ideal.v)))
        layers.append(_trimmed(chip.layers[ideal.depth], gain, shift))
        trimmed = _trimmed(result.layer, gain, shift)  # with the devices as they are read in this pass
    return replace(chip, layers=tuple(layers))


def _fit(v: Float64Array, ideal: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Gain and shift of each column that take its voltages (n, n_columns) closest to the ideal ones where it spikes."""
    spikes = v > 0
    n = spikes.sum(axis=0)
    mean, ideal_mean = ((spikes * x).sum(axis=0) / np.maximum(n, 1) for x in (v, ideal))
    apart = spikes * (v - mean)
    variance = (apart**2).sum(axis=0)
    fitted = (n >= _MIN_SAMPLES) & (variance > 0)
    gain = np.where(fitted, (apart * (ideal - ideal_mean)).sum(axis=0) / np.where(fitted, variance, 1), 1)
    gain = np.clip(gain, 0.2, 5)
    return gain, np.where(fitted, ideal_mean - gain * mean, 0)


def _trimmed(layer: ChipLayer, gain: Float64Array, shift: Float64Array) -> ChipLayer:
    """The layer whose neurons spike as those of voltages gain v + shift.

    On the scale of ideal neurons, v = 1 - (1 + offset - u) / slope for a charged voltage u.
    """
    slope = layer.ramp_current / layer.capacitance
    return replace(
        layer,
        ramp_current=layer.ramp_current / gain,
        offset=layer.offset + (1 - gain - shift) * slope / gain,
    )


def retrain_last_layer(
    chip: Chip,
    times: FloatArray,
    labels: npt.NDArray[np.int64],
    *,
    seed: int,
    epochs: int = 5,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    temperature: float = 0.07,
) -> Chip:
    """Adapt the devices of the last layer to all errors of a chip, by gradients through its own devices.

    Cross-entropy over the output spike times as in `rcspike.train`, exact gradients, and Adam on both conductances of
    each pair, which stay within their range. Devices that are stuck are moved like the others. A ValueError if the
    neurons have a single phase, the last layer is a convolution, or the labels do not fit.

    Parameters
    ----------
    chip : Chip
        With two-phase neurons, and a last layer that is not a convolution.
    times : (batch, n_in)
        Spike times in T of training images.
    labels : (batch,)
        Their classes.
    seed : int
        Seed of the order of the samples and of the temporal noise.
    learning_rate : float
        Learning rate of the first step, as a fraction of g_max; it falls linearly to zero.
    temperature : float
        tau in T.

    Returns
    -------
    Chip
        The same chip with other devices in its last layer.

    Examples
    --------
    >>> from rcspike.chips.chip import program
    >>> from rcspike.chips import Stuck
    >>> network = Network([np.eye(2)[::-1].copy()], Circuit())  # reversed
    >>> times, labels = np.array([[0.0, np.inf], [np.inf, 0.0]]), np.array([0, 1])
    >>> chip = retrain_last_layer(program(network, seed=0), times, labels, seed=0, epochs=100, learning_rate=0.05)
    >>> chip.predict(times)
    array([0, 1])
    """
    two_phase_only(chip, "retraining the last layer")
    if isinstance(chip.layers[-1].wiring, Conv2d):
        raise ValueError("retraining the last layer is for dense layers, and that of this chip is a convolution")
    if chip.layers[-1].circuit.loads_membranes:
        raise ValueError("retraining the last layer is not modelled where its rows load the membrane")
    labels = plain_array("labels", labels)
    if len(labels) != len(times):
        raise ValueError(f"labels must have shape ({len(times)},) to match times, got {labels.shape}")
    if labels.min() < 0 or labels.max() >= chip.sizes[-1]:
        raise ValueError(f"labels must be in [0, {chip.sizes[-1]}), got {labels.min()} to {labels.max()}")
    rng = np.random.default_rng(seed)
    hidden = _last_inputs(chip, times, seed)
    layer = chip.layers[-1]
    devices = np.stack([layer.plus, layer.minus])
    first, second = np.zeros_like(devices), np.zeros_like(devices)
    n_batches = -(-len(hidden) // batch_size)
    for epoch in range(epochs):
        order = rng.permutation(len(hidden))
        for batch in range(n_batches):
            picked = order[batch * batch_size : (batch + 1) * batch_size]
            step = epoch * n_batches + batch
            grad = _gradient(layer, hidden[picked], labels[picked], temperature)
            rate = decayed_rate(learning_rate * layer.g_max, step, epochs * n_batches, "linear")
            adam_step(devices, grad, first, second, step=step + 1, learning_rate=rate)
            devices = np.clip(devices, layer.g_min, layer.g_max)
            layer = replace(layer, plus=devices[0], minus=devices[1])
    return replace(chip, layers=(*chip.layers[:-1], layer))


def _last_inputs(chip: Chip, times: FloatArray, seed: int) -> FloatArray:
    """Times (batch, n_rows), in float64, at which the rows of a chip's last layer start to conduct."""
    for result in chip.walk(times, seed=seed):
        last = result
    return last.layer.wiring.rows(last.times).astype(np.float64)


def _gradient(
    layer: ChipLayer, times: FloatArray, labels: npt.NDArray[np.int64], temperature: float
) -> npt.NDArray[np.float64]:
    """Of the mean cross-entropy with respect to the two devices of each pair, (2, n_in, n_out)."""
    D, G = (np.ascontiguousarray(x / layer.capacitance) for x in layer.affine())
    off, leak = layer.off_share, layer.leak / layer.capacitance
    on = (1 - off) * D, (1 - off) * G
    rows = {"drive0": off * D.sum(axis=0), "conductance0": off * G.sum(axis=0) + leak}
    rest, unit = layer.ideal_scale()
    v = rest + unit * charge_affine(times, *on, **rows)
    _, grad_v = output_loss(v, labels.astype(np.int64), layer.circuit, temperature=temperature)
    grad_v = grad_v * unit / len(labels)
    _, grad_D, grad_G, grad_D0, grad_G0 = charge_affine_vjp(times, *on, grad_v, **rows)
    grad_D = ((1 - off) * grad_D + off * grad_D0) / layer.capacitance
    grad_G = ((1 - off) * grad_G + off * grad_G0) / layer.capacitance
    (_, over_plus), (_, over_minus) = rail_couplings(layer.circuit)
    return np.stack(
        [
            grad_D * (1 - layer.drop_plus * over_plus) + grad_G * over_plus,
            -grad_D * (1 - layer.drop_minus * over_minus) + grad_G * over_minus,
        ]
    )

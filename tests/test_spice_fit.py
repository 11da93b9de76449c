"""Circuits fitted to measurements: known parameters are recovered, undetermined ones are an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oracle
import pytest

pytest.importorskip("scipy")

from rcspike import Circuit, Network, PhysicalScale, functional, spice
from rcspike.network import ResistiveLayer
from rcspike.spice import Measurements

Array = npt.NDArray[np.float64]

DESIGNED, SCALE = Circuit(v_syn=2.0), PhysicalScale()
TRUE = {"e_plus": 1.8, "e_minus": -2.15, "diode_drop": 0.1, "ramp": 0.15, "capacitance": 147e-15}
SWITCHES = {"delay": 0.03, "injection_plus": 2e-3, "injection_minus": -3e-3}
N_IMAGES, N_IN, N_OUT = 6, 30, 8


def weights() -> Array:
    return np.random.default_rng(12).normal(0.1, 0.25, size=(N_IN, N_OUT))


def resistors() -> tuple[Array, Array, Array]:
    """Input spike times of some images, and the conductances of a layer."""
    rng = np.random.default_rng(11)
    times = np.where(rng.random((N_IMAGES, N_IN)) < 0.7, rng.random((N_IMAGES, N_IN)), np.inf)
    return times, *spice.layer_conductances(ResistiveLayer(weights(), DESIGNED), SCALE)


def circuit_of(values: dict[str, float]) -> tuple[Circuit, PhysicalScale]:
    known: dict[str, Any] = {"e_plus": 2.0, "e_minus": -2.0, "capacitance": SCALE.capacitance, **values}
    known = {name: x for name, x in known.items() if name not in SWITCHES}
    return Circuit(**{k: v for k, v in known.items() if k != "capacitance"}), PhysicalScale(
        capacitance=known["capacitance"]
    )


def voltages(values: dict[str, float], end: float = 1.0) -> Array:
    """(image, neuron) at the time `end` in T, by the oracle."""
    circuit, scale = circuit_of(values)
    times, g_plus, g_minus = resistors()
    p, m = g_plus / scale.siemens(1.0), g_minus / scale.siemens(1.0)
    D = p * (circuit.e_plus - circuit.diode_drop) + m * (circuit.e_minus + circuit.diode_drop)
    return np.array(oracle.charge(times / end, end * D, end * (p + m)))


def spike_table(values: dict[str, float]) -> Measurements:
    times, g_plus, g_minus = resistors()
    opening = (times <= 1).astype(float)
    opened = [
        values.get(f"injection_{rail}", 0.0) * opening @ (g > 0) for rail, g in (("plus", g_plus), ("minus", g_minus))
    ]
    v = voltages(values) + opened[0] + opened[1]
    t = oracle.fire(v, values.get("ramp", 0.0)) + values.get("delay", 0.0)
    image, neuron = np.divmod(np.arange(t.size), N_OUT)
    return Measurements(image, neuron, t.ravel() * SCALE.window)


def with_jitter(table: Measurements, seed: int) -> Measurements:
    jitter = 2e-3 * SCALE.window * np.random.default_rng(seed).normal(size=len(table.time))
    return Measurements(table.image, table.neuron, np.maximum(table.time + jitter, 0.0))


def wave_table(values: dict[str, float]) -> Measurements:
    ends = np.array([0.3, 0.6, 1.0])
    v = np.stack([voltages(values, end) for end in ends], axis=-1)
    image, neuron, at = np.unravel_index(np.arange(v.size), v.shape)
    return Measurements(image, neuron, ends[at] * SCALE.window, v.ravel() * SCALE.v_th)


def fitted(measurements: Measurements, parameters: list[str], confidence: float = 0.95) -> spice.Fit:
    times, g_plus, g_minus = resistors()
    return spice.fit(
        measurements, times, g_plus, g_minus, DESIGNED, SCALE, parameters=parameters, confidence=confidence
    )


CHOICES = [
    ["e_plus", "e_minus", "ramp", "capacitance"],
    ["e_plus", "e_minus", "capacitance"],
    ["diode_drop", "ramp", "capacitance"],
    ["e_minus"],
    ["e_plus", "e_minus", "capacitance", *SWITCHES],
]


@pytest.mark.parametrize("parameters", CHOICES, ids="-".join)
def test_exact_spike_times_give_the_parameters_back(parameters: list[str]) -> None:
    true = {name: {**TRUE, **SWITCHES}[name] for name in parameters}
    result = fitted(spike_table(true), parameters)
    # Rounding of times 1e-16, times the condition of the problem, which is below 1e7 for independent parameters.
    np.testing.assert_allclose(result.values, list(true.values()), rtol=1e-7)
    assert result.rmse < 1e-10 < result.rmse_before
    circuit, scale = circuit_of(true)
    if set(SWITCHES) <= set(parameters):
        expected = pytest.approx([true[name] for name in SWITCHES], rel=1e-6)
        assert [result.circuit.delay, *result.circuit.injection] == expected
    for name in set(parameters) - set(SWITCHES):
        got = result.scale.capacitance if name == "capacitance" else getattr(result.circuit, name)
        assert got == pytest.approx(
            scale.capacitance if name == "capacitance" else getattr(circuit, name), rel=1e-7, abs=0
        )


def test_exact_waveforms_give_the_parameters_back() -> None:
    parameters = ["e_plus", "e_minus", "capacitance"]
    true = {name: TRUE[name] for name in parameters}
    np.testing.assert_allclose(fitted(wave_table(true), parameters).values, list(true.values()), rtol=1e-7)


def test_the_limits_hold_the_truth_as_often_as_they_say() -> None:
    true = {name: TRUE[name] for name in ("e_plus", "e_minus", "ramp", "capacitance")}
    exact, values = spike_table(true), np.array(list(true.values()))
    results = [fitted(with_jitter(exact, seed), list(true), confidence=0.8) for seed in range(60)]
    held = np.mean([(r.lower <= values) & (values <= r.upper) for r in results], axis=0)
    # Binomial: 60 trials at 0.8 have a standard deviation of 0.052; four of them.
    np.testing.assert_allclose(held, 0.8, atol=0.21)
    # The standard errors are the scatter: that of 60 values is known to 1 / sqrt(2 * 59) = 9 %; four of these.
    scatter = np.std([r.values for r in results], axis=0, ddof=1)
    np.testing.assert_allclose(np.mean([r.standard_errors for r in results], axis=0), scatter, rtol=0.37)


def test_the_standard_errors_come_from_the_true_derivatives() -> None:
    true = {name: TRUE[name] for name in ("e_plus", "e_minus", "ramp", "capacitance")} | SWITCHES
    table = with_jitter(spike_table(true), 0)
    result = fitted(table, list(true))
    found = dict(zip(true, result.values.tolist(), strict=True))

    def times(values: dict[str, float]) -> Array:
        return np.minimum(spike_table(values).time / SCALE.window, 1.0)

    t = table.time / SCALE.window
    within = (t > 0) & (t < 1)
    columns = []
    for name, value in found.items():
        step = 1e-6 * abs(value)
        above, below = (times({**found, name: value + sign * step}) for sign in (1, -1))
        columns.append((above - below)[within] / (2 * step))
    jacobian = np.stack(columns, axis=1)
    residuals = (times(found) - t)[within]
    variance = np.sum(residuals**2) / (len(residuals) - len(true))
    scaled = jacobian * list(found.values())
    expected = np.sqrt(variance * np.diag(np.linalg.inv(scaled.T @ scaled))) * np.abs(list(found.values()))
    # Central differences are off by step squared, 1e-12, and by rounding over the step, 1e-10, times the condition.
    np.testing.assert_allclose(result.standard_errors, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (["e_plus", "e_minus", "diode_drop"], "do not determine e_plus, e_minus, diode_drop"),
        (["e_plus", "voltage"], "parameters must be some of e_plus"),
        (["ramp", "ramp"], "each once"),
        ([], "parameters must be some of"),
    ],
)
def test_parameters_that_cannot_be_fitted_are_rejected(parameters: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(spike_table({}), parameters)


@pytest.mark.parametrize("name", ["ramp", *SWITCHES])
def test_waveforms_of_the_charging_phase_say_nothing_of_what_comes_after_it(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has no effect on these measurements"):
        fitted(wave_table({}), ["e_plus", name])


def test_a_slow_ramp_is_the_same_circuit_with_a_lower_threshold() -> None:
    # Column and ramp are slower by 1.1: t = 1.1 (1 - v) with 1.1 times the capacitance in v.
    table = spike_table({"capacitance": 1.1 * SCALE.capacitance})
    # Spikes before 0.1 T are above the lower threshold of the other units, where the model has one at the delay.
    late = 1.1 * np.where(table.time < 0.1 * SCALE.window, np.inf, table.time)
    slow = Measurements(table.image, table.neuron, late)
    result = fitted(slow, ["e_plus", "e_minus", "capacitance", "delay"])
    np.testing.assert_allclose(result.values, [2.2, -2.2, 1.1 * SCALE.capacitance, 0.1], rtol=1e-6)


def test_silent_neurons_say_nothing() -> None:
    table = spike_table({})
    silent = Measurements(table.image, table.neuron, np.full(len(table.time), np.inf))
    with pytest.raises(ValueError, match="0 measurements within the phase are too few"):
        fitted(silent, ["e_plus"])


def test_measurements_of_neurons_that_are_not_there_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"neuron.*got 8"):
        fitted(Measurements(np.zeros(3, dtype=int), np.full(3, 8), np.full(3, 1e-7)), ["e_plus"])


def test_a_calibrated_network_does_what_the_fitted_circuit_does() -> None:
    true = {name: TRUE[name] for name in ("e_plus", "e_minus", "ramp", "capacitance")}
    result = fitted(spike_table(true), list(true))
    times, _, _ = resistors()
    twin = spice.calibrated(Network([weights()], DESIGNED), result.circuit, result.scale, designed=SCALE)
    np.testing.assert_allclose(functional.charge(times, twin.weights[0], twin.circuit), voltages(true), rtol=1e-6)
    assert twin.circuit.ramp == pytest.approx(0.15)


# Tables


def test_tables_come_back_as_they_were_written(tmp_path: Path) -> None:
    for name, table in (("spikes", spike_table({})), ("waves", wave_table({}))):
        spice.write_csv(table, tmp_path / f"{name}.csv")
        again = spice.read_csv(tmp_path / f"{name}.csv")
        for column in ("image", "neuron", "time", "voltage"):
            np.testing.assert_array_equal(getattr(again, column), getattr(table, column))


@pytest.mark.parametrize("image", [2**53 + 1, 2**63 - 1])
def test_numbers_of_images_are_kept_to_the_last_digit(tmp_path: Path, image: int) -> None:
    spike = spice.Measurements(np.array([image]), np.array([7], dtype=np.uint8), np.array([1e-7]))
    spice.write_csv(spike, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().splitlines()[1].startswith(f"{image},7,")
    again = spice.read_csv(tmp_path / "table.csv")
    assert (again.image.tolist(), again.neuron.tolist()) == ([image], [7])


@pytest.mark.parametrize("image", [np.array([-1]), np.array([2**63], dtype=np.uint64), np.array([0.0])])
def test_numbers_of_images_are_integers_that_are_not_negative(image: Any) -> None:
    with pytest.raises(ValueError, match=r"image must hold integers from 0 to 2\*\*63 - 1"):
        spice.Measurements(image, np.array([0]), np.array([1e-7]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"image,neuron,spike_time\n{2**63},0,1e-7\n", r"line 2: image.*got 92233720"),
        ("image,neuron,spike_time\n0,-1,1e-7\n", r"line 2: neuron.*got -1"),
        ("image,neuron,spike_time\n0.5,0,1e-7\n", "line 2: invalid literal"),
        ("image,neuron\n0,0\n", "must have columns image,neuron,spike_time or image,neuron,time,voltage"),
        ("", "got nothing"),
        ("image,neuron,spike_time\n", "no rows below its header"),
        ("image,neuron,spike_time\n0,0,1e-7\n0,one,2e-7\n", "line 3: invalid literal"),
        ("image,neuron,spike_time\n0,0\n", "line 2"),
        ("image,neuron,spike_time\n0,0,-1e-7\n", "times.*got -1e-07"),
        ("image,neuron,time,voltage\n0,0,1e-7,nan\n", "voltages.*got nan"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        spice.read_csv(tmp_path / "table.csv")

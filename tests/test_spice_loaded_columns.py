"""Columns whose rows load the membrane while they do not conduct, compared with an integrated differential equation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("scipy")

from scipy.integrate import solve_ivp

from rcspike import Circuit, PhysicalScale, RowLoad, functional, spice
from rcspike.network import ResistiveLayer
from rcspike.spice import Measurements, column_voltages

Array = npt.NDArray[np.float64]

SCALE = PhysicalScale(capacitance=1e-12, v_th=0.45)
JUNCTION = (5e-15, 8e-15)  # 20 times those of SKY130, for 12 rows in place of 240
REAL = Circuit(e_plus=1.1, e_minus=-0.9, injection=(2e-3, -3e-3), delay=0.02)


def columns(n_images: int = 3, n_out: int = 4) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(21)
    times = np.where(rng.random((n_images, 12)) < 0.8, rng.random((n_images, 12)), np.inf)
    times[0, :2] = 0.25  # at the same time
    layer = ResistiveLayer(rng.normal(0.15, 0.4, size=(12, n_out)), Circuit(v_syn=1.0))
    return times, *spice.layer_conductances(layer, SCALE)


def integrated(times: Array, g_plus: Array, g_minus: Array, circuit: Circuit) -> Array:
    """Voltages (batch, n_out) in V_th, by steps between the spikes in volts, amperes and seconds."""
    found = np.empty((len(times), g_plus.shape[1]))
    for k, i in np.ndindex(found.shape):
        v, at = 0.0, np.unique(np.concatenate([[0.0], times[k][times[k] < 1], [1.0]]))
        for start, end in pairwise(at):
            on = times[k] <= start
            p, m = g_plus[on, i], g_minus[on, i]
            c = SCALE.capacitance - JUNCTION[0] * np.count_nonzero(p) - JUNCTION[1] * np.count_nonzero(m)
            rails = SCALE.volts(circuit.e_plus), SCALE.volts(circuit.e_minus)
            current = lambda t, v: (p.sum() * (rails[0] - v) + m.sum() * (rails[1] - v)) / c  # noqa: B023, E731
            span = (start * SCALE.window, end * SCALE.window)
            v = solve_ivp(current, span, [v], rtol=1e-10, atol=1e-13).y[0, -1]
        v *= c / SCALE.capacitance  # the charge spreads over all junctions
        opened = circuit.injections[0][0] * np.count_nonzero(p) + circuit.injections[0][1] * np.count_nonzero(m)
        found[k, i] = v / SCALE.v_th + opened
    return found


def test_voltages_are_those_of_the_differential_equation() -> None:
    times, *g = columns()
    found = column_voltages(times, g[0], g[1], REAL, SCALE, junction=JUNCTION)
    np.testing.assert_allclose(found, integrated(times, g[0], g[1], REAL), atol=1e-8)
    assert np.max(np.abs(found - column_voltages(times, g[0], g[1], REAL, SCALE, junction=(0.0, 0.0)))) > 1e-3


def test_without_junctions_columns_are_those_of_the_engine() -> None:
    times, *g = columns()
    w = (g[0] * REAL.e_plus + g[1] * REAL.e_minus) / SCALE.siemens(1.0)
    v = functional.charge(times, w, REAL)
    np.testing.assert_allclose(column_voltages(times, g[0], g[1], REAL, SCALE, junction=(0.0, 0.0)), v, atol=1e-12)


def test_a_sample_without_spikes_stays_at_rest() -> None:
    _, *g = columns()
    assert not column_voltages(np.full((1, 12), np.inf), g[0], g[1], REAL, SCALE, junction=JUNCTION).any()


def test_a_fit_that_knows_the_junctions_gives_the_circuit_back() -> None:
    times, *g = columns(8, 6)
    v = integrated(times, g[0], g[1], REAL)
    t = np.where(v > 0, np.maximum(1 - v, 0), np.inf) + REAL.delay
    image, neuron = np.divmod(np.arange(t.size), t.shape[1])
    measured = Measurements(image, neuron, SCALE.seconds(t.ravel()))
    names = ["e_plus", "e_minus", "delay", "injection_plus", "injection_minus"]
    start = Circuit(v_syn=1.0, delay=0.01)
    found = spice.fit(measured, times, g[0], g[1], start, SCALE, parameters=names, junction=JUNCTION)
    # The integration is right to 1e-9.
    np.testing.assert_allclose(found.values, [1.1, -0.9, 0.02, 2e-3, -3e-3], atol=1e-6)
    assert spice.fit(measured, times, g[0], g[1], start, SCALE, parameters=names).rmse > 1e-4


def test_a_fit_that_knows_the_bodies_gives_the_circuit_back() -> None:
    rng = np.random.default_rng(22)
    times = np.where(rng.random((8, 12)) < 0.8, rng.random((8, 12)), np.inf)
    w = rng.choice([-0.5, 1.0, 1.0], (12, 6)) * rng.uniform(0.1, 0.3, (12, 6))
    load = RowLoad(body=2e-3, position=0.3, junction_plus=2e-3, junction_minus=1e-3)
    g_plus, g_minus = spice.layer_conductances(ResistiveLayer(w, Circuit(v_syn=1.0)), SCALE)
    # The real capacitance is larger by a twentieth, in whose units everything else is smaller.
    c = 1.05
    smaller = RowLoad(body=2e-3 / c**2, position=0.3, junction_plus=2e-3 / c, junction_minus=1e-3 / c)
    real = Circuit(e_plus=1.1, e_minus=-0.9, injection=(2e-3, -3e-3), delay=0.02, load=smaller)
    v = functional.charge(times, np.where(w > 0, 1.1, 0.9) * w / c, real)
    t = np.where(v > 0, np.maximum(1 - v, 0), np.inf) + real.delay
    image, neuron = np.divmod(np.arange(t.size), t.shape[1])
    measured = Measurements(image, neuron, SCALE.seconds(t.ravel()))
    names = ["e_plus", "e_minus", "capacitance", "delay", "injection_plus", "injection_minus"]
    start = Circuit(v_syn=1.0, delay=0.01, load=load)
    found = spice.fit(measured, times, g_plus, g_minus, start, SCALE, parameters=names)
    np.testing.assert_allclose(found.values, [1.1, -0.9, c * 1e-12, 0.02, 2e-3, -3e-3], rtol=1e-6)
    np.testing.assert_allclose(found.circuit.load.values, smaller.values, rtol=1e-6)
    columns_of = column_voltages(times, g_plus, g_minus, found.circuit, found.scale, junction=(0.0, 0.0))
    np.testing.assert_allclose(columns_of, v, atol=1e-8)
    without = Circuit(v_syn=1.0, delay=0.01)
    assert spice.fit(measured, times, g_plus, g_minus, without, SCALE, parameters=names).rmse > 1e-5


def test_columns_that_cannot_be_are_rejected() -> None:
    times, *g = columns()
    with pytest.raises(ValueError, match=r"rows of column 0 take \d[.\d]* C as they close; it must be below 1"):
        column_voltages(times, g[0], g[1], REAL, SCALE, junction=(2e-13, 2e-13))
    with pytest.raises(ValueError, match=r"g_minus.*got \(5, 4\)"):
        column_voltages(times, g[0], g[1][:5], REAL, SCALE, junction=JUNCTION)
    for circuit in (Circuit.conventional(), Circuit(e_plus=np.inf, e_minus=-1.0)):
        with pytest.raises(ValueError, match=r"columns of resistors need finite rails, got inf and -(inf|1\.0) V_th"):
            column_voltages(times, g[0], g[1], circuit, SCALE, junction=JUNCTION)

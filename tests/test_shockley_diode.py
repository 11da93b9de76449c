"""Shockley's diode with a resistor: its equation, and the limits in which the constant drop is exact."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from references.shockley_diode import SKY130_N, SKY130_P, Diode, charge_diodes

from rcspike import Circuit, PhysicalScale
from rcspike.functional import charge


@pytest.mark.parametrize("diode", [SKY130_N, SKY130_P, Diode(saturation_current=1e-9, ideality=1.05)])
def test_the_current_solves_the_equation_of_diode_and_resistor(diode: Diode) -> None:
    for voltage in (-1.0, 0.0, 0.1, 0.5, 0.9, 3.0):
        for conductance in (1e-12, 1e-9, 1e-7, 1e-4):
            current = float(diode.current(np.array(voltage), np.array(conductance)))
            with mpmath.workdps(40):
                a = mpmath.mpf(conductance) * diode.ideality * diode.thermal_voltage
                I_s = mpmath.mpf(diode.saturation_current)
                z = I_s / a * mpmath.exp((mpmath.mpf(conductance) * voltage + I_s) / a)
                exact = a * mpmath.lambertw(z).real - I_s
            # z is some hundreds at most, so that its rounding is up to 1e-13 in J = I + I_s.
            assert current == pytest.approx(float(exact), rel=1e-12, abs=1e-12 * diode.saturation_current)


def test_the_drop_is_that_of_the_process() -> None:
    # 1, 10, 100 and 1000 nA, from the process's open models.
    currents = np.array([1e-9, 1e-8, 1e-7, 1e-6])
    np.testing.assert_allclose(SKY130_N.drop(currents), [0.41, 0.48, 0.56, 0.64], atol=0.006)
    np.testing.assert_allclose(SKY130_P.drop(currents), [0.45, 0.53, 0.61, 0.69], atol=0.006)


def test_a_diode_that_is_steep_has_a_constant_drop() -> None:
    # n U_T = 0.4 mV, about the smallest value for which I_s is a normal number: 0.3 V_th at 10 nA. Each decade
    # of current changes that by 0.001 V_th. Within two decades of 10 nA, v(1) is off by less than twice that and a
    # little.
    scale, drop, n_u_t = PhysicalScale(), 0.3, 0.4e-3
    diode = Diode(saturation_current=1e-8 * math.exp(-scale.volts(drop) / n_u_t), ideality=n_u_t / 0.02585)
    rng = np.random.default_rng(90)
    times, weights = rng.random((3, 12)), rng.normal(size=(12, 4))
    v = charge_diodes(times, weights, Circuit(v_syn=2.0), diode, scale=scale)
    np.testing.assert_allclose(v, charge(times, weights, Circuit(v_syn=2.0, diode_drop=drop)), rtol=0, atol=5e-3)


def test_a_diode_that_leaks_as_much_as_flows_has_no_drop() -> None:
    rng = np.random.default_rng(91)
    times, weights = rng.random((3, 12)), rng.normal(size=(12, 4))
    circuit = Circuit(e_plus=1.0, e_minus=-1.5)
    # V = n U_T I / I_s: at 1 A a millionth of a microvolt for each microampere.
    v = charge_diodes(times, weights, circuit, Diode(saturation_current=1.0))
    np.testing.assert_allclose(v, charge(times, weights, circuit), rtol=0, atol=1e-7)

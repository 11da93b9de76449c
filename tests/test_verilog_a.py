"""The modules of Verilog-A, compiled by OpenVAF, and what it computes from them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from cli_runs import rcspike_, said
from scipy.integrate import solve_ivp

from rcspike import Circuit, PhysicalScale, functional, spice

openvaf = pytest.importorskip("openvaf_py")

M_OF_SYNAPSE, M_OF_NEURON, SPIKE, COMPARATOR = 2, 0, 2, 3  # rows of the compiled equations
SCALE = PhysicalScale()
VOLTAGES = [-0.7, 0.0, 0.3, 1.1]


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("va") / "rcspike.va"
    file.write_text(spice.verilog_a())
    return {module.name: module for module in openvaf.compile_va(str(file))}


def currents(module: Any, **values: float) -> list[tuple[float, float]]:
    """What flows out of each node: the currents in A and, for their derivatives, the charges in C."""
    given = dict.fromkeys(module.param_names, 0.0) | module.get_param_defaults() | {"mfactor": 1.0}
    unknown = values.keys() - given.keys()
    assert not unknown, unknown
    residuals: list[tuple[float, float]] = module.run_init_eval(given | values)[0]
    return residuals


def into_membrane(modules: dict[str, Any], v: float, rail: float, axon: float, **parameters: float) -> float:
    voltages = {"V(axon)": axon, "V(rail,m)": rail - v}
    return -currents(modules["rcspike_synapse"], **voltages, **parameters)[M_OF_SYNAPSE][0]


@pytest.mark.parametrize("v", VOLTAGES)
def test_a_synapse_is_a_resistor_and_a_drop_behind_a_switch(modules: dict[str, Any], v: float) -> None:
    upper = into_membrane(modules, v, 1.5, 1.0, r=2e6, v_d=0.1)
    lower = into_membrane(modules, v, -1.2, 1.0, r=2e6, v_d=0.1, side=-1.0)
    assert upper == pytest.approx((1.5 - 0.1 - v) / 2e6, rel=1e-12)
    assert lower == pytest.approx((-1.2 + 0.1 - v) / 2e6, rel=1e-12)
    assert into_membrane(modules, v, 1.5, 0.0, r=2e6, r_off=1e12) == pytest.approx((1.5 - v) / 1e12, rel=1e-9, abs=0)


@pytest.mark.parametrize("v", VOLTAGES)
def test_a_neuron_is_a_capacitor_with_a_ramp_and_a_comparator(modules: dict[str, Any], v: float) -> None:
    neuron = modules["rcspike_neuron"]
    parameters = {"c": 2e-13, "v_th": 0.8, "i_ramp": 1e-7, "b": 0.3, "V(m)": v}
    resistive, charge = currents(neuron, **parameters, **{"V(fire)": 1.0})[M_OF_NEURON]
    assert resistive == pytest.approx(-1e-7 * (1 - 0.3 * v / 0.8), rel=1e-12)
    assert charge == pytest.approx(2e-13 * v, rel=1e-12, abs=0)
    assert currents(neuron, **parameters)[M_OF_NEURON][0] == 0
    expected = 1.0 if v > 0.8 else 0.0
    equation = currents(neuron, **parameters, **{"V(spike)": expected})[COMPARATOR][0]
    assert equation == pytest.approx(0, abs=1e-12)


def test_the_defaults_are_those_of_the_scale(modules: dict[str, Any]) -> None:
    defaults = modules["rcspike_neuron"].get_param_defaults()
    assert (defaults["c"], defaults["v_th"]) == (SCALE.capacitance, SCALE.v_th)
    assert defaults["i_ramp"] == pytest.approx(SCALE.capacitance * SCALE.v_th / SCALE.window, rel=1e-12)


def test_a_column_of_compiled_modules_spikes_when_the_engine_says(modules: dict[str, Any]) -> None:
    circuit = Circuit(e_plus=1.5, e_minus=-1.2, diode_drop=0.05, ramp=0.3)
    times, weights = np.array([[0.1, 0.25, 0.6]]), np.array([[0.8], [-0.5], [0.9]])
    v_th, window, c = SCALE.v_th, SCALE.window, SCALE.capacitance
    synapses = []
    for w in weights[:, 0].tolist():
        rail = circuit.e_plus if w > 0 else circuit.e_minus
        r, side = window * abs(rail) / (c * abs(w)), math.copysign(1.0, w)
        synapses.append((rail * v_th, {"r": r, "v_d": circuit.diode_drop * v_th, "side": side}))
    # The ramp takes the membrane from rest to the threshold in T: dv/dt = k (1 - b v / v_th).
    ramp = {"i_ramp": -math.log1p(-circuit.ramp) / circuit.ramp * c * v_th / window, "b": circuit.ramp}

    def slope(v: float, n_closed: int, fire: float) -> float:
        total = sum(into_membrane(modules, v, rail, 1.0, **own) for rail, own in synapses[:n_closed])
        neuron = currents(modules["rcspike_neuron"], **ramp, **{"V(m)": v, "V(fire)": fire})[M_OF_NEURON][0]
        return float((total - neuron) / c)

    def reaches(t: float, v: Any, *_: Any) -> float:
        return float(v[0]) - v_th

    v, accuracy = [0.0], {"rtol": 1e-10, "atol": 1e-12}
    for k, (start, end) in enumerate(pairwise([*times[0], 1.0]), start=1):
        run = solve_ivp(lambda _, v, k: [slope(v[0], k, 0.0)], (start * window, end * window), v, args=(k,), **accuracy)
        v = run.y[:, -1]
    charged = functional.charge(times, weights, circuit)
    assert v[0] / v_th == pytest.approx(float(charged[0, 0]), abs=1e-8)
    run = solve_ivp(lambda _, v: [slope(v[0], 0, 1.0)], (0, 2 * window), v, events=reaches, **accuracy)
    assert run.t_events[0][0] / window == pytest.approx(float(functional.fire(charged, circuit)[0, 0]), abs=1e-8)


def test_the_command_prints_the_modules() -> None:
    assert said(rcspike_("spice", "verilog-a")).strip() == spice.verilog_a().strip()

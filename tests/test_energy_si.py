"""Energy of one image against an independent integration in SI units: no line of it is the package's.

The processes' files are read with a TOML parser, the currents follow from Ohm's law, and the membranes are integrated
by the classical Runge-Kutta scheme between the spikes.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rcspike
from rcspike import Circuit, Network, load_process
from rcspike.chips import process_devices, program
from rcspike.energy import activity, current_source_parts, energy_parts, operating_point, virtual_ground_parts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(rcspike.__file__).parent / "energy" / "processes"
SIZES = (784, 200, 200, 10)
CIRCUITS = ("RC-Spike", "virtual ground", "current sources")
STEPS = 24  # of Runge and Kutta between two spikes: the error is below 1e-9


def constants(name: str) -> dict[str, Any]:
    """Values of a file by name, and its selector."""
    tables = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    found = constants(tables["based_on"]) if "based_on" in tables else {}
    for key, table in tables.items():
        found |= {one: entry["value"] for one, entry in table.items()} if isinstance(table, dict) else {key: table}
    return found


def image() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Times like those of a digit: 256 grey levels, a fifth of the pixels active."""
    rng = np.random.default_rng(100)
    grey = rng.integers(1, 256, 784)
    return np.where(rng.random(784) < 0.19, 1 - grey / 255, np.inf)


def network(circuit: Circuit) -> Network:
    rng = np.random.default_rng(101)
    return Network(
        [rng.normal(0.3 / n_in, 2 / np.sqrt(n_in), (n_in, n_out)) for n_in, n_out in pairwise(SIZES)], circuit
    )


def integrate(seconds: Any, g: Any, rail: Any, c: float, window: float) -> tuple[Any, Any, Any]:
    """Voltages after a window, and charges in C out of the upper and of the lower rail, of resistors at their rails."""
    n_out = g.shape[1]

    def slope(state: Any, on: Any) -> Any:
        i = g[on] * (rail[on] - state[0])
        up = np.where(rail[on] > 0, i, 0).sum(axis=0)
        down = np.where(rail[on] < 0, i, 0).sum(axis=0)
        return np.stack([(up + down) / c, up, down])

    state = np.zeros((3, n_out))
    for start, end in pairwise(np.unique([*seconds[seconds < window], window])):
        on = seconds <= start
        h = (end - start) / STEPS
        for _ in range(STEPS):
            k1 = slope(state, on)
            k2 = slope(state + h / 2 * k1, on)
            k3 = slope(state + h / 2 * k2, on)
            k4 = slope(state + h * k3, on)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state[0], state[1], state[2]


@cache
def expected(name: str, e_plus: float, e_minus: float) -> dict[str, list[dict[str, float]]]:
    """Parts of each layer in J, of the RC-Spike circuit and of the same function in the conventional ones."""
    k = constants(name)
    window, supply = k["window"], k["v_logic"]
    diode = k["diode_drop"] if k["selector"] == "diode" else 0.0
    v_th = min(k["v_th"], (k["v_rail"] - diode) / max(e_plus, -e_minus))
    pairs = k["devices_per_synapse"] == 2
    seconds = image() * window
    layers: dict[str, list[dict[str, float]]] = {which: [] for which in CIRCUITS}
    for w in network(Circuit(e_plus=e_plus, e_minus=e_minus)).weights:
        n_in, n_out = w.shape
        wire_and_junctions = n_in * k["column_wire_capacitance"] + 2 * n_in * k["column_junction_capacitance"]
        drawn = max(k["capacitance"], n_in * k["capacitance_per_row"])
        c = drawn + wire_and_junctions
        # A weight w is the conductance that moves the membrane by w V_th in a window at the full rail. A diode takes
        # its drop of the supply, so that the resistor sees the rail of the model.
        rail = np.where(w >= 0, e_plus, e_minus) * v_th
        g = c * v_th * w / (window * rail)
        if pairs:  # the device of the weight and that of the other rail, each a row, which never stops to conduct
            other = np.where(w >= 0, e_minus, e_plus) * v_th
            of_pair, rails = np.concatenate([g, 0 * g]) + k["device_min_conductance"], np.concatenate([rail, other])
            v, up, down = integrate(np.concatenate([seconds, seconds]), of_pair, rails, c, window)
            exists = np.ones((2, n_in, n_out), bool)
            of_rail = np.where([w >= 0, w < 0], g, 0) + k["device_min_conductance"]
        else:
            v, up, down = integrate(seconds, g, rail, c, window)
            of_rail = np.where([w > 0, w < 0], g, 0)
            exists = of_rail > 0
        # Each switch is so wide that it has a share of the resistance of its resistor, and the narrowest one at least.
        switches = np.array([k["switch_resistance_plus"], k["switch_resistance_minus"]])[:, np.newaxis, np.newaxis]
        widths = exists * np.maximum(1, k["switch_margin"] * switches * of_rail)
        wide_plus, wide_minus = widths.sum(axis=(1, 2))
        spikes = int((seconds <= window).sum())
        fired = np.where(v > 0, np.clip(1 - v / v_th, 0, None), 1.0) * window  # an ideal ramp of V_th / T
        ramp = (fired * c * v_th / window).sum()
        bias = supply * k["reference_current"] * 3 * window
        comparators = n_out * k["comparator_current"] * supply * k["comparator_time"] * window
        own_leak = n_out * k["neuron_leakage"] * supply * 3 * window
        off, cells = k["switch_off_current"] * 3 * window, n_in * n_out
        above = k["v_highest"] - k["v_rest"]
        plus, minus = e_plus * v_th + diode, e_minus * v_th - diode
        for which, found in layers.items():
            parts = {
                "references": bias,
                "comparators": comparators,
                "reset": n_out * k["reset_capacitance"] * supply**2,
            }
            if which == "RC-Spike":
                parts |= {
                    "positive synapses": e_plus * v_th * up.sum(),
                    "negative synapses": e_minus * v_th * down.sum(),
                    "selector drop": diode * (up - down).sum(),
                    "op-amps": 0.0,
                    "ramp": ramp * above,
                    "leakage": own_leak + off * (wide_plus * plus - wide_minus * minus),
                }
                if diode:
                    lines = 2 * [cells * (k["row_wire_capacitance"] + k["row_junction_capacitance"])]
                    swings = plus**2, minus**2
                else:
                    lines = [
                        cells * k["row_wire_capacitance"] + wide * k["switch_gate_capacitance"]
                        for wide in (wide_plus, wide_minus)
                    ]
                    swings = supply**2, supply**2
            elif which == "current sources":
                source = v_th + k["headroom"]
                parts |= {
                    "positive synapses": source * up.sum(),
                    "negative synapses": -source * down.sum(),
                    "selector drop": 0.0,
                    "op-amps": 0.0,
                    "ramp": ramp * above,
                    "leakage": own_leak + off * cells * 2 * source,
                }
                lines = 2 * [cells * (k["row_wire_capacitance"] + k["switch_gate_capacitance"])]
                swings = supply**2, supply**2
            else:
                small = drawn / c  # the charges go onto the drawn capacitor
                settle = k["opamp_settling"] * window
                current = k["opamp_branches"] * wire_and_junctions / settle / k["opamp_efficiency"]
                output = small * (c * np.abs(v).sum() + ramp) * above
                parts |= {
                    "positive synapses": k["read_voltage"] * small * up.sum(),
                    "negative synapses": -k["read_voltage"] * small * down.sum(),
                    "selector drop": 0.0,
                    "op-amps": n_out * current * supply * k["opamp_phases"] * window + output,
                    "ramp": small * ramp * above,
                    "leakage": own_leak,
                }
                lines = 2 * [cells * (k["row_wire_capacitance"] + k["column_junction_capacitance"])]
                swings = k["read_voltage"] ** 2, k["read_voltage"] ** 2
            # A spike drives one of the n_in rows of either line.
            parts["axon lines"] = spikes / n_in * sum(a * b for a, b in zip(lines, swings, strict=True))
            chain = k["driver_overhead"] * sum(lines) / n_in * supply**2
            parts["drivers"] = spikes * (chain + 2 * k["level_shifter_energy"])
            found.append(parts)
        seconds = np.where(v > 0, fired, np.inf)
    return layers


@pytest.mark.parametrize("which", CIRCUITS)
@pytest.mark.parametrize(
    ("process", "e_plus", "e_minus"),
    [
        ("sky130", 1.0, -1.0),
        pytest.param("sky130-poly", 1.0, -1.0, marks=pytest.mark.long),
        pytest.param("sky130", 2.8, -1.53, marks=pytest.mark.long),
        pytest.param("sky130-diode", 1.0, -1.0, marks=pytest.mark.long),
        pytest.param("rram", 1.0, -1.0, marks=pytest.mark.long),
    ],
)
def test_every_part_is_that_of_an_integration_in_si_units(
    process: str, e_plus: float, e_minus: float, which: str
) -> None:
    model = network(Circuit(e_plus=e_plus, e_minus=e_minus))
    point = operating_point(model.circuit, load_process(process))
    functions = {"virtual ground": virtual_ground_parts, "current sources": current_source_parts}
    devices = process_devices(point.process, model)
    chip = model if devices.on_off == np.inf else program(model, seed=0, devices=devices)
    parts = functions.get(which, energy_parts)(activity(chip, image()[None]), point)
    found = expected(process, e_plus, e_minus)[which]
    assert set(parts) == set(found[0])
    for layer, joules in enumerate(found):
        for name, one in joules.items():
            assert parts[name][0, layer] == pytest.approx(one, rel=1e-9, abs=0), (layer, name)

"""Energy of the synapses against the supply currents of a circuit simulator."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import ngspice

from rcspike import Circuit, Network, PhysicalScale
from rcspike.hardware import activity, energy_parts

SCALE = PhysicalScale()


def netlist(times: Any, w: Any, circuit: Circuit) -> str:
    """One neuron, with a switch and a resistor for each spike; what the rails deliver is measured."""
    lines = [
        "one neuron",
        f"vp plus 0 {SCALE.volts(circuit.e_plus)}",
        f"vm minus 0 {SCALE.volts(circuit.e_minus)}",
        f"c1 m 0 {SCALE.capacitance} ic=0",
        ".model sw sw(vt=0.5 vh=0 ron=10 roff=1e18)",
    ]
    for j in np.flatnonzero(times < 1):
        rail, e = ("plus", circuit.e_plus) if w[j] >= 0 else ("minus", circuit.e_minus)
        at = SCALE.seconds(float(times[j]))
        lines += [
            f"v{j} t{j} 0 pwl(0 0 {at} 0 {at + 1e-12} 1)",
            f"s{j} {rail} n{j} t{j} 0 sw",
            f"r{j} n{j} m {1 / SCALE.siemens(abs(w[j] / e))}",
        ]
    return "\n".join(
        [
            *lines,
            f".tran {SCALE.window / 2000} {SCALE.window} 0 {SCALE.window / 2000} uic",
            f".meas tran q_plus integ i(vp) from=0 to={SCALE.window}",
            f".meas tran q_minus integ i(vm) from=0 to={SCALE.window}",
            ".options reltol=1e-6 abstol=1e-16 chgtol=1e-20",
            ".end\n",
        ]
    )


@ngspice
@pytest.mark.parametrize("circuit", [Circuit(v_syn=1.0), Circuit(v_syn=4.0), Circuit(e_plus=2.8, e_minus=-1.53)])
def test_the_energy_is_what_ngspice_integrates(circuit: Circuit, tmp_path: Path) -> None:
    rng = np.random.default_rng(90)
    times = np.where(rng.random((1, 40)) < 0.3, np.inf, rng.uniform(0.01, 0.99, (1, 40)))
    w = rng.normal(0, 0.4, (40, 1))
    parts = energy_parts(activity(Network([w], circuit), times), circuit)
    (tmp_path / "neuron.cir").write_text(netlist(times[0], w[:, 0], circuit))
    run = subprocess.run(["ngspice", "-b", "neuron.cir"], cwd=tmp_path, capture_output=True, text=True, check=False)
    for name, rail in (("positive synapses", "plus"), ("negative synapses", "minus")):
        found = re.search(rf"q_{rail}\s+=\s+(\S+)", run.stdout)
        assert found, run.stdout + run.stderr
        e = circuit.e_plus if rail == "plus" else circuit.e_minus
        # What flows out of a source is negative there. The simulator's steps are T/2000, and its trapezoids are off by
        # at most as much of a charge where a switch closes.
        assert parts[name][0, 0] == pytest.approx(-float(found[1]) * SCALE.volts(e), rel=1 / 2000)

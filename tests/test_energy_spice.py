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
from rcspike.energy import activity, energy_parts, operating_point

N_IN = 40


def netlist(times: Any, w: Any, circuit: Circuit, scale: PhysicalScale) -> str:
    """One neuron, with a switch and a resistor for each spike; what the rails deliver is measured."""
    lines = [
        "one neuron",
        f"vp plus 0 {scale.volts(circuit.e_plus)}",
        f"vm minus 0 {scale.volts(circuit.e_minus)}",
        f"c1 m 0 {scale.capacitance} ic=0",
        ".model sw sw(vt=0.5 vh=0 ron=10 roff=1e18)",
    ]
    for j in np.flatnonzero(times < 1):
        rail, e = ("plus", circuit.e_plus) if w[j] >= 0 else ("minus", circuit.e_minus)
        at = scale.seconds(float(times[j]))
        lines += [
            f"v{j} t{j} 0 pwl(0 0 {at} 0 {at + 1e-12} 1)",
            f"s{j} {rail} n{j} t{j} 0 sw",
            f"r{j} n{j} m {1 / scale.siemens(abs(w[j] / e))}",
        ]
    return "\n".join(
        [
            *lines,
            f".tran {scale.window / 2000} {scale.window} 0 {scale.window / 2000} uic",
            f".meas tran q_plus integ i(vp) from=0 to={scale.window}",
            f".meas tran q_minus integ i(vm) from=0 to={scale.window}",
            ".options reltol=1e-6 abstol=1e-16 chgtol=1e-20",
            ".end\n",
        ]
    )


@ngspice
@pytest.mark.parametrize("circuit", [Circuit(v_syn=1.0), Circuit(v_syn=4.0), Circuit(e_plus=2.8, e_minus=-1.53)])
def test_the_energy_is_what_ngspice_integrates(circuit: Circuit, tmp_path: Path) -> None:
    rng = np.random.default_rng(90)
    times = np.where(rng.random((1, N_IN)) < 0.3, np.inf, rng.uniform(0.01, 0.99, (1, N_IN)))
    w = rng.normal(0, 0.4, (N_IN, 1))
    point = operating_point(circuit)
    scale = point.scale(N_IN)
    parts = energy_parts(activity(Network([w], circuit), times), point)
    (tmp_path / "neuron.cir").write_text(netlist(times[0], w[:, 0], circuit, scale))
    run = subprocess.run(["ngspice", "-b", "neuron.cir"], cwd=tmp_path, capture_output=True, text=True, check=False)
    for name, rail in (("positive synapses", "plus"), ("negative synapses", "minus")):
        found = re.search(rf"q_{rail}\s+=\s+(\S+)", run.stdout)
        assert found, run.stdout + run.stderr
        e = circuit.e_plus if rail == "plus" else circuit.e_minus
        # What flows out of a source is negative there. The simulator's steps are T/2000, and its trapezoids are off by
        # at most as much of a charge where a switch closes.
        assert parts[name][0, 0] == pytest.approx(-float(found[1]) * scale.volts(e), rel=1 / 2000)

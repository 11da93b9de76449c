"""Running ngspice, and reading its results for a layer."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.hardware import PhysicalScale
from rcspike.spice.netlist import EDGE, layer_netlist

__all__ = ["Measured", "find_ngspice", "run_ngspice", "simulate_layer"]

Float64Array = npt.NDArray[np.float64]

# Among sizes of 1 to 25, those of 5 to 8 were fastest, with diodes and without: a netlist has the time steps and the
# iterations of all its neurons, and costs 20 ms to start.
_NEURONS_A_NETLIST = 6


@dataclass(frozen=True)
class Measured:
    """Results of SPICE for one sample in a layer, in SI units; times count from the start of charging."""

    t: tuple[Float64Array, ...]  # (n_out) arrays, each the time points of a neuron in s
    v: tuple[Float64Array, ...]  # (n_out) arrays, the membrane voltage at these in V
    v_end: Float64Array  # (n_out,) at the end of the charging phase in V; in a single phase, of the simulation
    t_out: (
        Float64Array  # (n_out,) spike times in s, from T to 2 T, or in a single phase from 0 on; inf for silent neurons
    )
    charge_plus: float  # that the upper rail delivers to all membranes until then, in C
    charge_minus: float  # the lower rail, below 0
    energy: float  # that both rails spend, in J


def find_ngspice() -> str:
    """Path of the ngspice on PATH.

    Raises
    ------
    FileNotFoundError
        If there is none; the message explains how to install it.
    """
    path = shutil.which("ngspice")
    if path is None:
        raise FileNotFoundError(
            "ngspice is not on PATH; install it with: apt-get install ngspice, dnf install ngspice, "
            "brew install ngspice, or from https://ngspice.sourceforge.io"
        )
    return path


def run_ngspice(netlist: str) -> dict[str, Float64Array]:
    """Run a transient analysis and read its output.

    Returns
    -------
    dict
        Vectors by their name in lower case, such as ``v(m0)`` and ``i(vplus)``, and their points of ``time``; SI units.

    Raises
    ------
    FileNotFoundError
        If ngspice is missing.
    RuntimeError
        If it fails; the message contains the last lines of its output.
    """
    program = find_ngspice()
    with tempfile.TemporaryDirectory(prefix="rcspike-spice-") as name:
        folder = Path(name)
        (folder / "circuit.cir").write_text(netlist)
        # Not -r: with it ngspice rejects .meas.
        commands = ["set filetype=binary", "source circuit.cir", "run", "write out.raw", "quit 0"]
        (folder / "run.cir").write_text("\n".join(["* run", ".control", *commands, ".endc", ".end", ""]))
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # several netlists run at the same time
        process = subprocess.run(
            [program, "-b", "run.cir"], cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
        )
        raw = (folder / "out.raw").read_bytes() if (folder / "out.raw").exists() else b""
    said = process.stderr + process.stdout
    # Its exit code is 0 whatever happens, and without an analysis it writes the constants of nature.
    if "aborted" in said or b"Plotname: Transient Analysis" not in raw:
        lines = [" ".join(line.split()) for line in said.splitlines()]
        words = [line for line in lines if line and not line.startswith("Note:")]
        raise RuntimeError(f"ngspice failed: {' | '.join(words[:8])}")
    return _read_raw(raw)


def _read_raw(content: bytes) -> dict[str, Float64Array]:
    """Vectors of a binary raw file with one real plot (ngspice manual, appendix on the raw format)."""
    header, _, data = content.partition(b"Binary:\n")
    facts, _, variables = header.decode().partition("Variables:\n")
    names = [line.split()[1].lower() for line in variables.splitlines() if line.strip()]
    n_points = int(facts.partition("No. Points:")[2].split()[0])
    values = np.frombuffer(data, dtype=np.float64, count=n_points * len(names)).reshape(n_points, len(names))
    return {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}


def simulate_layer(
    times: FloatArray,
    g_plus: Float64Array,
    g_minus: Float64Array,
    circuit: Circuit,
    scale: PhysicalScale,
    *,
    diode: str = "none",
    until: float | None = None,
    workers: int | None = None,
) -> Measured:
    """Simulate one sample in a layer with ngspice: several neurons per netlist, the netlists in parallel.

    Parameters
    ----------
    times, g_plus, g_minus, circuit, scale, diode, until
        As in `rcspike.spice.layer_netlist`.
    workers : int, optional
        Number of simulators at a time; by default the number of cores.

    Returns
    -------
    Measured

    Raises
    ------
    ValueError
        As in `rcspike.spice.layer_netlist`.
    FileNotFoundError, RuntimeError
        As in `run_ngspice`.
    """
    find_ngspice()
    n_out = g_plus.shape[1]
    parts = np.array_split(np.arange(n_out), -(-n_out // _NEURONS_A_NETLIST))

    def simulate(part: Sequence[int]) -> dict[str, Float64Array]:
        chosen = [np.ascontiguousarray(g[:, part]) for g in (g_plus, g_minus)]
        return run_ngspice(
            layer_netlist(times, chosen[0], chosen[1], circuit, scale, diode=diode, names=part, until=until)
        )

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = list(pool.map(simulate, parts))
    t = [result["time"] for result, part in zip(results, parts, strict=True) for _ in part]
    v = [result[f"v(m{i})"] for result, part in zip(results, parts, strict=True) for i in part]
    points = list(zip(t, v, strict=True))
    if until is None:
        end, v_end = scale.window, np.array([_end_voltage(*one, scale) for one in points])
        t_out = _delayed(np.array([_spike_time(*one, scale) for one in points]), circuit, scale)
    else:
        end, v_end = math.inf, np.array([one[1][-1] for one in points])
        t_out = np.array([_crossing(*one, scale) for one in points]) + scale.seconds(circuit.delay)
    # A SPICE source counts the current that flows into its positive end.
    plus = -sum(_charge(result["time"], result["i(vplus)"], end) for result in results)
    minus = -sum(_charge(result["time"], result["i(vminus)"], end) for result in results)
    return Measured(
        t=tuple(t),
        v=tuple(v),
        v_end=v_end,
        t_out=t_out,
        charge_plus=plus,
        charge_minus=minus,
        energy=plus * scale.volts(circuit.e_plus) + minus * scale.volts(circuit.e_minus),
    )


def _charge(t: Float64Array, current: Float64Array, end: float) -> float:
    charging = t <= end
    t, current = t[charging], current[charging]
    return float(np.sum(0.5 * (current[1:] + current[:-1]) * np.diff(t)))


def _end_voltage(t: Float64Array, v: Float64Array, scale: PhysicalScale) -> float:
    """Voltage at the end of the charging phase, just before the ramp starts."""
    return float(np.interp((1 - 0.5 * EDGE) * scale.window, t, v))


def _delayed(t: Float64Array, circuit: Circuit, scale: PhysicalScale) -> Float64Array:
    """Spike times after the delay of the comparators; one beyond the firing phase is lost."""
    late: Float64Array = t + scale.seconds(circuit.delay)
    return np.where(late > 2 * scale.window, np.inf, late) if circuit.delay else t


def _spike_time(t: Float64Array, v: Float64Array, scale: PhysicalScale) -> float:
    """Time at which the ramp crosses the threshold: at once if it starts above, never if it starts at or below rest."""
    v_end = _end_voltage(t, v, scale)
    if v_end <= 0:
        return np.inf
    if v_end >= scale.v_th:
        return scale.window
    return _crossing(t, v, scale, after=scale.window)


def _crossing(t: Float64Array, v: Float64Array, scale: PhysicalScale, *, after: float = 0.0) -> float:
    """First time after another one at which the membrane reaches the threshold."""
    above = np.flatnonzero((t > after) & (v >= scale.v_th))
    if len(above) == 0:
        return np.inf
    k = above[0]
    return float(t[k - 1] + (scale.v_th - v[k - 1]) / (v[k] - v[k - 1]) * (t[k] - t[k - 1]))

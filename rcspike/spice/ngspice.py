"""Running ngspice on a netlist."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rcspike._common.arrays import Float64Array

TIMEOUT = 3600.0  # s; a netlist of six columns of 784 transistors takes 10 s on a core of its own


def find_ngspice() -> str:
    """Path of the ngspice on PATH.

    A FileNotFoundError if there is none; the message explains how to install it.
    """
    path = shutil.which("ngspice")
    if path is None:
        raise FileNotFoundError(
            "ngspice is not on PATH; install it with: apt-get install ngspice, dnf install ngspice, "
            "brew install ngspice, or from https://ngspice.sourceforge.io"
        )
    return path


def run_ngspice(netlist: str, *, stop: float = 0.0, timeout: float = TIMEOUT) -> dict[str, Float64Array]:
    """Run a transient analysis and read its output.

    A FileNotFoundError if ngspice is missing; a RuntimeError if it fails; the message contains the last lines of its
    output.

    Parameters
    ----------
    stop : float
        Time in s that the analysis must reach.
    timeout : float
        Longest run in s.

    Returns
    -------
    dict
        Vectors by their name in lower case, such as ``v(m0)`` and ``i(vplus)``, and their points of ``time``; SI units.
    """
    return Simulators().run(netlist, stop=stop, timeout=timeout)


def noise_spectrum(netlist: str) -> dict[str, Float64Array]:
    """Run a small-signal noise analysis and read its spectral densities; errors as in `run_ngspice`.

    Returns
    -------
    dict
        ``frequency`` in Hz, and ``onoise_spectrum`` and ``inoise_spectrum``, roots of the one-sided densities at the
        output and at the source that the analysis names, in V per root of Hz.
    """
    return Simulators().plot(netlist, "noise1", "Noise Spectral Density Curves")[0]


class Simulators:
    """Simulators that run, until an error or Ctrl-C stops them and those that would start later."""

    def __init__(self) -> None:
        self._lock, self._running, self._stopped = threading.Lock(), set[subprocess.Popen[str]](), False

    def run(self, netlist: str, *, stop: float = 0.0, timeout: float = TIMEOUT) -> dict[str, Float64Array]:
        """As `run_ngspice`."""
        vectors, said = self.plot(netlist, "tran1", "Transient Analysis", timeout=timeout)
        if vectors["time"][-1] < stop * (1 - 1e-6):
            raise RuntimeError(f"ngspice stopped at {vectors['time'][-1]:.4g} s instead of {stop:.4g} s: {_said(said)}")
        return vectors

    def plot(
        self, netlist: str, name: str, title: str, *, timeout: float = TIMEOUT
    ) -> tuple[dict[str, Float64Array], str]:
        """Vectors of the plot that ngspice gives this name and title, and what it printed."""
        program = find_ngspice()
        with tempfile.TemporaryDirectory(prefix="rcspike-spice-") as path:
            folder = Path(path)
            (folder / "circuit.cir").write_text(netlist)
            # Not -r: with it ngspice rejects .meas.
            commands = [
                "set filetype=binary",
                "source circuit.cir",
                "run",
                f"setplot {name}",
                "write out.raw",
                "quit 0",
            ]
            (folder / "run.cir").write_text("\n".join(["* run", ".control", *commands, ".endc", ".end", ""]))
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # several netlists run at the same time
            options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
            # -n: without the user's .spiceinit, which may change what a netlist means.
            with self._process([program, "-n", "-b", "run.cir"], cwd=folder, env=environment, **options) as process:
                try:
                    out, err = process.communicate(timeout=timeout)
                except subprocess.TimeoutExpired:
                    process.kill()
                    out, err = process.communicate()
                    raise RuntimeError(f"ngspice did not finish within {timeout:g} s: {_said(err + out)}") from None
            raw = (folder / "out.raw").read_bytes() if (folder / "out.raw").exists() else b""
        said = err + out
        # Its exit code is 0 whatever happens, and without an analysis it writes the constants of nature.
        if "aborted" in said or f"Plotname: {title}".encode() not in raw:
            raise RuntimeError(f"ngspice failed: {_said(said)}")
        return _read_raw(raw), said

    def stop(self) -> None:
        """Kill those that run; a later one is an error."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    @contextmanager
    def _process(self, words: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A simulator that has been started."""
        with self._lock:
            if self._stopped:
                raise RuntimeError("ngspice was not started, since another one has been stopped")
            process: subprocess.Popen[str] = subprocess.Popen(words, **options)
            self._running.add(process)
        try:
            yield process
        except BaseException:  # Ctrl-C, or a run that takes too long
            process.kill()
            process.communicate()
            raise
        finally:
            with self._lock:
                self._running.discard(process)


def _said(output: str) -> str:
    """The first lines of what ngspice printed."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    return " | ".join([line for line in lines if line and not line.startswith("Note:")][:8])


def _read_raw(content: bytes) -> dict[str, Float64Array]:
    """Vectors of a binary raw file with one real plot (ngspice manual, appendix on the raw format)."""
    header, _, data = content.partition(b"Binary:\n")
    facts, _, variables = header.decode().partition("Variables:\n")
    names = [line.split()[1].lower() for line in variables.splitlines() if line.strip()]
    n_points = int(facts.partition("No. Points:")[2].split()[0])
    values = np.frombuffer(data, dtype=np.float64, count=n_points * len(names)).reshape(n_points, len(names))
    return {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}

"""rcspike compared with its peers, in one run on the same machine: ratios of training throughput, and peak memory.

    python bench/compare.py --venvs DIR --create      # makes DIR/torch, DIR/snn and DIR/aihwkit, and measures
    python bench/compare.py --venvs DIR [--peers NAME ...] [--passes N] [--threads N] [--data DIR] [--json FILE]
    python bench/compare.py --venvs DIR --check       # the peers' gradients against rcspike's, nothing timed

Goals with two threads on a quiet machine: training 784-200-200-10 at V_syn = 1 on MNIST runs at 0.8 of a PyTorch ReLU
network with fused Adam at batch 64 and at 0.45 at batch 256; at 45 times RC-Spike in PyTorch with a hand-written
adjoint, 80 times autograd and 80 times a grid of 100 steps at batch 64; in a twentieth of their memory.

Every peer is a process of its own in its own environment, waits without using a core while another one runs, and takes
the same images in the same order through forward, backward and Adam. A pass of rcspike and one of the peer alternate;
the ratio is the median of the ratios of such pairs. A PyTorch peer runs with OpenMP's default and with
OMP_WAIT_POLICY=passive, and the setting with the higher median counts. rcspike must be importable by the Python that
runs this file. Memory is the peak of three steps of batch 256 above that of the process with its libraries warmed up on
a toy and the images of one batch loaded (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from throughput import N_IMAGES, SIZES, V_SYN, cpu_model, trained

import rcspike

HERE = Path(__file__).parent
BATCHES = (64, 256)
MEMORY_BATCH = 256
PASS_SECONDS = 1.0
REPLY_SECONDS = 600
POLICIES = {"default": {}, "passive": {"OMP_WAIT_POLICY": "passive"}}


@dataclass(frozen=True)
class Peer:
    """A variant of a script in peers/, and the environment it needs; None is the one that runs this file."""

    script: str
    variant: str
    environment: str | None
    what: str


OURS = Peer("rcspike_network", "exact", None, "rcspike")
PEERS = {
    "mlp-fused": Peer("torch_mlp", "fused", "torch", "PyTorch ReLU network, fused Adam"),
    "mlp-default": Peer("torch_mlp", "default", "torch", "PyTorch ReLU network, default Adam"),
    "adjoint": Peer("torch_rcspike", "adjoint", "torch", "RC-Spike in PyTorch, adjoint, ties merged"),
    "events": Peer("torch_rcspike", "events", "torch", "RC-Spike in PyTorch, adjoint, event loop"),
    "autograd": Peer("torch_rcspike", "autograd", "torch", "RC-Spike in PyTorch, autograd"),
    "grid": Peer("torch_rcspike", "grid", "torch", "RC-Spike in PyTorch, grid of 100 steps"),
    "snntorch": Peer("snn_tutorials", "snntorch", "snn", "snnTorch, 25 steps"),
    "norse": Peer("snn_tutorials", "norse", "snn", "Norse, 25 steps"),
    "spikingjelly": Peer("snn_tutorials", "spikingjelly", "snn", "SpikingJelly, 25 steps"),
    "aihwkit": Peer("aihwkit_mlp", "torch_tile", "aihwkit", "aihwkit, torch tile, ReLU network"),
    "aihwkit-lightning": Peer("aihwkit_mlp", "lightning", "aihwkit", "aihwkit-lightning, ReLU network"),
}


class MissingPeerError(RuntimeError):
    """A peer that cannot be run here; the message is the reason."""


def python_of(environment: str | None, venvs: Path) -> Path:
    if environment is None:
        return Path(sys.executable)
    python = venvs / environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        raise MissingPeerError(f"no environment {environment} in {venvs}; --create makes it")
    return python


def create(environment: str, venvs: Path) -> str | None:
    """Make an environment from its requirements; the reason if that fails."""
    requirements = HERE / f"requirements-{environment}.txt"
    python = venvs / environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for command in (
        [sys.executable, "-m", "venv", str(venvs / environment)],
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return last_line(done.stderr) or f"{' '.join(command)} failed"
    return None


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


class Worker:
    """A running peer; peers/worker.py lists its commands."""

    def __init__(self, peer: Peer, venvs: Path, data: Path, batch: int, threads: int, policy: str) -> None:
        script = str(HERE / "peers" / f"{peer.script}.py")
        command = [str(python_of(peer.environment, venvs)), script, "--data", str(data), "--variant", peer.variant]
        command += ["--batch", str(batch), "--threads", str(threads)]
        environment = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "PYTHONPATH")}
        if peer.environment is None and "PYTHONPATH" in os.environ:
            environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} | POLICIES[policy]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        # Threads read, so that a peer that hangs or says much does not hang the comparison.
        self.replies: queue.Queue[str] = queue.Queue()
        self.log: deque[str] = deque(maxlen=100)
        self.readers = [threading.Thread(target=f, daemon=True) for f in (self._read, self._read_log)]
        for reader in self.readers:
            reader.start()
        try:
            self.versions: dict[str, str] = self._reply()["versions"]
        except MissingPeerError:
            self.close()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.replies.put(line)
        self.replies.put("")

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def _reply(self) -> dict[str, Any]:
        try:
            line = self.replies.get(timeout=REPLY_SECONDS)
        except queue.Empty:
            raise MissingPeerError(f"no answer within {REPLY_SECONDS} s") from None
        if not line:
            self.process.wait()
            self.readers[1].join()
            raise MissingPeerError(last_line("".join(self.log)) or f"ended with code {self.process.returncode}")
        return dict(json.loads(line))

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # its last words are in the log
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        return self._reply()

    def speed(self, n_batches: int) -> float:
        return float(self.ask(f"run {n_batches}")["samples_per_second"])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]


@contextmanager
def running(*args: Any) -> Iterator[Worker]:
    worker = Worker(*args)
    try:
        yield worker
    finally:
        worker.close()


def write_task(folder: Path, split: rcspike.datasets.Split, n: int, weights: Sequence[Any]) -> Path:
    folder.mkdir()
    np.save(folder / "times.npy", split.times[:n])
    np.save(folder / "labels.npy", np.ascontiguousarray(split.labels[:n], dtype=np.int64))
    for layer, w in enumerate(weights):
        np.save(folder / f"w{layer}.npy", w)
    return folder


def policies_of(peer: Peer) -> list[str]:
    return ["default"] if peer.environment is None else list(POLICIES)


def compare(peer: Peer, data: Path, batch: int, args: argparse.Namespace) -> dict[str, Any]:
    """Alternate rcspike with the peer in each OpenMP setting; the better setting is the peer's figure."""
    policies = policies_of(peer)
    with ExitStack() as stack:
        ours, *theirs = (
            stack.enter_context(running(p, args.venvs, data, batch, args.threads, policy))
            for p, policy in [(OURS, "default"), *((peer, policy) for policy in policies)]
        )
        workers = [ours, *theirs]
        n_batches = []
        for worker in workers:
            worker.speed(2)  # the first steps allocate and load code
            n_batches.append(max(2, min(N_IMAGES // batch, round(args.seconds * worker.speed(2) / batch))))
        rounds: list[list[float]] = []
        for _ in range(args.passes):
            figures = []
            for i in [j for k in range(1, len(workers)) for j in (0, k)]:
                time.sleep(0.02)  # until threads of the one before that spin have gone to sleep
                figures.append(workers[i].speed(n_batches[i]))
            rounds.append(figures)
        columns = list(zip(*rounds, strict=True))
        ours_all, theirs_all = columns[0::2], columns[1::2]
        best = max(range(len(policies)), key=lambda k: statistics.median(theirs_all[k]))
        pairs = list(zip(ours_all[best], theirs_all[best], strict=True))
        return {
            "batch": batch,
            "samples_per_second": statistics.median(theirs_all[best]),
            "rcspike_samples_per_second": statistics.median(ours_all[best]),
            "ratio": statistics.median(a / b for a, b in pairs),
            "omp_wait_policy": policies[best],
            "by_policy": {p: statistics.median(x) for p, x in zip(policies, theirs_all, strict=True)},
            "pairs": pairs,
            "versions": theirs[best].versions,
        }


def memory(peer: Peer, data: Path, args: argparse.Namespace) -> dict[str, int]:
    """Peak of three training steps above libraries and the images of one batch, in bytes."""
    with running(peer, args.venvs, data, MEMORY_BATCH, args.threads, "default") as worker:
        worker.ask("run 3")
        return worker.ask("memory")


def measure(peer: Peer, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    try:
        return {
            "memory": memory(peer, folder / "one-batch", args),
            "rows": [compare(peer, folder / "all", batch, args) for batch in BATCHES],
        }
    except MissingPeerError as reason:
        return {"missing": str(reason)}


# Largest deviation of a float32 peer from rcspike in float64, of the largest entry: rounding in sums over 200 spikes,
# and for the grid, whose error is of first order in 1/100, the error that follows.
TOLERANCE = {"adjoint": 2e-5, "events": 2e-5, "autograd": 2e-4, "grid": 0.3}


def check(folder: Path, task: Path, args: argparse.Namespace) -> bool:
    """One layer's voltages and gradients by each RC-Spike peer against rcspike.functional, with and without ties."""
    rng = np.random.default_rng(0)
    weights = np.load(task / "w0.npy")
    images = np.load(task / "times.npy")[:8]
    apart = np.where(rng.random((8, len(weights))) < 0.2, rng.random((8, len(weights))), np.inf).astype(np.float32)
    grad_v = rng.standard_normal((8, weights.shape[1])).astype(np.float32)
    circuit = rcspike.Circuit(v_syn=V_SYN)
    passed = True
    for name in [name for name in args.peers if PEERS[name].script == "torch_rcspike"]:
        peer = PEERS[name]
        try:
            with running(peer, args.venvs, task, 8, args.threads, "default") as worker:
                for case, times in {"mnist": images, "random": apart}.items():
                    inputs = {"times": times, "weights": weights, "grad_v": grad_v}
                    for key, array in inputs.items():
                        np.save(folder / f"{key}.npy", array)
                    worker.ask(f"check {folder}")
                    wide = [x.astype(np.float64) for x in (times, weights, grad_v)]
                    exact = {"v": rcspike.functional.charge(*wide[:2], circuit)}
                    vjp = rcspike.functional.charge_vjp(*wide[:2], circuit, wide[2])
                    exact |= dict(zip(("grad_times", "grad_weights"), vjp, strict=True))
                    errors = {
                        key: float(np.abs(np.load(folder / f"{key}.npy") - x).max() / np.abs(x).max())
                        for key, x in exact.items()
                    }
                    good = max(errors.values()) <= TOLERANCE[name]
                    passed &= good
                    figures = ", ".join(f"{key} {error:.1e}" for key, error in errors.items())
                    print(f"{name:10}{case:8}{'ok' if good else 'WRONG':6} {figures}, allowed {TOLERANCE[name]:.0e}")
        except MissingPeerError as reason:
            print(f"{name:10}missing ({reason})")
    return passed


def table(results: dict[str, Any], ours: dict[str, int]) -> str:
    head = f"{'':42}{'batch':>6}{'samples/s':>11}{'rcspike':>10}{'ratio':>8}  {'OpenMP':8}{'memory':>9}{'ratio':>7}"
    lines = [head, f"{OURS.what:42}{'':45}{ours['bytes'] / 1e6:6.1f} MB"]
    for name, result in results.items():
        what = PEERS[name].what
        if "missing" in result:
            lines.append(f"{what:42}  missing ({result['missing']})")
            continue
        for row in result["rows"]:
            line = (
                f"{what:42}{row['batch']:6}{row['samples_per_second']:11,.0f}{row['rcspike_samples_per_second']:10,.0f}"
            )
            line += f"{row['ratio']:8.2f}  {row['omp_wait_policy']:8}"
            if row["batch"] == MEMORY_BATCH:
                peak = result["memory"]["bytes"]
                line += f"{peak / 1e6:6.0f} MB{peak / ours['bytes']:7.1f}"
            lines.append(line)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, required=True, help="folder of the peers' environments")
    parser.add_argument("--create", action="store_true", help="make those that are not there")
    parser.add_argument(
        "--peers", nargs="+", choices=list(PEERS), default=list(PEERS), metavar="NAME", help="some only"
    )
    parser.add_argument("--passes", type=int, default=7, help="alternating pairs for each figure; 7 by default")
    parser.add_argument("--seconds", type=float, default=PASS_SECONDS, help="aimed length of a pass; 1 by default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="folder of the MNIST files; looked for as datasets.load does by default")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--check", action="store_true", help="compare the peers' gradients with rcspike's and end")
    args = parser.parse_args()

    failures: dict[str, str] = {}
    for environment in dict.fromkeys(PEERS[name].environment for name in args.peers) if args.create else ():
        if environment and not (args.venvs / environment).exists() and (reason := create(environment, args.venvs)):
            failures[environment] = f"installation failed: {reason}"

    dataset = rcspike.datasets.load("mnist", directory=args.data)
    weights = trained(dataset).weights
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_task(folder / "all", dataset.train, N_IMAGES, weights)
        one = write_task(folder / "one-batch", dataset.train, MEMORY_BATCH, weights)
        if args.check:
            sys.exit(0 if check(folder, one, args) else 1)
        ours = memory(OURS, one, args)
        results: dict[str, Any] = {}
        for key in args.peers:
            peer = PEERS[key]
            print(f"{peer.what} ...", file=sys.stderr, flush=True)
            reason = failures.get(peer.environment or "")
            results[key] = {"what": peer.what} | ({"missing": reason} if reason else measure(peer, folder, args))

    result = {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "system": platform.platform()},
        "python": platform.python_version(),
        "build": dict(rcspike.build_config()),
        "network": SIZES,
        "v_syn": V_SYN,
        "data": f"MNIST, first {N_IMAGES} training images, weights after one epoch",
        "threads": args.threads,
        "passes": args.passes,
        "rcspike_memory": ours,
        "peers": results,
    }
    print(f"{result['machine']['cpu']}, {result['build']['isa']}, rcspike {result['build']['version']}, ", end="")
    print(f"{args.threads} threads; ratio = rcspike / peer in speed, peer / rcspike in memory")
    print(table(results, ours))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

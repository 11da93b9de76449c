"""Is this commit as fast as another? Builds both, measures them in turns in one run, and says so.

    python bench/checkperf.py [BASE] [--passes N] [--data DIR] [--tolerance SHARE]

BASE is a commit, by default the one before this (HEAD~1); "this" is the working tree as it is. Each is installed into
an environment of its own in a temporary folder; passes of the two alternate, and the ratio of a pair counts. The exit
code is 1 if any median ratio is below 1 - SHARE (by default 0.05).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]

# One process a version; a line on its standard input asks for one pass of everything.
WORKER = """
import sys
import numpy as np
import rcspike
from rcspike import _core
import throughput as t
dataset = rcspike.datasets.load("mnist", directory=sys.argv[1] or None)
network = t.trained(dataset)
split = dataset.train
times, labels = split.times[:t.N_IMAGES], np.ascontiguousarray(split.labels[:t.N_IMAGES])
events = rcspike.functional.schedule(times)
chip = rcspike.DeviceNetwork([rcspike.DevicePairs.of_weights(w) for w in network.weights], network.circuit)
model = rcspike.DeviceModel(off=.02, levels=16, lognormal=.2, stuck_off=.02).core
loss = dict(temperature=.07, temporal_penalty=0., t_ref=.9)
def trainer(**devices):
    return _core.trainer(list(network.weights), network.circuit.core, **loss, **devices)
for line in sys.stdin:
    speeds = [t.training_pass(trainer(), events, labels, b, None) for b in (64, 256)]
    speeds += [t.inference_pass(network, times, b, None) for b in (64, 256)]
    speeds += [t.inference_pass(chip, times, 256, None)]
    speeds += [t.training_pass(trainer(devices=model, seed=1), events, labels, 64, None)]
    print(*speeds, flush=True)
"""
WHAT = (
    "training, batch 64",
    "training, batch 256",
    "inference, batch 64",
    "inference, batch 256",
    "a chip, batch 256",
    "devices, batch 64",
)


def run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run([str(c) for c in command], cwd=cwd, check=True)


def installed(source: Path, folder: Path) -> Path:
    """The Python of a fresh environment that has the package from `source`."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", f"{source}")
    return python


def checkout(commit: str, folder: Path) -> Path:
    run("git", "worktree", "add", "--quiet", "--detach", folder, commit, cwd=ROOT)
    return folder


def start(python: Path, data: str) -> subprocess.Popen[str]:
    # The same measuring code for both versions: this one's.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}
    return subprocess.Popen(
        [python, "-c", WORKER, data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT / "bench",
    )


def ask(process: subprocess.Popen[str]) -> list[float]:
    stdin, stdout = pipes(process)
    stdin.write("go\n")
    stdin.flush()
    line = stdout.readline()
    if not line:
        sys.exit(f"a version stopped with exit code {process.wait()}")
    return [float(x) for x in line.split()]


def pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin and process.stdout
    return process.stdin, process.stdout


def compare(base: Path, this: Path, args: argparse.Namespace) -> list[tuple[float, float, float]]:
    """For each figure: medians of base and this, and the median of the ratios of neighbouring passes."""
    workers = [start(python, args.data) for python in (base, this)]
    pairs: list[Any] = [[ask(worker) for worker in workers] for _ in range(args.passes + 1)][1:]  # the first warms up
    for worker in workers:
        worker.communicate()
    figures = []
    for i in range(len(WHAT)):
        before, after = ([pair[version][i] for pair in pairs] for version in (0, 1))
        ratios = [b / a for a, b in zip(before, after, strict=True)]
        figures.append((statistics.median(before), statistics.median(after), statistics.median(ratios)))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", default="HEAD~1", metavar="BASE", help="commit to compare with")
    parser.add_argument("--passes", type=int, default=7, help="pairs of passes")
    parser.add_argument("--data", default="", help="folder of the MNIST files")
    parser.add_argument("--tolerance", type=float, default=0.05, help="loss of speed that is accepted, as a fraction")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = checkout(args.base, folder / "source")
        try:
            base, this = installed(source, folder / "base"), installed(ROOT, folder / "this")
            figures = compare(base, this, args)
        finally:
            run("git", "worktree", "remove", "--force", source, cwd=ROOT)
    print(f"{'':22}{args.base:>12}{'this':>12}{'ratio':>8}   samples/s, all threads")
    for what, (before, after, ratio) in zip(WHAT, figures, strict=True):
        print(f"{what:22}{before:12,.0f}{after:12,.0f}{ratio:8.3f}")
    if min(ratio for *_, ratio in figures) < 1 - args.tolerance:
        sys.exit(f"slower by more than {args.tolerance:.0%}")


if __name__ == "__main__":
    main()

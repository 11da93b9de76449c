"""Training of first spikes: a single phase against two phases, and against exact simulators of other groups.

    python bench/single_phase.py [--venv DIR --sources DIR] [--peers NAME ...] [--passes N] [--data DIR] [--json FILE]

Goals: a network of a single phase trains at 0.5 or more of the speed of one of two phases, and at 200 times the speed
of every exact simulator in Python and of ihmehimmeli, which is C++.

Without --venv only the phases are compared. The environment DIR has requirements-single-phase.txt; --sources is a
folder with a clone of fastAndDeep and the program ihmehimmeli_driver (docs/benchmarks.md). The network is 784-350-10
on MNIST unless a name has other sizes. Every peer has its own encoding, loss and initial weights, and its settings
(batch, variant) are tried in turn; the fastest counts, also of the batches of rcspike. All have one thread, so that
time of the processor can be measured next to wall time: samples per second of the processor hold also where other
programs run. One row has rcspike with two threads next to ihmehimmeli, whose training has no more than one. A pass of
rcspike and one of the peer alternate, and the ratio is the median of the ratios of such pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from compare import MissingPeerError, Peer, Worker, running, write_task
from throughput import cpu_model

import rcspike

sys.path.insert(0, str(Path(__file__).parent / "peers"))
import rcspike_phases

SIZES = (784, 350, 10)
SMALL = (256, 128, 10)
N_IMAGES = 4096
BATCHES = (64, 256)
WALL, CPU = "samples_per_second", "samples_per_cpu_second"


@dataclass(frozen=True)
class Simulator:
    """A peer, and its settings to try: variant and batch."""

    what: str
    script: str
    settings: tuple[tuple[str, int], ...]
    sizes: tuple[int, ...] = SIZES
    rcspike: str = "single-v2"
    threads: int = 1  # of rcspike


class Side(NamedTuple):
    """One side of a comparison, and its settings to try: variant and batch."""

    peer: Peer
    settings: Sequence[tuple[str, int]]


PEERS = {
    "ihmehimmeli": Simulator("ihmehimmeli, C++, float64", "ihmehimmeli", (("readme", 32), ("readme", 128))),
    "ihmehimmeli-two-threads": Simulator(
        "ihmehimmeli, rcspike with 2 threads", "ihmehimmeli", (("readme", 32), ("readme", 128)), threads=2
    ),
    "ihmehimmeli-float64": Simulator(
        "ihmehimmeli, rcspike in float64", "ihmehimmeli", (("readme", 128),), SIZES, "single-v2-float64"
    ),
    "exact-snn-nn": Simulator("exact-snn-nn, PyTorch", "exact_snn_layers", (("event", 8), ("grid", 8))),
    "jaxsnn": Simulator("jaxsnn, JAX", "jaxsnn_network", (("eventprop", 16),)),
    "fastAndDeep": Simulator("fastAndDeep, PyTorch, float64", "fast_and_deep", (("equal", 1),)),
    "fastAndDeep-16x16": Simulator("fastAndDeep, 256-128-10", "fast_and_deep", (("equal", 1), ("equal", 8)), SMALL),
}


def small_images(split: rcspike.datasets.Split) -> rcspike.datasets.Split:
    """Images of 16 x 16 points, sampled from those of 28 x 28 without the outermost rows and columns."""
    rows = np.linspace(2, 25, 16).round().astype(int)
    return replace(split, images=np.ascontiguousarray(split.images[:, rows][:, :, rows]))


def trained(split: rcspike.datasets.Split, sizes: Sequence[int], phases: Any, circuit: str) -> rcspike.Network:
    """After an epoch of 8,192 images, so that as many neurons are silent as in training."""
    some = replace(split, images=split.images[:8192], labels=split.labels[:8192])
    network = rcspike.Network.create(sizes, rcspike_phases.CIRCUITS[circuit], phases=phases, seed=0)
    rcspike.train(
        network, rcspike.datasets.Dataset("mnist", some, some), seed=0, **rcspike_phases.settings(phases, epochs=1)
    )
    return network


def passes(first: Worker, second: Worker, n_first: int, n_second: int, n: int) -> dict[str, Any]:
    """Alternating passes of so many batches, and for wall time and time of the processor the median of the ratios."""
    pairs = [(first.ask(f"run {n_first}"), second.ask(f"run {n_second}")) for _ in range(n)]
    result: dict[str, Any] = {}
    for key in (WALL, CPU):
        speeds = [(a[key], b[key]) for a, b in pairs]
        ratios = sorted(a / b for a, b in speeds)
        result[key] = {
            "rcspike": statistics.median(a for a, _ in speeds),
            "other": statistics.median(b for _, b in speeds),
            "ratio": statistics.median(ratios),
            "ratio_range": (ratios[0], ratios[-1]),
            "pairs": speeds,
        }
    return result


def phases(folder: Path, circuit: str, batch: int, args: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        single, two = (
            stack.enter_context(
                running(
                    Peer("rcspike_phases", f"{name}-{circuit}", None, name),
                    args.venv,
                    folder / f"{name}-{circuit}",
                    batch,
                    1,
                    "default",
                )
            )
            for name in ("single", "two")
        )
        for worker in (single, two):
            worker.ask("run 2")
        n = max(1, args.images // batch)
        return {"circuit": circuit, "batch": batch} | passes(single, two, n, n, args.passes)


def compare(simulator: Simulator, ours: Path, args: argparse.Namespace) -> dict[str, Any]:
    environment = None if simulator.script == "ihmehimmeli" else args.venv.name
    theirs = Side(Peer(simulator.script, "", environment, simulator.what), simulator.settings)
    rc = Side(Peer("rcspike_phases", "", None, "rcspike"), [(simulator.rcspike, batch) for batch in BATCHES])

    def started(side: Side, setting: tuple[str, int], threads: int = 1) -> Any:
        variant, batch = setting
        return running(replace(side.peer, variant=variant), args.venv.parent, ours, batch, threads, "default")

    def fastest(side: Side, threads: int) -> tuple[dict[tuple[str, int], float], list[str]]:
        """Samples per second of each setting, and why others failed."""
        speeds: dict[tuple[str, int], float] = {}
        reasons: list[str] = []
        for setting in side.settings:
            try:
                with started(side, setting, threads) as worker:
                    worker.ask("run 1")  # the first step allocates and compiles
                    n = 1 if side is theirs else args.images // setting[1] // 4
                    speeds[setting] = worker.ask(f"run {n}")[WALL]
            except MissingPeerError as reason:
                reasons.append(f"{setting[0]}, batch {setting[1]}: {reason}")
        return speeds, reasons

    speeds, reasons = fastest(theirs, 1)
    if not speeds:
        return {"what": simulator.what, "missing": "; ".join(reasons)}
    own, _ = fastest(rc, simulator.threads)
    setting, own_setting = max(speeds, key=lambda one: speeds[one]), max(own, key=lambda one: own[one])
    variant, batch = setting
    with ExitStack() as stack:
        first = stack.enter_context(started(rc, own_setting, simulator.threads))
        second = stack.enter_context(started(theirs, setting))
        first.ask("run 2")
        second.ask("run 1")
        n = max(1, round(args.seconds * speeds[setting] / batch))
        measured = passes(first, second, max(1, args.images // own_setting[1] // 2), n, args.peer_passes)
        return {
            "what": simulator.what,
            "network": simulator.sizes,
            "variant": variant,
            "batch": batch,
            "tried": [{"variant": v, "batch": b, WALL: speed} for (v, b), speed in speeds.items()],
            "failed": reasons,
            "rcspike_batch": own_setting[1],
            "rcspike_threads": simulator.threads,
            "versions": second.versions,
        } | measured


def line(name: str, row: dict[str, Any]) -> str:
    if "missing" in row:
        return f"{name:34} missing ({row['missing']})"
    wall, cpu = row[WALL], row[CPU]
    spread = "{:.3g} to {:.3g}".format(*cpu["ratio_range"])
    return (
        f"{name:34}{cpu['other']:12,.4g}{cpu['rcspike']:11,.0f}{cpu['ratio']:10,.3g}  {spread:22}"
        f"{wall['other']:12,.4g}{wall['rcspike']:11,.0f}{wall['ratio']:10,.3g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, help="environment of the peers in Python")
    parser.add_argument("--sources", type=Path, help="folder of fastAndDeep and ihmehimmeli_driver")
    parser.add_argument(
        "--peers", nargs="*", choices=list(PEERS), default=list(PEERS), metavar="NAME", help="some only"
    )
    parser.add_argument("--passes", type=int, default=5, help="alternating pairs of two phases; 5 by default")
    parser.add_argument("--peer-passes", type=int, default=3, help="of a peer; 3 by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="aimed length of a pass of a peer; 1 by default")
    parser.add_argument("--images", type=int, default=N_IMAGES, help="images of a pass; 4,096 by default")
    parser.add_argument("--data", help="folder of the MNIST files; looked for as datasets.load does by default")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    args = parser.parse_args()
    if args.sources:
        os.environ["RCSPIKE_PEERS"] = str(args.sources.resolve())
    chosen = args.peers if args.venv else []
    args.venv = args.venv or Path(sys.prefix)

    split = rcspike.datasets.load("mnist", directory=args.data).train
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        networks = {
            (phase, circuit): trained(split, SIZES, phase, circuit)
            for phase in ("single", "two")
            for circuit in rcspike_phases.CIRCUITS
        }
        for (phase, circuit), network in networks.items():
            write_task(folder / f"{phase}-{circuit}", split, args.images, network.weights)
        rows = [phases(folder, circuit, batch, args) for circuit in rcspike_phases.CIRCUITS for batch in BATCHES]
        for row in rows:
            print(line(f"two phases, {row['circuit']}, batch {row['batch']}", row), file=sys.stderr, flush=True)
        big = write_task(folder / "peers", split, args.images, networks["single", "v2"].weights)
        small_split = small_images(split)
        weights = trained(small_split, SMALL, "single", "v2").weights
        small = write_task(folder / "small", small_split, args.images, weights)
        peers = {}
        for key in chosen:
            print(f"{PEERS[key].what} ...", file=sys.stderr, flush=True)
            try:
                peers[key] = compare(PEERS[key], small if PEERS[key].sizes == SMALL else big, args)
            except MissingPeerError as reason:
                peers[key] = {"what": PEERS[key].what, "missing": str(reason)}
            print(line(PEERS[key].what, peers[key]), file=sys.stderr, flush=True)

    result = {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "system": platform.platform()},
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "build": dict(rcspike.build_config()),
        "network": SIZES,
        "data": f"MNIST, first {args.images} training images",
        "threads": 1,
        "passes": args.passes,
        "phases": rows,
        "peers": peers,
    }
    print(
        f"{result['machine']['cpu']}, {result['build']['isa']}, rcspike {result['build']['version']}, 1 thread; ",
        end="",
    )
    print("samples per second of the processor, ratio rcspike / other with its range; then per second of wall time")
    for row in rows:
        print(line(f"two phases, {row['circuit']}, batch {row['batch']}", row))
    for row in peers.values():
        print(line(row["what"], row))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

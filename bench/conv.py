"""Training throughput and memory of a convolutional network, compared with networks of its shape in PyTorch.

    python bench/conv.py [--torch PYTHON] [--data DIR] [--threads N] [--json FILE]

The network is conv16-conv16-pool-conv32-conv32-pool-128-10 on Fashion-MNIST, batches of 64 images, float32. Goals on
two threads: 0.35 of the throughput of the same architecture with ReLUs in PyTorch at its best setting (channels last,
fused Adam, threads that spin or that sleep between loops), better 0.5; 50 times that of RC-Spike in PyTorch on a grid
of 100 steps; and a step with less than 200 MB above the imported package and its data.

Passes alternate, so that all meet the same load of the machine; a ratio is the median of the ratios of neighbouring
passes. PyTorch runs in processes of its own, of the interpreter given by --torch.

The last figures are of spikes on a clock, which have ties: how much faster the convolutions of the trained
network then are, both passes together, with every spike at the end of its period of T/64, T/32 or T/16.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ARCHITECTURE = "conv16-conv16-pool-conv32-conv32-pool-128-10"
BATCH, STEPS, PASSES, V_SYN, NOISE = 64, 20, 7, 3.0, 0.01

PEER = Path(__file__).parent / "peers" / "torch_conv.py"
PEER_STEPS = {"relu": STEPS, "grid": 1}
POLICIES = ("active", "passive")  # whether threads of the peer spin between loops


def trainer_pass(trainer: Any, events: Any, labels: Any, draw: Callable[[], Any], threads: int) -> float:
    import numpy as np

    started = time.perf_counter()
    for step in range(STEPS):
        picked = np.arange(step * BATCH, (step + 1) * BATCH)
        trainer.step(events, picked, labels[picked], draw(), learning_rate=1e-3, threads=threads)
    return STEPS * BATCH / (time.perf_counter() - started)


def start(options: argparse.Namespace, name: str, policy: str) -> subprocess.Popen[str]:
    peer = subprocess.Popen(
        [options.torch, PEER, name, *map(str, (BATCH, PEER_STEPS[name], options.threads))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": policy, "OMP_NUM_THREADS": str(options.threads)},
    )
    assert peer.stdout is not None
    peer.stdout.readline()
    return peer


def peer_pass(peer: subprocess.Popen[str]) -> float:
    assert peer.stdout is not None and peer.stdin is not None
    peer.stdin.write("\n")
    peer.stdin.flush()
    return float(peer.stdout.readline())


def clocked(network: Any, times: Any, threads: int) -> dict[str, float]:
    """Speed of the convolutions with spikes on a clock of so many periods in T, as a multiple of that without one."""
    import numpy as np

    seconds = dict.fromkeys((None, 64, 32, 16), 0.0)
    for result in network.walk(times):
        if not hasattr(result.layer.wiring, "kernel"):
            continue
        layer, spikes = result.layer, result.times
        for periods in seconds:
            at = spikes if periods is None else np.ceil(spikes * periods) / np.float32(periods)
            passes = []
            for _ in range(PASSES):
                started = time.perf_counter()
                v = layer.charge(at, threads=threads)
                layer.charge_vjp(at, v, threads=threads)
                passes.append(time.perf_counter() - started)
            seconds[periods] += statistics.median(passes)
    return {f"T/{periods}": seconds[None] / own for periods, own in seconds.items() if periods is not None}


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", help="Python with PyTorch to compare with")
    parser.add_argument("--data", type=Path, help="folder of the data set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()

    import numpy as np

    import rcspike
    from rcspike.training import Settings
    from rcspike.training.spike_shifts import spike_shifts

    split = rcspike.datasets.load("fashion-mnist", directory=options.data).train
    times, labels = split.times[: STEPS * BATCH], np.ascontiguousarray(split.labels[: STEPS * BATCH])
    circuit = rcspike.Circuit(v_syn=V_SYN)
    network = rcspike.Network.create(ARCHITECTURE, circuit, seed=0, input_shape=(28, 28))
    settings = Settings(epochs=1, seed=0, noise=NOISE)
    events = rcspike.functional.schedule(times, threads=options.threads)
    rng = np.random.default_rng(0)

    def draw() -> Any:
        return spike_shifts(rng, BATCH, network, settings, options.threads)

    before = megabytes()
    trainer = settings.trainer(network)
    trainer_pass(trainer, events, labels, draw, options.threads)
    found: dict[str, Any] = {
        "architecture": ARCHITECTURE,
        "threads": options.threads,
        "memory_mb": megabytes() - before,
    }

    names = [(name, policy) for name in PEER_STEPS for policy in POLICIES] if options.torch else []
    peers = {(name, policy): start(options, name, policy) for name, policy in names}
    ours: list[float] = []
    theirs: dict[tuple[str, str], list[float]] = {name: [] for name in names}
    for _ in range(PASSES):
        ours.append(trainer_pass(trainer, events, labels, draw, options.threads))
        for name, peer in peers.items():
            theirs[name].append(peer_pass(peer))
    found["samples_per_second"] = statistics.median(ours)
    for (name, policy), speeds in theirs.items():
        found[f"{name}_{policy}_samples_per_second"] = statistics.median(speeds)
        found[f"ratio_to_{name}_{policy}"] = statistics.median(a / b for a, b in zip(ours, speeds, strict=True))
    network.parameters = dict(zip(network.parameters, trainer.weights(), strict=True))
    found["speed_of_convolutions_on_a_clock"] = clocked(network, times[:BATCH], options.threads)
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())

"""Training and inference throughput of 784-200-200-10 on MNIST, and the memory of a training step.

    python bench/throughput.py [--data DIR] [--json FILE]

Goals on one core of a current server: 15,000 samples/s in training (forward, backward, Adam) and 35,000 in inference
(spike times to voltages, sorting included), 1.7 times that on two; a training step of batch 256 under 50 MB.

Every figure is the median over passes through the same 8,192 images. Passes with one and with two threads alternate, so
that the machine's moods meet both; the speed-up is the median of the ratios of neighbouring passes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import rcspike
from rcspike import _core

SIZES = (784, 200, 200, 10)
N_IMAGES = 8192
PASSES = 7
V_SYN = 1.0


def trained(dataset: rcspike.datasets.Dataset) -> rcspike.Network:
    """After one epoch: the fraction of silent neurons, and with it the cost, is no longer that of random weights."""
    network = rcspike.Network.create(SIZES, rcspike.Circuit(v_syn=V_SYN), seed=0)
    rcspike.train(network, dataset, epochs=1, seed=0)
    return network


def inference_pass(network: rcspike.Network, times: Any, batch: int, threads: int) -> float:
    started = time.perf_counter()
    for first in range(0, len(times), batch):
        network.forward(times[first : first + batch], threads=threads)
    return len(times) / (time.perf_counter() - started)


def training_pass(trainer: Any, events: Any, labels: Any, batch: int, threads: int) -> float:
    order = np.random.default_rng(0).permutation(len(labels))
    started = time.perf_counter()
    for first in range(0, len(labels), batch):
        picked = order[first : first + batch]
        trainer.step(events, picked, labels[picked], [], learning_rate=1e-3, threads=threads)
    return len(labels) / (time.perf_counter() - started)


def measure(network: rcspike.Network, split: rcspike.datasets.Split) -> list[dict[str, Any]]:
    times, labels = split.times[:N_IMAGES], np.ascontiguousarray(split.labels[:N_IMAGES])
    events = rcspike.functional.schedule(times)
    rows = []
    for batch in (64, 256):
        trainer = _core.trainer(
            list(network.weights), network.circuit.core, temperature=0.07, temporal_penalty=0.0, t_ref=0.9
        )
        runs: dict[str, Any] = {
            "training": lambda threads, b=batch, t=trainer: training_pass(t, events, labels, b, threads),
            "inference": lambda threads, b=batch: inference_pass(network, times, b, threads),
        }
        for name, run in runs.items():
            pairs = [(run(1), run(2)) for _ in range(PASSES + 1)][1:]  # the first pair warms up
            one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
            speed_up = statistics.median(b / a for a, b in pairs)
            rows.append({"what": name, "batch": batch, "threads_1": one, "threads_2": two, "speed_up": speed_up})
    return rows


STEP_MEMORY = """
import sys
from pathlib import Path
import numpy as np
import rcspike
from rcspike import _core
def status(key):
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(key + ":"))
    return int(line.split()[1]) * 1024
times = np.load(sys.argv[1]); labels = np.load(sys.argv[2])
Path("/proc/self/clear_refs").write_text("5")  # the peak of importing is not ours
before = status("VmRSS")
network = rcspike.Network.create({sizes}, rcspike.Circuit(v_syn={v_syn}), seed=0)
events = rcspike.functional.schedule(times)
trainer = _core.trainer(list(network.weights), network.circuit.core, temperature=.07, temporal_penalty=0., t_ref=.9)
for _ in range(3):
    trainer.step(events, np.arange(256), labels, [], learning_rate=1e-3)
print(status("VmHWM") - before)
"""


def step_memory(split: rcspike.datasets.Split, folder: Path) -> int:
    """Peak memory of a training step of batch 256 above the imported package and its batch, in bytes (Linux)."""
    np.save(folder / "times.npy", split.times[:256])
    np.save(folder / "labels.npy", split.labels[:256])
    code = STEP_MEMORY.format(sizes=SIZES, v_syn=V_SYN)
    command = [sys.executable, "-c", code, str(folder / "times.npy"), str(folder / "labels.npy")]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout)


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of the MNIST files; looked for as datasets.load does by default")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    args = parser.parse_args()

    dataset = rcspike.datasets.load("mnist", directory=args.data)
    network = trained(dataset)
    with tempfile.TemporaryDirectory() as folder:
        memory = step_memory(dataset.train, Path(folder))
    result = {
        "machine": {"cpu": cpu_model(), "system": platform.platform(), "python": platform.python_version()},
        "build": dict(rcspike.build_config()),
        "network": SIZES,
        "v_syn": V_SYN,
        "data": f"MNIST, first {N_IMAGES} training images",
        "rows": measure(network, dataset.train),
        "step_memory_bytes": memory,
    }
    print(f"{result['machine']['cpu']}, {result['build']['isa']}, rcspike {result['build']['version']}")
    print(f"{'':12}{'batch':>6}{'1 thread':>12}{'2 threads':>12}{'ratio':>8}   samples/s")
    for row in result["rows"]:
        print(
            f"{row['what']:12}{row['batch']:6}{row['threads_1']:12,.0f}{row['threads_2']:12,.0f}{row['speed_up']:8.2f}"
        )
    print(f"memory of a training step of batch 256: {memory / 1e6:.1f} MB")
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

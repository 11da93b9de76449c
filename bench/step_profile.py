"""Where the time of a training step goes, by phase, and how near the kernels come to what the vector units allow.

    python bench/step_profile.py [WORKLOAD ...] [--batch N] [--threads N] [--seconds S] [--data DIR] [--json FILE]

Workloads: dense (784-200-200-10), conv (conv16-conv16-pool-conv32-conv32-pool-128-10), single (784-350-10 of
single-phase neurons) and torch (dense through `rcspike.torch`, with its Adam, on a schedule), on MNIST, after an epoch
on 8,192 images. Each runs in a process of its own.

Linux's perf samples the processor's clock, and addr2line names the source line of each sample and of what that is
inlined into; so the engine must have its lines and symbols:

    pip install . -C cmake.define.CMAKE_CXX_FLAGS=-g1 -C install.strip=false

Times are of the processor, over all threads; "asleep" is the rest of the threads' wall time. The bound is the number of
vector operations of a step (OPERATIONS) over what the vector units finish in a second: two operations of 512 bits a
clock on Intel's cores and on Zen 5, one on Zen 4, which takes each in halves (--units). In the backward pass it counts
the neurons that have a gradient as if they filled whole registers. The clock is measured with a chain of products.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from throughput import cpu_model

import rcspike
from rcspike.network.wiring import Conv2d
from rcspike.training import Settings

ARCHITECTURES = {
    "dense": "200-200-10",
    "conv": "conv16-conv16-pool-conv32-conv32-pool-128-10",
    "single": "350-10",
    "torch": "200-200-10",
}
V_SYN = {"dense": 1.0, "conv": 3.0, "single": 2.0, "torch": 1.0}
N_IMAGES = 8192
SAMPLES_A_SECOND = 4999
LANES = 16  # numbers of float32 in a tile

# A sample belongs to the first phase that matches its frames, innermost first, each written "file function;".
PHASES = {
    "waiting for other threads": r"^(workers\.cpp (spin|operator)|.*sched_yield|.*(futex|pthread_cond|gomp_))",
    "sorting": r"(sort_and_merge|check_times)\.cpp",
    "events": r"(event_batch|wiring|patches|schedule)\.cpp|(position_events|source|patches)\.h",
    "Adam and the sum of gradients": r"adam\.(h|cpp)|gradients\.cpp (?!.*zero)",
    "first spikes, backward": r"first_spike_backward",
    "first spikes, forward": r"(crossing|sweep)\.h .*(first_spike|cross)|keep_crossings|crossing_times",
    "backward, forward sweep again": r"sweep\.h .*backward",
    "backward": r"(adjoint|patch)\.h .*backward|avx512\.cpp|merged_tiles\.h",
    "forward": r"(sweep|patch|relax)\.h ",
    "sums of dL/dt": r"backward\.cpp",
    "copying and clearing": r"mem(set|cpy|move)|(gradients|synapses|network_pass)\.cpp|tiles\.h|all_within",
    "neurons and the loss": r"(two_phase|single_phase|readout|fire|loss|energy)\w*\.(h|cpp)",
    "PyTorch": r"libtorch|libc10|at::|torch",
    "Python": r"libpython|_Py|python",
}

# Vector operations (sums, products, fused ones, logic; no loads and stores) of a spike and of a step between spikes,
# for 16 columns on symmetric rails.
OPERATIONS = {
    "forward": (3, 12),  # two sums and |w|; membrane.h and relax.h without e
    "backward, forward sweep again": (3, 14),  # also e, and the slope by the conductance
    "backward": (3, 5),  # adjoint.h
    "backward, with times": (6, 7),
}

# A product takes three clocks on all of these processors, and the next one waits for it.
CHAIN_OF_PRODUCTS = """
#include <time.h>
double clock_rate(void) {
    struct timespec a, b;
    unsigned long x = 3;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (long i = 0; i < 5000000; ++i)
        __asm__ volatile("imul %0, %0\\nimul %0, %0\\nimul %0, %0\\nimul %0, %0\\nimul %0, %0\\n"
                         "imul %0, %0\\nimul %0, %0\\nimul %0, %0\\nimul %0, %0\\nimul %0, %0" : "+r"(x));
    clock_gettime(CLOCK_MONOTONIC, &b);
    return 1.5e8 / ((double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
}
"""


# Workloads


def trained(workload: str, split: rcspike.datasets.Split, threads: int) -> rcspike.Network:
    """After an epoch, so that as many neurons are silent as in training."""
    phases = "single" if workload == "single" else "two"
    architecture = ARCHITECTURES[workload]
    shape = (28, 28) if "conv" in architecture else None
    sizes: Any = architecture if shape else [784, *map(int, architecture.split("-"))]
    network = rcspike.Network.create(
        sizes, rcspike.Circuit(v_syn=V_SYN[workload]), seed=0, input_shape=shape, phases=phases
    )
    rcspike.train(network, rcspike.datasets.Dataset("mnist", split, split), epochs=1, seed=0, threads=threads)
    return network


def engine_pass(network: rcspike.Network, split: rcspike.datasets.Split, batch: int, threads: int) -> Callable[[], int]:
    """Steps of `rcspike.train`, on a schedule that is made once."""
    trainer = Settings(epochs=1, seed=0).trainer(network)
    events = rcspike.functional.schedule(split.times, threads=threads, phases=network.phases)
    labels, rng = np.ascontiguousarray(split.labels), np.random.default_rng(0)

    def run() -> int:
        for picked in np.split(rng.permutation(len(labels)), range(batch, len(labels), batch)):
            trainer.step(events, picked, labels[picked], [], learning_rate=1e-3, threads=threads)
        return -(-len(labels) // batch)

    return run


def torch_pass(network: rcspike.Network, split: rcspike.datasets.Split, batch: int, threads: int) -> Callable[[], int]:
    """The loop that a user of PyTorch writes."""
    import torch

    import rcspike.torch as rct

    torch.set_num_threads(threads)
    module, loss = rct.Network.from_network(network), rct.OutputLoss(network.circuit)
    optimiser = rct.Adam(module.parameters(), lr=1e-3)
    events, labels = rcspike.functional.schedule(split.times, threads=threads), torch.tensor(split.labels)

    def run() -> int:
        batches = torch.randperm(len(labels)).split(batch)
        for picked in batches:
            optimiser.zero_grad()
            loss(module(events[picked]), labels[picked]).backward()
            optimiser.step()
        return len(batches)

    return run


# The bound


class Work(NamedTuple):
    """Averages over samples: spikes and steps that a layer's neurons see, and 16 columns that take part in a pass."""

    spikes: float
    steps: float
    tiles: float
    tiles_with_gradient: float


def work_of(network: rcspike.Network, times: Any) -> list[Work]:
    results = list(network.walk(times))  # each with the spike times that its layer sees
    outputs = [result.times for result in results[1:]]
    active = [float(np.mean((t > 0) & (t < 1))) for t in outputs] + [1.0]
    work = []
    for result, share in zip(results, active, strict=True):
        columns = result.layer.weights.shape[1]
        spikes = float(np.mean(np.sum(result.times <= 1, axis=1)))
        steps = float(np.mean([len(np.unique(row[row <= 1])) for row in result.times]))
        positions, wiring = 1, result.layer.wiring
        if isinstance(wiring, Conv2d):  # each spike begins a step
            positions = result.layer.n_out // columns * wiring.pool**2
            spikes = steps = spikes * wiring.kernel[0] * wiring.kernel[1] / positions
        work.append(Work(spikes, steps, -(-columns // LANES) * positions, columns / LANES * positions * share))
    return work


def bounds(work: list[Work], batch: int, operations_a_second: float) -> dict[str, float]:
    """Microseconds of one thread for a step."""

    def seconds(phase: str, layer: Work, tiles: float) -> float:
        of_spike, of_step = OPERATIONS[phase]
        return batch * tiles * (layer.spikes * of_spike + layer.steps * of_step) / operations_a_second

    again = "backward, forward sweep again"
    found = {
        "forward": sum(seconds("forward", layer, layer.tiles) for layer in work),
        again: sum(seconds(again, layer, layer.tiles_with_gradient) for layer in work),
        "backward": seconds("backward", work[0], work[0].tiles_with_gradient)
        + sum(seconds("backward, with times", layer, layer.tiles_with_gradient) for layer in work[1:]),
    }
    return {phase: 1e6 * value for phase, value in found.items()}


def clock_rate(folder: Path) -> float:
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(CHAIN_OF_PRODUCTS)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
    function = ctypes.CDLL(str(library)).clock_rate
    function.restype = ctypes.c_double
    return max(function() for _ in range(5))


def vector_units() -> int:
    """Operations of 512 bits a clock."""
    text = Path("/proc/cpuinfo").read_text()
    family = re.search(r"^cpu family\s*: (\d+)", text, re.MULTILINE)
    return 1 if "AuthenticAMD" in text and family and int(family[1]) < 26 else 2


# Samples


def record(run: Callable[[], int], seconds: float, folder: Path) -> tuple[int, float, Path]:
    """Runs for some seconds under perf; steps, wall seconds and the file of samples."""
    run()
    data = folder / "perf.data"
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_A_SECOND), "-p", str(os.getpid())]
    perf = subprocess.Popen([*command, "-o", data])
    time.sleep(1)  # until it is attached
    started, steps = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        steps += run()
    elapsed = time.perf_counter() - started
    perf.send_signal(signal.SIGINT)
    perf.wait()
    return steps, elapsed, data


def frames_of_samples(data: Path) -> Iterable[str]:
    """The frames of each sample, innermost first, as PHASES takes them."""
    script = ["perf", "script", "-i", data, "-F", "ip,sym,dso,dsoff"]
    lines = subprocess.run(script, check=True, capture_output=True, text=True).stdout.splitlines()
    samples = [re.fullmatch(r"\s*\w+ (.*) \((.*?)(?:\+0x(\w+))?\)", line) for line in lines if line.strip()]
    addresses = collections.defaultdict(set)
    for sample in filter(None, samples):
        if "_core" in sample[2] and sample[3]:
            addresses[sample[2]].add(sample[3])
    frames = {(dso, at): found for dso, used in addresses.items() for at, found in inlined(dso, sorted(used)).items()}
    for sample in filter(None, samples):
        yield frames.get((sample[2], sample[3])) or f"{Path(sample[2]).name} {sample[1]};"


def inlined(dso: str, addresses: list[str]) -> dict[str, str]:
    command = ["addr2line", "-a", "-f", "-i", "-C", "-s", "-e", dso]
    output = subprocess.run(command, input="\n".join(addresses), check=True, capture_output=True, text=True).stdout
    found = {}
    for address, block in pairwise_blocks(output):
        lines = block.splitlines()
        found[address] = "".join(
            f"{place.split(':')[0]} {function.split('(')[0]};"
            for function, place in zip(lines[::2], lines[1::2], strict=True)
        )
    return found


def pairwise_blocks(output: str) -> Iterable[tuple[str, str]]:
    """The parts of addr2line's output, by their address without leading zeros."""
    parts = re.split(r"^0x0*([0-9a-f]+)\n", output, flags=re.MULTILINE)[1:]
    return zip(parts[::2], parts[1::2], strict=True)


def phase_of(frames: str) -> str:
    return next((phase for phase, pattern in PHASES.items() if re.search(pattern, frames)), "other")


def profile(workload: str, options: argparse.Namespace) -> dict[str, Any]:
    whole = rcspike.datasets.load("mnist", directory=options.data).train
    split = replace(whole, images=whole.images[:N_IMAGES], labels=whole.labels[:N_IMAGES])
    network = trained(workload, split, options.threads)
    passes = torch_pass if workload == "torch" else engine_pass
    run = passes(network, split, options.batch, options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clock = clock_rate(folder)
        steps, seconds, data = record(run, options.seconds, folder)
        samples = collections.Counter(map(phase_of, frames_of_samples(data)))
    each = 1e6 / SAMPLES_A_SECOND / steps
    times = {phase: n * each for phase, n in samples.most_common()}
    times["asleep"] = max(options.threads * 1e6 * seconds / steps - sum(times.values()), 0.0)
    rate = clock * options.units
    limit = {} if workload == "single" else bounds(work_of(network, split.times[:256]), options.batch, rate)
    return {
        "workload": workload,
        "batch": options.batch,
        "threads": options.threads,
        "clock_ghz": clock / 1e9,
        "units": options.units,
        "samples_per_second": steps * options.batch / seconds,
        "step_us": 1e6 * seconds / steps,
        "us_of_all_threads": times,
        "bound_us": limit,
    }


def show(found: dict[str, Any]) -> None:
    total = sum(found["us_of_all_threads"].values())
    print(
        f"\n{found['workload']}, batches of {found['batch']}, {found['threads']} threads: a step takes "
        f"{found['step_us']:,.0f} us ({found['samples_per_second']:,.0f} samples/s)\n"
    )
    print(f"{'phase':32}{'us':>10}{'% of step':>12}{'% of bound':>12}")
    for phase, us in found["us_of_all_threads"].items():
        bound = found["bound_us"].get(phase)
        print(f"{phase:32}{us:10,.0f}{100 * us / total:12.1f}" + (f"{100 * bound / us:12.0f}" if bound else ""))
    if found["bound_us"]:
        print(f"{'bound of a step':32}{sum(found['bound_us'].values()):10,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=list(ARCHITECTURES), metavar="WORKLOAD")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--units", type=int, choices=(1, 2), default=vector_units(), help="512-bit operations a clock")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    workloads = options.workloads or list(ARCHITECTURES)
    if len(workloads) == 1:
        found = [profile(workloads[0], options)]
    else:
        found = [own_process(workload) for workload in workloads]
    for each in found:
        show(each)
    if options.json:
        options.json.write_text(json.dumps({"machine": cpu_model(), "profiles": found}, indent=2) + "\n")


def own_process(workload: str) -> dict[str, Any]:
    """PyTorch's threads, and neurons of another kind, would disturb the next workload."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        given = [argument for argument in sys.argv[1:] if argument not in ARCHITECTURES]
        subprocess.run([sys.executable, __file__, workload, *given, "--json", file.name], check=True)
        return json.loads(Path(file.name).read_text())["profiles"][0]


if __name__ == "__main__":
    main()

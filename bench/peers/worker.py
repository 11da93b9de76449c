"""The common part of all peers of compare.py: a process that trains on command, and reports in JSON.

A peer is a script with its imports and a call of `main` at its end, which names its variants. It is started as

    python bench/peers/NAME.py --data DIR --variant V --batch N --threads N

where DIR holds times.npy (n, n_in), labels.npy (n,) and the initial weights w0.npy, w1.npy, ... (n_in, n_out), prints
one line once it is ready, and then answers each line on stdin with one line on stdout:

    run N       train on N batches     {"samples_per_second": ..., "samples_per_cpu_second": ..., "loss": ...}
    memory      peak above import and data so far        {"bytes": ...}
    check DIR   one layer, times.npy, weights.npy and grad_v.npy of DIR -> v.npy, grad_times.npy, grad_weights.npy there

Between two commands it waits for stdin and uses no core. This file must run in any environment: it needs numpy alone.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TEMPERATURE = 0.07
LEARNING_RATE = 1e-3
V_SYN = 1.0


@dataclass(frozen=True)
class Task:
    """Training data and settings; `weights` are those that rcspike starts from, (n_in, n_out) for each layer."""

    times: Any
    labels: Any
    weights: list[Any]
    batch: int
    threads: int


# Takes one batch, given by its row numbers, through forward, backward and Adam. A loss that is read costs a
# synchronisation nowhere here (CPU), so every peer returns it and a peer that learns nothing is seen.
Step = Callable[[Any], Any]
Run = Callable[[int], dict[str, float]]  # trains on as many batches
Vjp = Callable[[Any, Any, Any], tuple[Any, Any, Any]]


def status(key: str) -> int:
    """A field of /proc/self/status in bytes (Linux)."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(key + ":"))
    return int(line.split()[1]) * 1024


def main(
    variants: Mapping[str, Callable[[Task], Step]],
    versions: Mapping[str, str],
    vjps: Mapping[str, Vjp] | None = None,
    *,
    toy: bool = True,
) -> None:
    """Serve stdin. `versions` of the imported libraries; `vjps` are the variants whose gradients can be checked.

    Without `toy` nothing is trained before, where that takes minutes and no memory is measured."""
    args = arguments(variants)
    task = read_task(args)
    answer, sys.stdout = sys.stdout, sys.stderr  # output of libraries must not end up among the answers
    if toy:
        warm_up(variants[args.variant], args.threads)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of importing and loading is not the peer's
    before = status("VmRSS")
    step = variants[args.variant](task)
    order = Order(len(task.labels), args.batch)

    def send(**values: Any) -> None:
        print(json.dumps(values), file=answer, flush=True)

    send(versions={"python": sys.version.split()[0], "numpy": np.__version__, **versions})
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            send(**timed(step, [order.take() for _ in range(int(argument))]))
        elif command == "memory":
            send(bytes=status("VmHWM") - before)
        elif command == "check":
            check(Path(argument), (vjps or {})[args.variant])
            send(done=True)
        else:
            raise ValueError(f"unknown command {command!r}")


def serve(variants: Mapping[str, Callable[[Task], Run]], versions: Mapping[str, str]) -> None:
    """Serve `run N` of a program that trains and times itself: a variant builds what answers it."""
    args = arguments(variants)
    run = variants[args.variant](read_task(args))
    print(json.dumps({"versions": dict(versions)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(int(line.removeprefix("run ")))), flush=True)


def read_task(args: argparse.Namespace) -> Task:
    times, labels = np.load(args.data / "times.npy"), np.load(args.data / "labels.npy")
    weights = [np.load(args.data / f"w{layer}.npy") for layer in range(len(list(args.data.glob("w*.npy"))))]
    return Task(times, labels, weights, args.batch, args.threads)


def arguments(variants: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--variant", choices=list(variants), required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def warm_up(build: Callable[[Task], Step], threads: int) -> None:
    """Train a toy, so that libraries and threads that start only at the first use count as import."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((6, 5), (5, 5), (5, 2))]
    toy = Task(rng.random((8, 6), dtype=np.float32), np.arange(8) % 2, weights, 8, threads)
    build(toy)(np.arange(8))
    gc.collect()


class Order:
    """The rows of each batch: every image once in an order redrawn each time, the same for every peer."""

    def __init__(self, n: int, batch: int) -> None:
        if batch > n:
            raise ValueError(f"batch {batch} is larger than the {n} images there are")
        self.rng, self.n, self.batch, self.left = np.random.default_rng(0), n, batch, np.empty(0, dtype=np.int64)

    def take(self) -> Any:
        if len(self.left) < self.batch:
            self.left = self.rng.permutation(self.n)
        taken, self.left = self.left[: self.batch], self.left[self.batch :]
        return taken


def timed(step: Step, batches: list[Any]) -> dict[str, float]:
    started, cpu_started = time.perf_counter(), time.process_time()
    for rows in batches:
        loss = step(rows)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    n = sum(map(len, batches))
    return {"samples_per_second": n / seconds, "samples_per_cpu_second": n / cpu_seconds, "loss": float(loss)}


def check(folder: Path, vjp: Vjp) -> None:
    inputs = (np.load(folder / f"{name}.npy") for name in ("times", "weights", "grad_v"))
    for name, array in zip(("v", "grad_times", "grad_weights"), vjp(*inputs), strict=True):
        np.save(folder / f"{name}.npy", np.asarray(array))

"""How the cost of a layer grows: with inputs, active inputs, outputs, batch and threads.

    python bench/scaling.py [--json FILE] [--quick]

Goals: inference and training of a layer take time in proportion to the number of active inputs and to the number of
outputs (slope 1.00 +- 0.1 in log-log) up to 20,000 inputs and 2,000 outputs, and two threads are 1.8 times as fast as
one.

Random spike times, all different, and random weights at V_syn = 1, float32. Each time is the median of repeated calls;
the slope is that of a straight line through the logarithms of all points of a series. Adam works on all synapses,
active or not, so the time of training is not expected to depend on the fraction of active inputs alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from throughput import cpu_model

import rcspike
from rcspike import _core

CALLS = 7
N_THREADS = int(rcspike.build_config()["threads"])


@dataclass(frozen=True)
class Problem:
    n_in: int = 5000
    n_out: int = 500
    batch: int = 64
    active: float = 0.2
    threads: int = N_THREADS


LARGEST = Problem(n_in=20_000, n_out=2_000)
SERIES: dict[str, list[Problem]] = {
    "active inputs (20 % of 625 to 20,000; 2,000 outputs)": [
        replace(LARGEST, n_in=n) for n in (625, 1250, 2500, 5000, 10_000, 20_000)
    ],
    "active fraction (5 to 80 % of 5,000 inputs)": [Problem(active=a) for a in (0.05, 0.1, 0.2, 0.4, 0.8)],
    "outputs (64 to 2,000; 20,000 inputs)": [replace(LARGEST, n_out=n) for n in (64, 125, 250, 500, 1000, 2000)],
    "batch (16 to 512)": [Problem(batch=b) for b in (16, 32, 64, 128, 256, 512)],
}
# The parameter of a problem that a series varies.
SIZE = (
    lambda p: p.n_in * p.active,
    lambda p: p.n_in * p.active,
    lambda p: p.n_out,
    lambda p: p.batch,
)


def seconds(problem: Problem) -> dict[str, float]:
    """Median times of inference and of a training step."""
    rng = np.random.default_rng(0)
    shape = (problem.batch, problem.n_in)
    times = np.where(rng.random(shape) < problem.active, rng.random(shape), np.inf).astype(np.float32)
    weights = rng.normal(0, (problem.n_in * problem.active) ** -0.5, (problem.n_in, problem.n_out)).astype(np.float32)
    network = rcspike.Network([weights], rcspike.Circuit(v_syn=1.0))
    trainer = _core.trainer([weights], network.circuit.core, temperature=0.07, temporal_penalty=0.0, t_ref=0.9)
    events = rcspike.functional.schedule(times)
    samples, labels = np.arange(problem.batch), rng.integers(problem.n_out, size=problem.batch)

    def once() -> tuple[float, float]:
        start = time.perf_counter()
        network.forward(times, threads=problem.threads)
        middle = time.perf_counter()
        trainer.step(events, samples, labels, [], learning_rate=1e-3, threads=problem.threads)
        return middle - start, time.perf_counter() - middle

    once()
    inference, training = (statistics.median(column) for column in zip(*(once() for _ in range(CALLS)), strict=True))
    return {"inference": inference, "training": training}


def slope(sizes: list[float], times: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def speed_up(problem: Problem) -> dict[str, float]:
    """Of all threads over one: the medians of the ratios of neighbouring calls."""
    pairs = [(seconds(replace(problem, threads=1)), seconds(problem)) for _ in range(3)]
    return {what: statistics.median(one[what] / many[what] for one, many in pairs) for what in pairs[0][0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--quick", action="store_true", help="leave out the two largest problems of each series")
    args = parser.parse_args()

    series = []
    print(f"{cpu_model()}, {rcspike.build_config()['isa']}, {N_THREADS} threads")
    for (name, problems), size in zip(SERIES.items(), SIZE, strict=True):
        points = []
        for problem in problems[: -2 if args.quick else None]:
            points.append({"size": size(problem), **vars(problem), **seconds(problem)})
            print(f"\r{name}: {len(points)}/{len(problems)}", end="", flush=True)
        sizes = [p["size"] for p in points]
        slopes = {what: slope(sizes, [p[what] for p in points]) for what in ("inference", "training")}
        series.append({"name": name, "points": points, "slopes": slopes})
        print(f"\r{name}: slope {slopes['inference']:.2f} in inference, {slopes['training']:.2f} in training")
    ratio = speed_up(Problem() if args.quick else LARGEST)
    print(
        f"{N_THREADS} threads: {ratio['inference']:.2f} times as fast in inference, {ratio['training']:.2f} in training"
    )
    if args.json:
        result = {
            "machine": {"cpu": cpu_model(), "system": platform.platform(), "python": platform.python_version()},
            "build": dict(rcspike.build_config()),
            "series": series,
            "speed_up": ratio,
        }
        args.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Training of 784-200-200-10 on MNIST through `rcspike.torch.Network`, compared with `rcspike.train`.

    python bench/torch_network.py [--threads N] [--passes N] [--data DIR] [--json FILE]

Each side is a process of its own, so that neither waits for the other's threads: the trainer of `rcspike.train`, and
the loop of PyTorch in each variant of peers/rcspike_torch.py, with OpenMP's default and with OMP_WAIT_POLICY=passive.
Passes alternate, and a ratio is the median of those of neighbouring passes. rcspike and PyTorch must be importable by
the Python that runs this file.

Goals in the default environment with two threads: with the engine's Adam on a schedule 0.6 of the throughput of
`rcspike.train` at batch 64 and 0.75 at 256, better 0.75 and 0.88; with PyTorch's Adam 0.45 and 0.65.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from compare import BATCHES, OURS, POLICIES, Peer, running, write_task
from throughput import N_IMAGES, cpu_model, trained

import rcspike

VARIANTS = ("own-schedule", "own-times", "fused-schedule", "fused-times")


def compare(data: Path, batch: int, policy: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """`rcspike.train` and every variant in turn."""
    with ExitStack() as stack:
        peers = [OURS, *(Peer("rcspike_torch", variant, None, variant) for variant in VARIANTS)]
        workers = [stack.enter_context(running(peer, Path(), data, batch, args.threads, policy)) for peer in peers]
        n = N_IMAGES // batch
        rounds = [[worker.speed(n) for worker in workers] for _ in range(args.passes + 1)][1:]  # the first warms up
    ours, *theirs = zip(*rounds, strict=True)
    return [
        {
            "batch": batch,
            "omp_wait_policy": policy,
            "variant": variant,
            "samples_per_second": statistics.median(speeds),
            "train_samples_per_second": statistics.median(ours),
            "ratio": statistics.median(a / b for a, b in zip(speeds, ours, strict=True)),
        }
        for variant, speeds in zip(VARIANTS, theirs, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    dataset = rcspike.datasets.load("mnist", directory=args.data)
    network = trained(dataset)
    with tempfile.TemporaryDirectory() as name:
        data = write_task(Path(name) / "all", dataset.train, N_IMAGES, network.weights)
        rows = [row for policy in POLICIES for batch in BATCHES for row in compare(data, batch, policy, args)]
    print(f"{'variant':16}{'batch':>6}{'policy':>9}{'train':>10}{'torch':>10}{'ratio':>8}   samples/s")
    for row in rows:
        print(
            f"{row['variant']:16}{row['batch']:6}{row['omp_wait_policy']:>9}{row['train_samples_per_second']:10,.0f}"
            f"{row['samples_per_second']:10,.0f}{row['ratio']:8.2f}"
        )
    if args.json:
        args.json.write_text(
            json.dumps({"machine": cpu_model(), "threads": args.threads, "rows": rows}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()

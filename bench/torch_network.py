"""Training of 784-200-200-10 on MNIST through `rcspike.torch.Network`, compared with `rcspike.train`.

    python bench/torch_network.py [--data DIR] [--json FILE] [--passes N]

Goals: with PyTorch's fused Adam, 0.7 of the throughput of `rcspike.train` at batch 64, and 0.85 at 256. Neither is
reached: the ratios are 0.57 and 0.77 on one core with AVX-512. Of a step of 64 images, PyTorch's Adam, loss and
indexing take 0.75 ms where all of `rcspike.train` takes 2.1; most of the rest is sorting the spike times of each batch,
packing the new weights, and writing gradients as matrices. Bare calls of the engine in two `autograd.Function`, without
modules or checks, reach 0.63 and 0.85.

Passes of both through the same 8,192 images alternate, and a ratio is the median of those of neighbouring passes. The
overhead of an operator is the time of one for a single sample of a single synapse, minus that of the engine's function.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import rcspike
import rcspike.torch as rct
from rcspike.training import Settings

SIZES = (784, 200, 200, 10)
N_IMAGES = 8192


def engine_pass(network: rcspike.Network, split: rcspike.datasets.Split, batch: int) -> Callable[[], None]:
    """Training as `rcspike.train` does it: on a schedule that is made once."""
    trainer = Settings(epochs=1, seed=0).trainer(network)
    events = rcspike.functional.schedule(split.times[:N_IMAGES])
    labels = np.ascontiguousarray(split.labels[:N_IMAGES])

    def run() -> None:
        order = np.random.default_rng(0).permutation(N_IMAGES)
        for first in range(0, N_IMAGES, batch):
            picked = order[first : first + batch]
            trainer.step(events, picked, labels[picked], [], learning_rate=1e-3, threads=torch.get_num_threads())

    return run


def torch_pass(network: rcspike.Network, split: rcspike.datasets.Split, batch: int) -> Callable[[], None]:
    """The same in PyTorch: each batch of spike times is sorted as it comes."""
    module, loss = rct.Network.from_network(network), rct.OutputLoss(network.circuit)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    times, labels = torch.tensor(split.times[:N_IMAGES]), torch.tensor(split.labels[:N_IMAGES])

    def run() -> None:
        order = torch.from_numpy(np.random.default_rng(0).permutation(N_IMAGES))
        for picked in order.split(batch):
            optimiser.zero_grad()
            loss(module(times.index_select(0, picked)), labels.index_select(0, picked)).backward()
            optimiser.step()

    return run


def seconds(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def compare(network: rcspike.Network, split: rcspike.datasets.Split, batch: int, n: int) -> dict[str, float]:
    engine, module = engine_pass(network, split, batch), torch_pass(network, split, batch)
    engine(), module()
    pairs = [(seconds(engine), seconds(module)) for _ in range(n)]
    return {
        "batch": batch,
        "train samples/s": N_IMAGES / statistics.median(own for own, _ in pairs),
        "torch samples/s": N_IMAGES / statistics.median(other for _, other in pairs),
        "ratio": statistics.median(own / other for own, other in pairs),
    }


def overhead() -> dict[str, float]:
    """Microseconds that PyTorch adds to one operator on one synapse, forward, and forward and backward."""
    circuit = rcspike.Circuit(v_syn=1.0)
    layer = rct.Linear(1, 1, circuit)
    times, w, one = np.array([[0.5]], dtype=np.float32), layer.weight.detach().numpy(), torch.ones(1, 1)
    packed = rcspike.network.ResistiveLayer(w.copy(), circuit)
    tensor = torch.from_numpy(times)

    def both(function: Callable[[], Any]) -> float:
        return 1e6 * min(seconds(lambda: [function() for _ in range(200)]) / 200 for _ in range(20))

    forward = both(lambda: layer(tensor)) - both(lambda: packed.charge(times, threads=1))
    gradient = np.ones((1, 1), dtype=np.float32)
    backward = both(lambda: layer(tensor).backward(one)) - both(
        lambda: (packed.charge(times, threads=1), packed.charge_vjp(times, gradient, threads=1))
    )
    return {"forward": forward, "forward and backward": backward}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = rcspike.datasets.load("mnist", directory=arguments.data)
    network = rcspike.Network.create(SIZES, rcspike.Circuit(v_syn=1.0), seed=0)
    rcspike.train(network, dataset, epochs=1, seed=0, threads=arguments.threads)
    rows = [compare(network, dataset.train, batch, arguments.passes) for batch in (64, 256)]
    result = {"threads": arguments.threads, "torch": torch.__version__, "rows": rows, "overhead_us": overhead()}
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()

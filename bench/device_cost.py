"""The cost of device effects: inference of a chip and training on devices, compared with the ideal network.

    python bench/device_cost.py [--json FILE]

Goals, 784-200-200-10 on MNIST at V_syn = 1 with two threads: a chip's inference at most 2.2 times the ideal network's,
a step of training on devices at batch 64 at most 2.5 times a plain one.

Passes take turns, and each figure is the median of the ratios of neighbouring ones. The network has been trained for
an epoch, since random weights have other fractions of silent neurons.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rcspike import Circuit, DeviceModel, DeviceNetwork, Network, datasets, draw_devices, train
from rcspike.functional import charge, charge_rectified, schedule
from rcspike.training import Settings

N_IMAGES, BATCH, ROUNDS, THREADS = 8192, 64, 15, 2
MODELS = {
    "log-normal 20 %": DeviceModel(lognormal=0.2),
    "absolute 2 %": DeviceModel(absolute=0.02),
    "8 levels": DeviceModel(levels=8),
    "10 % stuck": DeviceModel(stuck_off=0.1),
    "log-normal, levels, stuck, on/off 20": DeviceModel(lognormal=0.2, levels=8, stuck_off=0.1, off=0.05),
    "all six": DeviceModel(lognormal=0.2, proportional=0.1, absolute=0.02, levels=8, stuck_off=0.1, off=0.05),
}


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def ratios(reference: Callable[[], object], runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Each run's time as a multiple of the reference's just before and just after it."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    before = seconds(reference)
    for _ in range(ROUNDS):
        for name, run in runs.items():
            taken, after = seconds(run), seconds(reference)
            found[name].append(2 * taken / (before + after))
            before = after
    return {name: round(statistics.median(values), 2) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    mnist = datasets.load("mnist")
    network = Network.create((784, 200, 200, 10), Circuit(v_syn=1.0), seed=0)
    train(network, mnist, epochs=1, seed=0)
    times, labels = mnist.train.times[:N_IMAGES], np.ascontiguousarray(mnist.train.labels[:N_IMAGES])
    events = schedule(times)

    layers = [draw_devices(w, MODELS["all six"], seed=0, layer=layer) for layer, w in enumerate(network.weights)]
    chip = DeviceNetwork(layers, network.circuit)
    rows = {
        "inference, schedule made once": ratios(
            lambda: network.forward(events, threads=THREADS), {"chip": lambda: chip.forward(events, threads=THREADS)}
        )
    }

    w, rng = network.weights[0], np.random.default_rng(0)
    g_plus, g_minus = np.maximum(w, 0), np.maximum(-w, 0)
    rectified = {}
    for spread in (0.0, 0.05):
        rails = (1 + spread * rng.standard_normal(w.shape, dtype=np.float32)).astype(np.float32)
        rectified[f"rails +-{100 * spread:.0f} %"] = lambda rails=rails: charge_rectified(
            times, g_plus, rails, g_minus, -rails, threads=THREADS
        )
    rows["first layer behind diodes that rectify"] = ratios(
        lambda: charge(times, w, network.circuit, threads=THREADS), rectified
    )

    def step(model: DeviceModel) -> Callable[[], object]:
        settings = Settings(
            epochs=1, batch_size=BATCH, learning_rate=1e-3, decay="constant", temperature=0.07, noise=0.0, seed=0,
            devices=model,
        )  # fmt: skip
        trainer = settings.trainer(network)

        def steps() -> None:
            for first in range(0, 40 * BATCH, BATCH):
                picked = np.arange(first, first + BATCH)
                trainer.step(events, picked, labels[picked], [], learning_rate=1e-3, threads=THREADS)

        return steps

    rows[f"training, batch {BATCH}"] = ratios(
        step(DeviceModel()), {name: step(model) for name, model in MODELS.items()}
    )
    for what, found in rows.items():
        for name, ratio in found.items():
            print(f"{what}: {name}: {ratio:.2f}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

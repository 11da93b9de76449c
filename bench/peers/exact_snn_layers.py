"""Exact first spikes by exact-snn-nn, in PyTorch: its event-driven layer, and its layer on a grid of 2,001 points.

Neurons have two time constants, float32 as its default, its own encoding (every pixel spikes) and initial weights.
"""

from __future__ import annotations

from importlib.metadata import version
from itertools import pairwise
from typing import Any

import exact_snn
import torch
import worker
from exact_snn.event import ExactEventLinear

T_MAX = 40.0


def build(task: worker.Task, layer: Any) -> worker.Step:
    torch.set_num_threads(task.threads)
    images = torch.from_numpy(1 - task.times).clamp_(min=0)
    times = exact_snn.latency_encode(images, t_max=T_MAX)
    labels = torch.from_numpy(task.labels)
    sizes = [task.weights[0].shape[0], *(w.shape[1] for w in task.weights)]
    model = torch.nn.Sequential(*(layer(n_in, n_out, t_max=T_MAX) for n_in, n_out in pairwise(sizes)))
    optimiser = torch.optim.Adam(model.parameters(), lr=worker.LEARNING_RATE)

    def step(rows: Any) -> Any:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad(set_to_none=True)
        outputs = model(times.index_select(0, picked).T.contiguous())
        loss = exact_snn.latency_cross_entropy(outputs, labels.index_select(0, picked), T_MAX)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


if __name__ == "__main__":
    variants = {
        "event": lambda task: build(task, ExactEventLinear),
        "grid": lambda task: build(task, exact_snn.ExactTTFSLinear),
    }
    worker.main(variants, {"exact-snn-nn": version("exact-snn-nn"), "torch": torch.__version__})

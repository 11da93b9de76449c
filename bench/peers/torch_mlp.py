"""A plain ReLU network in PyTorch, without circuit or spikes, as a standard to compare with.

The intensities 1 - t are its inputs. `fused` and `default` are the two Adams; all is contiguous float32 and nothing is
copied but the rows of a batch, which a shuffled epoch needs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import worker
from torch.nn import functional


def build(task: worker.Task, *, fused: bool) -> worker.Step:
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    images = (1 - torch.from_numpy(task.times)).clamp_(min=0)
    labels = torch.from_numpy(task.labels)
    sizes = [task.weights[0].shape[0], *(w.shape[1] for w in task.weights)]
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.Adam(model.parameters(), lr=worker.LEARNING_RATE, fused=fused)

    def step(rows: Any) -> Any:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(images.index_select(0, picked)), labels.index_select(0, picked))
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


if __name__ == "__main__":
    variants = {"fused": lambda task: build(task, fused=True), "default": lambda task: build(task, fused=False)}
    worker.main(variants, {"torch": torch.__version__})

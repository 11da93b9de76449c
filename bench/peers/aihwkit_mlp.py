"""A ReLU network on IBM's analog tiles: linear layers whose products are noisy, the circuit that RC-Spike does without.

`torch_tile` is aihwkit's tile that autograd trains, `lightning` the tile of aihwkit-lightning; one tile a layer, both
with output noise of 0.04 and the weights as they are, Adam fused. Gradients are those of the tile in software.
"""

from __future__ import annotations

import importlib.metadata
from itertools import pairwise
from typing import Any

import torch
import worker
from torch.nn import functional

OUT_NOISE = 0.04


def torch_tile(n_in: int, n_out: int) -> Any:
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.forward.out_noise = OUT_NOISE
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    return AnalogLinear(n_in, n_out, rpu_config=config)


def lightning(n_in: int, n_out: int) -> Any:
    from aihwkit_lightning.nn import AnalogLinear
    from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.forward.out_noise = OUT_NOISE
    config.mapping.max_input_size = 0
    config.pre_post.input_range.enable = True
    return AnalogLinear(n_in, n_out, rpu_config=config)


def optimiser_of(model: Any, layer: Any) -> Any:
    if layer is torch_tile:
        from aihwkit.optim import AnalogOptimizer

        optimiser = AnalogOptimizer(torch.optim.Adam, model.parameters(), lr=worker.LEARNING_RATE, fused=True)
        optimiser.regroup_param_groups(model)
        return optimiser
    from aihwkit_lightning.optim import AnalogOptimizer

    return AnalogOptimizer(
        torch.optim.Adam, model.analog_layers, model.parameters(), lr=worker.LEARNING_RATE, fused=True
    )


def build(task: worker.Task, layer: Any) -> worker.Step:
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    images = (1 - torch.from_numpy(task.times)).clamp_(min=0)
    labels = torch.from_numpy(task.labels)
    sizes = [task.weights[0].shape[0], *(w.shape[1] for w in task.weights)]
    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        layers += [layer(n_in, n_out), torch.nn.ReLU()]
    if layer is torch_tile:
        from aihwkit.nn import AnalogSequential as Sequential
    else:
        from aihwkit_lightning.nn import AnalogSequential as Sequential
    model = Sequential(*layers[:-1])
    optimiser = optimiser_of(model, layer)

    def step(rows: Any) -> Any:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(images.index_select(0, picked)), labels.index_select(0, picked))
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    worker.main(
        {"torch_tile": lambda task: build(task, torch_tile), "lightning": lambda task: build(task, lightning)},
        {"torch": torch.__version__, **{name: version(name) for name in ("aihwkit", "aihwkit-lightning")}},
    )

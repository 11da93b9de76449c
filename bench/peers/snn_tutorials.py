"""Spiking networks of leaky neurons on a time grid of 25 steps, as tutorials of three libraries train them on MNIST.

`snntorch`: Leaky neurons with beta = 0.95, the image as the current of every step, the cross-entropy of the membranes
summed over the steps (tutorial 5). `norse`: an encoder of constant currents, LIF cells, and a leaky readout whose
maximum over the steps is classified (MNIST tutorial). `spikingjelly`: Poisson spikes, LIF nodes with tau = 2 and the
mean squared error of the firing rates (fully connected tutorial), in multi-step mode. All have fused Adam.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import worker
from torch import Tensor, nn
from torch.nn import functional

STEPS = 25
Loss = Callable[[Tensor, Tensor], Tensor]


def snntorch(sizes: list[int]) -> tuple[nn.Module, Loss]:
    import snntorch as snn

    layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
    neurons = nn.ModuleList(snn.Leaky(beta=0.95) for _ in layers)

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        membranes = [neuron.init_leaky() for neuron in neurons]
        total = torch.zeros(())
        for _ in range(STEPS):
            x = images
            for i, (layer, neuron) in enumerate(zip(layers, neurons, strict=True)):
                x, membranes[i] = neuron(layer(x), membranes[i])
            total = total + functional.cross_entropy(membranes[-1], labels)
        return total

    return nn.ModuleList([layers, neurons]), loss


def norse(sizes: list[int]) -> tuple[nn.Module, Loss]:
    import norse.torch as spiking

    encoder = spiking.ConstantCurrentLIFEncoder(seq_length=STEPS)
    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b, bias=False), spiking.LIFCell()]
    model = spiking.SequentialState(*parts[:-1], spiking.LICell())

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        voltages, state = [], None
        for x in encoder(images):
            v, state = model(x, state)
            voltages.append(v)
        return functional.cross_entropy(torch.stack(voltages).amax(0), labels)

    return model, loss


def spikingjelly(sizes: list[int]) -> tuple[nn.Module, Loss]:
    from spikingjelly.activation_based import encoding, neuron, surrogate
    from spikingjelly.activation_based import functional as states
    from spikingjelly.activation_based import layer as layers

    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [layers.Linear(a, b, bias=False), neuron.LIFNode(tau=2.0, surrogate_function=surrogate.ATan())]
    model = nn.Sequential(*parts)
    states.set_step_mode(model, "m")
    encoder = encoding.PoissonEncoder()

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        rates = model(torch.stack([encoder(images) for _ in range(STEPS)])).mean(0)
        value = functional.mse_loss(rates, functional.one_hot(labels, sizes[-1]).float())
        states.reset_net(model)
        return value

    return model, loss


def build(task: worker.Task, library: Callable[[list[int]], tuple[nn.Module, Loss]]) -> worker.Step:
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    images = (1 - torch.from_numpy(task.times)).clamp_(min=0)
    labels = torch.from_numpy(task.labels)
    model, loss = library([task.weights[0].shape[0], *(w.shape[1] for w in task.weights)])
    optimiser = torch.optim.Adam(model.parameters(), lr=worker.LEARNING_RATE, fused=True)

    def step(rows: Any) -> Any:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad(set_to_none=True)
        value = loss(images.index_select(0, picked), labels.index_select(0, picked))
        value.backward()
        optimiser.step()
        return value.detach()

    return step


def variant(library: Callable[[list[int]], tuple[nn.Module, Loss]]) -> Callable[[worker.Task], worker.Step]:
    return lambda task: build(task, library)


if __name__ == "__main__":
    libraries = {"snntorch": snntorch, "norse": norse, "spikingjelly": spikingjelly}
    versions = {name: importlib.metadata.version(name) for name in ("torch", *libraries)}
    worker.main({name: variant(library) for name, library in libraries.items()}, versions)

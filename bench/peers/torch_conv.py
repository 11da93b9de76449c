"""Training of conv16-conv16-pool-conv32-conv32-pool-128-10 in PyTorch, for conv.py.

    python bench/peers/torch_conv.py {relu,grid} BATCH STEPS THREADS

    relu      a network of ReLUs, channels last
    grid      RC-Spike on a grid of 100 steps of the charging phase, differentiated by autograd; V_syn = 3

Prints a line once it is ready, and then answers each line on stdin with the samples/s of STEPS training steps: forward
pass, backward pass and fused Adam.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, cross_entropy

TIME_STEPS, V_SYN, TEMPERATURE = 100, 3.0, 0.07
CHUNK = 8  # samples on the grid at a time, gradients adding up: of 2 to 64, the fastest

Forward = Callable[[Tensor], Tensor]


def relu() -> tuple[list[Tensor], Forward, int]:
    def conv(n_in: int, n_out: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU())

    network = nn.Sequential(conv(1, 16), conv(16, 16), nn.AvgPool2d(2), conv(16, 32), conv(32, 32), nn.AvgPool2d(2))
    network.extend([nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10)])
    network = network.to(memory_format=torch.channels_last)
    return list(network.parameters()), network, sys.maxsize


def grid() -> tuple[list[Tensor], Forward, int]:
    shapes = [(16, 1, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3), (128, 1568), (10, 128)]
    weights = [torch.randn(shape).mul_(2 / torch.tensor(shape[1:]).prod() ** 0.5) for shape in shapes]
    end = torch.arange(1.0, TIME_STEPS + 1)

    def charge(times: Tensor, w: Tensor) -> Tensor:
        """An input conducts for the part of each step that follows its spike: exact to first order."""
        on = torch.clamp(end.view(-1, *[1] * times.dim()) - TIME_STEPS * times, 0, 1).flatten(0, 1)
        both = torch.cat([w, w.abs() / V_SYN]) / TIME_STEPS
        if w.dim() == 4:
            sums = conv2d(on.contiguous(memory_format=torch.channels_last), both, padding=1)
        else:
            sums = on @ both.T
        v = torch.zeros(())
        for one in sums.view(TIME_STEPS, len(times), *sums.shape[1:]).unbind(0):
            drive, conductance = one.split(len(w), dim=1)
            v = torch.addcmul(drive, v, 1 - conductance)
        return v

    def fire(v: Tensor) -> Tensor:
        return 1 - v.clamp(0, 1)

    def forward(times: Tensor) -> Tensor:
        t = fire(charge(times, weights[0]))
        t = fire(avg_pool2d(charge(t, weights[1]), 2))
        t = fire(charge(t, weights[2]))
        t = fire(avg_pool2d(charge(t, weights[3]), 2))
        return charge(fire(charge(t.flatten(1), weights[4])), weights[5]) / TEMPERATURE

    return [w.requires_grad_() for w in weights], forward, CHUNK


def main() -> None:
    variant = sys.argv[1]
    batch, n_steps, threads = map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    parameters, forward, chunk = {"relu": relu, "grid": grid}[variant]()
    images = torch.rand(batch, 1, 28, 28).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    adam = torch.optim.Adam(parameters, fused=True)

    def run(n: int) -> None:
        for _ in range(n):
            adam.zero_grad()
            for x, y in zip(images.split(min(chunk, batch)), labels.split(min(chunk, batch)), strict=True):
                (cross_entropy(forward(x), y, reduction="sum") / batch).backward()
            adam.step()

    run(1 if variant == "grid" else 5)
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        run(n_steps)
        print(batch * n_steps / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()

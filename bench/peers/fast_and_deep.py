"""Exact first spikes by fastAndDeep, in PyTorch and float64: its network, loss and optimiser, without noise.

RCSPIKE_PEERS is the folder that holds a clone of the repository fastAndDeep. Its layer evaluates every causal set of
all inputs: batch x inputs^2 x outputs numbers of 8 bytes, 1.7 GB for one image of 784-350-10. Initial weights and
loss are those of its configurations of MNIST.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
import worker

sys.path.insert(0, str(Path(os.environ["RCSPIKE_PEERS"]) / "fastAndDeep" / "src"))
import networks
import utils

NEURON = {"tau_syn": 1.0, "leak": 0.0, "threshold": 1.0, "max_dw_norm": 0.2}
# The ratio of the time constants has a closed form if it is 1 (Lambert's W, as in its configurations) or 2 (a root).
RATIOS = {"equal": {"tau_mem": 1.0, "g_leak": 1.0}, "double": {"tau_mem": 2.0, "g_leak": 0.5}}


def build(task: worker.Task, ratio: str) -> worker.Step:
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    times = 0.15 + 1.85 * torch.from_numpy(task.times).double().clamp_(max=1.0)  # its encoding: every pixel spikes
    labels = torch.from_numpy(task.labels)
    layers: list[dict[str, Any]] = []
    for weights in task.weights:
        mean = 1.5 * 20 / len(weights)  # enough for spikes
        neurons = {"name": "NeuronLayer", "size": weights.shape[1], "weights_mean": mean, "weights_std": 2 * mean}
        layers += [{"name": "BroadcastLayer"}, neurons]
    training = {"substrate": "sim", "clip_weights_max": False, "loss": {"type": "TTFS", "xi": 0.2}}
    device = torch.device("cpu")
    layout = {"n_inputs": len(task.weights[0]), "layers": layers}
    net = networks.get_network(NEURON | RATIOS[ratio], layout, training, device)
    criterion = utils.GetLoss(training, task.weights[-1].shape[1], NEURON["tau_syn"], device)
    optimiser = torch.optim.Adam(net.parameters(), lr=worker.LEARNING_RATE)

    def step(rows: Any) -> Any:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad()
        outputs, _ = net(times.index_select(0, picked))
        loss = criterion(outputs, labels.index_select(0, picked), net)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


if __name__ == "__main__":
    variants = {ratio: (lambda task, ratio=ratio: build(task, ratio)) for ratio in RATIOS}
    worker.main(variants, {"torch": torch.__version__})

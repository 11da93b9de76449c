"""`rcspike.torch.Network` in the training loop that a user of PyTorch writes.

A variant names the optimiser, the engine's Adam ("own") or PyTorch's fused one ("fused"), and what the network is
given: spike times, which it sorts batch by batch, or samples of a schedule of all images.
"""

from __future__ import annotations

from typing import Any

import torch
import worker

import rcspike
import rcspike.torch as rct


def build(task: worker.Task, own: bool, sorted_once: bool) -> worker.Step:
    circuit = rcspike.Circuit(v_syn=worker.V_SYN)
    network = rct.Network.from_network(rcspike.Network(task.weights, circuit))
    loss = rct.OutputLoss(circuit, temperature=worker.TEMPERATURE)
    parameters, rate = network.parameters(), worker.LEARNING_RATE
    optimiser: Any = rct.Adam(parameters, rate) if own else torch.optim.Adam(parameters, rate, fused=True)
    times, labels = torch.from_numpy(task.times), torch.from_numpy(task.labels)
    inputs: Any = rcspike.functional.schedule(task.times) if sorted_once else times

    def step(rows: Any) -> float:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad()
        value = loss(network(inputs[picked]), labels[picked])
        value.backward()
        optimiser.step()
        return float(value)

    return step


def variant(own: bool, sorted_once: bool) -> Any:
    return lambda task: build(task, own, sorted_once)


VARIANTS = {
    f"{optimiser}-{inputs}": variant(optimiser == "own", inputs == "schedule")
    for optimiser in ("own", "fused")
    for inputs in ("schedule", "times")
}

if __name__ == "__main__":
    worker.main(VARIANTS, {"rcspike": str(rcspike.build_config()["version"]), "torch": torch.__version__})

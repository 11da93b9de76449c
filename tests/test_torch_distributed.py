"""Gradients of rcspike.torch over several processes, compared with those of one, and the example that trains so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.nn.parallel import DistributedDataParallel
from torch_networks import UNEQUAL, network, spikes

import rcspike
import rcspike.torch as rct

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("all_processors")]

N_PROCESSES, BATCH = 2, 8
LABELS = torch.arange(BATCH) % 3


def gradients_of_one_process() -> list[np.ndarray]:
    module, loss = rct.Network.from_network(network(UNEQUAL)), rct.OutputLoss(UNEQUAL)
    loss(module(spikes(BATCH, 12)), LABELS).backward()
    return [w.grad.numpy() for w in module.parameters()]


def save_gradients(rank: int, folder: str) -> None:
    """The gradients of a part of the batch, averaged over all processes; run in each of them."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=N_PROCESSES)
    module = DistributedDataParallel(rct.Network.from_network(network(UNEQUAL)))
    mine = slice(rank * BATCH // N_PROCESSES, (rank + 1) * BATCH // N_PROCESSES)
    rct.OutputLoss(UNEQUAL)(module(spikes(BATCH, 12)[mine]), LABELS[mine]).backward()
    np.savez(f"{folder}/{rank}.npz", *[w.grad.numpy() for w in module.parameters()])
    del module  # the group must not end with it (see examples/data_parallel.py)
    dist.destroy_process_group()


def test_two_processes_have_the_gradients_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The processes import this module by its name in the folder above, and the package from where it is installed.
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parents[1])])
    torch.multiprocessing.spawn(save_gradients, (str(tmp_path),), nprocs=N_PROCESSES)
    for rank in range(N_PROCESSES):
        with np.load(tmp_path / f"{rank}.npz") as saved:
            for own, expected in zip(saved.values(), gradients_of_one_process(), strict=True):
                np.testing.assert_allclose(own, expected, rtol=0, atol=1e-12)


def test_the_example_trains_on_two_processes(tmp_path: Path) -> None:
    example = Path(__file__).parents[1] / "examples" / "data_parallel.py"
    out = tmp_path / "trained.safetensors"
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]  # on a free port
    command = [sys.executable, *run, example, "--epochs", "4", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch 4: test accuracy" in done.stdout
    assert rcspike.evaluate(rcspike.Network.load(out), rcspike.datasets.load("digits").test) > 0.9

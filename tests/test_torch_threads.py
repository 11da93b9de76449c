"""On which threads the engine computes inside PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from commands import run

pytestmark = [
    pytest.mark.torch,
    pytest.mark.usefixtures("all_processors"),
    pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc"),
]

CODE = """
import os, torch
import rcspike, rcspike.torch as rct
torch.set_num_threads(3)
a = torch.rand(600, 600)
(a @ a + a.exp()).sum()  # starts PyTorch's threads
started = len(os.listdir("/proc/self/task"))
network = rct.Network([300, 200, 10], rcspike.Circuit(v_syn=1.0))
network(torch.rand(200, 300)).sum().backward()
print(len(os.listdir("/proc/self/task")) - started)
"""


@pytest.mark.parametrize(("policy", "more"), [("active", 0), ("passive", 2)])
def test_the_engine_starts_threads_only_beside_those_of_pytorch_that_sleep(
    policy: str, more: int, tmp_path: Path
) -> None:
    environment = {"OMP_WAIT_POLICY": policy, "OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
    started = int(run(sys.executable, "-c", CODE, cwd=tmp_path, **environment))
    assert started == more

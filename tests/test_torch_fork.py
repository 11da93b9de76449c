"""Children forked while another thread is inside a module of rcspike.torch."""

from __future__ import annotations

import hashlib

import pytest
import torch
from forks import forks, in_a_forked_child, needs_fork, repeated_by_another_thread

import rcspike.torch as rct
from rcspike import Circuit

pytestmark = [pytest.mark.torch, needs_fork, forks, pytest.mark.usefixtures("all_processors")]


def gradients_of(voltages: torch.Tensor, module: rct.Network) -> str:
    """A digest of them."""
    gradients = torch.autograd.grad(voltages.sum(), list(module.weights))
    return hashlib.sha256(b"".join(g.numpy().tobytes() for g in gradients)).hexdigest()


def test_a_child_forked_while_a_thread_is_inside_the_same_network_computes_the_same_bits() -> None:
    torch.manual_seed(0)
    module, times = rct.Network([200, 200, 100], Circuit(v_syn=1.0)), torch.rand(200, 200)
    alone = gradients_of(module(times), module)
    with torch.no_grad():
        module(
            times
        )  # the first call of an operator makes PyTorch import its compiler: a fork meanwhile hangs for ever

    def in_child() -> str:
        torch.set_num_threads(1)  # of PyTorch itself, whose threads a child does not have
        return gradients_of(before, module) + gradients_of(module(times), module)

    with repeated_by_another_thread(lambda: gradients_of(module(times), module)):
        for _ in range(5):
            before = module(times)
            assert in_a_forked_child(in_child) == 2 * alone
    assert gradients_of(before, module) == alone  # and the parent still has its own

"""The engine's Adam as an optimiser of PyTorch, compared with PyTorch's own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import rcspike
import rcspike.torch as rct

pytestmark = pytest.mark.torch

EPS = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}


def parameters(dtype: torch.dtype) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(300, 70), (5,), (), (3, 4, 5), (0, 2)]
    return [nn.Parameter(torch.rand(shape, generator=generator, dtype=dtype) + 0.5) for shape in shapes]


def give_gradients(own: list[nn.Parameter], others: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for a, b in zip(own, others, strict=True):
        a.grad = torch.randn(a.shape, generator=generator, dtype=a.dtype)
        b.grad = a.grad.clone()


def groups(all_parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": all_parameters[:2]}, {"params": all_parameters[2:], "lr": 0.01, "weight_decay": 0.0}]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_are_those_of_adamw(dtype: torch.dtype) -> None:
    own, theirs = parameters(dtype), parameters(dtype)
    ours = rct.Adam(groups(own), lr=0.02, weight_decay=0.1)
    peer = torch.optim.AdamW(groups(theirs), lr=0.02, weight_decay=0.1)
    for step in range(10):
        give_gradients(own, theirs, step)
        before = [p.grad.clone() for p in own if p.grad is not None]
        ours.step(), peer.step()
        assert all(torch.equal(g, p.grad) for g, p in zip(before, own, strict=True) if p.grad is not None)
        for a, b in zip(own, theirs, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=20 * (step + 1) * EPS[dtype])


def test_a_parameter_without_a_gradient_stays_and_a_closure_gives_the_loss() -> None:
    a, b = (nn.Parameter(torch.ones(3)) for _ in range(2))
    optimiser = rct.Adam([a, b])

    def closure() -> Any:
        optimiser.zero_grad()
        loss = (2 * a).sum()
        loss.backward()
        return loss

    assert optimiser.step(closure) == 6
    assert torch.equal(b, torch.ones(3)) and not torch.equal(a, torch.ones(3))


def test_each_loads_the_state_of_the_other() -> None:
    own, theirs = parameters(torch.float64), parameters(torch.float64)
    ours, peer = rct.Adam(own, lr=0.02), torch.optim.AdamW(theirs, lr=0.02, weight_decay=0.0)
    for step in range(4):
        give_gradients(own, theirs, step)
        ours.step(), peer.step()
        states = copy.deepcopy(ours.state_dict()), copy.deepcopy(peer.state_dict())
        ours.load_state_dict(states[1]), peer.load_state_dict(states[0])
    for a, b in zip(own, theirs, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-14)


def test_a_loaded_state_goes_on_with_the_same_bits() -> None:
    own, again = parameters(torch.float32), parameters(torch.float32)
    first, second = rct.Adam(own), rct.Adam(again)
    for step in range(6):
        give_gradients(own, again, step)
        first.step(), second.step()
        if step == 2:
            state = copy.deepcopy(second.state_dict())
            second = rct.Adam(again)
            second.load_state_dict(state)
    assert all(torch.equal(a, b) for a, b in zip(own, again, strict=True))


def test_a_network_notices_the_new_weights_and_autograd_a_stale_graph() -> None:
    network = rct.Network([12, 8, 3], rcspike.Circuit(v_syn=1.0))
    optimiser = rct.Adam(network.parameters(), lr=0.1)
    times = torch.rand(5, 12)
    v = network(times)
    v.sum().backward()
    stale = (network.weights[0] ** 2).sum()
    optimiser.step()
    assert not torch.equal(network(times), v)
    assert torch.equal(network(times), torch.from_numpy(network.to_network().forward(times.numpy())))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        stale.backward()


@pytest.mark.parametrize(
    ("parameter", "options", "words"),
    [
        (torch.ones(3, dtype=torch.float16), {}, "float16"),
        (torch.ones(3, device="meta"), {}, "meta"),
        (torch.ones(3, 4).t(), {}, r"\(4, 3\)"),
        (torch.ones(3), {"lr": -1.0}, "lr.*-1"),
        (torch.ones(3), {"weight_decay": float("inf")}, "weight_decay.*inf"),
    ],
)
def test_what_the_engine_cannot_update_is_named(parameter: torch.Tensor, options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        rct.Adam([nn.Parameter(parameter)], **options)


@pytest.mark.parametrize(("name", "value"), [("betas", (0.8, 0.999)), ("eps", 1e-3), ("amsgrad", True)])
def test_a_state_or_a_group_with_other_constants_is_an_error(name: str, value: Any) -> None:
    p = nn.Parameter(torch.ones(3))
    state = torch.optim.AdamW([p], **{name: value}).state_dict()
    ours = rct.Adam([p])
    with pytest.raises(ValueError, match=name):
        ours.load_state_dict(state)
    ours.param_groups[0][name] = value
    with pytest.raises(ValueError, match=name):
        ours.step()


def test_a_schedule_of_pytorch_that_cycles_beta1_is_named_and_one_that_does_not_agrees() -> None:
    p, q = nn.Parameter(torch.ones(2, dtype=torch.float64)), nn.Parameter(torch.ones(2, dtype=torch.float64))
    ours, peer = rct.Adam([p], lr=0.01), torch.optim.AdamW([q], lr=0.01, weight_decay=0.0)
    rates = [torch.optim.lr_scheduler.OneCycleLR(one, 0.1, total_steps=9, cycle_momentum=False) for one in (ours, peer)]
    for _ in range(6):
        for one, value, rate in zip((ours, peer), (p, q), rates, strict=True):
            one.zero_grad()
            (value - 3).square().sum().backward()
            one.step()
            rate.step()
    assert torch.allclose(p, q, rtol=0, atol=1e-14)
    torch.optim.lr_scheduler.OneCycleLR(ours, 0.1, total_steps=9)
    with pytest.raises(ValueError, match="cycle_momentum"):
        ours.step()


def test_weight_decay_as_a_penalty_is_an_error() -> None:
    p = nn.Parameter(torch.ones(3))
    state = torch.optim.Adam([p], weight_decay=0.5).state_dict()
    state["param_groups"][0].setdefault("decoupled_weight_decay", False)
    with pytest.raises(ValueError, match="decoupled_weight_decay"):
        rct.Adam([p]).load_state_dict(state)


def test_a_parameter_that_has_become_another_is_named_before_any_moves() -> None:
    first, second = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3, 4))
    optimiser = rct.Adam([first, second])
    first.grad, second.data = torch.ones(3), second.data.t()
    second.grad = torch.ones(4, 3)
    with pytest.raises(ValueError, match="contiguous"):
        optimiser.step()
    assert torch.equal(first, torch.ones(3))

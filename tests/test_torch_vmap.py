"""torch.vmap over the operators of rcspike.torch: the results and gradients of one sample after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch_networks import STRONG, network, phases, spikes

import rcspike.torch as rct
from rcspike.functional.neuron_kinds import Phases

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(not hasattr(torch.library, "register_vmap"), reason="PyTorch has it from 2.5 on"),
]


def gradients_of(module: torch.nn.Module, result: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(torch.where(torch.isinf(result), 0.0, result).square().sum(), module.parameters()))


@phases
def test_batches_of_batches_are_those_one_by_one(phases: Phases) -> None:
    module, times = rct.Network.from_network(network(STRONG, phases=phases)), spikes(15, 12).reshape(3, 5, 12)
    results = [torch.vmap(module)(times), torch.stack([module(t) for t in times])]
    np.testing.assert_array_equal(*(result.detach() for result in results))
    for own, expected in zip(*(gradients_of(module, result) for result in results), strict=True):
        # The sums over three batches are added in another order than by one pass.
        np.testing.assert_allclose(own, expected, rtol=1e-13, atol=1e-15)
    with torch.no_grad():
        np.testing.assert_array_equal(torch.vmap(module, in_dims=1)(times.transpose(0, 1)), results[1].detach())


def test_an_ensemble_of_weights_is_that_one_by_one() -> None:
    modules = [rct.Network([12, 8, 3], STRONG, dtype=torch.float64) for _ in range(3)]
    weights, _ = torch.func.stack_module_state(modules)

    def run(weights: Mapping[str, torch.Tensor], times: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(modules[0], weights, (times,))
        return result

    results = torch.vmap(run, in_dims=(0, None))(weights, spikes(5, 12))
    expected = torch.stack([module(spikes(5, 12)) for module in modules])
    np.testing.assert_array_equal(results.detach(), expected.detach())
    gradients = torch.autograd.grad(results.square().sum(), list(weights.values()))
    for i, module in enumerate(modules):
        for own, one in zip(gradients, gradients_of(module, expected[i]), strict=True):
            np.testing.assert_array_equal(own[i], one)


@pytest.mark.parametrize(
    "function",
    [rct.Fire(STRONG), lambda v: rct.output_loss(v, torch.tensor([0, 1, 2, 0]), STRONG)],
    ids=["fire", "loss"],
)
def test_firing_and_the_loss_are_those_one_by_one(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    v = spikes(12, 3).reshape(3, 4, 3).requires_grad_()
    results = [torch.vmap(function)(v), torch.stack([function(one) for one in v])]
    np.testing.assert_array_equal(*(result.detach() for result in results))
    gradients = [torch.autograd.grad(result.clamp(max=9).sum(), v)[0] for result in results]
    np.testing.assert_array_equal(*gradients)


def test_an_axis_without_samples_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="vmap needs at least one sample, got an axis of length 0"):
        torch.vmap(rct.Fire(STRONG))(torch.ones(0, 4, 3))

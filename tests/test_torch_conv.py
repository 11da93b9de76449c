"""Convolutions in rcspike.torch, compared with the engine."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import torch
from torch_networks import POOLED, STRONG, UNEQUAL, convolutions, of_maps, parts, spikes, tracked

import rcspike.torch as rct
from rcspike import Circuit
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Conv2d, Dense, FirstSpike2d, ResistiveLayer, Wiring
from rcspike.torch import operators
from rcspike.torch.wiring_indices import wiring_numbers, wirings_of

pytestmark = pytest.mark.torch


@convolutions
def test_a_network_of_convolutions_has_the_bits_of_the_engine(text: str, phases: Phases) -> None:
    one, times = of_maps(text, UNEQUAL, phases), spikes(7, 128)
    module = rct.Network.from_network(one)
    np.testing.assert_array_equal(module(times).detach().numpy(), one.forward(times.numpy()))
    again = module.to_network()
    assert (again.architecture, again.sizes, module.sizes) == (one.architecture, one.sizes, one.sizes)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(again.weights, one.weights, strict=True))


@convolutions
def test_an_empty_batch_has_empty_results_with_and_without_the_engine(text: str, phases: Phases) -> None:
    module = rct.Network.from_network(of_maps(text, phases=phases))
    for context in (contextlib.nullcontext(), rct.without_engine()):
        with context:
            result = module(spikes(0, 128))
            assert result.shape == (0, 3)
            gradients = torch.autograd.grad(result.sum(), list(module.weights))
            assert not any(bool(one.any()) for one in gradients)


def test_a_layer_has_the_bits_and_the_gradients_of_the_functions_of_the_engine() -> None:
    layer, times = rct.Conv2d((8, 8, 2), 3, UNEQUAL, stride=2, padding=1, dtype=torch.float64), tracked(spikes(5, 128))
    assert layer.out_shape == (4, 4, 3)
    wiring = Conv2d((8, 8, 2), stride=2, padding=1)
    engine, inputs = ResistiveLayer(layer.weight.detach().numpy(), UNEQUAL, wiring), times.detach().numpy()
    v = layer(times)
    np.testing.assert_array_equal(v.detach().numpy(), engine.charge(inputs))
    upstream = torch.randn(v.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    v.backward(upstream)
    of_times, of_weights = engine.charge_vjp(inputs, upstream.numpy())
    assert times.grad is not None and layer.weight.grad is not None
    np.testing.assert_array_equal(times.grad.numpy(), of_times)
    np.testing.assert_array_equal(layer.weight.grad.numpy(), of_weights)


@convolutions
def test_the_operators_pass_the_checks_of_pytorch_and_finite_differences(text: str, phases: Phases) -> None:
    one, times = of_maps(text, phases=phases), spikes(2, 128)
    forward = (tracked(times), [tracked(w) for w in one.weights], [], *parts(one), True)
    assert set(torch.library.opcheck(operators.network_operator, forward).values()) == {"SUCCESS"}

    def results(*weights: torch.Tensor) -> torch.Tensor:
        result = operators.network_operator(times, weights, [], *parts(one), True)
        return torch.where(torch.isinf(result), 0.0, result)

    assert torch.autograd.gradcheck(results, tuple(map(tracked, one.weights)))


@pytest.mark.filterwarnings("default")  # those of PyTorch's own compiler
def test_a_compiled_convolution_is_one_graph_with_the_same_gradients() -> None:
    module, layer = rct.Network.from_network(of_maps(POOLED)), rct.Conv2d((4, 4, 2), 3, STRONG, dtype=torch.float64)
    gradients = []
    for compiled in (False, True):
        times = tracked(spikes(4, 128))

        def loss(t: torch.Tensor) -> torch.Tensor:
            return module(t).sum() + layer(t[:, :32]).square().sum()

        (torch.compile(loss, fullgraph=True, backend="aot_eager") if compiled else loss)(times).backward()
        gradients.append(times.grad)
    np.testing.assert_array_equal(*gradients)


def test_a_module_in_place_of_a_wiring_is_an_error() -> None:
    module: Any = rct.Conv2d((8, 8, 1), 3, Circuit())
    with pytest.raises(TypeError, match=r"a wiring.*got Conv2d"):
        rct.charge(torch.rand(2, 64), torch.rand(9, 3), Circuit(), wiring=module)


def test_wirings_survive_as_numbers() -> None:
    wirings: tuple[Wiring, ...] = (
        Conv2d((9, 7, 3), (5, 3), stride=2, padding=1, pool=2),
        FirstSpike2d((8, 8, 2), 4),
        Dense(),
        Conv2d((6, 6, 1), first=2),
    )
    assert wirings_of(wiring_numbers(wirings)) == wirings

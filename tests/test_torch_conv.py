"""Convolutions in rcspike.torch: with the engine, with PyTorch alone, and in training."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import torch
from torch_networks import STRONG, UNEQUAL, circuits, numbers, spikes, tracked

import rcspike.torch as rct
from rcspike import Circuit, Network, functional, train
from rcspike.datasets import Dataset, Split
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Conv2d, Dense, FirstSpike2d, ResistiveLayer, Wiring
from rcspike.torch import operators
from rcspike.torch.wiring_indices import wiring_numbers, wirings_of

pytestmark = pytest.mark.torch

POOLED = "conv2-pool-conv2k3s2-4/2-3"
JOINED = "conv2k5s2-first-4-3"
CUT = "conv2-pool3-4-3"  # with pixels that fill no window
kinds = pytest.mark.parametrize(
    ("text", "phases"),
    [(POOLED, "two"), (CUT, "two"), (JOINED, "two"), (JOINED, "single"), ("conv2k1-first3-3", "single")],
)


def network(text: str, circuit: Circuit = STRONG, phases: Phases = "two") -> Network:
    if phases == "single":
        circuit = Circuit(v_syn=2.0, delay=circuit.delay)
    shape = (8, 8, 2)
    one = Network.create(text, circuit, seed=1, input_shape=shape, dtype=np.float64, phases=phases)
    one.weights = [2 * w for w in one.weights]
    return one


def parts(one: Network) -> tuple[list[float], list[int], str, float]:
    return numbers(one), list(wiring_numbers(layer.wiring for layer in one.layers)), one.phases, 50.0


@kinds
def test_a_network_of_convolutions_has_the_bits_of_the_engine(text: str, phases: Phases) -> None:
    one, times = network(text, UNEQUAL, phases), spikes(7, 128)
    module = rct.Network.from_network(one)
    np.testing.assert_array_equal(module(times).detach().numpy(), one.forward(times.numpy()))
    again = module.to_network()
    assert (again.architecture, again.sizes, module.sizes) == (one.architecture, one.sizes, one.sizes)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(again.weights, one.weights, strict=True))


@kinds
def test_an_empty_batch_has_empty_results_with_and_without_the_engine(text: str, phases: Phases) -> None:
    module = rct.Network.from_network(network(text, phases=phases))
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


@kinds
def test_the_operators_pass_the_checks_of_pytorch_and_finite_differences(text: str, phases: Phases) -> None:
    one, times = network(text, phases=phases), spikes(2, 128)
    forward = (tracked(times), [tracked(w) for w in one.weights], [], *parts(one), True)
    assert set(torch.library.opcheck(operators.network_operator, forward).values()) == {"SUCCESS"}

    def results(*weights: torch.Tensor) -> torch.Tensor:
        result = operators.network_operator(times, weights, [], *parts(one), True)
        return torch.where(torch.isinf(result), 0.0, result)

    assert torch.autograd.gradcheck(results, tuple(map(tracked, one.weights)))


@kinds
@circuits
def test_pytorch_without_the_engine_gives_the_same_network(circuit: Circuit, text: str, phases: Phases) -> None:
    one, times = network(text, circuit, phases), spikes(6, 128)
    times[:, 3] = times[:, 1]  # ties
    rng = torch.Generator().manual_seed(4)
    shifts = [0.05 * torch.randn(6, n, dtype=torch.float64, generator=rng) for n in one.sizes[1:]]
    upstream = torch.randn(6, 3, dtype=torch.float64, generator=rng)
    results = []
    for context in (contextlib.nullcontext(), rct.without_engine()):
        inputs = [tracked(times), *map(tracked, one.weights)]
        with context:
            v = operators.network_operator(inputs[0], inputs[1:], shifts, *parts(one), True)
            torch.where(torch.isinf(v), 0.0, v).backward(upstream)
        results.append([v.detach(), *(x.grad for x in inputs)])
    for own, engine in zip(results[1], results[0], strict=True):
        assert engine is not None and engine.abs().max() > 0
        np.testing.assert_allclose(own, engine, rtol=1e-12, atol=1e-12)


def test_pytorch_without_the_engine_takes_large_batches_of_maps_in_parts() -> None:
    one = rct.Network("28x28x1-conv16-pool-3", UNEQUAL, dtype=torch.float64)
    times = spikes(40, 784)  # 4.5 million numbers for each sum over the inputs of all windows
    with torch.no_grad():
        expected = one(times)
        with rct.without_engine():
            np.testing.assert_allclose(one(times), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("default")  # those of PyTorch's own compiler
def test_a_compiled_convolution_is_one_graph_with_the_same_gradients() -> None:
    module, layer = rct.Network.from_network(network(POOLED)), rct.Conv2d((4, 4, 2), 3, STRONG, dtype=torch.float64)
    gradients = []
    for compiled in (False, True):
        times = tracked(spikes(4, 128))

        def loss(t: torch.Tensor) -> torch.Tensor:
            return module(t).sum() + layer(t[:, :32]).square().sum()

        (torch.compile(loss, fullgraph=True, backend="aot_eager") if compiled else loss)(times).backward()
        gradients.append(times.grad)
    np.testing.assert_array_equal(*gradients)


def test_twenty_steps_of_adam_give_the_weights_of_train(digits: Dataset) -> None:
    split = Split(digits.train.images[:32], digits.train.labels[:32])
    one = Network.create("8x8x1-conv4-pool-6-10", UNEQUAL, seed=0, dtype=np.float64)
    module, loss = rct.Network.from_network(one), rct.OutputLoss(UNEQUAL)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    settings: dict[str, Any] = {"epochs": 20, "batch_size": 32, "seed": 0, "decay": "constant"}
    train(one, Dataset("digits", split, split), **settings)
    times = torch.from_numpy(functional.encode(split.images).astype(np.float64))
    labels = torch.from_numpy(split.labels.astype(np.int64))
    for _ in range(20):
        optimiser.zero_grad()
        loss(module(times), labels).backward()
        optimiser.step()
    for w, expected in zip(module.to_network().weights, one.weights, strict=True):
        # Each step rounds about 1e-16 of a weight, and so does the order of the samples in a sum.
        np.testing.assert_allclose(w, expected, rtol=0, atol=1e-10)


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


def test_shapes_come_without_data_on_the_meta_device() -> None:
    module = rct.Conv2d((8, 8, 2), 3, STRONG, padding=1, pool=2).to("meta")
    assert module(torch.empty(5, 128, device="meta")).shape == (5, 48)

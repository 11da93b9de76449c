"""The operators of rcspike.torch without the engine, as on other devices than the CPU, compared with the engine."""

from __future__ import annotations

import contextlib
import math
import re

import numpy as np
import pytest
import torch
from torch_networks import STRONG, UNEQUAL, circuits, network, numbers, phases, shifts_for, spikes, tracked

import rcspike.torch as rct
from rcspike import Circuit
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Dense, FirstSpike, Wiring
from rcspike.torch import operators

pytestmark = pytest.mark.torch


@phases
@circuits
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("wiring", [None, [FirstSpike(2), FirstSpike(4), Dense()]], ids=["dense", "first"])
def test_pytorch_without_the_engine_gives_the_same_network(
    circuit: Circuit, noisy: bool, wiring: list[Wiring] | None, phases: Phases
) -> None:
    one = network(circuit, wiring=wiring, phases=phases)
    shifts, windows = shifts_for(one, 9) if noisy else [], [layer.wiring.window for layer in one.layers]
    times, upstream = spikes(9, 12), torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    times[:, 3] = times[:, 1]  # ties
    results = []
    for context in (contextlib.nullcontext(), rct.without_engine()):
        inputs = [tracked(times), *map(tracked, one.weights)]
        with context:
            v = operators.network_operator(inputs[0], inputs[1:], shifts, numbers(one), windows, phases, 50.0, True)
            torch.where(torch.isinf(v), 0.0, v).backward(upstream)
        results.append([v.detach(), *(x.grad for x in inputs)])
    for own, engine in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(own, engine, rtol=1e-12, atol=1e-12)


def test_pytorch_without_the_engine_takes_large_batches_in_parts() -> None:
    module, loss = (
        rct.Network([100, 50, 3], UNEQUAL, dtype=torch.float64),
        rct.OutputLoss(UNEQUAL, temporal_penalty=0.1),
    )
    times, labels = spikes(900, 100), torch.arange(900) % 3  # 4.5 million numbers for each sum over the inputs
    loss(module(times), labels).backward()
    expected = [w.grad.clone() for w in module.weights]
    module.zero_grad()
    with rct.without_engine():
        loss(module(times), labels).backward()
    for w, gradient in zip(module.weights, expected, strict=True):
        np.testing.assert_allclose(w.grad, gradient, rtol=1e-12, atol=1e-12)


@circuits
def test_pytorch_without_the_engine_fires_at_the_same_times(circuit: Circuit) -> None:
    v = torch.linspace(-0.5, 1.5, 201, dtype=torch.float64).reshape(3, 67)
    results = []
    for context in (contextlib.nullcontext(), rct.without_engine()):
        own = tracked(v)
        with context:
            t = rct.Fire(circuit)(own)
            t.backward(torch.ones_like(t))
        results.append((t.detach(), own.grad))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def test_a_module_without_the_engine_names_what_is_not_valid() -> None:
    module = rct.Network.from_network(network(STRONG))
    with rct.without_engine():
        with pytest.raises(ValueError, match="times must not be negative or NaN"):
            module(-spikes(2, 12))
        with pytest.raises(ValueError, match=re.escape("labels must be in [0, 3)")):
            rct.OutputLoss(STRONG)(module(spikes(2, 12)), torch.tensor([0, 3]))
        module.weights[1].data[0, 0] = math.nan
        with pytest.raises(ValueError, match=re.escape("weights[1] must be finite")):
            module(spikes(2, 12))

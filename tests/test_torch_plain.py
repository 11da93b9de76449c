"""The operators of rcspike.torch without the engine, as on other devices than the CPU, compared with the engine."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch_networks import (
    CONVOLUTIONS,
    FIRST,
    STRONG,
    UNEQUAL,
    circuits,
    network,
    of_maps,
    parts,
    shifts_for,
    spikes,
    tracked,
)

import rcspike.torch as rct
from rcspike import Circuit, Network
from rcspike.torch import operators

pytestmark = pytest.mark.torch


KINDS: dict[str, Callable[[Circuit], Network]] = {
    **{f"dense, {p}": partial(network, phases=p) for p in ("two", "single")},
    **{f"first, {p}": partial(network, wiring=FIRST, phases=p) for p in ("two", "single")},
    **{f"{text}, {p}": partial(of_maps, text, phases=p) for text, p in CONVOLUTIONS},
}


@pytest.mark.parametrize("kind", KINDS)
@circuits
@pytest.mark.parametrize("noisy", [False, True])
def test_pytorch_without_the_engine_gives_the_same_network(noisy: bool, circuit: Circuit, kind: str) -> None:
    one = KINDS[kind](circuit)
    shifts, times = shifts_for(one, 9) if noisy else [], spikes(9, one.sizes[0])
    upstream = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    times[:, 3] = times[:, 1]  # ties
    results = []
    for context in (contextlib.nullcontext(), rct.without_engine()):
        inputs = [tracked(times), *map(tracked, one.weights)]
        with context:
            v = operators.network_operator(inputs[0], inputs[1:], shifts, *parts(one), True)
            torch.where(torch.isinf(v), 0.0, v).backward(upstream)
        results.append([v.detach(), *(x.grad for x in inputs)])
    for own, engine in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(own, engine, rtol=1e-12, atol=1e-12)


# With 4.5 million numbers for each sum over the inputs, of a sample or of all windows.
@pytest.mark.parametrize(("sizes", "batch"), [([100, 50, 3], 900), ("28x28x1-conv16-pool-3", 40)], ids=str)
def test_pytorch_without_the_engine_takes_large_batches_in_parts(sizes: Any, batch: int) -> None:
    module, loss = rct.Network(sizes, UNEQUAL, dtype=torch.float64), rct.OutputLoss(UNEQUAL, temporal_penalty=0.1)
    times, labels = spikes(batch, module.sizes[0]), torch.arange(batch) % 3
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

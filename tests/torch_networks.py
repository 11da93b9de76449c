"""Networks, spike times and circuits for the tests of rcspike.torch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from rcspike import Circuit, Network
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Dense, FirstSpike, Wiring
from rcspike.torch.engine_cache import parameters_of
from rcspike.torch.wiring_indices import wiring_numbers

STRONG = Circuit(v_syn=1.0)
UNEQUAL = Circuit(e_plus=1.5, e_minus=-0.75, diode_drop=0.05, ramp=0.3, delay=0.02, injection=(1e-3, -2e-3))
CIRCUITS = [STRONG, UNEQUAL, Circuit.conventional()]
circuits = pytest.mark.parametrize("circuit", CIRCUITS, ids=lambda circuit: circuit.label)
phases = pytest.mark.parametrize("phases", ["two", "single"])
FIRST: list[Wiring] = [FirstSpike(2), FirstSpike(4), Dense()]
POOLED = "conv2-pool-conv2k3s2-4/2-3"
JOINED = "conv2k5s2-first-4-3"
CUT = "conv2-pool3-4-3"  # with pixels that fill no window
CONVOLUTIONS: list[tuple[str, Phases]] = [
    *((text, "two") for text in (POOLED, CUT, JOINED)),
    *((text, "single") for text in (JOINED, "conv2k1-first3-3")),
]
convolutions = pytest.mark.parametrize(("text", "phases"), CONVOLUTIONS)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def spikes(batch: int, n: int, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    """Spike times in T, of which a sixth lie after the end of the phase."""
    return 1.2 * torch.rand(batch, n, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def network(
    circuit: Circuit, dtype: str = "float64", wiring: list[Wiring] | None = None, phases: Phases = "two"
) -> Network:
    """Weights that put most neurons within the phase, and some outside."""
    if phases == "single":  # needs rails above the threshold, and its switches do not open
        circuit = Circuit(v_syn=2.0) if circuit == STRONG else dataclasses.replace(circuit, injection=(0.0, 0.0))
    one = Network.create([12, 8, 6, 3], circuit, seed=1, dtype=dtype, wiring=wiring, phases=phases)
    one.weights = [3 * w for w in one.weights]
    return one


def shifts_for(one: Network, batch: int) -> list[torch.Tensor]:
    rng = np.random.default_rng(3)
    return [torch.from_numpy(0.05 * rng.standard_normal((batch, n))) for n in one.sizes[1:]]


def tracked(tensor: Any) -> torch.Tensor:
    return torch.tensor(tensor.numpy() if isinstance(tensor, torch.Tensor) else tensor).requires_grad_()


def of_maps(text: str, circuit: Circuit = STRONG, phases: Phases = "two") -> Network:
    if phases == "single":
        circuit = Circuit(v_syn=2.0, delay=circuit.delay)
    one = Network.create(text, circuit, seed=1, input_shape=(8, 8, 2), dtype=np.float64, phases=phases)
    one.weights = [2 * w for w in one.weights]
    return one


def parts(one: Network, max_slope: float = 50.0) -> tuple[list[float], list[int], str, float]:
    """What an operator takes of a network besides its weights."""
    numbers = [number for layer in one.layers for number in parameters_of(layer.circuit)]
    return numbers, list(wiring_numbers(layer.wiring for layer in one.layers)), one.phases, max_slope

"""First spikes of a network of a single phase in simulators that read its NIR graph, compared with the engine.

    pip install nir nirtorch norse sinabs snntorch
    python bench/nir_simulators.py

The node I is in no table of what simulators read, so that layers are graphs of their own whose inputs are currents. The
first spikes of a layer in a simulator drive the next one. Pairs of outputs count whose spikes in the engine are further
apart than `APART` steps. Goal: their order is the same in one simulator. docs/interchange.md has the results.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import torch

from rcspike import Circuit, Network
from rcspike._common.arrays import FloatArray
from rcspike.network import to_nir

BATCH, END = 64, 4.0  # samples, and T
STEPS = (1e-2, 1e-3, 2.5e-4)  # T
APART = 8  # each of three layers rounds up by a step, and the steps in which its inputs start shift its crossings
Run = Callable[[Any, torch.Tensor], torch.Tensor]  # from a graph and (steps, batch, n_in) to (steps, batch, n_out)


def stepped(module: Any, x: torch.Tensor) -> torch.Tensor:
    state, out = None, []
    for one in x:
        z, state = module(one) if state is None else module(one, state)
        out.append(z[0] if isinstance(z, tuple) else z)
    return torch.stack(out)


def run_norse(graph: Any, x: torch.Tensor) -> torch.Tensor:
    return stepped(importlib.import_module("norse.torch").from_nir(graph), x)


def run_snntorch(graph: Any, x: torch.Tensor) -> torch.Tensor:
    with contextlib.redirect_stdout(io.StringIO()):
        module = importlib.import_module("snntorch.import_nir").import_from_nir(graph)
    return stepped(module, x)


def run_sinabs(graph: Any, x: torch.Tensor) -> torch.Tensor:
    nodes = {  # it reads no Linear
        name: nir.Affine(node.weight, np.zeros(len(node.weight), np.float32)) if isinstance(node, nir.Linear) else node
        for name, node in graph.nodes.items()
    }
    module = importlib.import_module("sinabs.nir").from_nir(nir.NIRGraph(nodes, graph.edges), batch_size=x.shape[1])
    by_sample = x.transpose(0, 1)
    z = module(by_sample.flatten(0, 1))
    return (z[0] if isinstance(z, tuple) else z).unflatten(0, by_sample.shape[:2]).transpose(0, 1)


def first_spikes(z: torch.Tensor, step: float) -> FloatArray:
    spiked = z.detach().numpy() > 0
    return np.where(spiked.any(axis=0), (spiked.argmax(axis=0) + 1) * step, np.inf)


def simulate(layers: list[Network], times: FloatArray, run: Run, step: float) -> FloatArray:
    grid = torch.arange(round(END / step)) * step
    for layer in layers:
        on = grid[:, None, None] >= torch.from_numpy(times)[None]
        # The simulators add the input of a step to the membrane, so that a current of 1 is an input of one step.
        times = first_spikes(run(to_nir(layer, inputs="currents"), on.float() * step), step)
    return times


def same_order(times: FloatArray, expected: FloatArray, step: float) -> float:
    """The fraction of pairs of outputs in the order of the engine."""
    pairs = expected[:, :, None] < expected[:, None, :] - APART * step
    return float((times[:, :, None] < times[:, None, :])[pairs].mean())


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    network = Network.create([12, 8, 6, 3], Circuit.conventional(), seed=1, phases="single")
    network.weights = [3 * w for w in network.weights]
    layers = [Network([w], network.circuit, phases="single") for w in network.weights]
    times = np.random.default_rng(0).random((BATCH, 12)).astype(np.float32)
    expected = network.forward(times)
    for name, run in (("norse", run_norse), ("sinabs", run_sinabs), ("snntorch", run_snntorch)):
        print(name, importlib.metadata.version(name))
        for step in STEPS:
            with torch.no_grad():
                found = simulate(layers, times, run, step)
            late = np.abs(found - expected)[np.isfinite(found)]
            print(
                f"  step {step:g} T: {np.isfinite(found).mean():.2f} spike, at most {late.max(initial=0):.2g} T away; "
                f"{same_order(found, expected, step):.3f} of the pairs in the same order"
            )
        try:
            with torch.no_grad():
                on = torch.zeros(100, BATCH, 12)
                run(to_nir(network), on)
            print("  the graph of the whole network is read")
        except Exception as error:
            print(f"  the graph of the whole network: {type(error).__name__}: {str(error)[:120]}")


if __name__ == "__main__":
    main()

"""Exact spikes by jaxsnn, compiled by JAX in float32: the network of its examples, by EventProp or its analytical form.

A layer takes as many steps as it has events: the pixels that spike, and each neuron once. The largest number of such
pixels in the data is the number of inputs, so that images have as few events as possible.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib.metadata import version
from typing import Any

if sys.argv[sys.argv.index("--threads") + 1] == "1":
    os.environ["NPROC"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np
import optax
import worker
from jaxsnn.event.loss import mse_loss
from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
from jaxsnn.event.topology import Topology
from jaxsnn.event.training import update
from jaxsnn.event.types import OptState, Spike
from jaxsnn.examples.event.utils import loss_wrapper

TAU = 5e-3  # of the synapses, in s; the rest as in its example yinyang_analytical
PARAMETERS = LIFParameters(v_reset=-1000.0, v_th=1.0, tau_syn=TAU, tau_mem=2 * TAU)
ACTIVE = 100  # pixels that spike in an image


def spikes(times: Any) -> dict[str, Spike]:
    """The events of images in order, as few as hold all of each."""
    n = int(np.isfinite(times).sum(1).max())
    order = np.argsort(times, axis=1, kind="stable")[:, :n]
    sorted_times = np.take_along_axis(times, order, 1)
    fires = np.isfinite(sorted_times)
    return {
        "inp": Spike(
            time=jnp.asarray(np.where(fires, sorted_times * 2 * TAU, 10 * TAU), dtype=jnp.float32),
            idx=jnp.asarray(order),
            current=jnp.zeros(order.shape),
            layer_idx=jnp.zeros(order.shape, dtype=int),
            internal=jnp.asarray(fires),
        )
    }


def build(task: worker.Task, method: str) -> worker.Step:
    inputs = spikes(np.where(task.times <= 1, task.times, np.inf))
    n_events = inputs["inp"].idx.shape[1]
    sizes = [task.weights[0].shape[0], *(w.shape[1] for w in task.weights)]
    builder = Topology(t_max=4 * TAU, backprop_method=method)
    modules: dict[str, Any] = {"inp": Source(sizes[0])}
    edges, before = [], "inp"
    for i, size in enumerate(sizes[1:]):
        active = ACTIVE if i == 0 else sizes[i] / 2
        modules |= {
            f"syn{i}": Linear(mean=20.0 / active, std=10.0 / active),
            f"lif{i}": LIF(size, n_events + size, PARAMETERS),
        }
        edges += [(before, f"syn{i}"), (f"syn{i}", f"lif{i}")]
        before, n_events = f"lif{i}", size
    builder.add(modules)
    builder.connect(edges)
    init, apply = builder.done()
    weights = init(jax.random.PRNGKey(0))
    optimiser = optax.chain(optax.scale(1 / TAU), optax.clip(0.01), optax.adam(worker.LEARNING_RATE))
    loss = partial(loss_wrapper, apply, mse_loss, PARAMETERS.tau_mem, before, sizes[-1])
    train = jax.jit(partial(update, optimiser, loss))
    targets = jnp.where(jnp.eye(sizes[-1])[task.labels] > 0, 0.9 * TAU, 1.1 * TAU)
    state = OptState(optimiser.init(weights), weights, jax.random.PRNGKey(1))

    def step(rows: Any) -> Any:
        nonlocal state
        picked = jax.tree.map(lambda leaf: leaf[rows], inputs)
        state, ((value, _), _) = train(state, (picked, targets[rows]))
        return value.block_until_ready()

    return step


if __name__ == "__main__":
    variants = {method: (lambda task, method=method: build(task, method)) for method in ("eventprop", "analytical")}
    worker.main(variants, {"jaxsnn": version("jaxsnn"), "jax": jax.__version__}, toy=False)

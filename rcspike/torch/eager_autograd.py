"""The operators and their gradients in eager mode.

The operators have the same gradients by `register_autograd`, for `torch.compile` and for whoever calls them. PyTorch
then flattens lists of tensors and fills in defaults in Python at every call, and the backward pass has to compare all
weights and spike times with those of the forward pass; for a small batch both take longer than the engine does.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from rcspike.functional.events import Schedule
from rcspike.functional.neuron_kinds import Phases
from rcspike.torch import operators
from rcspike.torch.engine_cache import (
    Batch,
    Parameters,
    Parts,
    Run,
    network_backward,
    network_forward,
    run_backward,
    run_forward,
)
from rcspike.torch.operators import as_array, as_arrays, one_by_one
from rcspike.torch.pure_torch import is_plain


def _are_ordinary(tensors: Sequence[Tensor]) -> bool:
    """Whether these are ordinary tensors that the engine takes, not those with which PyTorch traces a program."""
    return all(type(one) in (Tensor, torch.nn.Parameter) and not is_plain(one) for one in tensors)


class _Network(Function):
    @staticmethod
    def forward(
        times: Tensor | Schedule, n_layers: int, parts: Parts, max_slope: float, runs: list[Run], *more: Tensor
    ) -> Tensor:
        weights, shifts = more[:n_layers], more[n_layers:]
        if isinstance(times, Tensor) and not _are_ordinary([times, *weights]):
            result: Tensor = operators.network_operator(times, weights, shifts, *parts, max_slope, True)
            return result
        batch, threads = _batch(times, shifts), torch.get_num_threads()
        v, run = run_forward(batch, as_arrays(weights), parts, threads=threads)
        runs.append(run)
        return torch.from_numpy(v)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.times, ctx.n_layers, ctx.parts, ctx.max_slope, ctx.runs, *more = inputs
        if isinstance(ctx.times, Tensor):
            more, ctx.times = [ctx.times, *more], None
        ctx.save_for_backward(*more)

    @staticmethod
    def backward(ctx: Any, grad_v: Tensor) -> tuple[Tensor | None, ...]:
        times, *more = ctx.saved_tensors if ctx.times is None else (ctx.times, *ctx.saved_tensors)
        weights, shifts = more[: ctx.n_layers], more[ctx.n_layers :]
        of_times: bool = ctx.needs_input_grad[0]
        gradients = None
        if ctx.runs and not torch.is_grad_enabled():
            gradients = run_backward(
                ctx.runs[0],
                as_array(grad_v),
                of_times=of_times,
                max_slope=ctx.max_slope,
                threads=torch.get_num_threads(),
            )
        if gradients is None and ctx.times is not None:
            if torch.is_grad_enabled():
                raise operators.second_derivative_error("a network on a schedule")
            gradients = network_backward(
                _batch(times, shifts),
                as_arrays(weights),
                ctx.parts,
                as_array(grad_v),
                of_times=False,
                max_slope=ctx.max_slope,
                threads=torch.get_num_threads(),
            )
        if gradients is not None:
            grad_times, grad_weights = torch.from_numpy(gradients[0]), [torch.from_numpy(g) for g in gradients[1]]
        else:
            grad_times, *grad_weights = operators.network_vjp_operator(
                times, weights, shifts, grad_v, *ctx.parts, ctx.max_slope, of_times
            )
        return (grad_times if of_times else None, *[None] * 4, *grad_weights, *[None] * len(shifts))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        def run(times: Tensor, n_layers: int, parts: Parts, max_slope: float, _: Any, *more: Tensor) -> Tensor:
            result: Tensor = _Network.apply(times, n_layers, parts, max_slope, [], *more)
            return result

        return one_by_one(run, info, [None if i in range(1, 5) else dim for i, dim in enumerate(in_dims)], inputs)


def _batch(times: Tensor | Schedule, shifts: Sequence[Tensor]) -> Batch:
    return Batch(times if isinstance(times, Schedule) else as_array(times), as_arrays(shifts))


def run_network(
    times: Tensor | Schedule,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    circuits: Parameters,
    wiring: tuple[int, ...],
    phases: Phases,
    max_slope: float,
) -> Tensor:
    """`operators.network_operator` with its gradient, from spike times or their schedule."""
    parts = Parts(circuits, wiring, phases)
    if isinstance(times, Schedule):
        return _run_schedule(times, weights, shifts, parts, max_slope)
    keep = torch.is_grad_enabled() and (times.requires_grad or any(w.requires_grad for w in weights))
    result: Tensor
    if keep and not torch.compiler.is_compiling():
        result = _Network.apply(times, len(weights), parts, max_slope, [], *weights, *shifts)
    else:
        result = operators.network_operator(times, weights, shifts, circuits, wiring, phases, max_slope, keep)
    return result


def _losses_and_gradient(v: Tensor, labels: Tensor, circuit: Parameters, loss: Parameters) -> tuple[Tensor, Tensor]:
    compute = operators.losses_and_gradient if _are_ordinary([v, labels]) else operators.loss_operator
    result: tuple[Tensor, Tensor] = compute(v, labels, circuit, *loss)
    return result


@torch.compiler.disable
def _run_schedule(
    times: Schedule, weights: Sequence[Tensor], shifts: Sequence[Tensor], parts: Parts, max_slope: float
) -> Tensor:
    """Not traced by torch.compile, which knows tensors only, but with the gradient there too."""
    if is_plain(weights[0]):
        raise TypeError(
            f"a schedule is for the engine, and the weights are on {weights[0].device} or inside without_engine(); "
            "pass spike times"
        )
    if torch.is_grad_enabled() and any(w.requires_grad for w in weights):
        result: Tensor = _Network.apply(times, len(weights), parts, max_slope, [], *weights, *shifts)
        return result
    arrays, threads = as_arrays(weights), torch.get_num_threads()
    return torch.from_numpy(network_forward(_batch(times, shifts), arrays, parts, keep=False, threads=threads))


class _Losses(Function):
    @staticmethod
    def forward(v: Tensor, labels: Tensor, circuit: Parameters, loss: Parameters) -> tuple[Tensor, Tensor]:
        return _losses_and_gradient(v, labels, circuit, loss)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, grad_losses: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        (grad_v,) = ctx.saved_tensors
        apply = operators.loss_vjp_operator if torch.is_grad_enabled() else operators.scale_rows
        return apply(grad_v, grad_losses), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        return one_by_one(_Losses.apply, info, [*in_dims[:2], None, None], inputs)


def losses(v: Tensor, labels: Tensor, circuit: Parameters, loss: Parameters) -> Tensor:
    """The losses of `operators.loss_operator` with their gradient."""
    if torch.is_grad_enabled() and v.requires_grad and not torch.compiler.is_compiling():
        result: Tensor = _Losses.apply(v, labels, circuit, loss)[0]
    else:
        result = operators.loss_operator(v, labels, circuit, *loss)[0]
    return result


class _MeanLoss(Function):
    @staticmethod
    def forward(v: Tensor, labels: Tensor, circuit: Parameters, loss: Parameters) -> tuple[Tensor, Tensor]:
        each, grad_v = _losses_and_gradient(v, labels, circuit, loss)
        return each.mean(), grad_v

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        (grad_v,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            return operators.loss_vjp_operator(grad_v, grad.expand(len(grad_v)) / len(grad_v)), None, None, None
        return grad_v * (grad / len(grad_v)).to(grad_v.dtype), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        return one_by_one(_MeanLoss.apply, info, [*in_dims[:2], None, None], inputs)


def mean_loss(v: Tensor, labels: Tensor, circuit: Parameters, loss: Parameters) -> Tensor:
    """The mean of `losses`, with its gradient, in one call where nothing else is asked for."""
    if torch.is_grad_enabled() and v.requires_grad and not torch.compiler.is_compiling():
        result: Tensor = _MeanLoss.apply(v, labels, circuit, loss)[0]
        return result
    return losses(v, labels, circuit, loss).mean()


# PyTorch asks for the signature of each of these at every call, and Python would work it out anew: 0.1 ms.
for _function in (_Network, _Losses, _MeanLoss):
    vars(_function.forward)["__signature__"] = signature(_function.forward)

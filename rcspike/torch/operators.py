"""The operators of PyTorch, and their gradients: computed by the engine, on other devices than the CPU by PyTorch.

Each function has two operators: itself, and its vector-Jacobian product, which does not have a derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op, register_autograd

from rcspike import functional
from rcspike._common.arrays import FloatArray
from rcspike.functional.loss import Loss, output_losses
from rcspike.torch import pure_torch
from rcspike.torch.engine_cache import Batch, Parts, as_circuit, network_backward, network_forward
from rcspike.torch.wiring_indices import wirings_of

_TWICE = (
    "{} has no second derivative: the engine computes gradients without a tape that could be differentiated again; "
    "call backward or torch.autograd.grad without create_graph"
)


def as_array(tensor: Tensor) -> FloatArray:
    """The same memory as a NumPy array, in row-major order; only a strided tensor is copied."""
    array: FloatArray = tensor.detach().contiguous().numpy()
    return array


def as_arrays(tensors: Sequence[Tensor]) -> list[FloatArray]:
    """The same of several tensors."""
    return [as_array(tensor) for tensor in tensors]


def second_derivative_error(name: str) -> NotImplementedError:
    """The error of a backward pass that is to be differentiated."""
    return NotImplementedError(_TWICE.format(name))


def _reject_second_derivative(operator: Any, name: str) -> None:
    def backward(ctx: Any, *grads: Any) -> Any:
        raise second_derivative_error(name)

    register_autograd(operator, backward)


def one_by_one(function: Any, info: Any, in_dims: Sequence[Any], arguments: Sequence[Any]) -> tuple[Any, Any]:
    """A function of each sample of `torch.vmap` in turn, and where its results have that axis: the first one."""
    if info.batch_size == 0:
        raise ValueError("torch.vmap needs at least one sample, got an axis of length 0")
    results = [function(*_at(i, arguments, in_dims)) for i in range(info.batch_size)]
    if isinstance(results[0], Tensor):
        return torch.stack(results), 0
    stacked = [torch.stack(one) for one in zip(*results, strict=True)]
    return type(results[0])(stacked), type(results[0])([0] * len(stacked))


def _at(i: int, argument: Any, dim: Any) -> Any:
    """Sample i of an argument, or of each part of a list that has an axis of samples."""
    if isinstance(dim, list | tuple):
        return [_at(i, one, d) for one, d in zip(argument, dim, strict=True)]
    return argument if dim is None else argument.select(dim, i)


def _register_vmap(operator: Any) -> None:
    if hasattr(torch.library, "register_vmap"):  # since PyTorch 2.5
        torch.library.register_vmap(
            operator, lambda info, in_dims, *arguments: one_by_one(operator, info, in_dims, arguments)
        )


# The firing phase


@custom_op("rcspike::fire", mutates_args=(), schema="(Tensor v, float[] circuit) -> Tensor")
def fire_operator(v: Tensor, circuit: Sequence[float]) -> Tensor:
    """Output spike times, as `rcspike.functional.fire`."""
    if pure_torch.is_plain(v):
        return pure_torch.fire(v, as_circuit(tuple(circuit)))
    return torch.from_numpy(functional.fire(as_array(v), as_circuit(tuple(circuit))))


@fire_operator.register_fake
def _(v: Tensor, circuit: Sequence[float]) -> Tensor:
    return v.new_empty(v.shape)


@custom_op(
    "rcspike::fire_vjp",
    mutates_args=(),
    schema="(Tensor v, Tensor grad_times, float[] circuit) -> Tensor",
)
def fire_vjp_operator(v: Tensor, grad_times: Tensor, circuit: Sequence[float]) -> Tensor:
    """dL/dv from dL/dt, as `rcspike.functional.fire_vjp`."""
    if pure_torch.is_plain(v):
        return pure_torch.fire_vjp(v, as_circuit(tuple(circuit)), grad_times)
    return torch.from_numpy(functional.fire_vjp(as_array(v), as_circuit(tuple(circuit)), as_array(grad_times)))


@fire_vjp_operator.register_fake
def _(v: Tensor, grad_times: Tensor, circuit: Sequence[float]) -> Tensor:
    return v.new_empty(v.shape)


def _keep_fire(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    v, ctx.circuit = inputs
    ctx.save_for_backward(v)


def _fire_backward(ctx: Any, grad_times: Tensor) -> tuple[Tensor, None]:
    (v,) = ctx.saved_tensors
    return fire_vjp_operator(v, grad_times, ctx.circuit), None


register_autograd(fire_operator, _fire_backward, setup_context=_keep_fire)
_reject_second_derivative(fire_vjp_operator, "fire")


# Layers in series, or one


@custom_op(
    "rcspike::network",
    mutates_args=(),
    schema="(Tensor times, Tensor[] weights, Tensor[] shifts, float[] circuits, int[] wiring, str phases, "
    "float max_slope, bool keep) -> Tensor",
)
def network_operator(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    circuits: Sequence[float],
    wiring: Sequence[int],
    phases: str,
    max_slope: float,
    keep: bool,
) -> Tensor:
    """The results of the last layer: voltages of two-phase neurons, or spike times of single-phase ones.

    `shifts` are added to the spike times of each layer, in T; empty for none. `keep` says that a backward pass is to
    follow, which is then faster; `max_slope` is for that pass.
    """
    parts = Parts(tuple(circuits), tuple(wiring), phases)
    if pure_torch.is_plain(times):
        return pure_torch.network(times, weights, shifts, parts)
    batch = Batch(as_array(times), as_arrays(shifts))
    return torch.from_numpy(
        network_forward(batch, as_arrays(weights), parts, keep=keep, threads=torch.get_num_threads())
    )


@network_operator.register_fake
def _(times: Tensor, weights: Sequence[Tensor], *others: Any) -> Tensor:
    _, _, wiring, *_ = others
    n_out = wirings_of(tuple(wiring))[-1].n_out(weights[-1].shape[1])
    return weights[-1].new_empty((times.shape[0], n_out))


@custom_op(
    "rcspike::network_vjp",
    mutates_args=(),
    schema="(Tensor times, Tensor[] weights, Tensor[] shifts, Tensor grad_v, float[] circuits, int[] wiring, "
    "str phases, float max_slope, bool of_times) -> Tensor[]",
)
def network_vjp_operator(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    grad_v: Tensor,
    circuits: Sequence[float],
    wiring: Sequence[int],
    phases: str,
    max_slope: float,
    of_times: bool,
) -> list[Tensor]:
    """Gradients of the spike times, empty unless asked for, and of the weights of each layer."""
    parts = Parts(tuple(circuits), tuple(wiring), phases)
    if pure_torch.is_plain(times):
        return pure_torch.network_vjp(times, weights, shifts, parts, grad_v, of_times=of_times, max_slope=max_slope)
    grad_times, grad_weights = network_backward(
        Batch(as_array(times), as_arrays(shifts)),
        as_arrays(weights),
        parts,
        as_array(grad_v),
        of_times=of_times,
        max_slope=max_slope,
        threads=torch.get_num_threads(),
    )
    return [torch.from_numpy(gradient) for gradient in (grad_times, *grad_weights)]


@network_vjp_operator.register_fake
def _(times: Tensor, weights: Sequence[Tensor], *others: Any) -> list[Tensor]:
    *_, of_times = others
    grad_times = times.new_empty((times.shape[0] if of_times else 0, times.shape[1]))
    return [grad_times, *(w.new_empty(w.shape) for w in weights)]


def _keep_network(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    times, weights, shifts, ctx.circuits, ctx.wiring, ctx.phases, ctx.max_slope, _ = inputs
    ctx.n_layers, ctx.n_shifts = len(weights), len(shifts)
    ctx.save_for_backward(times, *weights, *shifts)


def _network_backward(ctx: Any, grad_v: Tensor) -> tuple[Any, ...]:
    times, *others = ctx.saved_tensors
    weights, shifts = others[: ctx.n_layers], others[ctx.n_layers :]
    of_times = bool(ctx.needs_input_grad[0])
    grad_times, *grad_weights = network_vjp_operator(
        times, weights, shifts, grad_v, ctx.circuits, ctx.wiring, ctx.phases, ctx.max_slope, of_times
    )
    return (grad_times if of_times else None, grad_weights, [None] * ctx.n_shifts, *[None] * 5)


register_autograd(network_operator, _network_backward, setup_context=_keep_network)
_reject_second_derivative(network_vjp_operator, "a network")


# The loss, with the functions behind its operators: in eager mode a call of an operator takes longer than they do


@lru_cache(maxsize=16)
def _loss(temperature: float, temporal_penalty: float, t_ref: float) -> Loss:
    return Loss(temperature=temperature, temporal_penalty=temporal_penalty, t_ref=t_ref)


def losses_and_gradient(
    v: Tensor, labels: Tensor, circuit: Sequence[float], temperature: float, temporal_penalty: float, t_ref: float
) -> tuple[Tensor, Tensor]:
    """Loss of each sample in float64 and its gradient, as `rcspike.functional.output_loss`."""
    loss = _loss(temperature, temporal_penalty, t_ref)
    if pure_torch.is_plain(v):
        return pure_torch.output_losses(v, labels, as_circuit(tuple(circuit)), loss)
    losses, grad_v = output_losses(as_array(v), labels.contiguous().numpy(), as_circuit(tuple(circuit)), loss)
    return torch.from_numpy(losses), torch.from_numpy(grad_v)


def scale_rows(grad_v: Tensor, grad: Tensor) -> Tensor:
    """dL/dv from the gradient of each sample's loss and dL of that loss."""
    return grad_v * grad.to(grad_v.dtype)[:, None]


loss_operator = custom_op(
    "rcspike::output_loss",
    losses_and_gradient,
    mutates_args=(),
    schema="(Tensor v, Tensor labels, float[] circuit, float temperature, float temporal_penalty, float t_ref) "
    "-> (Tensor, Tensor)",
)


@loss_operator.register_fake
def _(
    v: Tensor, labels: Tensor, circuit: Sequence[float], temperature: float, temporal_penalty: float, t_ref: float
) -> tuple[Tensor, Tensor]:
    return v.new_empty((v.shape[0],), dtype=torch.float64), v.new_empty(v.shape)


loss_vjp_operator = custom_op(
    "rcspike::output_loss_vjp", scale_rows, mutates_args=(), schema="(Tensor grad_v, Tensor grad) -> Tensor"
)


@loss_vjp_operator.register_fake
def _(grad_v: Tensor, grad: Tensor) -> Tensor:
    return grad_v.new_empty(grad_v.shape)


def _keep_loss(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])


def _loss_backward(ctx: Any, grad_losses: Tensor, _: Any) -> tuple[Any, ...]:
    (grad_v,) = ctx.saved_tensors
    return (loss_vjp_operator(grad_v, grad_losses), None, None, None, None, None)


register_autograd(loss_operator, _loss_backward, setup_context=_keep_loss)
_reject_second_derivative(loss_vjp_operator, "output_loss")

for _operator in (
    fire_operator,
    fire_vjp_operator,
    network_operator,
    network_vjp_operator,
    loss_operator,
    loss_vjp_operator,
):
    _register_vmap(_operator)

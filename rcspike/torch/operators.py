"""The operators of PyTorch that the compiled engine computes, and their gradients.

Each function has two operators: itself, and its vector-Jacobian product, which does not have a derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.library import custom_op, register_autograd

from rcspike import functional
from rcspike._common.arrays import FloatArray
from rcspike.circuit import Circuit
from rcspike.torch.kept import Parameters, as_circuit, kept_schedule, packed_layer

__all__ = ["charge_operator", "fire_operator", "loss_operator", "network_operator"]

N_PARAMETERS = 7  # numbers of a layer's circuit

_TWICE = (
    "{} has no second derivative: the engine computes gradients without a tape that could be differentiated again; "
    "call backward or torch.autograd.grad without create_graph"
)


def _array(tensor: Tensor) -> FloatArray:
    """The same memory as a NumPy array, in row-major order; only a strided tensor is copied."""
    array: FloatArray = tensor.detach().contiguous().numpy()
    return array


def _tensors(arrays: Sequence[FloatArray]) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def _reject_second_derivative(operator: Any, name: str) -> None:
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError(_TWICE.format(name))

    register_autograd(operator, backward)


# The charging phase


@custom_op(
    "rcspike::charge",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor times, Tensor weights, float[] circuit, int window) -> Tensor",
)
def charge_operator(times: Tensor, weights: Tensor, circuit: Sequence[float], window: int) -> Tensor:
    """Voltages at the end of charging, as `rcspike.functional.charge`."""
    threads = torch.get_num_threads()
    with packed_layer(_array(weights), tuple(circuit), window, threads) as layer:
        return torch.from_numpy(layer.charge(kept_schedule(_array(times), threads), threads))


@charge_operator.register_fake
def _(times: Tensor, weights: Tensor, circuit: Sequence[float], window: int) -> Tensor:
    return weights.new_empty((times.shape[0], weights.shape[1]))


@custom_op(
    "rcspike::charge_vjp",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor times, Tensor weights, Tensor grad_v, float[] circuit, int window, bool of_times) "
    "-> (Tensor, Tensor)",
)
def charge_vjp_operator(
    times: Tensor, weights: Tensor, grad_v: Tensor, circuit: Sequence[float], window: int, of_times: bool
) -> tuple[Tensor, Tensor]:
    """Gradients of the spike times, empty unless asked for, and of the weights; `rcspike.functional.charge_vjp`."""
    grad_times, grad_weights = _gradients(_array(times), weights, _array(grad_v), tuple(circuit), window, of_times)
    return torch.from_numpy(grad_times), torch.from_numpy(grad_weights)


def _gradients(
    times: FloatArray, weights: Tensor, grad_v: FloatArray, circuit: Parameters, window: int, of_times: bool
) -> tuple[FloatArray, FloatArray]:
    threads = torch.get_num_threads()
    with packed_layer(_array(weights), circuit, window, threads) as layer:
        events = kept_schedule(times, threads)
        if of_times:
            return layer.charge_vjp(events, grad_v, threads)
        return np.empty((0, times.shape[1]), times.dtype), layer.weight_vjp(events, grad_v, threads)


@charge_vjp_operator.register_fake
def _(
    times: Tensor, weights: Tensor, grad_v: Tensor, circuit: Sequence[float], window: int, of_times: bool
) -> tuple[Tensor, Tensor]:
    return _like_times(times, of_times), weights.new_empty(weights.shape)


def _like_times(times: Tensor, of_times: bool) -> Tensor:
    return times.new_empty((times.shape[0] if of_times else 0, times.shape[1]))


def _keep_charge(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    times, weights, ctx.circuit, ctx.window = inputs
    ctx.save_for_backward(times, weights)


def _charge_backward(ctx: Any, grad_v: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
    times, weights = ctx.saved_tensors
    of_times = bool(ctx.needs_input_grad[0])
    grad_times, grad_weights = charge_vjp_operator(times, weights, grad_v, ctx.circuit, ctx.window, of_times)
    return grad_times if of_times else None, grad_weights, None, None


register_autograd(charge_operator, _charge_backward, setup_context=_keep_charge)
_reject_second_derivative(charge_vjp_operator, "charge")


# The firing phase


@custom_op("rcspike::fire", mutates_args=(), device_types="cpu", schema="(Tensor v, float[] circuit) -> Tensor")
def fire_operator(v: Tensor, circuit: Sequence[float]) -> Tensor:
    """Output spike times, as `rcspike.functional.fire`."""
    return torch.from_numpy(functional.fire(_array(v), as_circuit(tuple(circuit))))


@fire_operator.register_fake
def _(v: Tensor, circuit: Sequence[float]) -> Tensor:
    return v.new_empty(v.shape)


@custom_op(
    "rcspike::fire_vjp",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor v, Tensor grad_times, float[] circuit) -> Tensor",
)
def fire_vjp_operator(v: Tensor, grad_times: Tensor, circuit: Sequence[float]) -> Tensor:
    """dL/dv from dL/dt, as `rcspike.functional.fire_vjp`."""
    return torch.from_numpy(functional.fire_vjp(_array(v), as_circuit(tuple(circuit)), _array(grad_times)))


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


# A whole network


def _layers(circuits: Sequence[float]) -> list[Parameters]:
    starts = range(0, len(circuits) + 1, N_PARAMETERS)
    return [tuple(circuits[start:end]) for start, end in pairwise(starts)]


def _noise(shifts: Sequence[Tensor], n_layers: int) -> Sequence[FloatArray | None]:
    """The shifts of each layer, or None for each."""
    return [_array(shift) for shift in shifts] if len(shifts) > 0 else [None] * n_layers


def _spikes(v: FloatArray, shift: FloatArray | None, circuit: Circuit) -> FloatArray:
    """Spike times of a hidden layer. None comes before the start of the phase, and one after its end is lost."""
    t = functional.fire(v, circuit)
    if shift is None:
        return t
    t = t + shift
    return np.where(t > 1, t.dtype.type(np.inf), np.maximum(t, 0))


@custom_op(
    "rcspike::network",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor times, Tensor[] weights, Tensor[] shifts, float[] circuits, int[] windows) -> Tensor[]",
)
def network_operator(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    circuits: Sequence[float],
    windows: Sequence[int],
) -> list[Tensor]:
    """All layers of a network: the voltages by which it is read, those of each layer, and spike times of hidden ones.

    `shifts` are added to the spike times of each layer, in T; empty for none. The voltages of each layer are those
    before its noise. They and the spike times are for the backward pass.
    """
    threads = torch.get_num_threads()
    spikes = [_array(times)]
    voltages: list[FloatArray] = []
    noise = _noise(shifts, len(weights))
    layers = list(zip(weights, noise, _layers(circuits), windows, strict=True))
    for depth, (w, shift, parameters, window) in enumerate(layers):
        with packed_layer(_array(w), parameters, window, threads) as layer:
            v = layer.charge(kept_schedule(spikes[-1], threads), threads)
        voltages.append(v)
        circuit = as_circuit(parameters)
        if depth + 1 < len(layers):
            spikes.append(_spikes(v, shift, circuit))
    read = v.copy()
    if shift is not None:
        read = functional.readout_voltages(functional.readout_times(v, circuit) + shift, circuit)
    return _tensors([read, *voltages, *spikes[1:]])


@network_operator.register_fake
def _(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    circuits: Sequence[float],
    windows: Sequence[int],
) -> list[Tensor]:
    return [w.new_empty((times.shape[0], w.shape[1])) for w in (weights[-1], *weights, *weights[:-1])]


@custom_op(
    "rcspike::network_vjp",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor times, Tensor[] weights, Tensor[] shifts, Tensor[] results, Tensor grad_v, float[] circuits, "
    "int[] windows, bool of_times) -> Tensor[]",
)
def network_vjp_operator(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    results: Sequence[Tensor],
    grad_v: Tensor,
    circuits: Sequence[float],
    windows: Sequence[int],
    of_times: bool,
) -> list[Tensor]:
    """Gradients of the spike times, empty unless asked for, and of the weights of each layer."""
    read, *both = (_array(tensor) for tensor in results)
    v, hidden = both[: len(weights)], both[len(weights) :]
    parameters = _layers(circuits)
    each = [as_circuit(one) for one in parameters]
    grad = _array(grad_v)
    if shifts and each[-1].ramp != 0:  # the slopes of the readout at the voltages, with and without noise
        b = each[-1].ramp
        grad = grad * ((1 - b * np.clip(read, 0, 1)) / (1 - b * np.clip(v[-1], 0, 1)))
    gradients: list[FloatArray] = []
    for depth in range(len(weights) - 1, -1, -1):
        spikes = hidden[depth - 1] if depth else _array(times)
        grad_times, grad_weights = _gradients(
            spikes, weights[depth], grad, parameters[depth], windows[depth], of_times or depth > 0
        )
        gradients.append(grad_weights)
        if depth:
            grad = functional.fire_vjp(v[depth - 1], each[depth - 1], grad_times)
            if shifts:
                grad[spikes <= 0] = 0  # noise has moved these spikes to the start of the phase
    return _tensors([grad_times, *gradients[::-1]])


@network_vjp_operator.register_fake
def _(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    results: Sequence[Tensor],
    grad_v: Tensor,
    circuits: Sequence[float],
    windows: Sequence[int],
    of_times: bool,
) -> list[Tensor]:
    return [_like_times(times, of_times), *(w.new_empty(w.shape) for w in weights)]


def _keep_network(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    times, weights, shifts, ctx.circuits, ctx.windows = inputs
    ctx.n_layers, ctx.n_shifts = len(weights), len(shifts)
    ctx.save_for_backward(times, *weights, *shifts, *output)


def _network_backward(ctx: Any, grads: list[Tensor]) -> tuple[Any, ...]:
    times, *others = ctx.saved_tensors
    weights, others = others[: ctx.n_layers], others[ctx.n_layers :]
    shifts, results = others[: ctx.n_shifts], others[ctx.n_shifts :]
    of_times = bool(ctx.needs_input_grad[0])
    grad_times, *grad_weights = network_vjp_operator(
        times, weights, shifts, results, grads[0], ctx.circuits, ctx.windows, of_times
    )
    return grad_times if of_times else None, grad_weights, [None] * ctx.n_shifts, None, None


register_autograd(network_operator, _network_backward, setup_context=_keep_network)
_reject_second_derivative(network_vjp_operator, "a network")


# The loss


@custom_op(
    "rcspike::output_loss",
    mutates_args=(),
    device_types="cpu",
    schema="(Tensor v, Tensor labels, float[] circuit, float temperature, float temporal_penalty, float t_ref) "
    "-> (Tensor, Tensor)",
)
def loss_operator(
    v: Tensor, labels: Tensor, circuit: Sequence[float], temperature: float, temporal_penalty: float, t_ref: float
) -> tuple[Tensor, Tensor]:
    """Loss of each sample in float64 and its gradient, as `rcspike.functional.output_loss`."""
    losses, grad_v = functional.output_loss(
        _array(v),
        labels.contiguous().numpy(),
        as_circuit(tuple(circuit)),
        temperature=temperature,
        temporal_penalty=temporal_penalty,
        t_ref=t_ref,
    )
    return torch.from_numpy(losses), torch.from_numpy(grad_v)


@loss_operator.register_fake
def _(
    v: Tensor, labels: Tensor, circuit: Sequence[float], temperature: float, temporal_penalty: float, t_ref: float
) -> tuple[Tensor, Tensor]:
    return v.new_empty((v.shape[0],), dtype=torch.float64), v.new_empty(v.shape)


@custom_op(
    "rcspike::output_loss_vjp", mutates_args=(), device_types="cpu", schema="(Tensor grad_v, Tensor grad) -> Tensor"
)
def loss_vjp_operator(grad_v: Tensor, grad: Tensor) -> Tensor:
    """dL/dv from the gradient of each sample's loss and dL of that loss."""
    return grad_v * grad.to(grad_v.dtype)[:, None]


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

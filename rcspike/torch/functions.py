"""One layer at a time as functions of tensors, with their arguments checked."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rcspike.circuit import Circuit
from rcspike.functional.loss import Loss
from rcspike.functional.neuron_kinds import Phases, latest_input
from rcspike.network import Wiring
from rcspike.network.wiring import DENSE
from rcspike.torch import operators
from rcspike.torch.eager_autograd import losses, mean_loss, run_network
from rcspike.torch.engine_cache import Parameters, parameters_of
from rcspike.torch.wiring_indices import wiring_numbers


def check_tensor(name: str, tensor: Tensor, shape: tuple[int | None, ...], dtype: torch.dtype | None = None) -> None:
    """Raise an error unless a tensor is of a dtype that the engine computes in, and of this shape."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(tensor).__name__}; use torch.from_numpy")
    precisions = (torch.float32, torch.float64)
    if tensor.dtype not in precisions or dtype not in (None, tensor.dtype):
        expected = dtype if dtype in precisions else "float32 or float64"
        raise TypeError(f"{name} must be {expected}, got {tensor.dtype}; convert with .to")
    fits = [wanted is None or wanted == size for size, wanted in zip(tensor.shape, shape, strict=False)]
    if len(tensor.shape) != len(shape) or not all(fits):
        wanted = ", ".join("batch" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {tuple(tensor.shape)}")


def times_like(times: Tensor, weights: Tensor, phases: Phases) -> Tensor:
    """Spike times in the precision of the weights; no spike in one precision does not round to a spike in the other."""
    if times.dtype == weights.dtype:
        return times
    return torch.where(times > latest_input(phases), math.inf, times).to(weights.dtype)


def noise_like(v: Tensor, sigma: float, generator: torch.Generator | None) -> Tensor:
    """Gaussian noise of this standard deviation in the shape of v."""
    # Not torch.randn, which takes no size that torch.compile leaves open.
    return torch.empty_like(v).normal_(generator=generator) * sigma


def encode(images: Tensor) -> Tensor:
    """Spike times of intensities: t = 1 - x, no spike for x = 0. Differentiable, and as `rcspike.functional.encode`.

    A TypeError if the tensor is not of floats; a ValueError if an intensity lies outside [0, 1].

    Parameters
    ----------
    images : (batch, ...)
        In [0, 1]. Everything but the first axis is flattened.

    Returns
    -------
    (batch, n_pixels)
        Times in T, ``inf`` for no spike.

    Examples
    --------
    >>> encode(torch.tensor([[0.0, 0.25, 1.0]]))
    tensor([[   inf, 0.7500, 0.0000]])
    """
    if not images.is_floating_point():
        raise TypeError(f"images must be floats in [0, 1], got {images.dtype}; divide bytes by 255")
    if not torch.compiler.is_compiling() and not bool(((images >= 0) & (images <= 1)).all()):
        worst = images[~((images >= 0) & (images <= 1))][0].item()
        raise ValueError(f"intensities must lie in [0, 1], got {worst}; scale the images first")
    x = images.flatten(1)
    return torch.where(x > 0, 1 - x, math.inf)


def charge(times: Tensor, weights: Tensor, circuit: Circuit, *, wiring: Wiring = DENSE) -> Tensor:
    """Membrane voltages (batch, n_out) in V_th at the end of the charging phase, as `rcspike.functional.charge`.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    weights : (n_rows, n_out)
        Signed synaptic weights in V_th / T, float32 or float64: the result has their dtype.
    wiring : rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d
        Which inputs drive which rows of the weights.

    Raises
    ------
    TypeError, ValueError
        If a tensor is not of floats, or its shape or a value does not fit.

    Examples
    --------
    >>> charge(torch.tensor([[0.0]]), torch.tensor([[1.0]]), Circuit.conventional())
    tensor([[1.]])
    """
    return _layer(times, weights, circuit, wiring, "two")


def first_spike(
    times: Tensor, weights: Tensor, circuit: Circuit, *, wiring: Wiring = DENSE, max_slope: float = Loss.max_slope
) -> Tensor:
    """Spike times (batch, n_out) in T of single-phase neurons, as `rcspike.functional.first_spike`.

    A neuron that does not spike has the time ``inf`` and a gradient of 0. Arguments and errors as in `charge`;
    `max_slope` bounds abs(dt/dv) at the threshold in the gradient, in T / V_th, by default as in training.

    Examples
    --------
    >>> first_spike(torch.tensor([[0.5]]), torch.tensor([[2.0, -1.0]]), Circuit.conventional())
    tensor([[1., inf]])
    """
    return _layer(times, weights, circuit, wiring, "single", max_slope)


def _layer(
    times: Tensor,
    weights: Tensor,
    circuit: Circuit,
    wiring: Wiring,
    phases: Phases,
    max_slope: float = Loss.max_slope,
) -> Tensor:
    """One layer; `layer_with` has the same numbers."""
    check_tensor("weights", weights, (None, None))
    numbers = wiring_numbers([wiring])  # which checks it
    return layer_with(times, weights, wiring.n_in(weights.shape[0]), parameters_of(circuit), numbers, phases, max_slope)


def layer_with(
    times: Tensor,
    weights: Tensor,
    n_in: int,
    parameters: Parameters,
    wiring: tuple[int, ...],
    phases: Phases,
    max_slope: float = Loss.max_slope,
) -> Tensor:
    """One layer on a circuit and a wiring as numbers, which torch.compile can trace."""
    check_tensor("weights", weights, (None, None))
    check_tensor("times", times, (None, n_in))
    return run_network(times_like(times, weights, phases), [weights], [], parameters, wiring, phases, max_slope)


def fire(v: Tensor, circuit: Circuit, *, noise: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """Output spike times (batch, n_out) in T of the firing phase, as `rcspike.functional.fire`.

    Parameters
    ----------
    v : (batch, n_out)
        Voltages at the end of charging, in V_th.
    noise : float
        Standard deviation of the spike-time noise in T. A spike does not move before the start of the phase, and one
        that moves past its end is lost.
    generator : torch.Generator, optional
        Of the noise; PyTorch's own by default.

    Raises
    ------
    TypeError, ValueError
        If the tensor is not of floats, a voltage is NaN, or the noise is negative or not finite.

    Examples
    --------
    >>> fire(torch.tensor([[-0.5, 0.25, 3.0]]), Circuit())
    tensor([[   inf, 0.7500, 0.0000]])
    """
    return fire_with(v, parameters_of(circuit.of_layer(0)), check_noise(noise), generator)


def fire_with(v: Tensor, parameters: Parameters, noise: float, generator: torch.Generator | None) -> Tensor:
    """`fire` for a circuit as numbers."""
    check_tensor("v", v, (None, None))
    t = operators.fire_operator(v, parameters)
    if noise == 0:
        return t
    t = t + noise_like(t, noise, generator)
    return torch.where(t > 1, math.inf, torch.where(t > 0, t, torch.zeros_like(t)))


def check_noise(noise: float) -> float:
    """The standard deviation of the noise; a ValueError if it is negative or not finite."""
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise must be finite and not negative, got {noise}")
    return float(noise)


def output_loss(
    v: Tensor,
    labels: Tensor,
    circuit: Circuit,
    *,
    temperature: float = Loss.temperature,
    temporal_penalty: float = Loss.temporal_penalty,
    t_ref: float = Loss.t_ref,
) -> Tensor:
    """Loss of each sample, (batch,) in float64, as `rcspike.functional.output_loss`, whose arguments it has.

    Raises
    ------
    TypeError, ValueError
        If labels are not int64, or a value is out of its range.

    Examples
    --------
    >>> output_loss(torch.tensor([[0.5, 0.5]]), torch.tensor([0]), Circuit(), temperature=0.1)
    tensor([0.6931], dtype=torch.float64)
    """
    loss = Loss(temperature=temperature, temporal_penalty=temporal_penalty, t_ref=t_ref)
    return losses_with(v, labels, parameters_of(circuit.of_layer(0)), loss_parameters(loss))


def loss_parameters(loss: Loss) -> Parameters:
    """The parameters of the loss in the order of its operator."""
    return loss.temperature, loss.temporal_penalty, loss.t_ref


def losses_with(v: Tensor, labels: Tensor, parameters: Parameters, loss: Parameters) -> Tensor:
    """`output_loss` for a circuit and a loss as numbers."""
    _check_outputs(v, labels)
    return losses(v, labels, parameters, loss)


def mean_loss_with(v: Tensor, labels: Tensor, parameters: Parameters, loss: Parameters) -> Tensor:
    """The mean of `losses_with` over the batch."""
    _check_outputs(v, labels)
    return mean_loss(v, labels, parameters, loss)


def _check_outputs(v: Tensor, labels: Tensor) -> None:
    check_tensor("v", v, (None, None))
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64, got {labels.dtype}; convert with .long()")

"""The operators written in PyTorch, for tensors on other devices: no compiled code, and no loop over spikes.

The intervals between the sorted input spikes of a sample are one axis of a tensor. With A_k and B_k the drives and
conductances that are on in interval k of length dt_k, and x_k = B_k dt_k, docs/model.md gives

    v(1) = sum_k A_k dt_k phi(x_k) exp(-sum_{j>k} x_j),   phi(x) = (1 - exp(-x)) / x,

so that sums along that axis are all that is needed. They take batch x n_in x n_out numbers at a time, and large batches
are computed in parts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from rcspike.circuit import Circuit, check_ohmic
from rcspike.functional.loss import Loss
from rcspike.functional.neuron_kinds import supported
from rcspike.functional.rail_coupling import rail_couplings
from rcspike.network import Conv2d, Wiring
from rcspike.torch.engine_cache import Parts
from rcspike.torch.wiring_indices import Rows

_MAX_NUMBERS = 1 << 22  # of one intermediate tensor, of which there are about ten
_LATEST = 2.0**40  # T; as in the engine, a later spike of a single-phase neuron does not count

_forced = False


@contextmanager
def without_engine() -> Iterator[None]:
    """Compute all operators in PyTorch itself, also on the CPU, where the engine is faster and the default.

    Examples
    --------
    >>> from rcspike import Circuit
    >>> import rcspike.torch as rct
    >>> times, weights = torch.tensor([[0.5]]), torch.tensor([[1.0]])
    >>> with without_engine():
    ...     rct.charge(times, weights, Circuit.conventional())
    tensor([[0.5000]])
    """
    global _forced
    before, _forced = _forced, True
    try:
        yield
    finally:
        _forced = before


def is_plain(tensor: Tensor) -> bool:
    """Whether the operators are computed here for such a tensor."""
    return _forced or tensor.device.type != "cpu"


def network(times: Tensor, weights: Sequence[Tensor], shifts: Sequence[Tensor], parts: Parts) -> Tensor:
    """The results of the last layer, as `rcspike.torch.engine_cache.network_forward`."""
    return _in_parts(lambda t, s: (_forward(t, weights, s, parts)[-1].read,), times, shifts, weights, parts)[0]


def network_vjp(
    times: Tensor,
    weights: Sequence[Tensor],
    shifts: Sequence[Tensor],
    parts: Parts,
    grad_v: Tensor,
    *,
    of_times: bool,
    max_slope: float,
) -> list[Tensor]:
    """Gradients of the spike times, empty unless asked for, and of the weights of each layer."""
    sums = [torch.zeros_like(w) for w in weights]

    def run(t: Tensor, more: Sequence[Tensor]) -> tuple[Tensor, ...]:
        *own_shifts, grad = more
        layers = _forward(t, weights, own_shifts, parts)
        for layer, total in zip(reversed(layers), reversed(sums), strict=True):
            grad_times, grad_weights = layer.backward(grad, max_slope)
            total += grad_weights
            grad = grad_times
        return (grad,)

    (grad_times,) = _in_parts(run, times, [*shifts, grad_v], weights, parts)
    return [grad_times if of_times else grad_times[:0], *sums]


def fire(v: Tensor, circuit: Circuit) -> Tensor:
    """Output spike times, as `rcspike.functional.fire`."""
    if bool(v.isnan().any()):
        raise ValueError("v must not have NaN")
    reached = (1 - _position(v.clamp(0, 1), circuit, delay=0.0)).clamp(min=0) + circuit.delay
    return reached.where((v > 0) & (reached <= 1), math.inf)


def fire_vjp(v: Tensor, circuit: Circuit, grad_times: Tensor) -> Tensor:
    """dL/dv from dL/dt, as `rcspike.functional.fire_vjp`."""
    moves = (v > 0) & (v < 1) & fire(v, circuit).isfinite()
    return torch.where(moves, -grad_times * _slope(v, circuit), 0.0)


def output_losses(v: Tensor, labels: Tensor, circuit: Circuit, loss: Loss) -> tuple[Tensor, Tensor]:
    """Loss of each sample in float64 and its gradient, as `rcspike.functional.output_loss`."""
    if not bool(((labels >= 0) & (labels < v.shape[1])).all()):
        raise ValueError(f"labels must be in [0, {v.shape[1]})")
    t = 1 - _position(v.double(), circuit)
    at_label = torch.nn.functional.one_hot(labels, v.shape[1]).to(t.dtype)
    late = t - loss.t_ref
    log_p = (-t / loss.temperature).log_softmax(dim=1)
    losses = -(log_p * at_label).sum(dim=1) + loss.temporal_penalty * late.square().sum(dim=1)
    slope = (log_p.exp() - at_label) / loss.temperature - 2 * loss.temporal_penalty * late
    return losses, (slope * _slope(v.double(), circuit)).to(v.dtype)


def _in_parts(
    function: Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, ...]],
    times: Tensor,
    more: Sequence[Tensor],
    weights: Sequence[Tensor],
    parts: Parts,
) -> tuple[Tensor, ...]:
    """Results of a function of samples, one behind the other, computed for as many at a time as memory permits."""
    positions = [math.prod(one.positions()) if isinstance(one, Conv2d) else 1 for one in parts.each_wiring]
    largest = max(n * w.numel() for n, w in zip(positions, weights, strict=True))
    size = max(1, _MAX_NUMBERS // max(largest, 1))
    if len(times) <= size:
        return function(times, more)
    pieces = [function(t, m) for t, *m in zip(*(x.split(size) for x in (times, *more)), strict=True)]
    return tuple(torch.cat(one) for one in zip(*pieces, strict=True))


def _forward(times: Tensor, weights: Sequence[Tensor], shifts: Sequence[Tensor], parts: Parts) -> list[_Layer]:
    if not bool((times >= 0).all()):
        raise ValueError("times must not be negative or NaN; a neuron that does not spike has the time inf")
    layers: list[_Layer] = []
    for depth, (w, circuit, wiring) in enumerate(zip(weights, parts.each_circuit, parts.each_wiring, strict=True)):
        if not bool(w.isfinite().all()):
            raise ValueError(f"weights[{depth}] must be finite")
        shift = shifts[depth] if shifts else None
        inputs = layers[-1].spikes if layers else times
        layers.append(_LAYERS(parts.phases)(inputs, w, circuit, wiring, shift, is_last=depth + 1 == len(weights)))
    return layers


@dataclass
class _Intervals:
    """The sorted spikes of the rows of a layer, and what is on after each of them."""

    order: Tensor  # (batch, n_rows): which row spikes as the k-th
    t: Tensor  # (batch, n_rows, 1)
    drive: Tensor  # (batch, n_rows, n_out) of the k-th row
    conductance: Tensor
    weights: Tensor
    to_drive: Tensor  # derivatives of the two against the weight
    to_conductance: Tensor

    @classmethod
    def of(cls, rows: Tensor, weights: Tensor, circuit: Circuit, end: float) -> _Intervals:
        spikes = rows <= end if math.isfinite(end) else rows.isfinite()
        latest = end if math.isfinite(end) else rows.where(spikes, 0.0).amax(dim=1, keepdim=True)
        t, order = rows.where(spikes, latest).sort(dim=1, stable=True)
        on = spikes.gather(1, order)[:, :, None].to(weights.dtype)  # rows without a spike have no device
        w = weights[order] * on
        (d_plus, g_plus), (d_minus, g_minus) = rail_couplings(circuit)
        negative = (w < 0).to(w.dtype)
        to_drive = on * (d_plus + (d_minus - d_plus) * negative)
        to_conductance = on * (g_plus - (g_plus + g_minus) * negative)
        return cls(order, t[:, :, None], w * to_drive, w * to_conductance, w, to_drive, to_conductance)

    def voltage(self, dt: Tensor) -> Tensor:
        """v at the end of intervals of these lengths, (batch, n_rows, n_out or 1) in T."""
        return self._terms(dt)[0].sum(dim=1)

    def _terms(self, dt: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.conductance.cumsum(dim=1) * dt
        left = x.flip(1).cumsum(dim=1).flip(1)  # of all intervals from this one on
        after = torch.cat([left[:, 1:], torch.zeros_like(left[:, :1])], dim=1)
        decay = (-after).exp()
        charge = dt * _phi(x) * decay
        return self.drive.cumsum(dim=1) * charge, charge, x, left

    def vjp(self, grad_v: Tensor, dt: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the spike times of the rows that `moves`, and of the weights."""
        terms, charge, x, left = self._terms(dt)
        before = terms.cumsum(dim=1) - terms  # v at the start of each interval, times its decay until the end
        g = grad_v[:, None, :]
        decay = (-(left - x)).exp()
        to_a = g * charge
        to_b = g * dt * (self.drive.cumsum(dim=1) * decay * dt * _phi_slope(x) - before)
        to_drive, to_conductance = (one.flip(1).cumsum(dim=1).flip(1) for one in (to_a, to_b))
        of_rows = to_drive * self.to_drive + to_conductance * self.to_conductance
        grad_w = self.weights.new_zeros(self.weights.shape[1:])
        grad_w.index_add_(0, self.order.flatten(), of_rows.flatten(0, 1))
        jumps = self.drive * (-left).exp() - self.conductance * before
        of_times = torch.where(moves, -g * jumps, 0.0).sum(dim=2)
        return torch.zeros_like(of_times).scatter(1, self.order, of_times), grad_w


def _phi(x: Tensor) -> Tensor:
    return torch.where(x == 0, 1.0, -torch.expm1(-x) / torch.where(x == 0, 1.0, x))


def _phi_slope(x: Tensor) -> Tensor:
    """Derivative of phi, by its series where the quotient would cancel."""
    series = torch.zeros_like(x)
    for n in range(12, 0, -1):
        series = series * -x - n / math.factorial(n + 1)
    small = x < 0.5
    y = torch.where(small, 1.0, x)
    return torch.where(small, series, (torch.exp(-y) * (1 + y) - 1) / y.square())


class _Layer(ABC):
    """One layer and its batch: spikes that it sends, what it is read by if it is the last, and the backward pass."""

    spikes: Tensor
    read: Tensor

    def __init__(
        self, times: Tensor, weights: Tensor, circuit: Circuit, wiring: Wiring, shift: Tensor | None, *, is_last: bool
    ) -> None:
        self.circuit, self.shift, self.is_last = circuit, shift, is_last
        self.rows = Rows.of(times, wiring, len(weights))
        self.run(weights, circuit, shift)

    @abstractmethod
    def run(self, weights: Tensor, circuit: Circuit, shift: Tensor | None) -> None:
        """The forward pass: sets `spikes` and `read`, and what the backward pass needs."""

    @abstractmethod
    def backward(self, grad: Tensor, max_slope: float) -> tuple[Tensor, Tensor]:
        """From dL/d of `read` (the last layer) or of `spikes` to those of its input times and of its weights."""


class _TwoPhase(_Layer):
    def run(self, weights: Tensor, circuit: Circuit, shift: Tensor | None) -> None:
        if circuit.loads_membranes:
            raise ValueError("rows that load the membrane are computed by the engine alone: keep tensors on the CPU")
        check_ohmic(circuit, "tensors that are not on the CPU")
        self.intervals = _Intervals.of(self.rows.times, weights, circuit, 1.0)
        ends = torch.cat([self.intervals.t[:, 1:], torch.ones_like(self.intervals.t[:, :1])], dim=1)
        self.dt = ends - self.intervals.t
        v = self.intervals.voltage(self.dt)
        if circuit.injects:
            plus, minus = circuit.injection
            on = (self.rows.times <= 1).to(weights.dtype)
            v = v + on @ (plus * (weights > 0).to(on.dtype) + minus * (weights < 0).to(on.dtype))
        self.v = self.rows.neurons(v)
        if self.is_last:
            self.read = self.v if shift is None else _voltage(_position(self.v, circuit) - shift, circuit)
        else:
            self.own_spikes = fire(self.v, circuit)
            self.spikes = self.own_spikes if shift is None else (self.own_spikes + shift).clamp(min=0)

    def backward(self, grad: Tensor, max_slope: float) -> tuple[Tensor, Tensor]:
        if self.is_last:
            if self.shift is not None:
                grad = grad * _slope(self.v, self.circuit) / _slope(self.read, self.circuit)
        else:
            grad = torch.where(self.spikes > 0, fire_vjp(self.v, self.circuit, grad), 0.0)
        sorted_rows = self.rows.times.gather(1, self.intervals.order)[:, :, None]
        of_rows, of_weights = self.intervals.vjp(self.rows.membranes(grad), self.dt, sorted_rows <= 1)
        return self.rows.of_inputs(of_rows), of_weights


class _SinglePhase(_Layer):
    def run(self, weights: Tensor, circuit: Circuit, shift: Tensor | None) -> None:
        self.intervals = one = _Intervals.of(self.rows.times, weights, circuit, math.inf)
        dt = torch.cat([one.t[:, 1:] - one.t[:, :-1], torch.zeros_like(one.t[:, :1])], dim=1)
        a, b = one.drive.cumsum(dim=1), one.conductance.cumsum(dim=1)
        x = b * dt
        after = _recursion((-x).exp(), a * dt * _phi(x))
        before = torch.cat([torch.zeros_like(after[:, :1]), after[:, :-1]], dim=1)
        crosses = after >= 1
        crosses[:, -1] = a[:, -1] > b[:, -1]  # the last interval has no end
        self.does_spike = crosses.any(dim=1)
        k = crosses.to(torch.uint8).argmax(dim=1, keepdim=True)
        v, a, b, start = (y.expand_as(after).gather(1, k)[:, 0] for y in (before, a, b, one.t))
        x = b * (1 - v) / (a - b * v)
        ratio = torch.where(x == 0, 1.0, -torch.log1p(-x) / torch.where(x == 0, 1.0, x))
        self.crossing = start + (1 - v) / (a - b * v) * ratio
        self.does_spike &= self.crossing <= _LATEST
        self.slope = a - b
        self.undelayed = self.rows.neurons((self.crossing + circuit.delay).where(self.does_spike, math.inf))
        self.spikes = self.undelayed if shift is None else (self.undelayed + shift).clamp(min=0)
        self.read = self.spikes

    def backward(self, grad: Tensor, max_slope: float) -> tuple[Tensor, Tensor]:
        moves = self.does_spike & self.rows.membranes((self.spikes > 0) | (self.undelayed == self.spikes)).bool()
        steepness = torch.where(self.slope > 0, 1 / self.slope, math.inf).clamp(max=max_slope)
        grad = torch.where(moves, -self.rows.membranes(grad) * steepness, 0.0)
        t, end = self.intervals.t, self.crossing.where(moves, 0.0)[:, None, :]
        ends = torch.cat([t[:, 1:], torch.full_like(t[:, :1], math.inf)], dim=1)
        dt = (torch.minimum(ends, end) - t).clamp(min=0)
        of_rows, of_weights = self.intervals.vjp(grad, dt, t < end)
        return self.rows.of_inputs(of_rows), of_weights


_LAYERS: Callable[[str], type[_Layer]] = supported("a layer of tensor operations", two=_TwoPhase, single=_SinglePhase)


def _recursion(factor: Tensor, term: Tensor) -> Tensor:
    """y_k = factor_k y_(k-1) + term_k along axis 1, from 0, by doubling the number of terms that are combined."""
    n, step = factor.shape[1], 1
    while step < n:
        combined = term[:, step:] + factor[:, step:] * term[:, :-step]
        factor = torch.cat([factor[:, :step], factor[:, step:] * factor[:, :-step]], dim=1)
        term = torch.cat([term[:, :step], combined], dim=1)
        step *= 2
    return term


def _position(v: Tensor, circuit: Circuit, *, delay: float | None = None) -> Tensor:
    """Where on the ramp a voltage lies, minus the delay, along the tangents outside 0..1 (docs/model.md)."""
    delay = circuit.delay if delay is None else delay
    if circuit.ramp == 0:
        return v - delay
    inside = v.clamp(0, 1)
    return torch.log1p(-circuit.ramp * inside) / math.log1p(-circuit.ramp) + _slope(v, circuit) * (v - inside) - delay


def _slope(v: Tensor, circuit: Circuit) -> Tensor:
    """Derivative of the position with respect to the voltage."""
    if circuit.ramp == 0:
        return torch.ones_like(v)
    return -circuit.ramp / ((1 - circuit.ramp * v.clamp(0, 1)) * math.log1p(-circuit.ramp))


def _voltage(position: Tensor, circuit: Circuit) -> Tensor:
    """The inverse of `_position`."""
    position = position + circuit.delay
    if circuit.ramp == 0:
        return position
    inside = position.clamp(0, 1)
    v = -torch.expm1(inside * math.log1p(-circuit.ramp)) / circuit.ramp
    return v + (position - inside) / _slope(v, circuit)

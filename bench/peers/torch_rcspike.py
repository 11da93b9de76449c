"""RC-Spike in PyTorch, in the fastest forms that we could write: resistive synapses, rails at +-V_syn, no diode drop.

    adjoint   the exact solution with the hand-written backward sweep, equal times merged into one interval
    events    the same sweep as it is written first: one interval for every spike, a loop over them, nothing merged
    autograd  the exact solution over merged intervals without a loop, differentiated by autograd
    grid      100 Euler steps of the charging phase, differentiated by autograd

All work on (intervals, batch, outputs) in float32. In interval k with A = sum w, G = sum |w| / V_syn of the inputs that
are on, the voltage relaxes to r = A / G by the fraction q = 1 - exp(-G d). Sorting the images' spike times and finding
their ties, which rcspike may do once for a data set that does not change, is done once here too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import worker
from torch.nn.functional import cross_entropy, embedding_bag

Tensor = torch.Tensor
STEPS = 100
SMALLEST = 1e-30  # keeps A / G finite where nothing is on yet


@dataclass(frozen=True)
class Sorted:
    """Spike times in order, their inputs, and the number of the interval that each begins; all (batch, n_in)."""

    times: Tensor
    inputs: Tensor
    intervals: Tensor

    @classmethod
    def of(cls, times: Tensor, *, merge: bool = True) -> Sorted:
        ordered, inputs = times.sort(dim=1)
        if merge:
            intervals = torch.zeros_like(inputs)
            torch.cumsum(ordered[:, 1:] != ordered[:, :-1], dim=1, out=intervals[:, 1:])
        else:
            intervals = torch.arange(times.shape[1]).expand_as(inputs)
        return cls(ordered, inputs, intervals)

    def pick(self, rows: Tensor) -> Sorted:
        return Sorted(*(x.index_select(0, rows) for x in (self.times, self.inputs, self.intervals)))


@dataclass(frozen=True)
class Events:
    """The spikes of a batch, ordered by (interval, sample): `row` = interval * batch + sample.

    `offsets` are the first event of each row, `lengths` (K, batch, 1) the intervals' durations; samples with fewer
    intervals than K end in ones of no length. The lengths are differentiable if the times of the spikes are.
    """

    row: Tensor
    inputs: Tensor
    offsets: Tensor
    lengths: Tensor
    batch: int
    n_intervals: int

    @classmethod
    def of(cls, spikes: Sorted) -> Events:
        batch = len(spikes.times)
        on = spikes.times < 1
        width = int(on.sum(dim=1).max())
        on = on[:, :width]
        key = (spikes.intervals[:, :width] * batch + torch.arange(batch)[:, None])[on]
        row, order = key.sort()
        inputs = spikes.inputs[:, :width][on][order]
        n = int(row[-1]) // batch + 1 if len(row) else 1
        counts = torch.bincount(row, minlength=n * batch)
        starts = torch.ones((n + 1) * batch).index_put((row,), spikes.times[:, :width][on][order]).view(n + 1, batch, 1)
        return cls(row, inputs, counts.cumsum(0) - counts, starts[1:] - starts[:-1], batch, n)


def both(weights: Tensor) -> Tensor:
    """Drive and conductance of every synapse side by side, (n_in, 2 n_out)."""
    return torch.cat((weights, weights.abs() / worker.V_SYN), dim=1)


class Charge(torch.autograd.Function):
    """v(1) of a layer and its adjoint; `times` is None or the tensor (batch, n_in) that the events come from."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, times: Tensor | None, events: Events) -> Tensor:
        n_out = weights.shape[1]
        synapses = both(weights)
        on = embedding_bag(events.inputs, synapses, events.offsets, mode="sum")
        on = on.view(events.n_intervals, events.batch, 2 * n_out)
        slabs = on.unbind(0)
        for earlier, later in pairwise(slabs):
            later.add_(earlier)
        A, G = on[..., :n_out], on[..., n_out:]
        q = (G * -events.lengths).expm1_().neg_()
        inverse = G.clamp(min=SMALLEST).reciprocal_()
        r = A * inverse
        v = torch.empty(events.n_intervals + 1, events.batch, n_out)
        v[0] = 0
        steps = v.unbind(0)
        for k, (to, fraction) in enumerate(zip(r.unbind(0), q.unbind(0), strict=True)):
            torch.lerp(steps[k], to, fraction, out=steps[k + 1])
        ctx.saved = weights, synapses, events, q, inverse, r, v, None if times is None else times.shape
        return steps[-1].clone()

    @staticmethod
    def backward(ctx: Any, grad_v: Tensor) -> tuple[Tensor, Tensor | None, None]:
        weights, synapses, events, q, inverse, r, v, shape = ctx.saved
        n_out = weights.shape[1]
        adjoint = torch.empty_like(v)
        adjoint[-1] = grad_v
        lam, shares = adjoint.unbind(0), q.unbind(0)
        for k in range(events.n_intervals - 1, -1, -1):
            torch.addcmul(lam[k + 1], lam[k + 1], shares[k], value=-1, out=lam[k])
        sums = torch.empty(events.n_intervals, events.batch, 2 * n_out)
        P, Q = sums[..., :n_out], sums[..., n_out:]
        torch.mul(adjoint[1:], q, out=P).mul_(inverse)  # lambda d phi
        torch.sub(v[:-1], r, out=Q).mul_(adjoint[:-1]).mul_(events.lengths).addcmul_(P, r)
        slabs = sums.unbind(0)[::-1]
        for later, earlier in pairwise(slabs):
            earlier.add_(later)
        inputs, order = events.inputs.sort()
        counts = torch.bincount(inputs, minlength=len(weights))
        bags = embedding_bag(events.row[order], sums.view(-1, 2 * n_out), counts.cumsum(0) - counts, mode="sum")
        grad_weights = torch.addcmul(bags[:, :n_out], bags[:, n_out:], weights.sign(), value=-1 / worker.V_SYN)
        if shape is None:
            return grad_weights, None, None
        torch.neg(adjoint[:-1], out=P)
        torch.mul(adjoint[:-1], v[:-1], out=Q)
        at = sums.view(-1, 2 * n_out).index_select(0, events.row).mul_(synapses.index_select(0, events.inputs)).sum(1)
        grad_times = torch.zeros(shape)
        grad_times[events.row % events.batch, events.inputs] = at
        return grad_weights, grad_times, None


def charge_adjoint(weights: Tensor, times: Tensor | None, spikes: Sorted | None) -> Tensor:
    if spikes is None:
        spikes = Sorted.of(times.detach())
    return Charge.apply(weights, times, Events.of(spikes))


class ChargeByEvent(torch.autograd.Function):
    """`Charge` with one interval a spike, up to the largest number of spikes in a sample."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, times: Tensor | None, spikes: Sorted) -> Tensor:
        width = int((spikes.times < 1).sum(dim=1).max())
        t = spikes.times[:, :width].clamp(max=1)
        lengths = torch.diff(t, dim=1, append=torch.ones(len(t), 1))
        inputs = spikes.inputs[:, :width].T.contiguous()
        shape = (len(t), weights.shape[1])
        A, G, v = torch.zeros(shape), torch.full(shape, SMALLEST), torch.zeros(shape)
        tape = []
        for k in range(width):
            w = weights.index_select(0, inputs[k])
            A += w
            G += w.abs() / worker.V_SYN
            fraction = torch.expm1(G * -lengths[:, k : k + 1]).neg_()
            r = A / G
            tape.append((w, v, fraction, r, G.clone()))
            v = torch.lerp(v, r, fraction)
        ctx.saved = weights, tape, lengths, inputs, t < 1, None if times is None else times.shape
        return v

    @staticmethod
    def backward(ctx: Any, grad_v: Tensor) -> tuple[Tensor, Tensor | None, None]:
        weights, tape, lengths, inputs, on, shape = ctx.saved
        lam = grad_v.clone()
        P, Q, grad_weights = torch.zeros_like(lam), torch.zeros_like(lam), torch.zeros_like(weights)
        grad_times = None if shape is None else torch.zeros(shape)
        for k in range(len(tape) - 1, -1, -1):
            w, v, fraction, r, G = tape[k]
            y = lam * fraction / G
            lam = lam - lam * fraction
            P += y
            Q += r * y + lengths[:, k : k + 1] * lam * (v - r)
            grad_weights.index_add_(0, inputs[k], P - w.sign() / worker.V_SYN * Q)
            if grad_times is not None:
                at = -(lam * (w - w.abs() / worker.V_SYN * v)).sum(dim=1, keepdim=True)
                grad_times.scatter_(1, inputs[k][:, None], at * on[:, k : k + 1])
        return grad_weights, grad_times, None


def charge_by_event(weights: Tensor, times: Tensor | None, spikes: Sorted | None) -> Tensor:
    if spikes is None:
        spikes = Sorted.of(times.detach())
    return ChargeByEvent.apply(weights, times, spikes)


def charge_autograd(weights: Tensor, times: Tensor | None, spikes: Sorted | None) -> Tensor:
    # Where times have gradients ties stay apart: merged, one time would stand for all of them.
    events = Events.of(Sorted.of(times, merge=False) if spikes is None else spikes)
    n, n_out = events.n_intervals, weights.shape[1]
    until = torch.ones(n, n).tril_()  # as a matrix product a running sum is five times as fast as torch.cumsum
    on = until @ embedding_bag(events.inputs, both(weights), events.offsets, mode="sum").view(n, -1)
    A, G = on.view(n, events.batch, 2 * n_out).split(n_out, dim=2)
    x = G * events.lengths
    decay = torch.exp(-(until.tril(-1).T @ x.reshape(n, -1))).view_as(x)
    return -(A / G.clamp(min=SMALLEST**0.5) * torch.expm1(-x) * decay).sum(dim=0)


def charge_grid(weights: Tensor, times: Tensor | None, spikes: Sorted | None) -> Tensor:
    """An input conducts for the part of each step that follows its spike: exact to first order, and differentiable."""
    end = torch.arange(1.0, STEPS + 1)[:, None, None]
    fraction = torch.clamp(end - STEPS * times.clamp(max=2), 0, 1)
    n_out = weights.shape[1]
    on = (fraction.view(-1, len(weights)) @ both(weights)).view(STEPS, len(times), 2 * n_out) / STEPS
    v = torch.zeros(len(times), n_out)
    for drive, loss in zip(on[..., :n_out].unbind(0), (1 - on[..., n_out:]).unbind(0), strict=True):
        v = torch.addcmul(drive, v, loss)
    return v


Layer = Callable[[Tensor, "Tensor | None", "Sorted | None"], Tensor]

# Samples that go through forward and backward at a time, gradients adding up: of 16 to 256, the fastest. The loop over
# events gains nothing by it: its tensors are small and its calls many.
LAYERS: dict[str, tuple[Layer, int]] = {
    "adjoint": (charge_adjoint, 64),
    "events": (charge_by_event, 256),
    "autograd": (charge_autograd, 32),
    "grid": (charge_grid, 64),
}


def build(task: worker.Task, layer: Layer, chunk: int) -> worker.Step:
    torch.set_num_threads(task.threads)
    times, labels = torch.from_numpy(task.times), torch.from_numpy(task.labels)
    weights = [torch.from_numpy(w).clone().requires_grad_() for w in task.weights]
    optimiser = torch.optim.Adam(weights, lr=worker.LEARNING_RATE, fused=True)
    spikes = None if layer is charge_grid else Sorted.of(times)

    def step(rows: Any) -> Tensor:
        picked = torch.from_numpy(rows)
        optimiser.zero_grad(set_to_none=True)
        total = torch.zeros(())
        for part in picked.split(chunk):
            if spikes is None:
                v = layer(weights[0], times.index_select(0, part), None)
            else:
                v = layer(weights[0], None, spikes.pick(part))
            for w in weights[1:]:
                v = layer(w, 1 - v.clamp(0, 1), None)
            loss = cross_entropy(v / worker.TEMPERATURE, labels.index_select(0, part), reduction="sum") / len(picked)
            loss.backward()
            total += loss.detach()
        optimiser.step()
        return total

    return step


def vjp(layer: Layer) -> worker.Vjp:
    def gradients(times: Any, weights: Any, grad_v: Any) -> tuple[Any, Any, Any]:
        t, w = (torch.from_numpy(x).requires_grad_() for x in (times, weights))
        v = layer(w, t, None)
        grad_times, grad_weights = torch.autograd.grad(v, (t, w), torch.from_numpy(grad_v))
        return v.detach(), grad_times, grad_weights

    return gradients


if __name__ == "__main__":
    worker.main(
        {name: lambda task, args=args: build(task, *args) for name, args in LAYERS.items()},
        {"torch": torch.__version__},
        {name: vjp(layer) for name, (layer, _) in LAYERS.items()},
    )

"""Networks of rcspike.torch on spikes that were sorted before, compared with spike times."""

from __future__ import annotations

import pytest
import torch
from torch_networks import circuits, dtypes, network, phases, spikes

import rcspike.torch as rct
from rcspike import Circuit
from rcspike.functional import schedule
from rcspike.functional.neuron_kinds import Phases

pytestmark = pytest.mark.torch


@dtypes
@circuits
@phases
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_results_and_gradients_have_the_bits_of_spike_times(
    circuit: Circuit, dtype: torch.dtype, phases: Phases, noise: float
) -> None:
    one = rct.Network.from_network(network(circuit, str(dtype).removeprefix("torch."), phases=phases), noise=noise)
    times = spikes(20, 12, dtype=dtype)
    events = schedule(times.numpy(), phases=phases)
    picked = torch.tensor([3, 19, 3, 0])
    results = []
    for given in (times[picked], events[picked]):
        one.zero_grad()
        v = one(given, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            assert torch.equal(v, one(given, generator=torch.Generator().manual_seed(1)))
        torch.where(v.isinf(), 0, v).square().sum().backward()
        results.append([v.detach(), *(w.grad for w in one.weights)])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_backward_pass_of_an_earlier_batch_is_that_of_its_schedule() -> None:
    torch.manual_seed(0)
    one, times = rct.Network([12, 9, 3], Circuit(v_syn=1.0)), torch.rand(8, 12)
    gradients = []
    for events in (times, schedule(times.numpy())):
        one.zero_grad()
        first = one(events[torch.arange(4)])
        one(events[torch.arange(4, 8)]).sum().backward()
        first.sum().backward()
        gradients.append([w.grad for w in one.weights])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_schedule_that_does_not_fit_is_an_error() -> None:
    one = rct.Network([12, 3], Circuit())
    times = torch.rand(4, 12).numpy()
    with pytest.raises(ValueError, match="12"):
        one(schedule(times[:, :11].copy()))
    with pytest.raises(TypeError, match="float32"):
        one(schedule(times.astype("float64")))
    with pytest.raises(ValueError, match="phases"):
        one(schedule(times, phases="single"))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # PyTorch's own, of the code it traces
def test_inside_compiled_code_it_keeps_its_gradient() -> None:
    torch.manual_seed(0)
    one, head, times = rct.Network([12, 9, 3], Circuit(v_syn=1.0)), torch.nn.Linear(3, 2), torch.rand(8, 12)
    gradients = []
    for run in (lambda x: head(one(x)), torch.compile(lambda x: head(one(x)), backend="aot_eager")):
        one.zero_grad()
        run(schedule(times.numpy())).square().sum().backward()
        gradients.append([w.grad for w in one.weights])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_second_derivative_and_no_engine_are_errors() -> None:
    one, events = rct.Network([12, 3], Circuit(v_syn=1.0)), schedule(torch.rand(4, 12).numpy())
    with pytest.raises(NotImplementedError, match="second derivative"):
        torch.autograd.grad(one(events).square().sum(), list(one.weights), create_graph=True)
    with rct.without_engine(), pytest.raises(TypeError, match="without_engine"):
        one(events)

"""The operators and modules of rcspike.torch, compared with the engine, finite differences and rcspike.train."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch_networks import FIRST, STRONG, UNEQUAL, circuits, dtypes, network, parts, phases, shifts_for, spikes, tracked

import rcspike.torch as rct
from rcspike import Circuit, Network, RowLoad, functional, train
from rcspike.datasets import Dataset, Split
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Dense, FirstSpike, Wiring
from rcspike.torch import operators
from rcspike.torch.engine_cache import parameters_of

pytestmark = pytest.mark.torch

# The operators


@dtypes
@circuits
def test_the_operators_pass_the_checks_of_pytorch(circuit: Circuit, dtype: torch.dtype) -> None:
    own = list(parameters_of(circuit))
    v = torch.rand(5, 4, dtype=dtype)
    w = torch.randn(12, 4, dtype=dtype)
    times = spikes(5, 12, dtype=dtype)
    for operator, arguments in [
        (operators.network_operator, (tracked(times), [tracked(w)], [], own, [1], "two", 100.0, True)),
        (operators.network_operator, (times, [tracked(w[:6])], [], own, [2], "two", 100.0, False)),
        (operators.network_vjp_operator, (times, [w], [], v, own, [1], "two", 100.0, True)),
        (operators.fire_operator, (v.clone().requires_grad_(), own)),
        (operators.fire_vjp_operator, (v, v, own)),
        (operators.loss_operator, (v.clone().requires_grad_(), torch.tensor([0, 3, 1, 1, 2]), own, 0.1, 0.5, 0.9)),
        (operators.loss_vjp_operator, (v, v[:, 0].double())),
    ]:
        assert set(torch.library.opcheck(operator, arguments).values()) == {"SUCCESS"}


@phases
@circuits
@pytest.mark.parametrize("noisy", [False, True])
def test_the_operators_of_a_network_pass_the_checks_of_pytorch(circuit: Circuit, noisy: bool, phases: Phases) -> None:
    one = network(circuit, phases=phases)
    shifts, times = shifts_for(one, 5) if noisy else [], spikes(5, 12)
    forward = (tracked(times), [tracked(w) for w in one.weights], shifts, *parts(one), noisy)
    assert set(torch.library.opcheck(operators.network_operator, forward).values()) == {"SUCCESS"}
    weights = [torch.tensor(w) for w in one.weights]
    backward = (times, weights, shifts, torch.rand(5, 3, dtype=torch.float64), *parts(one), noisy)
    assert set(torch.library.opcheck(operators.network_vjp_operator, backward).values()) == {"SUCCESS"}


def test_rows_that_load_the_membrane_have_exact_gradients_and_need_the_engine() -> None:
    circuit = Circuit(load=RowLoad(body=1e-3, position=0.3, junction_plus=1e-3, junction_minus=2e-3))
    w = torch.tensor(
        np.random.default_rng(3).uniform(0.2, 0.5, (12, 4)) * np.where(np.arange(48) % 3, 1, -1).reshape(12, 4)
    )
    times = torch.linspace(0.05, 0.9, 12, dtype=torch.float64).repeat(2, 1)
    assert torch.autograd.gradcheck(lambda t, w: rct.charge(t, w, circuit), (tracked(times), tracked(w)))
    assert np.array_equal(rct.charge(times, w, circuit).numpy(), functional.charge(times.numpy(), w.numpy(), circuit))
    with rct.without_engine(), pytest.raises(ValueError, match="by the engine alone"):
        rct.charge(times, w, circuit)


def test_devices_that_are_not_ohmic_have_exact_gradients_and_need_the_engine() -> None:
    circuit = Circuit(e_minus=-0.7, v_0=0.493)
    times, w = spikes(2, 12), 0.5 * torch.randn(12, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    assert torch.autograd.gradcheck(lambda t, w: rct.charge(t, w, circuit), (tracked(times), tracked(w)))
    assert np.array_equal(rct.charge(times, w, circuit).numpy(), functional.charge(times.numpy(), w.numpy(), circuit))
    with rct.without_engine(), pytest.raises(ValueError, match=r"ohmic devices only.*v_0 = 0\.493"):
        rct.charge(times, w, circuit)


@circuits
def test_gradients_of_layers_agree_with_finite_differences(circuit: Circuit) -> None:
    times, w = spikes(5, 12).requires_grad_(), torch.randn(12, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t, w: rct.charge(t, w, circuit), (times, w))
    joined = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t, w: rct.charge(t, w, circuit, wiring=FirstSpike(2)), (times, joined))
    v = torch.tensor([[-0.3, 0.2, 0.7, 1.4]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: rct.fire(v, circuit).clamp(max=9), (v,))
    labels = torch.tensor([2])
    assert torch.autograd.gradcheck(lambda v: rct.output_loss(v, labels, circuit, temporal_penalty=0.3), (v,))


@phases
@circuits
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("wiring", [None, FIRST], ids=["dense", "first"])
def test_gradients_of_a_network_agree_with_finite_differences(
    circuit: Circuit, noisy: bool, wiring: list[Wiring] | None, phases: Phases
) -> None:
    one = network(circuit, wiring=wiring, phases=phases)
    shifts = shifts_for(one, 5) if noisy else []

    def results(times: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        result = operators.network_operator(times, weights, shifts, *parts(one, 1e6), True)
        return torch.where(torch.isinf(result), 0.0, result)

    assert torch.autograd.gradcheck(results, (spikes(5, 12).requires_grad_(), *map(tracked, one.weights)))


@dtypes
@circuits
def test_layers_have_the_bits_of_the_engine(circuit: Circuit, dtype: torch.dtype) -> None:
    times, layer = spikes(5, 12, dtype=dtype), rct.Linear(12, 4, circuit, dtype=dtype)
    v = layer(times)
    expected = functional.charge(times.numpy(), layer.weight.detach().numpy(), circuit)
    np.testing.assert_array_equal(v.detach().numpy(), expected)
    np.testing.assert_array_equal(rct.Fire(circuit)(v).detach().numpy(), functional.fire(expected, circuit))


@dtypes
@circuits
def test_a_network_has_the_bits_of_the_engine_and_of_its_layers(circuit: Circuit, dtype: torch.dtype) -> None:
    one, times = network(circuit, str(dtype).partition(".")[2]), spikes(7, 12, dtype=dtype)
    module = rct.Network.from_network(one)
    np.testing.assert_array_equal(module(times).detach().numpy(), one.forward(times.numpy()))
    t = times
    for w in module.weights:
        v = rct.charge(t, w, circuit)
        t = rct.fire(v, circuit)
    np.testing.assert_array_equal(v.detach().numpy(), one.forward(times.numpy()))
    v.sum().backward()
    by_layers = [w.grad for w in module.weights]
    module.zero_grad()
    module(times).sum().backward()
    for one_by_one, at_once in zip(by_layers, [w.grad for w in module.weights], strict=True):
        np.testing.assert_array_equal(one_by_one, at_once)


@circuits
def test_shifts_of_spike_times_act_layer_by_layer(circuit: Circuit) -> None:
    one, t = network(circuit), spikes(7, 12).numpy()
    shifts = shifts_for(one, 7)
    weights = [torch.tensor(w) for w in one.weights]
    v = operators.network_operator(torch.tensor(t), weights, shifts, *parts(one), False)
    for layer, shift in zip(one.layers[:-1], shifts[:-1], strict=True):
        t = functional.fire(layer.charge(t), circuit) + shift.numpy()
        t = np.where(t > 1, np.inf, np.maximum(t, 0))
    times = functional.readout_times(one.layers[-1].charge(t), circuit) + shifts[-1].numpy()
    # Two ways to round a logarithm and its inverse.
    np.testing.assert_allclose(v.numpy(), functional.readout_voltages(times, circuit), rtol=1e-13, atol=1e-14)


def test_first_spikes_have_the_bits_of_the_engine() -> None:
    circuit, times = Circuit(v_syn=2.0), 3 * spikes(7, 12)
    layer = rct.SinglePhase(12, 4, circuit, dtype=torch.float64)
    layer.weight.data[:, 0] *= -1
    spiked = layer(times)
    expected = functional.first_spike(times.numpy(), layer.weight.detach().numpy(), circuit)
    np.testing.assert_array_equal(spiked.detach().numpy(), expected)
    assert 0 < np.isinf(expected).sum() < expected.size
    of_spikes = torch.rand(7, 4, dtype=torch.float64)
    spiked.backward(of_spikes)
    _, gradient = functional.first_spike_vjp(
        times.numpy(), layer.weight.detach().numpy(), circuit, of_spikes.numpy(), max_slope=layer.max_slope
    )
    np.testing.assert_array_equal(layer.weight.grad, gradient)
    single = network(circuit, phases="single")
    np.testing.assert_array_equal(rct.Network.from_network(single)(times).detach(), single.forward(times.numpy()))


def test_a_backward_pass_may_come_after_other_batches() -> None:
    module = rct.Network.from_network(network(UNEQUAL))
    batches = [spikes(4, 12, seed=seed) for seed in range(3)]
    expected = []
    for times in batches:
        expected.append(torch.autograd.grad(module(times).sum(), list(module.parameters())))
    results = [module(times).sum() for times in batches]
    for result, gradients in zip(results, expected, strict=True):
        for a, b in zip(torch.autograd.grad(result, list(module.parameters())), gradients, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_second_derivative_is_an_error_that_says_why() -> None:
    labels = torch.arange(4)
    for function, n in [
        (rct.Network.from_network(network(STRONG)), 12),
        (rct.Linear(12, 4, STRONG, dtype=torch.float64), 12),
        (rct.Fire(STRONG), 4),
        (lambda v: rct.output_loss(v, labels, STRONG), 4),
    ]:
        x = (spikes(4, n) / 1.2).requires_grad_()
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        with pytest.raises(NotImplementedError, match="has no second derivative: the engine computes"):
            first.sum().backward()


@pytest.mark.parametrize("change", ["optimiser", "data", "numpy", "assignment"])
def test_changed_weights_are_noticed_however_they_were_changed(change: str) -> None:
    module, times = rct.Network.from_network(network(STRONG)), spikes(4, 12)
    before = module(times).detach()
    w = module.weights[1]
    if change == "optimiser":
        module(times).sum().backward()
        torch.optim.Adam(module.parameters(), lr=0.1, fused=True).step()
    elif change == "data":
        w.data.mul_(0.5)
    elif change == "numpy":
        w.detach().numpy()[:] *= 0.5
    else:
        w.data = 0.5 * w.data
    after = module(times).detach().numpy()
    assert (after != before.numpy()).any()
    np.testing.assert_array_equal(after, module.to_network().forward(times.numpy()))


def test_changed_spike_times_are_noticed() -> None:
    module, times = rct.Network.from_network(network(STRONG)), spikes(4, 12)
    module(times)
    times.numpy()[0] *= 0.5
    np.testing.assert_array_equal(module(times).detach().numpy(), module.to_network().forward(times.numpy()))


# Compilers


@pytest.mark.filterwarnings("default")  # those of PyTorch's own compiler
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_compiled_network_is_one_graph_with_the_same_gradients(noise: float) -> None:
    one = network(Circuit.conventional() if noise else UNEQUAL)
    module, loss = rct.Network.from_network(one, noise=noise), rct.OutputLoss(one.circuit)
    times, labels = spikes(6, 12), torch.tensor([0, 1, 2, 0, 1, 2])
    assert_compiled_as_eager(module, lambda: loss(module(times), labels), "aot_eager" if noise else "inductor")


@pytest.mark.filterwarnings("default")
def test_compiled_layers_are_one_graph_with_the_same_gradients() -> None:
    layers = nn.Sequential(
        rct.Linear(12, 8, UNEQUAL, dtype=torch.float64),
        rct.Fire(UNEQUAL),
        rct.Linear(8, 3, UNEQUAL, dtype=torch.float64),
    )
    times = spikes(6, 12)
    assert_compiled_as_eager(layers, lambda: layers(times).square().sum(), "aot_eager")


def assert_compiled_as_eager(module: nn.Module, loss: Callable[[], torch.Tensor], backend: str) -> None:
    gradients = []
    for function in (loss, torch.compile(loss, fullgraph=True, backend=backend)):
        module.zero_grad()
        torch.manual_seed(5)
        function().backward()
        gradients.append([w.grad.clone() for w in module.parameters()])
    for eager, compiled in zip(*gradients, strict=True):
        np.testing.assert_array_equal(eager, compiled)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "network": lambda: rct.Network([12, 8, 3], UNEQUAL),
    "noise": lambda: rct.Network([12, 8, 3], STRONG, noise=0.02),
    "single phase": lambda: rct.Network([12, 8, 3], Circuit(v_syn=2.0), phases="single"),
    "maps": lambda: rct.Network("2x3x2-conv4-3", STRONG, dtype=torch.float64),
    "convolution": lambda: rct.Conv2d((2, 3, 2), 4, STRONG, padding=1),
    "layers": lambda: nn.Sequential(rct.Linear(12, 8, STRONG), rct.Fire(STRONG, noise=0.02), rct.Linear(8, 3, STRONG)),
    "first spike": lambda: rct.SinglePhase(12, 3, Circuit(v_syn=2.0)),
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("what", MODULES)
def test_a_module_compiled_for_any_batch_size_is_one_graph_with_the_bits_of_eager_mode(
    what: str, training: bool
) -> None:
    module = MODULES[what]()

    def run(images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = module(rct.encode(images))
        return torch.where(torch.isinf(result), 0.0, result)

    def run_and_differentiate(function: Callable[[torch.Tensor], torch.Tensor], batch: int) -> list[torch.Tensor]:
        images = spikes(batch, 12, dtype=torch.float32).clamp(0, 1).requires_grad_(training)
        torch.manual_seed(5)  # of the noise
        result = function(images)
        gradients = torch.autograd.grad(result.square().sum(), [images, *module.parameters()]) if training else ()
        return [result, *gradients]

    from torch._dynamo import lookup_backend  # here, since its import takes seconds

    compilations: list[Any] = []

    def backend(graph: Any, inputs: list[Any]) -> Any:
        compilations.append(graph)
        return lookup_backend("aot_eager")(graph, inputs)

    torch.compiler.reset()
    compiled = torch.compile(run, fullgraph=True, dynamic=True, backend=backend)
    n_compiled = []
    with torch.set_grad_enabled(training):
        for batch in (4, 7, 16, 2, 33):
            for eager, traced in zip(*(run_and_differentiate(f, batch) for f in (run, compiled)), strict=True):
                np.testing.assert_array_equal(eager.detach(), traced.detach())
            n_compiled.append(len(compilations))
    assert n_compiled == n_compiled[:1] * 5  # nothing after the first batch


# Training


@pytest.mark.parametrize(
    ("sizes", "circuit", "n"),
    [([64, 20, 10], STRONG, 320), ([64, 20, 10], UNEQUAL, 320), ("8x8x1-conv4-pool-6-10", UNEQUAL, 40)],
    ids=str,
)
def test_twenty_steps_of_adam_give_the_weights_of_train(sizes: Any, circuit: Circuit, n: int, digits: Dataset) -> None:
    split = Split(digits.train.images[:n], digits.train.labels[:n])
    one = Network.create(sizes, circuit, seed=0, dtype=np.float64)
    module, loss = rct.Network.from_network(one), rct.OutputLoss(circuit, temporal_penalty=0.01)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    settings = {"epochs": 4, "batch_size": n // 5, "seed": 0, "decay": "constant", "temporal_penalty": 0.01}
    train(one, Dataset("digits", split, split), **settings)  # type: ignore[arg-type]
    times = torch.from_numpy(functional.encode(split.images).astype(np.float64))
    labels = torch.from_numpy(split.labels.astype(np.int64))
    for epoch in range(4):
        order = shuffled(n, epoch)
        for picked in order.split(n // 5):
            optimiser.zero_grad()
            loss(module(times[picked]), labels[picked]).backward()
            optimiser.step()
    for w, expected in zip(module.to_network().weights, one.weights, strict=True):
        # Each step rounds about 1e-16 of a weight, and Adam divides gradients by their size: far below 1e-10.
        np.testing.assert_allclose(w, expected, rtol=0, atol=1e-10)


def shuffled(n: int, epoch: int) -> torch.Tensor:
    """The order of the samples in an epoch of `train` with the seed 0."""
    from rcspike.training.settings import SHUFFLE, Settings

    samples = np.sort(np.random.default_rng(0).permutation(n))
    return torch.from_numpy(Settings(epochs=4, seed=0).rng(SHUFFLE, epoch).permutation(samples))


def test_a_network_behind_a_layer_of_pytorch_is_trained_with_it() -> None:
    torch.manual_seed(0)
    front = nn.Sequential(nn.Linear(5, 12), nn.Sigmoid())
    model = nn.Sequential(front, Encode(), rct.Network([12, 8, 3], STRONG), nn.Softmax(dim=1))
    model(torch.randn(4, 5))[:, 0].sum().backward()
    assert front[0].weight.grad.abs().max() > 0


class Encode(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return rct.encode(x)


# Modules


@dtypes
@circuits
def test_a_network_survives_the_round_trip_bit_for_bit(circuit: Circuit, dtype: torch.dtype) -> None:
    name = str(dtype).partition(".")[2]
    one = network(circuit, name, wiring=[FirstSpike(3), FirstSpike(2), Dense()])
    again = rct.Network.from_network(one).to_network()
    assert again.circuit == one.circuit
    assert again.architecture == one.architecture
    assert again.dtype == one.dtype
    for a, b in zip(again.weights, one.weights, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_state_dict_holds_the_parameters_under_their_names() -> None:
    one = network(STRONG)
    module = rct.Network(one.sizes, STRONG, dtype=torch.float64)
    module.load_state_dict({name: torch.tensor(values) for name, values in one.parameters.items()})
    for a, b in zip(module.to_network().weights, one.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    twin = copy.deepcopy(module)
    np.testing.assert_array_equal(twin(spikes(3, 12)).detach(), module(spikes(3, 12)).detach())


def test_the_first_weights_are_those_of_the_package_for_a_seed_of_pytorch() -> None:
    sizes = (2000, 300, 10)
    for circuit in (STRONG, UNEQUAL):
        torch.manual_seed(3)
        module, other = rct.Network(sizes, circuit), rct.Linear(2000, 300, circuit)
        own = Network.create(sizes, circuit, seed=0)
        for w, expected in zip(module.weights, own.weights, strict=True):
            # The standard deviation of n normal numbers is uncertain by 1 / sqrt(2 n): 1.3 % for 3000.
            assert w.detach().std() == pytest.approx(expected.std(), rel=0.06)
        assert other.weight.detach().std() == pytest.approx(own.weights[0].std(), rel=0.01)
        torch.manual_seed(3)
        np.testing.assert_array_equal(rct.Network(sizes, circuit).weights[0].detach(), module.weights[0].detach())


def test_noise_comes_from_the_generator_of_pytorch() -> None:
    module, times = rct.Network.from_network(network(STRONG), noise=0.01), spikes(200, 12)
    one, same, other = (module(times, generator=torch.Generator().manual_seed(seed)).detach() for seed in (1, 1, 2))
    assert one.equal(same)
    assert not one.equal(other)
    v = torch.full((200, 200), 0.5, dtype=torch.float64)
    t = rct.Fire(STRONG, noise=0.01)(v, generator=torch.Generator().manual_seed(1))
    assert float(t.std()) == pytest.approx(0.01, rel=0.03)  # of 40,000 draws: uncertain by 0.4 %
    assert float(t.mean()) == pytest.approx(0.5, abs=3e-4)
    late = rct.Fire(STRONG, noise=0.3)(v.fill_(0.01))
    assert bool(((late <= 1) | (late == math.inf)).all())
    assert bool((late == math.inf).any())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rct.Network([12, 3], STRONG)(torch.rand(2, 5)), ValueError, "times must have shape (batch, 12)"),
        (lambda: rct.Network([12, 3], STRONG)(torch.ones(2, 12).long()), TypeError, "times must be float32 or float64"),
        (lambda: rct.Network([12, 3], STRONG)(-torch.rand(2, 12)), ValueError, "times"),
        (lambda: rct.Network([12, 3], STRONG, noise=-1.0), ValueError, "noise must be finite and not negative"),
        (lambda: rct.Network([12, 3], STRONG, dtype=torch.float16), TypeError, "dtype must be torch.float32"),
        (
            lambda: rct.Network([12, 3], STRONG).half()(torch.rand(2, 12)),
            TypeError,
            "weights.0 must be float32 or float64",
        ),
        (lambda: rct.Network.from_network(np.eye(2)), TypeError, "network must be a rcspike.Network"),  # type: ignore[arg-type]
        (lambda: rct.Linear(0, 3, STRONG), ValueError, "sizes must be at least 1"),
        (lambda: rct.charge(np.ones((1, 2)), torch.ones(2, 2), STRONG), TypeError, "times must be a torch.Tensor"),  # type: ignore[arg-type]
        (lambda: rct.output_loss(torch.ones(1, 2), torch.ones(1), STRONG), TypeError, "labels must be int64"),
        (lambda: rct.encode(torch.tensor([[255.0]])), ValueError, "intensities must lie in [0, 1], got 255.0"),
        (lambda: rct.encode(torch.tensor([[255]])), TypeError, "images must be floats in [0, 1]"),
    ],
)
def test_an_error_names_the_value_and_the_expected_one(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_shapes_come_without_data_on_the_meta_device() -> None:
    module = rct.Network([12, 8, 3], STRONG).to("meta")
    assert module(torch.empty(5, 12, device="meta")).shape == (5, 3)
    maps = rct.Conv2d((8, 8, 2), 3, STRONG, padding=1, pool=2).to("meta")
    assert maps(torch.empty(5, 128, device="meta")).shape == (5, 48)

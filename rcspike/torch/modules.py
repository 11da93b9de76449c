"""Layers and whole networks as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from rcspike._common.numbers import check_count
from rcspike.circuit import Circuit, layer_circuits
from rcspike.functional.events import Schedule, network_input
from rcspike.functional.loss import Loss
from rcspike.functional.neuron_kinds import Phases
from rcspike.network import Conv2d as EngineConv2d
from rcspike.network import Network as EngineNetwork
from rcspike.network import Wiring
from rcspike.network.wiring import DENSE
from rcspike.torch.eager_autograd import run_network
from rcspike.torch.engine_cache import parameters_of
from rcspike.torch.functions import (
    check_noise,
    check_tensor,
    fire_with,
    layer_with,
    noise_like,
    times_like,
)
from rcspike.torch.wiring_indices import wiring_numbers


def _seed() -> int:
    """A seed from PyTorch's generator, which torch.manual_seed resets."""
    return int(torch.randint(2**62, ()).item())


def _numpy_dtype(dtype: torch.dtype | None) -> np.dtype[np.float32] | np.dtype[np.float64]:
    dtype = torch.get_default_dtype() if dtype is None else dtype
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(f"dtype must be torch.float32 or torch.float64, got {dtype}")
    return np.dtype(np.float32) if dtype == torch.float32 else np.dtype(np.float64)


class Linear(nn.Module):
    """A layer of resistive synapses: spike times in, voltages at the end of the charging phase out.

    Parameters
    ----------
    in_features, out_features : int
        Numbers of inputs and neurons.
    circuit : Circuit
        Its injection must be one pair.
    wiring : rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d
        Which inputs drive which rows of the weights.
    dtype : torch.float32 or torch.float64, optional
        PyTorch's default dtype by default.

    Notes
    -----
    Its one parameter ``weight`` has the signed synaptic weights in V_th / T, of shape (n_rows, out_features): the
    transpose of that in `torch.nn.Linear`. It starts as in `rcspike.Network.create`, from PyTorch's generator.

    Examples
    --------
    >>> layer = Linear(64, 10, Circuit())
    >>> layer(torch.rand(5, 64)).shape
    torch.Size([5, 10])
    """

    _phases: ClassVar[Phases] = "two"

    def __init__(
        self,
        in_features: int,
        out_features: int,
        circuit: Circuit,
        *,
        wiring: Wiring = DENSE,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._numbers, self._wiring = parameters_of(circuit), wiring_numbers([wiring])
        self.in_features, self.out_features, self.circuit, self.wiring = in_features, out_features, circuit, wiring
        network = EngineNetwork.create(
            (in_features, out_features),
            circuit,
            seed=_seed(),
            dtype=_numpy_dtype(dtype),
            wiring=[wiring],
            phases=self._phases,
        )
        (weight,) = network.parameters.values()
        self.weight = nn.Parameter(torch.from_numpy(weight.copy()))

    def extra_repr(self) -> str:
        """What PyTorch prints between the brackets."""
        return f"{self.in_features}, {self.out_features}, {self.circuit}"

    def forward(self, times: Tensor) -> Tensor:
        """Voltages (batch, out_features) in V_th for spike times (batch, in_features) in T."""
        return layer_with(times, self.weight, self.in_features, self._numbers, self._wiring, "two")


class Conv2d(Linear):
    """A convolution of resistive synapses: spike times in, voltages at the end of the charging phase out.

    Parameters
    ----------
    in_shape : (height, width, channels)
        Maps of inputs.
    out_channels : int
        Columns of synapses, which all positions of the window share.
    circuit : Circuit
        Its injection must be one pair.
    kernel, stride, padding, first, pool
        As in `rcspike.network.Conv2d`.
    dtype : torch.float32 or torch.float64, optional
        PyTorch's default dtype by default.

    Notes
    -----
    Maps are flat, with the channel as the last axis: input (y width + x) channels + c is channel c of the pixel (y, x).
    ``weight`` has the shape (k_h k_w channels, out_channels), in V_th / T. For single-phase neurons, use
    `SinglePhase` with a `rcspike.network.Conv2d` as its wiring.

    Examples
    --------
    >>> layer = Conv2d((8, 8, 3), 16, Circuit(), padding=1, pool=2)
    >>> layer(torch.rand(5, 192)).shape, layer.out_shape
    (torch.Size([5, 256]), (4, 4, 16))
    """

    def __init__(
        self,
        in_shape: tuple[int, int, int],
        out_channels: int,
        circuit: Circuit,
        *,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: int = 0,
        first: int = 1,
        pool: int = 1,
        dtype: torch.dtype | None = None,
    ) -> None:
        maps = EngineConv2d(in_shape, kernel, stride=stride, padding=padding, first=first, pool=pool)
        columns = check_count("out_channels", out_channels, 1)
        super().__init__(maps.n_in(maps.n_rows), maps.n_out(columns), circuit, wiring=maps, dtype=dtype)
        self.out_shape = maps.out_shape(columns)


class SinglePhase(Linear):
    """A layer of single-phase neurons: spike times in, the times at which membranes reach the threshold out.

    Parameters
    ----------
    in_features, out_features, circuit, wiring, dtype
        As in `Linear`.
    max_slope : float
        Bound of abs(dt/dv) at the threshold in the gradient, in T / V_th, as in `rcspike.train`.

    Notes
    -----
    ``weight`` is as in `Linear`. A neuron that does not spike has the time ``inf`` and no gradient, so that a loss has
    to say what such a time counts as: `torch.where(torch.isinf(t), 2.0, t)`, for example.

    Examples
    --------
    >>> layer = SinglePhase(64, 10, Circuit(v_syn=2.0))
    >>> layer(torch.rand(5, 64)).shape
    torch.Size([5, 10])
    """

    _phases = "single"

    def __init__(
        self,
        in_features: int,
        out_features: int,
        circuit: Circuit,
        *,
        wiring: Wiring = DENSE,
        dtype: torch.dtype | None = None,
        max_slope: float = Loss.max_slope,
    ) -> None:
        super().__init__(in_features, out_features, circuit, wiring=wiring, dtype=dtype)
        self.max_slope = max_slope

    def forward(self, times: Tensor) -> Tensor:
        """Spike times (batch, out_features) in T for those of the inputs, (batch, in_features)."""
        parts = self.in_features, self._numbers, self._wiring
        return layer_with(times, self.weight, *parts, "single", self.max_slope)


class Fire(nn.Module):
    """The firing phase: voltages in, spike times out.

    Parameters
    ----------
    noise : float
        Standard deviation of the spike-time noise in T, in training and in evaluation. Assign 0 to switch it off.

    Examples
    --------
    >>> Fire(Circuit())(torch.tensor([[-0.5, 0.25, 3.0]]))
    tensor([[   inf, 0.7500, 0.0000]])
    """

    def __init__(self, circuit: Circuit, *, noise: float = 0.0) -> None:
        super().__init__()
        self.circuit, self.noise = circuit, check_noise(noise)
        self._numbers = parameters_of(circuit.of_layer(0))

    def forward(self, v: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Spike times (batch, n_out) in T for voltages (batch, n_out) in V_th; `generator` draws the noise."""
        return fire_with(v, self._numbers, check_noise(self.noise), generator)

    def extra_repr(self) -> str:
        """What PyTorch prints between the brackets."""
        return f"{self.circuit}, noise={self.noise}"


class Network(nn.Module):
    """A whole network as one operator: spike times in, voltages or (single-phase) spike times of the last layer out.

    Parameters
    ----------
    sizes : sequence of int, or str
        Numbers of neurons: inputs, hidden layers, outputs. Or an architecture, as in `rcspike.Network.create`.
    noise : float
        Standard deviation of the noise on the spike times of every layer but the input, in T, in training and in
        evaluation. Assign 0 to switch it off.
    wiring : sequence of rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d, optional
        Of each layer; dense by default. An architecture has its own.
    input_shape : (height, width) or (height, width, channels), optional
        Of the inputs, for an architecture that does not begin with them.
    phases : {"two", "single"}
        Of all neurons, as in `rcspike.Network.create`.
    dtype : torch.float32 or torch.float64, optional
        PyTorch's default dtype by default.
    max_slope : float
        Of single-phase neurons, as in `SinglePhase`.

    Notes
    -----
    ``weights`` is a list of parameters of shape (n_rows, n_columns) in V_th / T, one for each layer. They start as in
    `rcspike.Network.create`, from PyTorch's generator. ``state_dict`` has them under the names of
    `rcspike.Network.parameters`; it does not have the circuit.

    Examples
    --------
    >>> network = Network([64, 20, 10], Circuit(v_syn=1.0))
    >>> network(torch.rand(5, 64)).shape
    torch.Size([5, 10])
    >>> list(network.state_dict())
    ['weights.0', 'weights.1']
    """

    def __init__(
        self,
        sizes: Sequence[int] | str,
        circuit: Circuit,
        *,
        noise: float = 0.0,
        wiring: Sequence[Wiring] | None = None,
        input_shape: Sequence[int] | None = None,
        phases: Phases = "two",
        dtype: torch.dtype | None = None,
        max_slope: float = Loss.max_slope,
    ) -> None:
        super().__init__()
        network = EngineNetwork.create(
            sizes,
            circuit,
            seed=_seed(),
            input_shape=input_shape,
            dtype=_numpy_dtype(dtype),
            wiring=wiring,
            phases=phases,
        )
        self._take(network, noise, max_slope)

    def _take(self, network: EngineNetwork, noise: float, max_slope: float) -> None:
        self.circuit, self.noise, self.max_slope = network.circuit, check_noise(noise), max_slope
        self.wiring, self.phases = tuple(layer.wiring for layer in network.layers), network.phases
        self.weights = nn.ParameterList([torch.from_numpy(w.copy()) for w in network.parameters.values()])
        self._sizes, self._wiring = network.sizes, wiring_numbers(self.wiring)
        circuits = layer_circuits(self.circuit, len(self.wiring))
        self._circuits = tuple(number for circuit in circuits for number in parameters_of(circuit))

    @classmethod
    def from_network(cls, network: EngineNetwork, *, noise: float = 0.0, max_slope: float = Loss.max_slope) -> Network:
        """A module with a copy of the weights of a `rcspike.Network`, bit for bit.

        A TypeError if it is another kind of network.

        Examples
        --------
        >>> import rcspike
        >>> ours = rcspike.Network.create([64, 20, 10], Circuit(), seed=0)
        >>> Network.from_network(ours).to_network().sizes
        (64, 20, 10)
        """
        if not isinstance(network, EngineNetwork):
            raise TypeError(f"network must be a rcspike.Network, got {type(network).__name__}")
        module = cls.__new__(cls)
        nn.Module.__init__(module)
        module._take(network, noise, max_slope)
        return module

    def to_network(self) -> EngineNetwork:
        """A `rcspike.Network` with a copy of the weights, bit for bit; a ValueError if one is not finite."""
        weights = [w.detach().cpu().numpy() for w in self.weights]
        return EngineNetwork(weights, self.circuit, self.wiring, phases=self.phases)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of neurons, from the inputs over the hidden layers to the outputs."""
        return self._sizes

    def forward(self, times: Tensor | Schedule, *, generator: torch.Generator | None = None) -> Tensor:
        """Voltages (batch, n_out) in V_th, or of single-phase neurons spike times in T, as `rcspike.Network.forward`.

        `times` are (batch, n_in), or samples of a `rcspike.functional.schedule`, which are sorted already but have no
        gradient and are not for `torch.compile`; `generator` draws the noise. Errors as in `rcspike.torch.charge`.
        """
        weights = list(self.weights)
        for depth, w in enumerate(weights):
            check_tensor(f"weights.{depth}", w, (None, None), weights[0].dtype)
        if isinstance(times, Schedule):
            network_input(times, self._sizes[0], _numpy_dtype(weights[0].dtype), self.phases)
        else:
            check_tensor("times", times, (None, self._sizes[0]))
            times = times_like(times, weights[0], self.phases)
        shifts = []
        if check_noise(self.noise) > 0:
            empty = [weights[0].new_empty((len(times), n)) for n in self._sizes[1:]]
            shifts = [noise_like(one, self.noise, generator) for one in empty]
        return run_network(times, weights, shifts, self._circuits, self._wiring, self.phases, self.max_slope)

    def extra_repr(self) -> str:
        """What PyTorch prints between the brackets."""
        return f"sizes={self.sizes}, circuit={self.circuit}, noise={self.noise}"

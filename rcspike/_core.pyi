from collections.abc import Sequence
from typing import Any, TypeAlias, TypedDict, type_check_only

import numpy as np
import numpy.typing as npt

_Float: TypeAlias = npt.NDArray[np.floating[Any]]
_Int: TypeAlias = npt.NDArray[np.int64]

class _BuildConfig(TypedDict):
    version: str
    compiler: str
    isa: str
    isas: list[str]
    compiled_isas: list[str]
    threads: int

def build_config() -> _BuildConfig: ...
def use_openmp(parallel: int, thread_number: int) -> None: ...

class Circuit:
    def __init__(self, **parameters: float) -> None: ...

class Dense:
    def __init__(self) -> None: ...

class FirstSpike:
    def __init__(self, *, window: int) -> None: ...

class Conv2d:
    def __init__(
        self,
        *,
        height: int,
        width: int,
        channels: int,
        kernel_height: int,
        kernel_width: int,
        stride: int = 1,
        padding: int = 0,
        first: int = 1,
        pool: int = 1,
    ) -> None: ...

class FirstSpike2d:
    def __init__(self, *, height: int, width: int, channels: int, window: int) -> None: ...

_Wiring: TypeAlias = Dense | FirstSpike | FirstSpike2d | Conv2d

@type_check_only
class _SortedTimes:
    @property
    def batch(self) -> int: ...
    @property
    def n_in(self) -> int: ...
    @property
    def phases(self) -> str: ...
    def __len__(self) -> int: ...
    def __getitem__(self, samples: object) -> _Schedule: ...

class Schedule32(_SortedTimes): ...
class Schedule64(_SortedTimes): ...

_Schedule: TypeAlias = Schedule32 | Schedule64

def schedule(times: _Float, threads: int | None = None, *, phases: str = "two") -> _Schedule: ...
def charge(schedule: _Schedule, weights: _Float, circuit: Circuit, threads: int | None = None) -> _Float: ...
def charge_vjp(
    schedule: _Schedule, weights: _Float, circuit: Circuit, grad_v: _Float, threads: int | None = None
) -> tuple[_Float, _Float]: ...
def charge_affine(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    drive0: _Float | None = None,
    conductance0: _Float | None = None,
    threads: int | None = None,
) -> _Float: ...
def charge_loaded(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    loads: _Float,
    drive0: _Float | None,
    conductance0: _Float | None,
    threads: int | None = None,
) -> _Float: ...
def charge_loaded_vjp(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    loads: _Float,
    drive0: _Float | None,
    conductance0: _Float | None,
    grad_v: _Float,
    threads: int | None = None,
) -> tuple[_Float, _Float, _Float, _Float, _Float, _Float]: ...
def switch_injection(schedule: _Schedule, injection: _Float, threads: int | None = None) -> _Float: ...
def charge_affine_vjp(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    drive0: _Float | None,
    conductance0: _Float | None,
    grad_v: _Float,
    threads: int | None = None,
) -> tuple[_Float, _Float, _Float, _Float, _Float]: ...

@type_check_only
class _Layer:
    @property
    def n_in(self) -> int: ...
    @property
    def n_out(self) -> int: ...
    def charge(self, schedule: _Schedule, threads: int | None = None) -> _Float: ...
    def charge_vjp(self, schedule: _Schedule, grad_v: _Float, threads: int | None = None) -> tuple[_Float, _Float]: ...

class Layer32(_Layer): ...
class Layer64(_Layer): ...

def layer(
    weights: _Float, circuit: Circuit, *, wiring: _Wiring = ..., threads: int | None = None
) -> Layer32 | Layer64: ...
def charge_rectified(
    schedule: _Schedule,
    g_plus: _Float,
    rail_plus: _Float,
    g_minus: _Float,
    rail_minus: _Float,
    drive0: _Float | None = None,
    conductance0: _Float | None = None,
    threads: int | None = None,
) -> _Float: ...
def charge_wired(
    schedule: _Schedule,
    wires: Sequence[tuple[_Float, _Float]],
    resistance: _Float,
    off: float = 0.0,
    drive0: _Float | None = None,
    conductance0: _Float | None = None,
    threads: int | None = None,
) -> _Float: ...
def supply_charge(
    schedule: _Schedule, weights: _Float, circuit: Circuit, threads: int | None = None
) -> tuple[_Float, _Float]: ...
def supply_charge_until(
    schedule: _Schedule, weights: _Float, circuit: Circuit, until: _Float, threads: int | None = None
) -> tuple[_Float, _Float]: ...
def supply_charge_vjp(
    schedule: _Schedule,
    weights: _Float,
    circuit: Circuit,
    grad_q_plus: _Float,
    grad_q_minus: _Float,
    threads: int | None = None,
) -> tuple[_Float, _Float]: ...
def fire(v: _Float, circuit: Circuit) -> _Float: ...
def fire_vjp(v: _Float, circuit: Circuit, grad_times: _Float) -> _Float: ...
def first_spike(schedule: _Schedule, weights: _Float, circuit: Circuit, threads: int | None = None) -> _Float: ...
def first_spike_vjp(
    schedule: _Schedule,
    weights: _Float,
    circuit: Circuit,
    grad_spikes: _Float,
    *,
    max_slope: float,
    threads: int | None = None,
) -> tuple[_Float, _Float]: ...
def first_spike_affine(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    drive0: _Float | None = None,
    conductance0: _Float | None = None,
    threads: int | None = None,
) -> _Float: ...
def first_spike_affine_vjp(
    schedule: _Schedule,
    drive: _Float,
    conductance: _Float,
    drive0: _Float | None,
    conductance0: _Float | None,
    grad_spikes: _Float,
    *,
    max_slope: float,
    threads: int | None = None,
) -> tuple[_Float, _Float, _Float, _Float, _Float]: ...
def readout_times(v: _Float, circuit: Circuit) -> _Float: ...
def readout_voltages(times: _Float, circuit: Circuit) -> _Float: ...
def output_loss(v: _Float, labels: _Int, circuit: Circuit, **loss: float) -> tuple[_Float, _Float]: ...
def check_loss(**loss: float) -> None: ...
def adam_step(
    gradient: _Float,
    *,
    step: int,
    learning_rate: float,
    values: _Float,
    first_moments: _Float,
    second_moments: _Float,
    weight_decay: float = 0.0,
    threads: int | None = 1,
) -> None: ...
def trace(schedule: _Schedule, weights: _Float, circuit: Circuit, at: _Float, threads: int | None = None) -> _Float: ...

@type_check_only
class _Forward:
    def forward(self, times: _Schedule | _Float, noise: Sequence[_Float], threads: int | None = None) -> _Float: ...

class Network32(_Forward): ...
class Network64(_Forward): ...

def network(
    weights: Sequence[_Float],
    circuit: Circuit | Sequence[Circuit],
    *,
    wiring: Sequence[_Wiring] = ...,
    phases: str = "two",
) -> Network32 | Network64: ...

@type_check_only
class _NetworkPass:
    @property
    def is_complete(self) -> bool: ...
    def set(self, weights: Sequence[_Float], threads: int | None = None) -> None: ...
    def forward(
        self, times: _Schedule | _Float, noise: Sequence[_Float], *, keep: bool, threads: int | None = None
    ) -> _Float: ...
    def backward(
        self, grad_v: _Float, *, of_times: bool, max_slope: float = ..., threads: int | None = None
    ) -> tuple[_Float, list[_Float]]: ...

class NetworkPass32(_NetworkPass): ...
class NetworkPass64(_NetworkPass): ...

def network_pass(
    weights: Sequence[_Float],
    circuit: Circuit | Sequence[Circuit],
    *,
    wiring: Sequence[_Wiring] = ...,
    phases: str = "two",
) -> NetworkPass32 | NetworkPass64: ...
def draw_noise(seed: int, sigma: float, noise: _Float, threads: int | None = None) -> None: ...

class DeviceNetwork32(_Forward): ...
class DeviceNetwork64(_Forward): ...

def device_network(
    layers: Sequence[tuple[_Float, _Float, _Float | None, _Float | None, _Float | None, _Float | None, _Float | None]],
    circuit: Circuit | Sequence[Circuit],
    *,
    wiring: Sequence[_Wiring] = ...,
    phases: str = "two",
) -> DeviceNetwork32 | DeviceNetwork64: ...

class DeviceModel:
    def __init__(
        self,
        *,
        off: float,
        levels: int,
        lognormal: float,
        proportional: float,
        absolute: float,
        stuck_off: float,
        stuck_on: float,
        w_max: Sequence[float],
        w_min: Sequence[float],
    ) -> None: ...

def draw_devices(
    weights: _Float, model: DeviceModel, *, seed: int, step: int, layer: int, threads: int | None = None
) -> tuple[_Float, _Float]: ...

class StepReport:
    @property
    def loss(self) -> float: ...
    @property
    def correct(self) -> int: ...
    @property
    def silent(self) -> list[int]: ...
    @property
    def saturated(self) -> list[int]: ...
    @property
    def steep(self) -> list[int]: ...

@type_check_only
class _Trainer:
    def step(
        self,
        schedule: _Schedule,
        samples: _Int,
        labels: _Int,
        noise: Sequence[_Float],
        *,
        learning_rate: float,
        threads: int | None = None,
        sample_weights: _Float | None = None,
    ) -> StepReport: ...
    def weights(self) -> list[_Float]: ...
    def moments(self, order: int) -> list[_Float]: ...
    @property
    def steps(self) -> int: ...
    def restore(self, *, steps: int, first: Sequence[_Float], second: Sequence[_Float]) -> None: ...

class Trainer32(_Trainer): ...
class Trainer64(_Trainer): ...

def trainer(
    weights: Sequence[_Float],
    circuit: Circuit | Sequence[Circuit],
    *,
    devices: DeviceModel = ...,
    seed: int = 0,
    weight_decay: float = 0.0,
    wiring: Sequence[_Wiring] = ...,
    phases: str = "two",
    **loss: float,
) -> Trainer32 | Trainer64: ...

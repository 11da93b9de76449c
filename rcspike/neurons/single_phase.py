"""Single-phase neurons, which spike at the moment at which they reach their threshold, while they charge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.functional.loss import Loss
from rcspike.functional.membrane_trace import trace
from rcspike.functional.neuron_kinds import Phases
from rcspike.neurons.protocol import Charged, LayerWithNeurons, Result, Span, Spikes, Supply

name: Phases = "single"
wording = "a single phase"
unit = "T"
not_taken: Mapping[str, str] = {
    "offset": "moves spikes on a ramp, which single-phase neurons do not have (comparator_offset in a device file)",
    "ramp": "applies only to two-phase neurons",
    "transfer": "applies only to two-phase neurons",
    "volts": "applies only to two-phase neurons, since the noise of single-phase ones is that of each crossing",
}
# docs/single-phase.md has the validation splits.
presets: Mapping[str, Mapping[str, Any]] = {
    "digits": {"learning_rate": 4e-3},
    "mnist": {"hidden": (350,), "weight_decay": 0.3, "temperature": 0.035, "max_slope": 10.0},
    "fashion-mnist": {
        "hidden": (400, 400),
        "temporal_penalty": 0.0,
        "weight_decay": 0.3,
        "learning_rate": 5e-4,
        "temperature": 0.02,
        "max_slope": 5.0,
    },
    "yin-yang": {"learning_rate": 0.02, "max_slope": 10.0},
}
settings: Mapping[str, Any] = {"silent_penalty": 1e-4}
v_syn = 2.0  # membranes do not reach their threshold at 1
baselines: Sequence[str] = ()  # which compute in two phases
pace = "one per inference and T of reset"
reading = "A membrane is drawn\nuntil it reaches the threshold. The class read is that of the output that spikes first."
delay = "mean until the inference ends"

# When an inference without an answer is given up, and the simulation of a layer ends, in T; an assumption. A membrane
# that only just reaches its threshold gets there after any time.
GIVEN_UP = 10.0

# The mean of the first weights, in standard deviations. Random differences between the weights of a neuron that are
# large from the start remain, and generalise worse (docs/single-phase.md).
_MEAN = 3.0


def preset_note(dataset: str) -> str:
    if dataset in presets:
        return ""
    return "settings of a single phase were not chosen on this data: they are those for other data"


def can_spike(circuit: Circuit) -> bool:
    return circuit.e_plus - circuit.diode_drop > 1


def initial_weights(
    circuits: Sequence[Circuit],
    rows: Sequence[int],
    spreads: Sequence[float],
    *,
    drive: float,
    active: float,
    intensity: float,
) -> Iterator[tuple[float, float]]:
    inputs = [max(2 * intensity * rows[0], 1), *rows[1:]]
    for circuit, n_active in zip(circuits, inputs, strict=True):
        mean = _rising(circuit, n_active)
        yield mean / drive, mean / _MEAN / drive


def run(
    layer: LayerWithNeurons,
    spikes: FloatArray | Schedule,
    *,
    moved: Callable[[FloatArray], FloatArray] | None,
    read: Callable[[FloatArray], FloatArray],
    threads: int | None,
) -> Spikes:
    t = layer.first_spike(spikes, threads=threads)
    if moved is not None:
        t = np.maximum(moved(t), 0)
    return Spikes(None, t, lambda: t)


def read_by(v: FloatArray, t_out: FloatArray) -> FloatArray:
    return t_out


def membranes(times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray) -> FloatArray:
    return trace(times, weights, circuit, at, phases=name)


def answers(read: FloatArray) -> npt.NDArray[np.int64]:
    first: npt.NDArray[np.int64] = np.argmin(read, axis=1)
    first[np.isinf(read).all(axis=1)] = -1
    return first


def spikes(read: FloatArray, circuit: Circuit) -> FloatArray:
    return read


def scores(read: FloatArray) -> Float64Array:
    # As in training, an output that does not spike counts as one that spikes at t_silent, or with the last one.
    t, latest = read.astype(np.float64), np.isinf(read)
    last = np.where(latest, Loss.t_silent, t).max(axis=1, keepdims=True)
    # Only just later than the last one, so that the class is one that spikes.
    return np.where(latest, -np.nextafter(np.maximum(last, Loss.t_silent), np.inf), -t)


def output_times(read: FloatArray, circuit: Circuit) -> Float64Array:
    return -scores(read)


def steep(shares: Float64Array) -> tuple[float, ...]:
    return tuple(shares.tolist())


def starts(n_layers: int) -> Sequence[int]:
    return [0] * (n_layers + 1)


def last_answer(n_layers: int) -> float:
    return math.inf


def end(until: float | None) -> float:
    if until is not None and not 0 < until < math.inf:
        raise ValueError(f"until must be above 0 and finite, in T, got {until}")
    return GIVEN_UP if until is None else until


def inferences(results: Iterable[Result], until: float | None) -> tuple[Iterable[Result], Float64Array]:
    """An inference ends at a time that is given, or with the first of the output spikes."""
    results, latest = list(results), end(until)
    t_out = results[-1].t_out
    if until is not None:
        return results, np.full(len(t_out), latest)
    first: Float64Array = t_out.min(axis=1).astype(np.float64)
    return results, np.minimum(first, latest)


def supply(layer: Any, result: Charged, durations: Float64Array | None, *, threads: int | None) -> Supply:
    latest = np.asarray(durations)[:, np.newaxis]
    ends = np.minimum(result.t_out, latest)
    q_plus, q_minus = layer.supply_charge(result.times, until=ends.astype(result.t_out.dtype), threads=threads)
    return Supply(q_plus, q_minus, np.abs(q_plus + q_minus), np.zeros_like(q_plus), latest, watching=ends)


def timing(durations: Float64Array | None, n_layers: int) -> tuple[float, float | Float64Array]:
    of_each = np.asarray(durations)
    return float(np.mean(of_each)), of_each[:, np.newaxis] + 1


def watching(supplied: Float64Array | None, of_ramps: Float64Array) -> Float64Array:
    return np.asarray(supplied)


def shown_until(t_out: FloatArray, until: float | None) -> float:
    """At a time that is given, or half as late again as the first output spike."""
    first = float(t_out.min())
    if until is not None or math.isinf(first):
        return end(until)
    return max(2.0, 1.5 * first)


def spans(end: float) -> Sequence[Span]:
    return (Span("charging", 0, end),)


def _rising(circuit: Circuit, active: float) -> float:
    """Mean of weights that take membranes to the threshold after about one T, in V_th / T.

    With E for the rail, v tends to E r, where r is the mean of w over that of abs(w), and from inputs at uniform times
    it reaches 1 at t = 1 if n mean(abs(w)) / 2E = -ln(1 - 1/(E r)).
    """
    end = max((circuit.e_plus - circuit.diode_drop) * _mean_ratio(_MEAN), 1.1)
    return 2 * (-end * math.log1p(-1 / end) if math.isfinite(end) else 1.0) / active


def _mean_ratio(q: float) -> float:
    """Mean of w over mean of abs(w), for normal w whose mean is q times the standard deviation."""
    return q / (math.sqrt(2 / math.pi) * math.exp(-q * q / 2) + q * math.erf(q / math.sqrt(2)))

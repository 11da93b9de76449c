"""Two-phase neurons: membranes charge in one window, and a ramp takes them to the threshold in the next one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.functional.firing_phase import fire, readout_times
from rcspike.functional.membrane_trace import trace
from rcspike.functional.neuron_kinds import Phases, latest_input
from rcspike.neurons.protocol import Charged, LayerWithNeurons, Result, Span, Spikes, Supply

name: Phases = "two"
wording = "two phases"
unit = "V_th"
not_taken: Mapping[str, str] = {
    "silent_penalty": "applies only to single-phase neurons",
    "t_silent": "applies only to single-phase neurons",
    "max_slope": "applies only to single-phase neurons",
}
presets: Mapping[str, Mapping[str, Any]] = {}
settings: Mapping[str, Any] = {}
v_syn = 1.0
baselines: Sequence[str] = ("virtual ground", "current sources")
pace = "one per 3 T"
reading = (
    "A membrane that is\n"
    "above the threshold after charging spikes at once. The class read is that of the highest output voltage."
)
delay = "T for each layer and one for the input"

# Candidates for the mean of the weights of a layer whose switches inject charge, in standard deviations. Beyond one of
# them a layer would compute little more than the number of its spikes.
_MEANS = np.linspace(-1, 1, 2001)


def preset_note(dataset: str) -> str:
    return ""


def can_spike(circuit: Circuit) -> bool:
    return True


def initial_weights(
    circuits: Sequence[Circuit],
    rows: Sequence[int],
    spreads: Sequence[float],
    *,
    drive: float,
    active: float,
    intensity: float,
) -> Iterator[tuple[float, float]]:
    earliness = 0.5  # mean of 1 - t of the inputs that spike
    for circuit, n_rows, sigma in zip(circuits, rows, spreads, strict=True):
        mean = 0.0
        if circuit.injects:
            mean, spread = _balance(circuit, sigma, drive, active * n_rows, earliness)
            # Half of the neurons spike, at 1 - v: the mean of the positive half of a normal distribution.
            active, earliness = 0.5, min(0.5, math.sqrt(2 / math.pi) * spread)
        yield mean, sigma


def run(
    layer: LayerWithNeurons,
    spikes: FloatArray | Schedule,
    *,
    moved: Callable[[FloatArray], FloatArray] | None,
    read: Callable[[FloatArray], FloatArray],
    threads: int | None,
) -> Spikes:
    v = layer.charge(spikes, threads=threads)
    t = layer.fire(v)
    if moved is not None:
        t = moved(t)
        # No spike comes before the start of the phase, and one that would come after its end is lost.
        t = np.where(t > 1, t.dtype.type(np.inf), np.maximum(t, 0))
    return Spikes(v, t, lambda: read(v))


def read_by(v: FloatArray, t_out: FloatArray) -> FloatArray:
    return v


def membranes(times: FloatArray, weights: FloatArray, circuit: Circuit, at: FloatArray) -> FloatArray:
    return trace(times, weights, circuit, at)


def answers(read: FloatArray) -> npt.NDArray[np.int64]:
    highest: npt.NDArray[np.int64] = np.argmax(read, axis=1)
    return highest


def spikes(read: FloatArray, circuit: Circuit) -> FloatArray:
    return fire(np.ascontiguousarray(read), circuit)


def scores(read: FloatArray) -> Float64Array:
    # In double precision the sign of a difference and the order of probabilities are those of the voltages.
    return read.astype(np.float64)


def output_times(read: FloatArray, circuit: Circuit) -> Float64Array:
    return np.asarray(readout_times(np.ascontiguousarray(read, dtype=np.float64), circuit), dtype=np.float64)


def steep(shares: Float64Array) -> tuple[float, ...]:
    return ()


def starts(n_layers: int) -> Sequence[int]:
    return range(n_layers + 1)


def last_answer(n_layers: int) -> float:
    return n_layers + 1


def end(until: float | None) -> float:
    if until is not None:
        raise ValueError(f"until {until} applies only to single-phase neurons: those of two phases take 2 T")
    return 2.0


def inferences(results: Iterable[Result], until: float | None) -> tuple[Iterable[Result], None]:
    end(until)  # raises an error if it is given
    return results, None


def supply(layer: Any, result: Charged, durations: Float64Array | None, *, threads: int | None) -> Supply:
    assert result.charged is not None
    q_plus, q_minus = layer.supply_charge(result.times, threads=threads)
    v, b = result.charged, layer.circuit.ramp
    # The ramp takes v up to the threshold, or during the whole window to (1 - (1 - b v) (1 - b)) / b.
    ramp = np.where(v > 0, np.maximum(1 - v, 0), 1 - b * v)
    return Supply(q_plus, q_minus, np.abs(v), ramp, latest_input(name))


def timing(durations: Float64Array | None, n_layers: int) -> tuple[float, float | Float64Array]:
    return last_answer(n_layers), 3.0


def watching(supplied: Float64Array | None, of_ramps: Float64Array) -> Float64Array:
    return of_ramps


def shown_until(t_out: FloatArray, until: float | None) -> float:
    return end(until) - 1


def spans(end: float) -> Sequence[Span]:
    return Span("charging", 0, 1), Span("firing (ramp)", 1, 2)


def _balance(circuit: Circuit, sigma: float, drive: float, n: float, earliness: float) -> tuple[float, float]:
    """Mean of the weights of a layer with n active inputs at which its mean voltage is zero, and the spread of v(1).

    In the mean over neurons, A and B are proportional to the number of spikes so far, so that A / B is constant and
    v = A / B (1 - exp(-integral of B)) holds whatever their times.
    """
    (plus, minus), *_ = circuit.injections
    positive = np.array([(1 + math.erf(z / math.sqrt(2))) / 2 for z in _MEANS])  # fraction of the weights
    mean_plus = sigma * (_MEANS * positive + np.exp(-(_MEANS**2) / 2) / math.sqrt(2 * math.pi))  # of max(w, 0)
    mean_minus = mean_plus - sigma * _MEANS
    coupling = n * earliness * (mean_plus / circuit.e_plus - mean_minus / circuit.e_minus)
    relaxed = np.ones_like(coupling)
    np.divide(-np.expm1(-coupling), coupling, out=relaxed, where=coupling > 0)
    v = n * (sigma * _MEANS * drive * earliness * relaxed + plus * positive + minus * (1 - positive))
    best = int(np.argmin(np.abs(v)))
    # A synapse adds the sign of its weight times a step of the injection and a drive that grows with the weight; with
    # times spread uniformly, the mean square of 1 - t is 4/3 of its squared mean.
    slope, step = sigma * drive * earliness * float(relaxed[best]), (plus - minus) / 2
    variance = n * (4 / 3 * slope**2 + 2 * math.sqrt(2 / math.pi) * slope * step + step**2)
    return float(sigma * _MEANS[best]), math.sqrt(variance)

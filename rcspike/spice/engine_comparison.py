"""Comparison of the engine with ngspice: a layer, or a network in which the spikes of one SPICE layer feed the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.chips import Chip, ChipLayer
from rcspike.circuit import Circuit
from rcspike.energy import PhysicalScale
from rcspike.functional.neuron_kinds import supported
from rcspike.network import Dense, LayeredNetwork, LayerResult, Network, ResistiveLayer, Wiring, layer_with
from rcspike.neurons import NeuronKind, Phases, neuron_kind, single_phase
from rcspike.spice.fitted_corner import in_corner
from rcspike.spice.ideal_netlist import layer_conductances
from rcspike.spice.layer_simulation import Measured, simulate_layer
from rcspike.spice.loaded_columns import column_voltages
from rcspike.spice.resistor_bodies import ResistorBody
from rcspike.spice.transistors import Transistors


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results of the engine and of SPICE for some neurons of a layer and one sample.

    Voltages are those at the end of the charging phase, in V_th; spike times count from there, in T, and are ``inf``
    for silent neurons. In a single phase, spike times count from the start; voltages, and the energy, are those of
    membranes that charge until the simulation ends, since nothing resets them at their spikes.
    """

    layer: int  # counted from 1
    neurons: npt.NDArray[np.int64]  # (n,) indices in the layer
    times: Float64Array  # (n_in,) input spike times of the engine, in T
    simulated: ResistiveLayer | ChipLayer  # these neurons by the engine, in float64
    circuit: Circuit
    scale: PhysicalScale
    v: Float64Array  # (n,) by the engine
    t_out: Float64Array  # (n,)
    v_spice: Float64Array  # (n,)
    t_out_spice: Float64Array  # (n,)
    energy: float  # that the rails spend on these synapses and, of transistors, on their switches, in C V_th^2
    energy_spice: float
    measured: Measured  # all results of SPICE, in SI units
    phases: Phases = "two"  # kind of the neurons
    until: float | None = None  # in T, the end of the simulation of neurons for which it can be chosen

    @property
    def v_error(self) -> Float64Array:
        """(n,) SPICE minus engine, in V_th."""
        return self.v_spice - self.v

    @property
    def t_error(self) -> Float64Array:
        """(n_spiking,) SPICE minus engine, in T, as `spike_time_errors` counts them."""
        return spike_time_errors(self.t_out_spice, self.t_out, end=self.end - self.start)

    @property
    def kind(self) -> NeuronKind:
        """The kind of the neurons."""
        return neuron_kind(self.phases)

    @property
    def start(self) -> int:
        """Time in T from which output spikes count."""
        return self.kind.starts(1)[-1]

    @property
    def end(self) -> float:
        """Time in T at which the simulation ends."""
        return self.kind.end(self.until)


def spike_time_errors(t: FloatArray, t_ref: FloatArray, *, end: float = 1.0) -> Float64Array:
    """Differences of output spike times, (n_spiking,), of neurons that spike within the phase in either of two runs.

    The phase is from 0 to `end`, in T.

    Those that both call silent or saturated would only flatter the mean. One that is silent in one of them counts as a
    spike at the end of the phase there, as the next layer receives it.

    Examples
    --------
    >>> spike_time_errors(np.array([0.31, 0.9, np.inf, 0.0]), np.array([0.3, np.inf, np.inf, 0.0])).round(2)
    array([ 0.01, -0.1 ])
    """
    t, t_ref = np.minimum(t, end), np.minimum(t_ref, end)
    within = ((t > 0) & (t < end)) | ((t_ref > 0) & (t_ref < end))
    return np.asarray((t - t_ref)[within], dtype=np.float64)


def input_times(network: LayeredNetwork, times: FloatArray, layer: int) -> Float64Array:
    """Spike times (batch, n_rows) that the engine feeds to the synapses of a layer, counted from 1, in float64.

    Of a convolution they are those of all inputs, or of all windows of joined ones. A ValueError if the network has no
    such layer.

    Examples
    --------
    >>> network = Network([np.array([[0.5]]), np.array([[1.0]])], Circuit.conventional())
    >>> input_times(network, np.array([[0.0]]), 2)
    array([[0.5]])
    """
    _check_layer(network, layer)
    (found,) = (result for result in _exact_walk(network, times) if result.depth + 1 == layer)
    wiring: Wiring = layer_with(found.layer, "neurons", "SPICE").neurons([0]).wiring
    return wiring.rows(found.times).astype(np.float64)


def _exact_walk(network: LayeredNetwork, times: FloatArray) -> Iterator[LayerResult]:
    """The engine's results of each layer, in float64."""
    layers = tuple(layer_with(layer, "astype", "SPICE").astype(np.float64) for layer in network.layers)
    exact = replace(network, layers=layers) if isinstance(network, Chip) else Network.of_layers(layers)
    return exact.walk(times)


def modelled_diode(circuit: Circuit) -> str:
    """The diode that the engine models in series with each resistor: a ``"constant"`` drop, or ``"none"``.

    Examples
    --------
    >>> modelled_diode(Circuit(v_syn=2.0, diode_drop=0.5))
    'constant'
    """
    return "constant" if circuit.diode_drop else "none"


def _check_layer(network: LayeredNetwork, layer: int) -> None:
    if not 1 <= layer <= len(network.layers):
        raise ValueError(f"layer must be in [1, {len(network.layers)}], got {layer}")


def rail_energy(
    layer: ResistiveLayer | ChipLayer, times: FloatArray, scale: PhysicalScale, design: Transistors
) -> Float64Array:
    """Energy that the rails of transistors spend on each neuron by the engine, (batch, n_out) in J.

    It includes the charge that opening switches leave on a membrane, if the circuit of the layer has an injection.
    Voltages of a fitted circuit are in units in which its ramp takes T, and not in V_th: the distance of its rails is a
    known number of volts, that of the design.

    Parameters
    ----------
    layer : ResistiveLayer or ChipLayer
        In the circuit as designed, or as fitted.
    times : (batch, n_in)
        Input spike times in T.
    scale : PhysicalScale
        That of its resistors, whose capacitance belongs to the circuit: as designed, or as fitted.

    Examples
    --------
    A membrane of 1 pF that a resistor charges to 0.45 V of the same rail by 1 - 1/e takes 0.128 pJ:

    >>> from pathlib import Path
    >>> from rcspike.spice import Pdk
    >>> design = Transistors(pdk=Pdk(folder=Path("nowhere")))
    >>> layer = ResistiveLayer(np.array([[1.0]]), Circuit(v_syn=1.0))
    >>> print(f"{rail_energy(layer, np.array([[0.0]]), design.scale, design).item():.4g}")
    1.28e-13
    """
    circuit, (v_plus, v_minus) = layer.circuit, design.rails
    delivered = [
        np.asarray(q, dtype=np.float64) + opened
        for q, opened in zip(layer.supply_charge(times), layer.switch_charge(times), strict=True)
    ]
    coulombs = scale.capacitance * (v_plus - v_minus) / (circuit.e_plus - circuit.e_minus)
    return coulombs * (v_plus * delivered[0] + v_minus * delivered[1])


def compare_layer(
    network: LayeredNetwork,
    times: FloatArray,
    layer: int,
    *,
    neurons: Sequence[int] | None = None,
    scale: PhysicalScale | Sequence[PhysicalScale] | None = None,
    diode: str | None = None,
    workers: int | None = None,
    transistors: Transistors | Sequence[Transistors | None] | None = None,
    progress: Callable[[int], object] | None = None,
    junction: tuple[float, float] = (0.0, 0.0),
    fitted: Transistors | None = None,
    body: ResistorBody | None = None,
) -> Comparison:
    """Simulate neurons of one layer with ngspice and with the engine.

    Parameters
    ----------
    network : Network or Chip
        Of a chip, devices in pairs that are as designed but for their conductances.
    times : (n_in,)
        Input spike times of the network, in T.
    layer : int
        Counted from 1.
    neurons : sequence of int, optional
        Which neurons of the layer; all by default.
    scale : PhysicalScale, or one for each layer, optional
        Of the resistors.
    diode : str, optional
        As in `rcspike.spice.library`; by default the diode of the engine (`modelled_diode`).
    workers : int, optional
        Number of simulators at a time; by default the number of cores.
    transistors : Transistors, or one for each layer, optional
        Simulate columns of transistors. Their design has its own rails and scale; `scale` is that of the resistors.
    progress : callable, optional
        Called with the number of neurons whenever some are done.
    junction : (float, float)
        Compare with columns whose rows load the membrane while they do not conduct (`rcspike.spice.column_voltages`),
        in F to the upper and to the lower rail, in place of the engine's own layer.
    fitted : Transistors, optional
        Design whose circuit the network has been fitted to. Compare with what another corner or temperature of
        `transistors` makes of it (`rcspike.spice.in_corner`).
    body : ResistorBody, optional
        Of the resistors of ideal parts, as in `rcspike.spice.layer_netlist`; the engine computes columns without it.
        What it computes is the load of the circuit.

    Raises
    ------
    ValueError
        If there is no such layer or neuron, or as in `rcspike.spice.layer_conductances`.
    FileNotFoundError, RuntimeError
        If ngspice is missing or fails.

    Examples
    --------
    >>> network = Network([np.array([[0.5]])], Circuit(v_syn=1.0))
    >>> compare_layer(network, np.array([0.2]), 1).v_error.round(4)  # doctest: +SKIP
    array([0.])
    """
    _check_layer(network, layer)
    n_out = network.layers[layer - 1].n_out
    chosen = np.arange(n_out) if neurons is None else np.asarray(neurons, dtype=np.int64)
    if np.any((chosen < 0) | (chosen >= n_out)):
        raise ValueError(
            f"layer {layer} has neurons 0 to {n_out - 1}, got {chosen[(chosen < 0) | (chosen >= n_out)][0]}"
        )
    result = next(one for one in _exact_walk(network, times[np.newaxis]) if one.depth + 1 == layer)
    options = _of(scale, result), diode, workers, _of(transistors, result), progress, junction, fitted, body
    return _compare(result, chosen, *options)


def compare_network(
    network: LayeredNetwork,
    times: FloatArray,
    *,
    scale: PhysicalScale | Sequence[PhysicalScale] | None = None,
    diode: str | None = None,
    workers: int | None = None,
    transistors: Transistors | Sequence[Transistors | None] | None = None,
    progress: Callable[[int], object] | None = None,
    junction: tuple[float, float] = (0.0, 0.0),
    fitted: Transistors | None = None,
    body: ResistorBody | None = None,
) -> list[Comparison]:
    """Simulate one sample in a whole network with SPICE: the spikes of one SPICE layer drive the next.

    The engine uses its own spikes in every layer, so that the last layer shows the accumulated difference.

    Errors as in `compare_layer`.

    Parameters
    ----------
    times : (n_in,)
        Input spike times, in T.
    scale, diode, workers, transistors, progress, junction, fitted, body
        As in `compare_layer`; with a junction or another corner, the spikes of such columns drive the next ones.

    Returns
    -------
    list of Comparison, one for each layer

    Examples
    --------
    >>> network = Network([np.array([[0.5]]), np.array([[1.0]])], Circuit(v_syn=1.0))
    >>> [c.v_error.round(4) for c in compare_network(network, np.array([0.2]))]  # doctest: +SKIP
    [array([0.]), array([0.])]
    """
    comparisons: list[Comparison] = []
    for result in _exact_walk(network, times[np.newaxis]):
        spikes = comparisons[-1].t_out_spice if comparisons else None
        neurons = np.arange(result.layer.n_out)
        if comparisons and (junction != (0, 0) or fitted is not None):
            result = replace(result, spikes=comparisons[-1].t_out[np.newaxis])
        options = _of(scale, result), diode, workers, _of(transistors, result), progress, junction, fitted, body
        comparisons.append(_compare(result, neurons, *options, spice_times=spikes))
    return comparisons


_Part = TypeVar("_Part", PhysicalScale, Transistors)


def _of(parts: _Part | Sequence[_Part | None] | None, result: LayerResult) -> _Part | None:
    """That of the layer of a result, of one for all layers or one for each."""
    return parts[result.depth] if isinstance(parts, Sequence) else parts


def _compare(
    result: LayerResult,
    neurons: npt.NDArray[np.int64],
    scale: PhysicalScale | None,
    diode: str | None,
    workers: int | None,
    transistors: Transistors | None,
    progress: Callable[[int], object] | None,
    junction: tuple[float, float],
    fitted: Transistors | None,
    body: ResistorBody | None,
    *,
    spice_times: Float64Array | None = None,
) -> Comparison:
    """Engine and SPICE on neurons of one layer; SPICE gets the engine's inputs unless it is given its own."""
    scale = scale or PhysicalScale()
    part: ResistiveLayer | ChipLayer = layer_with(result.layer, "neurons", "SPICE").neurons(neurons)
    inputs, chosen = part.wiring.rows(result.times), replace(part, wiring=Dense())
    if fitted is not None and transistors is not None:
        chosen, scale = in_corner(layer_with(chosen, "rescaled", "another corner"), scale, fitted, transistors)
    circuit = chosen.circuit
    engine = _ENGINES(chosen.phases)(chosen, inputs, spice_times, scale, junction)
    q_plus, q_minus = engine.charges
    energy = float(np.sum(circuit.e_plus * q_plus + circuit.e_minus * q_minus))
    if transistors is not None:
        energy = float(np.sum(rail_energy(chosen, inputs, scale, transistors))) / scale.joules(1.0)
    g_plus, g_minus = layer_conductances(chosen, scale)
    measured = simulate_layer(
        inputs[0] if spice_times is None else part.wiring.rows(spice_times[np.newaxis])[0],
        g_plus,
        g_minus,
        circuit,
        scale,
        diode=diode or modelled_diode(circuit),
        phases=chosen.phases,
        until=engine.until,
        workers=workers,
        transistors=transistors,
        names=neurons.tolist(),
        layer=result.depth + 1,
        membranes=g_plus.shape[1] // len(neurons),
        body=body,
        progress=progress,
    )
    # Units of what SPICE measured: of the design, or of the circuit that the engine computes.
    real = scale if transistors is None else transistors.scale
    return Comparison(
        layer=result.depth + 1,
        neurons=neurons,
        times=inputs[0],
        simulated=chosen,
        circuit=circuit,
        scale=scale,
        v=engine.v[0],
        t_out=engine.t_out,
        v_spice=measured.v_end / real.v_th,
        t_out_spice=measured.t_out / real.window - neuron_kind(chosen.phases).starts(1)[-1],
        energy=energy,
        energy_spice=measured.energy / scale.joules(1.0),
        measured=measured,
        phases=chosen.phases,
        until=engine.until,
    )


@dataclass(frozen=True, eq=False)
class _ByEngine:
    """Some neurons of a layer and one sample by the engine."""

    v: FloatArray  # (1, n) at the end of charging in V_th
    t_out: Float64Array  # (n,) in T
    charges: tuple[FloatArray, FloatArray]  # (1, n) that the rails deliver, in C V_th
    until: float | None  # end of the simulation, if it can be chosen


def _through_both_phases(
    layer: ResistiveLayer | ChipLayer,
    inputs: FloatArray,
    spice_times: Float64Array | None,
    scale: PhysicalScale,
    junction: tuple[float, float],
) -> _ByEngine:
    v = layer.charge(inputs)
    if junction != (0, 0):
        columns = layer_conductances(layer, scale)
        of_columns = column_voltages(inputs, *columns, layer.circuit, scale, junction=junction)
        v = of_columns.reshape(len(of_columns), layer.n_out, -1).mean(axis=2)
    return _ByEngine(v, layer.fire(v)[0], layer.supply_charge(inputs), None)


def _until_the_last_spike(
    layer: ResistiveLayer | ChipLayer,
    inputs: FloatArray,
    spice_times: Float64Array | None,
    scale: PhysicalScale,
    junction: tuple[float, float],
) -> _ByEngine:
    """Membranes that charge until just after the last spike, or until an inference is given up."""
    t_out = layer.first_spike(inputs)[0]
    spikes = t_out if spice_times is None else np.concatenate([t_out, spice_times])
    until = 1.02 * float(spikes[spikes <= single_phase.GIVEN_UP].max(initial=1.0)) + 0.05
    t_out[t_out > until] = np.inf
    charging = layer_with(layer, "charging", "a single phase in SPICE").charging(until)
    return _ByEngine(charging.charge(inputs / until), t_out, charging.supply_charge(inputs / until), until)


_ENGINES = supported("a comparison with SPICE", two=_through_both_phases, single=_until_the_last_spike)

"""Energy of an inference in joules, part by part, compared with a conventional circuit under the same assumptions.

The activity of a network is counted once, exactly and in normalised units (`activity`); its energy follows from the
constants of the circuit (`EnergyModel`, `energy_parts`). The formulas and the sources of the constants: docs/energy.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rcspike._common.arrays import FloatArray
from rcspike._common.numbers import number
from rcspike.circuit import Circuit
from rcspike.hardware.physical import PhysicalScale
from rcspike.network import LayeredNetwork, layer_with

__all__ = ["PARTS", "Activity", "EnergyModel", "activity", "energy_parts", "mean_energy", "tops_per_watt"]

# The parts of an inference's energy, in the order in which a signal meets them.
PARTS = ("axon lines", "positive synapses", "negative synapses", "op-amps", "ramp", "comparators", "reset")

_BOLTZMANN = 1.380649e-23  # J/K, exact by the SI's definition


@dataclass(frozen=True, kw_only=True)
class EnergyModel:
    """Constants of the circuit around the synapses, in SI units.

    The defaults are of the SKY130 process: published values where they exist, otherwise derived from its device models
    or assumed; docs/energy.md lists the source of each.

    Parameters
    ----------
    scale : PhysicalScale
        Membrane capacitance, window and threshold.
    v_logic : float
        Supply of comparators, op-amps and switches in V.
    v_ramp : float
        Supply of the ramp's current source, seen from the resting voltage, in V.
    line_capacitance : float
        Capacitance in F of an axon line per neuron that it passes: the junction of a synapse's diode and some metal. An
        input has a line for each rail, and its spike takes both from rest to their rails.
    reset_capacitance : float
        Capacitance in F of the gate of a neuron's reset switch.
    comparator_current : float
        Bias of a comparator in A, which flows in the firing phase.
    comparator_noise : float
        Noise of the comparator, at its input, in V rms.
    temperature : float
        Temperature in K.
    headroom : float
        Only for the conventional circuit: voltage in V that its current sources need above V_th and below -V_th.
    opamp_current : float
        Only for the conventional circuit: bias of a neuron's op-amp in A, which flows in both phases. The default is an
        assumption that decides the comparison: it makes the op-amps four fifths of the conventional circuit's energy.

    Raises
    ------
    TypeError
        If a value is not a number, or `scale` is not a `rcspike.PhysicalScale`.
    ValueError
        If a value is negative or not finite, or the temperature not above 0.

    Examples
    --------
    Noise of the capacitor and of a comparator of 1 mV, in T:

    >>> round(EnergyModel().spike_time_noise, 5)
    0.00116
    """

    scale: PhysicalScale = field(default_factory=PhysicalScale)
    v_logic: float = 1.8
    v_ramp: float = 1.3
    line_capacitance: float = 1.6e-15
    reset_capacitance: float = 1.7e-15
    comparator_current: float = 50e-9
    comparator_noise: float = 1e-3
    temperature: float = 300.0
    headroom: float = 0.2
    opamp_current: float = 1.4e-6

    def __post_init__(self) -> None:
        if not isinstance(self.scale, PhysicalScale):
            raise TypeError(f"scale must be a PhysicalScale, got {self.scale!r}")
        for one in fields(self):
            if one.name == "scale":
                continue
            value = number(one.name, getattr(self, one.name))
            object.__setattr__(self, one.name, value)
            if not 0 <= value < math.inf:
                raise ValueError(f"{one.name} must be finite and not negative, in SI units, got {value}")
        if self.temperature == 0:
            raise ValueError("temperature must be above 0, in K, got 0")

    def supplies(self, circuit: Circuit) -> tuple[float, float]:
        """Voltages of the rails, seen from the resting voltage, in V; for an infinite one that of current sources.

        Examples
        --------
        >>> EnergyModel().supplies(Circuit(v_syn=1.0))
        (0.872, -0.872)
        """
        sources = self.scale.v_th + self.headroom
        plus, minus = (
            math.copysign(sources, e) if math.isinf(e) else self.scale.volts(e)
            for e in (circuit.e_plus, circuit.e_minus)
        )
        return plus, minus

    @property
    def spike_time_noise(self) -> float:
        """Standard deviation sigma_t in T of the spikes that the ramp and the comparator make.

        kT/C noise of the membrane and the comparator's own, in V, over the slope of the ramp, V_th / T. A floor that
        does not sink with the rails.
        """
        of_capacitor = _BOLTZMANN * self.temperature / self.scale.capacitance
        return math.sqrt(of_capacitor + self.comparator_noise**2) / self.scale.v_th

    @property
    def period(self) -> float:
        """Time from one inference to the next in s, in which a neuron charges, fires and is reset, a window T each."""
        return 3 * self.scale.window


@dataclass(frozen=True)
class Activity:
    """Activity of a network for each sample and layer, in normalised units; arrays are (batch, n_layers).

    Parameters
    ----------
    q_plus, q_minus : array
        Charge that the rails deliver through the synapses, summed over the neurons, in C V_th; the first is not
        negative, the second not positive.
    q_ramp : array
        Charge that the ramps deliver until each neuron fires or the phase is over, in C V_th.
    spikes : array
        Number of input spikes.
    sizes : tuple of int
        As `rcspike.Network.sizes`.
    """

    q_plus: npt.NDArray[np.float64]
    q_minus: npt.NDArray[np.float64]
    q_ramp: npt.NDArray[np.float64]
    spikes: npt.NDArray[np.int64]
    sizes: tuple[int, ...]


def activity(
    network: LayeredNetwork,
    times: FloatArray,
    *,
    noise: float = 0.0,
    seed: int | None = None,
    threads: int | None = None,
) -> Activity:
    """Count charges and spikes of a forward pass.

    Parameters
    ----------
    network : Network
        Or another network whose layers have a `supply_charge`.
    times : (batch, n_in)
        Input spike times in T.
    noise, seed, threads
        As in `rcspike.Network.forward`.

    Raises
    ------
    TypeError, ValueError
        As in `rcspike.Network.forward`; also if the layers cannot compute the charge of the rails.

    Examples
    --------
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit.conventional())
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> done.q_plus, done.q_minus, done.q_ramp, done.spikes
    (array([[0.5]]), array([[-0.25]]), array([[0.75]]), array([[2]]))
    """
    charges: list[list[npt.NDArray[np.float64]]] = []
    spikes = []
    for result in network.walk(times, noise=noise, seed=seed, threads=threads):
        spikes.append(np.count_nonzero(result.layer.wiring.rows(result.times) <= 1, axis=1))
        of_rails = layer_with(result.layer, "supply_charge", "energy").supply_charge(result.times, threads=threads)
        of_layer = (*of_rails, _ramp_charge(result.v, result.layer.circuit.ramp))
        charges.append([q.sum(axis=1, dtype=np.float64) for q in of_layer])
    q_plus, q_minus, q_ramp = (np.stack(layers, axis=1) for layers in zip(*charges, strict=True))
    return Activity(q_plus, q_minus, q_ramp, spikes=np.stack(spikes, axis=1), sizes=network.sizes)


def energy_parts(
    done: Activity, circuit: Circuit, model: EnergyModel | None = None
) -> dict[str, npt.NDArray[np.float64]]:
    """Energy of each part, sample and layer.

    On infinite rails it is the energy of a conventional circuit, with current sources and an op-amp for each neuron. To
    compare it with an RC-Spike circuit, compute the energy of that circuit's activity on ``Circuit.conventional()``:
    the same spikes and charges, and so the same function, from the supplies that current sources need.

    Parameters
    ----------
    done : Activity
    circuit : Circuit
        The circuit whose rails supply the charge.
    model : EnergyModel, optional

    Returns
    -------
    dict
        Maps each name in ``PARTS`` to energies in J, (batch, n_layers).

    Examples
    --------
    >>> network = Network([np.array([[0.5], [-0.25]])], Circuit(v_syn=1.0))
    >>> done = activity(network, np.array([[0.0, 0.0]]))
    >>> for circuit in (network.circuit, Circuit.conventional()):
    ...     print(f"{1e15 * mean_energy(energy_parts(done, circuit)):.0f} fJ")
    308 fJ
    5369 fJ
    """
    model = model or EnergyModel()
    scale = model.scale
    plus, minus = model.supplies(circuit)
    n_out = np.array(done.sizes[1:])
    unit_charge = scale.capacitance * scale.v_th
    bias = model.v_logic * scale.window * n_out  # J for each A that flows for one window in every neuron
    opamps = 2 * bias * model.opamp_current if math.isinf(circuit.e_plus) and math.isinf(circuit.e_minus) else 0 * bias
    each = np.ones((len(done.spikes), 1))
    return {
        "axon lines": done.spikes * n_out * model.line_capacitance * (plus**2 + minus**2),
        "positive synapses": done.q_plus * unit_charge * plus,
        "negative synapses": done.q_minus * unit_charge * minus,
        "op-amps": each * opamps,
        "ramp": done.q_ramp * unit_charge * model.v_ramp,
        "comparators": each * bias * model.comparator_current,
        "reset": each * n_out * model.reset_capacitance * model.v_logic**2,
    }


def mean_energy(parts: Mapping[str, npt.NDArray[np.float64]]) -> float:
    """Energy of an inference in J: all parts and layers, mean over the samples.

    Parameters
    ----------
    parts : mapping
        Energies as `energy_parts` returns them.

    Examples
    --------
    >>> mean_energy({"ramp": np.array([[1.0, 2.0], [3.0, 4.0]]), "reset": np.ones((2, 2))})
    7.0
    """
    return float(sum(joules.sum(axis=1) for joules in parts.values()).mean())


def tops_per_watt(joules: float, sizes: tuple[int, ...]) -> float:
    """Energy efficiency in 10^12 operations per joule; each synapse, active or not, counts as a product and a sum.

    Parameters
    ----------
    joules : float
        Energy of one inference in J.
    sizes : tuple of int
        As `rcspike.Network.sizes`.

    Examples
    --------
    >>> round(tops_per_watt(1e-9, (784, 200, 200, 10)), 1)
    397.6
    """
    return 2e-12 * sum(a * b for a, b in pairwise(sizes)) / joules


def _ramp_charge(v: FloatArray, ramp: float) -> FloatArray:
    """Voltage that the ramp adds to each membrane: up to the threshold, or during the whole window.

    In a whole window the ramp takes v to (1 - (1 - b v) (1 - b)) / b.
    """
    rest: FloatArray = np.where(v > 0, np.maximum(1 - v, 0), 1 - ramp * v)
    return rest

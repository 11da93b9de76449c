"""A design in its process: the constants that follow from it, its circuit, and what differs from chip to chip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rcspike.chips import CapacitorMismatch, ComparatorOffset, Effect, Jitter, Levels, WireResistance
from rcspike.circuit import Circuit
from rcspike.energy import Hold, OperatingPoint, Process
from rcspike.energy.operating_point_in_volts import drawn_capacitance
from rcspike.energy.switch_transistor import CORNERS

__all__ = ["CORNERS", "Design", "design_effects", "designed_circuit", "designed_process"]

# Of the comparator of sky130-poly: 29.5 ns on a ramp of 0.45 V/us, 10.5 ns on one of 4.5 V/us; and with tails of 1, 2
# and 4 uA 10.5, 8.5 and 7.1 ns, with energies in proportion to the tail (docs/synapse-devices.md).
_DELAY_BY_SLOPE, _DELAY_BY_SIZE = -0.45, -0.28
_COMPARATOR_AREA = 100e-12  # m2, an assumption: a third of the 300 um2 of a neuron in sky130
_CAPACITOR_MISMATCH = 0.028e-6  # m: the MIM capacitors of SKY130 have 2.8 % um over the root of their area


@dataclass(frozen=True, kw_only=True)
class Design:
    """Values of the parameters that a search may choose; None stands for that of the process.

    Neurons have two phases: those of a single one are not trained with offsets.

    Parameters
    ----------
    hidden : str
        Hidden layers, such as ``100-50`` or ``conv16-pool-64``.
    v_syn : float
        Rails in V_th.
    hold : {"rails", "threshold"}
        What V_syn leaves as it is: the rails in V, so that it lowers the threshold, or the threshold.
    threshold, rail : float, optional
        Highest threshold, and rails of the synapses, in V from the resting voltage.
    capacitance : float, optional
        Of the capacitor that is drawn for each neuron, in F.
    window : float, optional
        T in s.
    min_conductance, max_conductance : float, optional
        Of a device, in S.
    bits : int
        Of the levels to which a device can be programmed; 0 is any conductance.
    resistor_width : float
        Width of the resistors over that of the process: at w times the width, a resistance has w^2 times the area and
        the body, and 1/w of the mismatch.
    comparator_size : float
        Of the comparators over that of the process: a size s has s times the current and area, 1/sqrt(s) of noise and
        offset, and s^-0.28 of the delay.
    energy_penalty : float
        Of the training.

    Examples
    --------
    >>> Design(hidden="100", v_syn=1.2).bits
    0
    """

    hidden: str
    v_syn: float = 1.0
    hold: Hold = "rails"
    threshold: float | None = None
    rail: float | None = None
    capacitance: float | None = None
    window: float | None = None
    min_conductance: float | None = None
    max_conductance: float | None = None
    bits: int = 0
    resistor_width: float = 1.0
    comparator_size: float = 1.0
    energy_penalty: float = 0.0


def designed_process(design: Design, process: Process) -> Process:
    """The process with the constants of a design.

    A drawn capacitor is that of all layers. The current of a ramp's reference goes with C V_th / T, the delay of the
    comparators with the slope of the ramp to the power of -0.45; all other constants are those of the process.

    Raises
    ------
    ValueError
        If the supply cannot give the voltages, or a device has no range.

    Examples
    --------
    >>> from rcspike.energy import load_process
    >>> poly = load_process("sky130-poly")
    >>> made = designed_process(Design(hidden="100", window=200e-9, comparator_size=4.0), poly)
    >>> f"{made.comparator_delay:.2e} s, {made.comparator_offset:.2e} V, {made.reference_current:.2e} A"
    '7.78e-09 s, 2.35e-03 V, 2.30e-05 A'
    """
    p, d = process, design
    given = {
        "v_th": d.threshold,
        "v_rail": d.v_syn * (d.threshold or p.v_th) if d.hold == "threshold" else d.rail,
        "window": d.window,
        "capacitance": d.capacitance,
        "capacitance_per_row": None if d.capacitance is None else 0.0,
        "device_min_conductance": d.min_conductance,
        "device_max_conductance": d.max_conductance,
    }
    made = p.with_values(**{name: value for name, value in given.items() if value is not None})
    slope = (made.v_th / made.window) / (p.v_th / p.window)
    ramp = slope * drawn_capacitance(made, 1) / drawn_capacitance(p, 1)
    w, s = d.resistor_width, d.comparator_size
    values = {
        "comparator_delay": p.comparator_delay * slope**_DELAY_BY_SLOPE * s**_DELAY_BY_SIZE,
        "comparator_current": p.comparator_current * s,
        "comparator_noise": p.comparator_noise / math.sqrt(s),
        "comparator_offset": p.comparator_offset / math.sqrt(s),
        "neuron_area": p.neuron_area + (s - 1) * _COMPARATOR_AREA,
        "reference_current": p.reference_current * ramp,
        "device_area": p.device_area * w**2,
        "device_area_per_ohm": p.device_area_per_ohm * w**2,
        "device_capacitance_per_ohm": p.device_capacitance_per_ohm * w**2,
        "device_mismatch_by_size": p.device_mismatch_by_size / w,
    }
    return made.with_values(**{name: value for name, value in values.items() if value != getattr(p, name)})


def designed_circuit(design: Design) -> Circuit:
    """The normalised circuit of a design, before the process adds switches and bodies to it."""
    return Circuit(v_syn=design.v_syn)


def design_effects(design: Design, point: OperatingPoint, rows: Sequence[int]) -> tuple[Effect, ...]:
    """What differs from chip to chip and from spike to spike, beyond the devices of the process.

    Offsets and noise of the comparators, capacitors, levels of the devices, and the wire of a column, which is exact;
    rows that load a membrane by their bodies are not modelled together with a wire, so that there is none.

    Parameters
    ----------
    point : OperatingPoint
    rows : sequence of int
        Rows of the columns of each layer; the noise is that of the narrowest layer, which has the most.

    Examples
    --------
    >>> from rcspike.energy import load_process, operating_point
    >>> design = Design(hidden="100")
    >>> point = operating_point(designed_circuit(design), load_process("sky130-poly"))
    >>> [effect.name for effect in design_effects(design, point, [784, 100])]
    ['capacitor_mismatch', 'comparator_offset', 'jitter']
    """
    p = point.process
    area = min(drawn_capacitance(p, n) for n in rows) / p.capacitor_density
    effects: list[Effect] = [Levels(bits=design.bits)] if design.bits else []
    effects += [
        CapacitorMismatch(sigma=_CAPACITOR_MISMATCH / math.sqrt(area)),
        ComparatorOffset(sigma=point.thresholds(p.comparator_offset)),
        Jitter(sigma=max(point.spike_time_noise(n) for n in rows)),
    ]
    loads = p.device_capacitance_per_ohm or p.switch_junction_plus or p.switch_junction_minus
    if p.wire_resistance and not loads:
        # In T / C; the layers differ in C, and the effect has one value: that of the largest, in which it does most.
        unit = max(float(point.scale(n).siemens(1.0)) for n in rows)
        effects.append(WireResistance(resistance=p.wire_resistance * unit))
    return tuple(effects)

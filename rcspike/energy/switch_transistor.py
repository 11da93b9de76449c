"""The switch of a synapse as a transistor of SKY130: what it leaks while it is open, and the charge of its opening.

Minimum transistors of 0.42 um by 0.25 um; a wider switch is several of them. The constants were fitted for this project
to ngspice 44.2 with the published models (package sky130 0.15.3): docs/spice.md has conditions, command and errors.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import NamedTuple

from rcspike.energy.process import Process

CORNERS = ("tt", "ss", "ff", "sf", "fs")
_DEVICES = ("nfet_01v8", "pfet_01v8")
_WIDTH = 0.42e-6  # m
_BOLTZMANN = 8.617333262e-5  # V/K
_ZERO_CELSIUS, _NOMINAL = 273.15, 27.0


class _Channel(NamedTuple):
    """Current below threshold: i0 (T/T0)^2 exp(-(v_t - k (T - T0) - dibl v + body b) / (n kT/q)) a width."""

    log_i0: float  # of A/m
    v_t: float  # V
    k: float  # V/K
    dibl: float
    n: float
    body: float


class _Junction(NamedTuple):
    """Current of the reverse drain junction: i0 exp(-e (1/T - 1/T0) q/k) a width."""

    log_i0: float  # of A/m
    e: float  # eV


_CHANNELS = MappingProxyType(
    {
        ("nfet_01v8", "tt"): _Channel(-1.15499, 0.62123, 0.00040, 0.02322, 1.41421, 1.47425),
        ("nfet_01v8", "ss"): _Channel(-1.45886, 0.67272, 0.00037, 0.02068, 1.36107, 1.48444),
        ("nfet_01v8", "ff"): _Channel(-0.70797, 0.58802, 0.00047, 0.02689, 1.47214, 1.43352),
        ("nfet_01v8", "sf"): _Channel(-0.61000, 0.56667, 0.00047, 0.02625, 1.50032, 1.41781),
        ("nfet_01v8", "fs"): _Channel(-0.77113, 0.75669, 0.00056, 0.02029, 1.34796, 1.39606),
        ("pfet_01v8", "tt"): _Channel(1.51744, 0.66767, 0.00095, 0.02468, 1.28654, 1.34708),
        ("pfet_01v8", "ss"): _Channel(0.91036, 0.72455, 0.00087, 0.02337, 1.25755, 1.36847),
        ("pfet_01v8", "ff"): _Channel(1.84766, 0.58116, 0.00092, 0.02898, 1.44861, 1.27886),
        ("pfet_01v8", "sf"): _Channel(1.03519, 0.81321, 0.00095, 0.02629, 1.29170, 1.16994),
        ("pfet_01v8", "fs"): _Channel(1.74660, 0.54324, 0.00086, 0.03214, 1.51934, 1.25379),
    }
)
_JUNCTIONS = MappingProxyType({"nfet_01v8": _Junction(-20.29792, 0.98051), "pfet_01v8": _Junction(-20.45704, 1.00178)})


def off_current(device: str, voltage: float, *, back: float = 0.0, corner: str = "tt", celsius: float = 27.0) -> float:
    """Current in A of a minimum switch that is open, from its rail to its resistor.

    Parameters
    ----------
    device : {"nfet_01v8", "pfet_01v8"}
        To the lower and to the upper rail.
    voltage : float
        Between rail and resistor in V, not negative.
    back : float
        By how much the gate and the bulk are beyond the rail in V: the supply of a pfet above the upper rail, the lower
        rail of an nfet above ground.
    corner : {"tt", "ss", "ff", "sf", "fs"}
        Of nfet and pfet.
    celsius : float
        From 0 to 110.

    Raises
    ------
    ValueError
        If a value is out of its range.

    Notes
    -----
    Within 15 % of ngspice, or 0.01 pA, at voltages from 0.3 to 1.35 V, `back` up to 0.45 V and 27, 40 and 85 C, where
    only other points were used for the constants. Above 1.4 V the field at the gate adds up to 0.15 pA to a pfet.

    Examples
    --------
    On rails of 0.872 V around 0.9 V, 28 mV within the supply, at 27 C and at 85 C in the fast corner:

    >>> [f"{off_current('pfet_01v8', 0.872, back=0.028, **at):.1e}" for at in ({}, {"corner": "ff", "celsius": 85.0})]
    ['2.8e-15', '2.3e-11']
    """
    for name, value, known in (("device", device, _DEVICES), ("corner", corner, CORNERS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    for name, number, low, high in (("voltage", voltage, 0, 1.8), ("back", back, 0, 0.9), ("celsius", celsius, 0, 110)):
        if not low <= number <= high:
            raise ValueError(f"{name} must lie in [{low}, {high}], got {number}")
    c, j = _CHANNELS[device, corner], _JUNCTIONS[device]
    kelvin, nominal = celsius + _ZERO_CELSIUS, _NOMINAL + _ZERO_CELSIUS
    thermal = _BOLTZMANN * kelvin
    barrier = c.v_t - c.k * (celsius - _NOMINAL) - c.dibl * voltage + c.body * back
    channel = math.exp(c.log_i0 - barrier / (c.n * thermal)) * (kelvin / nominal) ** 2 * -math.expm1(-voltage / thermal)
    junction = math.exp(j.log_i0 - j.e / _BOLTZMANN * (1 / kelvin - 1 / nominal))
    return _WIDTH * (channel + junction * -math.expm1(-(voltage + back) / thermal))


class SwitchCharge(NamedTuple):
    """What a switch leaves on the membrane as it opens.

    Parameters
    ----------
    gate : float
        Charge in C, positive of a switch to the upper rail and negative of one to the lower rail.
    junction : float
        Capacitance in F that then is at its rail, and shares its charge with the membrane.
    """

    gate: float
    junction: float


_GATES = MappingProxyType(  # in fC, fC/V and fF
    {"pfet_01v8": (0.1288, 0.0406, 0.2380), "nfet_01v8": (-0.2314, 0.0550, 0.3139)}
)


def switch_charge(device: str, rail: float) -> SwitchCharge:
    """Charge of the gate and junction of a minimum switch, with edges of 0.2 ns at its gate.

    A membrane of capacitance C moves from v to ``(C v + gate + junction E) / (C + junction)``, which is the rule of
    `rcspike.RowLoad`.

    Parameters
    ----------
    device : {"nfet_01v8", "pfet_01v8"}
    rail : float
        Size of the rail in V around a rest in the middle of 1.8 V, above 0 and at most 0.9.

    Raises
    ------
    ValueError
        If a value is out of its range.

    Notes
    -----
    Within 2 % of ngspice for rails from 0.4 to 0.872 V and membranes from -0.35 to 0.44 V around rest, at 27, 60 and
    85 C, at points of which none was used for the constants. Edges of 2 ns leave a fifth to two fifths less charge.

    Examples
    --------
    >>> gate, junction = switch_charge("pfet_01v8", 0.45)
    >>> f"{1e15 * (gate + junction * 0.45):.3f} fC at rest"
    '0.254 fC at rest'
    """
    if device not in _DEVICES:
        raise ValueError(f"device must be one of {', '.join(_DEVICES)}, got {device!r}")
    if not 0 < rail <= 0.9:
        raise ValueError(f"rail must be above 0 and at most 0.9 V, got {rail}")
    gate, slope, junction = _GATES[device]
    return SwitchCharge(1e-15 * (gate + slope * rail), 1e-15 * junction)


def at_corner(process: Process, *, corner: str = "tt", celsius: float = _NOMINAL) -> Process:
    """A process at another corner of its transistors and another temperature, by the off current of its switches.

    The off current is the mean of the switches to both rails at a membrane at rest.

    Examples
    --------
    >>> from rcspike.energy.process import load_process
    >>> hot = at_corner(load_process(), corner="fs", celsius=85.0)
    >>> f"{hot.switch_off_current:.1e} A, {hot.temperature:.2f} K"
    '4.0e-11 A, 358.15 K'
    """
    p = process
    above, below = p.v_highest - p.v_rest - p.v_rail, p.v_rest - p.v_rail - p.v_lowest
    currents = [
        off_current(device, p.v_rail, back=max(back, 0.0), corner=corner, celsius=celsius)
        for device, back in (("pfet_01v8", above), ("nfet_01v8", below))
    ]
    return p.with_values(switch_off_current=sum(currents) / 2, temperature=celsius + _ZERO_CELSIUS)

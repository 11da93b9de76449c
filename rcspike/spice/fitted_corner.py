"""A fitted circuit in another corner, whose transistors change the capacitance of columns and the ramps."""

from __future__ import annotations

import math
from dataclasses import replace

from rcspike.energy import PhysicalScale
from rcspike.network import ResistiveLayer
from rcspike.spice.ideal_netlist import layer_conductances
from rcspike.spice.layer_simulation import idle_ramp
from rcspike.spice.transistors import Transistors


def in_corner(
    layer: ResistiveLayer, scale: PhysicalScale, fitted: Transistors, here: Transistors
) -> tuple[ResistiveLayer, PhysicalScale]:
    """The same resistors in columns of another corner or temperature, without another fit.

    Two idle columns that ngspice simulates, one for each design, show how the capacitance of a column and the duration
    of its ramp change. Everything else is taken to be as fitted.

    Parameters
    ----------
    layer : ResistiveLayer
        In the circuit that was fitted.
    scale : PhysicalScale
        Of its resistors.
    fitted, here : Transistors
        Design whose circuit was fitted, and the one to compute.

    Returns
    -------
    ResistiveLayer
        With the ramp from rest to threshold in T: a ramp that takes r T is the same circuit with rails and injection
        higher by the factor r, and a delay longer by r - 1. Voltages are higher by r, too. If the ramp has a
        coefficient b, they are all higher by s = b / (1 - (1 - b)^(1/r)), and the coefficient is b / s.
    PhysicalScale
        Of its resistors.

    Raises
    ------
    ValueError
        If ramps are so much faster here that no delay is left.
    FileNotFoundError, RuntimeError
        If ngspice is missing or fails, or a ramp is more than 8 % too slow.
    """
    g = layer_conductances(layer, scale)
    ideal = [replace(design, ramp="ideal", comparator="ideal", replica=False) for design in (fitted, here)]
    before, after = (idle_ramp(design, *g) for design in ideal)
    load = after / before
    if (fitted.ramp, here.ramp, fitted.replica, here.replica) == ("ideal", "ideal", False, False):
        ramp = load
    else:
        ramp = idle_ramp(here, *g) / idle_ramp(fitted, *g)
    circuit = layer.circuit
    if circuit.delay + ramp < 1:
        raise ValueError(
            f"ramps at {here.corner} and {here.celsius:g} C take {ramp:.4g} of their time as fitted, and the delay "
            f"of {circuit.delay:.3g} T is too short for that: fit the circuit in this corner"
        )
    return carried(layer, scale, load=load, ramp=ramp)


def carried(
    layer: ResistiveLayer, scale: PhysicalScale, *, load: float, ramp: float
) -> tuple[ResistiveLayer, PhysicalScale]:
    """The same resistors in columns with `load` times the capacitance, whose ramp takes `ramp` times as long.

    Arguments and results are those of `in_corner`. A ValueError if no delay is left.
    """
    circuit, b = layer.circuit, layer.circuit.ramp
    higher = ramp if b == 0 else -b / math.expm1(math.log1p(-b) / ramp)
    changed = replace(
        circuit,
        e_plus=higher * circuit.e_plus,
        e_minus=higher * circuit.e_minus,
        diode_drop=higher * circuit.diode_drop,
        ramp=b / higher,
        injection=tuple((higher * plus, higher * minus) for plus, minus in circuit.injections),
        delay=circuit.delay + ramp - 1,
    )
    share = higher / load
    return layer.rescaled(changed, plus=share, minus=share), replace(scale, capacitance=scale.capacitance * load)

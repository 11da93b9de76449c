"""Resistance of the switches of a design, by which resistors are drawn smaller."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rcspike.spice.ngspice import run_ngspice
from rcspike.spice.transistors import Transistors

_DROP = 0.01  # V, at which the resistance is measured


def with_switch_resistance(design: Transistors) -> Transistors:
    """The design with the resistance of its narrowest switches, which ngspice measures in its corner and temperature.

    Their sources are at their rails and their gates as far as the supply reaches, with 10 mV between source and drain.
    A switch has a small share of the resistance of a synapse, and drops as little of the voltage.

    Raises
    ------
    FileNotFoundError, RuntimeError
        If ngspice is missing or fails.

    Examples
    --------
    >>> from rcspike.spice import find_pdk
    >>> [round(ohms) for ohms in with_switch_resistance(Transistors(pdk=find_pdk())).switch_ohms]  # doctest: +SKIP
    [23896, 5001]
    """
    plus, minus = (_ohms(design, side) for side in (0, 1))
    return replace(design, switch_ohms=(plus, minus))


def _ohms(design: Transistors, side: int) -> float:
    """At the upper (0) or at the lower rail."""
    fet = design.fet(("pfet_01v8", "nfet_01v8")[side], *design.switch)
    source = design.v_rest + design.rails[side]
    drain, gate, bulk = ((source - _DROP, 0.0, "supply"), (source + _DROP, design.v_supply, "0"))[side]
    lines = ["* a switch that conducts", str(fet.card), fet.line("1", "d", "g", "s", bulk)]
    lines += [
        f"Vsupply supply 0 {design.v_supply:.9g}",
        f"Vs s 0 {source:.9g}",
        f"Vd d 0 {drain:.9g}",
        f"Vg g 0 {gate:.9g}",
    ]
    lines += [f".options temp={design.celsius:.9g}", ".save i(Vd)", ".tran 0.1n 1n", ".end", ""]
    current = run_ngspice("\n".join(lines))["i(vd)"][-1]
    return _DROP / float(np.abs(current))

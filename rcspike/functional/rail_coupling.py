"""What the rails of a circuit make of a weight: a drive and a conductance."""

from __future__ import annotations

from typing import NamedTuple

from rcspike.circuit import Circuit


class Coupling(NamedTuple):
    """Drive D into a membrane at rest, in V_th / T, and conductance G, in 1 / T, of a device of weight 1 on a rail."""

    drive: float
    conductance: float


def rail_couplings(circuit: Circuit) -> tuple[Coupling, Coupling]:
    """D = 1 - V_D/abs(E) and G = 1/abs(E) of the positive and of the negative rail.

    Examples
    --------
    >>> rail_couplings(Circuit(e_plus=2.0, e_minus=-4.0, diode_drop=1.0))
    (Coupling(drive=0.5, conductance=0.5), Coupling(drive=0.75, conductance=0.25))
    """
    plus, minus = (Coupling(1 - circuit.diode_drop * g, g) for g in (1 / circuit.e_plus, -1 / circuit.e_minus))
    return plus, minus

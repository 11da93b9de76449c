"""A diode by Shockley's equation in series with the synapse's resistor: the reference for the constant drop V_D.

The reference is integrated numerically and slow; the engine supports only constant drops. Currents and voltages of a
diode are in SI units, those of a layer are normalised.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.special import wrightomega

from rcspike import Circuit, PhysicalScale

__all__ = ["SKY130_N", "SKY130_P", "Diode", "charge_diodes"]

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Diode:
    """Shockley's diode, I = I_s (exp(V / (n U_T)) - 1).

    Parameters
    ----------
    saturation_current : float
        I_s in A.
    ideality : float
        n.
    thermal_voltage : float
        U_T = k T / q in V; by default at 300 K.

    Examples
    --------
    About 80 mV for each decade of current:

    >>> SKY130_N.drop(np.array([1e-10, 1e-9, 1e-8, 1e-7])).round(2)
    array([0.33, 0.41, 0.48, 0.56])
    """

    saturation_current: float
    ideality: float = 1.0
    thermal_voltage: float = 0.02585

    def drop(self, current: Float64) -> Float64:
        """Forward voltage in V at a current in A above -I_s."""
        drop: Float64 = self.ideality * self.thermal_voltage * np.log1p(current / self.saturation_current)
        return drop

    def current(self, voltage: Float64, conductance: Float64) -> Float64:
        """Current in A through the diode and a resistor in series.

        Parameters
        ----------
        voltage : array
            Voltage across diode and resistor, in V.
        conductance : array
            Conductance of the resistor, in S; where it is 0 the current is 0.

        Notes
        -----
        With a = g n U_T, J = I + I_s solves J + a ln(J / I_s) = g V + I_s. That is J = a omega(z), with Wright's
        function omega + ln(omega) = z = (g V + I_s) / a + ln(I_s / a) (Corless and Jeffrey 2002): Lambert's W of
        exp(z), which overflows where z does not.

        Examples
        --------
        >>> I = SKY130_N.current(np.array([0.9]), np.array([1e-6]))
        >>> (I / 1e-6 + SKY130_N.drop(I)).round(12)
        array([0.9])
        """
        g = np.where(conductance > 0, conductance, 1.0)
        a = g * (self.ideality * self.thermal_voltage)
        z = (g * voltage + self.saturation_current) / a + np.log(self.saturation_current / a)
        return np.where(conductance > 0, a * wrightomega(z) - self.saturation_current, 0.0)


SKY130_N = Diode(saturation_current=5.15e-15, ideality=1.2928)
"""The diode of SKY130 between n+ and p-well, 1 um square, without its series resistance. In the open models of the
process js = 2.75e-15 A/um2 and jsw = 6e-16 A/um."""

SKY130_P = Diode(saturation_current=3.24e-15, ideality=1.3632)
"""The same between p+ and n-well, with js = 2.15e-17 A/um2 and jsw = 8.04e-16 A/um."""


def charge_diodes(
    times: Float64, weights: Float64, circuit: Circuit, diode: Diode, *, scale: PhysicalScale | None = None
) -> Float64:
    """Membrane voltages at the end of the charging phase, with a diode in series with the resistor of each synapse.

    Parameters
    ----------
    times : (batch, n_in)
        Input spike times in T; ``inf`` or anything above 1 means no spike.
    weights : (n_in, n_out)
        Signed synaptic weights in V_th / T: resistors of abs(E) / abs(w).
    circuit : Circuit
        A circuit with finite rails and without a diode drop.
    diode : Diode
        The diode at both rails, in the conducting direction of each.
    scale : PhysicalScale, optional

    Returns
    -------
    (batch, n_out)
        v(1) in V_th, to about 1e-8.

    Examples
    --------
    >>> v = charge_diodes(np.zeros((1, 1)), np.ones((1, 1)), Circuit(v_syn=2.0), SKY130_N)
    >>> bool(v < 1 - np.exp(-1))  # less than without a diode on a rail of 1
    True
    """
    scale = scale or PhysicalScale()
    w = weights.astype(np.float64)
    side = np.where(w >= 0, 1.0, -1.0)
    rail = np.where(w >= 0, circuit.e_plus, circuit.e_minus)
    conductance = scale.siemens(np.abs(w / rail))
    unit = scale.amperes(1.0)

    def slope(_: float, v: Float64, on: npt.NDArray[np.bool_]) -> Float64:
        forward = scale.volts(side[on] * (rail[on] - v))
        total: Float64 = (side[on] * diode.current(forward, conductance[on])).sum(axis=0) / unit
        return total

    v_end = np.zeros((len(times), w.shape[1]))
    for sample, row in enumerate(times.astype(np.float64)):
        for start, end in pairwise(np.unique([0.0, 1.0, *row[row < 1]])):
            on = row <= start
            if not on.any():
                continue
            # Stiff where a strong synapse has come close to its rail.
            steps = solve_ivp(slope, (start, end), v_end[sample], args=(on,), method="LSODA", rtol=1e-9, atol=1e-10)
            v_end[sample] = steps.y[:, -1]
    return v_end

"""A normalised circuit in volts and farads: which threshold and rails, and which capacitance a membrane has."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from rcspike.circuit import Circuit
from rcspike.energy.process import Process, load_process
from rcspike.energy.si_units import Number, PhysicalScale
from rcspike.row_load import RowLoad

Hold: TypeAlias = Literal["rails", "threshold"]
HOLDS: tuple[Hold, ...] = get_args(Hold)

BOLTZMANN = 1.380649e-23  # J/K, exact by the SI's definition
_DEVICES = 2  # of a synapse, one for each sign: the column has the junctions of both


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Voltages at which a process runs a circuit; `operating_point` makes them.

    Parameters
    ----------
    hold : {"rails", "threshold"}
    v_th : float
        Threshold in V, from the resting voltage.
    v_plus, v_minus : float
        Supplies of the synapses in V, from the resting voltage, with the drop of the selectors; for an infinite rail
        those of current sources, the threshold and their headroom.
    """

    process: Process
    circuit: Circuit
    hold: Hold
    v_th: float
    v_plus: float
    v_minus: float

    @property
    def selector_drop(self) -> float:
        """Forward drop of the selector in V, that of the process if it has a diode, otherwise the circuit's."""
        p = self.process
        return p.diode_drop if p.selector == "diode" else self.circuit.diode_drop * self.v_th

    def scale(self, n_rows: int) -> PhysicalScale:
        """Physical units of a layer of `n_rows` inputs.

        Examples
        --------
        >>> round(operating_point(Circuit(v_syn=2.0)).scale(784).capacitance * 1e12, 3)  # pF
        1.591
        """
        capacitance = membrane_capacitance(self.process, n_rows)
        return PhysicalScale(capacitance=capacitance, window=self.process.window, v_th=self.v_th)

    def thresholds(self, volts: Number) -> Number:
        """A voltage in V as multiples of V_th: how a noise or an offset in volts enters the model.

        Examples
        --------
        The same 10 mV behind the same rails, at V_syn = 1 and at V_syn = 4:

        >>> [round(operating_point(Circuit(v_syn=v)).thresholds(0.01), 4) for v in (1.0, 4.0)]
        [0.0115, 0.0459]
        """
        return volts / self.v_th

    def spike_time_noise(self, n_rows: int, *, time: float = 1.0) -> float:
        """Standard deviation sigma_t in T of the spikes of a layer of `n_rows` inputs, of two-phase neurons.

        kT/C noise of the membrane, that of the ramp, and the comparator's own, in V, over the slope of the ramp,
        V_th / T. A membrane integrates the white current noise of the ramp's source, 4 k T_K gamma g_m of each of its
        transistors. Of a ramp of C V_th / T this leaves kT/C times 2 `ramp_noise` V_th after a window, where
        `ramp_noise` is the sum of gamma g_m / I, and less in proportion after a shorter time.

        Parameters
        ----------
        time : float
            Time of the spike in T, from the start of the ramp; by default the last one, which has the most noise.

        Examples
        --------
        >>> point = operating_point(Circuit())
        >>> round(point.spike_time_noise(784), 5), round(point.spike_time_noise(784, time=0.0), 5)
        (0.00119, 0.00115)
        """
        thermal = BOLTZMANN * self.process.temperature / self.scale(n_rows).capacitance
        of_ramp = thermal * 2 * self.process.ramp_noise * self.v_th * time
        return math.sqrt(thermal + of_ramp + self.process.comparator_noise**2) / self.v_th

    def injection(self, n_rows: int, *, plus: float | None = None, minus: float | None = None) -> tuple[float, float]:
        """Voltages in V_th that the switch of one synapse adds to a membrane with `n_rows` inputs as it opens.

        Parameters
        ----------
        plus, minus : float, optional
            Charge in C that a switch to the positive rail puts on the membrane, and that one to the negative rail takes
            away; those of the process by default.

        Returns
        -------
        plus, minus : float
            A pair for the `injection` of `rcspike.Circuit`, or for `rcspike.chips.ChargeInjection`.

        Examples
        --------
        At fixed rails, V_syn = 4 has a quarter of the threshold, and pays for it with four times the injection:

        >>> for v_syn in (1.0, 4.0):
        ...     print([f"{v:.2e}" for v in operating_point(Circuit(v_syn=v_syn)).injection(784)])
        ['2.31e-04', '-3.60e-04']
        ['9.23e-04', '-1.44e-03']
        """
        p = self.process
        charge_plus = p.switch_charge_plus if plus is None else plus
        charge_minus = p.switch_charge_minus if minus is None else minus
        unit = self.scale(n_rows).capacitance * self.v_th
        return charge_plus / unit, -charge_minus / unit

    def off_current(self, n_rows: int) -> float:
        """Current of a switch that does not conduct in V_th / T, for a layer of `n_rows` inputs.

        It is the `current` of `rcspike.chips.SwitchLeakage`.

        Examples
        --------
        >>> from rcspike.energy import at_corner
        >>> hot = at_corner(load_process("sky130-poly"), corner="fs", celsius=85.0)
        >>> f"{operating_point(Circuit(), hot).off_current(784):.1e}"
        '6.2e-09'
        """
        return self.process.switch_off_current / float(self.scale(n_rows).amperes(1.0))

    def load(self, n_rows: int) -> RowLoad:
        """How a device loads a membrane with `n_rows` inputs: by its resistor's body, and a switch as wide as it needs.

        Examples
        --------
        >>> operating_point(Circuit(), load_process("sky130-poly")).load(784).junction_plus > 0
        True
        """
        p, c = self.process, self.scale(n_rows).capacitance
        body = p.device_capacitance_per_ohm * p.window / c**2
        if body == p.switch_junction_plus == p.switch_junction_minus == 0:
            return RowLoad()
        margin = p.switch_margin * c / p.window
        return RowLoad(
            body=body,
            position=p.device_position,
            junction_plus=p.switch_junction_plus / c,
            junction_minus=p.switch_junction_minus / c,
            width_plus=margin * p.switch_resistance_plus,
            width_minus=margin * p.switch_resistance_minus,
        )

    def with_switches(self, sizes: tuple[int, ...]) -> Circuit:
        """The circuit with injection and bodies of the process in each layer of a network, and its comparator's delay.

        Parameters
        ----------
        sizes : tuple of int
            Rows of the columns of each layer, which in a dense network are its inputs, and the number of outputs.

        Examples
        --------
        >>> circuit = operating_point(Circuit()).with_switches((784, 200, 10))
        >>> [f"{plus:.2e}" for plus, _ in circuit.injections], circuit.delay
        (['2.31e-04', '9.04e-04'], 0.005)
        """
        rows = sizes[:-1]
        pairs, loads = tuple(map(self.injection, rows)), tuple(map(self.load, rows))
        return replace(
            self.circuit, injection=pairs, load=loads, delay=self.process.comparator_delay / self.process.window
        )

    @property
    def source_supply(self) -> float:
        """Supply in V, from the resting voltage, of current sources at this threshold."""
        return self.v_th + self.process.headroom


def column_capacitance(process: Process, n_rows: int) -> float:
    """Capacitance in F of a column of `n_rows`: its wire and the junctions of all devices, conducting or not.

    Examples
    --------
    >>> round(column_capacitance(load_process(), 784) * 1e15)  # fF: 183 of wire and 408 of junctions
    590
    """
    return n_rows * (process.column_wire_capacitance + _DEVICES * process.column_junction_capacitance)


def drawn_capacitance(process: Process, n_rows: int) -> float:
    """Capacitor in F that is drawn for a neuron of `n_rows` inputs.

    It grows with the rows, so that the junctions and the charge that the switches inject remain the same fraction of
    it, and has at least the `capacitance` of the process.
    """
    return max(process.capacitance, n_rows * process.capacitance_per_row)


def membrane_capacitance(process: Process, n_rows: int) -> float:
    """C in F of a neuron of `n_rows` inputs, by which a weight becomes a conductance: capacitor and column.

    Bodies of resistors are not a part of it, since those of each column differ.

    Examples
    --------
    >>> [round(membrane_capacitance(load_process(), n) * 1e12, 3) for n in (784, 200)]  # pF
    [1.591, 0.406]
    """
    return drawn_capacitance(process, n_rows) + column_capacitance(process, n_rows)


def conductance_unit(process: Process, n_rows: int) -> float:
    """C / T in S of a neuron of `n_rows` inputs: the conductance of a weight of 1 V_th/T to a rail of 1 V_th.

    Examples
    --------
    >>> round(conductance_unit(load_process(), 784) * 1e6, 3)  # uS
    1.591
    """
    return membrane_capacitance(process, n_rows) / process.window


def operating_point(circuit: Circuit, process: Process | None = None, *, hold: Hold = "rails") -> OperatingPoint:
    """Threshold and rails in volts of a circuit, whose own voltages are in units of the threshold.

    Parameters
    ----------
    process : Process, optional
        SKY130 by default.
    hold : {"rails", "threshold"}
        What stays when V_syn changes. ``"rails"``: the rails of the process (`v_rail`); the threshold is as high as they
        permit, but at most `v_th`. ``"threshold"``: the threshold `v_th`; the rails are V_syn times as high.

    Raises
    ------
    ValueError
        If the supply of the process cannot give these rails.

    Examples
    --------
    >>> point = operating_point(Circuit(v_syn=2.0))
    >>> point.v_th, point.v_plus
    (0.436, 0.872)
    >>> operating_point(Circuit(v_syn=2.0), hold="threshold")
    Traceback (most recent call last):
    ...
    ValueError: V_syn = 2 at a threshold of 0.872 V needs rails of +1.744 and -1.744 V, with a rest of 0.9 V from -0.844 to 2.644 V: sky130 has 0 to 1.8 V; hold the rails, or lower v_th to 0.45 V
    """  # noqa: E501
    p = process or load_process()
    if hold not in HOLDS:
        raise ValueError(f"hold must be one of {', '.join(HOLDS)}, got {hold!r}")
    drives = [e - circuit.diode_drop for e in (circuit.e_plus, -circuit.e_minus) if math.isfinite(e)]
    if p.selector == "diode":
        available, drop = p.v_rail - p.diode_drop, p.diode_drop
    else:
        available, drop = p.v_rail, 0.0
        drives = [drive + circuit.diode_drop for drive in drives]
    v_th = min([p.v_th, *(available / drive for drive in drives)]) if hold == "rails" else p.v_th
    of_circuit = circuit.diode_drop if p.selector == "diode" else 0.0
    plus, minus = (
        v_th + p.headroom if math.isinf(e) else (e - of_circuit) * v_th + drop
        for e in (circuit.e_plus, -circuit.e_minus)
    )
    point = OperatingPoint(process=p, circuit=circuit, hold=hold, v_th=v_th, v_plus=plus, v_minus=-minus)
    _check_supply(point)
    return point


def _check_supply(point: OperatingPoint) -> None:
    p, circuit = point.process, point.circuit
    finite = [math.isfinite(e) for e in (circuit.e_plus, circuit.e_minus)]
    above, below = p.v_highest - p.v_rest, p.v_rest - p.v_lowest
    slack = 1 + 1e-12
    if (not finite[0] or point.v_plus <= above * slack) and (not finite[1] or -point.v_minus <= below * slack):
        return
    ratio = max(point.v_plus / above, -point.v_minus / below)
    rails = f"{circuit.e_plus:g}" if circuit.e_plus == -circuit.e_minus else f"{circuit.e_plus:g}, {circuit.e_minus:g}"
    raise ValueError(
        f"V_syn = {rails} at a threshold of {point.v_th:g} V needs rails of {point.v_plus:+.4g} and "
        f"{point.v_minus:+.4g} V, with a rest of {p.v_rest:g} V from {p.v_rest + point.v_minus:.4g} to "
        f"{p.v_rest + point.v_plus:.4g} V: "
        f"{p.name} has {p.v_lowest:g} to {p.v_highest:g} V; hold the rails, or lower v_th to {point.v_th / ratio:.3g} V"
    )

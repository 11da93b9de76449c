"""The layer of a chip: real devices and neurons, and the ideal ones that the engine computes in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rcspike import functional
from rcspike._common.arrays import Float64Array, FloatArray
from rcspike.chips.ideal_equivalents import ideal_scale, pairs_with_more_drive
from rcspike.circuit import Circuit
from rcspike.functional.events import Schedule
from rcspike.functional.neuron_kinds import Phases, supported
from rcspike.functional.rail_coupling import rail_couplings
from rcspike.network import Conv2d, Dense, DeviceLayer, DevicePairs, Wiring
from rcspike.neurons import single_phase_only, two_phase_only


@dataclass(frozen=True, kw_only=True)
class ChipLayer:
    """One layer of a chip, in physical parameters, all in float64.

    Devices are given in V_th / T, by the current that they drive into a membrane at rest, but for the diode: that of
    conductance g, in C / T, to the rail E has ``g * abs(E)``. So both devices of a pair read like weights, and on
    infinite rails they are current sources.

    In a convolution, one column and its neuron serve all positions in turn, so that devices, thresholds and capacitors
    are the same at each of them.

    Parameters
    ----------
    circuit : Circuit
        Rails and ramp, and the diode's drop for which the weights were made.
    dtype : float32 or float64
        Dtype in which the layer computes.
    wiring : rcspike.network.Dense, FirstSpike, FirstSpike2d or Conv2d
        Which inputs drive which rows of devices.
    plus, minus : (n_rows, n_columns)
        Each pair's device to the upper and to the lower rail.
    g_min, g_max : float
        Minimum and maximum that a device can be programmed to, in the same unit, at either rail.
    drop_plus, drop_minus : float or (n_rows, n_columns)
        Forward drops of the diodes in V_th.
    blocking : bool
        Whether a diode blocks once the membrane has passed its rail. With equal drops this never happens.
    off_share : float
        Current through an open switch, divided by that through a closed one.
    leak : (n_columns,)
        Conductance from the membrane to its resting voltage, in C / T.
    capacitance : (n_columns,)
        Membrane capacitance, divided by C.
    offset : (n_columns,)
        Offset of the threshold, in V_th.
    ramp_current : (n_columns,)
        Current of the firing ramp, divided by the ideal one.
    wire_resistance : float
        Resistance of a column's wire from one device to the next, in T / C.
    wire : "supply" or "membrane"
        The wire that has it: the supply wires of both rails, or that of the membrane (`WireResistance`).
    off_current : float
        Current of a device whose switch is open towards its rail, in V_th / T, for each of the switch's widths.
    injection_plus, injection_minus : float or (n_rows, n_columns)
        Voltage in V_th that the narrowest switch of a device adds to a membrane of capacitance C as it opens.
    body_plus, body_minus : float or (n_rows, n_columns)
        Capacitance of each device's resistor in C, which is that of the conductance it was designed for: what varies
        between devices is their sheet resistance.
    width_plus, width_minus : float or (n_rows, n_columns)
        Width of each device's switch as a multiple of the narrowest one, if there is a device.
    depth : int
        Position of the layer in its network, counted from 0.
    phases : {"two", "single"}
        Kind of its neurons. Single-phase neurons have no ramp.

    Examples
    --------
    >>> from rcspike.chips.device_range import Devices
    >>> layer = Devices(on_off=11.0).layer(np.array([[1.0, -0.5, 0.0]]), Circuit(v_syn=2.0))
    >>> layer.plus.round(3), layer.minus.round(3)
    (array([[1.1, 0.1, 0.1]]), array([[0.1, 0.6, 0.1]]))
    >>> drive, conductance = layer.affine()
    >>> drive.round(3), conductance.round(3)  # the weights, at the cost of conductance
    (array([[ 1. , -0.5,  0. ]]), array([[0.6 , 0.35, 0.1 ]]))
    """

    circuit: Circuit
    dtype: np.dtype[Any]
    wiring: Wiring
    plus: Float64Array
    minus: Float64Array
    g_min: float
    g_max: float
    drop_plus: float | Float64Array
    drop_minus: float | Float64Array
    blocking: bool
    off_share: float
    leak: Float64Array
    capacitance: Float64Array
    offset: Float64Array
    ramp_current: Float64Array
    wire_resistance: float = 0.0
    wire: str = "supply"
    off_current: float = 0.0
    injection_plus: float | Float64Array = 0.0
    injection_minus: float | Float64Array = 0.0
    body_plus: float | Float64Array = 0.0
    body_minus: float | Float64Array = 0.0
    width_plus: float | Float64Array = 1.0
    width_minus: float | Float64Array = 1.0
    depth: int = 0
    phases: Phases = "two"

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return self.wiring.n_in(int(self.plus.shape[0]))

    @property
    def n_out(self) -> int:
        """Number of neurons, in a convolution those of all positions."""
        return self.wiring.n_out(int(self.plus.shape[1]))

    def neurons(self, chosen: Sequence[int] | npt.NDArray[np.integer[Any]]) -> ChipLayer:
        """The same layer with some of its neurons only, by their indices.

        A ValueError if it is a convolution, whose columns serve all positions in turn.

        Examples
        --------
        >>> from rcspike.chips.device_range import Devices
        >>> Devices(on_off=11.0).layer(np.array([[1.0, -0.5, 0.0]]), Circuit(v_syn=2.0)).neurons([2]).plus.round(3)
        array([[0.1]])
        """
        if isinstance(self.wiring, Conv2d):
            raise ValueError(
                "device pairs of a convolution serve all of its positions in turn, so that they are no columns of "
                "single neurons: use dense layers"
            )
        of_columns = {name: a for name, a in vars(self).items() if isinstance(a, np.ndarray)}
        parts: dict[str, Any] = {
            name: np.ascontiguousarray(a[..., np.asarray(chosen)]) for name, a in of_columns.items()
        }
        return replace(self, **parts)

    def astype(self, dtype: npt.DTypeLike) -> ChipLayer:
        """The same devices; the layer computes in float32 or float64."""
        return replace(self, dtype=np.dtype(dtype))

    def conductances(self) -> tuple[Float64Array, Float64Array]:
        """g+ and g- of each pair, (n_rows, n_columns), in C / T; in S by `rcspike.PhysicalScale.siemens`."""
        return self.plus / self.circuit.e_plus, self.minus / -self.circuit.e_minus

    def weight_conductances(self) -> tuple[Float64Array, Float64Array]:
        """What the devices of each pair have above the least conductance, (n_rows, n_columns), in C / T."""
        plus, minus = (np.maximum(x - self.g_min, 0) for x in (self.plus, self.minus))
        return plus / self.circuit.e_plus, minus / -self.circuit.e_minus

    def affine(self) -> tuple[Float64Array, Float64Array]:
        """D = g+ (E+ - V_D) + g- (E- + V_D) in V_th / T and G = g+ + g- in 1 / T of the pairs, on C as designed."""
        g_plus, g_minus = self.conductances()
        drive = self.plus - g_plus * self.drop_plus - (self.minus - g_minus * self.drop_minus)
        return drive, g_plus + g_minus

    def switch_injection(self) -> Float64Array:
        """Voltages (n_rows, n_columns) in V_th that the switches of each pair add to the neuron's own membrane.

        A device that cannot conduct counts as missing: one of conductance 0 where devices reach down to 0.
        """
        plus, minus = self._widths()
        injection: Float64Array = (self.injection_plus * plus + self.injection_minus * minus) / self.capacitance
        return injection

    def _exist(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Whether each pair has a device on either rail."""
        return (self.plus > 0) | (self.g_min > 0), (self.minus > 0) | (self.g_min > 0)

    def _widths(self) -> tuple[Float64Array, Float64Array]:
        """Widths of the switches of each pair, 0 where there is no device."""
        plus, minus = (one.astype(np.float64) for one in self._exist())
        return np.multiply(self.width_plus, plus), np.multiply(self.width_minus, minus)

    def loads(self) -> Float64Array:
        """How the pairs load the membranes, (n_rows, 5, n_columns) as `rcspike.functional.device_loads`, on C."""
        load, (exist_plus, exist_minus), (wide_plus, wide_minus) = self.circuit.loads[0], self._exist(), self._widths()
        rail_plus, rail_minus = self.circuit.e_plus - self.drop_plus, self.circuit.e_minus + self.drop_minus
        junction_plus, junction_minus = load.junction_plus * wide_plus, load.junction_minus * wide_minus
        plus = functional.device_loads(self.body_plus * exist_plus, junction_plus, rail_plus, load.position)
        minus = functional.device_loads(self.body_minus * exist_minus, junction_minus, rail_minus, load.position)
        both: Float64Array = plus + minus
        return both

    def _off_currents(self) -> Float64Array:
        """Currents (n_rows, n_columns) in V_th / T of the pairs whose switches are open, on C as designed."""
        plus, minus = self._widths()
        return self.off_current * (plus - minus)

    def ideal_scale(self) -> tuple[Float64Array, Float64Array]:
        """Scale (n_columns,) on which the neurons are ideal, ``v = rest + unit * u`` of their own voltages u; in V_th.

        Single-phase neurons are ideal on their own scale, but for their thresholds. A ValueError if a nonlinear
        ramp never reaches a threshold; also if diodes block or a wire has resistance in a single-phase layer.
        """
        rest, unit, _ = _EQUIVALENTS(self.phases)(self)
        return rest, unit

    @property
    def has_equivalent(self) -> bool:
        """Whether `equivalent_pairs` describes it, which has neither diodes that block nor wires with resistance."""
        return not self.blocking and self.wire_resistance == 0

    def equivalent_pairs(self) -> DevicePairs:
        """Device pairs of ideal neurons that spike as these do; without any effect exactly those of the weights.

        Diodes that block and wires with resistance are left out; single-phase neurons have none.

        Errors as in `ideal_scale`.

        Notes
        -----
        A neuron of capacitance c has c du/dt = D - G u. On the scale of ideal neurons, with v = rest + unit u, the
        voltage v - rest starts at 0 and has d(v - rest)/dt = unit D / c - (G / c) (v - rest). So conductances are
        divided by c, drives also multiplied by the unit, and the engine's offset is -rest. Diodes of another drop
        change the drive alone. A pair can have any drive at its conductance, since one of its devices raises the
        voltage and the other lowers it.
        """
        circuit = self.circuit
        _, unit, offset = _EQUIVALENTS(self.phases)(self)
        plus, minus = self.plus / self.capacitance, self.minus / self.capacitance
        # The engine's drives are those of the drop of the circuit; each device has its own drop.
        (drive_plus, over_plus), (drive_minus, over_minus) = rail_couplings(circuit)
        more = plus * ((1 - self.drop_plus * over_plus) * unit - drive_plus)
        more = more - minus * ((1 - self.drop_minus * over_minus) * unit - drive_minus)
        # A switch that closes ends its leakage.
        leaks = self._off_currents() * (unit / self.capacitance)
        more = more - leaks
        plus, minus = pairs_with_more_drive(plus, minus, more, circuit)
        # Open switches conduct a part of the current from the start of the phase on.
        drive = plus * drive_plus - minus * drive_minus
        conductance = plus * over_plus + minus * over_minus
        rows = {
            "drive0": self.off_share * drive.sum(axis=0) + leaks.sum(axis=0),
            "conductance0": self.off_share * conductance.sum(axis=0) + self.leak / self.capacitance,
            "offset": self._of_neurons(offset),
        }
        plus, minus = (1 - self.off_share) * plus, (1 - self.off_share) * minus
        if circuit.loads_membranes:
            # On the scale of ideal neurons, drives have its unit.
            rows["loads"] = self.loads() / self.capacitance
            rows["loads"][:, [2, 4]] *= unit
        injection = unit * self.switch_injection()
        # The engine counts devices by itself, exactly, where each of them adds what the circuit says.
        of_plus, of_minus = circuit.injections[0]
        if "loads" in rows or not np.array_equal(injection, of_plus * (plus > 0) + of_minus * (minus > 0)):
            rows["injection"] = injection
        return DevicePairs(
            np.ascontiguousarray(plus, dtype=self.dtype),
            np.ascontiguousarray(minus, dtype=self.dtype),
            **{
                name: np.ascontiguousarray(row, dtype=self.dtype)
                for name, row in rows.items()
                if row.any() or name in ("injection", "loads")
            },
        )

    def charge(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Voltages (batch, n_out) in V_th at which ideal neurons spike when these do, at the end of charging."""
        two_phase_only(self, "voltages at the end of charging")
        if self.has_equivalent:
            return DeviceLayer(self.equivalent_pairs(), self.circuit, self.wiring).charge(times, threads=threads)
        if self.circuit.loads_membranes:
            raise ValueError(
                "rows that load the membrane are not modelled beside diodes that block and wires with resistance: "
                "leave wire_resistance and diode_variation out, or load out of the circuit"
            )
        # The voltages u of the real membranes are computed, and then their values on the ideal scale.
        rows = self._row_times(times)
        u = (self._charge_wired if self.wire_resistance > 0 else self._charge_rectified)(rows, threads)
        injection = self.switch_injection()
        if injection.any():
            u = u + functional.switch_injection(
                rows, np.ascontiguousarray(injection, dtype=self.dtype), threads=threads
            )
        rest, unit = (x.astype(self.dtype) for x in self.ideal_scale())
        return np.asarray(rest + unit * u)

    def first_spike(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """Output spike times (batch, n_out) in T of single-phase neurons.

        A ValueError if diodes block, or a wire has resistance: neither is modelled for single-phase neurons.
        """
        single_phase_only(self, "a spike while charging")
        return self.read(times, threads=threads)

    def read(self, times: FloatArray | Schedule, *, threads: int | None = None) -> FloatArray:
        """What the neurons (batch, n_out) would be read by if they were outputs, of a chip that has an equivalent."""
        layer = DeviceLayer(self.equivalent_pairs(), self.circuit, self.wiring, self.phases)
        return layer.read(times, threads=threads)

    def supply_charge(
        self, times: FloatArray, *, until: FloatArray | None = None, threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Charge (batch, n_out) that either rail delivers in a window, as `rcspike.functional.supply_charge`.

        A ValueError if the neurons have a single phase, the layer is a convolution, or something else than the
        conductances of the devices is not as designed.
        """
        two_phase_only(self, "the charge that rails deliver to devices")
        rows = self._rows_of_devices(times, "the charge of the rails")
        return functional.supply_charge(rows, self._weights_of_devices(), self.circuit, threads=threads)

    def trace(self, times: FloatArray, at: FloatArray) -> FloatArray:
        """As `rcspike.functional.trace`; a ValueError as in `supply_charge`."""
        two_phase_only(self, "a trace of devices")
        rows = self._rows_of_devices(times, "a trace")
        return functional.trace(rows, self._weights_of_devices(), self.circuit, at)

    def _weights_of_devices(self) -> FloatArray:
        """Weights (2 n_rows, n_columns) of ideal synapses that are the devices of the pairs, each in its own row."""
        return np.concatenate([self.plus, -self.minus]).astype(self.dtype)

    def _rows_of_devices(self, times: FloatArray, use: str) -> FloatArray:
        """Times at which their rows start to conduct; a ValueError where devices are no ideal synapses."""
        drop = self.circuit.diode_drop
        ideal = self.has_equivalent and self.off_share == self.off_current == 0 and not self.leak.any()
        if isinstance(self.wiring, Conv2d) or not (
            ideal
            and np.all(self.capacitance == 1)
            and np.all(self.drop_plus == drop)
            and np.all(self.drop_minus == drop)
        ):
            raise ValueError(
                f"{use} is computed for dense layers in which nothing but conductances differs from the design: leave "
                "out other effects"
            )
        rows = self._row_times(times)
        return np.concatenate([rows, rows], axis=1)

    def switch_charge(
        self, times: FloatArray, *, threads: int | None = None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """As `rcspike.network.ResistiveLayer.switch_charge`, of the switches of all devices."""
        rows = self._row_times(times)
        of_plus, of_minus = (
            np.ascontiguousarray(np.broadcast_to(charge * wide, self.plus.shape), dtype=self.dtype)
            for charge, wide in zip((self.injection_plus, self.injection_minus), self._widths(), strict=True)
        )
        plus, minus = (functional.switch_injection(rows, q, threads=threads) for q in (of_plus, of_minus))
        return plus.astype(np.float64), minus.astype(np.float64)

    def _charge_wired(self, times: FloatArray | Schedule, threads: int | None) -> FloatArray:
        if self.blocking:
            raise ValueError(
                "wires with resistance cannot be computed exactly with diodes of different drops, which block: give "
                "wire_resistance an activity, or leave diode_variation out"
            )
        g_plus, g_minus = self.conductances()
        leaks = [self.off_current * one for one in self._widths()]
        wires = [
            (self.plus - g_plus * self.drop_plus - leaks[0], g_plus),
            (-(self.minus - g_minus * self.drop_minus) + leaks[1], g_minus),
        ]
        if self.wire == "membrane":
            wires = [(wires[0][0] + wires[1][0], g_plus + g_minus)]
        return functional.charge_wired(
            times,
            [(self._per_capacitance(drive), self._per_capacitance(conductance)) for drive, conductance in wires],
            (self.wire_resistance * self.capacitance).astype(self.dtype),
            off=self.off_share,
            drive0=self._per_capacitance(self._off_currents().sum(axis=0)),
            conductance0=self._per_capacitance(self.leak),
            threads=threads,
        )

    def _of_neurons(self, of_columns: Float64Array) -> Float64Array:
        """The same for each neuron (n_out,): that of its column."""
        return np.tile(of_columns, self.n_out // len(of_columns))

    def _row_times(self, times: FloatArray | Schedule) -> FloatArray | Schedule:
        if isinstance(self.wiring, Conv2d):
            raise ValueError(
                "diodes that block and wires with resistance are not modelled for convolutions: give wire_resistance "
                "an activity, leave diode_variation out, or use dense layers"
            )
        if self.wiring == Dense():
            return times
        if isinstance(times, Schedule):
            raise TypeError("wires and diodes behind joined inputs need the spike times, not their schedule")
        return self.wiring.rows(times)

    def _per_capacitance(self, x: Float64Array) -> FloatArray:
        return np.ascontiguousarray(x / self.capacitance, dtype=self.dtype)

    def _charge_rectified(self, times: FloatArray | Schedule, threads: int | None) -> FloatArray:
        closed = 1 - self.off_share
        rail_plus, rail_minus = self.circuit.e_plus - self.drop_plus, self.circuit.e_minus + self.drop_minus
        g_plus, g_minus = (g / self.capacitance for g in self.conductances())
        drive, conductance = (x / self.capacitance for x in self.affine())
        leaks = self._off_currents()
        rail_plus = rail_plus - _ratio(self.off_current, self.conductances()[0])
        rail_minus = rail_minus + _ratio(self.off_current, self.conductances()[1])
        devices = (closed * g_plus, rail_plus, closed * g_minus, rail_minus)
        return functional.charge_rectified(
            times,
            *(np.ascontiguousarray(np.broadcast_to(x, g_plus.shape), dtype=self.dtype) for x in devices),
            drive0=(self.off_share * drive.sum(axis=0) + leaks.sum(axis=0) / self.capacitance).astype(self.dtype),
            conductance0=(self.off_share * conductance.sum(axis=0) + self.leak / self.capacitance).astype(self.dtype),
            threads=threads,
        )

    def fire(self, v: FloatArray) -> FloatArray:
        """As `rcspike.functional.fire`."""
        return functional.fire(v, self.circuit)


def _on_ramp(layer: ChipLayer) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Scale on which neurons are ideal, zero and unit in V_th, and the offsets of the engine's neurons on it."""
    slope = layer.ramp_current / layer.capacitance
    rest, unit = ideal_scale(layer.circuit.ramp, slope, 1 + layer.offset)
    return rest, unit, -rest


def _at_crossing(layer: ChipLayer) -> tuple[Float64Array, Float64Array, Float64Array]:
    """The same of neurons that spike at their own thresholds while they charge."""
    if not layer.has_equivalent:
        two_phase_only(layer, "a diode that blocks" if layer.blocking else "a wire with resistance")
    return np.zeros_like(layer.offset), np.ones_like(layer.offset), layer.offset


_EQUIVALENTS = supported("a chip", two=_on_ramp, single=_at_crossing)


def _ratio(current: float, conductance: Float64Array) -> Float64Array:
    """Voltage by which a current shifts the rail of each device; 0 where there is no conductance."""
    return np.divide(current, conductance, out=np.zeros_like(conductance), where=conductance > 0)

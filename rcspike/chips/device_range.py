"""Weights as pairs of physical devices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np

from rcspike._common.arrays import FLOATS, FloatArray, plain_array
from rcspike._common.numbers import number, numbers
from rcspike.chips.chip_layer import ChipLayer
from rcspike.chips.device_model import DeviceModel
from rcspike.circuit import Circuit, check_ohmic
from rcspike.energy import Process, columns_of, weight_range
from rcspike.functional.charging_with_loads import bodies
from rcspike.functional.rail_coupling import rail_couplings
from rcspike.network import Network, ResistiveLayer


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Range to which a device can be programmed, and the conversion of weights to devices.

    A weight w is the pair ``g_min + max(w, 0)`` and ``g_min + max(-w, 0)``: its difference is w, and the device that it
    does not use stays at g_min. A ValueError if on_off is not above 1, or w_max not above 0 and finite.

    Parameters
    ----------
    on_off : float
        Ratio of g_max to g_min; infinite by default.
    w_max : float or sequence of float, optional
        Largest abs(w) that the devices of all layers, or of each, reach, in V_th / T:
        ``g_max = w_max / abs(E) / (1 - 1 / on_off)`` at a rail E. By default the largest of each layer. Weights beyond
        it are programmed to it.

    Examples
    --------
    >>> layer = Devices(w_max=0.8).layer(np.array([[1.0, -0.5]]), Circuit())
    >>> layer.plus, layer.minus
    (array([[0.8, 0. ]]), array([[0. , 0.5]]))
    """

    on_off: float = math.inf
    w_max: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "on_off", number("on_off", self.on_off))
        if not self.on_off > 1:
            raise ValueError(f"on_off must be above 1, got {self.on_off}; math.inf is a device that can be off")
        if self.w_max is None:
            return
        try:
            w_max = (number if isinstance(self.w_max, Real) else numbers)("w_max", self.w_max)
        except TypeError:
            raise TypeError(f"w_max must be a number or one for each layer, got {self.w_max!r}") from None
        object.__setattr__(self, "w_max", w_max)
        for one in w_max if isinstance(w_max, tuple) else (w_max,):
            if not 0 < one < math.inf:
                raise ValueError(f"w_max must be above 0 and finite, got {self.w_max}; None fits it to each layer")

    def layer(self, weights: FloatArray, circuit: Circuit, *, depth: int = 0) -> ChipLayer:
        """Program the (n_rows, n_out) weights, in V_th / T, of a layer; of the first one if no other `depth` is given.

        A ValueError if w_max is given for fewer layers, or weights are masked.
        """
        w = np.ascontiguousarray(plain_array("weights", weights))
        return self.program(ResistiveLayer(w if w.dtype in FLOATS else w.astype(np.float64), circuit), depth=depth)

    def program(self, ideal: ResistiveLayer, *, depth: int = 0) -> ChipLayer:
        """Program an ideal layer: the first one of its network if no other `depth` is given.

        A ValueError if w_max is given for fewer layers.

        Examples
        --------
        >>> network = Network([np.array([[1.0, -0.5]])], Circuit())
        >>> Devices(w_max=0.8).program(network.layers[0]).plus
        array([[0.8, 0. ]])
        """
        check_ohmic(ideal.circuit, "chips")
        pairs, circuit = ideal.devices(), ideal.circuit
        n_columns = pairs.plus.shape[1]
        plus, minus = pairs.plus.astype(np.float64), pairs.minus.astype(np.float64)
        if isinstance(self.w_max, tuple):
            if depth >= len(self.w_max):
                raise ValueError(f"w_max is given for {len(self.w_max)} layers, but there is a layer {depth + 1}")
            w_max = self.w_max[depth]
        else:
            # Without any weight the range does not matter, as long as it is one.
            w_max = self.w_max if self.w_max is not None else float(max(plus.max(), minus.max())) or 1.0
        g_max = w_max / (1 - 1 / self.on_off)
        g_min = g_max / self.on_off
        plus, minus = g_min + np.minimum(plus, w_max), g_min + np.minimum(minus, w_max)
        load, couplings = circuit.loads[0], rail_couplings(circuit)
        g_plus, g_minus = (c.conductance * side for c, side in zip(couplings, (plus, minus), strict=True))
        return ChipLayer(
            circuit=circuit,
            dtype=ideal.dtype,
            wiring=ideal.wiring,
            plus=plus,
            minus=minus,
            g_min=g_min,
            g_max=g_max,
            drop_plus=circuit.diode_drop,
            drop_minus=circuit.diode_drop,
            blocking=False,
            off_share=0.0,
            leak=np.zeros(n_columns),
            capacitance=np.ones(n_columns),
            offset=np.zeros(n_columns),
            ramp_current=np.ones(n_columns),
            injection_plus=circuit.injections[0][0],
            injection_minus=circuit.injections[0][1],
            body_plus=bodies(load.body, g_plus),
            body_minus=bodies(load.body, g_minus),
            width_plus=np.maximum(1.0, load.width_plus * g_plus),
            width_minus=np.maximum(1.0, load.width_minus * g_minus),
            depth=depth,
            phases=ideal.phases,
        )


def process_devices(process: Process, network: Network) -> Devices:
    """The devices of a process, as a range for the weights of a network on its capacitors.

    Where a process has two devices in each synapse, that of the other rail stays at the least conductance. Where it has
    one, the other is missing. Weights are cut at the largest conductance only (`rcspike.energy.clipped`).

    Examples
    --------
    >>> from rcspike.energy import load_process
    >>> network = Network([np.array([[1.0, -0.5]])], Circuit(v_syn=1.0))
    >>> devices = process_devices(load_process("rram"), network)
    >>> round(devices.on_off, 2), [round(w, 2) for w in devices.w_max]
    (11.25, [1.49])
    """
    least, most = process.device_min_conductance, process.device_max_conductance
    on_off = most / least if process.devices_per_synapse == 2 and least > 0 else math.inf
    return Devices(on_off=on_off, w_max=tuple(most for _, most in _weight_ranges(process, network)))


def process_device_model(process: Process, network: Network) -> DeviceModel:
    """The devices of a process for training: their range, and their mismatch, drawn again for every batch.

    All devices have the relative mismatch of the largest resistor, which is that of most of them.

    Examples
    --------
    >>> from rcspike.energy import load_process
    >>> network = Network([np.array([[0.5, -0.02]])], Circuit(v_syn=1.0))
    >>> model = process_device_model(load_process("sky130-poly"), network)
    >>> round(model.proportional, 5), [round(w, 4) for w in (*model.w_min, *model.w_max)]
    (0.00443, [0.01, 0.9999])
    """
    devices, ranges = process_devices(process, network), _weight_ranges(process, network)
    least = tuple(least for least, _ in ranges)
    by_size = process.device_mismatch_by_size * math.sqrt(process.device_min_conductance)
    return DeviceModel(
        off=1 / devices.on_off,
        proportional=math.hypot(process.device_mismatch, by_size),
        w_max=tuple(most for _, most in ranges),
        w_min=least if min(least) > 0 else (),
    )


def _weight_ranges(process: Process, network: Network) -> list[tuple[float, float]]:
    return [weight_range(process, network.circuit, columns_of(layer).rows) for layer in network.layers]

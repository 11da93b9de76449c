"""Synapses as pairs of devices, one on each rail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rcspike._common.arrays import FloatArray, check_array


@dataclass(frozen=True)
class DevicePairs:
    """Synapses of one layer, all arrays float32 or all float64.

    A device of conductance g on the rail E is given as the weight abs(E) g, as if it had no partner. So the
    pair's drive is D = plus (1 - V_D/E+) - minus (1 - V_D/abs(E-)), and its conductance is G = plus/E+ + minus/abs(E-).
    Any D and G >= 0 can be written as such a pair, where one of the two may be negative.

    Parameters
    ----------
    plus, minus : (n_rows, n_columns)
        Devices on the positive and on the negative rail, in V_th / T; as many rows as inputs, or as the wiring makes.
    drive0, conductance0 : (n_columns,), optional
        D0 in V_th / T and G0 >= 0 in 1 / T of elements that conduct from t = 0: bias and leak.
    offset : (n_out,), optional
        Offset of each neuron's threshold from 1, in V_th. The neuron fires as one of voltage v - offset would, which is
        exact on the ideal ramp; voltages of the last layer are read as v - offset. In a single phase it spikes at
        1 + offset, which must be above 0.
    injection : (n_rows, n_columns), optional
        Voltage in V_th that the switches of each pair add to the membrane as they open. By default it is the circuit's,
        once for each device above 0. Single-phase neurons have none.
    loads : (n_rows, 5, n_columns), optional
        How the devices of each pair load the membrane, as `rcspike.functional.device_loads` returns it. By default
        `rcspike.functional.pair_loads` of the circuit, whose load says what bodies such devices have.

    Examples
    --------
    >>> w = np.array([[0.5, -2.0]])
    >>> DevicePairs.of_weights(w).minus
    array([[0., 2.]])
    """

    plus: FloatArray
    minus: FloatArray
    drive0: FloatArray | None = None
    conductance0: FloatArray | None = None
    offset: FloatArray | None = None
    injection: FloatArray | None = None
    loads: FloatArray | None = None

    def __post_init__(self) -> None:
        plus = check_array("plus", self.plus, 2)
        given = {"plus": 2, "minus": 2, "drive0": 1, "conductance0": 1, "offset": 1, "injection": 2, "loads": 3}
        for name, ndim in given.items():
            if name in ("plus", "minus") or getattr(self, name) is not None:
                object.__setattr__(self, name, check_array(name, getattr(self, name), ndim, plus.dtype))

    @classmethod
    def of_weights(cls, weights: FloatArray) -> DevicePairs:
        """Ideal pairs: the weight on the rail of its sign, nothing on the other."""
        return cls(np.maximum(weights, 0), np.maximum(-weights, 0))

"""One layer at a time: encoding, charging phase, firing phase, traces, and their exact gradients.

Arrays are NumPy, C-ordered, float32 or float64. Times are ``(batch, n_in)`` in units of the window T, weights
``(n_in, n_out)`` in V_th / T, voltages ``(batch, n_out)`` in V_th. The dtype of a result is that of the weights; times
of the other precision are converted to it. Results do not depend on the number of threads or on the instruction set.
"""

from rcspike.functional.adam import adam_step
from rcspike.functional.charging_along_wires import charge_wired
from rcspike.functional.charging_phase import charge, charge_affine, charge_affine_vjp, charge_rectified, charge_vjp
from rcspike.functional.charging_with_loads import (
    charge_loaded,
    charge_loaded_vjp,
    device_loads,
    pair_loads,
    pair_switch_widths,
    switch_widths,
)
from rcspike.functional.events import encode, schedule
from rcspike.functional.firing_phase import fire, fire_vjp, readout_times, readout_voltages
from rcspike.functional.learning_rate import decayed_rate
from rcspike.functional.loss import output_loss
from rcspike.functional.membrane_trace import trace
from rcspike.functional.rail_charge import supply_charge, supply_charge_vjp
from rcspike.functional.switch_charge import switch_injection
from rcspike.functional.threshold_crossing import (
    crossing_slope,
    first_spike,
    first_spike_affine,
    first_spike_affine_vjp,
    first_spike_vjp,
)

__all__ = [
    "adam_step",
    "charge",
    "charge_affine",
    "charge_affine_vjp",
    "charge_loaded",
    "charge_loaded_vjp",
    "charge_rectified",
    "charge_vjp",
    "charge_wired",
    "crossing_slope",
    "decayed_rate",
    "device_loads",
    "encode",
    "fire",
    "fire_vjp",
    "first_spike",
    "first_spike_affine",
    "first_spike_affine_vjp",
    "first_spike_vjp",
    "output_loss",
    "pair_loads",
    "pair_switch_widths",
    "readout_times",
    "readout_voltages",
    "schedule",
    "supply_charge",
    "supply_charge_vjp",
    "switch_injection",
    "switch_widths",
    "trace",
]


def __dir__() -> list[str]:
    return __all__

"""The effect of resistive coupling on a sum: voltage and spike time of one neuron against the rails.

python examples/coupling.py
"""

from __future__ import annotations

import math

import numpy as np

from rcspike import Circuit
from rcspike.functional import charge, fire


def main() -> None:
    """Print a line for each V_syn, from strong coupling to none."""
    rng = np.random.default_rng(0)
    times = rng.random((1, 20))  # in T
    weights = rng.normal(0.05, 0.2, size=(20, 1))  # in V_th / T
    print("V_syn / V_th   v(1) / V_th   t_out / T")
    for v_syn in (0.5, 1.0, 2.0, 5.0, 20.0, math.inf):
        circuit = Circuit(v_syn=v_syn)
        v = charge(times, weights, circuit)
        print(f"{v_syn:12g}   {v.item():11.4f}   {fire(v, circuit).item():9.4f}")


if __name__ == "__main__":
    main()

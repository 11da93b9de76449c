"""The engine compared with ngspice on trained networks: ideal synapses, real diodes before and after a fit, end to end.

    python bench/spice.py MODEL... [--digits MODEL] [--images N] [--neurons N] [--csv FILE]

Each MODEL is the folder of a run of `rcspike train mnist`; that of one of `rcspike train digits` goes end to end.

Goals: 0.02 % of T without diodes, 0.5 % of T with a diode's card after a fit of constant rails, and the same class for
every image end to end. Errors are in millionths of V_th, of T and of the energy.

The diodes are that of SKY130 between n+ and p-well, 1 um square (saturation current and emission coefficient as in the
process's open models); the smallest Schottky diode of IHP's SG13G2, 1 um by 0.3 um (main diode of schottky_nbl1 in its
open PDK, commit 5cccb16, typical: 3.829e-10 A times 1.28 times 0.3); and a Schottky diode of 1 nA. A fit uses the
first half of the images, the errors are those of the second half.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike import Network, PhysicalScale, datasets, spice
from rcspike.experiments import Row, write_table
from rcspike.functional import charge, fire

CARDS = {
    "schottky": ".model schottky D(is=1e-9 n=1.05 rs=100)",
    "sky130 n+/p-well": ".model pw2nd D(is=5.15e-15 n=1.2928 rs=981)",
    "ihp nbl1": ".model nbl1 D(is=1.47e-10 n=1.057 rs=1360)",
}
PARAMETERS = ("e_plus", "e_minus", "capacitance")
SCALE = PhysicalScale()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--digits", type=Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    times = datasets.load("mnist").test.times[: options.images]
    for folder in options.models:
        network = Network.load(folder / "model.safetensors")
        for row in chain(layers(network, times, options.neurons), diodes(network, times, options.neurons)):
            rows.append(row)
            print(row, flush=True)
    if options.digits:
        network = Network.load(options.digits / "model.safetensors")
        for row in end_to_end(network, datasets.load("digits").test.times[:20]):
            rows.append(row)
            print(row, flush=True)
    if options.csv:
        write_table(options.csv, rows)


def layers(network: Network, times: NDArray[np.float32], n: int) -> Iterator[Row]:
    for layer in range(1, len(network.weights) + 1):
        found = [spice.compare_layer(network, t, layer, neurons=spread(network, layer, n)) for t in times]
        energy, energy_spice = sum(c.energy for c in found), sum(c.energy_spice for c in found)
        error = {"energy_error_ppm": 1e6 * (energy_spice / energy - 1)}
        yield described("layer", network, layer, np.concatenate([c.t_error for c in found]), v=voltages(found), **error)


def diodes(network: Network, times: NDArray[np.float32], n: int) -> Iterator[Row]:
    """Of the first layer, whose many synapses share the current most unevenly."""
    neurons = spread(network, 1, n)
    half = len(times) // 2
    for name, card in CARDS.items():
        found = [spice.compare_layer(network, t, 1, neurons=neurons, diode=card) for t in times]
        measured = spice.spike_measurements(found[:half], range(half))
        inputs = spice.input_times(network, times, 1)
        resistors = spice.layer_conductances(network.layers[0], SCALE)
        fitted = spice.fit(measured, inputs, *resistors, network.circuit, SCALE, parameters=PARAMETERS)
        twin = spice.calibrated(network, fitted.circuit, fitted.scale, designed=SCALE)
        rest = found[half:]
        yield described(name, network, 1, np.concatenate([c.t_error for c in rest]), v=voltages(rest))
        v = charge(inputs[half:], np.ascontiguousarray(twin.weights[0][:, neurons], dtype=np.float64), twin.circuit)
        t = spice.spike_time_errors(np.array([c.t_out_spice for c in rest]), fire(v, twin.circuit))
        values = {"e_plus": fitted.circuit.e_plus, "e_minus": fitted.circuit.e_minus}
        values["capacitance_fF"] = 1e15 * fitted.scale.capacitance
        v_error = np.array([c.v_spice for c in rest]) - v
        yield described(f"{name}, fitted", network, 1, t, v=v_error, **values)


def end_to_end(network: Network, times: NDArray[np.float32]) -> Iterator[Row]:
    found = [spice.compare_network(network, t) for t in times]
    same = sum(int(np.argmax(c[-1].v) == np.argmax(c[-1].v_spice)) for c in found)
    for layer, comparisons in enumerate(zip(*found, strict=True), start=1):
        t = np.concatenate([c.t_error for c in comparisons])
        yield described("end to end", network, layer, t, v=voltages(comparisons), same_class=f"{same}/{len(times)}")


def described(what: str, network: Network, layer: int, t: NDArray[np.float64], **more: Any) -> Row:
    v = more.pop("v").ravel()
    errors = {"neurons": len(v), "v_rmse_ppm": 1e6 * rms(v), "spiking": len(t), "t_rmse_ppm": 1e6 * rms(t)}
    most = {"t_max_ppm": 1e6 * float(np.max(np.abs(t), initial=0.0))}
    sizes = "-".join(map(str, network.sizes))
    circuit = {"v_syn": network.circuit.e_plus, "diode_drop": network.circuit.diode_drop}
    return {"what": what, "network": sizes, **circuit, "layer": layer, **errors, **most, **more}


def voltages(comparisons: Sequence[spice.Comparison]) -> NDArray[np.float64]:
    return np.concatenate([c.v_error for c in comparisons])


def spread(network: Network, layer: int, n: int) -> list[int]:
    return [int(i) for i in np.unique(np.linspace(0, network.sizes[layer] - 1, n).round())]


def rms(x: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(x**2)))


if __name__ == "__main__":
    main()

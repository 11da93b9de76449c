"""A trained layer at transistor level in SKY130, compared with the engine before and after a fit of its circuit.

    python bench/transistors.py layer MODEL --pdk-root DIR --images 32 --csv FILE
    python bench/transistors.py network MODEL --pdk-root DIR --images 100 --csv FILE

`layer` simulates neurons of the first layer of a run of `rcspike train mnist`: the typical circuit with ideal ramp and
comparator, and with those of transistors; corners and 85 °C with the typical fit; mismatch with a line per neuron.
The first images are for the fit and the calibration, the others are reported. Of each image, it simulates those of
--neurons equally spaced neurons whose voltage is above -0.05 V_th in the engine: the others are silent in both. Spike
times are kept in --cache, where a run that was stopped finds them.

`network` takes a run of `rcspike train digits` end to end: as trained, and after training again for the fitted circuit.
"""

from __future__ import annotations

import argparse
import pickle
import resource
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike import Network, PhysicalScale, datasets, spice, train
from rcspike.experiments import Row, write_table
from rcspike.spice import Measurements, Transistors

Float = NDArray[np.float64]

RAILS = ("e_plus", "e_minus", "capacitance")
SWITCHES = (*RAILS, "delay", "injection_plus", "injection_minus")
ALL = (*SWITCHES, "ramp")


class Table:
    """Spike times of SPICE, one row for each image and neuron, and the energies."""

    def __init__(self) -> None:
        self.image: list[int] = []
        self.neuron: list[int] = []
        self.t: list[float] = []
        self.energy = self.energy_engine = self.ramp = self.comparator = self.processor = 0.0

    def add(self, image: int, c: spice.Comparison) -> None:
        self.image += [image] * len(c.neurons)
        self.neuron += c.neurons.tolist()
        self.t += c.t_out_spice.tolist()
        self.energy += c.measured.energy
        self.energy_engine += c.scale.joules(c.energy)
        self.ramp += c.measured.energy_ramp
        self.comparator += c.measured.energy_comparator

    def columns(self, images: range) -> tuple[NDArray[np.int64], NDArray[np.int64], Float]:
        image, neuron, t = np.array(self.image), np.array(self.neuron), np.array(self.t)
        wanted = np.isin(image, images)
        return image[wanted], neuron[wanted], t[wanted]


def simulated(
    network: Network, times: NDArray[np.float32], n: int | NDArray[np.int64], design: Transistors, cache: Path | None
) -> Table:
    table, layer = Table(), network.layers[0].astype(np.float64)
    if cache is not None and cache.exists():
        table = pickle.loads(cache.read_bytes())
    spaced = np.unique(np.linspace(0, layer.n_out - 1, n).round()).astype(int) if isinstance(n, int) else np.sort(n)
    for image, sample in enumerate(times):
        if image in table.image:
            continue
        v = layer.charge(sample[np.newaxis].astype(np.float64))[0, spaced]
        chosen = spaced[v > -0.05].tolist()
        if chosen:
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            found = spice.compare_layer(
                network, sample, 1, neurons=chosen, scale=design.scale, transistors=design, workers=1
            )
            table.processor += resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
            table.add(image, found)
            print(cache, image, len(table.t), flush=True)
            if cache is not None:
                cache.write_bytes(pickle.dumps(table))
    return table


def fitted(
    network: Network, times: Float, table: Table, images: range, design: Transistors, parameters: Sequence[str]
) -> spice.Fit:
    image, neuron, t = table.columns(images)
    g = spice.layer_conductances(network.layers[0], design.scale)
    start = replace(network.circuit, delay=design.guard)
    measured = Measurements(image, neuron, t * design.scale.window)
    return spice.fit(measured, times, *g, start, design.scale, parameters=parameters)


def twin_times(network: Network, times: Float, fit: spice.Fit, design: Transistors) -> Float:
    """Spike times (n, n_out) of the first layer in the fitted circuit, by the engine."""
    layer = spice.calibrated(network, fit.circuit, fit.scale, designed=design.scale).layers[0].astype(np.float64)
    return np.asarray(layer.fire(layer.charge(times)))


def errors(name: str, table: Table, t: Float, images: range, lines: Float | None = None, **more: Any) -> Row:
    image, neuron, t_spice = table.columns(images)
    t_engine = t[image, neuron]
    if lines is not None:
        t_engine = np.where(t_engine <= 1, lines[neuron, 0] + lines[neuron, 1] * t_engine, t_engine)
    e = 100 * spice.spike_time_errors(t_spice, t_engine)
    row = {"what": name, "spikes": len(e), "rmse_percent": float(np.sqrt(np.mean(e**2)))}
    row |= {"max_percent": float(np.max(np.abs(e))), "images": f"{images.start}-{images.stop - 1}", **more}
    print(row, flush=True)
    return row


def neuron_lines(table: Table, t: Float, images: range) -> Float:
    """Offset and slope (n_out, 2) of each neuron's spike times, as the calibration of a chip finds them."""
    image, neuron, t_spice = table.columns(images)
    lines = np.tile([0.0, 1.0], (t.shape[1], 1))
    for i in np.unique(neuron):
        x, y = t[image[neuron == i], i], t_spice[neuron == i]
        x, y = x[(x < 1) & (y < 1)], y[(x < 1) & (y < 1)]
        if len(x) >= 3:
            lines[i] = np.polynomial.Polynomial.fit(x, y, 1).convert().coef
        elif len(x):
            lines[i, 0] = np.mean(y - x)
    return lines


def described(fit: spice.Fit) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value, error in zip(fit.parameters, fit.values, fit.standard_errors, strict=True):
        found |= {name: float(f"{value:.5g}"), f"{name}_se": float(f"{error:.2g}")}
    return found


def layer_rows(network: Network, times: NDArray[np.float32], o: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    inputs = spice.input_times(network, times, 1)
    fit_images = range(o.fit_images)
    typical = Transistors(pdk=spice.find_pdk(root=o.pdk_root))
    transistors = {"ramp": "mirror", "comparator": "ota"}
    fits: dict[str, spice.Fit] = {}

    def run(name: str, design: Transistors, n_images: int, neurons: NDArray[np.int64] | None = None) -> Table:
        cache = None if o.cache is None else o.cache / f"{name.replace(' ', '')}.pickle"
        table = simulated(network, times[:n_images], o.neurons if neurons is None else neurons, design, cache)
        n = len(table.t)
        row: Row = {"what": f"{name}: cost", "neurons": n, "processor_s": table.processor}
        error = 100 * (table.energy / table.energy_engine - 1)
        row |= {"rails_fJ": 1e15 * table.energy / n, "rails_error_percent": error}
        row |= {"ramp_fJ": 1e15 * table.ramp / n, "comparator_fJ": 1e15 * table.comparator / n}
        print(row, flush=True)
        rows.append(row)
        return table

    def judged(name: str, table: Table, n_images: int, design: Transistors, parameters: Sequence[str]) -> None:
        held = range(o.fit_images, n_images)
        rest = [("rails and C", RAILS), ("fitted", parameters)]
        designed = network.layers[0].astype(np.float64)
        guarded = designed.fire(designed.charge(inputs)) + design.guard
        rows.append(errors(f"{name}: as designed", table, guarded, held))
        for what, names in rest:
            fit = fitted(network, inputs, table, fit_images, design, names)
            t = twin_times(network, inputs, fit, design)
            rows.append(errors(f"{name}: {what}", table, t, held, **described(fit)))
        fits[name] = fit

    few = min(o.few, len(times))
    if "ideal" in o.parts:
        judged("ideal", run("ideal", typical, len(times)), len(times), typical, SWITCHES)
    if "ota" in o.parts:
        design = replace(typical, **transistors)
        judged("ota", run("ota", design, few), few, design, ALL)
    if "corners" in o.parts:
        for what, changed in (("ss", {"corner": "ss"}), ("ff", {"corner": "ff"}), ("85 C", {"celsius": 85.0})):
            table = run(what, replace(typical, **changed), o.corner_images)
            t = twin_times(network, inputs, fits["ideal"], typical)
            rows.append(errors(f"{what}: fit of tt at 27 C", table, t, range(o.corner_images)))
    if "mismatch" in o.parts:
        for name in fits:  # of the neurons that spike most often, so that few images calibrate them
            design = replace(typical, mismatch=1, **(transistors if name == "ota" else {}))
            t = twin_times(network, inputs, fits[name], design)
            often = np.argsort(-np.count_nonzero((t > 0) & (t < 1), axis=0), kind="stable")[: o.mismatch_neurons]
            n_images = len(times)
            table = run(f"{name}, mismatch", design, n_images, often)
            half, held = range(n_images // 2), range(n_images // 2, n_images)
            rows.append(errors(f"{name}, mismatch: typical fit", table, t, held))
            calibration = neuron_lines(table, t, half)
            rows.append(errors(f"{name}, mismatch: line per neuron", table, t, held, calibration))
    return rows


def network_rows(network: Network, dataset: datasets.Dataset, o: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    design = Transistors(pdk=spice.find_pdk(root=o.pdk_root))
    test = dataset.test.times[: o.images]
    fit_times = dataset.train.times[: o.fit_images]
    cache = None if o.cache is None else o.cache / "digits.pickle"
    table = simulated(network, fit_times, network.layers[0].n_out, design, cache)
    inputs = spice.input_times(network, fit_times, 1)
    fit = fitted(network, inputs, table, range(o.fit_images), design, SWITCHES)
    print(described(fit), flush=True)
    real = spice.calibrated(network, fit.circuit, fit.scale, designed=design.scale)
    again = spice.calibrated(network, fit.circuit, fit.scale, designed=design.scale)
    train(again, dataset, epochs=o.epochs, learning_rate=o.learning_rate, seed=1)

    def last_voltages(name: str, net: Network, scale: PhysicalScale) -> Float:
        """Voltages (n, 10) of the last layer by SPICE; the spikes of a layer in SPICE drive the next one."""
        file = None if o.cache is None else o.cache / f"digits-{name}.pickle"
        found: list[Float] = pickle.loads(file.read_bytes()) if file is not None and file.exists() else []
        for t in test[len(found) :]:
            found.append(spice.compare_network(net, t, scale=scale, transistors=design, workers=1)[-1].v_spice)
            print(name, len(found), flush=True)
            if file is not None:
                file.write_bytes(pickle.dumps(found))
        return np.array(found)

    def judged(name: str, net: Network, v_spice: Float) -> None:
        engine, spice_class = np.argmax(net.forward(test), axis=1), np.argmax(v_spice, axis=1)
        labels = dataset.test.labels[: o.images]
        row: Row = {"what": f"digits: {name}", "images": len(test), "same_class": int(np.sum(engine == spice_class))}
        row |= {"spice_right": int(np.sum(spice_class == labels)), "engine_right": int(np.sum(engine == labels))}
        print(row, flush=True)
        rows.append(row)

    before = last_voltages("as trained", network, design.scale)
    judged("as trained", network, before)
    judged("the fitted circuit", real, before)
    judged("trained again", again, last_voltages("trained again", again, fit.scale))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("layer", "network"))
    parser.add_argument("model", type=Path)
    parser.add_argument("--pdk-root", type=Path)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--fit-images", type=int, default=4)
    parser.add_argument("--few", type=int, default=12, help="images of all but the first circuit")
    parser.add_argument("--corner-images", type=int, default=4)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--mismatch-neurons", type=int, default=12)
    parser.add_argument("--parts", default="ideal,ota,corners,mismatch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--floor", type=float, default=0.0, help="weights in V_th / T below this have no synapse")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--csv", type=Path)
    o = parser.parse_args()
    o.parts = o.parts.split(",")
    network = Network.load(o.model / "model.safetensors")
    if o.floor:
        kept = [np.where(np.abs(w) < o.floor, 0, w).astype(w.dtype) for w in network.weights]
        network = Network(kept, network.circuit)
    if o.what == "layer":
        rows = layer_rows(network, datasets.load("mnist").test.times[: o.images], o)
    else:
        rows = network_rows(network, datasets.load("digits"), o)
    if o.csv:
        write_table(o.csv, rows)


if __name__ == "__main__":
    main()

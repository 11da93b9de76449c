"""A trained layer at transistor level in SKY130, compared with the engine before and after a fit of its circuit.

    python bench/transistors.py layer MODEL --pdk-root DIR --images 32 --csv FILE
    python bench/transistors.py network MODEL --pdk-root DIR --images 100 --csv FILE

`layer` simulates neurons of the first layer of a run of `rcspike train mnist`: the typical circuit with ideal ramp and
comparator, and with those of transistors; corners and 85 °C with the typical fit; mismatch with an offset per neuron.
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

from rcspike import Network, datasets, spice, train
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


def simulated(network: Network, times: NDArray[np.float32], n: int, design: Transistors, cache: Path | None) -> Table:
    table, layer = Table(), network.layers[0].astype(np.float64)
    if cache is not None and cache.exists():
        table = pickle.loads(cache.read_bytes())
    spaced = np.unique(np.linspace(0, layer.n_out - 1, n).round()).astype(int)
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


def errors(name: str, table: Table, t: Float, images: range, offsets: Float | None = None, **more: Any) -> Row:
    image, neuron, t_spice = table.columns(images)
    t_engine = t[image, neuron]
    if offsets is not None:
        t_engine = np.where(t_engine <= 1, t_engine + offsets[neuron], t_engine)
    e = 100 * spice.spike_time_errors(t_spice, t_engine)
    row = {"what": name, "spikes": len(e), "rmse_percent": float(np.sqrt(np.mean(e**2)))}
    row |= {"max_percent": float(np.max(np.abs(e))), "images": f"{images.start}-{images.stop - 1}", **more}
    print(row, flush=True)
    return row


def neuron_offsets(table: Table, t: Float, images: range) -> Float:
    """Mean difference of each neuron, as the calibration of a chip finds it; 0 for neurons that did not spike."""
    image, neuron, t_spice = table.columns(images)
    offsets = np.zeros(t.shape[1])
    for i in np.unique(neuron):
        e = t_spice[neuron == i] - t[image[neuron == i], i]
        e = e[np.isfinite(e) & (t_spice[neuron == i] < 1)]
        offsets[i] = np.mean(e) if len(e) else 0.0
    return offsets


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

    def run(name: str, design: Transistors, n_images: int) -> Table:
        cache = None if o.cache is None else o.cache / f"{name.replace(' ', '')}.pickle"
        table = simulated(network, times[:n_images], o.neurons, design, cache)
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
        design = replace(typical, mismatch=1, **(transistors if "ota" in fits else {}))
        table = run("mismatch", design, few)
        half, held = range(few // 2), range(few // 2, few)
        for name, fit in (("typical fit", fits.get("ota", fits["ideal"])),):
            t = twin_times(network, inputs, fit, design)
            rows.append(errors(f"mismatch: {name}", table, t, held))
            rows.append(errors("mismatch: offset per neuron", table, t, held, neuron_offsets(table, t, half)))
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

    def judged(name: str, net: Network, found: list[list[spice.Comparison]]) -> None:
        engine = (
            np.argmax([c[-1].v for c in found], axis=1) if net is not real else np.argmax(net.forward(test).v, axis=1)
        )
        spice_class = np.argmax([c[-1].v_spice for c in found], axis=1)
        labels = dataset.test.labels[: o.images]
        row: Row = {"what": f"digits: {name}", "images": len(test), "same_class": int(np.sum(engine == spice_class))}
        row |= {"spice_right": int(np.sum(spice_class == labels)), "engine_right": int(np.sum(engine == labels))}
        print(row, flush=True)
        rows.append(row)

    found = [spice.compare_network(network, t, scale=design.scale, transistors=design, workers=1) for t in test]
    judged("as trained", network, found)
    judged("the fitted circuit", real, found)
    found = [spice.compare_network(again, t, scale=fit.scale, transistors=design, workers=1) for t in test]
    judged("trained again", again, found)
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
    parser.add_argument("--parts", default="ideal,ota,corners,mismatch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--csv", type=Path)
    o = parser.parse_args()
    o.parts = o.parts.split(",")
    network = Network.load(o.model / "model.safetensors")
    if o.what == "layer":
        rows = layer_rows(network, datasets.load("mnist").test.times[: o.images], o)
    else:
        rows = network_rows(network, datasets.load("digits"), o)
    if o.csv:
        write_table(o.csv, rows)


if __name__ == "__main__":
    main()

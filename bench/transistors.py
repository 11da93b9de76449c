"""A trained layer at transistor level in SKY130, compared with the engine before and after a fit of its circuit.

    python bench/transistors.py layer MODEL --pdk-root DIR --images 32 --csv FILE
    python bench/transistors.py speed MODEL --pdk-root DIR
    python bench/transistors.py network MODEL --pdk-root DIR --images 100 --csv FILE
    python bench/transistors.py diodes MODEL --pdk-root DIR --images 14 --few 6 --csv FILE

`layer` simulates neurons of the first layer of a run of `rcspike train mnist`: the typical circuit with ideal ramp and
comparator, and with those of transistors; corners and 85 °C with the typical fit, with the ramp as designed and with
one that a replica trims; mismatch with a line per neuron.
Each is reported with the engine's layer, and with columns whose rows load the membrane while they do not conduct.
The first images are for the fit and the calibration, the others are reported. Of each image, it simulates those of
--neurons equally spaced neurons whose voltage is above -0.05 V_th in the engine: the others are silent in both. Spike
times are kept in --cache, where a run that was stopped finds them.

`diodes` has synapses with diodes: a column of 32 rows with random weights and spikes, and with --images above 0 those
--few neurons of the first layer of a run of `rcspike train mnist --v-syn 2 --diode-drop 1.2` that spike most often.

`network` takes a run of `rcspike train digits` end to end: as trained, and after training again for the fitted circuit.
"""

from __future__ import annotations

import argparse
import pickle
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcspike import Circuit, Network, PhysicalScale, datasets, spice, train
from rcspike.experiments import Row, write_table
from rcspike.spice import Measurements, Transistors

Float = NDArray[np.float64]

RAILS = ("e_plus", "e_minus", "capacitance")
SWITCHES = (*RAILS, "delay", "injection_plus", "injection_minus")
ALL = (*SWITCHES, "ramp")
DROP = ("diode_drop", *SWITCHES[1:])
NONE = (0.0, 0.0)


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
    network: Network,
    times: NDArray[np.float32],
    images: range,
    n: int | NDArray[np.int64],
    design: Transistors,
    cache: Path | None,
) -> Table:
    table, layer = Table(), network.layers[0].astype(np.float64)
    if cache is not None and cache.exists():
        table = pickle.loads(cache.read_bytes())
    spaced = np.unique(np.linspace(0, layer.n_out - 1, n).round()).astype(int) if isinstance(n, int) else np.sort(n)
    for image in images:
        if image in table.image:
            continue
        sample = times[image]
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
    network: Network,
    times: Float,
    table: Table,
    images: range,
    design: Transistors,
    parameters: Sequence[str],
    junction: tuple[float, float] = (0.0, 0.0),
) -> spice.Fit:
    g = spice.layer_conductances(network.layers[0], design.scale)
    start = replace(network.circuit, delay=design.guard)
    measured = measurements(table, images, design)
    return spice.fit(measured, times, *g, start, design.scale, parameters=parameters, junction=junction)


def measurements(table: Table, images: range, design: Transistors) -> Measurements:
    image, neuron, t = table.columns(images)
    return Measurements(image, neuron, t * design.scale.window)


def twin_times(
    network: Network,
    times: Float,
    fit: spice.Fit,
    design: Transistors,
    junction: tuple[float, float] = (0.0, 0.0),
    neurons: NDArray[np.int64] | None = None,
    corner: Transistors | None = None,
) -> Float:
    """Spike times (n, n_out) of the first layer in the fitted circuit, by the engine; some neurons with junctions.

    In another corner than that of the fit, the engine knows the idle columns of both.
    """
    layer = spice.calibrated(network, fit.circuit, fit.scale, designed=design.scale).layers[0].astype(np.float64)
    layer, scale = (layer, fit.scale) if corner is None else spice.in_corner(layer, fit.scale, design, corner)
    v = layer.charge(times)
    if junction != (0, 0):
        plus, minus = (np.ascontiguousarray(g[:, neurons]) for g in spice.layer_conductances(layer, scale))
        v[:, neurons] = spice.column_voltages(times, plus, minus, layer.circuit, scale, junction=junction)
    return spice.ramp_times(v, layer.circuit)


def rails_error(network: Network, times: Float, table: Table, fit: spice.Fit, design: Transistors) -> float:
    """Energy of the rails in SPICE over that of the fitted circuit by the engine, minus 1, in per cent."""
    layer = spice.calibrated(network, fit.circuit, fit.scale, designed=design.scale).layers[0].astype(np.float64)
    joules = spice.rail_energy(layer, times, fit.scale, design)
    return float(100 * (table.energy / np.sum(joules[table.image, table.neuron]) - 1))


def errors(name: str, table: Table, t: Float, images: range, only: NDArray[np.bool_] | None = None, **more: Any) -> Row:
    """Of all neurons, or only of some of them, a mask (n_out,)."""
    image, neuron, t_spice = table.columns(images)
    if only is not None:
        image, neuron, t_spice = image[only[neuron]], neuron[only[neuron]], t_spice[only[neuron]]
    e = 100 * spice.spike_time_errors(t_spice, t[image, neuron])
    row = {"what": name, "spikes": len(e), "rmse_percent": float(np.sqrt(np.mean(e**2)))}
    row |= {"max_percent": float(np.max(np.abs(e))), "images": f"{images.start}-{images.stop - 1}", **more}
    print(row, flush=True)
    return row


def described(fit: spice.Fit) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value, error in zip(fit.parameters, fit.values, fit.standard_errors, strict=True):
        if name == "capacitance":
            name, value, error = "capacitance_pF", 1e12 * value, 1e12 * error
        found |= {name: float(f"{value:.5g}"), f"{name}_se": float(f"{error:.2g}")}
    return found


def layer_rows(network: Network, times: NDArray[np.float32], o: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    inputs = spice.input_times(network, times, 1)
    fit_images = range(o.fit_images)
    typical = Transistors(pdk=spice.find_pdk(root=o.pdk_root))
    transistors = {"ramp": "mirror", "comparator": "ota"}
    fits: dict[tuple[str, bool], spice.Fit] = {}  # by name, and whether the junctions are known

    def run(name: str, design: Transistors, images: range, neurons: NDArray[np.int64] | None = None) -> Table:
        cache = None if o.cache is None else o.cache / f"{name.replace(' ', '')}.pickle"
        table = simulated(network, times, images, o.neurons if neurons is None else neurons, design, cache)
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
        some = np.unique(table.neuron)
        designed = network.layers[0].astype(np.float64)
        guarded = designed.fire(designed.charge(inputs)) + design.guard
        rows.append(errors(f"{name}: as designed", table, guarded, held))
        rest = [("rails and C", RAILS, NONE), ("fitted", parameters, NONE)]
        for what, names, junction in (*rest, ("fitted, junctions", parameters, design.loads)):
            fit = fitted(network, inputs, table, fit_images, design, names, junction)
            t = twin_times(network, inputs, fit, design, junction, some)
            more = described(fit)
            if junction == NONE:
                more["rails_error_percent"] = rails_error(network, inputs, table, fit, design)
            rows.append(errors(f"{name}: {what}", table, t, held, **more))
            fits[name, junction != NONE] = fit

    few = min(o.few, len(times))
    if "ideal" in o.parts:
        judged("ideal", run("ideal", typical, range(len(times))), len(times), typical, SWITCHES)
    if "ota" in o.parts:
        design = replace(typical, **transistors)
        judged("ota", run("ota", design, range(few)), few, design, ALL)
    if "corners" in o.parts:
        held = range(o.fit_images, o.fit_images + o.corner_images)
        changes: dict[str, dict[str, Any]] = {corner: {"corner": corner} for corner in ("ss", "ff", "sf", "fs")}
        for what, changed in {**changes, "85 C": {"celsius": 85.0}}.items():
            for name, replica in ((what, False), (f"{what}, replica", True)):
                here = replace(typical, replica=replica, **changed)
                table = run(name, here, held)
                some = np.unique(table.neuron)
                for said, junction in (("", NONE), (", junctions", typical.loads)):
                    fit = fits["ideal", junction != NONE]
                    for known, corner in (("", None), (", idle column", here)):
                        t = twin_times(network, inputs, fit, typical, junction, some, corner)
                        rows.append(errors(f"{name}: fit of tt at 27 C{known}{said}", table, t, held))
    if "mismatch" in o.parts:
        often = often_spiking(network, o.mismatch_neurons)
        first, held = range(o.calibration_images), range(o.calibration_images, o.mismatch_images)
        name = "ota" if ("ota", True) in fits else "ideal"
        design = replace(typical, mismatch=1, **(transistors if name == "ota" else {}))
        table = run(f"{name}, mismatch", design, range(o.mismatch_images), often)
        for junction in (NONE, design.loads):
            t = twin_times(network, inputs, fits[name, junction != NONE], design, junction, often)
            said = f"{name}, mismatch" + (", junctions" if junction != NONE else "")
            known = spice.calibrate_neurons(measurements(table, first, design), t, design.scale)
            some = known.n > 0
            rows.append(errors(f"{said}: typical fit", table, t, held, some))
            found = {"spikes_of_calibration": int(np.sum(known.n)), "neurons": int(np.count_nonzero(some))}
            rows.append(errors(f"{said}: line per neuron", table, known.times(t), held, some, **found))
    return rows


def often_spiking(network: Network, n: int) -> NDArray[np.int64]:
    """The neurons of the first layer that spike in most of 60 images, so that few images calibrate them."""
    v = network.layers[0].astype(np.float64).charge(datasets.load("mnist").test.times[:60].astype(np.float64))
    return np.sort(np.argsort(-np.count_nonzero((v > 0) & (v < 1), axis=0), kind="stable")[:n])


def speed_rows(network: Network, times: NDArray[np.float32], o: argparse.Namespace) -> list[Row]:
    """Time of one image in 8 columns of 32 rows, and in 50 neurons of the first layer, with one simulator at a time."""
    rows: list[Row] = []
    design = Transistors(pdk=spice.find_pdk(root=o.pdk_root))
    small = Network.create([32, 8], network.circuit, seed=0)
    for name, net, sample in (("32 x 8", small, np.linspace(0, 0.9, 32)), ("784 x 50", network, times[0])):
        neurons = np.unique(np.linspace(0, net.layers[0].n_out - 1, 50).round()).astype(int).tolist()
        start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        spice.compare_layer(net, sample, 1, neurons=neurons, scale=design.scale, transistors=design, workers=1)
        row: Row = {"what": name, "seconds": time.perf_counter() - start}
        row["processor_s"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
        print(row, flush=True)
        rows.append(row)
    return rows


def diode_rows(network: Network, times: NDArray[np.float32], o: argparse.Namespace) -> list[Row]:
    """Synapses with diodes before and after a fit; rails of 0.9 V around rest, a threshold of 0.45 V and 1 pF."""
    rows: list[Row] = []
    rng = np.random.default_rng(5)
    small = Network([rng.normal(0.25, 0.45, (32, 8))], Circuit(v_syn=2.0, diode_drop=1.35))
    samples = np.where(rng.random((8, 32)) < 0.8, rng.random((8, 32)), np.inf)
    cases: list[tuple[str, Network, Any, Any]] = [("32 x 8", small, samples, np.arange(8))]
    if o.images:
        cases.append((f"784 x {o.few}", network, times, often_spiking(network, o.few)))
    for name, net, sample, neurons in cases:
        scale = PhysicalScale(capacitance=1e-12, v_th=0.45)
        rails = scale.volts(net.circuit.e_plus), scale.volts(net.circuit.e_minus)
        design = Transistors(pdk=spice.find_pdk(root=o.pdk_root), scale=scale, rails=rails, synapse="diode")
        cache = None if o.cache is None else o.cache / f"diodes-{len(neurons)}.pickle"
        table = simulated(net, sample, range(len(sample)), neurons, design, cache)
        inputs, first = spice.input_times(net, sample, 1), range(o.fit_images)
        held, layer = range(o.fit_images, len(sample)), net.layers[0].astype(np.float64)
        rows.append(errors(f"{name}: as designed", table, layer.fire(layer.charge(inputs)) + design.guard, held))
        for what, names in (("rails and C", RAILS), ("drop, lower rail, C, delay, charge", DROP)):
            fit = fitted(net, inputs, table, first, design, names)
            rows.append(errors(f"{name}: {what}", table, twin_times(net, inputs, fit, design), held, **described(fit)))
        rows[-1]["rails_error_percent"] = rails_error(net, inputs, table, fit, design)
    return rows


def network_rows(network: Network, dataset: datasets.Dataset, o: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    design = Transistors(pdk=spice.find_pdk(root=o.pdk_root))
    test = dataset.test.times[: o.images]
    fit_times = dataset.train.times[: o.fit_images]
    cache = None if o.cache is None else o.cache / "digits.pickle"
    table = simulated(network, fit_times, range(o.fit_images), network.layers[0].n_out, design, cache)
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
    parser.add_argument("what", choices=("layer", "speed", "network", "diodes"))
    parser.add_argument("model", type=Path)
    parser.add_argument("--pdk-root", type=Path)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--fit-images", type=int, default=4)
    parser.add_argument("--few", type=int, default=12, help="images of all but the first circuit")
    parser.add_argument("--corner-images", type=int, default=4, help="images after those of the fit")
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--mismatch-neurons", type=int, default=10)
    parser.add_argument("--mismatch-images", type=int, default=16)
    parser.add_argument("--calibration-images", type=int, default=8)
    parser.add_argument("--parts", default="ideal,ota,corners,mismatch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--floor", type=float, default=0.0, help="weights in V_th / T below this have no synapse")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--csv", type=Path)
    o = parser.parse_args()
    o.parts = o.parts.split(",")
    if o.cache is not None:
        o.cache.mkdir(parents=True, exist_ok=True)
    network = Network.load(o.model / "model.safetensors")
    if o.floor:
        kept = [np.where(np.abs(w) < o.floor, 0, w).astype(w.dtype) for w in network.weights]
        network = Network(kept, network.circuit)
    if o.what == "speed":
        rows = speed_rows(network, datasets.load("mnist").test.times[:1], o)
    elif o.what == "diodes":
        rows = diode_rows(network, datasets.load("mnist").test.times[: o.images], o)
    elif o.what == "layer":
        rows = layer_rows(network, datasets.load("mnist").test.times[: o.images], o)
    else:
        rows = network_rows(network, datasets.load("digits"), o)
    if o.csv:
        write_table(o.csv, rows)


if __name__ == "__main__":
    main()

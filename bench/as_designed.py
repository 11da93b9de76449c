"""Columns of SKY130's transistors, poly bodies and all weights of a layer, against the engine with nothing fitted.

    python bench/as_designed.py MODEL [--process FILE] [--layer N] [--images N] [--neurons N] [--constant NAME=VALUE]
                                [--data DIR] [--csv FILE]

MODEL is a folder with a model of MNIST on sky130-poly, such as one of `rcspike train mnist --process sky130-poly`, or
that of a design of `rcspike design`, with its process.toml. One layer, by default the first, is simulated on its
capacitor, window and rails: nfets and pfets at the rails, each as wide as its resistor needs (`switch_margin` of the
process), resistors as lines of ten sections, rows that do not conduct in groups, an ideal comparator, and an ideal ramp
that a replica trims. The resistor that is drawn is that of the weight less the resistance of its switch at the rail.
The engine has the loads and charges of the process, as the model was trained. Of each test image, those of --neurons
equally spaced neurons are simulated that are not far below rest in the engine. The device models are those of the
package sky130, or PDK_ROOT. Each image adds its spikes to --csv; images that it has are not simulated again.

Beside it: parameters of the engine fitted to the spikes of the first half of the images, and the spikes of the other
half against the fitted engine and against the one as designed.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rcspike import Circuit, Network, PhysicalScale, datasets, load_process, spice
from rcspike.energy import operating_point
from rcspike.experiments import Row, write_table
from rcspike.spice import Measurements, ResistorBody, Transistors

GUARD = 0.05  # T, in which the lines of the resistors settle before the ramp
FITTED = ("e_plus", "e_minus", "capacitance", "delay", "injection_plus", "injection_minus")


def measured(rows: Sequence[Row], scale: PhysicalScale) -> Measurements:
    """The simulated spikes, with times in s."""
    image, neuron = (np.array([int(row[name]) for row in rows]) for name in ("image", "neuron"))
    return Measurements(image, neuron, scale.seconds(np.array([float(row["simulated"]) for row in rows])))


def fitted(rows: list[Row], times: np.ndarray, engine: Network, designed: Network, scale: PhysicalScale) -> None:
    """Fit an engine to the spikes of one half of the images, and print how far it is from those of the other half."""
    half = 1 + int(rows[-1]["image"]) // 2
    before, held_out = ([row for row in rows if (int(row["image"]) < half) == first] for first in (True, False))
    if len(before) < 3 * len(FITTED):
        print(f"{len(before)} spikes are too few to fit {len(FITTED)} parameters")
        return
    g_plus, g_minus = spice.layer_conductances(designed.layers[0], scale)
    result = spice.fit(measured(before, scale), times, g_plus, g_minus, engine.circuit, scale, parameters=FITTED)
    injections = dict(zip(FITTED[-2:], engine.circuit.injections[0], strict=True))
    design = {**engine.circuit.parameters, **injections, "capacitance": scale.capacitance}
    for name, *value in zip(result.parameters, result.values, result.lower, result.upper, strict=True):
        print("fitted {}: {:.5g} (95 %: {:.5g} to {:.5g}), as designed {:.5g}".format(name, *value, design[name]))
    real = spice.calibrated(designed, result.circuit, result.scale, designed=scale)
    t = {
        name: 1 - one.layers[0].charge(times) + one.circuit.delay
        for name, one in (("as designed", engine), ("fitted", real))
    }
    for name, of in t.items():
        e = [100 * (float(row["simulated"]) - of[int(row["image"]), int(row["neuron"])]) for row in held_out]
        print(f"{len(e)} spikes of images from {half} on against the engine {name}: {summary(np.array(e))}")


def summary(e: np.ndarray) -> str:
    return f"rms {np.sqrt(np.mean(e**2)):.3f}, mean {e.mean():+.3f}, largest {np.abs(e).max():.3f} % of T"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--process", default="sky130-poly")
    parser.add_argument("--layer", type=int, default=1)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--constant", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    constants = {name: float(value) for name, value in (text.split("=") for text in options.constant)}
    process = load_process(options.process).with_values(**constants)
    network = Network.load(options.model / "model.safetensors")
    weights = network.weights[options.layer - 1].astype(np.float64)
    ideal = Circuit(v_syn=network.circuit.e_plus)
    point = operating_point(ideal, process)
    circuit = replace(point.with_switches((len(weights), weights.shape[1])), delay=0.0)
    design = spice.with_switch_resistance(
        Transistors(
            pdk=spice.find_pdk(),
            scale=point.scale(len(weights)),
            rails=(process.v_rail, -process.v_rail),
            guard=GUARD,
            replica=True,
            width_per_siemens=(
                process.switch_margin * process.switch_resistance_plus,
                process.switch_margin * process.switch_resistance_minus,
            ),
            body=ResistorBody(capacitance_per_ohm=process.device_capacitance_per_ohm),
        )
    )
    engines = {"as designed": Network([weights], circuit), "ideal": Network([weights], ideal)}
    images = datasets.load("mnist", directory=options.data).test.times[: options.images]
    times = [*network.walk(images)][options.layer - 1].times.astype(np.float64)
    chosen = np.linspace(0, weights.shape[1] - 1, options.neurons).astype(int)
    rows: list[Row] = []
    if options.csv and options.csv.exists():
        rows += csv.DictReader(options.csv.open(newline=""))
    done = {int(row["image"]) for row in rows}
    for image, sample in enumerate(times):
        if image in done:
            continue
        v = {name: engine.layers[0].charge(sample[np.newaxis])[0] for name, engine in engines.items()}
        some = chosen[v["as designed"][chosen] > -0.05]
        if not len(some):
            continue
        found = spice.compare_layer(
            engines["ideal"], sample, 1, neurons=some.tolist(), scale=design.scale, transistors=design, workers=2
        )
        t, simulated = {name: 1 - of[some] for name, of in v.items()}, found.t_out_spice - GUARD
        for i in np.flatnonzero(np.isfinite(simulated) & (t["as designed"] > 0.02) & (t["as designed"] < 0.98)):
            row: Row = {"image": image, "neuron": int(some[i]), "simulated": float(simulated[i])}
            rows.append(row | {name: float(of[i]) for name, of in t.items()})
        if options.csv and rows:
            write_table(options.csv, rows)
        print(f"{image + 1} images, {len(rows)} spikes", flush=True)
    for name in engines:
        e = 100 * np.array([float(row["simulated"]) - float(row[name]) for row in rows])
        print(f"{len(e)} spikes against the engine {name}: {summary(e)}")
    fitted(rows, times, engines["as designed"], engines["ideal"], design.scale)


if __name__ == "__main__":
    main()

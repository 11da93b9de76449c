"""Columns of SKY130's transistors, poly bodies and all weights of a layer, against the engine with nothing fitted.

    python bench/as_designed.py MODEL [--images N] [--neurons N] [--constant NAME=VALUE] [--data DIR] [--csv FILE]

MODEL is a run of `rcspike train mnist --process sky130-poly`, whose first layer is simulated on its capacitor, window
and rails: nfets and pfets at the rails, each as wide as its resistor needs (`switch_margin` of the process), resistors
as lines of ten sections, rows that do not conduct in groups, an ideal comparator, and an ideal ramp that a replica
trims. The resistor that is drawn is that of the weight less the resistance of its switch at the rail. The engine has
the loads and charges of the process, as the model was trained. Of each test image, those of --neurons equally spaced
neurons are simulated that are not far below rest in the engine. The device models are those of the package sky130, or
PDK_ROOT. Each image adds its spikes to --csv.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from rcspike import Circuit, Network, datasets, load_process, spice
from rcspike.energy import operating_point
from rcspike.experiments import Row, write_table
from rcspike.spice import ResistorBody, Transistors

GUARD = 0.05  # T, in which the lines of the resistors settle before the ramp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--constant", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    constants = {name: float(value) for name, value in (text.split("=") for text in options.constant)}
    process = load_process("sky130-poly").with_values(**constants)
    weights = Network.load(options.model / "model.safetensors").weights[0].astype(np.float64)
    point = operating_point(Circuit(v_syn=1.0), process)
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
    engines = {"as designed": Network([weights], circuit), "ideal": Network([weights], Circuit(v_syn=1.0))}
    times = datasets.load("mnist", directory=options.data).test.times[: options.images].astype(np.float64)
    chosen = np.linspace(0, weights.shape[1] - 1, options.neurons).astype(int)
    rows: list[Row] = []
    for image, sample in enumerate(times):
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
        for name in engines:
            e = 100 * np.array([float(one["simulated"]) - float(one[name]) for one in rows])
            rms, mean, largest = np.sqrt(np.mean(e**2)), e.mean(), np.abs(e).max()
            print(
                f"{image + 1} images, {len(e)} spikes against the engine {name}: rms {rms:.3f}, mean {mean:+.3f}, "
                f"largest {largest:.3f} % of T",
                flush=True,
            )


if __name__ == "__main__":
    main()

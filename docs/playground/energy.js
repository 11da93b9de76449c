// Energy of an inference in joules, part by part: the formulas of rcspike/energy, which docs/energy.md derives, for dense
// layers in a process with switches. They depend on the rails and the weights of the moment, so that no table made in
// Python could have them; tests/test_playground_engine.py compares each part with Python's. `p` has the constants of the
// process by their names in its file, in SI units.

const squared = (x) => x * x;

/** C in F of a neuron with so many rows: its drawn capacitor, its column, and both. */
export function capacitances(p, rows) {
  const drawn = Math.max(p.capacitance, rows * p.capacitance_per_row);
  const column = rows * (p.column_wire_capacitance + 2 * p.column_junction_capacitance);
  return { drawn, column, membrane: drawn + column };
}

/** Threshold and supplies in V, seen from rest; where a rail is infinite, those of current sources. */
export function operatingPoint(p, { e_plus, e_minus }) {
  const rails = [e_plus, -e_minus];
  const v_th = Math.min(p.v_th, ...rails.filter(Number.isFinite).map((rail) => p.v_rail / rail));
  const [v_plus, below] = rails.map((rail) => (Number.isFinite(rail) ? rail * v_th : v_th + p.headroom));
  return { v_th, v_plus, v_minus: -below };
}

/** A neuron of `engine.neuron` in SI units: its capacitor and voltages, and the resistor of each synapse at the end. */
export function inVolts(p, neuron, rows) {
  const { v_th } = operatingPoint(p, neuron), capacitance = capacitances(p, rows).membrane;
  return {
    ...neuron, capacitance, window: p.window, v_th,
    v_plus: neuron.e_plus * v_th, v_minus: neuron.e_minus * v_th, drop: neuron.diode_drop * v_th,
    synapses: neuron.synapses.map((one) => [...one, p.window / capacitance / one.at(-1)]),
  };
}

/** Mean widths of the switches to either rail, in narrowest ones; current sources have narrowest ones. */
function switchWidths(p, weights, rows, { e_plus, e_minus }) {
  if (!Number.isFinite(e_plus) || !Number.isFinite(e_minus)) return { plus: 1, minus: 1 };
  const pairs = p.devices_per_synapse === 2, least = pairs ? p.device_min_conductance : 0;
  const unit = capacitances(p, rows).membrane / p.window;
  const mean = (sign, rail, ohms) => {
    let sum = 0;
    for (let i = 0; i < weights.length; ++i) {  // a function for each weight would take most of the time of a picture
      const g = (Math.max(sign * weights[i], 0) / rail) * unit;
      if (g > 0 || pairs) sum += Math.max(1, p.switch_margin * ohms * (g + least));
    }
    return sum / weights.length;
  };
  return { plus: mean(1, e_plus, p.switch_resistance_plus), minus: mean(-1, -e_minus, p.switch_resistance_minus) };
}

/** Axon lines of a capacitance in F for each column that they pass, and their drivers. */
const lineParts = (p, { spikes, columns }, capacitance, swing) => ({
  "axon lines": squared(swing) * capacitance * spikes * columns,
  "drivers":
    spikes * columns * p.driver_overhead * capacitance * squared(p.v_logic) + 2 * spikes * p.level_shifter_energy,
});

/** The parts that every circuit has. `across` is the voltage over the open switches of a synapse times their widths. */
function neuronParts(p, done, ramps, unitCharge, across) {
  const { rows, columns, q_ramp, watching, duration } = done;
  const period = p.window * (ramps ? 3 : duration + 1), deciding = ramps ? columns * p.comparator_time : watching;
  return {
    "ramp": q_ramp * unitCharge * (p.v_highest - p.v_rest),
    "references": p.reference_current * p.v_logic * period,
    "comparators": deciding * p.comparator_current * p.v_logic * p.window,
    "reset": columns * p.reset_capacitance * squared(p.v_logic),
    "leakage": (rows * columns * p.switch_off_current * across + columns * p.neuron_leakage * p.v_logic) * period,
  };
}

/** RC-Spike, or current sources where the rails of `circuit` are infinite. */
function onRails(p, done, ramps, weights, circuit, { v_th, v_plus, v_minus }) {
  const drop = circuit.diode_drop * v_th, unitCharge = capacitances(p, done.rows).membrane * v_th;
  const dropPlus = Number.isFinite(circuit.e_plus) ? drop : 0, dropMinus = Number.isFinite(circuit.e_minus) ? drop : 0;
  const { plus, minus } = switchWidths(p, weights, done.rows, circuit);
  const lines = 2 * p.row_wire_capacitance + p.switch_gate_capacitance * (plus + minus);
  return {
    ...lineParts(p, done, lines, p.v_logic),
    "positive synapses": (done.q_plus + done.opened_plus) * unitCharge * (v_plus - dropPlus),
    "negative synapses": (done.q_minus + done.opened_minus) * unitCharge * (v_minus + dropMinus),
    "selector drop": (done.q_plus * dropPlus - done.q_minus * dropMinus) * unitCharge,
    "op-amps": 0,
    ...neuronParts(p, done, ramps, unitCharge, v_plus * plus - v_minus * minus),
  };
}

/** Resistors at a small read voltage into op-amps, each of which holds its column at a virtual ground. */
function virtualGround(p, done, ramps, { v_th }) {
  const { drawn, column } = capacitances(p, done.rows), unitCharge = drawn * v_th;
  const current = (done.columns * p.opamp_branches * column) / (p.opamp_settling * p.window * p.opamp_efficiency);
  const moved = (done.q_net + done.q_ramp) * unitCharge * (p.v_highest - p.v_rest);
  return {
    ...lineParts(p, done, 2 * (p.row_wire_capacitance + p.column_junction_capacitance), p.read_voltage),
    "positive synapses": done.q_plus * unitCharge * p.read_voltage,
    "negative synapses": -done.q_minus * unitCharge * p.read_voltage,
    "selector drop": 0,
    "op-amps": current * p.v_logic * p.opamp_phases * p.window + moved,
    ...neuronParts(p, done, ramps, unitCharge, 0),  // idle rows are at the virtual ground too
  };
}

/**
 * Joules of each circuit, part and layer. `layers` has the activity of each with rows, columns, weights and circuit.
 * Two-phase networks are compared with the two conventional circuits that compute the same.
 */
export function energies(p, ramps, layers) {
  const byPart = (parts) =>
    Object.fromEntries(Object.keys(parts[0]).map((name) => [name, parts.map((one) => one[name])]));
  const points = layers.map(({ circuit }) => operatingPoint(p, circuit)), circuits = {};
  if (layers.some(({ circuit }) => Number.isFinite(circuit.e_plus) || Number.isFinite(circuit.e_minus))) {
    circuits["RC-Spike"] =
      byPart(layers.map((done, l) => onRails(p, done, ramps, done.weights, done.circuit, points[l])));
  }
  if (ramps) {
    circuits["virtual ground"] = byPart(layers.map((done, l) => virtualGround(p, done, ramps, points[l])));
    circuits["current sources"] = byPart(layers.map((done, l) => {
      const { v_th } = points[l], supply = v_th + p.headroom;
      const sources = { e_plus: Infinity, e_minus: -Infinity, diode_drop: 0 };
      return onRails(p, done, ramps, done.weights, sources, { v_th, v_plus: supply, v_minus: -supply });
    }));
  }
  return circuits;
}

// A neuron as a netlist for ngspice: the subcircuits are those of rcspike.spice, the values those of the engine.

const si = (x) => String(Number(x.toPrecision(9)));
const EDGE = 1e-6;  // rise time of a spike in T, as in rcspike.spice

/** One two-phase neuron: its inputs charge it from 0 to T, its ramp runs from T to 2 T. `libraries` has the text of the
 * subcircuits, "none" and "constant" for synapses without and with a diode's drop. */
export function netlist(details, libraries, title) {
  const T = details.window, half = 0.5 * EDGE * T;
  const edge = (t) => [si(Math.max(t, half) - half), si(Math.max(t, half) + half)];
  const [fall0, fall1] = edge(T);
  const slope = details.ramp === 0 ? 1 : -Math.log1p(-details.ramp) / details.ramp;
  const current = (slope * details.capacitance * details.v_th) / T;
  const drop = details.drop > 0 ? ` v_d=${si(details.drop)}` : "";
  const lines = [
    `* ${title}`,
    libraries[details.drop > 0 ? "constant" : "none"],
    `Vplus plus 0 ${si(details.v_plus)}`, `Vminus minus 0 ${si(details.v_minus)}`,
    `Vfire fire 0 PWL(0 0 ${fall0} 0 ${fall1} 1)`, "",
    "* Input spikes: each axon is high from its spike to the end of charging",
  ];
  for (const [input, t] of details.synapses) {
    const [start, end] = edge(t * T);
    lines.push(`Vin${input} in${input} 0 PWL(${Number(start) === 0 ? "" : "0 0 "}${start} 0 ${end} 1 ${fall0} 1 ${fall1} 0)`);
  }
  lines.push("", "* Membrane, ramp and synapses");
  const ramp = `i_ramp=${si(current)} b=${si(details.ramp)}`;
  lines.push(`Xneuron0 m0 fire neuron c=${si(details.capacitance)} ${ramp} v_th=${si(details.v_th)}`);
  lines.push(`.meas tran t_out0 WHEN v(m0)=${si(details.v_th)} RISE=1 TD=${si(T)}`);
  for (const [input, , w, , , ohms] of details.synapses) {
    const side = w > 0 ? "plus" : "minus";
    lines.push(`X${side}${input}_0 in${input} ${side} m0 synapse_${side} r=${si(ohms)}${drop}`);
  }
  const step = si(0.005 * T);
  lines.push("", ".save v(m0)", `.tran ${step} ${si(2.001 * T)} 0 ${step} uic`, ".end", "");
  return lines.join("\n");
}

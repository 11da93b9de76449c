// What the page says in words and tables: for those who cannot see the canvases, and for everyone who wants numbers.

const byName = (id) => document.getElementById(id);
const three = (x) => (Number.isFinite(x) ? String(Number(x.toPrecision(3))) : "∞");

/** A sentence below a canvas, which is also its text alternative. */
export function say(id, text) {
  byName(`${id}-said`).textContent = text;
  byName(id).setAttribute("aria-label", text);
}

/** Fills a table with rows of text, the first of which is its head. */
function fill(id, [head, ...rows]) {
  const row = (cells, tag) => {
    const line = document.createElement("tr");
    cells.forEach((text, i) => {
      const box = document.createElement(i === 0 ? "th" : tag);
      box.textContent = text;
      line.append(box);
    });
    return line;
  };
  byName(id).replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
}

/** pJ of each part of each circuit, all layers together. */
export function picojoules(circuits) {
  const sum = (layers) => 1e12 * layers.reduce((all, joules) => all + joules, 0);
  return Object.fromEntries(Object.entries(circuits).map(([name, parts]) =>
    [name, Object.fromEntries(Object.entries(parts).map(([part, layers]) => [part, sum(layers)]))]));
}

export function tellEnergy(circuits, colours) {
  const names = Object.keys(circuits), parts = Object.keys(circuits[names[0]] ?? {});
  const total = (name) => Object.values(circuits[name]).reduce((sum, pj) => sum + pj, 0);
  fill("energy-table", [
    ["pJ", ...names],
    ...parts.map((part) => [part, ...names.map((name) => three(circuits[name][part]))]),
    ["all", ...names.map((name) => three(total(name)))],
  ]);
  byName("legend").replaceChildren(...parts.filter((part) => names.some((name) => circuits[name][part] > 0)).map((part) => {
    const key = document.createElement("span");
    key.className = "key";
    key.style.setProperty("--of-key", colours[part]);
    key.textContent = part;
    return key;
  }));
  const sums = names.map((name) => `${name} ${three(total(name))} pJ`).join(", ");
  const same = " The others compute the same: op-amps that hold a virtual ground, or current sources.";
  const others = names.length > 1 ? same : "";
  say("energy", `${sums}; SKY130 with an assumed resistor, as rcspike energy counts it.${others}`);
}

export const tellNoEnergy = (reason) => {
  fill("energy-table", [["pJ"]]);
  byName("legend").replaceChildren();
  say("energy", reason);
};

export function tellSpikes(times, until) {
  const spiking = Array.from(times).filter((t) => t <= until);
  const first = spiking.length ? `, the first at ${three(Math.min(...spiking))} T` : "";
  say("spikes", `${spiking.length} of ${times.length} pixels spike${first}. Strong pixels spike early, empty ones never.`);
}

export function tellMembranes({ circuit, t_out, ends, until, layer, neuron }) {
  const silent = Array.from(t_out).filter((t) => !(t <= until)).length, n = t_out.length;
  const saturated = ends ? ` and ${Array.from(ends).filter((v) => v >= 1).length} reach the threshold while charging` : "";
  const phases = ends ? "They charge from 0 to T; then a ramp takes them to the threshold at 1, where they spike. " :
    "They spike when they reach the threshold at 1. ";
  say("membranes", `Layer ${layer}, ${n} membranes in V_th over time in T. ${phases}In ${circuit}, ${silent} stay \
silent${saturated}. Neuron ${neuron} is marked; touch another one, or use the arrow keys.`);
}

export function tellOutputs(circuits, until, ramps) {
  const parts = circuits.map(({ name, times, answer }) => {
    if (answer < 0) return `${name} gives no answer, since no output spikes`;
    const t = times[answer], when = t <= until ? `at ${three(Math.max(t, 0))} T` : "though none spikes in time";
    return `${name} reads ${answer}, ${when}`;
  });
  const rule = ramps ? "The highest voltage spikes first." : "The first spike is the answer.";
  say("outputs", `${parts.join("; ")}. ${rule} Rings on the right are silent outputs.`);
}

export function tellNeuron(details, { layer, neuron, v, t, until, phases }) {
  const ends = phases === "two" ? `ends charging at ${three(v)} V_th and ` : "";
  const since = phases === "two" ? " after charging" : "";
  const spikes = t <= until ? `spikes at ${three(t)} T${since}` : "does not spike";
  byName("neuron-said").textContent = `Neuron ${neuron} of layer ${layer} ${ends}${spikes}. Spikes come to \
${details.synapses.length} of its synapses.`;
  fill("synapses", [["input", "spike / T", "w / (V_th/T)", "D / (V_th/T)", "G / (1/T)", "resistor / MΩ"],
    ...details.synapses.map(([input, t, w, d, g, ohms]) => [input, ...[t, w, d, g, ohms / 1e6].map(three)])]);
  const head = ["from t_k / T", "A / (V_th/T)", "B / (1/T)", "v_k / V_th"];
  fill("steps", [head, ...details.steps.map((step) => step.map(three))]);
}

export function tellNoNeuron(reason) {
  byName("neuron-said").textContent = reason;
  fill("synapses", [["input"]]);
  fill("steps", [["from t_k / T"]]);
  byName("netlist").textContent = "";
}

export function tellLearning(epochs) {
  if (epochs.length === 0) return say("learning", "No epoch has been trained here yet.");
  const { testAccuracy, trainAccuracy, silent, ms } = epochs.at(-1), percent = (x) => `${(100 * x).toFixed(1)} %`;
  return say("learning", `After ${epochs.length} epochs: ${percent(testAccuracy)} of the test images and \
${percent(trainAccuracy)} of those trained on are read; ${percent(silent)} of the hidden neurons were silent. The last \
epoch took ${(ms / 1000).toFixed(2)} s.`);
}

// The page itself: keeps the state, asks the engine for what it needs, and has it drawn.
import { connect } from "./controls.js";
import { drawEnergy, drawLearning, drawMembranes, drawOutputs, drawPixels, drawSpikes, neuronNear } from "./drawing.js";
import { energies, inVolts } from "./energy.js";
import { startEngine } from "./engine.js";
import { modelFile } from "./modelfile.js";
import { netlist } from "./netlist.js";
import {
  picojoules, tellEnergy, tellLearning, tellMembranes, tellNeuron, tellNoEnergy, tellNoNeuron, tellOutputs, tellSpikes,
} from "./panels.js";
import { LEVELS, conditionsOf, conventional, defaults, fragmentOf, pixelText, pixelsOf, readState, timesOf } from "./state.js";
import { STORIES } from "./stories.js";

const element = (id) => document.getElementById(id);
const GIVEN_UP = 10;  // in T, when a single-phase inference without an answer ends
const EPOCHS = 10;

const decoded = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
const unzipped = async (base64) => new Uint8Array(
  await new Response(new Blob([decoded(base64)]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());

async function startPage() {
  const data = JSON.parse(element("data").textContent);
  const [wasm, digits] = await Promise.all([unzipped(data.engine), unzipped(data.digits)]);
  const module = await WebAssembly.compile(wasm);
  const engine = await startEngine(module);
  const digit = (i) => digits.subarray(64 * i, 64 * (i + 1));
  // Images to look at: those that no network was trained on, and those that a report has added with its model.
  const shipped = { labels: data.labels.slice(data.trained), images: [] };
  shipped.labels.forEach((_, i) => shipped.images.push(digit(data.trained + i)));
  const own = JSON.parse(element("own").textContent);

  const models = new Map(data.models.map(({ name, title, file }) => [name, { title, file: decoded(file), epochs: [] }]));
  if (own) models.set("own", { title: own.title, file: decoded(own.file), epochs: [] });
  const opened = (name) => {
    const entry = models.get(name);
    entry.model ??= engine.open(entry.file);
    return entry;
  };
  let { state, unread } = readState(location.hash);
  let cursor = -1, lines = [], worker = null, pictures = 0, waiting = false, details = null, written = "", trouble = "";

  // The model of the moment, its image and its circuit.
  const entry = () => (models.has(state.model) ? opened(state.model) : opened(defaults.model));
  const shape = () => {
    const { model } = entry(), side = Math.sqrt(model.sizes[0]);
    if (model.maps) return model.maps.slice(0, 2);
    return Number.isInteger(side) ? [side, side] : [1, model.sizes[0]];
  };
  const gallery = () => {
    const fits = own && state.model === "own" && own.images[0].length === entry().model.sizes[0];
    const { images, labels } = fits ? own : shipped, at = state.image % labels.length;
    return { image: images[at], label: labels[at], n: labels.length };
  };
  const isDrawn = () => state.pixels !== "" && state.pixels.length === shape()[0] * shape()[1];
  const pixels = () => {
    const [rows, columns] = shape(), { image } = gallery();
    if (isDrawn()) return pixelsOf(state.pixels);
    if (image.length === rows * columns) return Array.from(image);
    return Array.from({ length: rows * columns }, (_, i) =>
      image[8 * Math.floor((Math.floor(i / columns) * 8) / rows) + Math.floor(((i % columns) * 8) / columns)]);
  };
  const conditions = () => {
    const { model } = entry(), of_state = conditionsOf(state, data.chargeRatio);
    const own = model.injection.some((pair) => pair.some((x) => x !== 0));  // which a slider at 0 leaves as it is
    return own && state.q === 0 ? { ...of_state, injection_plus: NaN, injection_minus: NaN } : of_state;
  };
  const trainedCircuit = (model) => {
    const { e_plus, e_minus, diode_drop } = model.circuit;
    return { v: e_plus, up: 1, down: e_plus === Infinity ? 1 : -e_minus / e_plus, drop: diode_drop };
  };

  function change(parts) {
    state = { ...state, ...parts };
    trouble = "";
    written = fragmentOf(state);
    try {
      history.replaceState(null, "", written);
    } catch {
      location.replace(written);  // in a document without an address of its own
    }
    schedule();
  }
  function schedule() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; update(); });
  }
  function problem(text) {
    element("problem").textContent = text;
    element("problem").hidden = !text;
  }

  /** Everything that depends on the state. */
  function update() {
    const { model } = entry();
    const layer = Math.min(state.layer, model.shapes.length), neuron = Math.min(state.neuron, model.sizes[layer] - 1);
    const ramps = model.phases === "two";
    const disabled = new Set([
      ...(ramps ? [] : ["offset", "wire"]), ...(state.v === Infinity ? ["up", "down", "drop"] : []),
      ...(model.dense.every(Boolean) ? [] : ["wire"])]);
    setControls(model, layer, neuron, disabled);
    drawPixels(element("pixels"), pixels(), shape(), LEVELS, cursor);
    try {
      picture(model, layer, neuron, ramps);
      const unknown = `This address is of a model of one's own (${state.model}): load its file.`;
      const missing = models.has(state.model) ? [] : [unknown];
      if (state.pixels && !isDrawn()) {
        missing.push(`The drawing of ${state.pixels.length} pixels is not one of ${shape().join(" x ")}: another image is shown.`);
      }
      if (unread.length) missing.push(`The address has parts that mean nothing here: ${unread.join(", ")}.`);
      problem([...missing, trouble].join(" ").trim());
    } catch (error) {
      element("answer").textContent = "";
      problem(error.message);
    }
    element("link").href = fragmentOf(state);
    clearTimeout(details);
    details = setTimeout(() => {
      tellDetails(model, layer, neuron, ramps);
      document.documentElement.dataset.pictures = String(++pictures);
    });
  }

  function picture(model, layer, neuron, ramps) {
    const times = timesOf(pixels());
    if (model.maps && model.maps[2] > 1) {
      throw new Error(`the page draws images of one channel, this network has ${model.maps[2]}`);
    }
    const here = conditions();
    const runs = [[state.v === Infinity ? "the conventional circuit" : "RC-Spike", here]];
    if (state.v !== Infinity) runs.push(["the conventional circuit", conventional(here)]);
    const seen = runs.map(([name, of_run]) => {
      const grey = getComputedStyle(document.documentElement).getPropertyValue("--conventional");
      const stroke = name === "RC-Spike" ? circuitColour(state.v) : grey;
      const run = engine.run(model, of_run, times);
      try {
        const { t_out, v } = run.layers[layer - 1];
        const until = ramps ? 1 : Math.min(Math.max(2, 1.5 * Math.min(...run.read)), GIVEN_UP);
        const at = Float32Array.from({ length: 65 }, (_, i) => (i * until) / 64);
        const shown = { at, v: engine.membranes(run, layer - 1, at), ends: v, t_out, ramps, until: ramps ? 2 : until };
        const outputs = { name, stroke, answer: run.answers[0], times: ramps ? run.read.map((x) => 1 - x) : run.read };
        return { panel: { ...shown, stroke, selected: neuron, title: name }, outputs, until, inputs: run.layers[0].times };
      } finally {
        engine.end(run);
      }
    });
    const until = Math.max(...seen.map((one) => one.until)), last = ramps ? 1 : until;
    seen.forEach(({ panel }) => { panel.until = ramps ? 2 : until; });
    drawSpikes(element("spikes"), seen[0].inputs, 1);
    lines = drawMembranes(element("membranes"), seen.map(({ panel }) => panel));
    drawOutputs(element("outputs"), seen.map(({ outputs }) => outputs), last);
    tellSpikes(seen[0].inputs, 1);
    tellMembranes({ circuit: seen[0].panel.title, ...seen[0].panel, until: last, layer, neuron });
    tellOutputs(seen.map(({ outputs }) => outputs), last, ramps);
    const label = isDrawn() ? "a drawing" : `a ${gallery().label}`;
    const read = ({ name, answer }) => `${name} reads ${answer < 0 ? "nothing" : answer}`;
    element("answer").textContent = `The image is ${label}: ${seen.map(({ outputs }) => read(outputs)).join(", ")}.`;
  }

  /** Energy, and what is known about the neuron that is touched: after the picture, for which nobody waits for them. */
  function tellDetails(model, layer, neuron, ramps) {
    let run = null;
    try {
      run = engine.run(model, conditions(), timesOf(pixels()));
    } catch {
      return;  // the picture has said why
    }
    try {
      const circuits = picojoules(energies(data.process, ramps, engine.activity(run)));
      drawEnergy(element("energy"), circuits, data.energyColours);
      tellEnergy(circuits, data.energyColours);
    } catch (error) {
      drawEnergy(element("energy"), {}, {});
      tellNoEnergy(error.message);
    }
    try {
      const { t_out, v } = run.layers[layer - 1], rows = model.sizes[layer - 1];
      const about = inVolts(data.process, engine.neuron(run, layer - 1, neuron), rows);
      tellNeuron(about, {
        layer, neuron, v: v?.[neuron], t: t_out[neuron], until: ramps ? 1 : GIVEN_UP, phases: model.phases,
      });
      const text = ramps && state.v !== Infinity
        ? netlist(about, data.netlist, `rcspike: neuron ${neuron} of layer ${layer}, ${fragmentOf(state)}`)
        : "Netlists are of two-phase neurons on finite rails.";
      element("netlist").textContent = text;
    } catch (error) {
      tellNoNeuron(error.message);
    }
    engine.end(run);
  }

  function circuitColour(v) {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--dark").trim() === "1";
    const place = Math.max(v, dark ? 2 : 0);  // the darkest colours cannot be seen on dark pages
    return (data.colours.find(([upTo]) => place <= upTo) ?? data.colours.at(-1))[1];
  }

  function setControls(model, layer, neuron, disabled) {
    setSliders(state, disabled);
    const shown = models.has(state.model) ? state.model : defaults.model;
    const options = [...models].filter(([, { hidden }]) => !hidden).map(([name, { title, epochs }]) =>
      new Option(epochs.length ? `${title}, and ${epochs.length} epochs here` : title, name, false, name === shown));
    element("model").replaceChildren(...options);
    element("layer").replaceChildren(...model.shapes.map((_, i) =>
      new Option(`${i + 1}, ${model.sizes[i + 1]} neurons`, i + 1, false, i + 1 === layer)));
    element("neuron").value = neuron;
    element("neuron").max = model.sizes[layer] - 1;
    element("train").disabled = Boolean(worker);
    element("stop").disabled = !worker;
    drawLearning(element("learning"), entry().epochs);
    tellLearning(entry().epochs);
    tellStory();
  }

  // Stories

  const silentNeuron = () => {
    const { model } = opened(defaults.model), times = timesOf(Array.from(shipped.images[5]));
    const run = engine.run(model, conditionsOf(defaults, data.chargeRatio), times);
    engine.end(run);
    return Math.max(run.layers[0].t_out.indexOf(Infinity), 0);
  };
  const stories = STORIES.map((story) => ({
    ...story,
    steps: story.steps.map(([fragment, text]) => [`#story=${story.name}&${fragment.replace("SILENT", silentNeuron())}`, text]),
  }));
  element("stories").append(...stories.map(({ title, steps }) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = steps[0][0];
    link.textContent = title;
    item.append(link);
    return item;
  }));
  function tellStory() {
    const story = stories.find(({ name }) => name === state.story), box = element("story");
    box.hidden = !story;
    if (!story) return box.replaceChildren();
    const now = fragmentOf(state), list = document.createElement("ol"), title = document.createElement("strong");
    title.textContent = story.title;
    for (const [fragment, text] of story.steps) {
      const item = document.createElement("li"), link = document.createElement("a"), words = document.createElement("p");
      link.href = fragment;
      link.textContent = "show";
      words.append(link, " ", text);
      if (fragmentOf(readState(fragment).state) === now) item.setAttribute("aria-current", "step");
      item.append(words);
      list.append(item);
    }
    return box.replaceChildren(title, list);
  }

  // Models and training

  function choose(name, parts = {}) {
    if (worker) stopTraining();
    const { model } = opened(name);
    change({ ...trainedCircuit(model), layer: 1, neuron: 0, q: 0, model: name, ...parts });
  }
  function load(name, file) {
    try {
      const model = engine.open(file);
      if (models.has("own")) engine.close(opened("own").model);
      models.set("own", { title: name, file, epochs: [], model });
      const phases = model.phases === "two" ? "two phases" : "single phase";
      element("file-message").textContent = `${name}: ${model.sizes.join("-")}, ${phases}.`;
      choose("own");
    } catch (error) {
      element("file-message").textContent = `${name} cannot be loaded: ${error.message}`;
    }
  }
  const weightsOf = (model) => model.shapes.map((_, layer) => engine.weights(model, layer));
  function save() {
    const { model } = entry(), link = document.createElement("a");
    const blob = modelFile(model, weightsOf(model), conditions());
    link.href = URL.createObjectURL(blob);
    link.download = "model.safetensors";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  function train() {
    const { model, file, epochs } = entry(), name = state.model;
    const source = element("trainer").textContent;
    worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    worker.onmessage = ({ data: message }) => {
      if (message.error || message.done) return stopTraining(message.error);
      epochs.push({ ...message.seen, ms: message.ms });
      message.weights.forEach((values, layer) => engine.setWeights(models.get(name).model, layer, values));
      schedule();
    };
    worker.onerror = (event) => stopTraining(event.message);
    worker.postMessage({
      module, file, conditions: conditions(),
      images: { times: timesOf(Array.from(digits)), labels: data.labels, trained: data.trained },
      settings: {
        ...data.training[model.phases], first: epochs.length, epochs: EPOCHS, seed: state.seed, weights: weightsOf(model),
      },
    });
    schedule();
  }
  function stopTraining(reason) {
    worker?.terminate();
    worker = null;
    trouble = reason ? `Training stopped: ${reason}` : "";
    schedule();
  }

  const step = (by) => change({ image: (state.image + by + gallery().n) % gallery().n, pixels: "" });
  const setSliders = connect({
    change, shape, pixels, choose, load, save, train, stop: () => stopTraining(),
    ink: (levels) => change({ pixels: pixelText(levels) }),
    moveCursor: (at) => { cursor = at; drawPixels(element("pixels"), pixels(), shape(), LEVELS, cursor); },
    previous: () => step(-1),
    next: () => step(1),
    clear: () => change({ pixels: pixelText(pixels().map(() => 0)) }),
    reset: () => change({ ...trainedCircuit(entry().model), q: 0, noise: 0, offset: 0, wire: 0 }),
    drawAgain: () => change({ seed: (state.seed + 1) % 65536 }),
    forget: () => {
      const { model } = entry(), name = model.phases === "two" ? "untrained" : "untrained-single";
      models.set(name, { ...models.get(name), model: engine.open(models.get(name).file), epochs: [] });
      choose(name, { ...(model.phases === "two" ? { v: state.v, up: state.up, down: state.down, drop: state.drop } : {}) });
    },
    touch: (neuron) => change({ neuron: Math.max(neuron, 0) }),
    touchAt: (x, y) => { const neuron = neuronNear(lines, x, y); if (neuron >= 0) change({ neuron }); },
    touchNext: (by) => {
      const { model } = entry(), n = model.sizes[Math.min(state.layer, model.shapes.length)];
      change({ neuron: (Math.min(state.neuron, n - 1) + by + n) % n });
    },
  });
  addEventListener("hashchange", () => {
    if (location.hash === written) return;
    ({ state, unread } = readState(location.hash));
    schedule();
  });
  addEventListener("resize", schedule);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", schedule);
  element("version").textContent = data.version;
  globalThis.rcspike = { engine, energies, models, data };  // for the console, and for tests
  if (own && location.hash === "") choose("own");
  else update();
}

startPage().catch((error) => {
  document.getElementById("problem").textContent = `The engine cannot be started here: ${error.message}`;
  document.getElementById("problem").hidden = false;
});

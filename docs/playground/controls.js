// Everything that a visitor can move: sliders, selections, the drawing pad and its keys. Each calls `change` with the
// parts of the state that it changes.
import { pixelAt } from "./drawing.js";
import { LEVELS, defaults } from "./state.js";

const byId = (id) => document.getElementById(id);
const LOWEST = 0.6, HIGHEST = 100;  // of the slider of V_syn, in V_th; beyond it, infinite

/** A slider that is linear in the state. */
const linear = (part, label, high, step, digits, unit, note = "") => ({
  part, label, note, max: high, step, min: 0,
  place: (x) => x, value: (at) => at, text: (x) => `${x.toFixed(digits)} ${unit}`,
});
const rail = (part, label) => ({ ...linear(part, label, 2, 0.05, 2, "V_syn"), min: 0.5 });

const CIRCUIT = [
  {
    part: "v", label: "V_syn, distance of the rails", note: "the farther the rails, the straighter the lines",
    min: 0, max: 101, step: 1,
    place: (x) => (x === Infinity ? 101 : (100 * Math.log(x / LOWEST)) / Math.log(HIGHEST / LOWEST)),
    value: (at) => (at > 100 ? Infinity : Number((LOWEST * (HIGHEST / LOWEST) ** (at / 100)).toPrecision(3))),
    text: (x) => (x === Infinity ? "∞, conventional" : `${x} V_th`),
  },
  rail("up", "upper rail"),
  rail("down", "lower rail"),
  linear("drop", "diode drop", 0.5, 0.01, 2, "V_th"),
  linear("q", "charge of a switch as it opens", 0.01, 0.0001, 4, "V_th",
    "to the upper rail; to the lower one in SKY130's ratio"),
  linear("noise", "noise of spike times", 0.2, 0.005, 3, "T"),
  linear("offset", "offsets of thresholds", 0.3, 0.01, 2, "V_th", "two phases only"),
  linear("wire", "wire resistance of a cell", 0.002, 0.00005, 5, "T/C", "two phases, dense layers only"),
];

/** Makes the sliders, and what sets them to a state. */
function makeSliders(change) {
  const made = CIRCUIT.map((slider) => {
    const box = document.createElement("div");
    box.className = "slider";
    const id = `slider-${slider.part}`;
    box.innerHTML = `<label for="${id}">${slider.label}</label><output for="${id}"></output>
      <input type="range" id="${id}" min="${slider.min}" max="${slider.max}" step="${slider.step}">
      <small>${slider.note}</small>`;
    if (slider.part === "v") byId("effects").before(box);
    else byId("effects").append(box);
    const input = box.querySelector("input"), output = box.querySelector("output");
    input.addEventListener("input", () => change({ [slider.part]: slider.value(Number(input.value)) }));
    return (state, disabled) => {
      input.value = slider.place(state[slider.part]);
      output.textContent = slider.text(state[slider.part]);
      input.setAttribute("aria-valuetext", output.textContent);
      input.disabled = disabled.has(slider.part);
    };
  });
  return (state, disabled) => {
    made.forEach((set) => set(state, disabled));
    if (CIRCUIT.some(({ part }) => part !== "v" && state[part] !== defaults[part])) byId("effects").open = true;
  };
}

/** Drawing with a pointer and with keys. `shape` gives rows and columns, `pixels` the image of the moment. */
function makePad({ shape, pixels, moveCursor, ink }) {
  const canvas = byId("pixels");
  const brush = (event) => {
    const at = pixelAt(canvas, event.offsetX, event.offsetY, shape());
    if (at < 0) return;
    const [rows, columns] = shape(), levels = [...pixels()], row = Math.floor(at / columns), column = at % columns;
    const fine = columns > 12, reach = fine ? 1 : 0;  // on a fine grid a line of one pixel is too thin
    for (let y = Math.max(row - reach, 0); y <= Math.min(row + reach, rows - 1); ++y) {
      for (let x = Math.max(column - reach, 0); x <= Math.min(column + reach, columns - 1); ++x) {
        const near = x === column && y === row ? LEVELS : LEVELS / 2;
        levels[y * columns + x] = Math.max(levels[y * columns + x], near);
      }
    }
    ink(levels);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); brush(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) brush(event); });
  let cursor = -1;
  canvas.addEventListener("blur", () => moveCursor(-1));
  canvas.addEventListener("focus", () => moveCursor(cursor));
  canvas.addEventListener("keydown", (event) => {
    const [rows, columns] = shape();
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const level = { " ": LEVELS, Enter: LEVELS, Delete: 0, Backspace: 0 }[event.key];
    if (by === undefined && level === undefined) return;
    event.preventDefault();
    if (by !== undefined) cursor = cursor < 0 ? 0 : Math.min(Math.max(cursor + by, 0), rows * columns - 1);
    if (level !== undefined && cursor >= 0) ink(pixels().map((old, i) => (i === cursor ? level : old)));
    moveCursor(cursor);
  });
}

/** Connects all controls. `actions` has what each of them does; returns a function that sets them to a state. */
export function connect(actions) {
  const { change } = actions, setSliders = makeSliders(change);
  makePad(actions);
  for (const name of ["previous", "next", "clear", "save", "reset", "train", "stop", "forget"]) {
    byId(name).addEventListener("click", actions[name]);
  }
  byId("draw-again").addEventListener("click", actions.drawAgain);
  byId("model").addEventListener("change", (event) => actions.choose(event.target.value));
  byId("layer").addEventListener("change", (event) => change({ layer: Number(event.target.value), neuron: 0 }));
  byId("neuron").addEventListener("change", (event) => actions.touch(Math.round(Number(event.target.value)) || 0));
  byId("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) actions.load(file.name, new Uint8Array(await file.arrayBuffer()));
    event.target.value = "";  // so that the same file can be loaded again
  });
  const membranes = byId("membranes");
  membranes.addEventListener("click", (event) => actions.touchAt(event.offsetX, event.offsetY));
  membranes.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    actions.touchNext(by);
  });
  return setSliders;
}

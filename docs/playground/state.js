// What the page shows, and its text in the address: a bookmark holds everything but a model of one's own.

/** Each part of the state with its default, and how its text is read: a number in a range, or one of some words. */
const number = (low, high, initial, whole = false) => ({
  initial,
  read(text) {
    const x = text === "inf" ? Infinity : text.trim() === "" ? NaN : Number(text);
    return x >= low && x <= high && (!whole || Number.isInteger(x)) ? x : undefined;
  },
  write: (x) => (x === Infinity ? "inf" : String(x)),
});
const word = (pattern, initial) => ({
  initial,
  read: (text) => (pattern.test(text) ? text : undefined),
  write: (text) => text,
});

const PARTS = {
  model: word(/^[a-z-]{1,30}$/, "two-phase"),
  image: number(0, 1e6, 0, true),
  pixels: word(/^[0-9a-g]*$/, ""),  // a drawn image: a digit of base 17 for each pixel; empty for a shipped one
  v: number(0.05, Infinity, 1),  // V_syn in V_th
  up: number(0.2, 5, 1),  // rails as multiples of V_syn
  down: number(0.2, 5, 1),
  drop: number(0, 5, 0),  // V_th
  q: number(0, 0.05, 0),  // charge of a switch to the upper rail, V_th
  noise: number(0, 1, 0),  // T
  offset: number(0, 1, 0),  // V_th
  wire: number(0, 1, 0),  // T / C
  seed: number(0, 65535, 0, true),
  layer: number(1, 1000, 1, true),
  neuron: number(0, 1e6, 0, true),
  story: word(/^[a-z-]{0,20}$/, ""),
};

export const defaults = Object.fromEntries(Object.entries(PARTS).map(([name, part]) => [name, part.initial]));

/** The state of a fragment such as "#v=2&image=5", and the parts of it that cannot be read. */
export function readState(fragment) {
  const state = { ...defaults }, unread = [];
  for (const pair of fragment.replace(/^#/, "").split("&").filter(Boolean)) {
    const [name, text = ""] = pair.split("=");
    const value = PARTS[name]?.read(text);
    if (value === undefined) unread.push(pair);
    else state[name] = value;
  }
  return { state, unread };
}

/** The fragment of a state: the parts that differ from their defaults. */
export function fragmentOf(state) {
  const changed = Object.entries(PARTS).filter(([name]) => state[name] !== defaults[name]);
  return "#" + changed.map(([name, part]) => `${name}=${part.write(state[name])}`).join("&");
}

/** The circuit that the engine is to compute, with the ratio of the charges of switches to the two rails. */
export function conditionsOf(state, chargeRatio) {
  return {
    e_plus: state.v * state.up, e_minus: -state.v * state.down,
    diode_drop: state.v === Infinity ? 0 : state.drop,
    injection_plus: state.q, injection_minus: -state.q * chargeRatio,
    noise: state.noise, offset: state.offset, wire_resistance: state.wire, seed: state.seed,
  };
}

/** The same weights, image and noise in the conventional circuit. */
export const conventional = (conditions) => ({
  ...conditions, e_plus: Infinity, e_minus: -Infinity, diode_drop: 0, injection_plus: 0, injection_minus: 0,
  wire_resistance: 0,
});

export const LEVELS = 16;  // of a pixel's intensity, as in the digits of scikit-learn

/** Pixels from their text, and back. */
export const pixelsOf = (text) => Array.from(text, (digit) => parseInt(digit, 17));
export const pixelText = (pixels) => pixels.map((level) => Math.round(level).toString(17)).join("");

/** Spike times in T of pixels: t = 1 - x for the intensity x, none for x = 0. */
export const timesOf = (pixels) => Float32Array.from(pixels, (level) => (level > 0 ? 1 - level / LEVELS : Infinity));

// The engine of rcspike, compiled for WebAssembly: everything that the page shows is computed here. src/cpp/web has the
// functions; this file moves numbers to and from their memory.

/** The circuit of the sliders, in the order of `Sliders` in src/cpp/web/model.h. NaN leaves what the model has. */
const SLIDERS = [
  "e_plus", "e_minus", "diode_drop", "injection_plus", "injection_minus", "noise", "offset", "wire_resistance", "seed",
];

/** Starts the engine from a compiled module. */
export async function startEngine(module) {
  let memory = null;
  // The engine has no files, no environment and no clock: these are what the C++ library asks for at its start.
  const bytes = () => new DataView(memory.buffer);
  const system = {
    fd_write: () => 8, fd_read: () => 8, fd_seek: () => 8, fd_close: () => 8,
    environ_get: () => 0,
    environ_sizes_get: (count, size) => { bytes().setUint32(count, 0, true); bytes().setUint32(size, 0, true); return 0; },
    clock_time_get: (id, precision, to) => { bytes().setBigUint64(to, 0n, true); return 0; },
    proc_exit: (code) => { throw new Error(`the engine stopped with code ${code}`); },
  };
  const missing = { get: (known, name) => known[name] ?? (() => 52) };  // "not there"
  const imports = { wasi_snapshot_preview1: new Proxy(system, missing), env: new Proxy({}, missing) };
  const { exports: c } = await WebAssembly.instantiate(module, imports);
  memory = c.memory;
  c._initialize();

  const string = (at) => {
    const all = new Uint8Array(memory.buffer);
    return new TextDecoder().decode(all.subarray(at, all.indexOf(0, at)));
  };
  const checked = (result) => {
    if (!result) throw new Error(string(c.rcspike_error()));
    return result;
  };
  const floats = (at, n) => new Float32Array(memory.buffer, at, n).slice();
  /** Calls a function with arrays copied into the engine's memory, and frees them afterwards. */
  const given = (arrays, call) => {
    const places = arrays.map((array) => {
      const at = c.rcspike_allocate(Math.max(array.byteLength, 8));
      new Uint8Array(memory.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
      return at;
    });
    try {
      return call(...places);
    } finally {
      places.forEach((at) => c.rcspike_free(at));
    }
  };
  const sliders = (conditions) => Float64Array.from(SLIDERS, (name) => conditions[name] ?? (name === "seed" ? 0 : NaN));

  /** JSON of the engine, which has infinite numbers as text. */
  const parsed = (at) => JSON.parse(string(checked(at)), (name, value) =>
    value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);

  /** Reads a model file; throws an Error with the reader's message. */
  function open(file) {
    const handle = given([file], (at) => checked(c.rcspike_open(at, file.byteLength)));
    return { handle, file, ...parsed(c.rcspike_describe(handle)) };
  }

  const weights = (model, layer) => {
    const [rows, columns] = model.shapes[layer];
    return floats(c.rcspike_weights(model.handle, layer), rows * columns);
  };
  const setWeights = (model, layer, values) =>
    new Float32Array(memory.buffer, c.rcspike_weights(model.handle, layer), values.length).set(values);

  /** Runs images (spike times in T, one after another) through a network. The caller ends the run. */
  function run(model, conditions, times) {
    const inputs = model.sizes[0], batch = times.length / inputs, numbers = sliders(conditions);
    const handle = given([numbers, times], (s, t) => checked(c.rcspike_run(model.handle, s, t, batch, inputs)));
    const layers = model.shapes.map((_, layer) => ({
      times: floats(c.rcspike_times(handle, layer), batch * model.sizes[layer]),
      v: model.phases === "two" ? floats(c.rcspike_voltages(handle, layer), batch * model.sizes[layer + 1]) : null,
      t_out: floats(c.rcspike_spikes(handle, layer), batch * model.sizes[layer + 1]),
    }));
    const read = floats(c.rcspike_read(handle), batch * model.sizes.at(-1));
    const answers = new Int32Array(memory.buffer, c.rcspike_answers(handle), batch).slice();
    return { handle, model, numbers, layers, read, answers };
  }
  const end = (done) => c.rcspike_end(done.handle);

  /** Voltages of a layer's membranes while the first image of a run charges them: neuron by neuron, at the times `at`. */
  function membranes(done, layer, at) {
    const n = done.model.sizes[layer + 1] * at.length;
    return given([done.numbers, at, new Float32Array(n)], (s, when, to) => {
      checked(c.rcspike_membranes(done.model.handle, s, done.handle, layer, when, at.length, to));
      return floats(to, n);
    });
  }
  /** What each layer does that costs energy, mean over the images of a run, for `energies` of energy.js. */
  const activity = (done) => {
    const counts = given([done.numbers], (s) => parsed(c.rcspike_activity(done.model.handle, s, done.handle)));
    return counts.map((of_layer, layer) => {
      const [rows, columns] = done.model.shapes[layer];
      return { ...of_layer, rows, columns, weights: weights(done.model, layer) };
    });
  };
  /** Synapses and closed form of a neuron. */
  const neuron = (done, layer, number) => given([done.numbers], (s) =>
    parsed(c.rcspike_neuron(done.model.handle, s, done.handle, layer, number)));

  /** Trains a model on images: `epoch(order, batchSize, rate)` trains in this order, and returns what it has seen. */
  function train(model, conditions, { times, labels, trained, silentPenalty }) {
    const session = given([sliders(conditions), times, Int32Array.from(labels)], (s, t, l) =>
      checked(c.rcspike_train(model.handle, s, t, l, labels.length, trained, silentPenalty)));
    const names = ["loss", "trainAccuracy", "testAccuracy", "silent", "saturated"];
    const epoch = (order, batchSize, rate) => given([Int32Array.from(order), new Float64Array(5)], (o, to) => {
      checked(c.rcspike_epoch(session, model.handle, o, order.length, batchSize, rate, to));
      const numbers = new Float64Array(memory.buffer, to, 5);
      return Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
    });
    return { epoch, stop: () => c.rcspike_stop(session) };
  }

  return {
    open, close: (model) => c.rcspike_close(model.handle), weights, setWeights, run, end, membranes, activity, neuron, train,
  };
}

/** An order of n images for an epoch, the same for the same seed (Fisher and Yates; mulberry32). */
export function orderOf(n, seed, epoch) {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b)) >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; --i) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

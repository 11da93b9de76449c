// Writes a network as the model file that rcspike reads: docs/files.md has the format.

/** CRC-32 of bytes that follow others, whose CRC-32 is `before`, as in gzip. */
function crc32(bytes, before) {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const encoded = (text) => new TextEncoder().encode(text);

function lengthOf(bytes) {
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(bytes), true);
  return new Uint8Array(length.buffer);
}

/** The header's part of a model file, from which a trained network takes its wiring and its circuit. */
function headerOf(file) {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return JSON.parse(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))).__metadata__.header);
}

const numberText = (x) => (x === Infinity ? "inf" : x === -Infinity ? "-inf" : String(x));

/** A model file with other weights (row by row for each layer) on the circuit of the sliders; what these do not name
 * stays. */
export function modelFile(model, weights, conditions) {
  const header = headerOf(model.file);
  for (const name of ["e_plus", "e_minus", "diode_drop"]) header.circuit[name] = numberText(conditions[name]);
  header.circuit.v_syn = numberText(conditions.e_plus);
  const injection = [conditions.injection_plus, conditions.injection_minus];
  if (!injection.some(Number.isNaN)) {
    delete header.circuit.injection;
    if (injection.some((x) => x !== 0)) header.circuit.injection = [injection.map(numberText)];
  }
  const metadata = { format: "rcspike-model", format_version: "1", header: JSON.stringify(header) };
  const arrays = weights.map((values, layer) => ({
    name: `weights.${layer}`, shape: model.shapes[layer],
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }));
  let crc = 0;
  const add = (bytes) => { crc = crc32(bytes, crc32(lengthOf(bytes.length), crc)); };
  for (const [name, text] of Object.entries(metadata)) [name, text].forEach((part) => add(encoded(part)));
  for (const { name, shape, bytes } of arrays.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    [name, "F32", `[${shape.join(", ")}]`].forEach((part) => add(encoded(part)));
    add(bytes);
  }
  const entries = { __metadata__: { ...metadata, crc32: crc.toString(16).padStart(8, "0") } };
  let place = 0;
  for (const { name, shape, bytes } of arrays) {
    entries[name] = { dtype: "F32", shape, data_offsets: [place, place += bytes.length] };
  }
  let start = JSON.stringify(entries);
  start += " ".repeat((8 - (encoded(start).length % 8)) % 8);
  return new Blob([lengthOf(encoded(start).length), encoded(start), ...arrays.map(({ bytes }) => bytes)]);
}

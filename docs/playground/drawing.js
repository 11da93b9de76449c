// Draws on canvases what the engine has computed. No numbers are made here but coordinates.

const FONT = "12px system-ui, sans-serif";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A canvas cleared for drawing in CSS pixels: its context, width and height. */
function cleared(canvas) {
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return { context, width, height };
}

function line(context, points, stroke, lineWidth = 1, alpha = 1) {
  context.globalAlpha = alpha;
  context.strokeStyle = stroke;
  context.lineWidth = lineWidth;
  context.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.stroke();
  context.globalAlpha = 1;
}

function label(context, text, x, y, { align = "left", fill = colour("--faint"), baseline = "middle" } = {}) {
  context.textAlign = align;
  context.textBaseline = baseline;
  context.fillStyle = fill;
  context.fillText(text, x, y);
}

function dot(context, x, y, fill, radius = 2.5) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** The pixels of an image, and the one under the cursor of the keyboard. */
export function drawPixels(canvas, pixels, [rows, columns], levels, cursor) {
  const { context, width, height } = cleared(canvas);
  const size = Math.min(width / columns, height / rows);
  context.fillStyle = colour("--paper");
  context.fillRect(0, 0, size * columns, size * rows);
  pixels.forEach((level, i) => {
    context.globalAlpha = level / levels;
    context.fillStyle = colour("--ink");
    context.fillRect((i % columns) * size, Math.floor(i / columns) * size, size, size);
  });
  context.globalAlpha = 1;
  if (cursor >= 0) {
    context.strokeStyle = colour("--highlight");
    context.lineWidth = 2;
    context.strokeRect((cursor % columns) * size + 1, Math.floor(cursor / columns) * size + 1, size - 2, size - 2);
  }
}

/** The pixel at a point of the canvas, or -1. */
export function pixelAt(canvas, x, y, [rows, columns]) {
  const size = Math.min(canvas.clientWidth / columns, canvas.clientHeight / rows);
  const row = Math.floor(y / size), column = Math.floor(x / size);
  return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : -1;
}

const EDGES = { left: 34, right: 8, top: 18, bottom: 26 };

/** Axes of time and something else on a part of a canvas: functions from numbers to pixels. */
function axes(context, box, [t0, t1], [low, high], title, ticks) {
  const x = (t) => box.left + ((t - t0) / (t1 - t0)) * (box.right - box.left);
  const y = (v) => box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top);
  line(context, [[box.left, box.bottom], [box.right, box.bottom]], colour("--line"));
  label(context, title, box.left, box.top - 10, { fill: colour("--ink") });
  for (const t of ticks) {
    line(context, [[x(t), box.bottom], [x(t), box.bottom + 4]], colour("--line"));
    label(context, String(t), x(t), box.bottom + 12, { align: "center" });
  }
  return { x, y };
}

/** Input spikes: a dot for each at its time, a row of the image under another. */
export function drawSpikes(canvas, times, until) {
  const { context, width, height } = cleared(canvas);
  const box = { left: EDGES.left, right: width - EDGES.right, top: EDGES.top, bottom: height - EDGES.bottom };
  const title = "input spikes, a row for each pixel; time in T";
  const { x, y } = axes(context, box, [0, until], [times.length, 0], title, [0, until / 2, until]);
  times.forEach((t, i) => { if (t <= until) dot(context, x(t), y(i + 0.5), colour("--ink"), 1.6); });
}

/** A picture of a layer: its membranes for one circuit, and the line of each neuron, for `neuronNear`. */
function panel(context, box, { title, stroke, at, v, ends, t_out, ramps, until, selected, limits }) {
  const n = at.length, [low, high] = limits;
  const ticks = ramps ? [0, 1, 2] : [0, Math.round(until / 2), Math.round(until)];
  const { x, y } = axes(context, box, [0, until], limits, `${title}: voltage in V_th, time in T`, ticks);
  for (const [value, text] of [[1, "1"], [0, "0"]]) {
    line(context, [[box.left, y(value)], [box.right, y(value)]], colour("--line"));
    label(context, text, box.left - 5, y(value), { align: "right" });
  }
  if (ramps) line(context, [[x(1), box.top], [x(1), box.bottom]], colour("--line"));
  const clip = (value) => Math.min(Math.max(value, low), high);
  const lines = Array.from({ length: v.length / n }, (_, neuron) => {
    const points = [];
    for (let i = 0; i < n; ++i) {
      if (!ramps && at[i] > t_out[neuron]) break;
      points.push([x(at[i]), y(clip(v[neuron * n + i]))]);
    }
    if (ramps) {
      const t = t_out[neuron], last = ends[neuron], fires = t <= 1;
      points.push([x(1), y(clip(last))], [x(fires ? 1 + t : 2), y(clip(fires ? Math.max(last, last + t) : last + 1))]);
    } else if (t_out[neuron] <= until) {
      points.push([x(t_out[neuron]), y(1)]);
    }
    return points;
  });
  const alpha = Math.max(0.15, Math.min(0.7, 12 / lines.length));
  const drawn = (neuron, ink, width, opacity) => {
    line(context, lines[neuron], ink, width, opacity);
    const spikes = ramps ? t_out[neuron] <= 1 : t_out[neuron] <= until;
    if (spikes) dot(context, ...lines[neuron].at(-1), ink, width > 1 ? 4 : 1.6);
  };
  lines.forEach((_, neuron) => { if (neuron !== selected) drawn(neuron, stroke, 1, alpha); });
  if (lines[selected]) drawn(selected, colour("--highlight"), 2.5, 1);
  return lines;
}

/** Membranes of a layer in both circuits, side by side, or below each other where there is no room. */
export function drawMembranes(canvas, panels) {
  const { context, width, height } = cleared(canvas);
  const beside = width > 560, n = panels.length;
  const all = panels.flatMap(({ v, ends }) => [...v, ...(ends ?? [])]).filter(Number.isFinite);
  const limits = [Math.max(Math.min(-0.5, ...spread(all)), -3), Math.min(Math.max(1.3, ...spread(all)), 3)];
  return panels.map((one, i) => {
    const w = beside ? width / n : width, h = beside ? height : height / n;
    const [left, top] = beside ? [i * w, 0] : [0, i * h];
    const box = {
      left: left + EDGES.left, right: left + w - EDGES.right, top: top + EDGES.top, bottom: top + h - EDGES.bottom,
    };
    return panel(context, box, { ...one, limits });
  });
}

const spread = (numbers) => numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [0, 0]);

/** The neuron whose line comes nearest to a point of the canvas, in any panel; -1 if none is within 20 pixels. */
export function neuronNear(panels, x, y) {
  let best = -1, nearest = 20;
  for (const lines of panels) {
    lines.forEach((points, neuron) => points.slice(1).forEach(([x1, y1], i) => {
      const [x0, y0] = points[i], length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
      const along = length > 0 ? Math.min(Math.max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0), 1) : 0;
      const distance = Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0));
      if (distance < nearest) [best, nearest] = [neuron, distance];
    }));
  }
  return best;
}

/** When each output of each circuit spikes; the first one is the answer. `circuits` have times, answer, stroke, name. */
export function drawOutputs(canvas, circuits, until) {
  const { context, width, height } = cleared(canvas);
  const n = circuits[0].times.length;
  const box = { left: EDGES.left, right: width - 40, top: EDGES.top, bottom: height - EDGES.bottom };
  const title = "output spikes, a row for each class; time in T";
  const { x, y } = axes(context, box, [0, until], [n, 0], title, [0, until / 2, until]);
  for (let i = 0; i < n; ++i) {
    if (n <= 20) label(context, String(i), box.left - 8, y(i + 0.5), { align: "right", fill: colour("--ink") });
    line(context, [[box.left, y(i + 0.5)], [box.right, y(i + 0.5)]], colour("--line"), 1, 0.6);
  }
  circuits.forEach(({ times, answer, stroke }, k) => {
    times.forEach((t, i) => {
      const height = y(i + 0.5 + (k - (circuits.length - 1) / 2) * 0.4), silent = !(t <= until);
      if (!silent) return dot(context, x(Math.max(t, 0)), height, stroke, i === answer ? 6 : 3);
      context.strokeStyle = stroke;
      context.lineWidth = 1;
      context.beginPath();
      context.arc(box.right + 12 + 12 * k, height, 2.5, 0, 2 * Math.PI);
      context.stroke();
    });
  });
  label(context, "silent", width - 2, box.top - 10, { align: "right" });
}

/** Energy by parts: a bar for each circuit. `circuits` maps names to parts with their pJ. */
export function drawEnergy(canvas, circuits, colours) {
  const { context, width, height } = cleared(canvas);
  const bars = Object.entries(circuits), row = height / Math.max(bars.length, 1);
  const sums = bars.map(([, parts]) => Object.values(parts).reduce((sum, pj) => sum + pj, 0));
  const scale = (width - 70) / Math.max(...sums, 1e-9);
  bars.forEach(([name, parts], i) => {
    label(context, name, 0, i * row + 9, { fill: colour("--ink") });
    let x = 0;
    for (const [part, pj] of Object.entries(parts)) {
      context.fillStyle = colours[part];
      context.fillRect(x, i * row + 18, pj * scale, Math.min(row - 24, 22));
      x += pj * scale;
    }
    const middle = i * row + 18 + Math.min(row - 24, 22) / 2;
    label(context, `${sums[i].toPrecision(3)} pJ`, x + 5, middle, { fill: colour("--ink") });
  });
}

/** Accuracies after each epoch, on the images trained on and on the others. */
export function drawLearning(canvas, epochs) {
  const { context, width, height } = cleared(canvas);
  const box = { left: EDGES.left, right: width - EDGES.right, top: EDGES.top, bottom: height - EDGES.bottom };
  const errors = epochs.flatMap(({ testAccuracy, trainAccuracy }) => [1 - testAccuracy, 1 - trainAccuracy]);
  const high = Math.max(0.05, ...errors) * 1.05, last = Math.max(epochs.length, 5);
  const title = "error in %: test images, and images trained on (faint)";
  const { x, y } = axes(context, box, [1, last], [0, high], title, [1, last]);
  for (const error of [0, high / 2]) {
    label(context, (100 * error).toFixed(0), box.left - 5, y(error), { align: "right" });
  }
  const curve = (name) => epochs.map((epoch, i) => [x(i + 1), y(1 - epoch[name])]);
  if (epochs.length === 0) return;
  line(context, curve("trainAccuracy"), colour("--ink"), 1.5, 0.35);
  line(context, curve("testAccuracy"), colour("--highlight"), 2);
  dot(context, ...curve("testAccuracy").at(-1), colour("--highlight"), 3);
}

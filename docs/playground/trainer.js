// The worker in which the page trains, so that it stays responsive. It has an engine of its own.
import { orderOf, startEngine } from "./engine.js";

let stopped = false;

/** Trains as long as nobody says stop, an epoch after another, and posts what each has seen with the new weights. */
async function trainInWorker({ module, file, conditions, images, settings }) {
  const engine = await startEngine(module);
  const model = engine.open(file);
  settings.weights.forEach((values, layer) => engine.setWeights(model, layer, values));
  const training = engine.train(model, conditions, { ...images, silentPenalty: settings.silentPenalty });
  for (let epoch = settings.first; epoch < settings.first + settings.epochs && !stopped; ++epoch) {
    const started = performance.now();
    const order = orderOf(images.trained, settings.seed, epoch);
    const seen = training.epoch(order, settings.batchSize, settings.rate);
    const weights = model.shapes.map((_, layer) => engine.weights(model, layer));
    postMessage({ epoch, seen, weights, ms: performance.now() - started });
    await new Promise((resolve) => setTimeout(resolve));  // lets a stop come in
  }
  postMessage({ done: true });
}

onmessage = ({ data }) => {
  if (data === "stop") stopped = true;
  else trainInWorker(data).catch((error) => postMessage({ error: error.message }));
};

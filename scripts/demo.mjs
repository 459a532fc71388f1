#!/usr/bin/env node
// npm run demo: from a bare checkout to an answer. Sets everything up, then lets every backend that works here say what
// the bundled picture shows.
import { join, relative } from 'node:path';
import { setup } from './setup/plan.mjs';
import { ROOT } from './setup/step.mjs';

const MODEL = join(ROOT, 'models', 'shapes');
const PICTURE = join(MODEL, 'samples', 'star.png');

const { ok } = await setup();
if (!ok) process.exit(1);

const { listBackends, load } = await import('../dist/index.js');
// The two functions below belong here from the public index as soon as it has them.
const { imageToTensor } = await import('../dist/processing/image.js');
const { topK } = await import('../dist/processing/labels.js');

console.log(`\nWhat is on ${relative(ROOT, PICTURE)}?`);
const backends = await listBackends();
for (const { name, available, reason } of backends) {
  if (available) await classify(name);
  else console.log(`${name.padEnd(6)} not here: ${reason}`);
}
if (!backends.some(({ available }) => available)) process.exitCode = 1;

/** @param {'torch' | 'onnx'} backend */
async function classify(backend) {
  const model = await load(MODEL, { backend });
  try {
    const { image, labels } = model.config.processing;
    const pixels = await imageToTensor(PICTURE, image);
    await model.run({ image: pixels });
    const started = performance.now();
    const { output } = await model.run({ image: pixels });
    const milliseconds = (performance.now() - started).toFixed(1);
    const best = topK(output, 3, labels)[0].map(({ label, score }) => `${label} ${(score * 100).toFixed(1)}%`);
    console.log(`${model.info.backend.padEnd(6)} ${best.join(', ')} in ${milliseconds} ms`);
  } finally {
    await model.close();
  }
}

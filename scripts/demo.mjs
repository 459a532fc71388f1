#!/usr/bin/env node
// npm run demo: from a bare checkout to an answer. Sets everything up, then lets every backend that works here say what
// the bundled picture shows.
import { join, relative } from 'node:path';
import { setup } from './setup/plan.mjs';
import { ROOT } from './setup/step.mjs';

const MODEL = join(ROOT, 'models', 'shapes');
const PICTURE = join(MODEL, 'samples', 'star.png');
const RUNS = 50;

const { ok } = await setup();
if (!ok) process.exit(1);

/** @type {import('../src/index.js')} */
const { imageToTensor, listBackends, load, topK } = await import('../dist/index.js');

const chosen = await load(MODEL);
console.log(`\nBackend chosen: ${chosen.choice.reason}`);
await chosen.close();

console.log(`\nWhat is on ${relative(ROOT, PICTURE)}?`);
for (const { name, available, reason } of await listBackends()) {
  if (available) await classify(name);
  else console.log(`\n${name}: not here. ${reason}`);
}

/** @param {'torch' | 'onnx'} backend */
async function classify(backend) {
  const model = await load(MODEL, { backend });
  const { image, labels } = model.config?.processing ?? {};
  const pixels = await imageToTensor(PICTURE, image);
  const { output } = await model.run({ image: pixels });
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await model.run({ image: pixels });
    times.push(performance.now() - started);
  }
  const median = times.sort((a, b) => a - b)[RUNS >> 1];
  console.log(`\n${backend}: ${model.info.format}, ${median?.toFixed(2)} ms (median of ${RUNS} runs)`);
  for (const { label, score } of topK(output, 5, labels)[0] ?? []) {
    console.log(`  ${label?.padEnd(10)} ${(score * 100).toFixed(2).padStart(6)} %`);
  }
  await model.close();
}

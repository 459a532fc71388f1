import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Tensor } from 'infernode';
import { Engine } from '#src/engine/engine';
import { connectionSignal } from '#src/server/http/connection-signal';
import { addOne, writeModel } from '../../support/onnx-builder.js';
import { makeFolder } from '../support/files.js';

const REQUESTS = 5000;
/** Of one request. It is below ten; a map that requests come to and leave costs some hundred, a spread with more behind it too. */
const MOST_BYTES = 150;

function oldGeneration(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')!.space_used_size;
}

// What requests leave there is collected all at once, in which time a server answers nobody.
test('requests leave nothing in the old generation of the heap', async (t) => {
  const path = await writeModel(join(await makeFolder(t, {}), 'model.onnx'), addOne());
  const engine = await Engine.open({ models: { model: path }, threads: 1 });
  t.after(() => engine.close());
  const signals = Array.from({ length: 8 }, () => connectionSignal(new Socket()));
  const { name } = engine.model('model').model.signature.inputs[0]!;
  const infer = (index: number) =>
    engine.infer('model', {
      inputs: { [name]: new Tensor('float32', Float32Array.of(1, 2, 3, 4)) },
      signal: signals[index % signals.length]!,
    });
  const ask = async () => {
    for (let index = 0; index < REQUESTS; ) {
      const together = index % 5 === 0 ? 4 : 1;
      await Promise.all(Array.from({ length: together }, () => infer(index++)));
      await setImmediate();
    }
  };
  await ask();
  await ask();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const bytes: number[] = [];
  for (let round = 0; round < 4; round++) {
    const before = oldGeneration();
    await ask();
    bytes.push((oldGeneration() - before) / REQUESTS);
  }
  // Code that is compiled meanwhile lies there too.
  assert.ok(Math.min(...bytes) < MOST_BYTES, `${bytes.map(Math.round)} bytes of each request`);
});

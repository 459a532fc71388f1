import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, Tensor } from 'infernode';
import { externalWeight, node, value, writeModel } from '../../../support/onnx-builder.js';
import { makeFolder } from '../../support/files.js';

/** Enough that the runtime would map it. */
const SIZE = 1 << 16;

for (const location of ['weights.data', './weights.data', 'sub/weights.data']) {
  test(`a file of weights may be cut short while its model serves: ${location}`, async (t) => {
    const folder = await makeFolder(t, { 'weights.data': '', 'sub/weights.data': '' });
    const weights = join(folder, location);
    await writeFile(weights, new Uint8Array(new Float32Array(SIZE).fill(2).buffer));
    const path = await writeModel(join(folder, 'model.onnx'), {
      input: [value('x', 'float32', [SIZE])],
      output: [value('y', 'float32', [SIZE])],
      initializer: [externalWeight('w', [SIZE], [['location', location]])],
      node: [node('Mul', ['x', 'w'], ['y'])],
    });
    await using model = await load(path);
    // Read through a mapping, this would end the process.
    await truncate(weights, 0);
    const { y } = await model.run({ x: new Tensor('float32', new Float32Array(SIZE).fill(3)) });
    assert.ok(y!.toNumbers().every((element) => element === 6));
  });
}

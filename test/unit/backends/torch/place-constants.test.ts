import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor } from 'infernode';
import { loadFixture, needsTorch } from '../../../support/torch.js';

test('a program that names the device it was traced on runs on another', { skip: needsTorch }, async () => {
  await using model = await loadFixture('names-a-device');
  const x = new Tensor('float32', new Float32Array(6).fill(10), [3, 2]);
  const { output } = await model.run({ x });
  assert.deepEqual(output!.toArray(), [
    [10, 10],
    [11, 11],
    [12, 12],
  ]);
});

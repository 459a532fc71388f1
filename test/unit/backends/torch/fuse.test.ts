import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Tensor } from 'infernode';
import type { MemoryLayout } from '#src/backends/backend';
import { TorchBackend } from '#src/backends/torch/backend';
import { assertNear } from '../../../support/accuracy.js';
import { needsTorchPython, runPython } from '../../../support/python.js';
import { fixture, needsTorch } from '../../../support/torch.js';
import { noiseTensor } from '../../conversion/onnx/models.js';

const backend = new TorchBackend();

async function answer(file: string, layout: MemoryLayout, input: Tensor): Promise<Tensor> {
  const session = await backend.load(file, 'torchscript', { device: 'cpu', threads: 1, layout });
  try {
    return (await session.run('forward', [input])).output!;
  } finally {
    await session.close();
  }
}

/** Asserts that both are equal but for rounding: 1e-4 of the largest number. */
function assertEqual(given: Tensor, expected: Tensor): void {
  assert.deepEqual([given.dtype, given.shape], [expected.dtype, expected.shape]);
  const [a, b] = [given.toNumbers(), expected.toNumbers()];
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(b[i]!));
  for (let i = 0; i < b.length; i++) {
    assert.ok(Math.abs(a[i]! - b[i]!) <= 1e-4 * largest, `element ${i}: ${a[i]} instead of ${b[i]}`);
  }
}

describe('large linear layers, fused with what follows', { skip: needsTorch || needsTorchPython }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernode-large-'));
    runPython('test/fixtures/make_quantizable.py', folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const follower of ['relu', 'gelu', 'gelu-tanh', 'nothing']) {
    for (const name of [follower, `${follower}-no-bias`]) {
      test(`${name}: answer as they do unfused, for any number of rows`, async () => {
        const file = join(folder, `${name}.pt`);
        for (const shape of [[1, 256], [7, 256], [2, 3, 256], [256], [0, 256]]) {
          const input = noiseTensor(shape, 99);
          assertEqual(await answer(file, { fuse: true }, input), await answer(file, { fuse: false }, input));
        }
      });
    }
  }

  test('a result that is used twice is not lost', async () => {
    const input = noiseTensor([4, 256], 99);
    const file = join(folder, 'twice.pt');
    assertEqual(await answer(file, { fuse: true }, input), await answer(file, { fuse: false }, input));
  });
});

describe('layouts change rounding alone', { skip: needsTorch }, () => {
  for (const name of ['quantize-conv', 'quantize-conv-scripted', 'quantize-residual', 'quantize-transposed', 'norms']) {
    test(name, async () => {
      const file = fixture(`${name}.pt`);
      const input = noiseTensor(name === 'quantize-residual' ? [2, 4, 8, 8] : [2, 3, 8, 8], 99);
      const plain = await answer(file, { fuse: false, channelsLast: false }, input);
      for (const fuse of [true, false]) {
        for (const channelsLast of [true, false]) assertEqual(await answer(file, { fuse, channelsLast }, input), plain);
      }
      assertNear({ output: plain }, { output: await answer(file, {}, input) }, 0.99999);
    });
  }
});

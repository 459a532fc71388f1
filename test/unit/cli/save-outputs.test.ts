import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { saveOutputs } from '#src/cli/save-outputs';
import { Tensor } from '#src/tensor/tensor';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

function answer(...names: string[]) {
  const outputs = Object.fromEntries(names.map((name) => [name, new Tensor('int8', Int8Array.of(1))]));
  return { files: [], outputs, latencyMs: 1 };
}

test('names of outputs neither leave the folder nor overwrite each other', async (t) => {
  const folder = await makeFolder(t, {});
  const saved = await saveOutputs(join(folder, 'out'), [answer('../up', 'a/b', 'a_b', 'A_B', '.hidden', 'output.1.0')]);
  assert.deepEqual(await readdir(folder), ['out']);
  assert.equal(new Set(saved).size, 6);
  const names = (await readdir(join(folder, 'out'))).sort();
  assert.deepEqual(names, ['A_B_2.npy', '__up.npy', '_hidden.npy', 'a_b.npy', 'a_b_1.npy', 'output.1.0.npy']);
});

test('several calls have a folder each', async (t) => {
  const folder = await makeFolder(t, {});
  assert.deepEqual(await saveOutputs(folder, [answer('y'), answer('y')]), [
    join(folder, '0', 'y.npy'),
    join(folder, '1', 'y.npy'),
  ]);
});

test('a folder that cannot be written to', async (t) => {
  const folder = await makeFolder(t, { file: 'x' });
  await rejects(saveOutputs(join(folder, 'file'), [answer('y')]), 'INF_FILE_INVALID', /Cannot write to/);
});

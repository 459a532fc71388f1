import assert from 'node:assert/strict';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findCore } from '#src/backends/native/find-core';
import { gpuFigures } from '#src/backends/native/gpu-figures';
import { trimHeap } from '#src/backends/native/heap';
import { needsTorch } from '../../../support/torch.js';
import { restoreVariables } from '../../support/environment.js';
import { makeFolder } from '../../support/files.js';

restoreVariables(['INFERNODE_ADDON', 'XDG_CACHE_HOME']);

test('a core that worked once and does not open any more is done without', { skip: needsTorch }, async (t) => {
  const content = await readFile((await findCore()).path!);
  const folder = await makeFolder(t as TestContext, { 'infernode.node': content });
  process.env.INFERNODE_ADDON = folder;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  const file = join(folder, 'infernode.node');
  await utimes(file, 0, 0);
  assert.equal((await findCore()).path, file);
  await writeFile(file, 'no library'.padEnd(content.length));
  await utimes(file, 0, 0);
  assert.equal((await findCore()).path, file, 'the cache says so');
  await trimHeap();
  const { gpus, unavailable } = await gpuFigures();
  assert.deepEqual(gpus, []);
  assert.match(unavailable!, /infernode\.node: invalid ELF header/);
});

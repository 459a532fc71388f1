import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { repository } from '../../../support/test-data.js';
import { needsTorch } from '../../../support/torch.js';
import { makeFolder } from '../../support/files.js';

/** Allocates and frees in a process of its own, trims, and tells the resident memory before and after in MiB. */
function trimmed(environment: Record<string, string>): { before: number; after: number } {
  const source = `
    import { trimHeap } from ${JSON.stringify(join(repository, 'dist/backends/native/heap.js'))};
    const rss = () => process.memoryUsage.rss() / 2 ** 20;
    await trimHeap();
    // Buffers too small for a mapping of their own lie in the heap; the last one keeps its top in place.
    let buffers = Array.from({ length: 1000 }, () => Buffer.allocUnsafeSlow(100_000).fill(1));
    const kept = buffers.at(-1);
    buffers = null;
    for (let i = 0; i < 2; i++) gc();
    const before = rss();
    await trimHeap();
    console.log(JSON.stringify({ before, after: rss(), kept: kept.length }));`;
  const args = ['--expose-gc', '--input-type=module', '-e', source];
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

describe('trimming the heap', () => {
  test('gives freed memory back where the add-on loads', { skip: needsTorch }, () => {
    const { before, after } = trimmed({});
    assert.ok(before - after > 50, `${before} to ${after} MiB`);
  });

  test('does nothing without an add-on, or with a broken one', async (t) => {
    const broken = await makeFolder(t as TestContext, { 'infernode.node': 'no library' });
    for (const folder of ['/no/such/folder', broken]) {
      const { before, after } = trimmed({ INFERNODE_ADDON: folder });
      assert.ok(before - after < 50, `${before} to ${after} MiB`);
    }
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './test-data.js';

const entry = join(repository, 'dist/index.js');
const heap = join(repository, 'dist/backends/native/heap.js');

/**
 * Runs an ES module in a process of its own, which prints resident memory levels in bytes, as JSON. It takes them by `rss()`,
 * or by `trimmedRss()`: that one has no freed memory in it which the C library keeps, and so varies less.
 */
export function levels(source: string): number[] {
  const prelude = `
    import { Engine, load, Tensor } from ${JSON.stringify(entry)};
    import { trimHeap } from ${JSON.stringify(heap)};
    const rss = async () => { for (let i = 0; i < 3; i++) { gc(); await new Promise((done) => setTimeout(done, 20)); } return process.memoryUsage.rss(); };
    const trimmedRss = async () => { await rss(); await trimHeap(); return process.memoryUsage.rss(); };`;
  const args = ['--expose-gc', '--input-type=module', '-e', `${prelude}\n${source}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 300_000 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as number[];
}

/** Levels as they stand in a message. */
export const mebibytes = (bytes: readonly number[]) => bytes.map((level) => (level / 2 ** 20).toFixed(1)).join(', ');

/**
 * What memory grows by in every round, whatever single rounds do: the lesser of two middles. That of the steps from each level
 * to the next is not moved by one step up that stays; that of the slopes between any two levels (Theil and Sen) is not moved
 * by levels that go up and down. A leak moves both.
 */
export function steadyClimb(levels: readonly number[]): number {
  const steps = levels.slice(1).map((level, index) => level - levels[index]!);
  const slopes = levels.flatMap((level, index) =>
    levels.slice(index + 1).map((later, distance) => (later - level) / (distance + 1)),
  );
  return Math.min(middle(steps), middle(slopes));
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inputs, ModelInfo, Session } from '#src/backends/backend';
import { measure, quantile, timeCalls } from '#src/conversion/measure';

/** A model whose calls take some milliseconds. */
function sleeper(milliseconds: (inputs: Inputs) => number, methods = ['forward']) {
  const calls: [method: string, inputs: Inputs][] = [];
  const session = {
    info: {
      methods: Object.fromEntries(methods.map((name) => [name, { inputs: [], outputs: [] }])),
    } as unknown as ModelInfo,
    run: async (method: string, inputs: Inputs) => {
      calls.push([method, inputs]);
      await new Promise((resolve) => setTimeout(resolve, milliseconds(inputs)));
      return {};
    },
  } as unknown as Session;
  return { calls, session };
}

test('a quantile is one of the numbers', () => {
  assert.equal(quantile([1, 2, 3], 0.5), 2);
  assert.equal(quantile([1, 2, 3, 4], 0.5), 3);
  assert.equal(quantile([1, 2, 3], 0), 1);
  assert.equal(quantile([1, 2, 3], 1), 3);
  assert.equal(quantile([7], 0.9), 7);
});

test('durations are sorted, and leave the first two calls out', async () => {
  let count = 0;
  const { calls, session } = sleeper(() => [20, 20, 12, 4, 8][count++] ?? 4);
  const durations = await timeCalls(session, [1], 0);
  assert.equal(calls.length, 7);
  assert.equal(durations.length, 5);
  assert.deepEqual(
    durations,
    [...durations].sort((a, b) => a - b),
  );
});

test('the method is forward, or the first one there is', async () => {
  const both = sleeper(() => 0, ['encode', 'forward']);
  await timeCalls(both.session, [], 0);
  assert.equal(both.calls[0]![0], 'forward');
  const other = sleeper(() => 0, ['encode', 'decode']);
  await timeCalls(other.session, [], 0);
  assert.equal(other.calls[0]![0], 'encode');
});

test('a failed call fails the measurement', async () => {
  const { session } = sleeper(() => {
    throw new Error('broken');
  });
  await assert.rejects(measure(session, [], null, 0), /broken/);
});

test('throughput is that of batches, where they give more', async () => {
  const { session } = sleeper((inputs) => (inputs as number[])[0]!);
  const alone = await measure(session, [4], null, 0);
  assert.equal(alone.throughput, 1000 / alone.latencyMs);
  assert.ok(alone.latencyMs <= alone.p90Ms);
  assert.ok(alone.busyLatencyMs > 0);
  assert.ok(alone.memoryBytes > 1e6);
  const batched = await measure(session, [20], [20], 8);
  assert.ok(batched.throughput > 2 * (1000 / batched.latencyMs), JSON.stringify(batched));
  const slow = await measure(session, [4], [600], 8);
  assert.equal(slow.throughput, 1000 / slow.latencyMs);
});

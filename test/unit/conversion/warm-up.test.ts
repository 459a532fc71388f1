import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { warmUp } from '#src/conversion/warm-up';

test('quick calls are made for half a second, also if the first is slow; others three times', async () => {
  let calls = 0;
  const begin = performance.now();
  await warmUp(async () => {
    if (calls++ === 0) await sleep(5);
  });
  assert.ok(performance.now() - begin >= 500);
  assert.ok(calls > 1000, String(calls));
  calls = 0;
  await warmUp(async () => {
    calls++;
    await sleep(3);
  });
  assert.equal(calls, 3);
});

test('a failed call fails the warm-up', () =>
  assert.rejects(
    warmUp(async () => {
      throw new Error('broken');
    }),
    /broken/,
  ));

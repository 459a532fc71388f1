import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeCalls, timeClients, timeLoop } from '#src/benchmark/time-calls';

test('a round that is over at once still has three calls, and one before them', async () => {
  let calls = 0;
  const durations = await timeCalls(async () => void calls++, 0);
  assert.equal(durations.length, 3);
  assert.equal(calls, 4);
});

test('calls go on until the time is over, one after another', async () => {
  let now = 0;
  let most = 0;
  const durations = await timeCalls(async () => {
    most = Math.max(most, ++now);
    await sleep(2);
    now--;
  }, 40);
  assert.ok(durations.length > 3 && durations.every((duration) => duration > 0));
  assert.equal(most, 1);
});

test('each client has one call under way at any time', async () => {
  let now = 0;
  let most = 0;
  const { durations, elapsedMs } = await timeClients(
    async () => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
    },
    3,
    20,
  );
  assert.equal(most, 3);
  assert.ok(durations.length >= 3);
  assert.ok(elapsedMs >= Math.max(...durations));
});

test('a call that blocks the event loop shows in its delay', async () => {
  const block = async () => {
    const end = performance.now() + 30;
    while (performance.now() < end);
  };
  const { p50, p99, max } = await timeLoop(block, 100);
  assert.ok(p50 <= p99 && p99 <= max);
  // Nothing that the machine does can make this less: the timer is due while the call blocks.
  assert.ok(max > 15, `${max}`);
});

test('a call that fails ends the measurement with its error', async () => {
  const fail = () => Promise.reject(new Error('no'));
  await assert.rejects(timeCalls(fail, 10), /no/);
  await assert.rejects(timeClients(fail, 2, 10), /no/);
  await assert.rejects(timeLoop(fail, 10), /no/);
});

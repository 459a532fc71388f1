import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { poissonArrivals, runArrivals } from '../../../bench/serving/poisson.js';

test('queries arrive at the rate, at random, and alike for a seed', () => {
  const times = poissonArrivals(1000, 20_000, 1);
  assert.ok(Math.abs(times.length - 20_000) < 600, String(times.length));
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  const mean = gaps.reduce((sum, gap) => sum + gap) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  // Of an exponential distribution both are the same.
  assert.ok(Math.abs(deviation / mean - 1) < 0.05, String(deviation / mean));
  assert.deepEqual(poissonArrivals(1000, 20_000, 1), times);
  assert.notDeepEqual(poissonArrivals(1000, 20_000, 2), times);
});

test('another rate has the same pattern, stretched', () => {
  const [slow, fast] = [poissonArrivals(10, 2000, 7), poissonArrivals(20, 1000, 7)];
  assert.equal(slow.length, fast.length);
  for (const [index, time] of slow.entries()) assert.ok(Math.abs(time - 2 * fast[index]!) < 1e-6);
});

test('all queries are sent and answered, whether or not those before were', async () => {
  let [running, most, sent] = [0, 0, 0];
  const send = async () => {
    sent++;
    most = Math.max(most, ++running);
    await sleep(20);
    running--;
  };
  const { queries, p99 } = await runArrivals([0, 1, 2, 3], send, 1000);
  assert.deepEqual([queries, sent, most], [4, 4, 4]);
  assert.ok(p99! >= 19, String(p99));
});

test('a server that falls behind is let be, and what is on its way is waited for', async () => {
  let [sent, answered] = [0, 0];
  let turn = Promise.resolve();
  const send = () => {
    sent++;
    turn = turn.then(async () => {
      await sleep(5);
      answered++;
    });
    return turn;
  };
  const arrivals = Array.from({ length: 10_000 }, (_, index) => index / 10);
  const { queries, p99 } = await runArrivals(arrivals, send, 5);
  assert.equal(p99, null);
  assert.ok(sent < arrivals.length);
  assert.deepEqual([queries, answered], [sent, sent]);
});

test('a query that fails ends the run', async () => {
  await assert.rejects(
    runArrivals([0, 0, 1], () => Promise.reject(new Error('HTTP 500')), 10),
    /HTTP 500/,
  );
});

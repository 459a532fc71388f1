import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { closedLoop } from '../../../bench/serving/closed-loop.js';

test('a server that answers later than a trial lasts has a throughput', async () => {
  let turn: Promise<unknown> = Promise.resolve();
  const send = () => {
    turn = turn.then(() => setTimeout(5));
    return turn;
  };
  const { throughput } = await closedLoop(new Array(20).fill(send), { warmUpMs: 10, durationMs: 40 });
  assert.ok(throughput > 0 && throughput <= 210, `${throughput}`);
});

test('batches count whole: as many in the time between two as the last one has', async () => {
  let waiting: (() => void)[] = [];
  const timer = setInterval(() => {
    for (const answer of waiting.splice(0)) answer();
  }, 20);
  const send = () => new Promise<void>((resolve) => waiting.push(resolve));
  const { throughput } = await closedLoop(new Array(8).fill(send), { warmUpMs: 10, durationMs: 30 });
  clearInterval(timer);
  waiting = [];
  // 8 in 20 ms are 400 a second, less where the timer is late; 16 in 20 ms would be 800.
  assert.ok(throughput > 0 && throughput < 500, `${throughput}`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { closedLoop, throughputOf } from '../../../bench/serving/closed-loop.js';

test('a server that answers later than a trial lasts has a throughput', async () => {
  let turn: Promise<unknown> = Promise.resolve();
  const send = () => {
    turn = turn.then(() => setTimeout(5));
    return turn;
  };
  const { throughput } = await closedLoop(new Array(20).fill(send), { warmUpMs: 10, durationMs: 40 });
  assert.ok(throughput > 0, `${throughput}`);
});

test('what is answered between two answers counts, from the first within the time to the first behind it', () => {
  assert.equal(throughputOf([5, 15, 25, 35, 45], 10, 30), 100);
  assert.equal(throughputOf([5, 60], 10, 50), 0);
});

test('batches count whole: as many in the time between two as the last one has', () => {
  const batches = [5, 25, 45].flatMap((at) => new Array<number>(8).fill(at));
  assert.equal(throughputOf(batches, 10, 40), 400);
});

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

test('what is answered after the last answer before the time counts, to the last one in it', () => {
  assert.equal(throughputOf([5, 15, 25, 35, 45], 10, 30), 100);
  assert.equal(throughputOf([15, 25, 35], 10, 30), 80);
});

test('a server that answers nothing in the time counts to its last answer', () => {
  assert.equal(throughputOf([5, 60, 105], 10, 50), 20);
  assert.equal(throughputOf([40], 10, 20), 25);
});

test('batches count whole: as many in the time between two as the last one has', () => {
  const batches = [5, 25, 45].flatMap((at) => new Array<number>(8).fill(at));
  assert.equal(throughputOf(batches, 10, 40), 400);
});

test('batches of sizes that differ count what was computed in the time, not what was before it', () => {
  const batches = [31, 1, 31, 1, 31].flatMap((size, index) => new Array<number>(size).fill(100 + index * 500));
  // 32 in each second, wherever the time begins and ends.
  assert.equal(throughputOf(batches, 150, 1150), 32);
  assert.equal(throughputOf(batches, 650, 1650), 32);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf } from '../../../bench/report/lines.js';
import { figureOf, repeatable, spreadOf } from '../../../bench/report/spread.js';
import { measured, resultOf } from './result.js';

test('a line holds the best of ours against the best of the others', () => {
  const [latency, throughput, ...others] = linesOf(
    resultOf([
      measured('SingleStream', 'a', [30, 30, 30]),
      measured('SingleStream', 'b', [20, 20, 20]),
      measured('SingleStream', 'x', [30, 10, 20]),
      measured('SingleStream', 'y', [40, 40, 40]),
      measured('Offline', 'a', [10, 10, 10], { at: 8 }),
      measured('Offline', 'a', [50, 50, 50], { at: 32 }),
      measured('Offline', 'x', [25, 20, 10], { at: 8 }),
    ]),
  );
  assert.deepEqual(others, []);
  assert.equal(latency!.ours.contestant, 'b');
  assert.equal(latency!.peer!.contestant, 'x');
  // Less time is better: the other's over ours, round by round.
  assert.deepEqual(latency!.ratio, { median: 1, low: 0.5, high: 1.5 });
  assert.equal(throughput!.ours.at, 32);
  assert.deepEqual(throughput!.ratio, { median: 2.5, low: 2, high: 5 });
  // A billion operations in 20 ms, and 50 times in a second, of at most 100 billion.
  assert.deepEqual([latency!.share, throughput!.share], [0.5, 0.5]);
});

test('precisions are kept apart, and a line may be without a peer', () => {
  const [fp32, reduced] = linesOf(
    resultOf([
      measured('Server', 'a', [10]),
      measured('Server', 'x', [5]),
      measured('Server', 'b', [40], { precision: 'reduced' }),
    ]),
  );
  assert.equal(fp32!.ratio!.median, 2);
  assert.deepEqual([reduced!.precision, reduced!.peer, reduced!.ratio], ['reduced', null, null]);
});

test('the range of twelve rounds and more is without the extremes', () => {
  assert.deepEqual(figureOf([4, 1, 9, 5]), { median: 4.5, low: 1, high: 9 });
  assert.deepEqual(figureOf([4, 1, 90, 6, ...new Array(8).fill(5)]), { median: 5, low: 4, high: 6 });
  assert.deepEqual(figureOf([2, 1, 90, 80, ...new Array(12).fill(5)]), { median: 5, low: 5, high: 5 });
  assert.equal(spreadOf({ median: 5, low: 4, high: 7 }), 0.4);
});

test('what another run will find is not told more exactly than runs differ', () => {
  assert.deepEqual(repeatable([100, 101, 99]), { median: 100, low: 95, high: 105 });
  assert.deepEqual(repeatable([100, 120, 99]), { median: 100, low: 95, high: 120 });
});

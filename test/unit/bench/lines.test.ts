import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf, saysLittle } from '../../../bench/results/lines.js';
import { figureOf, repeatable, spreadOf } from '../../../bench/results/spread.js';
import type { Scenario } from '../../../bench/scenarios/scenario.js';
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

test('a ratio is of the rounds that have both, and whoever fell behind early is no side of it', () => {
  const [line] = linesOf(
    resultOf([
      measured('Server', 'a', [10, null, 30, 40]),
      measured('Server', 'x', [5, 5, null, 10]),
      measured('Server', 'y', [99]),
    ]),
  );
  assert.equal(line!.peer!.contestant, 'x');
  assert.deepEqual(line!.ratio, { median: 3, low: 2, high: 4 });
});

test('the range of many rounds is without the extremes', () => {
  assert.deepEqual(figureOf([4, 1, null, 9, 5]), { median: 4.5, low: 1, high: 9 });
  const many = (count: number) => figureOf(Array.from({ length: count }, (_, i) => i + 1));
  assert.deepEqual(many(11), { median: 6, low: 1, high: 11 });
  assert.deepEqual(many(12), { median: 6.5, low: 2, high: 11 });
  assert.deepEqual(many(98), { median: 49.5, low: 36, high: 63 });
  assert.equal(spreadOf({ median: 5, low: 4, high: 7 }), 0.4);
});

test('what another run will find is not told more exactly than runs differ', () => {
  assert.deepEqual(repeatable([100, 101, 99], 0.125), { median: 100, low: 87.5, high: 112.5 });
  assert.deepEqual(repeatable([100, 120, 99], 0.125), { median: 100, low: 87.5, high: 120 });
});

test('of quick calls and of servers it is told less exactly', () => {
  const isExact = (...[scenario, value, at]: [Scenario, number, number?]) => {
    const sides = ['a', 'x'].map((name) => measured(scenario, name, [value], { at: at ?? null }));
    const [line] = linesOf(resultOf(sides));
    assert.equal(line!.ratio!.median, 1);
    return line!.ratio!.high < 1.15;
  };
  assert.deepEqual([isExact('SingleStream', 0.9), isExact('SingleStream', 1.1)], [false, true]);
  // A call of eight samples: 0.8 ms and 1.6 ms.
  assert.deepEqual([isExact('Offline', 10_000, 8), isExact('Offline', 5000, 8)], [false, true]);
  assert.ok(!isExact('Server', 10));
});

test('a ratio says little where its spread is more than 20 % to a side', () => {
  const wide = (last: number) =>
    linesOf(resultOf([measured('Server', 'a', [10, 10, last]), measured('Server', 'x', [10, 10, 10])])).map(saysLittle);
  assert.deepEqual([wide(11.9), wide(12.1), wide(7.9)], [[false], [true], [true]]);
  // Without a round that has both there is no ratio; without a peer there is none to find.
  const apart = [measured('Server', 'a', [10, null]), measured('Server', 'x', [null, 10])];
  assert.deepEqual(linesOf(resultOf(apart)).map(saysLittle), [true]);
  assert.deepEqual(linesOf(resultOf(apart.slice(0, 1))).map(saysLittle), [false]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyOf, median, percentile, ratioOf, spreadOf } from '#src/benchmark/figures';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index);

test('a percentile is the nearest rank', () => {
  assert.equal(percentile(upTo(100), 0.5), 50);
  assert.equal(percentile(upTo(100), 0.9), 90);
  assert.equal(percentile(upTo(100), 0.99), 99);
  assert.equal(percentile(upTo(10), 0.99), 10);
  assert.equal(percentile([7], 0.5), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test('a median of an even count lies between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('a spread keeps the rounds as they were given', () => {
  const rounds = [5, 1, 3];
  assert.deepEqual(spreadOf(rounds), { median: 3, min: 1, max: 5 });
  assert.deepEqual(rounds, [5, 1, 3]);
});

test('percentiles of latency are of all calls, the spread of the medians of rounds', () => {
  const latency = latencyOf([upTo(100), upTo(100).map((figure) => figure + 100)]);
  assert.deepEqual(latency, {
    calls: 200,
    p50: 100,
    p90: 180,
    p99: 198,
    rounds: { median: 100.5, min: 50.5, max: 150.5 },
  });
});

test('a percentile that too few calls tell is null', () => {
  const tails = (count: number) => {
    const { p90, p99 } = latencyOf([upTo(count)]);
    return [p90, p99];
  };
  assert.deepEqual(tails(9), [null, null]);
  assert.deepEqual(tails(10), [9, null]);
  assert.deepEqual(tails(99), [90, null]);
  assert.deepEqual(tails(100), [90, 99]);
});

test('ratios are taken within rounds', () => {
  assert.deepEqual(ratioOf([2, 30, 4], [1, 10, 1]), { median: 3, min: 2, max: 4 });
});

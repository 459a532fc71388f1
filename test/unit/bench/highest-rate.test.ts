import assert from 'node:assert/strict';
import { test } from 'node:test';
import { highestRate, rateNear, type Search } from '../../../bench/serving/highest-rate.js';

function run(search: Search, holds: (rate: number) => boolean): number {
  let step = search.next();
  while (!step.done) step = search.next(holds(step.value));
  return step.value;
}

/** A server that keeps its bound up to some rate. */
const limit = (most: number, asked: number[]) => (rate: number) => {
  asked.push(rate);
  return rate <= most;
};

test('the rate is found from below, as near as the halvings go', () => {
  const asked: number[] = [];
  const found = run(highestRate(100, 6), limit(83, asked));
  assert.ok(found <= 83 && found > 83 * 0.97, String(found));
  assert.equal(new Set(asked).size, 7);
});

test('a server that keeps its bound far below its throughput only is measured there', () => {
  const found = run(highestRate(100, 5), limit(9, []));
  assert.ok(found <= 9 && found > 8, String(found));
});

test('a server that never keeps its bound has no rate', () => {
  const asked: number[] = [];
  assert.equal(run(highestRate(100, 5), limit(0, asked)), 0);
  assert.ok(asked.length < 20);
});

test('without a throughput there is nothing to look for', () => {
  assert.throws(() => highestRate(0, 5), /no query was answered/);
});

test('a rate that fails once is tried again', () => {
  const failed = new Set<number>();
  const found = run(highestRate(100, 6), (rate) => {
    if (failed.has(rate)) return rate <= 83;
    failed.add(rate);
    return false;
  });
  assert.ok(found <= 83 && found > 83 * 0.97, String(found));
});

test('near a rate that was found, it takes fewer trials, up and down', () => {
  for (const most of [100, 110, 125, 83, 30]) {
    const asked: number[] = [];
    const found = run(rateNear(100), limit(most, asked));
    assert.ok(found <= most && found > most * 0.93, `${found} of ${most}`);
    assert.ok(new Set(asked).size <= 8);
  }
});

test('a rate that rose much is followed at once', () => {
  const rate = run(rateNear(100), limit(400, []));
  assert.ok(rate <= 400 && rate > 400 * 0.93, String(rate));
});

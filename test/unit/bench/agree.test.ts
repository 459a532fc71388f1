import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreementOf } from '../../../bench/contestants/agree.js';

const answer = (...data: number[]) => ({ shape: [1, data.length], data });

test('answers in fp32 agree within what the order of sums loses', () => {
  const { difference, cosine } = agreementOf(answer(1, 2, 4.001), answer(1, 2, 4), 'fp32');
  assert.ok(Math.abs(difference - 0.00025) < 1e-9, String(difference));
  assert.ok(cosine > 0.999999);
  assert.throws(() => agreementOf(answer(1, 2, 4.1), answer(1, 2, 4), 'fp32'), /off by 0\.0250 of the largest element/);
});

test('answers in fewer bits agree by their direction', () => {
  assert.ok(agreementOf(answer(1, 2, 4.1), answer(1, 2, 4), 'reduced').cosine < 1);
  assert.throws(() => agreementOf(answer(1, 2, -4), answer(1, 2, 4), 'reduced'), /the cosine is -0\.52381/);
});

test('another shape, and what is no number, does not agree', () => {
  assert.throws(() => agreementOf(answer(1, 2), answer(1, 2, 4), 'fp32'), /shape is \[1,2\], not \[1,3\]/);
  for (const precision of ['fp32', 'reduced'] as const) {
    assert.throws(() => agreementOf(answer(1, Number.NaN), answer(1, 2), precision), /off by/);
  }
});

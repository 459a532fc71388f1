import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareResults } from '../../../bench/results/compare.js';
import { measured, resultOf } from './result.js';

const before = resultOf([measured('SingleStream', 'a', [10, 11, 12]), measured('SingleStream', 'x', [20, 22, 24])]);
const verdict = (...measurements: Parameters<typeof resultOf>[0]) =>
  compareResults(before, resultOf(measurements))[0]!.verdict;

test('a ratio that left the range of before is a change, on a faster machine too', () => {
  assert.equal(verdict(measured('SingleStream', 'a', [5, 5, 5]), measured('SingleStream', 'x', [10, 10, 11])), 'same');
  assert.equal(verdict(measured('SingleStream', 'a', [5, 5, 5]), measured('SingleStream', 'x', [8, 8, 9])), 'slower');
  // Slower, but by rounds that vary by more than that.
  assert.equal(verdict(measured('SingleStream', 'a', [5, 5, 5]), measured('SingleStream', 'x', [8, 8, 10])), 'same');
  assert.equal(
    verdict(measured('SingleStream', 'a', [5, 5, 5]), measured('SingleStream', 'x', [12, 12, 12])),
    'faster',
  );
});

test('it is held against the peer of before, whoever is the best now', () => {
  const [found] = compareResults(
    before,
    resultOf([
      measured('SingleStream', 'a', [10, 10, 10]),
      measured('SingleStream', 'x', [20, 20, 20]),
      measured('SingleStream', 'y', [1, 1, 1]),
    ]),
  );
  assert.equal(found!.after!.median, 2);
});

test('where the peer of before fell behind, it is held against the best of now', () => {
  const [found] = compareResults(
    before,
    resultOf([
      measured('SingleStream', 'a', [10, 10, 10]),
      measured('SingleStream', 'x', [20, null, null]),
      measured('SingleStream', 'y', [15, 15, 15]),
    ]),
  );
  assert.deepEqual([found!.peer, found!.after!.median], ['y', 1.5]);
});

test('without the peer nothing is known', () => {
  assert.equal(verdict(measured('SingleStream', 'a', [5, 5, 5])), 'unknown');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relativeDistance } from '#src/tensor/distance';

test('is relative to the largest finite element of the second', () => {
  assert.equal(relativeDistance([1, 2], [1, 4]), 0.5);
  assert.equal(relativeDistance([4, 2], [1, 2]), 1.5);
  assert.equal(relativeDistance([], []), 0);
  assert.equal(relativeDistance([0, -0], [-0, 0]), 0);
  assert.ok(relativeDistance([1e-30], [0]) > 1);
});

test('of infinities and NaN', () => {
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
  assert.equal(relativeDistance([infinity, nan, 1], [infinity, nan, 1]), 0);
  // A finite element is as far from an infinite one as can be, however large the others are.
  assert.equal(relativeDistance([1, 1], [infinity, 1]), infinity);
  assert.equal(relativeDistance([infinity], [-infinity]), infinity);
  assert.equal(relativeDistance([nan, 1], [1, 1]), nan);
  assert.equal(relativeDistance([1, 5], [nan, 1]), nan);
});

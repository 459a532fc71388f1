import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from '#src/config/suggest';

test('the nearest candidate is found within a few edits', () => {
  assert.equal(nearest('resise', ['crop', 'resize']), 'resize');
  assert.equal(nearest('RESIZE', ['resize']), 'resize');
  assert.equal(nearest('inptu', ['output', 'input']), 'input', 'a swap is one edit');
  assert.equal(nearest('x', ['y', 'z']), 'y');
  assert.equal(nearest('batch', ['precision', 'warmup']), undefined);
  assert.equal(nearest('a', []), undefined);
});

test('the hint is empty if nothing is near', () => {
  assert.equal(didYouMean('lables', ['labels']), ' (did you mean "labels"?)');
  assert.equal(didYouMean('lables', ['mean']), '');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchInputs } from '#src/conversion/match-inputs';

test('names that the model has stay', () => {
  const inputs = { b: 1, a: 2 };
  assert.deepEqual(Object.entries(matchInputs(inputs, ['a', 'b'])), Object.entries(inputs));
});

test('an input may be left out', () => {
  assert.deepEqual(matchInputs({ a: 1 }, ['a', 'b']), { a: 1 });
});

test('other names are matched by their order', () => {
  assert.deepEqual(matchInputs({ input_ids: 1, mask: 2 }, ['x.1', 'x.2']), { 'x.1': 1, 'x.2': 2 });
  assert.deepEqual(matchInputs({ image: 1 }, ['x', 'scale']), { x: 1 });
});

test('elements of a tuple go by the name of the tuple', () => {
  const inputs = { 'state.0': 1, 'state.1': 2, x: 3 };
  assert.deepEqual(matchInputs(inputs, ['x', 'state']), inputs);
});

test('more inputs than the model has are left for it to refuse', () => {
  assert.deepEqual(matchInputs({ p: 1, q: 2 }, ['x']), { p: 1, q: 2 });
});

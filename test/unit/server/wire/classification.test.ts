import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classify } from '#src/server/wire/classification';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../../support/expect-error.js';

const scores = (shape: number[], ...values: number[]) => new Tensor('float32', Float32Array.from(values), shape);

test('the best classes come first, as score, index and label', () => {
  const one = classify(scores([4], 1.1, 3.3, 0.5, 2.4), 2);
  assert.deepEqual([one.shape, one.data], [[2], ['3.3:1', '2.4:3']]);
  const rows = classify(scores([2, 2], 0, 1, 3, 2), 1, ['no', 'yes']);
  assert.deepEqual(
    [rows.shape, rows.data],
    [
      [2, 1],
      ['1:1:yes', '3:0:no'],
    ],
  );
});

test('there are no more than the model has, and a class without a label has none', () => {
  const { shape, data } = classify(scores([1, 2, 1, 1], 5, 6), 10, ['a']);
  assert.deepEqual(
    [shape, data],
    [
      [1, 2],
      ['6:1', '5:0:a'],
    ],
  );
  assert.deepEqual(classify(scores([0, 4]), 2).shape, [0, 0]);
});

test('scores are the very ones, not probabilities', () => {
  const value = Math.fround(1 / 3);
  const [text] = classify(scores([1], value), 1).data;
  assert.equal(Math.fround(Number(text!.split(':')[0])), value);
  assert.deepEqual(classify(new Tensor('int64', BigInt64Array.of(7n, 9n)), 1).data, ['9:1']);
  assert.deepEqual(classify(scores([2], Number.NaN, 1), 2).data, ['1:1', 'NaN:0']);
});

test('what holds no scores is refused', () => {
  throws(() => classify(scores([1, 1, 2], 1, 2), 1), 'INF_TENSOR_SHAPE');
  throws(() => classify(new Tensor('string', ['a']), 1), 'INF_TENSOR_DTYPE');
});

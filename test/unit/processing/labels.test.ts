import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classCount, topK } from '#src/processing/labels';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

const scores = (values: number[], shape = [1, values.length]) =>
  new Tensor('float32', Float32Array.from(values), shape);

test('scores become probabilities, best first', () => {
  const [row] = topK(scores([1, 3, 2]), 2, ['a', 'b', 'c']);
  assert.deepEqual(
    row!.map(({ index, label }) => [index, label]),
    [
      [1, 'b'],
      [2, 'c'],
    ],
  );
  const sum = Math.exp(-2) + 1 + Math.exp(-1);
  assert.ok(Math.abs(row![0]!.score - 1 / sum) < 1e-9);
});

test('probabilities are left as they are', () => {
  assert.deepEqual(
    topK(scores([0.25, 0.75]), 2)[0]!.map(({ score }) => score),
    [0.75, 0.25],
  );
  const rows = topK(scores([0.5, 0.5, 5, 1], [2, 2]), 1);
  assert.ok(rows[0]![0]!.score === 0.5 && rows[1]![0]!.score > 0.98, 'softmax goes over all rows, or none');
  const half = new Tensor('float16', Uint16Array.of(0x3800, 0x3804), [1, 2]);
  assert.ok(topK(half, 1)[0]![0]!.score > 0.5, '16-bit floats sum less exactly');
});

test('softmax can be asked for or refused', () => {
  assert.equal(topK(scores([1, 3]), 1, undefined, false)[0]![0]!.score, 3);
  assert.ok(topK(scores([0.25, 0.75]), 1, undefined, true)[0]![0]!.score < 0.63);
  assert.equal(topK(scores([0.3]), 1)[0]![0]!.score, Math.fround(0.3), 'one score is no choice of classes');
});

test('large scores, infinities and ties', () => {
  assert.equal(topK(scores([1000, -1000]), 1)[0]![0]!.score, 1);
  assert.deepEqual(
    topK(scores([2, 2, 2]), 3)[0]!.map(({ index }) => index),
    [0, 1, 2],
  );
  assert.deepEqual(
    topK(scores([Number.NaN, 1, 2]), 3, undefined, false)[0]!.map(({ index }) => index),
    [2, 1, 0],
  );
});

test('classes without a label, more asked for than there are', () => {
  assert.deepEqual(
    topK(scores([1, 2]), 9, ['a'])[0]!.map(({ label }) => label),
    [null, 'a'],
  );
  assert.deepEqual(topK(scores([], [0, 3]), 1), []);
});

test('shapes that hold scores', () => {
  assert.equal(classCount([10]), 10);
  assert.equal(classCount([2, 10]), 10);
  assert.equal(classCount([2, 10, 1, 1]), 10);
  assert.equal(classCount([2, 10, 3]), null);
  assert.equal(classCount([]), null);
  throws(() => topK(scores([1, 2, 3, 4], [1, 2, 2]), 1), 'INF_TENSOR_SHAPE', /\[1, 2, 2\]/);
  throws(() => topK(new Tensor('string', ['a', 'b']), 1), 'INF_TENSOR_DTYPE');
});

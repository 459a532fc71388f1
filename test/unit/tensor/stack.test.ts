import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stackTensors } from '#src/tensor/stack';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

test('tensors are joined along their first dimension', () => {
  const a = new Tensor('int64', BigInt64Array.of(1n, 2n), [1, 2]);
  const b = new Tensor('int64', BigInt64Array.of(3n, 4n, 5n, 6n), [2, 2]);
  const joined = stackTensors([a, b]);
  assert.deepEqual(
    [joined.dtype, joined.shape, joined.data],
    ['int64', [3, 2], BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n)],
  );
  assert.deepEqual(stackTensors([new Tensor('string', ['a']), new Tensor('string', ['b'])]).data, ['a', 'b']);
  assert.equal(stackTensors([a]), a);
});

test('what does not fit together is refused', () => {
  const float = new Tensor('float32', new Float32Array(2), [1, 2]);
  throws(() => stackTensors([]), 'INF_TENSOR_SHAPE', /at least one/);
  throws(() => stackTensors([new Tensor('float32', new Float32Array(1), [])]), 'INF_TENSOR_SHAPE');
  throws(() => stackTensors([float, new Tensor('int8', new Int8Array(2), [1, 2])]), 'INF_TENSOR_DTYPE', /int8/);
  const wide = new Tensor('float32', new Float32Array(3), [1, 3]);
  throws(() => stackTensors([float, wide]), 'INF_TENSOR_SHAPE', /\[1, 3\].*\[1, 2\]/);
});

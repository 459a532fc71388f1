import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DTYPES, type DType } from '#src/tensor/dtype';
import { elementCount, Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

/** Calls the constructor as JavaScript does, without types. */
function make(dtype: unknown, data: unknown, shape?: unknown): Tensor {
  return new (Tensor as new (...args: unknown[]) => Tensor)(dtype, data, ...(shape === undefined ? [] : [shape]));
}

describe('a new tensor', () => {
  test('of every dtype', () => {
    for (const [dtype, { array, bytes }] of Object.entries(DTYPES)) {
      const data = dtype === 'string' ? ['a', 'ä'] : new (array as Float32ArrayConstructor)(2);
      const tensor = make(dtype, data);
      assert.deepEqual([tensor.dtype, tensor.shape, tensor.size], [dtype, [2], 2]);
      assert.equal(tensor.data, data);
      assert.equal(tensor.byteLength, dtype === 'string' ? 3 : 2 * bytes);
    }
  });

  test('shares its data and copies its shape', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const shape = [2, 2];
    const tensor = new Tensor('float32', data, shape);
    shape[0] = 9;
    data[0] = 5;
    assert.deepEqual(tensor.toArray(), [
      [5, 2],
      [3, 4],
    ]);
    assert.throws(() => (tensor.shape as number[]).push(1), TypeError);
  });

  test('of shared memory, of a Buffer, of part of an array', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    assert.equal(new Tensor('float32', shared).size, 2);
    assert.deepEqual(new Tensor('uint8', Buffer.from([1, 2])).toArray(), [1, 2]);
    assert.deepEqual(new Tensor('int16', Int16Array.of(1, 2, 3).subarray(1)).toArray(), [2, 3]);
  });

  test('without elements, and without dimensions', () => {
    assert.deepEqual(new Tensor('float32', new Float32Array(0), [0, 3]).toArray(), []);
    assert.deepEqual(new Tensor('float32', new Float32Array(0), [2, 0]).toArray(), [[], []]);
    assert.equal(new Tensor('int64', BigInt64Array.of(7n), []).toArray(), 7n);
  });
});

describe('a tensor is refused', () => {
  test('with an unknown dtype', () => {
    for (const dtype of ['float', 'Float32', '__proto__', 'constructor', undefined, null, 1]) {
      throws(() => make(dtype, new Float32Array(1)), 'INF_TENSOR_DTYPE', 'float32, float64');
    }
  });

  test('with data in the wrong array', () => {
    throws(() => make('float32', new Float64Array(1)), 'INF_TENSOR_DATA', 'Float32Array', 'Float64Array');
    throws(() => make('float32', [1, 2]), 'INF_TENSOR_DATA', 'Float32Array', 'Array');
    throws(() => make('int64', new BigUint64Array(1)), 'INF_TENSOR_DATA', 'BigInt64Array', 'BigUint64Array');
    throws(() => make('string', 'abc'), 'INF_TENSOR_DATA', 'Array', 'String');
    for (const data of [undefined, null, 5, {}]) throws(() => make('float32', data), 'INF_TENSOR_DATA');
  });

  test('with strings that are none', () => {
    throws(() => make('string', ['a', 1]), 'INF_TENSOR_DATA', 'Element 1', 'not a string');
    throws(() => make('string', new Array(2)), 'INF_TENSOR_DATA', 'Element 0');
  });

  test('with a shape of another size', () => {
    const error = throws(() => make('float32', new Float32Array(5), [2, 3]), 'INF_TENSOR_DATA', '[2, 3]', '6', '5');
    assert.deepEqual(error.details, { expected: '6 elements', given: '5 elements' });
    throws(() => make('float32', new Float32Array(2), []), 'INF_TENSOR_DATA', '1 elements');
  });

  test('with dimensions that are none', () => {
    for (const dim of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1n, null, undefined]) {
      throws(() => make('float32', new Float32Array(1), [1, dim]), 'INF_TENSOR_SHAPE', 'Dimension 1');
    }
    for (const shape of ['1', 1, null, { length: 1, 0: 1 }, new Int32Array([1])]) {
      throws(() => make('float32', new Float32Array(1), shape), 'INF_TENSOR_SHAPE');
    }
  });

  test('when its buffer was transferred', () => {
    const data = Float32Array.of(1, 2);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    throws(() => make('float32', data, [2]), 'INF_TENSOR_DETACHED', 'transferred');
  });
});

test('the number of elements does not overflow, behind a zero either', () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([2, 3, 4]), 24);
  assert.equal(elementCount([0, 5]), 0);
  throws(() => elementCount([2 ** 27, 2 ** 27]), 'INF_TENSOR_SHAPE', '2^53');
  throws(() => elementCount([0, 2 ** 52, 4]), 'INF_TENSOR_SHAPE', '2^53');
});

describe('the elements', () => {
  test('as numbers', () => {
    const numbers = (dtype: DType, data: unknown) => Array.from(make(dtype, data).toNumbers());
    assert.deepEqual(numbers('float16', Uint16Array.of(0x3c00, 0xc000)), [1, -2]);
    assert.deepEqual(numbers('bfloat16', Uint16Array.of(0x3f80, 0xc000)), [1, -2]);
    assert.deepEqual(numbers('int64', BigInt64Array.of(-3n, 2n ** 53n + 1n)), [-3, 2 ** 53]);
    assert.deepEqual(numbers('bool', Uint8Array.of(1, 0)), [1, 0]);
    const floats = Float32Array.of(0.5);
    assert.equal(make('float32', floats).toNumbers(), floats, 'floats are not copied');
    throws(() => make('string', ['1']).toNumbers(), 'INF_TENSOR_DTYPE');
  });

  test('as nested arrays, of what JavaScript has for each dtype', () => {
    const nested = (dtype: DType, data: unknown, shape: number[]) => make(dtype, data, shape).toArray();
    assert.deepEqual(nested('bool', Uint8Array.of(1, 0, 2), [3]), [true, false, true]);
    assert.deepEqual(nested('uint64', BigUint64Array.of(2n ** 64n - 1n), [1, 1]), [[2n ** 64n - 1n]]);
    assert.deepEqual(nested('float16', Uint16Array.of(0x3c00), [1]), [1]);
    assert.deepEqual(nested('string', ['a', 'b'], [2, 1]), [['a'], ['b']]);
    assert.deepEqual(
      nested(
        'int8',
        Int8Array.from({ length: 8 }, (_, i) => i),
        [2, 2, 2],
      ),
      [
        [
          [0, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [6, 7],
        ],
      ],
    );
  });

  test('the only one', () => {
    assert.equal(make('float32', Float32Array.of(2.5), [1, 1, 1]).item(), 2.5);
    assert.equal(make('bool', Uint8Array.of(1), []).item(), true);
    assert.equal(make('string', ['x']).item(), 'x');
    for (const size of [0, 2]) throws(() => make('int8', new Int8Array(size)).item(), 'INF_TENSOR_SHAPE', `${size}`);
  });
});

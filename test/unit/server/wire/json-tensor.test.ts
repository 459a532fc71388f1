import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dataToJson, tensorFromData } from '#src/server/wire/json-tensor';
import { type DataOf, DTYPES, type DType } from '#src/tensor/dtype';
import { tensorFromJson } from '#src/tensor/json';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../../support/expect-error.js';

describe('data to a tensor', () => {
  test('is the same by the short way and the long one', () => {
    const data = [0, 1, 100];
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      if (dtype === 'string' || dtype === 'bool') continue;
      assert.deepEqual(tensorFromData(dtype, [3], data, 'x'), tensorFromJson({ dtype, shape: [3], data }), dtype);
    }
  });

  test('rounds floats, and refuses what does not fit, with the name of the input', () => {
    assert.deepEqual(tensorFromData('float32', [1], [0.1], 'x').data, Float32Array.of(0.1));
    throws(() => tensorFromData('float32', [1], [1e39], 'x'), 'INF_TENSOR_DATA', 'Input "x"', 'float32');
    const beyond = JSON.parse('[0, 1e400]');
    throws(() => tensorFromData('float64', [2], beyond, 'x'), 'INF_TENSOR_DATA', 'Input "x"', 'data[1]', 'float64');
    throws(() => tensorFromData('int8', [2], [1, 128], 'x'), 'INF_TENSOR_DATA', 'data[1]', '127');
    throws(() => tensorFromData('uint32', [1], [-1], 'x'), 'INF_TENSOR_DATA');
    throws(() => tensorFromData('int32', [1], [0.5], 'x'), 'INF_TENSOR_DATA');
    throws(() => tensorFromData('int16', [1], ['1'], 'x'), 'INF_TENSOR_DATA');
    const error = throws(() => tensorFromData('bool', [1], [2], 'x'), 'INF_TENSOR_DATA', 'true or false');
    assert.equal(error.details.name, 'x');
  });

  test('NaN and the infinities are words', () => {
    const { data } = tensorFromData(
      'float32',
      [2, 2],
      [
        ['NaN', 1],
        ['Infinity', '-Infinity'],
      ],
      'x',
    );
    assert.deepEqual(data, Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
  });

  test('a scalar and an empty tensor have their shape', () => {
    assert.deepEqual(tensorFromData('float32', [], [1], 'x').shape, []);
    assert.deepEqual(tensorFromData('float32', [0, 3], [], 'x').shape, [0, 3]);
    throws(() => tensorFromData('float32', [2], [1], 'x'), 'INF_TENSOR_DATA');
  });
});

describe('a tensor to JSON', () => {
  const json = <D extends DType>(dtype: D, data: DataOf<D>) => dataToJson(new Tensor(dtype, data));

  test('is always valid, whatever the tensor holds', () => {
    assert.equal(
      json('float32', Float32Array.of(0.5, Number.NaN, Number.NEGATIVE_INFINITY)),
      '[0.5,"NaN","-Infinity"]',
    );
    assert.equal(json('float64', Float64Array.of(1e300, Number.POSITIVE_INFINITY)), '[1e+300,"Infinity"]');
    assert.equal(json('float32', Float32Array.of(1, -0, 0)), '[1,-0,0]');
    assert.equal(json('float16', Uint16Array.of(0x3800, 0x7e00)), '[0.5,"NaN"]');
    assert.equal(json('bfloat16', Uint16Array.of(0xc000)), '[-2]');
    assert.equal(json('bool', Uint8Array.of(1, 0)), '[true,false]');
    assert.equal(json('int64', BigInt64Array.of(2n ** 63n - 1n)), '[9223372036854775807]');
    assert.equal(json('string', ['a"\n', '\ud800']), '["a\\"\\n","\\ud800"]');
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      const row = DTYPES[dtype];
      assert.equal(json(dtype, new row.array(0) as DataOf<DType>), '[]', dtype);
    }
  });
});

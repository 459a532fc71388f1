import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DType } from '#src/tensor/dtype';
import { tensorFromJson, tensorToJson } from '#src/tensor/json';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

function parts(value: unknown, dtype: DType | null = null): unknown[] {
  const tensor = tensorFromJson(value, dtype);
  return [tensor.dtype, tensor.shape, Array.from(tensor.data as never)];
}

test('the dtype follows the elements if none is asked for', () => {
  assert.deepEqual(
    parts([
      [1, 2.5],
      [3, 4],
    ]),
    ['float32', [2, 2], [1, 2.5, 3, 4]],
  );
  assert.deepEqual(parts([true, false]), ['bool', [2], [1, 0]]);
  assert.deepEqual(parts(['a', '']), ['string', [2], ['a', '']]);
  assert.deepEqual(parts([1n, 2n]), ['int64', [2], [1n, 2n]]);
  assert.deepEqual(parts([1, 'NaN', '-Infinity']), ['float32', [3], [1, Number.NaN, Number.NEGATIVE_INFINITY]]);
});

test('scalars and empty arrays', () => {
  assert.deepEqual(parts(5), ['float32', [], [5]]);
  assert.deepEqual(parts('x'), ['string', [], ['x']]);
  assert.deepEqual(parts([]), ['float32', [0], []]);
  assert.deepEqual(parts([[], []], 'int64'), ['int64', [2, 0], []]);
});

test('an object names dtype and shape; flat and nested data serve', () => {
  assert.deepEqual(parts({ dtype: 'int32', shape: [2, 2], data: [1, 2, 3, 4] }), ['int32', [2, 2], [1, 2, 3, 4]]);
  assert.deepEqual(parts({ dtype: 'int32', shape: [2, 1], data: [[1], [2]] }), ['int32', [2, 1], [1, 2]]);
  assert.deepEqual(parts({ data: [1] }), ['float32', [1], [1]]);
  assert.deepEqual(parts({ dtype: 'int64', shape: [], data: 5 }), ['int64', [], [5n]]);
  assert.deepEqual(parts({ dtype: 'int32', shape: [], data: [7] }), ['int32', [], [7]]);
  assert.deepEqual(parts({ dtype: 'int32', data: [1] }, 'float64'), ['float64', [1], [1]], 'the caller goes first');
});

test('64-bit integers keep every digit', () => {
  const limits = ['-9223372036854775808', '9223372036854775807', 3, 4n];
  assert.deepEqual(parts(limits, 'int64')[2], [-(2n ** 63n), 2n ** 63n - 1n, 3n, 4n]);
  assert.deepEqual(parts(['18446744073709551615'], 'uint64')[2], [2n ** 64n - 1n]);
  throws(() => tensorFromJson([2 ** 53], 'int64'), 'INF_TENSOR_DATA', /as a string from 2\^53 on/);
});

test('16-bit floats are stored as their bits', () => {
  assert.deepEqual(parts([1, -2, 'NaN'], 'float16')[2], [0x3c00, 0xc000, 0x7e00]);
  assert.deepEqual(parts([1, 'Infinity'], 'bfloat16')[2], [0x3f80, 0x7f80]);
});

const WRONG: [value: unknown, dtype: DType | null, message: RegExp][] = [
  [[[1, 2], [3]], null, /ragged: \[1\] must be an array of 2 like its neighbours, not an array of 1/],
  [[[1], 2], null, /ragged: \[1\] must be an array of 1/],
  [[1, [2]], null, /ragged: \[1\] must be an element/],
  [[1, true], null, /Element \[1\] must be a number, not true/],
  [[true, 'x'], null, /Element \[1\] must be true or false, not "x"/],
  [[['a'], [1]], null, /Element \[1\]\[0\] must be a string, not 1/],
  [[1, null], null, /Element \[1\] must be a number, not null/],
  [null, null, /The element must be a number, not null/],
  [[{}], null, /Element \[0\] must be a number, not \{\}/],
  [[0, 256], 'uint8', /Element \[1\] must be an integer from 0 to 255, not 256/],
  [[-129], 'int8', /from -128 to 127/],
  [[1.5], 'int32', /must be an integer/],
  [['1'], 'int32', /must be an integer/],
  [['9223372036854775808'], 'int64', /must be an integer from/],
  [[2], 'bool', /true or false/],
  [[1e39], 'float32', /within float32/],
  [[65520], 'float16', /within float16/],
  [JSON.parse('[1, 1e400]'), 'float64', /Element \[1\] must be a number within float64, not Infinity/],
  [JSON.parse('[-1e400]'), 'float32', /Element \[0\] must be a number within float32, not -Infinity/],
  [JSON.parse('1e400'), null, /The element must be a number within float32/],
  [['abc'], 'float32', /must be a number/],
  [{ shape: [3], data: [1, 2] }, null, /Shape \[3\] has 3 elements, but the data is of shape \[2\]/],
  [{ shape: [2, 2], data: [[1, 2, 3, 4]] }, null, /data is of shape \[1, 4\]/],
  [{ dtype: 'int8', data: [[1, 999]] }, null, /Element data\[0\]\[1\]/],
  [{ values: [1] }, null, /`data` is missing/],
];

for (const [value, dtype, message] of WRONG) {
  test(`refused: ${JSON.stringify(value)} as ${dtype ?? 'anything'}`, () =>
    void throws(() => tensorFromJson(value, dtype), 'INF_TENSOR_DATA', message));
}

test('other errors keep their codes', () => {
  throws(() => tensorFromJson({ dtype: 'float', data: [1] }), 'INF_TENSOR_DTYPE', /"float"/);
  throws(() => tensorFromJson({ shape: [-1], data: [1] }), 'INF_TENSOR_SHAPE');
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  throws(() => tensorFromJson(deep), 'INF_TENSOR_DATA', /nested deeper/);
});

test('what tensorToJson writes, tensorFromJson reads', () => {
  const tensors: Tensor[] = [
    new Tensor('float32', Float32Array.of(1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY), [2, 2]),
    new Tensor('float16', Uint16Array.of(0x3c00, 0x7e00, 0x0001)),
    new Tensor('int64', BigInt64Array.of(1n, 2n ** 62n, -(2n ** 63n)), [3, 1]),
    new Tensor('uint64', BigUint64Array.of(2n ** 64n - 1n), []),
    new Tensor('bool', Uint8Array.of(1, 0)),
    new Tensor('string', ['NaN', 'x']),
    new Tensor('float32', new Float32Array(0), [2, 0]),
  ];
  for (const tensor of tensors) {
    const back = tensorFromJson(JSON.parse(JSON.stringify(tensorToJson(tensor))));
    assert.deepEqual([back.dtype, back.shape, back.data], [tensor.dtype, [...tensor.shape], tensor.data]);
  }
  const json = tensorToJson(new Tensor('int64', BigInt64Array.of(5n, 2n ** 60n), [1, 2]));
  assert.deepEqual(json, { dtype: 'int64', shape: [1, 2], data: [[5, '1152921504606846976']] });
});

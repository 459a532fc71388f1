import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dim, ValueInfo } from '#src/backends/backend';
import { readRawRequest } from '#src/server/wire/raw-request';
import type { DType } from '#src/tensor/dtype';
import { throws } from '../../../support/expect-error.js';

const info = (dtype: DType | null, shape: Dim[] | null): ValueInfo => ({
  name: 'x',
  kind: 'tensor',
  dtype,
  shape,
  optional: false,
  type: 'Tensor',
});
const shapeOf = (bytes: number, dtype: DType | null, shape: Dim[] | null) =>
  readRawRequest(Buffer.alloc(bytes), { inputs: [info(dtype, shape)], outputs: [] }).inputs.x!.shape;

test('the one open size follows from the bytes', () => {
  assert.deepEqual(shapeOf(24, 'float32', [2, 3]), [2, 3]);
  assert.deepEqual(shapeOf(24, 'float32', ['n']), [6]);
  assert.deepEqual(shapeOf(24, 'float32', ['n', 3]), [2, 3]);
  assert.deepEqual(shapeOf(24, 'float32', [1, null]), [1, 6]);
  assert.deepEqual(shapeOf(0, 'float32', ['n']), [0]);
  assert.deepEqual(shapeOf(4, 'float32', []), []);
});

test('of two, the first is a batch of one', () => {
  assert.deepEqual(shapeOf(24, 'float32', ['batch', 3, 'n']), [1, 3, 2]);
});

test('a string is one element', () => {
  assert.deepEqual(shapeOf(4, 'string', [null]), [1]);
});

test('bytes and shapes that leave no answer, or several, are refused', () => {
  const bad: [number, DType | null, Dim[] | null][] = [
    [25, 'float32', ['n', 3]],
    [20, 'float32', [2, 3]],
    [8, 'float32', [0, null]],
    [24, 'float32', [1, null, null]],
    [24, 'float32', ['a', 'b', 'c']],
    [24, 'float32', ['...', 3]],
    [24, 'float32', null],
    [24, null, [6]],
  ];
  for (const [bytes, dtype, shape] of bad) throws(() => shapeOf(bytes, dtype, shape), 'INF_REQUEST_INVALID');
  throws(
    () => shapeOf(25, 'float32', ['n', 3]),
    'INF_REQUEST_INVALID',
    'a multiple of 12 bytes for FP32 of shape [-1, 3]',
    '25',
  );
  throws(() => shapeOf(20, 'float32', [2, 3]), 'INF_REQUEST_INVALID', '24 bytes for FP32 of shape [2, 3]', '20 bytes');
  throws(() => shapeOf(24, 'float32', null), 'INF_REQUEST_INVALID', '"x"', 'send them as JSON');
  const two = { inputs: [info('float32', [1]), info('float32', [1])], outputs: [] };
  throws(() => readRawRequest(Buffer.alloc(4), two), 'INF_REQUEST_INVALID', 'one input');
  throws(() => readRawRequest(Buffer.alloc(4), { inputs: [], outputs: [] }), 'INF_REQUEST_INVALID');
});

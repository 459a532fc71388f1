import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { decodeInferRequest } from '#src/server/grpc/infer-request';
import { tensorFromContents } from '#src/server/grpc/typed-contents';
import type { DType, TensorData } from '#src/tensor/dtype';
import { throws } from '../../../support/expect-error.js';
import { definition } from '../../../support/grpc-peer.js';

const { ModelInfer } = definition['inference.GRPCInferenceService'] as ServiceDefinition;

function contents(fields: object): Uint8Array {
  const bytes = ModelInfer!.requestSerialize({ inputs: [{ contents: fields }] });
  return decodeInferRequest(bytes).inputs[0]!.contents!;
}

const read = (dtype: DType, size: number, fields: object) => tensorFromContents(dtype, [size], contents(fields), 'x');

describe('typed contents', () => {
  const cases: readonly [DType, object, TensorData][] = [
    ['bool', { bool_contents: [true, false, true] }, Uint8Array.of(1, 0, 1)],
    ['int8', { int_contents: [-128, 0, 127] }, Int8Array.of(-128, 0, 127)],
    ['int16', { int_contents: [-32768, 0, 32767] }, Int16Array.of(-32768, 0, 32767)],
    ['int32', { int_contents: [-(2 ** 31), -1, 2 ** 31 - 1] }, Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1)],
    [
      'int64',
      { int64_contents: ['-9223372036854775808', -1, '9223372036854775807'] },
      BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 63n - 1n),
    ],
    ['uint8', { uint_contents: [0, 1, 255] }, Uint8Array.of(0, 1, 255)],
    ['uint16', { uint_contents: [0, 1, 65535] }, Uint16Array.of(0, 1, 65535)],
    ['uint32', { uint_contents: [0, 1, 2 ** 32 - 1] }, Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ['uint64', { uint64_contents: [0, 1, '18446744073709551615'] }, BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ['float32', { fp32_contents: [1.5, Number.NaN, -0] }, Float32Array.of(1.5, Number.NaN, -0)],
    ['float64', { fp64_contents: [0.1, -1e300, Infinity] }, Float64Array.of(0.1, -1e300, Infinity)],
    ['string', { bytes_contents: ['', 'h\u00e9', '\0'].map((text) => Buffer.from(text)) }, ['', 'h\u00e9', '\0']],
  ];
  for (const [dtype, fields, data] of cases) {
    test(`${dtype}`, () => {
      const tensor = read(dtype, 3, fields);
      assert.deepEqual(tensor.data, data);
      assert.deepEqual([tensor.dtype, tensor.shape], [dtype, [3]]);
      throws(() => read(dtype, 4, fields), 'INF_REQUEST_INVALID', '"x"', '4');
      throws(() => read(dtype, 2, fields), 'INF_REQUEST_INVALID', '"x"', '2');
      assert.equal(tensorFromContents(dtype, [0, 5], new Uint8Array(0), 'x').size, 0);
      assert.deepEqual(tensorFromContents(dtype, [3, 1], contents(fields), 'x').shape, [3, 1]);
    });
  }

  test('elements one by one, not packed', () => {
    assert.deepEqual(
      tensorFromContents('float32', [2], Uint8Array.of(0x35, 0, 0, 0x80, 0x3f, 0x35, 0, 0, 0, 0x40), 'x').data,
      Float32Array.of(1, 2),
    );
    assert.deepEqual(tensorFromContents('uint8', [2], Uint8Array.of(0x20, 1, 0x20, 2), 'x').data, Uint8Array.of(1, 2));
  });
});

describe('contents that do not fit', () => {
  test('halves have none', () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      throws(() => read(dtype, 1, { fp32_contents: [1] }), 'INF_REQUEST_INVALID', 'raw_input_contents');
    }
  });

  test('elements of another datatype', () => {
    throws(() => read('float32', 1, { fp64_contents: [1] }), 'INF_REQUEST_INVALID', 'FP32');
    throws(() => read('int32', 1, { int_contents: [1], bool_contents: [true] }), 'INF_REQUEST_INVALID', 'INT32');
  });

  test('elements beyond the range of the datatype', () => {
    throws(() => read('int8', 1, { int_contents: [128] }), 'INF_REQUEST_INVALID', 'range');
    throws(() => read('uint8', 1, { uint_contents: [256] }), 'INF_REQUEST_INVALID', 'range');
    throws(() => read('int16', 1, { int_contents: [-32769] }), 'INF_REQUEST_INVALID', 'range');
  });

  test('a text that is not UTF-8', () => {
    throws(() => read('string', 1, { bytes_contents: [Buffer.of(0xff)] }), 'INF_REQUEST_INVALID', 'UTF-8');
  });

  test('a shape beyond all memory, or none at all', () => {
    const one = contents({ fp32_contents: [1] });
    throws(() => tensorFromContents('float32', [2 ** 40, 2 ** 10], one, 'x'), 'INF_REQUEST_INVALID', 'elements');
    throws(() => tensorFromContents('float32', [2 ** 40, 2 ** 40], one, 'x'), 'INF_TENSOR_SHAPE');
    throws(() => tensorFromContents('float32', [-1], one, 'x'), 'INF_TENSOR_SHAPE');
  });

  test('bytes that are no contents', () => {
    throws(() => tensorFromContents('float32', [1], Uint8Array.of(0x32, 9, 1), 'x'), 'INF_REQUEST_INVALID');
    throws(() => tensorFromContents('float32', [1], Uint8Array.of(0x32, 3, 0, 0, 0), 'x'), 'INF_REQUEST_INVALID');
    throws(() => tensorFromContents('int32', [1], Uint8Array.of(0x15, 0, 0, 0, 0), 'x'), 'INF_REQUEST_INVALID');
  });
});

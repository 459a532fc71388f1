import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeInferResponse } from '#src/server/wire/infer-response';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../../support/expect-error.js';

const outputs = {
  a: new Tensor('float32', Float32Array.of(1, 2)),
  b: new Tensor('string', ['x'], [1, 1]),
};
const who = { name: 'a "model"', version: 2, labels: undefined };
const all = { id: undefined, outputs: null, binary: false };

test('an answer without binary data is JSON', () => {
  const { body, headerLength } = writeInferResponse(all, outputs, who);
  assert.equal(headerLength, undefined);
  assert.deepEqual(JSON.parse(body as string), {
    model_name: 'a "model"',
    model_version: '2',
    outputs: [
      { name: 'a', datatype: 'FP32', shape: [2], data: [1, 2] },
      { name: 'b', datatype: 'BYTES', shape: [1, 1], data: ['x'] },
    ],
  });
  const named = writeInferResponse({ ...all, id: '' }, outputs, who);
  assert.equal(JSON.parse(named.body as string).id, '');
});

test('binary data follows the JSON, in the order of the outputs', () => {
  const { body, headerLength } = writeInferResponse({ ...all, binary: true }, outputs, who);
  const json = JSON.parse(body.toString().slice(0, headerLength));
  assert.deepEqual(json.outputs, [
    { name: 'a', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } },
    { name: 'b', datatype: 'BYTES', shape: [1, 1], parameters: { binary_data_size: 5 } },
  ]);
  const data = (body as Buffer).subarray(headerLength);
  assert.deepEqual(data, Buffer.concat([Buffer.from(Float32Array.of(1, 2).buffer), Buffer.from('\x01\0\0\0x')]));
});

test('an output that the model does not give is INF_OUTPUT_UNKNOWN', () => {
  for (const name of ['c', 'toString', '__proto__']) {
    const asked = { ...all, outputs: [{ name, binary: false, classes: 0 }] };
    throws(() => writeInferResponse(asked, outputs, who), 'INF_OUTPUT_UNKNOWN', name);
  }
});

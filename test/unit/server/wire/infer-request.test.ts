import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { ByteBudget } from '#src/engine/batching/byte-budget';
import { readBody } from '#src/server/http/body';
import { readInferRequest } from '#src/server/wire/infer-request';
import { throws } from '../../../support/expect-error.js';
import { binaryBody, input } from '../../../support/serving.js';
import { dataFile, needsTestData } from '../../../support/test-data.js';

const read = (request: object) => readInferRequest(Buffer.from(JSON.stringify(request)), undefined, 8);

describe('a request', () => {
  test('has inputs by name, an id, outputs and what its parameters ask for', () => {
    const { inputs, ...rest } = read({
      id: '7',
      parameters: { priority: 2, timeout: 1500, binary_data_output: true, mine: 'ignored' },
      inputs: [input('a', 'FP32', [2], [1, 2]), input('b', 'BYTES', [1], ['x'])],
      outputs: [
        { name: 'y', parameters: { binary_data: false } },
        { name: 'z', parameters: { classification: 3 } },
      ],
    });
    assert.deepEqual(rest, {
      id: '7',
      options: { priority: 2, timeoutMs: 1.5 },
      outputs: [
        { name: 'y', binary: false, classes: 0 },
        { name: 'z', binary: true, classes: 3 },
      ],
      binary: true,
    });
    assert.deepEqual(Object.keys(inputs), ['a', 'b']);
    assert.deepEqual(inputs.a!.data, Float32Array.of(1, 2));
  });

  test('without parameters asks for the defaults; 0 is one of them', () => {
    const plain = { inputs: [input('a', 'FP32', [1], [1])] };
    assert.deepEqual(read(plain).options, {});
    assert.deepEqual(read({ ...plain, parameters: { priority: 0, timeout: 0 } }).options, {});
    assert.equal(read({ ...plain, parameters: { priority: 9 } }).options.priority, 9);
    throws(
      () => readInferRequest(Buffer.from('x'), undefined, 8),
      'INF_REQUEST_INVALID',
      'The body is not JSON; where binary',
    );
    throws(() => readInferRequest(Buffer.from('xy'), 1, 8), 'INF_REQUEST_INVALID', 'header of 1 bytes', 'is not JSON');
    throws(() => read({ ...plain, parameters: { priority: 10 } }), 'INF_REQUEST_INVALID', 'priority', 'from 1 to 9');
    assert.equal(read(plain).outputs, null);
    assert.equal(read({ ...plain, outputs: [] }).outputs, null);
  });

  test('may have no inputs at all', () => {
    assert.deepEqual(read({ inputs: [] }).inputs, {});
  });
});

describe('binary data', () => {
  test('is not copied, wherever it lies', async () => {
    for (let padding = 0; padding < 9; padding++) {
      const { body, headers } = binaryBody(
        {
          id: 'x'.repeat(padding),
          inputs: [
            { name: 'a', datatype: 'FP64', shape: [2], parameters: { binary_data_size: 16 } },
            { name: 'b', datatype: 'INT64', shape: [1], parameters: { binary_data_size: 8 } },
          ],
        },
        Buffer.from(Float64Array.of(0.5, 1.5).buffer),
        Buffer.from(BigInt64Array.of(-1n).buffer),
      );
      // In pieces, so that the buffer has to grow.
      const pieces = Readable.from([body.subarray(0, 5), body.subarray(5)]);
      const whole = await readBody(pieces, headers, 1e6, new ByteBudget(1e6));
      const { inputs } = readInferRequest(whole, Number(headers['inference-header-content-length']), 8);
      assert.deepEqual(inputs.a!.data, Float64Array.of(0.5, 1.5));
      assert.deepEqual(inputs.b!.data, BigInt64Array.of(-1n));
      for (const { data } of Object.values(inputs)) assert.equal((data as Float64Array).buffer, whole.buffer);
    }
  });

  test('must be there in full, and nothing after it', () => {
    const json = { inputs: [{ name: 'a', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } }] };
    for (const bytes of [0, 3, 5]) {
      const { body, headers } = binaryBody(json, Buffer.alloc(bytes));
      throws(
        () => readInferRequest(body, Number(headers['inference-header-content-length']), 8),
        'INF_REQUEST_INVALID',
      );
    }
    throws(() => read(json), 'INF_REQUEST_INVALID', 'binary_data_size');
  });
});

test('requests that clients of other servers sent are understood', { skip: needsTestData }, () => {
  const request = (path: string) => readInferRequest(readFileSync(dataFile(`protocol/${path}`)), undefined, 8);
  assert.deepEqual(Object.values(request('kserve/requests/sklearn__v2__iris-input.json').inputs)[0]!.shape, [2, 4]);
  const { inputs } = request('mlserver/tests/testdata/inference-request.json');
  assert.ok(Object.keys(inputs).length > 0);
  throws(
    () => request('mlserver/tests/testdata/inference-request-invalid-datatype.json'),
    'INF_REQUEST_INVALID',
    'datatype',
  );
});

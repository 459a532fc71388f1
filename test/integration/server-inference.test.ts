import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { numberToBfloat16, numberToFloat16 } from '#src/tensor/half';
import type { Element } from '../support/onnx-builder.js';
import { encodeModel, identity, node, value } from '../support/onnx-builder.js';
import { ask, assertProblem, assertServes, binaryBody, input, serve, splitAnswer, TINY } from '../support/serving.js';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

const f32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

describe('inference in JSON', () => {
  test('takes flat and nested data, echoes the id, names model and version', async (t) => {
    const folder = await makeFolder(t, { 'm.onnx': encodeModel(identity('float32', ['a', 'b'])) });
    const { url } = await serve(t, { m: join(folder, 'm.onnx') });
    for (const data of [
      [1, 2, 3, 4, 5, 6],
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ]) {
      const { json } = await ask(`${url}/v2/models/m/versions/1/infer`, 'POST', {
        id: 'a "quoted" id',
        inputs: [input('x', 'FP32', [2, 3], data)],
      });
      assert.deepEqual(json, {
        model_name: 'm',
        model_version: '1',
        id: 'a "quoted" id',
        outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }],
      });
    }
  });

  const ROUND_TRIPS: [Element, string, unknown[]][] = [
    ['float32', 'FP32', [0.5, -2, 'NaN', 'Infinity', '-Infinity']],
    ['float64', 'FP64', [0.1, -1e300, 'NaN']],
    ['float16', 'FP16', [0.5, -65504, 'Infinity']],
    ['int8', 'INT8', [-128, 127]],
    ['int16', 'INT16', [-32768, 32767]],
    ['int32', 'INT32', [-2147483648, 2147483647]],
    ['int64', 'INT64', [-1, 9007199254740991]],
    ['uint8', 'UINT8', [0, 255]],
    ['uint16', 'UINT16', [0, 65535]],
    ['uint32', 'UINT32', [0, 4294967295]],
    ['uint64', 'UINT64', [0, 1]],
    ['bool', 'BOOL', [true, false]],
    ['string', 'BYTES', ['', 'a\tb', 'Grüße "x" 🦊']],
  ];

  test('carries every datatype there and back', async (t) => {
    const files = Object.fromEntries(
      ROUND_TRIPS.map(([element]) => [`${element}.onnx`, encodeModel(identity(element))]),
    );
    const folder = await makeFolder(t, files);
    const models = Object.fromEntries(ROUND_TRIPS.map(([element]) => [element, join(folder, `${element}.onnx`)]));
    const { url } = await serve(t, models);
    for (const [element, datatype, data] of ROUND_TRIPS) {
      const metadata = await ask(`${url}/v2/models/${element}`);
      assert.deepEqual(metadata.json.inputs, [{ name: 'x', datatype, shape: [-1] }]);
      const { json } = await ask(`${url}/v2/models/${element}/infer`, 'POST', {
        inputs: [input('x', datatype, [data.length], data)],
      });
      assert.deepEqual(json.error, undefined);
      assert.deepEqual(json.outputs, [{ name: 'y', datatype, shape: [data.length], data }]);
    }
  });

  test('carries BF16, of which ONNX Runtime knows nothing here', { skip: needsTorch }, async (t) => {
    const { url } = await serve(t, { identity: fixture('identity.pt') });
    const { json } = await ask(`${url}/v2/models/identity/infer`, 'POST', {
      inputs: [input('x', 'BF16', [3], [0.5, -2, 'NaN'])],
    });
    assert.deepEqual(json.outputs[0], { name: 'output.0', datatype: 'BF16', shape: [3], data: [0.5, -2, 'NaN'] });
    const bits = Buffer.from(Uint16Array.of(numberToBfloat16(-2), 1).buffer);
    const { body, headers } = binaryBody(
      {
        inputs: [{ name: 'x', datatype: 'BF16', shape: [2], parameters: { binary_data_size: 4 } }],
        parameters: { binary_data_output: true },
      },
      bits,
    );
    const { data } = splitAnswer(await ask(`${url}/v2/models/identity/infer`, 'POST', body, headers));
    assert.deepEqual(data, Buffer.concat([bits, bits]));
  });

  test('keeps every digit of 64-bit integers', async (t) => {
    const folder = await makeFolder(t, {
      'i.onnx': encodeModel(identity('int64')),
      'u.onnx': encodeModel(identity('uint64')),
    });
    const { url } = await serve(t, { i: join(folder, 'i.onnx'), u: join(folder, 'u.onnx') });
    const exact = async (model: string, datatype: string, digits: string) => {
      const size = digits.split(',').length;
      const body = `{"id":"12345678901234567890","inputs":[{"name":"x","datatype":"${datatype}","shape":[${size}],"data":[${digits}]}]}`;
      const { bytes } = await ask(`${url}/v2/models/${model}/infer`, 'POST', body, {
        'content-type': 'application/json',
      });
      return bytes.toString();
    };
    const signed = '9007199254740993,-9223372036854775808,9223372036854775807';
    assert.match(await exact('i', 'INT64', signed), new RegExp(`"id":"12345678901234567890".*"data":\\[${signed}\\]`));
    assert.match(await exact('u', 'UINT64', '18446744073709551615,1'), /"data":\[18446744073709551615,1\]/);
    assert.match(await exact('i', 'INT64', '"9007199254740993"'), /"data":\[9007199254740993\]/);
    assert.match(await exact('i', 'INT64', '9223372036854775808'), /must be an integer from/);
  });

  test('takes the scalar arguments of TorchScript as tensors of one element', { skip: needsTorch }, async (t) => {
    const { url } = await serve(t, { many: fixture('many-inputs.pt') });
    const inputs = [
      input('x', 'FP32', [2], [1, 2]),
      input('scale', 'FP64', [1], [2]),
      input('offset', 'INT64', [1], [1]),
      input('negate', 'BOOL', [1], [true]),
    ];
    const { json } = await ask(`${url}/v2/models/many/infer`, 'POST', { inputs });
    assert.deepEqual(json.outputs[0].data, [-3, -5]);
    const metadata = await ask(`${url}/v2/models/many`);
    assert.equal(metadata.json.platform, 'pytorch_libtorch');
    assert.deepEqual(metadata.json.inputs[1], { name: 'scale', datatype: 'FP64', shape: [1] });
  });

  test('tells of a model that fails, and nothing of its inside', { skip: needsTorch }, async (t) => {
    const { url } = await serve(t, { throws: fixture('throws.pt'), ...TINY });
    const answer = await ask(`${url}/v2/models/throws/infer`, 'POST', {
      inputs: [input('x', 'FP32', [4], [1, 2, 3, 4])],
    });
    assertProblem(answer, 500, 'INF_MODEL_FAILED');
    assert.doesNotMatch(answer.json.error, /\n|Traceback|\.(cpp|py|js|ts)\b|\//);
    await assertServes(url);
  });

  test('gives the outputs that are asked for, in that order', { skip: needsTorch }, async (t) => {
    const { url } = await serve(t, { identity: fixture('identity.pt') });
    const ask2 = (outputs: object[]) =>
      ask(`${url}/v2/models/identity/infer`, 'POST', { inputs: [input('x', 'FP32', [1], [7])], outputs });
    const names = ({ json }: Awaited<ReturnType<typeof ask2>>) =>
      json.outputs.map(({ name }: { name: string }) => name);
    assert.deepEqual(names(await ask2([])), ['output.0', 'output.1']);
    assert.deepEqual(names(await ask2([{ name: 'output.1' }, { name: 'output.0' }])), ['output.1', 'output.0']);
    assertProblem(await ask2([{ name: 'output.2' }]), 400, 'INF_OUTPUT_UNKNOWN', /output\.2/);
  });

  test('answers with the best classes', async (t) => {
    const { url } = await serve(t, { shapes: bundledModel });
    const { json } = await ask(`${url}/v2/models/shapes/infer`, 'POST', {
      inputs: [input('image', 'FP32', [2, 3, 64, 64], new Array(2 * 3 * 64 * 64).fill(0.5))],
      outputs: [{ name: 'output', parameters: { classification: 3 } }],
    });
    const [{ datatype, shape, data }] = json.outputs;
    assert.deepEqual([datatype, shape, data.length], ['BYTES', [2, 3], 6]);
    assert.deepEqual(data.slice(0, 3), data.slice(3));
    const scores = data.slice(0, 3).map((text: string) => {
      const [score, index, label] = text.split(':');
      assert.match(`${index}`, /^\d$/);
      assert.match(`${label}`, /^[a-z]+$/);
      return Number(score);
    });
    assert.deepEqual(
      scores,
      scores.toSorted((a: number, b: number) => b - a),
    );
  });
});

/** A folder with two.onnx, which adds its two inputs. */
function twoInputs(t: TestContext): Promise<string> {
  const graph = {
    node: [node('Add', ['a', 'b'], ['sum'])],
    input: [value('a', 'float32', ['n']), value('b', 'float32', ['n'])],
    output: [value('sum', 'float32', ['n'])],
  };
  return makeFolder(t, { 'two.onnx': encodeModel(graph) });
}

describe('inference with binary data', () => {
  test('mixes binary and JSON, in both directions', { skip: needsTestData }, async (t) => {
    const { url } = await serve(t, { silero: dataFile('models/onnx/silero_vad.onnx') });
    const samples = Float32Array.from({ length: 576 }, (_, index) => Math.sin(index / 5));
    const json = {
      inputs: [
        input('sr', 'INT64', [], [16000]),
        { name: 'input', datatype: 'FP32', shape: [1, 576], parameters: { binary_data_size: 2304 } },
        input('state', 'FP32', [2, 1, 128], new Array(256).fill(0)),
      ],
      outputs: [{ name: 'stateN', parameters: { binary_data: true } }, { name: 'output' }],
    };
    const { body, headers } = binaryBody(json, Buffer.from(samples.buffer));
    const answer = await ask(`${url}/v2/models/silero/infer`, 'POST', body, headers);
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
    const { json: given, data } = splitAnswer(answer);
    assert.deepEqual(given.outputs[0], {
      name: 'stateN',
      datatype: 'FP32',
      shape: [2, 1, 128],
      parameters: { binary_data_size: 1024 },
    });
    assert.equal(data.length, 1024);
    assert.deepEqual(given.outputs[1].shape, [1, 1]);
    // The same, all in JSON.
    json.inputs[1] = input('input', 'FP32', [1, 576], [...samples]);
    const plain = await ask(`${url}/v2/models/silero/infer`, 'POST', { inputs: json.inputs });
    const byName = Object.fromEntries(plain.json.outputs.map((output: { name: string }) => [output.name, output]));
    assert.deepEqual(byName.output.data, given.outputs[1].data);
    assert.deepEqual(Float32Array.from(byName.stateN.data), new Float32Array(new Uint8Array(data).buffer));
  });

  const BITS: [Element, string, Buffer][] = [
    ['float32', 'FP32', f32(1.5, Number.NaN)],
    ['float16', 'FP16', Buffer.from(Uint16Array.of(numberToFloat16(0.5), 0x7e01).buffer)],
    ['int64', 'INT64', Buffer.from(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n).buffer)],
    ['float64', 'FP64', Buffer.from(Float64Array.of(0.1, -0).buffer)],
    ['bool', 'BOOL', Buffer.of(1, 0)],
    ['string', 'BYTES', Buffer.from('\x03\0\0\0abc\0\0\0\0', 'latin1')],
  ];

  test('keeps every bit, wherever the data lies in the body', async (t) => {
    const files = Object.fromEntries(BITS.map(([element]) => [`${element}.onnx`, encodeModel(identity(element))]));
    const folder = await makeFolder(t, files);
    const { url } = await serve(t, Object.fromEntries(BITS.map(([e]) => [e, join(folder, `${e}.onnx`)])));
    for (const [element, datatype, bytes] of BITS) {
      for (const id of ['', '1', '12', '1234567']) {
        const { body, headers } = binaryBody(
          {
            id,
            parameters: { binary_data_output: true },
            inputs: [{ name: 'x', datatype, shape: [2], parameters: { binary_data_size: bytes.length } }],
          },
          bytes,
        );
        const { json, data } = splitAnswer(await ask(`${url}/v2/models/${element}/infer`, 'POST', body, headers));
        assert.deepEqual(data, bytes, `${datatype} after an id of ${id.length}`);
        assert.equal(json.outputs[0].parameters.binary_data_size, bytes.length);
      }
    }
  });

  test('binary_data of an output overrides binary_data_output', async (t) => {
    const { url } = await serve(t, TINY);
    const { json } = await ask(`${url}/v2/models/tiny/infer`, 'POST', {
      parameters: { binary_data_output: true },
      inputs: [input('x', 'FP32', [1], [1])],
      outputs: [{ name: 'output', parameters: { binary_data: false } }],
    });
    assert.deepEqual(json.outputs[0].data, [3]);
  });

  test('a header length of 0 makes the body the only input', async (t) => {
    const { url } = await serve(t, { ...TINY, two: join(await twoInputs(t), 'two.onnx') });
    const headers = { 'inference-header-content-length': '0', 'content-type': 'application/octet-stream' };
    const answer = await ask(`${url}/v2/models/tiny/infer`, 'POST', f32(1, 2, 3), headers);
    const { json, data } = splitAnswer(answer);
    assert.deepEqual(json.outputs, [
      { name: 'output', datatype: 'FP32', shape: [3], parameters: { binary_data_size: 12 } },
    ]);
    assert.deepEqual(data, f32(3, 5, 7));
    assertProblem(
      await ask(`${url}/v2/models/tiny/infer`, 'POST', f32(1).subarray(1), headers),
      400,
      'INF_REQUEST_INVALID',
      /multiple of 4/,
    );
    assertProblem(
      await ask(`${url}/v2/models/two/infer`, 'POST', f32(1), headers),
      400,
      'INF_REQUEST_INVALID',
      /one input/,
    );
    await assertServes(url);
  });
});

describe('compression', () => {
  test('takes gzip and deflate, and answers with them', async (t) => {
    const { port, url } = await serve(t, TINY);
    const plain = JSON.stringify({ inputs: [input('x', 'FP32', [1000], new Array(1000).fill(1))] });
    for (const [encoding, pack, unpack] of [
      ['gzip', gzipSync, gunzipSync],
      ['deflate', deflateSync, inflateSync],
    ] as const) {
      const { request } = await import('node:http');
      const answer = await new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
        const sent = request(
          {
            port,
            method: 'POST',
            path: '/v2/models/tiny/infer',
            headers: { 'content-type': 'application/json', 'content-encoding': encoding, 'accept-encoding': encoding },
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
          },
        );
        sent.on('error', reject).end(pack(plain));
      });
      assert.equal(answer.headers['content-encoding'], encoding);
      assert.equal(answer.headers['content-length'], String(answer.body.length));
      assert.deepEqual(JSON.parse(unpack(answer.body).toString()).outputs[0].data, new Array(1000).fill(3));
    }
    const broken = await ask(`${url}/v2/models/tiny/infer`, 'POST', 'no gzip', { 'content-encoding': 'gzip' });
    assertProblem(broken, 400, 'INF_REQUEST_INVALID', /Content-Encoding/);
    const cut = await ask(`${url}/v2/models/tiny/infer`, 'POST', gzipSync(plain).subarray(0, 30), {
      'content-encoding': 'gzip',
    });
    assertProblem(cut, 400, 'INF_REQUEST_INVALID', /Content-Encoding/);
    const unknown = await ask(`${url}/v2/models/tiny/infer`, 'POST', plain, { 'content-encoding': 'br' });
    assertProblem(unknown, 415, 'INF_REQUEST_INVALID', /gzip/);
    await assertServes(url);
  });
});

describe('requests that models of other servers get', { skip: needsTestData }, () => {
  test('a model of two inputs and two outputs, as in the examples of Triton', async (t) => {
    const { url } = await serve(t, { simple: dataFile('protocol/triton/model_repository/simple/1/model.onnx') });
    const { json: metadata } = await ask(`${url}/v2/models/simple`);
    assert.deepEqual(
      metadata.inputs.map(({ name }: { name: string }) => name),
      ['INPUT0', 'INPUT1'],
    );
    const [{ datatype, shape }] = metadata.inputs;
    const sizes = shape.map((size: number) => (size === -1 ? 1 : size));
    const a = Array.from({ length: 16 }, (_, index) => index);
    const { json } = await ask(`${url}/v2/models/simple/infer`, 'POST', {
      inputs: [input('INPUT0', datatype, sizes, a), input('INPUT1', datatype, sizes, new Array(16).fill(1))],
      outputs: [{ name: 'OUTPUT1' }, { name: 'OUTPUT0' }],
    });
    assert.deepEqual(
      json.outputs[0].data,
      a.map((value) => value - 1),
    );
    assert.deepEqual(
      json.outputs[1].data,
      a.map((value) => value + 1),
    );
  });
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/minimal.js';
import { decodeInferRequest } from '#src/server/grpc/infer-request';
import { tensorFromContents } from '#src/server/grpc/typed-contents';
import { throws } from '../../../support/expect-error.js';
import { definition } from '../../../support/grpc-peer.js';
import { dataFile, needsTestData } from '../../../support/test-data.js';

const { ModelInfer } = definition['inference.GRPCInferenceService'] as ServiceDefinition;
const encode = (request: object) => ModelInfer!.requestSerialize(request);

describe('a request', () => {
  test('keeps all that it says', () => {
    const bytes = encode({
      model_name: 'm\u00fc',
      model_version: '7',
      id: 'a',
      parameters: {
        flag: { bool_param: true },
        count: { int64_param: -3 },
        text: { string_param: 't' },
        ratio: { double_param: 0.5 },
        size: { uint64_param: 9 },
      },
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, -1], parameters: { p: { bool_param: false } } }],
      outputs: [{ name: 'y', parameters: { classification: { int64_param: 2 } } }, { name: 'z' }],
      raw_input_contents: [Buffer.from('12345678'), Buffer.alloc(0)],
    });
    assert.deepEqual(decodeInferRequest(bytes), {
      modelName: 'm\u00fc',
      modelVersion: '7',
      id: 'a',
      parameters: { flag: true, count: -3, text: 't', ratio: 0.5, size: 9 },
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, -1], parameters: { p: false }, contents: null }],
      outputs: [
        { name: 'y', parameters: { classification: 2 } },
        { name: 'z', parameters: {} },
      ],
      rawContents: [Buffer.from('12345678'), Buffer.alloc(0)],
    });
  });

  test('shares the memory of raw contents', () => {
    const bytes = encode({ raw_input_contents: [Buffer.from('abcd')] });
    const [raw] = decodeInferRequest(bytes).rawContents;
    bytes[bytes.length - 1] = 'z'.charCodeAt(0);
    assert.equal(Buffer.from(raw!).toString(), 'abcz');
  });

  test('may be empty, and may have fields that are not known', () => {
    const empty = decodeInferRequest(new Uint8Array(0));
    assert.deepEqual([empty.modelName, empty.inputs, empty.rawContents], ['', [], []]);
    const later = Buffer.from([((100 << 3) & 0x7f) | 0x80, 6, 5, 0x0a, 1, 0x6d]);
    assert.equal(decodeInferRequest(later).modelName, 'm');
  });

  test('may hold a shape that is not packed, and contents in two parts', () => {
    const dims = [3 << 3, 2, 3 << 3, 3];
    const contents = [(5 << 3) | 2, 4, (2 << 3) | 2, 2, 1, 2];
    const input = [...dims, ...contents, ...contents];
    const { inputs } = decodeInferRequest(Uint8Array.from([(5 << 3) | 2, input.length, ...input]));
    assert.deepEqual(inputs[0]!.shape, [2, 3]);
    assert.deepEqual([...tensorFromContents('int32', [4], inputs[0]!.contents!, 'x').data], [1, 2, 1, 2]);
  });
});

describe('what is no request', () => {
  const good = encode({
    model_name: 'm',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1] }],
    raw_input_contents: ['abcd'],
  });

  test('is refused wherever it is cut off', () => {
    for (let length = 1; length < good.length; length++) {
      const cut = good.subarray(0, length);
      try {
        decodeInferRequest(cut);
      } catch (error) {
        throws(
          () => {
            throw error;
          },
          'INF_REQUEST_INVALID',
          'ModelInferRequest',
        );
      }
    }
    throws(() => decodeInferRequest(good.subarray(0, good.length - 1)), 'INF_REQUEST_INVALID');
  });

  test('never throws anything but INF_REQUEST_INVALID, whatever byte is changed', () => {
    for (let at = 0; at < good.length; at++) {
      for (let value = 0; value < 256; value++) {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        try {
          decodeInferRequest(bytes);
        } catch (error) {
          throws(() => {
            throw error;
          }, 'INF_REQUEST_INVALID');
        }
      }
    }
  });

  test('nested groups end somewhere', () => {
    const groups = Buffer.alloc(1_000_000, (20 << 3) | 3);
    throws(() => decodeInferRequest(groups), 'INF_REQUEST_INVALID');
  });

  test('floods of entries are refused before they become objects', () => {
    const flood = (tag: number, count: number) => Buffer.from(Array.from({ length: count }, () => [tag, 0]).flat());
    throws(() => decodeInferRequest(flood((5 << 3) | 2, 1025)), 'INF_REQUEST_INVALID', '1024 inputs');
    throws(() => decodeInferRequest(flood((6 << 3) | 2, 1025)), 'INF_REQUEST_INVALID', '1024 outputs');
    throws(() => decodeInferRequest(flood((7 << 3) | 2, 1025)), 'INF_REQUEST_INVALID', 'raw_input_contents');
    const parameters = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`p${i}`, { bool_param: true }]));
    throws(() => decodeInferRequest(encode({ parameters })), 'INF_REQUEST_INVALID', '256 parameters');
    const shape = Array.from({ length: 65 }, () => 1);
    throws(() => decodeInferRequest(encode({ inputs: [{ shape }] })), 'INF_REQUEST_INVALID', '64 dimensions');
    assert.equal(decodeInferRequest(flood((5 << 3) | 2, 1024)).inputs.length, 1024);
  });
});

describe('requests of other programs', { skip: needsTestData }, () => {
  test('the messages that MLServer measures itself with', async () => {
    const folder = dataFile('protocol/mlserver/benchmarking/data');
    const sizes = { iris: 4, 'sum-model': 1024 };
    for (const [name, size] of Object.entries(sizes)) {
      // Each message of the file follows its length.
      const message = protobuf.Reader.create(await readFile(`${folder}/${name}/grpc-requests.pb`)).bytes();
      const { inputs } = decodeInferRequest(message);
      const [input] = inputs;
      assert.equal(input!.datatype, 'FP32');
      assert.equal(
        input!.shape.reduce((a, b) => a * b, 1),
        size,
        name,
      );
      const tensor = tensorFromContents('float32', input!.shape, input!.contents!, input!.name);
      const { inputs: told } = JSON.parse(await readFile(`${folder}/${name}/grpc-requests.json`, 'utf8'));
      assert.deepEqual(tensor.data, Float32Array.from(told[0].contents.fp32_contents ?? told[0].contents.fp32Contents));
    }
  });
});

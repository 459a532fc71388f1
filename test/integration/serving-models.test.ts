import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DType, load, Tensor } from 'infernode';
import { datatypeOf } from '#src/server/wire/datatypes';
import { dataToJson } from '#src/server/wire/json-tensor';
import { tensorToBytes } from '#src/server/wire/raw-tensor';
import { serveBoth } from '../support/both-protocols.js';
import type { InferResponse } from '../support/grpc-peer.js';
import { fill } from '../support/lcg.js';
import { type Answer, ask, binaryBody, input, splitAnswer } from '../support/serving.js';
import { dataFile, needsTestData } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';

/** A real model, and inputs that it takes. */
interface Case {
  readonly file: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: number;
}

/** Numbers from -1 to 1, the same in every run. */
function noise(...shape: number[]): Tensor {
  return fill({ name: '', dtype: 'float32', shape, seed: shape.length, lo: -1, hi: 1 }, shape.length);
}

const int64 = (shape: number[], ...values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), shape);

const CASES: Readonly<Record<string, Case>> = {
  'speech enhancement, of four inputs and four outputs': {
    file: 'models/onnx/gtcrn_simple.onnx',
    inputs: {
      mix: noise(1, 257, 1, 2),
      conv_cache: noise(2, 1, 16, 16, 33),
      tra_cache: noise(2, 3, 1, 1, 16),
      inter_cache: noise(2, 1, 33, 16),
    },
    outputs: 4,
  },
  'voice detection, with a state and a scalar': {
    file: 'models/onnx/silero_vad.onnx',
    inputs: { input: noise(1, 576), state: noise(2, 1, 128), sr: int64([], 16_000) },
    outputs: 2,
  },
  'sentence embeddings of two sentences': {
    file: 'models/embedding_glove_sif/model.onnx',
    inputs: { input_ids: int64([2, 3], 5, 17, 300, 42, 7, 0), attention_mask: int64([2, 3], 1, 1, 1, 1, 1, 0) },
    outputs: 1,
  },
  'a classifier of four pictures': {
    file: 'models/onnx/resnet20_cifar10_fp32.onnx',
    inputs: { input: noise(4, 3, 32, 32) },
    outputs: 1,
  },
};

/** Outputs of an answer, as bytes. */
type Received = Record<string, { datatype: string; shape: number[]; bytes: Buffer }>;

const heads = (inputs: Case['inputs']) =>
  Object.entries(inputs).map(([name, { dtype, shape }]) => ({ name, datatype: datatypeOf(dtype), shape: [...shape] }));

function jsonBody(inputs: Case['inputs']): string {
  const list = heads(inputs).map((head) => {
    const { data: _, ...rest } = input(head.name, head.datatype, head.shape, null) as { data: null };
    return `${JSON.stringify(rest).slice(0, -1)},"data":${dataToJson(inputs[head.name]!)}}`;
  });
  return `{"inputs":[${list.join()}]}`;
}

function binary(inputs: Case['inputs']) {
  const bytes = Object.values(inputs).map(tensorToBytes);
  const sized = heads(inputs).map((head, index) => ({
    ...head,
    parameters: { binary_data_size: bytes[index]!.length },
  }));
  return binaryBody({ inputs: sized, parameters: { binary_data_output: true } }, ...bytes);
}

/** What JSON says of float32 is exact. */
function fromJson({ json, bytes }: Answer): Received {
  assert.equal(json?.error, undefined, bytes.toString());
  type Output = { name: string; datatype: string; shape: number[]; data: number[] };
  return Object.fromEntries(
    json.outputs.map(({ name, datatype, shape, data }: Output) => [
      name,
      { datatype, shape, bytes: Buffer.from(Float32Array.from(data).buffer) },
    ]),
  );
}

function fromBinary(answer: Answer): Received {
  const { json, data } = splitAnswer(answer);
  let offset = 0;
  type Output = { name: string; datatype: string; shape: number[]; parameters: { binary_data_size: number } };
  return Object.fromEntries(
    json.outputs.map(({ name, datatype, shape, parameters: { binary_data_size: size } }: Output) => {
      offset += size;
      return [name, { datatype, shape, bytes: data.subarray(offset - size, offset) }];
    }),
  );
}

function fromGrpc({ outputs, raw_output_contents }: InferResponse): Received {
  return Object.fromEntries(
    outputs.map(({ name, datatype, shape }, index) => [name, { datatype, shape, bytes: raw_output_contents[index]! }]),
  );
}

/** Asserts that all three ways give what the model gives without a server. */
async function answersAlike(
  both: Awaited<ReturnType<typeof serveBoth>>,
  inputs: Case['inputs'],
  expected: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const url = `${both.url}/v2/models/m/infer`;
  const { body, headers } = binary(inputs);
  const message = {
    model_name: 'm',
    inputs: heads(inputs),
    raw_input_contents: Object.values(inputs).map(tensorToBytes),
  };
  const wanted: Received = Object.fromEntries(
    Object.entries(expected).map(([name, tensor]) => [
      name,
      { datatype: datatypeOf(tensor.dtype as DType), shape: [...tensor.shape], bytes: tensorToBytes(tensor) },
    ]),
  );
  const json = { 'content-type': 'application/json' };
  assert.deepEqual(fromJson(await ask(url, 'POST', jsonBody(inputs), json)), wanted);
  assert.deepEqual(fromBinary(await ask(url, 'POST', body, headers)), wanted);
  assert.deepEqual(fromGrpc(await both.call<InferResponse>('ModelInfer', message)), wanted);
}

describe('real models answer over JSON, binary data and gRPC as they do without a server', {
  skip: needsTestData,
}, () => {
  for (const [name, { file, inputs, outputs }] of Object.entries(CASES)) {
    test(name, async (t) => {
      const model = await load(dataFile(file), { threads: 1 });
      const expected = await model.run(inputs).finally(() => model.close());
      assert.equal(Object.keys(expected).length, outputs);
      const both = await serveBoth(t, { models: { m: dataFile(file) } });
      await both.engine.started;
      await answersAlike(both, inputs, expected);
    });
  }

  test('voice detection in TorchScript, whose sample rate is an int', { skip: needsTorch }, async (t) => {
    const file = dataFile('models/torchscript/silero_vad.jit');
    const x = noise(1, 512);
    const model = await load(file, { threads: 1 });
    await model.call('reset_states');
    const expected = await model.run({ x, sr: 16_000 });
    const both = await serveBoth(t, { models: { m: file } });
    await both.engine.started;
    const { json } = await ask(`${both.url}/v2/models/m`);
    assert.deepEqual(json.inputs[1], { name: 'sr', datatype: 'INT64', shape: [1] });
    // The model remembers what it heard, so each way begins anew.
    const url = `${both.url}/v2/models/m/infer`;
    const reset = () => both.engine.model('m').model.call('reset_states');
    for (const shape of [[1], []]) {
      const inputs = { x, sr: int64(shape, 16_000) };
      const { body, headers } = binary(inputs);
      const wanted = tensorToBytes(Object.values(expected)[0]!);
      const only = (received: Received) => Object.values(received)[0]!.bytes;
      await reset();
      assert.deepEqual(
        only(fromJson(await ask(url, 'POST', jsonBody(inputs), { 'content-type': 'application/json' }))),
        wanted,
      );
      await reset();
      assert.deepEqual(only(fromBinary(await ask(url, 'POST', body, headers))), wanted);
      await reset();
      const raw_input_contents = Object.values(inputs).map(tensorToBytes);
      const message = { model_name: 'm', inputs: heads(inputs), raw_input_contents };
      assert.deepEqual(only(fromGrpc(await both.call<InferResponse>('ModelInfer', message))), wanted);
    }
    await model.close();
  });
});

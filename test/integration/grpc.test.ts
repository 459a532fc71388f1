import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { imageToTensor, load, type Tensor } from 'infernode';
import { numberToFloat16 } from '#src/tensor/half';
import {
  type InferResponse,
  output,
  type Peer,
  rawRequest,
  type StreamResponse,
  serve,
  strings,
} from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { identity, writeModel } from '../support/onnx-builder.js';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';

let folder: string;
let peer: Peer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-grpc-'));
  peer = await serve({
    shapes: bundledModel,
    text: await writeModel(join(folder, 'text.onnx'), identity('string')),
    half: await writeModel(join(folder, 'half.onnx'), identity('float16')),
    wide: await writeModel(join(folder, 'wide.onnx'), identity('int64')),
    flags: await writeModel(join(folder, 'flags.onnx'), identity('bool')),
    matrix: await writeModel(join(folder, 'matrix.onnx'), identity('float32', [null, null])),
  });
});
after(async () => {
  await peer.close();
  await rm(folder, { recursive: true });
});

const infer = (request: object) => peer.call<InferResponse>('ModelInfer', request);

/** One tensor through a model that gives back what it gets. */
async function echo(model: string, datatype: string, shape: number[], data: ArrayBufferView): Promise<InferResponse> {
  const response = await infer(rawRequest(model, { x: [datatype, shape, data] }));
  assert.deepEqual(
    response.outputs.map((one) => [one.name, one.datatype, one.shape]),
    [['y', datatype, shape]],
  );
  return response;
}

describe('server and models', () => {
  test('live, ready, and who it is', async () => {
    assert.deepEqual(await peer.call('ServerLive'), { live: true });
    assert.deepEqual(await peer.call('ServerReady'), { ready: true });
    const { name, extensions } = await peer.call<{ name: string; extensions: string[] }>('ServerMetadata');
    assert.equal(name, 'infernode');
    assert.ok(extensions.includes('classification') && extensions.includes('statistics'));
  });

  test('a model is ready, or not, or its version is no version', async () => {
    assert.deepEqual(await peer.call('ModelReady', { name: 'shapes' }), { ready: true });
    assert.deepEqual(await peer.call('ModelReady', { name: 'shapes', version: '1' }), { ready: true });
    assert.deepEqual(await peer.call('ModelReady', { name: 'shapes', version: '2' }), { ready: false });
    assert.deepEqual(await peer.call('ModelReady', { name: 'none' }), { ready: false });
    await refuses(peer.call('ModelReady', { name: 'm'.repeat(5_000_000) }), 'INF_REQUEST_TOO_LARGE');
    for (const version of ['01', '1.0', '+1', ' 1', '-1', '0', 'latest', '99999999999999999999']) {
      await refuses(peer.call('ModelReady', { name: 'shapes', version }), 'INF_REQUEST_INVALID');
      await refuses(infer({ model_name: 'shapes', model_version: version }), 'INF_REQUEST_INVALID');
    }
  });

  test('what a model takes and gives', async () => {
    const metadata = await peer.call('ModelMetadata', { name: 'text' });
    assert.deepEqual(metadata, {
      name: 'text',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }],
      outputs: [{ name: 'y', datatype: 'BYTES', shape: [-1] }],
    });
    await refuses(peer.call('ModelMetadata', { name: 'none' }), 'INF_MODEL_NOT_FOUND', 'none');
  });

  test('how a model is served', async () => {
    type Config = { config: { name: string; input: object[]; instance_group: { kind: string; count: number }[] } };
    const { config } = await peer.call<Config>('ModelConfig', { name: 'half' });
    assert.equal(config.name, 'half');
    assert.deepEqual(config.input, [{ name: 'x', data_type: 'TYPE_FP16', dims: [-1], optional: false }]);
    assert.deepEqual([config.instance_group[0]!.kind, config.instance_group[0]!.count], ['KIND_CPU', 1]);
    const { config: text } = await peer.call<Config>('ModelConfig', { name: 'text' });
    assert.equal((text.input[0] as { data_type: string }).data_type, 'TYPE_STRING');
  });

  test('the index of the repository, and loading where that is not allowed', async () => {
    const { models } = await peer.call<{ models: { name: string; state: string; version: string }[] }>(
      'RepositoryIndex',
      { ready: true },
    );
    assert.deepEqual(models.map(({ name }) => name).sort(), ['flags', 'half', 'matrix', 'shapes', 'text', 'wide']);
    assert.deepEqual([models[0]!.state, models[0]!.version], ['READY', '1']);
    await refuses(peer.call('RepositoryModelLoad', { model_name: 'shapes' }), 'INF_FORBIDDEN');
    await refuses(peer.call('RepositoryModelUnload', { model_name: 'shapes' }), 'INF_FORBIDDEN');
  });

  test('a load takes no files, no paths, and no config that is none', async () => {
    const loading = (model_name: string, parameters: object) =>
      peer.call('RepositoryModelLoad', { model_name, parameters });
    const text = (string_param: string) => ({ config: { string_param } });
    await refuses(loading('a', { 'file:1/model.pt': { bytes_param: Buffer.of(1) } }), 'INF_REQUEST_UNSUPPORTED');
    await refuses(loading('../a', {}), 'INF_REQUEST_INVALID');
    await refuses(loading('', {}), 'INF_REQUEST_INVALID');
    await refuses(loading('a', text('{')), 'INF_REQUEST_INVALID', 'JSON');
    await refuses(loading('a', text('{"batching":{"maxSize":0}}')), 'INF_MODEL_CONFIG', 'maxSize');
    await refuses(loading('a', text('{"processing":{"labels":"/etc/hostname"}}')), 'INF_REQUEST_INVALID', 'labels');
    await refuses(loading('a', { config: { bytes_param: Buffer.of(1) } }), 'INF_REQUEST_INVALID', 'config');
  });

  test('shared memory, traces and the log', async () => {
    for (const kind of ['System', 'Cuda']) {
      assert.deepEqual(await peer.call(`${kind}SharedMemoryStatus`), { regions: {} });
      assert.deepEqual(await peer.call(`${kind}SharedMemoryUnregister`), {});
      await refuses(peer.call(`${kind}SharedMemoryRegister`, { name: 'a' }), 'INF_REQUEST_UNSUPPORTED', 'memory');
    }
    const { settings } = await peer.call<{ settings: Record<string, { value: string[] }> }>('TraceSetting');
    assert.deepEqual(settings.trace_level, { value: ['OFF'] });
    const change = { settings: { trace_level: { value: ['TIMESTAMPS'] } } };
    await refuses(peer.call('TraceSetting', change), 'INF_REQUEST_UNSUPPORTED');
    assert.ok('log_info' in (await peer.call<{ settings: object }>('LogSettings')).settings);
    const verbose = { settings: { log_verbose_level: { uint32_param: 1 } } };
    await refuses(peer.call('LogSettings', verbose), 'INF_REQUEST_UNSUPPORTED');
  });
});

describe('inference', () => {
  let picture: Tensor;
  before(async () => {
    const model = await load(bundledModel);
    picture = await imageToTensor(join(bundledModel, 'samples/star.png'), model.config!.processing!.image!);
    await model.close();
  });
  const ofPicture = (rest: object = {}) =>
    rawRequest('shapes', { image: ['FP32', picture.shape, picture.data as Float32Array] }, rest);

  test('a classifier answers as it does without a server', async () => {
    const response = await infer(ofPicture({ id: 'request 1', model_version: '1' }));
    assert.deepEqual([response.model_name, response.model_version, response.id], ['shapes', '1', 'request 1']);
    const { outputs } = await peer.engine.infer('shapes', { inputs: { image: picture } });
    assert.deepEqual(output(response, 'output', Float32Array), outputs.output!.data);
  });

  test('classes in place of scores', async () => {
    const classified = (count: number) =>
      infer(ofPicture({ outputs: [{ name: 'output', parameters: { classification: { int64_param: count } } }] }));
    const best = await classified(3);
    assert.deepEqual(best.outputs, [
      { name: 'output', datatype: 'BYTES', shape: [1, 3], parameters: {}, contents: null },
    ]);
    const classes = strings(best, 'output').map((text) => text.split(':'));
    assert.deepEqual(classes[0]!.slice(1), ['3', 'star']);
    assert.ok(Number(classes[0]![0]) > Number(classes[1]![0]));
    assert.deepEqual((await classified(99)).outputs[0]!.shape, [1, 10]);
  });

  test('BYTES, raw and typed', async () => {
    const texts = ['a', '', 'h\u00e9llo \u{1f600}'];
    const typed = await infer({
      model_name: 'text',
      inputs: [
        {
          name: 'x',
          datatype: 'BYTES',
          shape: [3],
          contents: { bytes_contents: texts.map((text) => Buffer.from(text)) },
        },
      ],
    });
    assert.deepEqual(strings(typed, 'y'), texts);
    const again = await echo('text', 'BYTES', [3], typed.raw_output_contents[0]!);
    assert.deepEqual(strings(again, 'y'), texts);
  });

  test('FP16, INT64, BOOL, and no elements at all', async () => {
    const halves = Uint16Array.from([1.5, -2, 65504], numberToFloat16);
    assert.deepEqual(output(await echo('half', 'FP16', [3], halves), 'y', Uint16Array), halves);
    const longs = BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n));
    assert.deepEqual(output(await echo('wide', 'INT64', [2], longs), 'y', BigInt64Array), longs);
    const bits = Uint8Array.of(1, 0, 1);
    assert.deepEqual(output(await echo('flags', 'BOOL', [3], bits), 'y', Uint8Array), bits);
    assert.equal((await echo('matrix', 'FP32', [0, 4], new Float32Array(0))).raw_output_contents[0]!.length, 0);
    await refuses(infer(rawRequest('flags', { x: ['BOOL', [1], Uint8Array.of(2)] })), 'INF_REQUEST_INVALID', 'BOOL');
  });

  test('a tensor of 16 MB, wherever it lies in the message', async () => {
    const numbers = Float32Array.from({ length: 4_000_000 }, (_, index) => index);
    for (const id of ['', '1', '22', '333']) {
      const response = await infer(rawRequest('matrix', { x: ['FP32', [4000, 1000], numbers] }, { id }));
      assert.equal(Buffer.compare(response.raw_output_contents[0]!, Buffer.from(numbers.buffer)), 0);
    }
  });

  test('many requests at a time get their own answers', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => echo('wide', 'INT64', [1], BigInt64Array.of(BigInt(index)))),
    );
    answers.forEach((answer, index) => {
      assert.equal(output(answer, 'y', BigInt64Array)[0], BigInt(index));
    });
  });

  test('priority and timeout, and what does not matter', async () => {
    const one = (parameters: object) =>
      infer(rawRequest('matrix', { x: ['FP32', [1, 1], Float32Array.of(7)] }, { parameters }));
    for (const parameters of [
      { priority: { uint64_param: 0 }, timeout: { int64_param: 0 } },
      { priority: { int64_param: 1 } },
      { priority: { uint64_param: 9 }, timeout: { uint64_param: 30_000_000 } },
      { sequence_id: { int64_param: 0 }, anything: { string_param: 'else' } },
      { triton_enable_empty_final_response: { bool_param: true } },
    ]) {
      assert.equal(output(await one(parameters), 'y', Float32Array)[0], 7);
    }
    await refuses(one({ priority: { int64_param: -1 } }), 'INF_REQUEST_INVALID', 'priority');
    await refuses(one({ priority: { uint64_param: 10 } }), 'INF_REQUEST_INVALID', 'priority', 'from 1 to 9');
    await refuses(one({ timeout: { uint64_param: '18446744073709551615' } }), 'INF_REQUEST_INVALID', 'timeout');
    await refuses(one({ sequence_id: { int64_param: 3 } }), 'INF_REQUEST_UNSUPPORTED');
    await refuses(one({ triton_secret: { bool_param: true } }), 'INF_REQUEST_INVALID', 'triton_');
  });

  test('statistics count, in nanoseconds', async () => {
    type Statistics = { model_stats: { name: string; version: string; inference_stats: Record<string, object> }[] };
    await echo('matrix', 'FP32', [1, 1], Float32Array.of(1));
    const { model_stats } = await peer.call<Statistics>('ModelStatistics', { name: 'matrix' });
    assert.deepEqual(
      model_stats.map(({ name, version }) => [name, version]),
      [['matrix', '1']],
    );
    const { statistics } = peer.engine.model('matrix').model;
    assert.deepEqual(model_stats[0]!.inference_stats.compute_infer, {
      count: statistics.computeInfer.count,
      ns: Math.round(statistics.computeInfer.ms * 1e6),
    });
    assert.equal((await peer.call<Statistics>('ModelStatistics')).model_stats.length, 6);
    await refuses(peer.call('ModelStatistics', { name: 'none' }), 'INF_MODEL_NOT_FOUND');
    await refuses(peer.call('ModelStatistics', { name: 'matrix', version: '2' }), 'INF_MODEL_NOT_FOUND');
  });

  test('how a model is served that is batched, and shows only in a trial what it takes', {
    skip: needsTorch,
  }, async () => {
    const model = join(folder, 'batched');
    await mkdir(join(model, '1'), { recursive: true });
    await copyFile(fixture('identity.pt'), join(model, '1/model.pt'));
    const batching = { maxSize: 8, maxDelayMs: 1.5, maxQueue: 50, preferredSizes: [8], keepOrder: true };
    await writeFile(join(model, 'model.json'), JSON.stringify({ batching, instances: 2 }));
    const torch = await serve({ batched: model });
    const { config } = await torch.call<{ config: Record<string, object> }>('ModelConfig', { name: 'batched' });
    assert.deepEqual(config.input, [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1], optional: false }]);
    assert.deepEqual(config.dynamic_batching, {
      preferred_batch_size: [8],
      max_queue_delay_microseconds: 1500,
      preserve_ordering: true,
      default_queue_policy: { max_queue_size: 50 },
      priority_levels: 9,
      default_priority_level: 5,
    });
    assert.equal(config.max_batch_size, 8);
    assert.equal((config.instance_group as { count: number }[])[0]!.count, 2);
    await torch.close();
  });

  test('BF16 by torch', { skip: needsTorch }, async () => {
    const torch = await serve({ identity: fixture('identity.pt') });
    const halves = Uint16Array.of(0x3f80, 0xc000, 0x7f80);
    const response = await torch.call<InferResponse>(
      'ModelInfer',
      rawRequest('identity', { x: ['BF16', [3], halves] }),
    );
    assert.equal(response.outputs[0]!.datatype, 'BF16');
    assert.deepEqual(output(response, response.outputs[0]!.name, Uint16Array), halves);
    await torch.close();
  });
});

describe('streams', () => {
  const request = (id: string, value: number) =>
    rawRequest('matrix', { x: ['FP32', [1, 1], Float32Array.of(value)] }, { id });

  test('each request has one answer, and one that fails does not end the stream', async () => {
    const stream = peer.stream();
    const answers = collect(stream);
    for (let index = 0; index < 100; index++) stream.write(request(String(index), index));
    stream.write({ ...request('bad', 1), model_name: 'none' });
    stream.write({ ...request('last', 5) });
    stream.end();
    const byId = new Map((await answers).map((answer) => [answer.infer_response.id, answer]));
    assert.equal(byId.size, 102);
    for (let index = 0; index < 100; index++) {
      const { error_message, infer_response } = byId.get(String(index))!;
      assert.deepEqual([error_message, output(infer_response, 'y', Float32Array)[0]], ['', index]);
      assert.equal(infer_response.parameters.triton_final_response!.bool_param, true);
    }
    const { error_message, infer_response } = byId.get('bad')!;
    assert.ok(error_message.includes('none'));
    assert.equal(infer_response.parameters.infernode_code!.string_param, 'INF_MODEL_NOT_FOUND');
    assert.equal(byId.get('last')!.error_message, '');
  });

  test('a stream without requests ends', async () => {
    const stream = peer.stream();
    stream.end();
    assert.deepEqual(await collect(stream), []);
  });
});

function collect(stream: ReturnType<Peer['stream']>): Promise<StreamResponse[]> {
  return new Promise((resolve, reject) => {
    const answers: StreamResponse[] = [];
    stream.on('data', (answer: StreamResponse) => answers.push(answer));
    stream.on('end', () => resolve(answers));
    stream.on('error', reject);
  });
}

describe('models of other people', { skip: needsTestData }, () => {
  let real: Peer;
  before(async () => {
    real = await serve({
      simple: dataFile('protocol/triton/model_repository/simple'),
      squeezenet: dataFile('models/onnx/squeezenet1_1_fp16.onnx'),
    });
  });
  after(() => real.close());

  const sum = (rest: object = {}) => {
    const a = Int32Array.from({ length: 16 }, (_, index) => index);
    const b = new Int32Array(16).fill(1);
    return rawRequest('simple', { INPUT1: ['INT32', [1, 16], b], INPUT0: ['INT32', [1, 16], a] }, rest);
  };

  test('two inputs in any order, two outputs in the order asked for', async () => {
    const both = await real.call<InferResponse>('ModelInfer', sum());
    assert.deepEqual(
      both.outputs.map(({ name }) => name),
      ['OUTPUT0', 'OUTPUT1'],
    );
    assert.deepEqual(
      [...output(both, 'OUTPUT0', Int32Array)],
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
    const swapped = await real.call<InferResponse>(
      'ModelInfer',
      sum({ outputs: [{ name: 'OUTPUT1' }, { name: 'OUTPUT0' }] }),
    );
    assert.deepEqual(
      swapped.outputs.map(({ name }) => name),
      ['OUTPUT1', 'OUTPUT0'],
    );
    assert.equal(output(swapped, 'OUTPUT1', Int32Array)[5], 4);
    const one = await real.call<InferResponse>('ModelInfer', sum({ outputs: [{ name: 'OUTPUT1' }] }));
    assert.equal(one.raw_output_contents.length, 1);
    await refuses(real.call('ModelInfer', sum({ outputs: [{ name: 'OUTPUT2' }] })), 'INF_OUTPUT_UNKNOWN', 'OUTPUT0');
  });

  test('a classifier in FP16', async () => {
    const pixels = new Uint16Array(3 * 224 * 224).fill(numberToFloat16(0.5));
    const request = (rest: object) => rawRequest('squeezenet', { data_0: ['FP16', [1, 3, 224, 224], pixels] }, rest);
    const scores = await real.call<InferResponse>('ModelInfer', request({}));
    assert.deepEqual(scores.outputs[0]!.shape, [1, 1000, 1, 1]);
    const outputs = [{ name: 'softmaxout_1', parameters: { classification: { int64_param: 5 } } }];
    const classes = await real.call<InferResponse>('ModelInfer', request({ outputs }));
    assert.deepEqual(classes.outputs[0]!.shape, [1, 5]);
    const [best] = strings(classes, 'softmaxout_1');
    const bits = output(scores, 'softmaxout_1', Uint16Array);
    assert.equal(Number(best!.split(':')[1]), bits.indexOf(bits.reduce((a, b) => Math.max(a, b))));
  });
});

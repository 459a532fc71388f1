import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  ChannelCredentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { InfernodeError } from '#src/errors';
import { createGrpcServer } from '#src/server/grpc/server';
import { rejects, throws } from '../support/expect-error.js';
import { type InferResponse, output, type Peer, rawRequest, type StreamResponse, serve } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { addOne, writeModel } from '../support/onnx-builder.js';
import { fixture } from '../support/torch.js';

let folder: string;
let models: Record<string, string>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-grpc-'));
  models = { one: await writeModel(join(folder, 'one.onnx'), addOne([null])), slow: fixture('slow.onnx') };
});
after(() => rm(folder, { recursive: true }));

const good = (rest: object = {}) => rawRequest('one', { x: ['FP32', [2], Float32Array.of(1, 2)] }, rest);

async function stillServes(peer: Peer): Promise<void> {
  const response = await peer.call<InferResponse>('ModelInfer', good());
  assert.deepEqual([...output(response, 'y', Float32Array)], [2, 3]);
}

describe('requests that make no sense', () => {
  let peer: Peer;
  before(async () => {
    peer = await serve(models, { maxMessageBytes: 2 ** 20 });
  });
  after(() => peer.close());

  const refused = (request: object, ...says: string[]) =>
    refuses(peer.call('ModelInfer', request), 'INF_REQUEST_INVALID', ...says);
  const x = { name: 'x', datatype: 'FP32', shape: [2] };
  const raw = [Buffer.alloc(8)];

  test('contents and shape, contents and contents', async () => {
    await refused({ ...good(), raw_input_contents: [Buffer.alloc(7)] }, '8 bytes', '7 bytes');
    await refused({ ...good(), raw_input_contents: [] }, 'x');
    await refused({ ...good(), raw_input_contents: [...raw, ...raw] }, '2');
    await refused(
      { model_name: 'one', inputs: [{ ...x, contents: { fp32_contents: [1, 2] } }], raw_input_contents: raw },
      'both',
    );
    await refused({ model_name: 'one', inputs: [{ ...x, contents: { fp64_contents: [1, 2] } }] });
    await refused({ model_name: 'one', inputs: [{ ...x, datatype: 'FP33' }], raw_input_contents: raw }, 'FP33');
    await refused({ model_name: 'one', inputs: [x, x], raw_input_contents: [...raw, ...raw] }, 'twice');
    await refused({ ...good(), outputs: [{ name: 'y' }, { name: 'y' }] }, 'unique');
    await stillServes(peer);
  });

  test('shapes beyond all bounds', async () => {
    const shaped = (shape: (number | string)[]) => ({ ...good(), inputs: [{ ...x, shape }] });
    for (const shape of [[-1], ['9223372036854775807'], [2 ** 4, 2 ** 60], [2 ** 32, 2 ** 32], [0, 2 ** 53]]) {
      await refuses(peer.call('ModelInfer', shaped(shape)), 'INF_TENSOR_SHAPE');
    }
    await refused(shaped([2 ** 40]));
    await refuses(peer.call('ModelInfer', { ...good(), inputs: [{ ...x, shape: [2, 1] }] }), 'INF_INPUT_SHAPE');
  });

  test('inputs that are missing or that the model does not have', async () => {
    await refuses(peer.call('ModelInfer', { model_name: 'one' }), 'INF_INPUT_MISSING', 'x');
    await refuses(peer.call('ModelInfer', {}), 'INF_MODEL_NOT_FOUND');
    const other = rawRequest('one', { z: ['FP32', [2], new Float32Array(2)] });
    await refuses(peer.call('ModelInfer', other), 'INF_INPUT_UNKNOWN', 'z');
    const proto = rawRequest('one', { ['__proto__']: ['FP32', [2], new Float32Array(2)] });
    await refuses(peer.call('ModelInfer', proto), 'INF_INPUT_UNKNOWN', '__proto__');
  });

  test('shared memory and classes that are none', async () => {
    const parameters = { shared_memory_region: { string_param: 'a' } };
    await refuses(peer.call('ModelInfer', { ...good(), inputs: [{ ...x, parameters }] }), 'INF_REQUEST_UNSUPPORTED');
    await refuses(peer.call('ModelInfer', good({ outputs: [{ name: 'y', parameters }] })), 'INF_REQUEST_UNSUPPORTED');
    const classes = (parameter: object) =>
      good({ outputs: [{ name: 'y', parameters: { classification: parameter } }] });
    await refused(classes({ int64_param: -1 }), 'classification');
    await refused(classes({ string_param: 'all' }), 'classification');
  });

  test('a message in an error is cut, and can always be sent', async () => {
    const long = await refuses(
      peer.call('ModelInfer', { ...good(), model_name: 'm'.repeat(500_000) }),
      'INF_MODEL_NOT_FOUND',
    );
    assert.ok(long.details.length < 3000);
    await refuses(
      peer.call('ModelMetadata', { name: 'a\r\ngrpc-status: 0\u{1f600}\ud800' }),
      'INF_MODEL_NOT_FOUND',
      '\u{1f600}',
    );
    await stillServes(peer);
  });

  test('messages that are too large', async () => {
    const large = rawRequest('one', { x: ['FP32', [2 ** 19], new Float32Array(2 ** 19)] });
    const error = await peer.call('ModelInfer', large).then(
      () => assert.fail(),
      (thrown: ServiceError) => thrown,
    );
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    await stillServes(peer);
  });

  test('bytes that are no message, over a plain HTTP/2 connection', async () => {
    const path = '/inference.GRPCInferenceService/ModelInfer';
    const invalid = String(status.INVALID_ARGUMENT);
    assert.equal(await post(peer.port, path, frame(Buffer.of(0xff, 0xff, 0xff))), invalid);
    assert.equal(await post(peer.port, path, frame(Buffer.alloc(5000, (5 << 3) | 2))), invalid);
    const live = '/inference.GRPCInferenceService/ModelReady';
    assert.equal(await post(peer.port, live, frame(Buffer.of(0x0a))), invalid);
    assert.notEqual(await post(peer.port, path, Buffer.of(0, 0, 0, 0, 9, 1)), '0');
    assert.notEqual(await post(peer.port, path, frame(Buffer.of(1), 1)), '0');
    await stillServes(peer);
  });

  test('a small message that would become a large one', async () => {
    const bomb = frame(gzipSync(Buffer.alloc(2 ** 26)), 1);
    const path = '/inference.GRPCInferenceService/ModelInfer';
    const answer = await post(peer.port, path, bomb, { 'grpc-encoding': 'gzip' });
    assert.equal(answer, String(status.RESOURCE_EXHAUSTED));
    await stillServes(peer);
  });
});

function frame(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The status that a server answers to these bytes. */
async function post(port: number, path: string, body: Buffer, headers: object = {}): Promise<string | undefined> {
  const session = connect(`http://localhost:${port}`);
  const request = session.request({
    ':path': path,
    ':method': 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  let answer: string | undefined;
  const note = (sent: object) => {
    answer = (sent as Record<string, string>)['grpc-status'] ?? answer;
  };
  request.on('response', note);
  request.on('trailers', note);
  request.on('error', () => {});
  request.resume();
  request.end(body);
  await once(request, 'close');
  session.destroy();
  return answer;
}

describe('calls that are given up', () => {
  const slow = () => rawRequest('slow', { x0: ['FP32', [1024, 1024], new Float32Array(1024 * 1024)] });
  let peer: Peer;
  let signals: AbortSignal[];
  before(async () => {
    peer = await serve(models);
    signals = [];
    const { infer } = peer.engine;
    peer.engine.infer = function observed(name, request) {
      signals.push(request.signal!);
      return infer.call(this, name, request);
    };
  });
  after(() => peer.close());

  /** Until all requests that have begun are given up. */
  async function allAborted(count: number): Promise<void> {
    while (signals.length < count || !signals.every((signal) => signal.aborted)) await sleep(5);
  }

  test('a call that its client cancels is aborted', async () => {
    signals.length = 0;
    const cancel = new AbortController();
    const call = peer.call('ModelInfer', slow(), { signal: cancel.signal });
    while (signals.length === 0) await sleep(1);
    cancel.abort();
    await assert.rejects(call, { code: status.CANCELLED });
    await allAborted(1);
  });

  test('so is one whose deadline is over, and the engine knows the deadline', async () => {
    signals.length = 0;
    let timeoutMs: number | undefined;
    const { infer } = peer.engine;
    peer.engine.infer = (_name, request) => {
      timeoutMs = request.timeoutMs;
      signals.push(request.signal!);
      return new Promise((_, reject) => request.signal!.addEventListener('abort', reject));
    };
    const call = peer.call('ModelInfer', slow(), { deadline: Date.now() + 200 });
    await assert.rejects(call, { code: status.DEADLINE_EXCEEDED });
    await allAborted(1);
    peer.engine.infer = infer;
    assert.ok(timeoutMs! > 0 && timeoutMs! <= 200);
  });

  test('a call that has been answered is not', async () => {
    signals.length = 0;
    await stillServes(peer);
    await stillServes(peer);
    assert.deepEqual(
      signals.map((signal) => signal.aborted),
      [false, false],
    );
  });

  test('a client that vanishes takes its requests along', async () => {
    signals.length = 0;
    const session = connect(`http://localhost:${peer.port}`);
    const streams = Array.from({ length: 5 }, () =>
      session.request({
        ':path': '/inference.GRPCInferenceService/ModelStreamInfer',
        ':method': 'POST',
        'content-type': 'application/grpc',
        te: 'trailers',
      }),
    );
    for (const stream of streams) {
      stream.on('error', () => {});
      stream.write(frame(encoded(slow())));
    }
    while (signals.length < 5) await sleep(1);
    session.destroy();
    await allAborted(5);
    await stillServes(peer);
  });
});

function encoded(request: object): Buffer {
  const { ModelInfer } = loadedService().service;
  return ModelInfer!.requestSerialize(request);
}

function loadedService(): ServiceClientConstructor {
  const definition = loadSync('inference.proto', {
    keepCase: true,
    includeDirs: [join(import.meta.dirname, '../../../../proto')],
  });
  const { inference } = loadPackageDefinition(definition) as unknown as {
    inference: { GRPCInferenceService: ServiceClientConstructor };
  };
  return inference.GRPCInferenceService;
}

describe('streams within bounds', () => {
  test('many streams with many requests each are nothing to warn of', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const peer = await serve(models);
    const streams = Array.from({ length: 20 }, () => peer.stream());
    await Promise.all(
      streams.map(async (stream) => {
        stream.on('data', () => {});
        for (let index = 0; index < 20; index++) stream.write(good());
        stream.end();
        await once(stream, 'end');
      }),
    );
    await peer.close();
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('no more requests run at a time than allowed, and all are answered', async () => {
    const peer = await serve(models, { maxStreamRequests: 3 });
    let running = 0;
    let most = 0;
    const { infer } = peer.engine;
    peer.engine.infer = async function counted(name, request) {
      most = Math.max(most, ++running);
      return infer.call(this, name, request).finally(() => running--);
    };
    const stream = peer.stream();
    let answers = 0;
    stream.on('data', () => answers++);
    for (let index = 0; index < 60; index++) stream.write(good());
    stream.end();
    await once(stream, 'end');
    assert.equal(answers, 60);
    assert.ok(most <= 3 && most > 1, `${most} at a time`);
    await peer.close();
  });

  test('a client that does not read is not read from', async () => {
    const peer = await serve(models, { maxStreamRequests: 2 });
    let begun = 0;
    const { infer } = peer.engine;
    peer.engine.infer = function counted(name, request) {
      begun++;
      return infer.call(this, name, request);
    };
    // What this end has yet to send is kept here, in megabytes.
    const session = connect(`http://localhost:${peer.port}`, { maxSessionMemory: 1000 });
    const request = session.request({
      ':path': '/inference.GRPCInferenceService/ModelStreamInfer',
      ':method': 'POST',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const large = frame(encoded(rawRequest('one', { x: ['FP32', [250_000], new Float32Array(250_000)] })));
    for (let index = 0; index < 40; index++) request.write(large);
    request.end();
    // Until nothing moves: two answers wait for their reader, and everything else for them.
    for (let before = -1; before !== begun || begun === 0; await sleep(300)) before = begun;
    assert.equal(begun, 2);
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await once(request, 'end');
    assert.equal(begun, 40);
    assert.ok(bytes > 40_000_000);
    session.destroy();
    await peer.close();
  });
});

describe('stopping', () => {
  test('calls that there are finish, new ones are refused', async () => {
    const peer = await serve(models);
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let finish = (): void => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { infer } = peer.engine;
    peer.engine.infer = async function slowly(name, request) {
      begin();
      await held;
      return infer.call(this, name, request);
    };
    const call = peer.call<InferResponse>('ModelInfer', good());
    const stream = peer.stream();
    const answers: StreamResponse[] = [];
    stream.on('data', (answer: StreamResponse) => answers.push(answer));
    const ended = once(stream, 'error');
    stream.write(good());
    await begun;
    await sleep(50);
    const stopped = peer.server.close();
    finish();
    assert.deepEqual([...output(await call, 'y', Float32Array)], [2, 3]);
    const [error] = (await ended) as [ServiceError];
    assert.deepEqual([error.code, error.metadata.get('infernode-code')], [status.UNAVAILABLE, ['INF_SHUTTING_DOWN']]);
    assert.deepEqual(
      answers.map(({ error_message }) => error_message),
      [''],
    );
    await stopped;
    await assert.rejects(peer.call('ServerLive'), { code: status.UNAVAILABLE });
    await peer.close();
  });

  test('what does not finish in time is cut off', async () => {
    const peer = await serve(models);
    peer.engine.infer = () => new Promise(() => {});
    const call = peer.call('ModelInfer', good());
    const failed = assert.rejects(call);
    await sleep(100);
    await peer.server.close(50);
    await failed;
    await peer.close();
  });
});

describe('health', () => {
  test('of the server, the service and each model, and what changes', async () => {
    const peer = await serve(models);
    const { grpc } = loadPackageDefinition(loadSync(protoPath, { enums: String, defaults: true })) as unknown as {
      grpc: { health: { v1: { Health: ServiceClientConstructor } } };
    };
    const health = new grpc.health.v1.Health(`localhost:${peer.port}`, ChannelCredentials.createInsecure());
    const ask = (method: string, request: object) =>
      new Promise((resolve, reject) =>
        health[method]!(request, (error: unknown, value: unknown) => (error === null ? resolve(value) : reject(error))),
      );
    for (const service of ['', 'inference.GRPCInferenceService', 'one']) {
      assert.deepEqual(await ask('check', { service }), { status: 'SERVING' });
    }
    await assert.rejects(ask('check', { service: 'none' }), { code: status.NOT_FOUND });
    const { statuses } = (await ask('list', {})) as { statuses: object };
    assert.deepEqual(Object.keys(statuses).sort(), ['', 'inference.GRPCInferenceService', 'one', 'slow']);
    const seen: string[] = [];
    const watch = health.watch!({ service: '' });
    watch.on('data', (change: { status: string }) => seen.push(change.status));
    await once(watch, 'data');
    const ended = once(watch, 'end');
    await peer.server.close();
    await ended;
    assert.deepEqual(seen, ['SERVING', 'NOT_SERVING']);
    health.close();
    await peer.close();
  });
});

describe('who may call', () => {
  test('a key in either place, and no other', async () => {
    const peer = await serve(models, { apiKeys: ['s3cret', 'other'] });
    const metadata = (name: string, value: string) => ({ metadata: { [name]: value } });
    for (const right of [metadata('authorization', 'Bearer s3cret'), metadata('x-api-key', 'other')]) {
      await peer.call('ServerMetadata', {}, right);
    }
    for (const wrong of [
      {},
      metadata('authorization', 's3cret'),
      metadata('authorization', 'Bearer s3cre'),
      metadata('authorization', 'Basic s3cret'),
      metadata('x-api-key', ''),
      metadata('x-api-key', 's3cret '.repeat(3)),
    ]) {
      for (const method of ['ServerMetadata', 'ModelInfer', 'RepositoryIndex', 'ModelReady']) {
        await refuses(peer.call(method, {}, wrong), 'INF_UNAUTHENTICATED');
      }
    }
    const stream = peer.stream();
    const [error] = (await once(stream, 'error')) as [ServiceError];
    assert.equal(error.code, status.UNAUTHENTICATED);
    assert.deepEqual(await peer.call('ServerLive'), { live: true });
    assert.deepEqual(await peer.call('ServerReady'), { ready: true });
    for (const path of [
      '/inference.GRPCInferenceService/ServerMetadata/',
      '//inference.GRPCInferenceService/ServerMetadata',
    ]) {
      assert.notEqual(await post(peer.port, path, frame(Buffer.alloc(0))), '0');
    }
    const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    assert.equal(await post(peer.port, reflection, frame(Buffer.of(0x3a, 0))), String(status.UNAUTHENTICATED));
    await peer.close();
  });

  test('addresses that others reach need a key, or the word of the user', async () => {
    const engine = { infer: () => {} } as never;
    throws(() => createGrpcServer({ engine, host: '0.0.0.0' }), 'INF_OPTION_INVALID', '0.0.0.0');
    throws(() => createGrpcServer({ engine, host: '::' }), 'INF_OPTION_INVALID');
    createGrpcServer({ engine, host: '0.0.0.0', insecure: true });
    createGrpcServer({ engine, host: '0.0.0.0', apiKeys: ['key'] });
    throws(() => createGrpcServer({ engine, apiKeys: [''] }), 'INF_OPTION_INVALID');
    throws(() => createGrpcServer({ engine, port: 70_000 }), 'INF_OPTION_INVALID', 'port');
    throws(() => createGrpcServer({ engine, maxStreamRequests: 0 }), 'INF_OPTION_INVALID', 'maxStreamRequests');
  });

  test('a server that has been closed listens no more', async () => {
    const server = createGrpcServer({ engine: { infer: () => {} } as never, port: 0 });
    await server.listen();
    await server.close();
    await rejects(server.listen(), 'INF_LISTEN_FAILED', 'closed');
  });

  test('a port that is taken', async () => {
    const peer = await serve(models);
    const second = createGrpcServer({ engine: peer.engine, host: 'localhost', port: peer.port });
    await rejects(
      createGrpcServer({ engine: peer.engine, port: peer.port }).listen(),
      'INF_LISTEN_FAILED',
      String(peer.port),
    );
    await second.close();
    await peer.close();
  });
});

describe('errors of the server itself', () => {
  test('are told to its owner, not to clients', async () => {
    const told: unknown[] = [];
    const peer = await serve(models, { onError: (error) => told.push(error) });
    const bug = new TypeError('undefined is not a function');
    peer.engine.infer = () => Promise.reject(bug);
    const error = await refuses(peer.call('ModelInfer', good()), 'INF_INTERNAL');
    assert.ok(!error.details.includes('function'));
    assert.deepEqual(told, [bug]);
    peer.engine.infer = () => Promise.reject(new InfernodeError('INF_QUEUE_FULL', 'The queue is full'));
    await refuses(peer.call('ModelInfer', good()), 'INF_QUEUE_FULL', 'full');
    assert.equal(told.length, 1);
    await peer.close();
  });
});

test('services can be asked what they are', async () => {
  const peer = await serve(models);
  const session = connect(`http://localhost:${peer.port}`);
  const request = session.request({
    [constants.HTTP2_HEADER_PATH]: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  // ServerReflectionRequest { list_services: "*" }
  request.end(frame(Buffer.of((7 << 3) | 2, 1, 0x2a)));
  await once(request, 'close');
  session.destroy();
  const text = Buffer.concat(chunks).toString('latin1');
  for (const name of ['inference.GRPCInferenceService', 'grpc.health.v1.Health']) assert.ok(text.includes(name), name);
  await peer.close();
});

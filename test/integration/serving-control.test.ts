import assert from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { ErrorCode } from '#src/errors';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { type InferResponse, output, rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { adding, busy, until } from '../support/served-models.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

/** A line of the index: `net/1 READY`, and what is wrong. */
type Line = readonly [entry: string, reason: string];

/** How a protocol controls models. */
interface Control {
  load(name: string, config?: object): Promise<void>;
  unload(name: string): Promise<void>;
  index(ready?: boolean): Promise<Line[]>;
  /** What the model makes of 0. */
  infer(name: string, version?: number): Promise<number>;
  config(name: string): Promise<Record<string, unknown>>;
  /** Asserts that it is refused so. */
  refuses(call: Promise<unknown>, code: ErrorCode, says?: string): Promise<void>;
}

type Entry = { name: string; version?: string; state: string; reason: string };
const lineOf = ({ name, version = '', state, reason }: Entry): Line => [`${name}/${version} ${state}`, reason];

class Refused extends Error {
  constructor(readonly answer: Awaited<ReturnType<typeof ask>>) {
    super(answer.bytes.toString());
  }
}

function rest({ url }: BothProtocols): Control {
  const of = async (path: string, method = 'GET', body?: object) => {
    const answer = await ask(`${url}/v2/${path}`, method, body);
    if (answer.status !== 200) throw new Refused(answer);
    return answer.json;
  };
  const version = (number?: number) => (number === undefined ? '' : `/versions/${number}`);
  return {
    load: (name, config) =>
      of(`repository/models/${name}/load`, 'POST', config && { parameters: { config: JSON.stringify(config) } }),
    unload: (name) => of(`repository/models/${name}/unload`, 'POST', {}),
    index: async (ready) => (await of('repository/index', 'POST', ready === undefined ? {} : { ready })).map(lineOf),
    infer: async (name, number) => {
      const body = { inputs: [input('x', 'FP32', [1], [0])] };
      const answer = await of(`models/${name}${version(number)}/infer`, 'POST', body);
      if (number !== undefined) assert.equal(answer.model_version, String(number));
      return answer.outputs[0].data[0];
    },
    config: (name) => of(`models/${name}/config`),
    refuses: async (call, code, says = '') => {
      const { answer } = await call.then(
        () => assert.fail(`it succeeded, expected ${code}`),
        (error: Refused) => error,
      );
      assertProblem(answer, answer.status, code);
      assert.ok(answer.json.error.includes(says), `"${answer.json.error}" does not say ${says}`);
    },
  };
}

function grpc({ call }: BothProtocols): Control {
  return {
    load: async (model_name, config) => {
      const parameters = config && { config: { string_param: JSON.stringify(config) } };
      await call('RepositoryModelLoad', { model_name, parameters });
    },
    unload: async (model_name) => {
      await call('RepositoryModelUnload', { model_name });
    },
    index: async (ready = false) => (await call<{ models: Entry[] }>('RepositoryIndex', { ready })).models.map(lineOf),
    infer: async (name, number) => {
      const request = rawRequest(name, { x: ['FP32', [1], Float32Array.of(0)] });
      const model_version = number === undefined ? '' : String(number);
      const answer = await call<InferResponse>('ModelInfer', { ...request, model_version });
      if (number !== undefined) assert.equal(answer.model_version, model_version);
      return output(answer, 'y', Float32Array)[0]!;
    },
    config: async (name) => (await call<{ config: Record<string, unknown> }>('ModelConfig', { name })).config,
    refuses: async (refused, code, says = '') => {
      await refuses(refused, code, says);
    },
  };
}

/** A repository, served. */
async function open(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>, mode: 'explicit' | 'poll') {
  const repository = await makeFolder(t, files);
  const both = await serveBoth(t, { repository, mode, ...(mode === 'poll' && { pollMs: 20 }) });
  await both.engine.started;
  return { repository, both };
}

/** Puts a file in place as a whole. */
async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

const NOT_LOADED = 'it has not been loaded';

for (const [protocol, controlOf] of [
  ['REST', rest],
  ['gRPC', grpc],
] as const) {
  describe(`mode explicit over ${protocol}`, () => {
    test('loads and unloads, and lists all or what is ready', async (t) => {
      const { both } = await open(t, { 'a/1/model.onnx': adding(1), 'b/1/model.onnx': adding(2) }, 'explicit');
      const control = controlOf(both);
      assert.deepEqual(await control.index(), [
        ['a/1 UNAVAILABLE', NOT_LOADED],
        ['b/1 UNAVAILABLE', NOT_LOADED],
      ]);
      assert.deepEqual(await control.index(true), []);
      await control.refuses(control.infer('a'), 'INF_MODEL_NOT_READY', NOT_LOADED);
      await control.load('a');
      assert.equal(await control.infer('a'), 1);
      assert.deepEqual(await control.index(true), [['a/1 READY', '']]);
      assert.equal((await control.index(false)).length, 2);
      await control.unload('a');
      await control.refuses(control.infer('a'), 'INF_MODEL_NOT_READY', 'it was unloaded');
      assert.deepEqual(await control.index(true), []);
      await control.unload('a');
      for (const ask of [control.load, control.unload, control.infer]) {
        await control.refuses(ask('c'), 'INF_MODEL_NOT_FOUND', '"c"');
      }
    });

    test('loads with another configuration, in our words and in those of Triton', async (t) => {
      const { both } = await open(t, { 'a/1/model.onnx': busy(1), 'a/2/model.onnx': busy(1) }, 'explicit');
      const control = controlOf(both);
      const { engine } = both;
      await control.load('a', { batching: { maxSize: 3, maxDelayMs: 1 }, instances: 2, versions: 'all' });
      assert.deepEqual(engine.model('a').versions, [1, 2]);
      const { batching, info } = engine.model('a').model;
      assert.deepEqual([batching.maxSize, batching.maxDelayMs, info.instances], [3, 1, 2]);
      assert.equal((await control.config('a')).max_batch_size, 3);

      await control.load('a', {
        name: 'a',
        platform: 'onnxruntime_onnx',
        max_batch_size: 8,
        dynamic_batching: {
          preferred_batch_size: [4, 8],
          max_queue_delay_microseconds: '1500',
          preserve_ordering: true,
          default_queue_policy: {
            timeout_action: 'REJECT',
            default_timeout_microseconds: 2_000_000,
            max_queue_size: 9,
          },
        },
        instance_group: [{ count: 2, kind: 'KIND_CPU' }],
        version_policy: { specific: { versions: [1] } },
      });
      assert.deepEqual(engine.model('a').versions, [1]);
      const second = engine.model('a').model;
      const { maxSize, preferredSizes, maxDelayMs, keepOrder, timeoutMs, maxQueue } = second.batching;
      assert.deepEqual(
        { maxSize, preferredSizes, maxDelayMs, keepOrder, timeoutMs, maxQueue },
        { maxSize: 8, preferredSizes: [4, 8], maxDelayMs: 1.5, keepOrder: true, timeoutMs: 2000, maxQueue: 9 },
      );
      assert.equal(second.info.instances, 2);

      await control.load('a', { max_batch_size: 0, version_policy: { latest: { num_versions: 2 } } });
      assert.equal(engine.model('a').model.batching.maxSize, 1);
      assert.deepEqual(engine.model('a').versions, [1, 2]);
      await control.load('a', { backend: 'onnxruntime' });
      assert.equal(engine.model('a').model.choice.backend, 'onnx');
      await control.load('a');
      assert.deepEqual(engine.model('a').versions, [2]);
    });

    const UNCLEAR: [config: object, says: string][] = [
      [{ max_batch_size: -1 }, 'max_batch_size'],
      [{ max_batch_size: 1, dynamic_batching: {} }, 'max_batch_size'],
      [{ max_batch_size: 8, dynamic_batching: { max_queue_delay: 1 } }, 'max_queue_delay_microseconds'],
      [{ dynamic_batching: { priority_levels: 3 } }, 'priority_levels'],
      [{ dynamic_batching: { default_queue_policy: { timeout_action: 'DELAY' } } }, 'timeout_action'],
      [{ instance_group: [{ count: 1 }, { count: 2 }] }, 'instance_group'],
      [{ instance_group: [{ kind: 'KIND_GPU', gpus: [0] }] }, 'instance_group[0].'],
      [{ platform: 'tensorrt_plan' }, 'platform'],
      [{ name: 'b' }, 'name'],
      [{ max_batch_size: 8, sequence_batching: {} }, 'sequence_batching'],
      [{ max_batch_size: 8, batching: { maxSize: 4 } }, 'batching'],
      [{ version_policy: { all: {}, latest: {} } }, 'version_policy'],
    ];

    test('refuses what it could serve otherwise than asked only', async (t) => {
      const { both } = await open(t, { 'a/1/model.onnx': adding(1) }, 'explicit');
      const control = controlOf(both);
      await control.load('a');
      for (const [config, says] of UNCLEAR) {
        await control.refuses(control.load('a', config), 'INF_REQUEST_INVALID', says);
      }
      await control.refuses(control.load('a', { batching: { maxSize: 0 } }), 'INF_MODEL_CONFIG', 'maxSize');
      assert.equal(await control.infer('a'), 1);
    });

    test('loads anew under load, and nobody notices', async (t) => {
      const { repository, both } = await open(t, { 'net/1/model.onnx': adding(1) }, 'explicit');
      const control = controlOf(both);
      await control.load('net');
      const seen = new Set<number>();
      let goesOn = true;
      const clients = Array.from({ length: 6 }, async () => {
        while (goesOn) seen.add(await control.infer('net'));
      });
      // One that fails ends the test at once.
      const failed = Promise.race(clients);
      for (let k = 2; k <= 6; k++) {
        await put(join(repository, 'net/1/model.onnx'), adding(k));
        await Promise.race([control.load('net'), failed]);
        await until(() => seen.has(k));
      }
      goesOn = false;
      await Promise.all(clients);
      assert.deepEqual([...seen].sort(), [1, 2, 3, 4, 5, 6]);
      assert.equal(both.engine.model('net').model.statistics.fail.count, 0);
    });

    test('goes on with the old one where loading anew fails, and says why', async (t) => {
      const { repository, both } = await open(t, { 'net/1/model.onnx': adding(1) }, 'explicit');
      const control = controlOf(both);
      await control.load('net');
      await put(join(repository, 'net/1/model.onnx'), 'no model');
      await control.refuses(control.load('net'), 'INF_MODEL_FORMAT');
      assert.equal(await control.infer('net'), 1);
      const [[entry, reason]] = (await control.index()) as [Line];
      assert.equal(entry, 'net/1 READY');
      assert.match(reason, /^the last change has not taken effect: /);
      await put(join(repository, 'net/1/model.onnx'), adding(2));
      await control.load('net');
      assert.equal(await control.infer('net'), 2);
      assert.deepEqual(await control.index(), [['net/1 READY', '']]);
    });
  });

  describe(`mode poll over ${protocol}`, () => {
    test('does as the folder does', async (t) => {
      const { repository, both } = await open(t, { 'net/1/model.onnx': adding(1) }, 'poll');
      const control = controlOf(both);
      const answers = (name: string) => control.infer(name).catch(() => 'none' as const);
      assert.equal(await control.infer('net'), 1);
      await control.refuses(control.load('net'), 'INF_FORBIDDEN', 'explicit');
      await put(join(repository, 'net/2/model.onnx'), adding(2));
      await until(async () => (await control.infer('net')) === 2);
      await put(join(repository, 'net/model.json'), '{"versions":"all"}');
      await until(async () => (await control.index()).every(([entry]) => entry.endsWith(' READY')));
      assert.equal(await control.infer('net', 1), 1);
      assert.equal(await control.infer('net', 2), 2);
      await put(join(repository, 'other/1/model.onnx'), adding(7));
      await until(async () => (await answers('other')) === 7);
      await put(join(repository, 'other/1/model.onnx'), 'no model');
      await until(async () => (await control.index()).some(([entry, why]) => entry === 'other/1 READY' && why !== ''));
      assert.equal(await control.infer('other'), 7);
      await rm(join(repository, 'net/2'), { recursive: true });
      await until(async () => (await control.infer('net')) === 1);
      await rm(join(repository, 'other'), { recursive: true });
      await until(async () => (await answers('other')) === 'none');
      await until(async () => (await control.index()).length === 1);
      await control.refuses(control.infer('other'), 'INF_MODEL_NOT_FOUND', 'other');
    });
  });

  test(`versions over ${protocol}: each that serves, the newest without one, and no others`, async (t) => {
    const files = { 'net/1/model.onnx': adding(1), 'net/3/model.onnx': adding(3), 'net/10/model.onnx': adding(10) };
    const { both } = await open(t, { ...files, 'net/model.json': '{"versions":"all"}' }, 'explicit');
    const control = controlOf(both);
    await control.load('net');
    assert.deepEqual(
      (await control.index()).map(([entry]) => entry),
      ['net/1 READY', 'net/3 READY', 'net/10 READY'],
    );
    for (const version of [1, 3, 10]) assert.equal(await control.infer('net', version), version);
    assert.equal(await control.infer('net'), 10);
    for (const version of [2, 11]) {
      await control.refuses(control.infer('net', version), 'INF_MODEL_NOT_FOUND', `version ${version}`);
    }
    await control.load('net', { versions: [3] });
    assert.equal(await control.infer('net'), 3);
    await control.refuses(control.infer('net', 10), 'INF_MODEL_NOT_FOUND', 'not among the versions that are to serve');
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InfernodeError } from 'infernode';
import type { Engine } from 'infernode/server';
import type { Session } from '#src/backends/backend';
import { serveBoth } from '../support/both-protocols.js';
import { healthOf } from '../support/grpc-health.js';
import { rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { adding, answerOf, index, reasonOf, until } from '../support/served-models.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

const ONE = { x: ['FP32', [1], Float32Array.of(0)] } as const;
const one = { inputs: [input('x', 'FP32', [1], [0])] };
const MESSAGE = 'cuda:0 failed: an illegal memory access was encountered';

/** Makes a model one on a GPU, whose executor answers every call as CUDA does once the GPU has failed. */
function onGpu(engine: Engine, name: string): { fail: () => void } {
  const { session } = engine.model(name).model as unknown as { session: Session };
  Object.assign(session.info, { device: 'cuda:0' });
  return {
    fail: () => {
      session.run = async () => {
        throw new InfernodeError('INF_DEVICE_FAILED', MESSAGE);
      };
    },
  };
}

test('a GPU that failed for good makes a server neither live nor ready, and what is on the CPU goes on', async (t) => {
  const files = Object.fromEntries(['bad', 'other', 'cpu'].map((name, at) => [`${name}/1/model.onnx`, adding(at)]));
  const { engine, url, grpcPort, call, metric } = await serveBoth(t, { repository: await makeFolder(t, files) });
  await engine.started;
  const failures: InfernodeError[] = [];
  engine.on('deviceFailed', (error) => failures.push(error));
  const gpu = onGpu(engine, 'bad');
  onGpu(engine, 'other');
  const live = () => ask(`${url}/v2/health/live`);
  const ready = () => ask(`${url}/v2/health/ready`);
  assert.deepEqual([(await live()).status, (await ready()).status, engine.failure], [200, 200, null]);
  assert.deepEqual(await call('ServerLive'), { live: true });

  gpu.fail();
  assertProblem(await ask(`${url}/v2/models/bad/infer`, 'POST', one), 503, 'INF_DEVICE_FAILED', /cuda:0 failed/);
  assert.equal(engine.failure?.message, MESSAGE);
  await until(() => failures.length === 1);
  assertProblem(await live(), 503, 'INF_DEVICE_FAILED', /must be started again/);
  assertProblem(await ready(), 503, 'INF_DEVICE_FAILED', /not ready: cuda:0 failed: an illegal memory access/);
  assert.deepEqual(await call('ServerLive'), { live: false });
  assert.deepEqual(await call('ServerReady'), { ready: false });

  // What is on the same GPU fails as well, whether it has been asked or not.
  await until(() => index(engine).filter((line) => line.endsWith('UNAVAILABLE')).length === 2);
  assert.deepEqual(index(engine), ['bad/1 UNAVAILABLE', 'cpu/1 READY', 'other/1 UNAVAILABLE']);
  for (const name of ['bad', 'other']) {
    assert.equal(reasonOf(engine, name), `its device has failed: ${MESSAGE}`);
    assertProblem(await ask(`${url}/v2/models/${name}/ready`), 503, 'INF_MODEL_NOT_READY', /its device has failed/);
    assert.deepEqual(await call('ModelReady', { name }), { ready: false });
    await refuses(call('ModelInfer', rawRequest(name, ONE)), 'INF_MODEL_NOT_READY', 'its device has failed');
    assert.equal(await metric(`infernode_model_ready{model="${name}",version="1"}`), 0);
  }
  assert.equal(await healthOf(grpcPort, ''), 'NOT_SERVING');
  assert.equal(await answerOf(engine, 'cpu'), 2);
  assert.equal((await ask(`${url}/v2/models/cpu/ready`)).status, 200);
});

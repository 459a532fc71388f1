import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createServer, Engine } from 'infernode/server';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { healthOf } from '../support/grpc-health.js';
import type { InferResponse } from '../support/grpc-peer.js';
import { output, rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { adding, busy } from '../support/served-models.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

/** A repository whose model of that name is long in becoming warm. */
function slowToLoad(t: TestContext, others: Readonly<Record<string, string | Uint8Array>> = {}): Promise<string> {
  return makeFolder(t, { 'slow/1/model.onnx': busy(100), 'slow/model.json': '{"warmup":300}', ...others });
}

const x = { inputs: [input('x', 'FP32', [1], [1])] };
const tensor = { x: ['FP32', [1], Float32Array.of(1)] } as const;

async function health({ url, grpcPort, call }: BothProtocols) {
  const [live, ready, grpcLive, grpcReady, serving] = await Promise.all([
    ask(`${url}/v2/health/live`),
    ask(`${url}/v2/health/ready`),
    call('ServerLive'),
    call('ServerReady'),
    healthOf(grpcPort, ''),
  ]);
  return [live.status, ready.status, grpcLive.live, grpcReady.ready, serving];
}

describe('a server whose models are being loaded', () => {
  test('is live and not ready, over both protocols, until they are', async (t) => {
    const both = await serveBoth(t, { repository: await slowToLoad(t) });
    const { url, call, engine } = both;
    assert.deepEqual(await health(both), [200, 503, true, false, 'NOT_SERVING']);
    assertProblem(await ask(`${url}/v2/health/ready`), 503, 'INF_MODEL_NOT_READY', /: "slow" version 1 is LOADING: /);
    assertProblem(await ask(`${url}/v2/models/slow/ready`), 503, 'INF_MODEL_NOT_READY');
    assertProblem(await ask(`${url}/v2/models/slow/infer`, 'POST', x), 503, 'INF_MODEL_NOT_READY');
    await refuses(call('ModelInfer', rawRequest('slow', tensor)), 'INF_MODEL_NOT_READY');
    assert.deepEqual(await call('ModelReady', { name: 'slow' }), { ready: false });
    const index = await ask(`${url}/v2/repository/index`, 'POST');
    assert.deepEqual(index.json, [{ name: 'slow', version: '1', state: 'LOADING', reason: 'it is loading' }]);
    assert.deepEqual((await ask(`${url}/v2/repository/index`, 'POST', { ready: true })).json, []);
    assert.equal(await both.metric('infernode_model_ready{model="slow",version="1"}'), 0);
    await engine.started;
    assert.deepEqual(await health(both), [200, 200, true, true, 'SERVING']);
    assert.equal(await both.metric('infernode_model_ready{model="slow",version="1"}'), 1);
  });

  test('serves those that are loaded while others still load, and those that do not load stop nobody', async (t) => {
    const both = await serveBoth(t, {
      repository: await slowToLoad(t, { 'bad/1/model.onnx': 'no model', 'quick/1/model.onnx': adding(1) }),
    });
    const { url, call, engine } = both;
    while ((await ask(`${url}/v2/models/quick/ready`)).status !== 200);
    assert.equal((await ask(`${url}/v2/models/slow/ready`)).status, 503);
    assert.deepEqual((await ask(`${url}/v2/models/quick/infer`, 'POST', x)).json.outputs[0].data, [2]);
    const answer = await call<InferResponse>('ModelInfer', rawRequest('quick', tensor));
    assert.deepEqual(output(answer, 'y', Float32Array), Float32Array.of(2));
    await engine.started;
    assert.deepEqual(await health(both), [200, 503, true, false, 'NOT_SERVING']);
    assert.equal((await ask(`${url}/v2/models/slow/ready`)).status, 200);
    const ready = await ask(`${url}/v2/health/ready`);
    assertProblem(
      ready,
      503,
      'INF_MODEL_NOT_READY',
      /^The server is not ready: "bad" version 1 is UNAVAILABLE: .*model\.onnx/,
    );
    assert.doesNotMatch(ready.json.error, /slow|quick/);
    assertProblem(await ask(`${url}/v2/models/bad/infer`, 'POST', x), 503, 'INF_MODEL_NOT_READY', /bad/);
    assert.deepEqual(await call('ModelReady', { name: 'bad' }), { ready: false });
  });

  test('says what is wrong to those who may know', async (t) => {
    const engine = await Engine.open({ repository: await makeFolder(t, { 'bad.onnx': 'x', 'worse.onnx': 'x' }) });
    const server = await createServer({ engine, port: 0, apiKeys: ['key'] });
    t.after(() => Promise.all([server.close(), engine.close()]));
    const url = `${await server.listen()}/v2/health/ready`;
    assertProblem(await ask(url), 503, 'INF_MODEL_NOT_READY', /: 2 models do not serve$/);
    assertProblem(await ask(url, 'GET', undefined, { 'x-api-key': 'wrong' }), 503, 'INF_MODEL_NOT_READY', /2 models/);
    const answer = await ask(url, 'GET', undefined, { 'x-api-key': 'key' });
    assertProblem(answer, 503, 'INF_MODEL_NOT_READY', /"bad" version 1 is UNAVAILABLE: .*; "worse" version 1/);
  });

  test('is ready where there is nothing to serve yet', async (t) => {
    for (const mode of ['none', 'explicit', 'poll'] as const) {
      const both = await serveBoth(t, { repository: await makeFolder(t, {}), mode });
      await both.engine.started;
      assert.deepEqual(await health(both), [200, 200, true, true, 'SERVING']);
    }
  });

  test('stops without waiting for them', async (t) => {
    const { url, engine, stop } = await serveBoth(t, { repository: await slowToLoad(t) });
    assert.equal((await ask(`${url}/v2/health/live`)).status, 200);
    await stop();
    await engine.close();
    assert.deepEqual(
      engine.models().map(({ state }) => state),
      ['UNAVAILABLE'],
    );
  });
});

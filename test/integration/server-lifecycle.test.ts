import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';
import { createServer, Engine, inferencePlugin, MetricsObserver } from 'infernode/server';
import { InfernodeError } from '#src/errors';
import { rejects } from '../support/expect-error.js';
import { healthOf } from '../support/grpc-health.js';
import {
  type InferResponse,
  output,
  rawRequest,
  type StreamResponse,
  serve as serveGrpc,
} from '../support/grpc-peer.js';
import {
  ask,
  assertProblem,
  assertServes,
  binaryBody,
  input,
  rawExchange,
  serve,
  statusOf,
  TINY,
} from '../support/serving.js';
import { fixture } from '../support/torch.js';

/** A model that takes its time over large inputs. */
const SLOW = { slow: fixture('slow.onnx') };
const SIDE = 1500;
const slow = binaryBody(
  {
    inputs: [{ name: 'x0', datatype: 'FP32', shape: [SIDE, SIDE], parameters: { binary_data_size: SIDE * SIDE * 4 } }],
    parameters: { binary_data_output: true },
  },
  Buffer.alloc(SIDE * SIDE * 4),
);
const askSlow = (url: string) => ask(`${url}/v2/models/slow/infer`, 'POST', slow.body, slow.headers);
const slowRequest = Buffer.concat([
  Buffer.from(
    `POST /v2/models/slow/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${slow.body.length}\r\n` +
      `Inference-Header-Content-Length: ${slow.headers['inference-header-content-length']}\r\n\r\n`,
  ),
  slow.body,
]);

/** Resolves when as many calls have been made. */
async function calls(mock: { callCount(): number }, count: number): Promise<void> {
  while (mock.callCount() < count) await sleep(2);
}

describe('a client that goes away', () => {
  test("takes its requests with it, pipelined ones too, and nobody else's", async (t) => {
    const { url, port, engine } = await serve(t, { ...SLOW, ...TINY });
    const { mock } = t.mock.method(engine, 'infer');
    const others = askSlow(url);
    await calls(mock, 1);
    const socket = connect(port, '127.0.0.1');
    socket.write(slowRequest);
    socket.write(slowRequest);
    await calls(mock, 3);
    socket.destroy();
    const results = await Promise.allSettled(mock.calls.map(({ result }) => result));
    assert.equal(results[0]!.status, 'fulfilled');
    for (const result of results.slice(1)) {
      assert.ok(result.status === 'rejected' && result.reason instanceof InfernodeError);
      assert.equal(result.reason.code, 'INF_ABORTED');
    }
    assert.equal((await others).status, 200);
    await assertServes(url);
  });
});

test('every client gets its own answer, however many ask at once', async (t) => {
  const { url } = await serve(t, TINY);
  const tags = Array.from({ length: 300 }, (_, index) => index * 3);
  await Promise.all(
    tags.map(async (tag) => {
      const body = { id: `id-${tag}`, inputs: [input('x', 'FP32', [2], [tag, -tag])] };
      const { json } = await ask(`${url}/v2/models/tiny/infer`, 'POST', body);
      assert.deepEqual([json.id, json.outputs[0].data], [`id-${tag}`, [2 * tag + 1, 1 - 2 * tag]]);
    }),
  );
});

describe('the repository', () => {
  test('is listed, and loads nothing that a request brings along', async (t) => {
    const { url, engine } = await serve(t, TINY);
    const loaded = t.mock.method(engine, 'loadModel', async () => {});
    const tiny = { name: 'tiny', version: '1', state: 'READY', reason: '' };
    for (const body of [undefined, {}, { ready: true }]) {
      assert.deepEqual((await ask(`${url}/v2/repository/index`, 'POST', body)).json, [tiny]);
    }
    assertProblem(
      await ask(`${url}/v2/repository/index`, 'POST', { ready: 'yes' }),
      400,
      'INF_REQUEST_INVALID',
      /ready/,
    );
    const load = (parameters: object) => ask(`${url}/v2/repository/models/tiny/load`, 'POST', { parameters });
    assertProblem(await load({ 'file:1/model.onnx': 'AAAA', config: '{}' }), 501, 'INF_REQUEST_UNSUPPORTED');
    assertProblem(await load({ config: '{' }), 400, 'INF_REQUEST_INVALID', /^parameters\.config is not JSON$/);
    assertProblem(await load({ config: '{"wramup":1}' }), 422, 'INF_MODEL_CONFIG', /warmup/);
    const path = JSON.stringify({ processing: { labels: '/etc/passwd' } });
    assertProblem(await load({ config: path }), 400, 'INF_REQUEST_INVALID', /labels/);
    assert.equal(loaded.mock.callCount(), 0);
    const labels = { processing: { labels: ['a', 'b'] }, warmup: 2 };
    assert.equal((await load({ config: JSON.stringify(labels) })).status, 200);
    assert.deepEqual(loaded.mock.calls[0]!.arguments, ['tiny', { warmup: 2, processing: { labels: ['a', 'b'] } }]);
  });

  test('is left alone where requests may not change it', async (t) => {
    const { url } = await serve(t, TINY);
    assertProblem(await ask(`${url}/v2/repository/models/tiny/load`, 'POST'), 403, 'INF_FORBIDDEN');
    assertProblem(await ask(`${url}/v2/repository/models/tiny/unload`, 'POST', {}), 403, 'INF_FORBIDDEN');
    await assertServes(url);
  });
});

describe('closing', () => {
  test('says so first, lets requests finish, and takes no others', async (t) => {
    const { url, port, server, engine } = await serve(t, { ...SLOW, ...TINY });
    const { mock } = t.mock.method(engine, 'infer');
    const kept = connect(port, '127.0.0.1');
    let received = '';
    kept.setEncoding('latin1').on('data', (text) => {
      received += text;
    });
    const running = askSlow(url);
    await calls(mock, 1);
    // A connection that is in the middle of a request when the server closes.
    kept.write('POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{');
    await sleep(50);
    const readyRequest = connect(port, '127.0.0.1').setEncoding('latin1');
    let ready = '';
    readyRequest.on('data', (text) => {
      ready += text;
    });
    readyRequest.write('GET /v2/health/ready HTTP/1.1\r\nHost: loc');
    await sleep(50);
    const closed = server.close();
    readyRequest.write('alhost\r\n\r\n');
    kept.write('}');
    const answer = await running;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('connection'), 'close');
    await closed;
    assert.equal(statusOf(ready), 503, ready);
    assert.match(ready, /retry-after: 1/i);
    assert.match(ready, /"error":"The server is shutting down"/);
    assert.ok([400, 503].includes(statusOf(received)), received);
    await assert.rejects(fetch(`${url}/v2`));
  });

  test('cuts what takes longer than the grace', async (t) => {
    const { port, server } = await serve(t, TINY);
    const open = rawExchange(
      port,
      'POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{',
    );
    await sleep(50);
    await server.close(100);
    assert.equal(statusOf(await open), 0);
  });
});

describe('draining', () => {
  test('is not ready, and still answers, so that nobody is turned away', async (t) => {
    const { url, server } = await serve(t, TINY);
    server.drain();
    for (const path of ['health/ready', 'models/tiny/ready', 'models/tiny/versions/1/ready']) {
      assertProblem(await ask(`${url}/v2/${path}`), 503, 'INF_SHUTTING_DOWN');
      assert.equal((await ask(`${url}/v2/${path}`, 'HEAD')).status, 503);
    }
    assert.equal((await ask(`${url}/v2/health/live`)).status, 200);
    await assertServes(url);
    // The next request of this client finds another server.
    assert.equal((await ask(`${url}/v2/models/tiny`)).headers.get('connection'), 'close');
    await server.close();
    await assert.rejects(fetch(`${url}/v2`));
    server.drain();
    await rejects(server.listen(), 'INF_LISTEN_FAILED', 'closed');
  });

  test('is told to watchers over gRPC, where calls are still answered', async (t) => {
    const peer = await serveGrpc(TINY);
    t.after(() => peer.close());
    assert.equal(await healthOf(peer.port, ''), 'SERVING');
    peer.server.drain();
    assert.deepEqual([await healthOf(peer.port, ''), await healthOf(peer.port, 'tiny')], Array(2).fill('NOT_SERVING'));
    assert.deepEqual(await peer.call('ServerReady'), { ready: false });
    assert.deepEqual(await peer.call('ModelReady', { name: 'tiny' }), { ready: false });
    const answer = await peer.call<InferResponse>(
      'ModelInfer',
      rawRequest('tiny', { x: ['FP32', [1], Float32Array.of(1)] }),
    );
    assert.deepEqual(output(answer, 'output', Float32Array), Float32Array.of(3));
    const stream = peer.stream();
    stream.write(rawRequest('tiny', { x: ['FP32', [1], Float32Array.of(2)] }));
    const [{ infer_response: response }] = (await once(stream, 'data')) as [StreamResponse];
    assert.deepEqual(output(response, 'output', Float32Array), Float32Array.of(5));
    stream.end();
    await once(stream, 'end');
  });
});

test('an address that cannot be had is INF_LISTEN_FAILED', async (t) => {
  const { port, engine } = await serve(t, TINY);
  const server = await createServer({ engine, port });
  await rejects(server.listen(), 'INF_LISTEN_FAILED', String(port));
  await server.close();
});

describe('metrics', () => {
  test('are read by Prometheus, and have no series for models that do not exist', async (t) => {
    const { url } = await serve(t, TINY);
    await ask(`${url}/v2/models/evil/infer`, 'POST', {});
    await assertServes(url);
    const { headers, bytes } = await ask(`${url}/metrics`);
    assert.match(headers.get('content-type')!, /^text\/plain; version=/);
    const text = bytes.toString();
    for (const line of text.trim().split('\n')) {
      assert.match(line, /^(# (HELP|TYPE) infernode_\w+ .+|infernode_\w+(\{[^}]*\})? [-+\d.e]+|)$/);
    }
    assert.match(text, /infernode_queue_requests\{model="tiny",version="1"\} 0/);
    assert.match(text, /infernode_model_ready\{model="tiny",version="1"\} 1/);
    assert.match(text, /infernode_event_loop_delay_seconds\{quantile="0.99"\}/);
    assert.match(text, /infernode_process_memory_bytes\{kind="resident"\} \d+/);
    assert.doesNotMatch(text, /evil/);
  });

  test('are there only where they are asked for', async (t) => {
    const engine = await Engine.open({ models: TINY });
    const server = await createServer({ engine, port: 0, docs: false });
    t.after(() => Promise.all([server.close(), engine.close()]));
    const url = await server.listen();
    assertProblem(await ask(`${url}/metrics`), 404, 'INF_REQUEST_INVALID');
    assertProblem(await ask(`${url}/docs`), 404, 'INF_REQUEST_INVALID');
  });
});

test('the description of the API has every route', async (t) => {
  const { url } = await serve(t, TINY);
  const { json } = await ask(`${url}/docs/json`);
  assert.equal(json.openapi, '3.1.0');
  const model = ['', '/versions/{version}'].flatMap((version) =>
    ['', '/ready', '/config', '/stats', '/infer'].map((suffix) => `/v2/models/{model}${version}${suffix}`),
  );
  const others = ['/v2', '/v2/health/live', '/v2/health/ready', '/v2/models/stats', '/v2/repository/index', '/metrics'];
  const settings = ['/v2/trace/setting', '/v2/models/{model}/trace/setting', '/v2/logging'];
  const memory = ['/v2/systemsharedmemory', '/v2/cudasharedmemory'].flatMap((at) => [
    ...[at, `${at}/region/{region}`].flatMap((path) => [`${path}/status`, `${path}/unregister`]),
    `${at}/region/{region}/register`,
  ]);
  const control = ['load', 'unload'].map((verb) => `/v2/repository/models/{model}/${verb}`);
  assert.deepEqual(Object.keys(json.paths).sort(), [...model, ...others, ...settings, ...memory, ...control].sort());
  assert.deepEqual(Object.keys(json.paths['/v2/models/{model}/infer']), ['post']);
  assert.match((await ask(`${url}/docs`)).bytes.toString(), /Swagger UI/);
});

describe('requests are told apart', () => {
  test('by an id and a trace, if they are safe', async (t) => {
    const { url } = await serve(t, TINY);
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const answer = await ask(`${url}/v2`, 'GET', undefined, { 'x-request-id': 'my-id.1', traceparent: trace });
    assert.equal(answer.headers.get('x-request-id'), 'my-id.1');
    assert.equal(answer.headers.get('traceparent'), trace);
    const odd = await ask(`${url}/v2`, 'GET', undefined, { 'x-request-id': 'a\tb{}', traceparent: '00-x' });
    assert.match(odd.headers.get('x-request-id')!, /^[0-9a-f-]{36}$/);
    assert.equal(odd.headers.get('traceparent'), null);
  });
});

describe('the plugin in an application', () => {
  test('works under a prefix and leaves the other routes alone', async (t) => {
    const engine = await Engine.open({ models: TINY });
    const metrics = new MetricsObserver();
    const app = fastify();
    app.post('/mine', async ({ body }) => ({ got: body }));
    await app.register(inferencePlugin, { engine, metrics, prefix: '/models', apiKeys: ['key'] });
    t.after(async () => {
      await app.close();
      await engine.close();
      metrics.close();
    });
    const url = await app.listen({ port: 0 });
    assert.deepEqual((await ask(`${url}/mine`, 'POST', { a: 1 })).json, { got: { a: 1 } });
    const body = { inputs: [input('x', 'FP32', [1], [1])] };
    assertProblem(await ask(`${url}/models/v2/models/tiny/infer`, 'POST', body), 401, 'INF_UNAUTHENTICATED');
    const answer = await ask(`${url}/models/v2/models/tiny/infer`, 'POST', body, { 'x-api-key': 'key' });
    assert.deepEqual(answer.json.outputs[0].data, [3]);
    const docs = await ask(`${url}/models/docs/json`, 'GET', undefined, { 'x-api-key': 'key' });
    assert.ok(Object.keys(docs.json.paths).includes('/models/v2/health/live'), Object.keys(docs.json.paths).join());
    assert.equal((await ask(`${url}/elsewhere`)).json.statusCode, 404);
    const refused = fastify().register(inferencePlugin, { engine, maxTensor: 1 } as never);
    await rejects(Promise.resolve(refused.ready()), 'INF_OPTION_INVALID', 'did you mean "maxTensors"?');
    assertProblem(await ask(`${url}/models/v2`, 'PUT', undefined, { 'x-api-key': 'key' }), 405, 'INF_REQUEST_INVALID');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { adding, busy, pairing, picking, until } from '../support/served-models.js';
import { type Answer, ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

/** A request of rows of the busy model. */
const rows = (count: number, parameters: object = {}) => ({
  inputs: [input('x', 'FP32', [count, 1], new Array(count).fill(3))],
  parameters,
});
const infer = ({ url }: BothProtocols, model: string, body: object): Promise<Answer> =>
  ask(`${url}/v2/models/${model}/infer`, 'POST', body);
const pick = (x: number) => ({ inputs: [input('x', 'INT64', [1], [x])] });

describe('metrics', () => {
  test('of requests, by what became of them over either protocol', async (t) => {
    const repository = await makeFolder(t, {
      'busy/1/model.onnx': busy(2000),
      'busy/model.json': '{"batching":{"maxSize":1,"maxQueue":3}}',
      'pick/1/model.onnx': picking(),
      'pair/1/model.onnx': pairing(),
    });
    const both = await serveBoth(t, { repository });
    const { engine, metric, call, url } = both;
    await engine.started;
    const count = (model: string, outcome: string) =>
      metric(`infernode_requests_total{model="${model}",version="1",outcome="${outcome}"}`);

    assert.equal((await infer(both, 'pick', pick(1))).json.outputs[0].data[0], 10);
    await call('ModelInfer', rawRequest('pick', { x: ['INT64', [1], BigInt64Array.of(0n)] }));
    assert.equal(await count('pick', 'success'), 2);
    assertProblem(await infer(both, 'pair', pick(7)), 500, 'INF_MODEL_FAILED');
    await refuses(
      call('ModelInfer', rawRequest('pair', { x: ['INT64', [1], BigInt64Array.of(7n)] })),
      'INF_MODEL_FAILED',
    );
    assert.equal(await count('pair', 'failed'), 2);
    assertProblem(await infer(both, 'pick', pick(7)), 400, 'INF_INPUT_VALUE');
    assertProblem(await infer(both, 'pick', rows(1)), 400, 'INF_INPUT_DTYPE');
    await refuses(
      call('ModelInfer', rawRequest('pick', { y: ['INT64', [1], BigInt64Array.of(0n)] })),
      'INF_INPUT_UNKNOWN',
    );
    assert.equal(await count('pick', 'invalid'), 3);
    assert.equal(
      await metric('infernode_executions_total{model="pair",version="1",outcome="failed",reason="single"}'),
      2,
    );

    // One runs, one is sent ahead or waits, three wait, and the others find no room.
    const flood = Array.from({ length: 12 }, () => infer(both, 'busy', rows(1)));
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    const answered = statuses.filter((status) => status === 200).length;
    assert.ok(answered >= 4 && answered < 12, `${statuses}`);
    assert.equal(statuses.filter((status) => status === 503).length, 12 - answered);
    assert.equal(await count('busy', 'success'), answered);
    assert.equal(await count('busy', 'rejected'), 12 - answered);

    const running = [infer(both, 'busy', rows(1)), infer(both, 'busy', rows(1)), infer(both, 'busy', rows(1))];
    assertProblem(await infer(both, 'busy', rows(1, { timeout: 1000 })), 504, 'INF_DEADLINE_EXCEEDED');
    await Promise.all(running);
    assert.equal(await count('busy', 'expired'), 1);

    const others = [infer(both, 'busy', rows(1)), infer(both, 'busy', rows(1)), infer(both, 'busy', rows(1))];
    await until(async () => (await metric('infernode_queue_requests{model="busy",version="1"}')) !== 0);
    const leaving = new AbortController();
    const left = fetch(`${url}/v2/models/busy/infer`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(rows(1)),
    }).catch(() => 'gone');
    await until(async () => (await metric('infernode_queue_requests{model="busy",version="1"}'))! > 1);
    leaving.abort();
    assert.equal(await left, 'gone');
    await Promise.all(others);
    await until(async () => (await count('busy', 'cancelled')) === 1);
    assert.equal(await metric('infernode_queue_requests{model="busy",version="1"}'), 0);
  });

  test('of queues and batches, in rows', async (t) => {
    const repository = await makeFolder(t, {
      'busy/1/model.onnx': busy(300),
      'busy/model.json': '{"batching":{"maxSize":4,"preferredSizes":[4]}}',
      'lone/1/model.onnx': adding(1),
      'lone/model.json': '{"batching":{"maxSize":1}}',
    });
    const both = await serveBoth(t, { repository });
    await both.engine.started;
    const of = (name: string) => both.metric(`infernode_${name}{model="busy",version="1"}`);
    assert.equal(await of('batch_max_rows'), 4);
    assert.equal(await both.metric('infernode_batch_max_rows{model="lone",version="1"}'), 1);
    const first = infer(both, 'busy', rows(4));
    const others = Array.from({ length: 6 }, () => infer(both, 'busy', rows(2)));
    await until(async () => (await of('queue_rows'))! > 0);
    for (const { status } of await Promise.all([first, ...others])) assert.equal(status, 200);
    assert.equal(await of('queue_rows'), 0);
    assert.equal(await of('inferences_total'), 16);
    assert.equal(await of('batch_rows_sum'), 16);
    const calls = await of('batch_rows_count');
    assert.ok(calls! < 7, `${calls} calls for 7 requests`);
    const served = both.engine.model('busy').model.statistics;
    assert.equal(calls, served.executionCount);
    assert.equal(await of('compute_duration_seconds_count'), calls);
    assert.ok((await of('compute_duration_seconds_sum'))! > 0);
    assert.equal(await of('queue_duration_seconds_count'), 7);
    assert.ok((await of('queue_duration_seconds_sum'))! > 0);
    assert.ok((await of('request_duration_seconds_sum'))! > (await of('queue_duration_seconds_sum'))!);
  });

  test('of models that are gone go too, and there are none of models that never were', async (t) => {
    const repository = await makeFolder(t, { 'pick/1/model.onnx': picking() });
    const both = await serveBoth(t, { repository, mode: 'explicit' });
    const { engine, metric, url } = both;
    await engine.started;
    const series = async () => {
      const text = (await ask(`${url}/metrics`)).bytes.toString();
      return text.split('\n').filter((line) => line.includes('model="pick"'));
    };
    assert.deepEqual(await series(), ['infernode_model_ready{model="pick",version="1"} 0']);
    await ask(`${url}/v2/repository/models/pick/load`, 'POST');
    await infer(both, 'pick', pick(0));
    assert.equal(await metric('infernode_inferences_total{model="pick",version="1"}'), 1);
    await ask(`${url}/v2/repository/models/pick/unload`, 'POST');
    assert.deepEqual(await series(), ['infernode_model_ready{model="pick",version="1"} 0']);
    await ask(`${url}/v2/repository/models/pick/load`, 'POST');
    assert.equal(await metric('infernode_queue_rows{model="pick",version="1"}'), 0);
    await infer(both, 'pick', pick(0));
    assert.equal(await metric('infernode_inferences_total{model="pick",version="1"}'), 1);
    for (const name of ['evil', 'evil"} 1']) {
      await infer(both, encodeURIComponent(name), pick(0));
      await ask(`${url}/v2/repository/models/${encodeURIComponent(name)}/load`, 'POST');
    }
    assert.doesNotMatch((await ask(`${url}/metrics`)).bytes.toString(), /evil/);
  });
});

test('statistics of each version, in the units of the protocol, are the same over both protocols', async (t) => {
  const repository = await makeFolder(t, {
    'busy/1/model.onnx': busy(20),
    'busy/2/model.onnx': busy(40),
    'busy/model.json': '{"versions":"all","batching":{"maxSize":4,"preferredSizes":[4]}}',
  });
  const both = await serveBoth(t, { repository });
  const { engine, url, call } = both;
  await engine.started;
  const begun = Date.now();
  for (const version of [1, 2]) {
    const sizes = version === 1 ? [4, 2, 1, 1] : [4];
    const answers = sizes.map((size) => ask(`${url}/v2/models/busy/versions/${version}/infer`, 'POST', rows(size)));
    for (const { json } of await Promise.all(answers)) assert.equal(json.model_version, String(version));
  }
  assertProblem(await infer(both, 'busy', { inputs: [] }), 400, 'INF_INPUT_MISSING');
  // Newest without a version, and it is the last version that failed.
  const { model_stats: stats } = (await ask(`${url}/v2/models/busy/stats`)).json;
  assert.deepEqual(
    stats.map(({ name, version, inference_count }: { name: string; version: string; inference_count: number }) => [
      name,
      version,
      inference_count,
    ]),
    [
      ['busy', '1', 8],
      ['busy', '2', 4],
    ],
  );
  const [first, second] = stats;
  assert.ok(first.execution_count >= 2 && first.execution_count <= 4, `${first.execution_count}`);
  assert.ok(first.last_inference >= begun && first.last_inference <= Date.now());
  const { success, fail, queue, compute_input, compute_infer, compute_output } = first.inference_stats;
  for (const { count } of [success, queue, compute_input, compute_infer, compute_output]) assert.equal(count, 4);
  assert.equal(fail.count, 0);
  assert.equal(second.inference_stats.fail.count, 1);
  for (const { ns } of [success, queue, compute_infer]) assert.ok(Number.isInteger(ns) && ns > 0, `${ns}`);
  // Nanoseconds: what a request spends with the model is most of its time, and a call takes a tenth of a millisecond at least.
  assert.ok(compute_infer.ns > 100_000 && compute_infer.ns <= success.ns, `${compute_infer.ns} of ${success.ns}`);
  type Batch = { batch_size: number; compute_infer: { count: number; ns: number } };
  const batches: Batch[] = first.batch_stats;
  assert.equal(
    batches.reduce((sum, { batch_size, compute_infer: { count } }) => sum + batch_size * count, 0),
    8,
  );
  assert.equal(
    batches.reduce((sum, { compute_infer: { count } }) => sum + count, 0),
    first.execution_count,
  );
  assert.deepEqual(
    second.batch_stats.map(({ batch_size }: Batch) => batch_size),
    [4],
  );
  const only = await ask(`${url}/v2/models/busy/versions/2/stats`);
  assert.deepEqual(only.json.model_stats, [second]);
  assert.deepEqual((await ask(`${url}/v2/models/stats`)).json.model_stats, stats);
  assertProblem(await ask(`${url}/v2/models/busy/versions/3/stats`), 404, 'INF_MODEL_NOT_FOUND');

  // gRPC fills fields in that are not there.
  type Grpc = {
    model_stats: { name: string; inference_stats: object; batch_stats: object[]; memory_usage: object[] }[];
  };
  for (const request of [{}, { name: 'busy' }]) {
    const { model_stats } = await call<Grpc>('ModelStatistics', request);
    assert.equal(model_stats.length, 2);
    assert.deepEqual(model_stats[0]!.inference_stats, first.inference_stats);
    assert.deepEqual(model_stats[0]!.batch_stats, first.batch_stats);
    assert.deepEqual(model_stats[0]!.memory_usage, first.memory_usage);
  }
  await refuses(call('ModelStatistics', { name: 'busy', version: '3' }), 'INF_MODEL_NOT_FOUND');
});

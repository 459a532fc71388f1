import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { busy, until } from '../support/served-models.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

const MAX_QUEUE = 16;

interface BusyServer extends BothProtocols {
  /** Requests that have come to the engine. */
  readonly arrived: () => number;
}

/** A server of a model that takes one row at a time, as long as `steps` say, and lets few requests wait. */
async function serveBusy(t: TestContext, steps: number): Promise<BusyServer> {
  const batching = { maxSize: 1, maxQueue: MAX_QUEUE };
  const repository = await makeFolder(t, {
    'busy/1/model.onnx': busy(steps),
    'busy/model.json': JSON.stringify({ batching }),
  });
  const both = await serveBoth(t, { repository });
  await both.engine.started;
  const { mock } = t.mock.method(both.engine, 'infer');
  return { ...both, arrived: () => mock.callCount() };
}

const body = (parameters: object = {}) => ({ inputs: [input('x', 'FP32', [1, 1], [3])], parameters });
const overHttp = ({ url }: BothProtocols, parameters?: object) =>
  ask(`${url}/v2/models/busy/infer`, 'POST', body(parameters));
const message = (parameters: object = {}) =>
  rawRequest('busy', { x: ['FP32', [1, 1], Float32Array.of(3)] }, { parameters });
const waiting = ({ engine }: BothProtocols) => engine.model('busy').model.waiting.requests;
const failures = ({ engine }: BothProtocols) => engine.model('busy').model.statistics.failures;

/** Lets requests run and wait until the test has made its own; they are more urgent than others. */
async function occupy(both: BusyServer, requests = 8): Promise<() => Promise<void>> {
  const before = both.arrived();
  const others = Array.from({ length: requests }, () => overHttp(both, { priority: 1 }));
  await until(() => both.arrived() === before + requests);
  return async () => {
    for (const answer of await Promise.all(others)) assert.equal(answer.status, 200);
  };
}

/** Sends requests on connections of 8 at a time, and counts the answers by status. */
async function flood(url: string, requests: number): Promise<Map<number, number>> {
  const json = JSON.stringify(body());
  const head = 'POST /v2/models/busy/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const one = `${head}Content-Length: ${json.length}\r\n\r\n${json}`;
  const counts = new Map<number, number>();
  const each = 8;
  const connections = Array.from({ length: requests / each }, async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1');
    let received = '';
    const answers = () => [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('data', (text) => {
        received += text;
        if (answers().length === each) resolve();
      });
      socket.write(one.repeat(each));
    });
    socket.destroy();
    for (const code of answers()) counts.set(code, (counts.get(code) ?? 0) + 1);
  });
  await Promise.all(connections);
  return counts;
}

/** The longest queue that was seen until the work is done. */
async function longestQueue(both: BothProtocols, work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    longest = Math.max(longest, waiting(both));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return longest;
}

describe('more requests than a model can take', () => {
  test('of 2,000 over HTTP, some are answered, the others told to come back, and the next is served', async (t) => {
    const both = await serveBusy(t, 50);
    const flooding = flood(both.url, 2000);
    const longest = await longestQueue(both, flooding);
    const counts = await flooding;
    assert.deepEqual([...counts.keys()].sort(), [200, 503]);
    assert.equal(counts.get(200)! + counts.get(503)!, 2000);
    assert.ok(longest > 1 && longest <= MAX_QUEUE, `${longest} waited`);
    assert.equal(failures(both).rejected, counts.get(503));
    assert.deepEqual((await overHttp(both)).json.outputs[0].data, [3]);
    assert.equal(waiting(both), 0);
  });

  test('of 2,000 over gRPC, too', async (t) => {
    const both = await serveBusy(t, 50);
    const codes = new Map<number, number>();
    const count = (code: number) => codes.set(code, (codes.get(code) ?? 0) + 1);
    const calls = Promise.all(
      Array.from({ length: 2000 }, () =>
        both.call('ModelInfer', message()).then(
          () => count(status.OK),
          ({ code }: ServiceError) => count(code),
        ),
      ),
    );
    const longest = await longestQueue(both, calls);
    assert.deepEqual([...codes.keys()].sort(), [status.OK, status.RESOURCE_EXHAUSTED]);
    assert.ok(longest > 1 && longest <= MAX_QUEUE, `${longest} waited`);
    await both.call('ModelInfer', message());
    assert.equal(waiting(both), 0);
  });

  test('are told when to come back', async (t) => {
    const both = await serveBusy(t, 1500);
    // From now on it is known what a call costs.
    assert.equal((await overHttp(both)).status, 200);
    const rest = await occupy(both, MAX_QUEUE + 2);
    // A place may become free meanwhile, but not four.
    const calls = Array.from({ length: 4 }, () => both.call('ModelInfer', message()));
    const requests = Array.from({ length: 4 }, () => overHttp(both));
    const error = await Promise.any(
      calls.map((call) =>
        call.then(
          (answer) => Promise.reject(answer),
          (reason: ServiceError) => reason,
        ),
      ),
    );
    const answer = await Promise.any(
      requests.map(async (request) => {
        const answer = await request;
        return answer.status === 503 ? answer : Promise.reject(answer);
      }),
    );
    assertProblem(answer, 503, 'INF_QUEUE_FULL', /wait already/);
    assert.match(answer.headers.get('retry-after')!, /^[1-9]\d*$/);
    assert.deepEqual(error.metadata.get('infernode-code'), ['INF_QUEUE_FULL']);
    assert.match(String(error.metadata.get('grpc-retry-pushback-ms')[0]), /^[1-9]\d*$/);
    await Promise.allSettled([...calls, ...requests, rest()]);
  });
});

describe('requests that wait', () => {
  test('are served by their priority, whichever way they came', async (t) => {
    const both = await serveBusy(t, 1000);
    const rest = await occupy(both);
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    const last = overHttp(both, { priority: 9 }).then(note('9'));
    await until(() => both.arrived() === 9);
    await Promise.all([
      last,
      overHttp(both).then(note('5')),
      both.call('ModelInfer', message({ priority: { uint64_param: 2 } })).then(note('2')),
    ]);
    await rest();
    assert.deepEqual(order, ['2', '5', '9']);
  });

  test('longer than they say are refused, by the time that they give and by the deadline of a call', async (t) => {
    const both = await serveBusy(t, 1000);
    const rest = await occupy(both);
    assertProblem(await overHttp(both, { timeout: 2000 }), 504, 'INF_DEADLINE_EXCEEDED', /its time is over/);
    await refuses(both.call('ModelInfer', message({ timeout: { int64_param: 2000 } })), 'INF_DEADLINE_EXCEEDED');
    assert.equal(failures(both).expired, 2);
    const deadline = both.call('ModelInfer', message(), { deadline: Date.now() + 20 });
    await assert.rejects(deadline, { code: status.DEADLINE_EXCEEDED });
    // Whichever is first: the server's own timer, or the word of the client.
    await until(() => failures(both).expired + failures(both).cancelled === 3);
    await rest();
  });

  test('leave with their clients, over HTTP and gRPC', async (t) => {
    const both = await serveBusy(t, 1000);
    const rest = await occupy(both);
    const socket = connect(Number(new URL(both.url).port), '127.0.0.1');
    const json = JSON.stringify(body({ priority: 9 }));
    const head = 'POST /v2/models/busy/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    socket.write(`${head}Content-Length: ${json.length}\r\n\r\n${json}`);
    const giveUp = new AbortController();
    const call = both.call('ModelInfer', message({ priority: { int64_param: 9 } }), { signal: giveUp.signal });
    await until(() => both.arrived() === 10);
    socket.destroy();
    giveUp.abort();
    await assert.rejects(call, { code: status.CANCELLED });
    await until(() => failures(both).cancelled === 2);
    await rest();
    assert.equal(both.engine.model('busy').model.statistics.success.count, 8);
    assert.equal(await both.metric('infernode_requests_total{model="busy",version="1",outcome="cancelled"}'), 2);
  });
});

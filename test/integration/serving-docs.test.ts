import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer, Engine, MetricsObserver } from 'infernode/server';
import { adding, busy, pairing } from '../support/served-models.js';
import { ask, input, rawExchange, statusOf } from '../support/serving.js';
import { repository } from '../support/test-data.js';
import { makeFolder } from '../unit/support/files.js';

const page = readFileSync(join(repository, 'docs/SERVING.md'), 'utf8');

/** The cells of the rows of a table, by its heading. */
function table(heading: string): string[][] {
  const [, rows] = page.split(`\n${heading}\n`);
  assert.ok(rows, `no table ${heading}`);
  const lines = rows.slice(0, rows.indexOf('\n\n')).split('\n').slice(1);
  return lines.map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

async function open(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>) {
  const metrics = new MetricsObserver();
  const engine = await Engine.open({
    repository: await makeFolder(t, files),
    mode: 'explicit',
    startup: ['net', 'pair', 'busy'],
    threads: 1,
    observe: metrics.observe,
  });
  const limits = { bodyLimit: 10_000, headersTimeoutMs: 400, requestTimeoutMs: 5000 };
  const server = await createServer({ engine, metrics, port: 0, ...limits });
  const keyed = await createServer({ engine, port: 0, apiKeys: ['key'] });
  const [url, keyedUrl] = await Promise.all([server.listen(), keyed.listen()]);
  t.after(async () => {
    await Promise.all([server.close(1000), keyed.close(1000)]);
    await engine.close();
    metrics.close();
  });
  return { url, keyedUrl };
}

const JSON_TYPE = { 'content-type': 'application/json' };

const FILES = {
  'net/1/model.onnx': adding(1),
  'net/2/model.onnx': adding(2),
  'pair/1/model.onnx': pairing(),
  'busy/1/model.onnx': busy(2000),
  'busy/model.json': '{"batching": {"maxSize": 1}}',
  'bad/1/model.onnx': 'nothing of a model',
};

test('the statuses of SERVING.md are those that a server answers with', async (t) => {
  const { url, keyedUrl } = await open(t, FILES);
  const one = { inputs: [input('x', 'FP32', [1], [0])] };
  const rows = { inputs: [input('x', 'FP32', [1, 1], [0])] };
  const net = `${url}/v2/models/net/infer`;
  const raw = async (start: string, end = '\r\n') => {
    const head = `${start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
    return statusOf(await rawExchange(Number(new URL(url).port), head + end));
  };
  const status = async (...request: Parameters<typeof ask>) => (await ask(...request)).status;
  const late = async () => {
    const first = ask(`${url}/v2/models/busy/infer`, 'POST', rows);
    const impatient = { ...rows, parameters: { timeout: 1000 } };
    const others = Array.from({ length: 5 }, () => ask(`${url}/v2/models/busy/infer`, 'POST', impatient));
    await first;
    return (await Promise.all(others)).at(-1)!.status;
  };
  const pair = { inputs: [input('x', 'INT64', [1], [0])] };
  const seen: Readonly<Record<string, (() => Promise<number>)[]>> = {
    200: [() => status(net, 'POST', one)],
    400: [() => status(net, 'POST', '{', JSON_TYPE), () => status(net, 'POST', {}), () => status(net, 'POST', rows)],
    401: [() => status(`${keyedUrl}/v2`)],
    403: [() => status(net, 'POST', one, { origin: 'https://elsewhere.example' })],
    404: [
      () => status(`${url}/v3`),
      () => status(`${url}/v2/models/nett`),
      () => status(`${url}/v2/models/net/versions/1`),
      () => status(`${url}/v2/models/net/versions/7`),
    ],
    405: [() => status(net)],
    408: [() => raw('GET /v2', '')],
    413: [() => status(net, 'POST', ' '.repeat(10_001), JSON_TYPE)],
    414: [() => status(`${url}/v2/models/${'a'.repeat(1025)}`)],
    415: [
      () => status(net, 'POST', '{}', { 'content-type': 'text/plain' }),
      () => status(net, 'POST', '{}', { 'content-encoding': 'br' }),
    ],
    417: [() => raw('POST /v2/models/net/infer', 'Expect: more\r\nContent-Length: 0\r\n\r\n')],
    422: [
      () => status(`${url}/v2/repository/models/bad/load`, 'POST', {}),
      () => status(`${url}/v2/repository/models/net/load`, 'POST', { parameters: { config: '{"threads": "x"}' } }),
    ],
    431: [() => raw('GET /v2', `X-Large: ${'a'.repeat(16_400)}\r\n\r\n`), () => raw(`GET /${'a'.repeat(16_400)}`)],
    500: [() => status(`${url}/v2/models/pair/infer`, 'POST', pair)],
    501: [() => status(`${url}/v2/systemsharedmemory/region/r/register`, 'POST', {})],
    503: [() => status(`${url}/v2/models/bad/infer`, 'POST', one)],
    504: [late],
  };
  for (const [expected, requests] of Object.entries(seen)) {
    for (const [index, request] of requests.entries()) {
      assert.equal(await request(), Number(expected), `${expected}, request ${index}`);
    }
  }
  const told = table('| Status | When |').map(([cell]) => /^\d+/.exec(cell!)![0]);
  assert.deepEqual(['200', ...told], Object.keys(seen));
});

test('the headers that SERVING.md has with statuses are there', async (t) => {
  const { url } = await open(t, FILES);
  const names: Readonly<Record<string, string>> = { 405: `${url}/v2/repository/index`, 503: `${url}/v2/models/bad` };
  const told = table('| Status | When |').flatMap(([cell]) => {
    const [, status, header] = /^(\d+) with `([\w-]+)`$/.exec(cell!) ?? [];
    return status === undefined ? [] : [[status, header!] as const];
  });
  assert.deepEqual(
    told.map(([status]) => status),
    Object.keys(names),
  );
  for (const [status, header] of told) {
    const answer = await ask(names[status]!);
    assert.equal(answer.status, Number(status));
    assert.ok(answer.headers.has(header), `${status} has no ${header}`);
  }
});

test('the metrics of SERVING.md are those of /metrics, with their types and labels', async (t) => {
  const { url } = await open(t, FILES);
  assert.equal(
    (await ask(`${url}/v2/models/net/infer`, 'POST', { inputs: [input('x', 'FP32', [1], [0])] })).status,
    200,
  );
  const text = (await ask(`${url}/metrics`)).bytes.toString();
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name!, type!]));
  const told = table('| Name | Type | Labels | What |').map(([name, type, labels]) => ({
    name: name!.replaceAll('`', ''),
    type: type!,
    labels: [...labels!.matchAll(/\w+/g)].map(([label]) => label).sort(),
  }));
  assert.deepEqual(told.map(({ name }) => name).sort(), [...types.keys()].sort());
  for (const { name, type, labels } of told) {
    assert.equal(type, types.get(name), name);
    const series = new RegExp(`^${name}${type === 'histogram' ? '_sum' : ''}\\{(.*?)\\} `, 'm').exec(text)?.[1];
    // Of GPUs there may be none.
    if (series === undefined) assert.match(name, /^infernode_(gpu|cuda)_/);
    else assert.deepEqual([...series.matchAll(/(\w+)="/g)].map(([, label]) => label!).sort(), labels, name);
  }
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, loadPackageDefinition, Metadata, type ServiceClientConstructor } from '@grpc/grpc-js';
import { definition } from '../support/grpc-peer.js';
import { ask, assertProblem, assertServes, binaryBody, rawExchange, TINY } from '../support/serving.js';
import { repository } from '../support/test-data.js';
import { fixture } from '../support/torch.js';

interface Command {
  readonly child: ChildProcess;
  /** Standard output and standard error so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly exit: Promise<number | null>;
}

/** Runs `infernode serve` as a user does. */
function start(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Command {
  const child = spawn(process.execPath, [join(repository, 'dist/cli/main.js'), 'serve', '--port', '0', ...args], {
    cwd: repository,
    env: { ...process.env, INFERNODE_DEBUG: '', INFERNODE_API_KEYS: '', ...env },
  });
  t.after(() => child.kill('SIGKILL'));
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  return { child, out: () => out, err: () => err, exit: once(child, 'close').then(([code]) => code) };
}

/** The URL, once the server listens. */
async function urlOf({ child, out, err }: Command): Promise<string> {
  for (;;) {
    const [url] = /http:\/\/[\d.]+:\d+/.exec(out()) ?? [];
    if (url !== undefined) return url;
    assert.equal(child.exitCode, null, err());
    await sleep(10);
  }
}

const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

/** Whether a gRPC server says that a model is ready. */
function grpcReady(address: string, key: string): Promise<boolean> {
  const { inference } = loadPackageDefinition(definition) as unknown as {
    inference: { GRPCInferenceService: ServiceClientConstructor };
  };
  const client = new inference.GRPCInferenceService(address, credentials.createInsecure());
  return new Promise<boolean>((resolve, reject) => {
    const headers = Metadata.fromHttp2Headers({ 'x-api-key': key });
    client.ModelReady!({ name: 'tiny' }, headers, (error: Error | null, answer: { ready: boolean }) =>
      error === null ? resolve(answer.ready) : reject(error),
    );
  }).finally(() => client.close());
}

const SIDE = 1500;
const slow = binaryBody(
  {
    inputs: [{ name: 'x0', datatype: 'FP32', shape: [SIDE, SIDE], parameters: { binary_data_size: SIDE * SIDE * 4 } }],
  },
  Buffer.alloc(SIDE * SIDE * 4),
);

describe('infernode serve', () => {
  test('says where it listens and what it serves, and ends well at SIGTERM', async (t) => {
    const command = start(t, ['models/shapes', `mine=${TINY.tiny}`, '--backend', 'onnx']);
    const url = await urlOf(command);
    assert.match(
      command.out(),
      new RegExp(`listens on ${url} \\(API: ${url}/docs\\)\\n {2}mine +1 +READY\\n {2}shapes +1 +READY\\n`),
    );
    assert.equal((await ask(`${url}/v2/models/mine`)).json.platform, 'onnxruntime_onnx');
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
    assert.equal(command.err(), '');
  });

  test('speaks gRPC where it is given a port', async (t) => {
    const command = start(t, [TINY.tiny, '--grpc-port', '0', '--api-key', 'key']);
    await urlOf(command);
    while (!command.out().includes('READY')) await sleep(10);
    const [, address] = /gRPC on (127\.0\.0\.1:\d+)\n/.exec(command.out())!;
    assert.equal(await grpcReady(address!, 'key'), true);
    await assert.rejects(grpcReady(address!, 'wrong'), /UNAUTHENTICATED/);
    const { port } = new URL(`http://${address}`);
    const busy = start(t, [TINY.tiny, '--grpc-port', port]);
    assert.equal(await busy.exit, 1);
    assert.match(busy.err(), /INF_LISTEN_FAILED/);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
  });

  test('finishes what runs, and what is asked with --json is JSON', async (t) => {
    const command = start(t, [fixture('slow.onnx'), '--json']);
    const url = await urlOf(command);
    const { http, models } = JSON.parse(command.out());
    assert.equal(http, url);
    assert.deepEqual(models, [{ name: 'slow', version: 1, state: 'READY', reason: '' }]);
    const running = ask(`${url}/v2/models/slow/infer`, 'POST', slow.body, slow.headers);
    // Until the request is there: the first byte of the answer comes long after.
    while (!/pending_requests\{model="slow",version="1"\} 1/.test((await ask(`${url}/metrics`)).bytes.toString()))
      await sleep(5);
    command.child.kill('SIGINT');
    assert.equal((await running).status, 200);
    assert.equal(await command.exit, 0);
  });

  test('a second signal ends it at once', async (t) => {
    const command = start(t, [TINY.tiny]);
    const { port } = new URL(await urlOf(command));
    const open = rawExchange(
      Number(port),
      'POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{',
    );
    await sleep(100);
    command.child.kill('SIGTERM');
    await sleep(100);
    assert.equal(command.child.exitCode, null);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 1);
    await open;
  });

  test('logs one JSON document a line, without keys, whatever clients send', async (t) => {
    const command = start(t, [TINY.tiny, '--log-level', 'info', '--api-key', 'secret-1'], {
      INFERNODE_API_KEYS: 'secret-2, secret-3',
    });
    const url = await urlOf(command);
    const ids: (string | null)[] = [];
    for (const key of ['secret-1', 'secret-2', 'secret-3']) {
      const answer = await ask(`${url}/v2`, 'GET', undefined, { 'x-api-key': key, traceparent: TRACE });
      assert.equal(answer.status, 200);
      ids.push(answer.headers.get('x-request-id'));
    }
    const { port } = new URL(url);
    await rawExchange(
      Number(port),
      'GET /v2/models/a%0d%0a{"level":30,"evil":1}%1b[31m/ready HTTP/1.1\r\nHost: localhost\r\nX-API-Key: secret-1\r\nX-Request-Id: a\\n{"evil":1}\r\nConnection: close\r\n\r\n',
    );
    assertProblem(
      await ask(`${url}/v2`, 'GET', undefined, { authorization: 'Bearer wrong-secret' }),
      401,
      'INF_UNAUTHENTICATED',
    );
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
    const lines = command
      .err()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(lines.length >= 5);
    for (const id of ids) assert.ok(lines.some(({ reqId, req }) => reqId === id && req?.traceparent === TRACE));
    assert.ok(lines.every((line) => line.evil === undefined));
    assert.doesNotMatch(command.err(), /secret/);
    assert.ok(!command.err().includes('\x1b'));
  });

  test('needs a key to listen to other machines, and serves them with one', async (t) => {
    const refused = start(t, [TINY.tiny, '--host', '0.0.0.0']);
    assert.equal(await refused.exit, 2);
    assert.match(refused.err(), /^error: Without API keys.*INF_OPTION_INVALID/);
    const open = start(t, [TINY.tiny, '--host', '0.0.0.0', '--insecure', '--no-docs']);
    const url = await urlOf(open);
    await assertServes(url);
    assertProblem(await ask(`${url}/docs`), 404, 'INF_REQUEST_INVALID');
  });

  const USAGE: [string[], RegExp][] = [
    [[], /nothing to serve/],
    [['x', '--port', '70000'], /0 to 65535/],
    [['x', '--mode', 'some'], /none, explicit, poll/],
    [['x', '--log-level', 'loud'], /silent/],
    [['a/m.onnx', 'b/m.onnx'], /Two models are named "m"/],
  ];

  test('bad usage is exit code 2', async (t) => {
    for (const [args, says] of USAGE) {
      const command = start(t, args);
      assert.equal(await command.exit, 2, args.join(' '));
      assert.match(command.err(), says);
    }
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { connect as netConnect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import { healthOf } from '../support/grpc-health.js';
import { connect, type InferResponse, output, rawRequest } from '../support/grpc-peer.js';
import { adding, busy, until } from '../support/served-models.js';
import { ask, assertProblem, assertServes, input, rawExchange, statusOf, TINY } from '../support/serving.js';
import { repository } from '../support/test-data.js';
import { fixture } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

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

const ONE_AT_A_TIME = '{"batching":{"maxSize":1}}';
const BUSY = { inputs: [input('x', 'FP32', [1, 1], [7])] };

/** Resolves when it says that the models of the start have been tried. */
async function loaded({ child, out, err }: Command): Promise<void> {
  while (!/Serves \d|"event":"loaded".*\n/.test(out())) {
    assert.equal(child.exitCode, null, err());
    await sleep(10);
  }
}

function untilMetric(url: string, says: RegExp): Promise<void> {
  return until(async () => says.test((await ask(`${url}/metrics`)).bytes.toString()));
}

describe('infernode serve', () => {
  test('says where it listens and what it serves, and ends well at SIGTERM', async (t) => {
    const command = start(t, ['models/shapes', `mine=${TINY.tiny}`, '--backend', 'onnx']);
    const url = await urlOf(command);
    await loaded(command);
    assert.match(
      command.out(),
      new RegExp(
        `listens on ${url} \\(API: ${url}/docs\\)\\nServes 2 of 2 models\\n {2}mine +1 +READY\\n {2}shapes +1 +READY\\n`,
      ),
    );
    assert.equal((await ask(`${url}/v2/models/mine`)).json.platform, 'onnxruntime_onnx');
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
    assert.equal(command.err(), '');
  });

  test('speaks gRPC where it is given a port', async (t) => {
    const command = start(t, [TINY.tiny, '--grpc-port', '0', '--api-key', 'key']);
    await loaded(command);
    const [, address] = /gRPC on (127\.0\.0\.1:\d+)\n/.exec(command.out())!;
    const { call, disconnect } = connect(Number(address!.split(':')[1]));
    const ready = (key: string) => call('ModelReady', { name: 'tiny' }, { metadata: { 'x-api-key': key } });
    assert.deepEqual(await ready('key'), { ready: true });
    await assert.rejects(ready('wrong'), /UNAUTHENTICATED/);
    disconnect();
    const { port } = new URL(`http://${address}`);
    const busy = start(t, [TINY.tiny, '--grpc-port', port]);
    assert.equal(await busy.exit, 1);
    assert.match(busy.err(), /^error: The gRPC server cannot listen on [^\n]*\(INF_LISTEN_FAILED\)\n$/);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
  });

  test('listens before models are loaded, says so with --json in one JSON document a line', async (t) => {
    const folder = await makeFolder(t, {
      'slow/1/model.onnx': busy(100),
      'slow/model.json': '{"warmup":300}',
      'bad/1/model.onnx': 'no model',
    });
    const command = start(t, ['--models', folder, '--grpc-port', '0', '--json']);
    const url = await urlOf(command);
    assert.equal((await ask(`${url}/v2/health/live`)).status, 200);
    assert.equal((await ask(`${url}/v2/health/ready`)).status, 503);
    const { event, http, grpc } = JSON.parse(command.out());
    assert.deepEqual([event, http], ['listening', url]);
    assert.equal(await healthOf(Number(grpc.split(':')[1]), ''), 'NOT_SERVING');
    await loaded(command);
    const [, line] = command.out().trim().split('\n');
    const { ready, models } = JSON.parse(line!);
    assert.equal(ready, false);
    assert.deepEqual(
      models.map(({ name, state }: { name: string; state: string }) => [name, state]),
      [
        ['bad', 'UNAVAILABLE'],
        ['slow', 'READY'],
      ],
    );
    assert.equal((await ask(`${url}/v2/models/slow/ready`)).status, 200);
  });

  test('ends at once while models are being loaded', async (t) => {
    const folder = await makeFolder(t, { 'slow/1/model.onnx': busy(100), 'slow/model.json': '{"warmup":300}' });
    const command = start(t, ['--models', folder]);
    await urlOf(command);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 0);
    assert.doesNotMatch(command.out(), /Serves/);
  });

  test('answers what waits at SIGTERM, refuses what comes after, and ends well', async (t) => {
    const folder = await makeFolder(t, { 'busy/1/model.onnx': busy(1500), 'busy/model.json': ONE_AT_A_TIME });
    const command = start(t, ['--models', folder, '--threads', '1', '--grpc-port', '0', '--json']);
    const url = await urlOf(command);
    await loaded(command);
    const { call, disconnect } = connect(Number(/"grpc":"[\d.]+:(\d+)"/.exec(command.out())![1]));
    const message = rawRequest('busy', { x: ['FP32', [1, 1], Float32Array.of(7)] });
    await call('ServerReady');
    const answers = [
      ...Array.from({ length: 6 }, () => ask(`${url}/v2/models/busy/infer`, 'POST', BUSY)),
      ...Array.from({ length: 2 }, () => call<InferResponse>('ModelInfer', message)),
    ];
    const socket = netConnect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1');
    let received = '';
    socket.on('data', (text) => {
      received += text;
    });
    const body = JSON.stringify(BUSY);
    const head = `POST /v2/models/busy/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const raw = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(raw.slice(0, 30));
    // Two are at the model.
    await untilMetric(url, /queue_requests\{model="busy",version="1"\} [4-7]\n/);
    command.child.kill('SIGTERM');
    await until(() =>
      fetch(`${url}/v2`).then(
        () => false,
        () => true,
      ),
    );
    socket.write(raw.slice(30));
    await assert.rejects(call('ModelInfer', message), { code: status.UNAVAILABLE });
    for (const answer of await Promise.all(answers)) {
      if ('status' in answer) assert.deepEqual([answer.status, answer.json.outputs[0].data], [200, [7]]);
      else assert.deepEqual(output(answer, 'y', Float32Array), Float32Array.of(7));
    }
    assert.equal(await command.exit, 0);
    assert.equal(statusOf(received), 503, received);
    assert.match(received, /"error":"The server is shutting down"/);
    disconnect();
  });

  test('waits no longer than the grace says', async (t) => {
    const folder = await makeFolder(t, { 'busy/1/model.onnx': busy(1500), 'busy/model.json': ONE_AT_A_TIME });
    const command = start(t, ['--models', folder, '--threads', '1', '--grace', '1']);
    const url = await urlOf(command);
    await loaded(command);
    const many = Array.from({ length: 100 }, () =>
      ask(`${url}/v2/models/busy/infer`, 'POST', BUSY).then(
        ({ status }) => status,
        () => 'cut',
      ),
    );
    await untilMetric(url, /queue_requests\{model="busy",version="1"\} [1-9]\d\n/);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, 1);
    const ends = await Promise.all(many);
    assert.ok(ends.includes(200) && ends.includes('cut'), ends.join());
    // 503 is for those that came after the signal.
    assert.ok(
      ends.every((end) => end === 200 || end === 503 || end === 'cut'),
      ends.join(),
    );
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
    assert.equal(await command.exit, null);
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
    assert.match(refused.err(), /^error: Without a key.*--api-key KEY, or --insecure.*INF_OPTION_INVALID/);
    const open = start(t, [TINY.tiny, '--host', '0.0.0.0', '--insecure', '--no-docs']);
    const url = await urlOf(open);
    await loaded(open);
    await assertServes(url);
    assertProblem(await ask(`${url}/docs`), 404, 'INF_REQUEST_INVALID');
  });

  test('a model that was named and cannot be served ends it, with the reason', async (t) => {
    const folder = await makeFolder(t, { 'net/1/model.onnx': 'no model', 'net/2/model.onnx': 'no model' });
    const unloadable = join(folder, 'net');
    const MISTAKES: [string[], RegExp][] = [
      [[join(folder, 'none.onnx')], /^error: There is no model at .*none\.onnx \(INF_MODEL_NOT_FOUND\)\n$/],
      [[fixture('tiny.pt'), '--backend', 'onnx'], /^error: .*tiny\.pt \(torchscript\).*\(INF_MODEL_FORMAT\)\n$/],
      [[TINY.tiny, '--device', 'cuda:999'], /^error: There is no device cuda:999.*\(INF_DEVICE_UNAVAILABLE\)\n$/],
      [[unloadable], /\nerror: Model "net" does not serve: .*model\.onnx.*\(INF_MODEL_NOT_READY\)\n$/],
      [[TINY.tiny, unloadable, '--mode', 'explicit'], /\nerror: Model "net" does not serve: .*\n$/],
    ];
    for (const [args, says] of MISTAKES) {
      const command = start(t, args);
      assert.equal(await command.exit, 1, args.join(' '));
      assert.match(command.err(), says);
    }
  });

  test('a model of the repository that is broken stops nobody, and is logged', async (t) => {
    const folder = await makeFolder(t, { 'bad/1/model.onnx': 'no model', 'net/1/model.onnx': adding(1) });
    const command = start(t, [TINY.tiny, '--models', folder]);
    const url = await urlOf(command);
    await loaded(command);
    assert.match(command.out(), /Serves 2 of 3 models\n/);
    await assertServes(url);
    await until(() => command.err().includes('\n'));
    const { level, model, version, reason, msg } = JSON.parse(command.err());
    assert.deepEqual([level, model, version, msg], [40, 'bad', 1, 'A model does not serve']);
    assert.ok(reason.includes(folder), reason);
  });

  test('models are counted, not their versions', async (t) => {
    const files = {
      'net/1/model.onnx': adding(1),
      'net/2/model.onnx': adding(2),
      'net/model.json': '{"versions":"all"}',
    };
    const command = start(t, ['--models', await makeFolder(t, files)]);
    await loaded(command);
    assert.match(command.out(), /Serves 1 of 1 model\n {2}net +1 +READY\n {2}net +2 +READY\n/);
  });

  test('in mode explicit, models that are named are loaded, others are not', async (t) => {
    const folder = await makeFolder(t, { 'net/1/model.onnx': adding(1) });
    const command = start(t, [TINY.tiny, '--models', folder, '--mode', 'explicit']);
    const url = await urlOf(command);
    await loaded(command);
    await assertServes(url);
    assert.equal((await ask(`${url}/v2/health/ready`)).status, 200);
    assertProblem(await ask(`${url}/v2/models/net/ready`), 503, 'INF_MODEL_NOT_READY');
  });

  test('after SIGTERM it still answers for the drain delay, but is not ready', async (t) => {
    const command = start(t, [TINY.tiny, '--drain-delay', '4', '--grpc-port', '0', '--json']);
    const url = await urlOf(command);
    await loaded(command);
    const grpcPort = Number(/"grpc":"[\d.]+:(\d+)"/.exec(command.out())![1]);
    command.child.kill('SIGTERM');
    await until(async () => (await ask(`${url}/v2/health/ready`)).status === 503);
    await assertServes(url);
    assert.equal(await healthOf(grpcPort, ''), 'NOT_SERVING');
    assert.equal(await command.exit, 0);
    await assert.rejects(fetch(`${url}/v2`));
  });

  test('a second signal ends it within the drain delay, too', async (t) => {
    const command = start(t, [TINY.tiny, '--drain-delay', '600']);
    const url = await urlOf(command);
    await loaded(command);
    command.child.kill('SIGTERM');
    await until(async () => (await ask(`${url}/v2/health/ready`)).status === 503);
    command.child.kill('SIGTERM');
    assert.equal(await command.exit, null);
  });

  test('speaks TLS over both protocols where it is given a certificate', async (t) => {
    const files = ['--tls-cert', fixture('tls/server.crt'), '--tls-key', fixture('tls/server.key')];
    const command = start(t, [TINY.tiny, ...files, '--grpc-port', '0', '--json']);
    await loaded(command);
    const { http, grpc } = JSON.parse(command.out().split('\n', 1)[0]!);
    assert.match(http, /^https:\/\/127/);
    const ca = await readFile(fixture('tls/authority.crt'));
    const [answer] = (await once(get(`${http}/v2/health/live`, { ca }), 'response')) as [IncomingMessage];
    assert.equal(answer.resume().statusCode, 200);
    const { call, disconnect } = connect(Number(grpc.split(':')[1]), ChannelCredentials.createSsl(ca));
    assert.deepEqual(await call('ServerLive'), { live: true });
    disconnect();
  });

  const USAGE: [string[], RegExp][] = [
    [[], /nothing to serve/],
    [['--models', '/no/such/folder'], /--models \/no\/such\/folder is no folder/],
    [['models'], /did you mean --models models\?/],
    [[`../x=${TINY.tiny}`], /"\.\.\/x".*path separator/],
    [[TINY.tiny, '--tls-cert', fixture('tls/server.crt')], /--tls-key/],
    [[TINY.tiny, '--drain-delay', '-1'], /whole number of seconds/],
    [['x', '--port', '70000'], /0 to 65535/],
    [['x', '--mode', 'some'], /none, explicit, poll/],
    [['x', '--log-level', 'loud'], /silent/],
    [['a/m.onnx', 'b/m.onnx'], /Two models are named "m"/],
    [[`shapes=${TINY.tiny}`, '--models', 'models'], /has a model "shapes" too, .*; give this one another name: NAME=/],
  ];

  test('bad usage is exit code 2', async (t) => {
    for (const [args, says] of USAGE) {
      const command = start(t, args);
      assert.equal(await command.exit, 2, args.join(' '));
      assert.match(command.err(), says);
    }
  });
});
